"""Passkeys and security keys as second factor.

References
----------
W3C Web Authentication, level 2; what is signed is checked by the library ``webauthn``.
"""

import base64
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from invivo import audit
from invivo.accounts.actor import Actor
from invivo.accounts.factor import ENROL_LASTS, WrongCode, enrolled, own_id
from invivo.accounts.once import make_once, take_once
from invivo.accounts.rate import charge, refund
from invivo.accounts.session import arrival_of, strengthen
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid

_LONGEST_ANSWER = 20_000
_MOST = 20


class PasskeyRefused(WrongCode):
    """What the browser sent does not prove the passkey."""

    code = "account.passkey-refused"


def has_place_for_passkeys(archive: Archive) -> bool:
    """Return whether browsers make passkeys for this archive's address: a name, by HTTPS or on this machine."""
    known = urlsplit(archive.settings.public_url)
    host = known.hostname or ""
    is_number = ":" in host or host.replace(".", "").isdigit()
    return not is_number and (known.scheme == "https" or host == "localhost")


def _site(archive: Archive) -> tuple[str, str]:
    known = urlsplit(archive.settings.public_url)
    return known.hostname or "", f"{known.scheme}://{known.netloc}"


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def begin_passkey(archive: Archive, actor: Actor) -> tuple[str, str]:
    """Return a secret for the form, and what the browser is asked for as JSON, to make a passkey."""
    person_id = own_id(actor)
    host, _ = _site(archive)
    with archive.database.transaction() as tx:
        person = tx.execute("select name, display_name from accounts.person where id = %s", [person_id]).fetchone()
        keys = tx.execute("select credential_id from accounts.passkey where person_id = %s", [person_id]).fetchall()
        assert person is not None
        options = webauthn.generate_registration_options(
            rp_id=host,
            rp_name=archive.settings.site.name,
            user_name=person.name,
            user_display_name=person.display_name or person.name,
            user_id=archive.secret(f"passkey:{person_id}"),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.PREFERRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=row.credential_id) for row in keys],
        )
        once = make_once(tx, "passkey-make", ENROL_LASTS, person_id, challenge=_encoded(options.challenge))
    return once, webauthn.options_to_json(options)


def confirm_passkey(
    archive: Archive, actor: Actor, once: str, answer: str, *, label: str, session: str
) -> tuple[str, list[str]]:
    """Take a passkey into use; see `confirm_totp` for what is returned.

    Raises
    ------
    SpentLink, PasskeyRefused
    Invalid
        There are 20 already.
    """
    person_id = own_id(actor)
    host, origin = _site(archive)
    with archive.database.transaction() as tx:
        found = take_once(tx, "passkey-make", once)
        if found.person_id != person_id or len(answer) > _LONGEST_ANSWER:
            raise PasskeyRefused("This passkey was not asked for here; begin again.")
        known = tx.execute("select count(*) as n from accounts.passkey where person_id = %s", [person_id]).fetchone()
        if known and known.n >= _MOST:
            raise Invalid(f"An account has at most {_MOST} passkeys.", code="account.passkeys")
        try:
            made = webauthn.verify_registration_response(
                credential=answer,
                expected_challenge=base64.b64decode(found.detail["challenge"]),
                expected_rp_id=host,
                expected_origin=origin,
            )
        except WebAuthnException:
            raise PasskeyRefused("The browser's answer does not prove a passkey; begin again.") from None
        row = tx.execute(
            "insert into accounts.passkey (person_id, credential_id, public_key, sign_count, label)"
            " values (%s, %s, %s, %s, %s) on conflict do nothing returning id",
            [
                person_id,
                made.credential_id,
                made.credential_public_key,
                made.sign_count,
                label.strip()[:60] or "Passkey",
            ],
        ).fetchone()
        if row is None:
            raise Conflict("This passkey is known already.", code="account.passkey-known")
        return enrolled(archive, tx, actor, session, "A passkey")


def ask_passkey(archive: Archive, session: str) -> tuple[str, str] | None:
    """Return a secret for the form and the browser's question as JSON; None if the sign-in does not wait for it."""
    arrival = arrival_of(archive, session)
    if arrival is None or arrival.step != "code":
        return None
    person_id = own_id(arrival.actor)
    with archive.database.transaction() as tx:
        keys = tx.execute("select credential_id from accounts.passkey where person_id = %s", [person_id]).fetchall()
        if not keys:
            return None
        options = webauthn.generate_authentication_options(
            rp_id=_site(archive)[0],
            allow_credentials=[PublicKeyCredentialDescriptor(id=row.credential_id) for row in keys],
        )
        once = make_once(tx, "passkey-ask", ENROL_LASTS, person_id, challenge=_encoded(options.challenge))
    return once, webauthn.options_to_json(options)


def give_passkey(archive: Archive, session: str, once: str, answer: str) -> str:
    """Pass a sign-in's second step with a passkey; return the secret of the session that takes this one's place.

    Raises
    ------
    PasskeyRefused
        The answer belongs to another question, person or site, or its counter went back (a copied key).
    SpentLink, TooManyAttempts
    """
    arrival = arrival_of(archive, session)
    if arrival is None or arrival.step != "code":
        raise Conflict("This sign-in waits for no passkey.", code="account.no-step")
    person_id = own_id(arrival.actor)
    charged = charge(archive, {f"factor:{person_id}": archive.settings.accounts.attempts})
    host, origin = _site(archive)
    with archive.database.transaction() as tx:
        found = take_once(tx, "passkey-ask", once)
        try:
            if found.person_id != person_id or len(answer) > _LONGEST_ANSWER:
                raise PasskeyRefused("This passkey was not asked for here; begin again.")
            parsed = webauthn.helpers.parse_authentication_credential_json(answer)
            key = tx.execute(
                "select id, public_key, sign_count from accounts.passkey where person_id = %s and credential_id = %s for update",
                [person_id, parsed.raw_id],
            ).fetchone()
            if key is None:
                raise PasskeyRefused("This passkey does not belong to the account.")
            proven = webauthn.verify_authentication_response(
                credential=parsed,
                expected_challenge=base64.b64decode(found.detail["challenge"]),
                expected_rp_id=host,
                expected_origin=origin,
                credential_public_key=key.public_key,
                credential_current_sign_count=key.sign_count,
            )
        except WebAuthnException:
            raise PasskeyRefused("The passkey does not prove that it is yours; try again.") from None
        tx.execute(
            "update accounts.passkey set sign_count = %s, used_at = now() where id = %s",
            [proven.new_sign_count, key.id],
        )
        opened = strengthen(archive, tx, person_id, session)
        audit.note(tx, arrival.actor.name, "account.factor", f"person:{person_id}", by="passkey")
    refund(archive, charged)
    return opened
