"""Passwords: how they are kept, which are refused, and what to do when one is forgotten."""

import re
import secrets
from datetime import timedelta
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from invivo import audit, database, notices
from invivo.accounts.actor import Actor
from invivo.accounts.notice import notify
from invivo.accounts.once import look_once, make_once, take_once
from invivo.accounts.rate import charge
from invivo.archive import Archive
from invivo.errors import Invalid, Refused

_COMMON = Path(__file__).parent / "common_passwords.txt"
_MOST_MAILS = 5


class WrongCredentials(Refused):
    """Name and password do not belong together; which of them is wrong is not said."""

    code = "account.wrong-credentials"


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher(
        time_cost=2, memory_cost=19 * 1024, parallelism=1
    )  # OWASP's second recommended set for argon2id


@cache
def nobodys_hash() -> str:
    """A digest to compare with when the name is unknown, so that both cases take the same time."""
    return _hasher().hash(secrets.token_hex(16))


def hashed(password: str) -> str:
    """Return the argon2id digest of a password."""
    return _hasher().hash(password)


def is_right(kept: str, password: str) -> bool:
    """Return whether a password belongs to a digest; an empty digest fits none."""
    try:
        return _hasher().verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _common() -> frozenset[str]:
    return frozenset(_COMMON.read_text("ascii").split())


def _folded(text: str) -> str:
    return re.sub(r"[\W_]", "", text.lower())


def check_password(archive: Archive, password: str, *words: str) -> None:
    """Refuse a password that is short, common, or made of what everybody knows of its person.

    Parameters
    ----------
    *words : str
        The account's name, mail address and the like.

    Raises
    ------
    Invalid
        It says why.

    References
    ----------
    NIST SP 800-63B 3.1.1.2: length counts, common ones are refused, no rules of composition.
    """
    least = archive.settings.accounts.password_length
    if len(password) < least:
        raise Invalid(f"The password must have at least {least} characters.", code="account.password-short")
    if len(password) > 1024:
        raise Invalid("The password may have at most 1024 characters.", code="account.password-long")
    folded = _folded(password)
    if folded in _common() or folded.rstrip("0123456789") in _common() or len(set(folded)) < 4:
        raise Invalid("This password is one of those tried first; choose another.", code="account.password-common")
    known = {_folded(part) for word in words for part in (word, word.partition("@")[0]) if len(_folded(part)) > 3}
    if any(word in folded and len(folded) - len(word) < least for word in known):
        raise Invalid(
            "The password is little more than the name or the mail address; choose another.",
            code="account.password-name",
        )


def set_password(tx: database.Tx, person_id: int, digest: str) -> None:
    """Replace a person's password, end their sessions, and tell them."""
    tx.execute("update accounts.person set password_hash = %s where id = %s", [digest, person_id])
    tx.execute("delete from accounts.session where person_id = %s", [person_id])
    tx.execute("delete from accounts.once where person_id = %s and purpose = 'password'", [person_id])
    notify(
        tx,
        person_id,
        "account.password",
        "Your password was changed",
        "The password of your account was changed, and you were signed out everywhere. If it was not you, tell the"
        " administrator of this archive.",
        link="/account",
    )


def change_password(archive: Archive, actor: Actor, old: str, new: str) -> None:
    """Change one's own password: needs the old one and ends all sessions."""
    need_password(archive, actor, old, "The old password is not right.")
    with archive.database.transaction() as tx:
        row = tx.execute("select name, email from accounts.person where id = %s", [actor.person_id]).fetchone()
    assert row is not None
    check_password(archive, new, row.name, row.email)
    digest = hashed(new)
    with archive.database.transaction() as tx:
        assert actor.person_id is not None
        set_password(tx, actor.person_id, digest)
        audit.note(tx, actor.name, "account.password", f"person:{actor.person_id}")


