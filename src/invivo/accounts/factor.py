"""The second factor: an authenticator's codes, passkeys, and recovery codes for the day when both are lost."""

import base64
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from invivo import audit, database
from invivo.accounts import totp
from invivo.accounts.actor import Actor, digest_of, need_administrator
from invivo.accounts.notice import notify
from invivo.accounts.once import make_once, take_once
from invivo.accounts.password import need_password
from invivo.accounts.rate import charge, refund
from invivo.accounts.session import arrival_of, strengthen
from invivo.archive import Archive
from invivo.errors import Conflict, NotFound, Refused

RECOVERY_CODES = 10
ENROL_LASTS = timedelta(minutes=30)


class WrongCode(Refused):
    """The code is not that of now, or was used already."""

    code = "account.wrong-code"


@dataclass(frozen=True, slots=True)
class PasskeyRow:
    """A passkey of a person, without what proves it."""

    id: int
    label: str
    created_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Factors:
    """The second factors of a person; ``totp_since`` is None without an authenticator."""

    totp_since: datetime | None
    passkeys: tuple[PasskeyRow, ...]
    recovery_left: int

    @property
    def has_any(self) -> bool:
        return self.totp_since is not None or bool(self.passkeys)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """An authenticator about to be set up: what the page shows, and the secret that its form brings back."""

    once: str
    secret: str
    address: str


def has_second_factor(tx: database.Tx, person_id: int) -> bool:
    """Return whether a person has a second factor; whether a session was opened with it says `Actor.is_strong`."""
    found = tx.execute(
        "select from accounts.totp where person_id = %s union all select from accounts.passkey where person_id = %s",
        [person_id, person_id],
    )
    return found.fetchone() is not None


def factors_of(archive: Archive, actor: Actor, person_id: int | None = None) -> Factors:
    """Return one's own second factors, or, for an administrator, those of a person."""
    whose = actor.person_id if person_id is None else person_id
    if whose != actor.person_id:
        need_administrator(actor)
    with archive.database.transaction() as tx:
        app = tx.execute("select created_at from accounts.totp where person_id = %s", [whose]).fetchone()
        keys = tx.execute(
            "select id, label, created_at, used_at from accounts.passkey where person_id = %s order by id", [whose]
        ).fetchall()
        left = tx.execute("select count(*) as n from accounts.recovery where person_id = %s", [whose]).fetchone()
    assert left is not None
    return Factors(app.created_at if app else None, tuple(PasskeyRow(*row) for row in keys), left.n)


def begin_totp(archive: Archive, actor: Actor) -> Enrolment:
    """Make a secret for an authenticator; it counts when a code of it has been given (`confirm_totp`)."""
    person_id = own_id(actor)
    secret = totp.new_secret()
    with archive.database.transaction() as tx:
        row = tx.execute("select name from accounts.person where id = %s", [person_id]).fetchone()
        assert row is not None
        sealed = totp.seal(archive, person_id, secret)
        once = make_once(tx, "totp", ENROL_LASTS, person_id, sealed=base64.b64encode(sealed).decode())
    return Enrolment(once, totp.written(secret), totp.address_of(secret, archive.settings.site.name, row.name))


def confirm_totp(
    archive: Archive, actor: Actor, enrolment: Enrolment, code: str, session: str
) -> tuple[str, list[str]]:
    """Take an authenticator into use with its first code.

    Returns
    -------
    (str, list of str)
        The new session's secret, and recovery codes if there were none: shown once.

    Raises
    ------
    SpentLink, WrongCode, TooManyAttempts
    """
    person_id = own_id(actor)
    charged = charge(archive, {f"factor:{person_id}": archive.settings.accounts.attempts})
    with archive.database.transaction() as tx:
        found = take_once(tx, "totp", enrolment.once)
        sealed = base64.b64decode(found.detail["sealed"])
        if found.person_id != person_id:
            raise WrongCode("This was begun by somebody else.")
        step = totp.matching_step(totp.unseal(archive, person_id, sealed), digits_of(code), archive.clock(), after=0)
        if step is None:
            raise WrongCode("This is not the code of now; check the clock of the device and type the next one.")
        tx.execute("delete from accounts.totp where person_id = %s", [person_id])
        tx.execute(
            "insert into accounts.totp (person_id, sealed, last_step) values (%s, %s, %s)", [person_id, sealed, step]
        )
        made = enrolled(archive, tx, actor, session, "An authenticator application")
    refund(archive, charged)
    return made


def enrolled(archive: Archive, tx: database.Tx, actor: Actor, session: str, what: str) -> tuple[str, list[str]]:
    """End all sessions but this, which is opened anew as a strong one; make recovery codes for a first factor."""
    person_id = own_id(actor)
    tx.execute("delete from accounts.session where person_id = %s and digest <> %s", [person_id, digest_of(session)])
    opened = strengthen(archive, tx, person_id, session)
    has_codes = tx.execute("select from accounts.recovery where person_id = %s limit 1", [person_id]).fetchone()
    codes = [] if has_codes is not None else _make_recovery(tx, person_id)
    audit.note(tx, actor.name, "account.factor-add", f"person:{person_id}")
    _tell(tx, person_id, f"{what} was added to your account.")
    return opened, codes


