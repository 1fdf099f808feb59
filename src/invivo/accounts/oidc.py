"""Sign-in by another site: OpenID Connect, authorization code with PKCE, only with providers that the settings name.

An account belongs to an issuer and its subject, never to a mail address that somebody claims.

References
----------
OpenID Connect Core 1.0 3.1, Discovery 1.0 4; RFC 7636 (PKCE); RFC 9207 (issuer in the answer).
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from invivo import audit
from invivo.accounts.actor import Actor
from invivo.accounts.factor import own_id
from invivo.accounts.once import Once, look_once, make_once, take_once
from invivo.accounts.profile import check_orcid
from invivo.accounts.session import open_session
from invivo.archive import Archive
from invivo.errors import Broken, Conflict, Invalid, NotFound, Refused
from invivo.settings import Provider

CALLBACK = "/sign-in/oidc"
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
_LASTS = timedelta(minutes=15)
_TIMEOUT_S, _MOST_BYTES, _LEEWAY_S = 10.0, 1 << 20, 60


class NotProven(Refused):
    """What the other site sent does not prove who this is."""

    code = "account.oidc-not-proven"


class ProviderAway(Broken):
    """The other site does not answer, or not as OpenID Connect says."""

    code = "account.oidc-away"


@dataclass(frozen=True, slots=True)
class Proof:
    """What another site has proven and says of a person."""

    provider: str
    issuer: str
    subject: str
    display_name: str
    email: str
    is_mail_checked: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a sign-in elsewhere ended.

    Attributes
    ----------
    kind : {"session", "newcomer", "linked"}
    secret : str
        Of the session, or of the form that a newcomer fills in.
    target : str
        Page to go on to.
    """

    kind: str
    secret: str
    target: str


def providers(archive: Archive) -> dict[str, str]:
    """Return the names and labels of the providers that the settings name."""
    return {name: one.label or name for name, one in archive.settings.accounts.oidc.items()}


def _provider(archive: Archive, name: str) -> Provider:
    found = archive.settings.accounts.oidc.get(name)
    if found is None:
        raise NotFound(f"This archive knows no identity provider {name[:60]!r}.", code="account.oidc-unknown")
    return found


def _is_safe(address: str) -> bool:
    """Whether an address is by HTTPS, or on this machine (for trying things out)."""
    known = urlsplit(address)
    return known.scheme == "https" or (known.scheme == "http" and known.hostname in ("127.0.0.1", "localhost", "::1"))


def _fetch(method: str, address: str, **options: Any) -> Mapping[str, Any]:
    """Ask a provider for a JSON object; no redirection is followed, and no more than a megabyte is read."""
    if not _is_safe(address):
        raise ProviderAway("The identity provider must be reached by HTTPS.")
    try:
        with (
            httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False) as client,
            client.stream(method, address, headers={"Accept": "application/json"}, **options) as answer,
        ):
            content = bytearray()
            for chunk in answer.iter_bytes():
                content += chunk
                if len(content) > _MOST_BYTES:
                    raise ProviderAway("The identity provider answers too much.")
        found = orjson.loads(bytes(content))
    except (httpx.HTTPError, orjson.JSONDecodeError) as error:
        raise ProviderAway("The identity provider does not answer; try again, or sign in another way.") from error
    if answer.status_code != 200 or not isinstance(found, dict):
        raise NotProven("The identity provider refused; begin again.")
    return found


def _described(known: Provider) -> Mapping[str, Any]:
    """Read a provider's own description and hold it to what the settings say."""
    found = _fetch("GET", known.issuer.rstrip("/") + "/.well-known/openid-configuration")
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    if found.get("issuer") != known.issuer or not all(
        isinstance(found.get(one), str) and _is_safe(found[one]) for one in names
    ):
        raise ProviderAway("The identity provider describes itself otherwise than the settings do.")
    return found


def _callback(archive: Archive) -> str:
    return archive.settings.public_url + CALLBACK


