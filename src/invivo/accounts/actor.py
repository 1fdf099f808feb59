"""The actor: who asks, with what rights, as a value."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from invivo import database
from invivo.archive import Archive
from invivo.errors import Refused


class ExpiredToken(Refused):
    """The API token is unknown, revoked or past its date."""

    code = "account.token-refused"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks.

    Attributes
    ----------
    name : str
        As the journal writes it: ``person:12``, ``token:3``, ``rule:on-receipt``, ``system``, ``anonymous``.
    person_id : int or None
    label : str
        For people to read: the account's display name.
    site_roles : frozenset of {"administrator", "curator"}
    memberships : mapping of collection id to roles
        ``owner``, ``curator``, ``submitter``, ``member``.
    scopes : frozenset of str or None
        What an API token allows; None for a signed-in person: all that the person may.
    is_strong : bool
        The session was opened with a second factor, or the token made in such a session.
    step : {"", "code", "enrol", "terms", "renewal"}
        What a sign-in still waits for; the actor is anonymous until it is done.
    """

    name: str
    person_id: int | None = None
    label: str = ""
    site_roles: frozenset[str] = frozenset()
    memberships: Mapping[int, frozenset[str]] = field(default_factory=dict, hash=False)
    scopes: frozenset[str] | None = None
    is_strong: bool = False
    step: str = ""

    @property
    def is_anonymous(self) -> bool:
        return self.person_id is None and self.name == "anonymous"

    @property
    def has_account(self) -> bool:
        """A signed-in person or their token; a visitor has none, nor has who comes by a reviewer's link."""
        return self.person_id is not None

    @property
    def is_administrator(self) -> bool:
        return "administrator" in self.site_roles and self.has_scope("administer")

    @property
    def is_curator(self) -> bool:
        """Curator of the site or of any collection."""
        return self.has_scope("curate") and (
            self._curates_all or any({"curator", "owner"} & roles for roles in self.memberships.values())
        )

    @property
    def is_submitter(self) -> bool:
        return self.has_scope("submit") and (
            self._curates_all or any({"submitter", "curator", "owner"} & roles for roles in self.memberships.values())
        )

    @property
    def _curates_all(self) -> bool:
        return bool(self.site_roles) or self.name == "system"

    def has_scope(self, scope: str) -> bool:
        return self.scopes is None or scope in self.scopes

    def may_curate(self, collection_id: int) -> bool:
        """Return whether the actor may see held objects of a collection and decide on them."""
        roles = self.memberships.get(collection_id, frozenset())
        return self.has_scope("curate") and (self._curates_all or bool({"curator", "owner"} & roles))

    def may_own(self, collection_id: int) -> bool:
        """Return whether the actor may change a collection's page and policy."""
        roles = self.memberships.get(collection_id, frozenset())
        is_above = "administrator" in self.site_roles or self.name == "system"
        return self.has_scope("curate") and (is_above or "owner" in roles)

    def may_submit(self, collection_id: int) -> bool:
        """Return whether the actor may deliver into a collection."""
        roles = self.memberships.get(collection_id, frozenset())
        return self.has_scope("submit") and (self._curates_all or bool({"submitter", "curator", "owner"} & roles))

    def collections_with(self, *roles: str) -> list[int]:
        """Return the collections in which the actor has one of some roles."""
        return [one for one, held in self.memberships.items() if held & set(roles)]


ANONYMOUS = Actor("anonymous")


def rule(name: str) -> Actor:
    """Return the actor for a collection's written rule, such as release on receipt."""
    return Actor(f"rule:{name}", site_roles=frozenset({"curator"}), label=f"rule: {name}")


def system() -> Actor:
    """Return the actor for the administrator at the machine itself: the command line."""
    return Actor("system", site_roles=frozenset({"administrator", "curator"}), label="command line")


def digest_of(secret: str) -> bytes:
    """Digest a session's or token's secret; it has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).digest()


def csrf_of(archive: Archive, session: str) -> str:
    """Return the form token that belongs to a session: without the session's secret it cannot be known."""
    return hmac.new(archive.secret("csrf"), session.encode(), hashlib.sha256).hexdigest()


def need_administrator(actor: Actor) -> None:
    """Refuse everybody but administrators."""
    if not actor.is_administrator:
        raise Refused("Only an administrator may manage accounts.", code="account.not-administrator")


@dataclass(frozen=True, slots=True)
class Standing:
    """A person with their rights, and what the archive's rules still ask of them."""

    actor: Actor
    has_factor: bool
    must_have_factor: bool
    has_accepted: bool
    is_due: bool

    def step(self, *, is_strong: bool) -> str:
        """Return what a session of this person still waits for; empty: nothing."""
        waits = {
            "code": self.has_factor and not is_strong,
            "enrol": self.must_have_factor and not self.has_factor,
            "terms": not self.has_accepted,
            "renewal": self.is_due,
        }
        return next((name for name, holds in waits.items() if holds), "")


