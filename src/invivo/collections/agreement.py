"""Data use agreements: versions of a text, and who signed which of them by name and when."""

from dataclasses import dataclass
from datetime import datetime

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, Refused

LONGEST_CHARACTERS, LONGEST_NAME = 100_000, 200


class AgreementChanged(Conflict):
    """Another version came into force while somebody was reading."""

    code = "agreement.changed"


@dataclass(frozen=True, slots=True)
class Agreement:
    """A version of a collection's agreement; the newest is in force.

    Attributes
    ----------
    text : str
        Markdown.
    is_needed_again : bool
        Whether approvals rest until their holders have signed this version or a newer one.
    """

    collection_id: int
    version: int
    text: str
    is_needed_again: bool
    made_by: str
    made_at: datetime
    signatures: int


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed which version: the name as it was typed."""

    version: int
    person_id: int
    account: str
    name: str
    signed_at: datetime


def agreements_of(archive: Archive, collection_id: int) -> list[Agreement]:
    """Return the versions of a collection's agreement, newest first: what everybody may read."""
    with archive.database.transaction() as tx:
        return _agreements(tx, collection_id)


def _agreements(tx: database.Tx, collection_id: int) -> list[Agreement]:
    found = tx.execute(
        "select a.collection_id, a.version, a.text, a.is_needed_again, a.made_by, a.made_at, (select count(*) from"
        " collections.signature s where s.collection_id = a.collection_id and s.version = a.version)"
        " from collections.agreement a where a.collection_id = %s order by a.version desc",
        [collection_id],
    )
    return [Agreement(*row) for row in found]


def agreement_in_force(tx: database.Tx, collection_id: int) -> tuple[int, str] | None:
    """Return number and text of the version in force; None without an agreement."""
    row = tx.execute(
        "select version, text from collections.agreement where collection_id = %s order by version desc limit 1",
        [collection_id],
    ).fetchone()
    return None if row is None else (int(row.version), str(row.text))


def add_agreement(
    archive: Archive, actor: accounts.Actor, collection_id: int, text: str, *, is_needed_again: bool = False
) -> int:
    """Put a new version in force; return its number.

    With `is_needed_again` every approval rests until its holder has signed; they are told.

    Raises
    ------
    Refused
    Invalid
    """
    if not actor.may_own(collection_id):
        raise Refused("Only the collection's owner or an administrator may change this.", code="collection.not-owner")
    if not text.strip() or len(text) > LONGEST_CHARACTERS:
        raise Invalid(f"An agreement has 1 to {LONGEST_CHARACTERS} characters.", code="agreement.text")
    with archive.database.transaction() as tx:
        tx.execute("select 1 from collections.collection where id = %s for update", [collection_id])
        row = tx.execute(
            "insert into collections.agreement (collection_id, version, text, is_needed_again, made_by)"
            " select %(id)s, coalesce(max(version), 0) + 1, %(text)s, %(again)s, %(by)s"
            " from collections.agreement where collection_id = %(id)s returning version",
            {"id": collection_id, "text": text, "again": is_needed_again, "by": actor.name},
        ).fetchone()
        assert row is not None
        if is_needed_again:
            _tell_holders(tx, collection_id, row.version)
        audit.note(tx, actor.name, "access.agreement", f"collection:{collection_id}", version=row.version)
        return int(row.version)


def _tell_holders(tx: database.Tx, collection_id: int, version: int) -> None:
    holders = tx.execute(
        "select distinct q.person_id, c.short_name from collections.request q"
        " join collections.collection c on c.id = q.collection_id"
        " where q.collection_id = %s and q.state = 'approved' and q.ends_on >= current_date",
        [collection_id],
    ).fetchall()
    if holders:
        name = holders[0].short_name
        text = f"Version {version} of the data use agreement of {name} must be signed before its data can be had again."
        people = [row.person_id for row in holders]
        accounts.notify(tx, people, "access.agreement", f"{name}: an agreement to sign", text, link="/access")


def sign_agreement(archive: Archive, actor: accounts.Actor, collection_id: int, version: int, name: str) -> None:
    """Sign the version in force by name; the day is today. Repeating it changes nothing.

    Raises
    ------
    Refused
        Nobody is signed in.
    AgreementChanged
    Invalid
    """
    with archive.database.transaction() as tx:
        sign(tx, actor, collection_id, version, name)


def sign(tx: database.Tx, actor: accounts.Actor, collection_id: int, version: int, name: str) -> None:
    """Sign within a transaction; see `sign_agreement`."""
    if actor.person_id is None:
        raise Refused("Sign in to sign an agreement.", code="agreement.not-signed-in")
    name = " ".join(name.split())
    if not 2 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise Invalid("Sign with your name.", code="agreement.name")
    tx.execute("select 1 from collections.collection where id = %s for share", [collection_id])
    current = agreement_in_force(tx, collection_id)
    if current is None or current[0] != version:
        raise AgreementChanged("Another version of the agreement is in force now; read it, then sign.")
    made = tx.execute(
        "insert into collections.signature (collection_id, version, person_id, name) values (%s, %s, %s, %s)"
        " on conflict do nothing returning version",
        [collection_id, version, actor.person_id, name],
    ).fetchone()
    if made is not None:
        audit.note(tx, actor.name, "access.sign", f"collection:{collection_id}", version=version)


def has_signed(tx: database.Tx, collection_id: int, person_id: int) -> int | None:
    """Return the newest version that a person has signed."""
    row = tx.execute(
        "select max(version) as version from collections.signature where collection_id = %s and person_id = %s",
        [collection_id, person_id],
    ).fetchone()
    return None if row is None else row.version


def signatures_of(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[Signature]:
    """Return who signed what, newest first, for the collection's owner; raises Refused."""
    if not actor.may_own(collection_id):
        raise Refused("Only the collection's owner may see who signed.", code="collection.not-owner")
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select s.version, s.person_id, p.name as account, s.name, s.signed_at from collections.signature s"
            " join accounts.person p on p.id = s.person_id where s.collection_id = %s order by s.signed_at desc limit 1000",
            [collection_id],
        )
        return [Signature(*row) for row in found]