def begin_oidc(archive: Archive, provider: str, browser: str, target: str = "", actor: Actor | None = None) -> str:
    """Return the address at the provider where a sign-in goes on.

    Parameters
    ----------
    browser : str
        What only this browser's session knows: the answer must come back to it.
    actor : Actor, optional
        Who links the identity to their account instead of signing in.

    Raises
    ------
    NotFound
        The settings name no such provider.
    ProviderAway
    """
    known = _provider(archive, provider)
    description = _described(known)
    nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    with archive.database.transaction() as tx:
        state = make_once(
            tx,
            "oidc",
            _LASTS,
            own_id(actor) if actor else None,
            provider=provider,
            nonce=nonce,
            verifier=verifier,
            target=target,
            browser=hashlib.sha256(browser.encode()).hexdigest(),
        )
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    fields = {
        "response_type": "code",
        "client_id": known.client_id,
        "redirect_uri": _callback(archive),
        "scope": known.scopes,
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    address = str(description["authorization_endpoint"])
    return f"{address}{'&' if '?' in address else '?'}{urlencode(fields)}"


def finish_oidc(archive: Archive, answer: Mapping[str, str], browser: str, actor: Actor, agent: str = "") -> Outcome:
    """Take the answer that a browser brings back from a provider.

    Parameters
    ----------
    answer : mapping
        ``state`` and ``code`` (or ``error``) as they stand in the address, and ``iss`` where it is given.
    actor : Actor
        Who is signed in, for linking.

    Raises
    ------
    SpentLink
        The state is unknown, too old or was brought before.
    NotProven
        The answer belongs to another browser, or the token to another issuer, archive, sign-in or time.
    """
    with archive.database.transaction() as tx:
        begun = take_once(tx, "oidc", answer.get("state", ""))
    if not hmac.compare_digest(begun.detail["browser"], hashlib.sha256(browser.encode()).hexdigest()):
        raise NotProven("This sign-in was begun in another browser; begin again.")
    known = _provider(archive, begun.detail["provider"])
    if answer.get("iss", known.issuer) != known.issuer:
        raise NotProven("The answer comes from another identity provider; begin again.")
    if not answer.get("code"):
        raise NotProven("The identity provider did not let you in; begin again, or sign in another way.")
    proof = _proof(archive, begun, known, answer["code"])
    return _link(archive, proof, actor, begun) if begun.person_id else _arrive(archive, proof, begun, agent)


def _proof(archive: Archive, begun: Once, known: Provider, code: str) -> Proof:
    description = _described(known)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": _callback(archive),
        "client_id": known.client_id,
        "code_verifier": begun.detail["verifier"],
    }
    secret, ways = known.client_secret.get_secret_value(), description.get("token_endpoint_auth_methods_supported")
    by_form = isinstance(ways, list) and "client_secret_basic" not in ways
    options: dict[str, Any] = {"data": form}
    if secret and by_form:
        form["client_secret"] = secret
    elif secret:
        options["auth"] = (known.client_id, secret)
    token = _fetch("POST", str(description["token_endpoint"]), **options).get("id_token")
    keys = _fetch("GET", str(description["jwks_uri"]))
    claims = _claims(archive, str(token), keys, known, begun.detail["nonce"])
    email = claims.get("email")
    shown = claims.get("name") or " ".join(str(claims.get(one, "")) for one in ("given_name", "family_name")).strip()
    return Proof(
        begun.detail["provider"],
        known.issuer,
        str(claims["sub"])[:255],
        str(shown)[:200],
        email if isinstance(email, str) else "",
        bool(email) and claims.get("email_verified") is True and known.trusts_mail,
    )