_PERSON = """
select p.name, p.display_name, p.site_roles,
    exists (select from accounts.totp where person_id = p.id)
        or exists (select from accounts.passkey where person_id = p.id) as has_factor,
    not exists (
        select from (select version from accounts.terms where since <= now() order by since desc limit 1) newest
        where not exists (select from accounts.acceptance a where a.person_id = p.id and a.version = newest.version)
    ) as has_accepted,
    %(months)s > 0 and p.renewed_at < now() - make_interval(months => %(months)s) as is_due
from accounts.person p where p.id = %(id)s and p.is_active
"""


def standing(archive: Archive, tx: database.Tx, person_id: int, name: str = "") -> Standing | None:
    """Return a person with their rights; None when the account is closed."""
    policy = archive.settings.accounts
    person = tx.execute(_PERSON, {"id": person_id, "months": policy.renewal_months}).fetchone()
    if person is None:
        return None
    memberships: dict[int, set[str]] = {}
    held = "select distinct collection_id, role from collections.held_role where person_id = %s and site = ''"
    for row in tx.execute(held, [person_id]):
        memberships.setdefault(row.collection_id, set()).add(row.role)
    actor = Actor(
        name=name or f"person:{person_id}",
        person_id=person_id,
        label=person.display_name or person.name,
        site_roles=frozenset(person.site_roles),
        memberships={key: frozenset(roles) for key, roles in memberships.items()},
    )
    must = policy.second_factor == "all" or (policy.second_factor == "curators" and actor.is_curator)
    return Standing(actor, person.has_factor, must, person.has_accepted, person.is_due)


def actor_of_person(archive: Archive, person_id: int) -> Actor:
    """Return the actor for a person who has just proven who they are."""
    with archive.database.transaction() as tx:
        found = standing(archive, tx, person_id)
    return found.actor if found else ANONYMOUS


def actor_of_session(archive: Archive, session: str) -> Actor:
    """Return who a session's cookie belongs to.

    Returns
    -------
    Actor
        Anonymous when the session is unknown or has expired; anonymous with a ``step`` while the sign-in waits for one.
    """
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select person_id, is_strong, seen_at < now() - interval '5 minutes' as is_stale from accounts.session"
            " where digest = %s and expires_at > now()",
            [digest_of(session)],
        ).fetchone()
        if found is None:
            return ANONYMOUS
        if found.is_stale:
            tx.execute(
                "update accounts.session set seen_at = now(), expires_at = now() + make_interval(hours => %s) where digest = %s",
                [archive.settings.accounts.session_hours, digest_of(session)],
            )
        known = standing(archive, tx, found.person_id)
    if known is None:
        return ANONYMOUS
    step = known.step(is_strong=found.is_strong)
    return replace(ANONYMOUS, step=step) if step else replace(known.actor, is_strong=found.is_strong)


def actor_of_token(archive: Archive, secret: str) -> Actor:
    """Return who an API token belongs to, limited to its scopes.

    A token that was made without a second factor neither curates nor administers for a person who must have one.

    Raises
    ------
    ExpiredToken
        It is unknown, revoked or past its date, or the account waits to be confirmed.
    """
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select id, person_id, scopes, is_strong, coalesce(used_at < now() - interval '5 minutes', true) as is_stale"
            " from accounts.token where digest = %s and expires_at > now()",
            [digest_of(secret)],
        ).fetchone()
        known = standing(archive, tx, found.person_id, f"token:{found.id}") if found else None
        if found is None or known is None:
            raise ExpiredToken("The API token is unknown, revoked or expired; make a new one under your account.")
        if known.is_due:
            raise ExpiredToken(
                "The account waits to be confirmed: sign in once on the pages.", code="account.renewal-due"
            )
        if found.is_stale:
            tx.execute("update accounts.token set used_at = now() where id = %s", [found.id])
    scopes = frozenset(found.scopes)
    if known.must_have_factor and not found.is_strong:
        scopes -= {"curate", "administer"}
    return replace(known.actor, scopes=scopes, is_strong=found.is_strong)


def basic_credentials(header: str) -> tuple[str, str] | None:
    """Read ``Authorization: Basic`` (RFC 7617) into name and password; None if it does not parse."""
    try:
        text = base64.b64decode(header.partition(" ")[2], validate=True).decode("utf-8")
    except ValueError:
        return None
    name, colon, password = text.partition(":")
    return (name, password) if colon else None