def need_password(archive: Archive, actor: Actor, password: str, message: str = "The password is not right.") -> None:
    """Have a person say their password once more before something that matters; counted like a sign-in.

    Raises
    ------
    WrongCredentials
        It is wrong. An account without a password (one that signs in elsewhere) has none to say: any will do.
    """
    if actor.person_id is None:
        raise Refused("Sign in first.", code="account.anonymous")
    with archive.database.transaction() as tx:
        row = tx.execute("select name, password_hash from accounts.person where id = %s", [actor.person_id]).fetchone()
    if row is not None and not row.password_hash:
        return
    charged = charge(archive, {f"name:{row.name.lower()}": archive.settings.accounts.attempts}) if row else []
    if row is None or not is_right(row.password_hash, password[:1024]):
        raise WrongCredentials(message)
    with archive.database.transaction() as tx:
        tx.execute("delete from accounts.attempt where id = any (%s)", [charged])


def has_password(archive: Archive, actor: Actor) -> bool:
    """Return whether one's account has a password; one that signs in elsewhere may have none."""
    with archive.database.transaction() as tx:
        row = tx.execute("select password_hash from accounts.person where id = %s", [actor.person_id]).fetchone()
    return bool(row and row.password_hash)


def forgot_password(archive: Archive, name: str, address: str = "") -> None:
    """Mail a link for a new password to whoever has this account name or mail address; nobody learns whether anybody has.

    Raises
    ------
    TooManyAttempts
        It was asked too often for this name or from this address.
    """
    asked = name.strip().lower()[:254]
    charge(archive, {f"forgot:{asked}": 3, f"forgot-from:{address}": 30})
    hours = archive.settings.accounts.link_hours
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select id, name, email from accounts.person where is_active and position('@' in email) > 1"
            " and (lower(name) = %s or lower(email) = %s) order by id limit %s",
            [asked, asked, _MOST_MAILS],
        ).fetchall()
        for person in found:
            secret = make_once(tx, "password", timedelta(hours=hours), person.id)
            notices.post(
                tx,
                "account.forgotten",
                "A new password",
                f"Somebody, probably you, wants to set a new password for the account {person.name}. If it was not you,"
                " do nothing: the password stays as it is.",
                address=person.email,
                sealed=f"Set it within {hours} hours: {archive.settings.public_url}/password/{secret}",
            )


def password_link(archive: Archive, actor: Actor, person_id: int) -> str:
    """Make a link for a new password and return its path, for the administrator at the machine to hand on."""
    if actor.name != "system":
        raise Refused("Only the command line shows such a link.", code="account.not-administrator")
    with archive.database.transaction() as tx:
        secret = make_once(tx, "password", timedelta(hours=archive.settings.accounts.link_hours), person_id)
        audit.note(tx, actor.name, "account.password-link", f"person:{person_id}")
    return f"/password/{secret}"


def whose_password_link(archive: Archive, secret: str) -> str:
    """Return the account name that a link is for; raises SpentLink."""
    with archive.database.transaction() as tx:
        found = look_once(tx, "password", secret)
        row = tx.execute("select name from accounts.person where id = %s", [found.person_id]).fetchone()
    return str(row.name) if row else ""


def reset_password(archive: Archive, secret: str, new: str) -> None:
    """Set a new password by a mailed link; raises SpentLink, Invalid."""
    with archive.database.transaction() as tx:
        found = look_once(tx, "password", secret)
        row = tx.execute("select name, email from accounts.person where id = %s", [found.person_id]).fetchone()
    assert row is not None
    check_password(archive, new, row.name, row.email)
    digest = hashed(new)
    with archive.database.transaction() as tx:
        person_id = take_once(tx, "password", secret).person_id
        assert person_id is not None
        set_password(tx, person_id, digest)
        tx.execute("delete from accounts.attempt where subject = %s", [f"name:{row.name.lower()}"])
        audit.note(tx, f"person:{person_id}", "account.password-reset", f"person:{person_id}")
