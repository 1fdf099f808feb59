"""How people get an account by themselves: asked for, checked by mail, approved where the archive wants it so.

States: a link in a mail (nothing is kept but that) -> an account, or waiting -> approved | declined.
"""

import re
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import psycopg

from invivo import audit, database, notices
from invivo.accounts.account import NameTaken, check_name
from invivo.accounts.actor import Actor, need_administrator
from invivo.accounts.notice import administrators, notify
from invivo.accounts.once import look_once, make_once, take_once
from invivo.accounts.password import check_password, hashed
from invivo.accounts.rate import charge
from invivo.accounts.terms import terms_in_force
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, NotFound, Refused

_MAIL = re.compile(r"[^@\s<>,;:\"()\[\]\\]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,188}[A-Za-z0-9])?")
MAIL_KIND = "account.confirm"


class RegistrationClosed(Refused):
    """Accounts are not made this way here."""

    code = "account.registration-closed"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is elsewhere: an OpenID Connect issuer and its subject; empty: nowhere."""

    issuer: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Asking:
    """What somebody who wants an account says of themselves; ``terms_version`` is what they accepted."""

    display_name: str
    email: str
    affiliation: str = ""
    country: str = ""
    terms_version: str = ""


@dataclass(frozen=True, slots=True)
class Registration:
    """Somebody who waits for an administrator."""

    id: int
    name: str
    display_name: str
    email: str
    affiliation: str
    country: str
    issuer: str
    asked_at: datetime
    state: str
    decided_by: str
    reason: str


def check_mail(email: str) -> str:
    """Return a mail address without blanks around it; raises Invalid."""
    email = email.strip()
    if not _MAIL.fullmatch(email) or ".." in email or not email.isascii():
        raise Invalid("This is no mail address; it looks like name@example.org.", code="account.email")
    return email


def _checked(tx: database.Tx, asking: Asking) -> Asking:
    shown = " ".join(asking.display_name.split())
    if not 2 <= len(shown) <= 200 or not shown.isprintable():
        raise Invalid("Give your name, 2 to 200 characters.", code="account.display-name")
    current = terms_in_force(tx)
    if current is not None and asking.terms_version != current.version:
        raise Invalid("Read and accept the terms.", code="account.terms")
    return Asking(
        shown,
        check_mail(asking.email),
        " ".join(asking.affiliation.split())[:200],
        " ".join(asking.country.split())[:60],
        current.version if current else "",
    )


def ask_for_account(
    archive: Archive,
    asking: Asking,
    address: str = "",
    identity: Identity | None = None,
    *,
    is_mail_checked: bool = False,
) -> str:
    """Begin a registration: mail a link to the address, or say in a mail to it that it has an account already.

    Parameters
    ----------
    identity : Identity, optional
        Who they proved to be elsewhere; they then need no password.
    is_mail_checked : bool
        A provider that the settings trust has verified the address.

    Returns
    -------
    str
        The link's secret if no mail is needed, else nothing: whoever asks cannot learn whether an address is known.

    Raises
    ------
    RegistrationClosed, Invalid, TooManyAttempts
    """
    policy = archive.settings.accounts
    if policy.registration not in ("moderated", "open"):
        raise RegistrationClosed("Accounts of this archive are made by its administrators.")
    with archive.database.transaction() as tx:
        asking = _checked(tx, asking)
    charge(archive, {f"register:{asking.email.lower()}": 3, f"register-from:{address}": 30})
    proof = asdict(identity or Identity())
    with archive.database.transaction() as tx:
        if is_mail_checked:
            return make_once(tx, "register", timedelta(hours=1), **asdict(asking), **proof)
        known = tx.execute(
            "select name from accounts.person where lower(email) = lower(%s) and is_active order by id limit 1",
            [asking.email],
        ).fetchone()
        secret = make_once(tx, "register", timedelta(hours=policy.link_hours), **asdict(asking), **proof)
        text, sealed = (
            "Somebody, probably you, asks for an account with this address. If it was not you, do nothing.",
            f"Go on within {policy.link_hours} hours: {archive.settings.public_url}/register/{secret}",
        )
        if known is not None:
            text = f"Somebody, probably you, asks for an account with this address, but has one already: {known.name}."
            sealed = f"If the password is forgotten: {archive.settings.public_url}/forgotten"
            take_once(tx, "register", secret)
        notices.post(tx, MAIL_KIND, "Your account", text, address=asking.email, sealed=sealed)
    return ""


def asked_with(archive: Archive, secret: str) -> tuple[Asking, Identity]:
    """Return what a registration's link stands for; raises SpentLink."""
    with archive.database.transaction() as tx:
        return _read(look_once(tx, "register", secret).detail)


def _read(detail: object) -> tuple[Asking, Identity]:
    assert isinstance(detail, dict)
    asking = Asking(*(detail[name] for name in ("display_name", "email", "affiliation", "country", "terms_version")))
    return asking, Identity(detail["issuer"], detail["subject"])


def finish_registration(archive: Archive, secret: str, name: str, password: str = "") -> int | None:
    """Choose account name and password after the mail check.

    Returns
    -------
    int or None
        Number of the new account; None when it waits for an administrator.

    Raises
    ------
    SpentLink, Invalid, NameTaken
    """
    asking, identity = asked_with(archive, secret)
    check_name(name)
    if not identity.issuer:
        check_password(archive, password, name, asking.email)
    digest = "" if identity.issuer else hashed(password)
    policy = archive.settings.accounts.registration
    try:
        with archive.database.transaction() as tx:
            take_once(tx, "register", secret)
            if policy == "open":
                return admit(tx, name, digest, asking, identity)
            if policy != "moderated":
                raise RegistrationClosed("Registration has been closed meanwhile.")
            _wait(tx, name, digest, asking, identity)
    except psycopg.errors.UniqueViolation:
        raise NameTaken(f"The account name {name} is taken; choose another.") from None
    return None


