"""The actor: who asks, with what rights, as a value."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

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
    """

    name: str
    person_id: int | None = None
    label: str = ""
    site_roles: frozenset[str] = frozenset()
    memberships: Mapping[int, frozenset[str]] = field(default_factory=dict, hash=False)
    scopes: frozenset[str] | None = None

    @property
    def is_anonymous(self) -> bool:
        return self.person_id is None and self.name == "anonymous"

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


def _actor(tx: database.Tx, person_id: int, name: str, scopes: frozenset[str] | None) -> Actor | None:
    person = tx.execute(
        "select name, display_name, site_roles from accounts.person where id = %s and is_active", [person_id]
    ).fetchone()
    if person is None:
        return None
    memberships: dict[int, set[str]] = {}
    for row in tx.execute("select collection_id, role from collections.member where person_id = %s", [person_id]):
        memberships.setdefault(row.collection_id, set()).add(row.role)
    return Actor(
        name=name,
        person_id=person_id,
        label=person.display_name or person.name,
        site_roles=frozenset(person.site_roles),
        memberships={key: frozenset(roles) for key, roles in memberships.items()},
        scopes=scopes,
    )


def actor_of_person(archive: Archive, person_id: int) -> Actor:
    """Return the actor for a person who has just proven who they are."""
    with archive.database.transaction() as tx:
        return _actor(tx, person_id, f"person:{person_id}", None) or ANONYMOUS


def actor_of_session(archive: Archive, session: str) -> Actor:
    """Return who a session's cookie belongs to; anonymous when it is unknown or has expired."""
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select person_id, seen_at < now() - interval '5 minutes' as is_stale from accounts.session"
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
        return _actor(tx, found.person_id, f"person:{found.person_id}", None) or ANONYMOUS


def actor_of_token(archive: Archive, secret: str) -> Actor:
    """Return who an API token belongs to, limited to its scopes.

    Raises
    ------
    ExpiredToken
        It is unknown, revoked or past its date.
    """
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select id, person_id, scopes, coalesce(used_at < now() - interval '5 minutes', true) as is_stale"
            " from accounts.token where digest = %s and expires_at > now()",
            [digest_of(secret)],
        ).fetchone()
        if found is not None:
            if found.is_stale:
                tx.execute("update accounts.token set used_at = now() where id = %s", [found.id])
            actor = _actor(tx, found.person_id, f"token:{found.id}", frozenset(found.scopes))
            if actor is not None:
                return actor
    raise ExpiredToken("The API token is unknown, revoked or expired; make a new one under your account.")


def basic_credentials(header: str) -> tuple[str, str] | None:
    """Read ``Authorization: Basic`` (RFC 7617) into name and password; None if it does not parse."""
    try:
        text = base64.b64decode(header.partition(" ")[2], validate=True).decode("utf-8")
    except ValueError:
        return None
    name, colon, password = text.partition(":")
    return (name, password) if colon else None