def _tell(tx: database.Tx, person_id: int, text: str) -> None:
    more = " If it was not you, change your password and tell the administrator of this archive."
    notify(tx, person_id, "account.factor", "Your second factor", text + more, link="/account/factors")


def digits_of(code: str) -> str:
    """Return a code as it is compared: its ASCII letters and digits."""
    return re.sub(r"[^0-9a-z]", "", code.lower())[:40]


def own_id(actor: Actor) -> int:
    """Return whose account is meant; API tokens may not change how their person proves who they are."""
    if actor.person_id is None or not actor.name.startswith("person:"):
        raise Refused("Sign in first.", code="account.anonymous")
    return actor.person_id


def _make_recovery(tx: database.Tx, person_id: int) -> list[str]:
    tx.execute("delete from accounts.recovery where person_id = %s", [person_id])
    codes = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES)]
    for code in codes:
        tx.execute("insert into accounts.recovery (person_id, digest) values (%s, %s)", [person_id, digest_of(code)])
    return [f"{code[:4]}-{code[4:8]}-{code[8:12]}-{code[12:]}" for code in codes]


def renew_recovery_codes(archive: Archive, actor: Actor) -> list[str]:
    """Make new recovery codes; the old ones do not work any more. Only for a session with a second factor."""
    person_id = own_id(actor)
    if not actor.is_strong:
        raise Refused("Set up a second factor first.", code="account.second-factor")
    with archive.database.transaction() as tx:
        audit.note(tx, actor.name, "account.recovery-codes", f"person:{person_id}")
        return _make_recovery(tx, person_id)


def give_code(archive: Archive, session: str, code: str) -> str:
    """Pass a sign-in's second step with an authenticator's code, or with a recovery code, which is then spent.

    Returns
    -------
    str
        The secret of the session that takes the place of this one.

    Raises
    ------
    WrongCode
        It is not the code of now, or was given already (RFC 6238 5.2: once in a step).
    TooManyAttempts
    """
    arrival = arrival_of(archive, session)
    if arrival is None or arrival.step != "code":
        raise Conflict("This sign-in waits for no code.", code="account.no-step")
    person_id, given = own_id(arrival.actor), digits_of(code)
    charged = charge(archive, {f"factor:{person_id}": archive.settings.accounts.attempts})
    with archive.database.transaction() as tx:
        kind = "code" if _is_code(archive, tx, person_id, given) else "recovery"
        if kind == "recovery" and not _is_recovery(tx, person_id, given):
            raise WrongCode("This is not the code of now, or it was used already; wait for the next one.")
        opened = strengthen(archive, tx, person_id, session)
        audit.note(tx, arrival.actor.name, "account.factor", f"person:{person_id}", by=kind)
        if kind == "recovery":
            _tell(tx, person_id, "A recovery code was used to sign in.")
    refund(archive, charged)
    return opened


def _is_code(archive: Archive, tx: database.Tx, person_id: int, given: str) -> bool:
    row = tx.execute("select sealed, last_step from accounts.totp where person_id = %s", [person_id]).fetchone()
    if row is None:
        return False
    step = totp.matching_step(totp.unseal(archive, person_id, row.sealed), given, archive.clock(), row.last_step)
    if step is None:
        return False
    used = tx.execute(
        "update accounts.totp set last_step = %s where person_id = %s and last_step < %s returning person_id",
        [step, person_id, step],
    )
    return used.fetchone() is not None


def _is_recovery(tx: database.Tx, person_id: int, given: str) -> bool:
    spent = tx.execute(
        "delete from accounts.recovery where person_id = %s and digest = %s returning person_id",
        [person_id, digest_of(given)],
    )
    return spent.fetchone() is not None


def remove_factor(archive: Archive, actor: Actor, password: str, passkey_id: int | None = None) -> None:
    """Take a passkey, or without a number the authenticator, off one's account; needs the password."""
    person_id = own_id(actor)
    need_password(archive, actor, password)
    with archive.database.transaction() as tx:
        if passkey_id is None:
            gone = tx.execute("delete from accounts.totp where person_id = %s returning person_id", [person_id])
        else:
            gone = tx.execute(
                "delete from accounts.passkey where id = %s and person_id = %s returning id", [passkey_id, person_id]
            )
        if gone.fetchone() is None:
            raise NotFound("There is no such second factor.", code="account.factor-unknown")
        if not has_second_factor(tx, person_id):
            tx.execute("delete from accounts.recovery where person_id = %s", [person_id])
        audit.note(tx, actor.name, "account.factor-remove", f"person:{person_id}")
        _tell(tx, person_id, "A second factor was taken off your account.")


def reset_factors(archive: Archive, actor: Actor, person_id: int) -> None:
    """Take all second factors off a person who lost them, for administrators: their sessions end."""
    need_administrator(actor)
    with archive.database.transaction() as tx:
        tx.execute("delete from accounts.totp where person_id = %s", [person_id])
        tx.execute("delete from accounts.passkey where person_id = %s", [person_id])
        tx.execute("delete from accounts.recovery where person_id = %s", [person_id])
        tx.execute("delete from accounts.session where person_id = %s", [person_id])
        audit.note(tx, actor.name, "account.factor-reset", f"person:{person_id}")
        _tell(tx, person_id, "An administrator has taken the second factors off your account.")