def _claims(archive: Archive, token: str, keys: Mapping[str, Any], known: Provider, nonce: str) -> Mapping[str, Any]:
    """Verify an ID token: signature, issuer, audience, time and nonce (OpenID Connect Core 3.1.3.7)."""
    try:
        read = jwt.decode(token, KeySet.import_key_set(dict(keys)), algorithms=ALGORITHMS)  # type: ignore[arg-type]
        jwt.JWTClaimsRegistry(
            now=int(archive.clock().timestamp()),
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": known.issuer},
            aud={"essential": True, "value": known.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        ).validate(read.claims)
    except (JoseError, ValueError, KeyError, TypeError):
        raise NotProven("The identity provider's token does not prove who you are; begin again.") from None
    audience = read.claims["aud"]
    is_for_several = isinstance(audience, list) and len(audience) > 1
    if (is_for_several or "azp" in read.claims) and read.claims.get("azp") != known.client_id:
        raise NotProven("The identity provider's token is for somebody else; begin again.")
    return dict(read.claims)


def _arrive(archive: Archive, proof: Proof, begun: Once, agent: str) -> Outcome:
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select p.id, p.is_active from accounts.identity i join accounts.person p on p.id = i.person_id"
            " where i.issuer = %s and i.subject = %s",
            [proof.issuer, proof.subject],
        ).fetchone()
        if row is not None and not row.is_active:
            raise NotProven("The account is closed; ask the administrator of this archive.")
        if row is not None:
            tx.execute(
                "update accounts.identity set used_at = now() where issuer = %s and subject = %s",
                [proof.issuer, proof.subject],
            )
            audit.note(tx, f"person:{row.id}", "account.sign-in", f"person:{row.id}", by=proof.provider)
            return Outcome("session", open_session(archive, tx, row.id, agent), begun.detail["target"])
        if archive.settings.accounts.registration not in ("moderated", "open"):
            raise NotProven(
                "No account is linked to this identity. If you have one, sign in with its password and link it under"
                " your account; accounts of this archive are made by its administrators."
            )
        fields = {name: getattr(proof, name) for name in Proof.__dataclass_fields__}
        return Outcome("newcomer", make_once(tx, "newcomer", timedelta(hours=1), **fields), "")


def newcomer_of(archive: Archive, secret: str) -> Proof:
    """Return who wants an account after a sign-in elsewhere; raises SpentLink."""
    with archive.database.transaction() as tx:
        return Proof(**look_once(tx, "newcomer", secret).detail)


def _link(archive: Archive, proof: Proof, actor: Actor, begun: Once) -> Outcome:
    person_id = own_id(actor)
    if begun.person_id != person_id:
        raise NotProven("This was begun by another account; begin again.")
    with archive.database.transaction() as tx:
        tx.execute(
            "insert into accounts.identity (issuer, subject, person_id) values (%s, %s, %s) on conflict do nothing",
            [proof.issuer, proof.subject, person_id],
        )
        row = tx.execute(
            "select person_id from accounts.identity where issuer = %s and subject = %s", [proof.issuer, proof.subject]
        ).fetchone()
        if row is None or row.person_id != person_id:
            raise Conflict("This identity belongs to another account of this archive.", code="account.identity-taken")
        if (urlsplit(proof.issuer).hostname or "").endswith("orcid.org"):
            try:
                orcid = check_orcid(proof.subject)
            except Invalid:
                orcid = ""
            tx.execute("update accounts.person set orcid = %s where id = %s and %s <> ''", [orcid, person_id, orcid])
        audit.note(tx, actor.name, "account.identity-link", f"person:{person_id}", provider=proof.provider)
    return Outcome("linked", "", "/account/factors")


def identities_of(archive: Archive, actor: Actor) -> list[tuple[str, str]]:
    """Return where else one proves who one is: pairs of issuer and the provider's label."""
    labels = {one.issuer: one.label or name for name, one in archive.settings.accounts.oidc.items()}
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select issuer from accounts.identity where person_id = %s order by issuer", [actor.person_id]
        )
        return [(row.issuer, labels.get(row.issuer, row.issuer)) for row in found]


def unlink_identity(archive: Archive, actor: Actor, issuer: str) -> None:
    """Take another site's identity off one's account; the last way to sign in stays.

    Raises
    ------
    Conflict
        The account has no password and no other identity.
    """
    person_id = own_id(actor)
    with archive.database.transaction() as tx:
        gone = tx.execute(
            "delete from accounts.identity where person_id = %s and issuer = %s returning issuer", [person_id, issuer]
        ).fetchone()
        if gone is None:
            raise NotFound("There is no such identity.", code="account.identity-unknown")
        left = tx.execute(
            "select from accounts.person p where p.id = %s and (p.password_hash <> ''"
            " or exists (select from accounts.identity where person_id = p.id))",
            [person_id],
        ).fetchone()
        if left is None:
            raise Conflict(
                "You could not sign in any more; set a password first (by the link for a forgotten one).",
                code="account.identity-last",
            )
        audit.note(tx, actor.name, "account.identity-unlink", f"person:{person_id}")
