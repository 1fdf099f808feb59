"""Sign-in and its sessions: opened anew at every change of rights, listed for their person, ended one by one or all."""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from invivo import audit, database
from invivo.accounts.actor import ANONYMOUS, Actor, actor_of_session, digest_of, standing
from invivo.accounts.password import WrongCredentials, is_right, nobodys_hash
from invivo.accounts.rate import charge, refund
from invivo.archive import Archive
from invivo.errors import NotFound, Refused

_BROWSERS = ("Edg", "OPR", "Firefox", "Chrome", "Safari")
_NAMES = {"Edg": "Edge", "OPR": "Opera"}
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS X", "CrOS", "Linux")
_SYSTEM_NAMES = {"Mac OS X": "macOS", "CrOS": "ChromeOS"}


class NeedsSecondFactor(Refused):
    """A password alone does not prove who this is; a program uses an API token."""

    code = "account.second-factor"


@dataclass(frozen=True, slots=True)
class Session:
    """A place where somebody is signed in, without its secret."""

    id: int
    agent: str
    is_strong: bool
    created_at: datetime
    seen_at: datetime
    is_this: bool


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody whose sign-in waits for a step: may do that step and nothing else.

    Attributes
    ----------
    actor : Actor
        The person without any right, for the verbs of the step.
    """

    actor: Actor
    step: str
    has_factor: bool


def device_words(user_agent: str) -> str:
    """Say in words what a browser says of itself.

    Examples
    --------
    >>> device_words("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
    'Firefox on Linux'
    >>> device_words("curl/8.5.0")
    'curl'
    """
    browser = next((one for one in _BROWSERS if f"{one}/" in user_agent), "")
    system = next((one for one in _SYSTEMS if one in user_agent), "")
    if not browser:
        first = re.match(r"[A-Za-z][\w.-]{0,30}", user_agent)
        return first[0] if first else "an unknown program"
    words = _NAMES.get(browser, browser)
    return f"{words} on {_SYSTEM_NAMES.get(system, system)}" if system else words


def _proven(archive: Archive, name: str, password: str, address: str) -> int:
    """Return whose name and password these are; every try is counted before it is made."""
    most = archive.settings.accounts.attempts
    charged = charge(archive, {f"name:{name.lower()[:64]}": most, f"address:{address}": 10 * most})
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select id, password_hash, is_active from accounts.person where lower(name) = lower(%s)", [name[:64]]
        ).fetchone()
    kept = row.password_hash if row and row.password_hash else nobodys_hash()
    if not is_right(kept, password[:1024]) or row is None or not row.is_active:
        raise WrongCredentials("Name and password do not belong together.")
    refund(archive, charged)
    return int(row.id)


def actor_of_password(archive: Archive, name: str, password: str, address: str = "") -> Actor:
    """Return who a name and password belong to, without opening a session.

    Raises
    ------
    WrongCredentials
        Name and password do not belong together, or the account is closed.
    TooManyAttempts
        Too many wrong passwords in the last 15 minutes.
    NeedsSecondFactor
        The account has or must have a second factor, or waits for something that only the pages can ask.
    """
    person_id = _proven(archive, name, password, address)
    with archive.database.transaction() as tx:
        known = standing(archive, tx, person_id)
    if known is None:
        return ANONYMOUS
    step = known.step(is_strong=False)
    if step in ("code", "enrol"):
        raise NeedsSecondFactor("This account needs a second factor; a program signs in with an API token.")
    if step:
        raise NeedsSecondFactor(
            "Sign in once on the pages of this archive: they have a question.", code=f"account.{step}-due"
        )
    return known.actor


def sign_in(archive: Archive, name: str, password: str, address: str = "", agent: str = "") -> tuple[str, Actor]:
    """Check a password and open a session; raises what `actor_of_password` raises, but for NeedsSecondFactor.

    Returns
    -------
    (str, Actor)
        The session's secret for the cookie, and who it is: anonymous with a ``step`` if the sign-in waits for one.
    """
    person_id = _proven(archive, name, password, address)
    with archive.database.transaction() as tx:
        tx.execute(
            "delete from accounts.attempt where subject = %s or at < now() - interval '1 day'",
            [f"name:{name.lower()[:64]}"],
        )
        session = open_session(archive, tx, person_id, agent)
        audit.note(tx, f"person:{person_id}", "account.sign-in", f"person:{person_id}")
    return session, actor_of_session(archive, session)


def open_session(archive: Archive, tx: database.Tx, person_id: int, agent: str, *, is_strong: bool = False) -> str:
    """Open a session and return its secret."""
    session = secrets.token_urlsafe(32)
    tx.execute("delete from accounts.session where expires_at < now()")
    tx.execute(
        "insert into accounts.session (digest, person_id, expires_at, is_strong, agent)"
        " values (%s, %s, now() + make_interval(hours => %s), %s, %s)",
        [digest_of(session), person_id, archive.settings.accounts.session_hours, is_strong, agent[:100]],
    )
    return session


def strengthen(archive: Archive, tx: database.Tx, person_id: int, session: str) -> str:
    """End a session and open one with more rights in its place, whose secret nobody can have known before."""
    gone = tx.execute(
        "delete from accounts.session where digest = %s and person_id = %s returning agent",
        [digest_of(session), person_id],
    ).fetchone()
    if gone is None:
        raise Refused("The session has ended; sign in again.", code="account.anonymous")
    return open_session(archive, tx, person_id, gone.agent, is_strong=True)


def arrival_of(archive: Archive, session: str) -> Arrival | None:
    """Return who waits at a step of their sign-in; None for everybody else."""
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select person_id, is_strong from accounts.session where digest = %s and expires_at > now()",
            [digest_of(session)],
        ).fetchone()
        known = standing(archive, tx, found.person_id) if found else None
    if found is None or known is None:
        return None
    step = known.step(is_strong=found.is_strong)
    powerless = Actor(known.actor.name, found.person_id, known.actor.label, scopes=frozenset())
    return Arrival(powerless, step, known.has_factor) if step else None


def sign_out(archive: Archive, session: str) -> None:
    """End a session."""
    with archive.database.transaction() as tx:
        tx.execute("delete from accounts.session where digest = %s", [digest_of(session)])


def list_sessions(archive: Archive, actor: Actor, session: str = "") -> list[Session]:
    """Return where one is signed in, the latest seen first; `session` is the secret of the one that asks."""
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select id, agent, is_strong, created_at, seen_at, digest = %s from accounts.session"
            " where person_id = %s and expires_at > now() order by seen_at desc, id desc",
            [digest_of(session), actor.person_id],
        )
        return [Session(*row) for row in found]


def end_session(archive: Archive, actor: Actor, session_id: int) -> None:
    """End one of one's own sessions; raises NotFound."""
    with archive.database.transaction() as tx:
        gone = tx.execute(
            "delete from accounts.session where id = %s and person_id = %s returning id", [session_id, actor.person_id]
        ).fetchone()
        if gone is None:
            raise NotFound("This session has ended already.", code="account.session-unknown")
        audit.note(tx, actor.name, "account.session-end", f"person:{actor.person_id}")


def end_other_sessions(archive: Archive, actor: Actor, session: str) -> int:
    """End all of one's own sessions but the one that asks; return how many ended."""
    with archive.database.transaction() as tx:
        gone = tx.execute(
            "delete from accounts.session where person_id = %s and digest <> %s returning id",
            [actor.person_id, digest_of(session)],
        ).fetchall()
        audit.note(tx, actor.name, "account.session-end", f"person:{actor.person_id}", ended=len(gone))
    return len(gone)