def admit(tx: database.Tx, name: str, digest: str, asking: Asking, identity: Identity) -> int:
    """Make an account without any role, in the caller's transaction."""
    row = tx.execute(
        "select accounts.admit(%s, %s, %s, %s, %s, %s, true) as id",
        [name, asking.display_name, asking.email, digest, asking.affiliation, asking.country],
    ).fetchone()
    assert row is not None
    if identity.issuer:
        linked = tx.execute(
            "insert into accounts.identity (issuer, subject, person_id) values (%s, %s, %s) on conflict do nothing"
            " returning person_id",
            [identity.issuer, identity.subject, row.id],
        ).fetchone()
        if linked is None:
            raise Conflict(
                "This identity has got an account meanwhile; sign in with it.", code="account.identity-taken"
            )
    if asking.terms_version:
        tx.execute(
            "insert into accounts.acceptance (person_id, version) values (%s, %s)", [row.id, asking.terms_version]
        )
    audit.note(tx, f"person:{row.id}", "account.register", f"person:{row.id}", terms=asking.terms_version)
    return int(row.id)


def _wait(tx: database.Tx, name: str, digest: str, asking: Asking, identity: Identity) -> None:
    if tx.execute("select from accounts.person where lower(name) = lower(%s)", [name]).fetchone() is not None:
        raise NameTaken(f"The account name {name} is taken; choose another.")
    row = tx.execute(
        "insert into accounts.registration"
        " (name, display_name, email, affiliation, country, password_hash, terms_version, issuer, subject)"
        " values (%s, %s, %s, %s, %s, %s, nullif(%s, ''), %s, %s) returning id",
        [
            name,
            asking.display_name,
            asking.email,
            asking.affiliation,
            asking.country,
            digest,
            asking.terms_version,
            identity.issuer,
            identity.subject,
        ],
    ).fetchone()
    assert row is not None
    audit.note(tx, "anonymous", "account.register-wait", f"registration:{row.id}")
    notify(
        tx,
        administrators(tx),
        "account.registration",
        f"{asking.display_name} asks for an account",
        f"{asking.display_name} ({asking.affiliation or 'no affiliation given'}) asks for the account {name}.",
        link="/admin/registrations",
    )


_COLUMNS = "id, name, display_name, email, affiliation, country, issuer, asked_at, state, decided_by, reason"


def registrations(archive: Archive, actor: Actor, *, only_waiting: bool = True) -> list[Registration]:
    """Return who waits for an account, longest first; or the 200 last decided upon too."""
    need_administrator(actor)
    condition = "state = 'waiting' order by id" if only_waiting else "state <> 'waiting' order by decided_at desc"
    with archive.database.transaction() as tx:
        found = tx.execute(f"select {_COLUMNS} from accounts.registration where {condition} limit 200")
        return [Registration(*row) for row in found]


def _waiting(tx: database.Tx, registration_id: int) -> tuple[str, str, Asking, Identity]:
    row = tx.execute(
        "select name, password_hash, display_name, email, affiliation, country, coalesce(terms_version, '') as terms,"
        " issuer, subject, state, decided_by from accounts.registration where id = %s for update",
        [registration_id],
    ).fetchone()
    if row is None:
        raise NotFound(f"There is no registration {registration_id}.", code="account.registration-unknown")
    if row.state != "waiting":
        raise Conflict(
            f"This registration was {row.state} already, by {row.decided_by}.", code="account.registration-decided"
        )
    asking = Asking(row.display_name, row.email, row.affiliation, row.country, row.terms)
    return row.name, row.password_hash, asking, Identity(row.issuer, row.subject)


def _decide(
    tx: database.Tx, actor: Actor, registration_id: int, state: str, reason: str, person_id: int | None
) -> None:
    tx.execute(
        "update accounts.registration set state = %s, decided_by = %s, decided_at = now(), reason = %s, person_id = %s,"
        " password_hash = '' where id = %s",
        [state, actor.label or actor.name, reason, person_id, registration_id],
    )
    audit.note(tx, actor.name, f"account.register-{state}", f"registration:{registration_id}", person=person_id)


def approve_registration(archive: Archive, actor: Actor, registration_id: int) -> int:
    """Make the account of somebody who waits (waiting -> approved) and tell them; return its number.

    Raises
    ------
    Conflict
        Somebody decided before, or the name has been given away meanwhile.
    """
    need_administrator(actor)
    try:
        with archive.database.transaction() as tx:
            name, digest, asking, identity = _waiting(tx, registration_id)
            person_id = admit(tx, name, digest, asking, identity)
            _decide(tx, actor, registration_id, "approved", "", person_id)
            notify(
                tx,
                person_id,
                "account.approved",
                "Your account is open",
                f"Your account {name} was approved; you can sign in now.",
                link="/sign-in",
            )
    except psycopg.errors.UniqueViolation:
        raise NameTaken(f"The name {name} has been taken meanwhile; decline, and ask for another name.") from None
    return person_id


def decline_registration(archive: Archive, actor: Actor, registration_id: int, reason: str) -> None:
    """Send somebody who waits away, with a reason (waiting -> declined)."""
    need_administrator(actor)
    reason = reason.strip()[:2000]
    if not reason:
        raise Invalid("Give a reason; the person is told.", code="account.reason")
    with archive.database.transaction() as tx:
        _, _, asking, _ = _waiting(tx, registration_id)
        _decide(tx, actor, registration_id, "declined", reason, None)
        notices.post(
            tx, "account.declined", "Your account", f"No account was made. The reason: {reason}", address=asking.email
        )
