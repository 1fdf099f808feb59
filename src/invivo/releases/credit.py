"""Who made a collection, who paid for it, and what it belongs to: what a citation and an identifier need.

References
----------
DataCite Metadata Schema 4.6.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

from psycopg.types.json import Jsonb

from invivo import accounts, audit, collections, database, jobs
from invivo.archive import Archive
from invivo.errors import Invalid, Refused

MOST, LONGEST = 1000, 500
RELATIONS = (
    "IsCitedBy Cites IsSupplementTo IsSupplementedBy IsDescribedBy IsDocumentedBy IsDerivedFrom IsSourceOf IsPartOf HasPart"
    " IsVersionOf HasVersion IsNewVersionOf IsPreviousVersionOf References IsReferencedBy Obsoletes IsObsoletedBy"
).split()
KINDS = ("DOI", "URL", "PMID", "arXiv", "Handle", "RAiD")
_DOI = re.compile(r"10\.\d{4,9}/[!-~]{1,200}")
_ROR = re.compile(r"https://ror\.org/0[a-hj-km-np-tv-z0-9]{6}\d{2}")
_URL = re.compile(r"https?://[!-~]{3,400}")


@dataclass(frozen=True, slots=True)
class Creator:
    """A person or an organisation that made the data.

    Attributes
    ----------
    name : str
        ``Family, Given`` of a person, else the organisation's name.
    orcid, ror : str
        Bare ORCID of a person; address of the affiliation or the organisation in the ROR registry.
    """

    name: str
    orcid: str = ""
    affiliation: str = ""
    ror: str = ""
    is_organisation: bool = False

    @property
    def family(self) -> str:
        return self.name.partition(",")[0].strip()

    @property
    def given(self) -> str:
        return self.name.partition(",")[2].strip()


@dataclass(frozen=True, slots=True)
class Funder:
    """Who paid, and the award."""

    name: str
    ror: str = ""
    award: str = ""
    award_url: str = ""


@dataclass(frozen=True, slots=True)
class Related:
    """Something else with an identifier, and how the collection is related to it (DataCite's relationType)."""

    relation: str
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Credit:
    """All of it for a collection."""

    creators: tuple[Creator, ...] = ()
    funders: tuple[Funder, ...] = ()
    related: tuple[Related, ...] = ()
    keywords: tuple[str, ...] = field(default=())
    methods: str = ""


Value = TypeVar("Value", Creator, Funder, Related)


def is_doi(text: str) -> bool:
    """Return whether a text is a DOI, without any resolver in front."""
    return _DOI.fullmatch(text) is not None


def _need(good: object, message: str, code: str) -> None:
    if not good:
        raise Invalid(message, code=f"credit.{code}")


def check(credit: Credit) -> None:
    """Raise Invalid for the first fault of a form or of an identifier's check digit."""
    for part in (credit.creators, credit.funders, credit.related, credit.keywords):
        _need(len(part) <= MOST, f"A collection has at most {MOST} of each.", "too-many")
    for one in credit.creators:
        _need(0 < len(one.name) <= LONGEST and len(one.affiliation) <= LONGEST, "A creator needs a name.", "creator")
        if one.orcid:
            accounts.check_orcid(one.orcid)
        _need(not one.ror or _ROR.fullmatch(one.ror), "A ROR identifier looks like https://ror.org/03yrm5c26.", "ror")
    for funder in credit.funders:
        _need(0 < len(funder.name) <= LONGEST and len(funder.award) <= LONGEST, "A funder needs a name.", "funder")
        _need(
            not funder.ror or _ROR.fullmatch(funder.ror),
            "A ROR identifier looks like https://ror.org/03yrm5c26.",
            "ror",
        )
        _need(
            not funder.award_url or _URL.fullmatch(funder.award_url), "An award's address begins with https://.", "url"
        )
    for other in credit.related:
        _need(other.relation in RELATIONS, f"A relation is one of {', '.join(RELATIONS)}.", "relation")
        _need(other.kind in KINDS, f"A related identifier is one of {', '.join(KINDS)}.", "kind")
        _need(
            other.value and len(other.value) <= LONGEST and other.value.isprintable(),
            "It needs an identifier.",
            "value",
        )
        _need(other.kind != "DOI" or is_doi(other.value), f"{other.value} is no DOI such as 10.7937/ABC.", "doi")
        _need(other.kind != "URL" or _URL.fullmatch(other.value), "An address begins with https://.", "url")
    _need(all(0 < len(word) <= 100 for word in credit.keywords), "A keyword has 1 to 100 characters.", "keyword")
    _need(len(credit.methods) <= 20_000, "The methods may have 20,000 characters.", "methods")


def _made(kind: type[Value], rows: Sequence[Mapping[str, Any]]) -> tuple[Value, ...]:
    known = {one.name for one in fields(kind)}
    return tuple(kind(**{key: value for key, value in row.items() if key in known}) for row in rows)


def creators_of(rows: Sequence[Mapping[str, Any]]) -> tuple[Creator, ...]:
    """Read creators as they are kept."""
    return _made(Creator, rows)


def as_creator(publisher: str) -> tuple[Creator, ...]:
    """Return the archive itself as who made a collection: it stands in where nobody was named."""
    return (Creator(publisher, is_organisation=True),)


def credit_of(tx: database.Tx, collection_id: int) -> Credit:
    """Return what is written of a collection; nothing where nobody wrote it yet."""
    row = tx.execute(
        "select creators, funders, related, keywords, methods from releases.credit where collection_id = %s",
        [collection_id],
    ).fetchone()
    if row is None:
        return Credit()
    return Credit(
        creators_of(row.creators),
        _made(Funder, row.funders),
        _made(Related, row.related),
        tuple(row.keywords),
        row.methods,
    )


def tell_again(tx: database.Tx, collection_id: int) -> None:
    """Have DataCite told anew of all that it knows of a collection: its description has changed."""
    for row in tx.execute(
        "select number from releases.identifier where collection_id = %s and wanted <> 'local'", [collection_id]
    ):
        jobs.enqueue(tx, "mint", f"{collection_id}/{row.number}")


def write_credit(archive: Archive, actor: accounts.Actor, collection_id: int, credit: Credit) -> None:
    """Write who made a collection; identifiers that are published are told by a job.

    Raises
    ------
    Refused
        The actor does not own the collection.
    Invalid
    """
    if not actor.may_own(collection_id):
        raise Refused("Only the collection's owner may say who made it.", code="credit.not-owner")
    check(credit)
    with archive.database.transaction() as tx:
        collections.policy_of(tx, collection_id)
        tx.execute(
            "insert into releases.credit (collection_id, creators, funders, related, keywords, methods)"
            " values (%s, %s, %s, %s, %s, %s) on conflict (collection_id) do update set creators = excluded.creators,"
            " funders = excluded.funders, related = excluded.related, keywords = excluded.keywords,"
            " methods = excluded.methods, updated_at = now()",
            [
                collection_id,
                *(Jsonb([asdict(one) for one in part]) for part in (credit.creators, credit.funders, credit.related)),
                list(credit.keywords),
                credit.methods,
            ],
        )
        tell_again(tx, collection_id)
        audit.note(tx, actor.name, "collection.credit", f"collection:{collection_id}", creators=len(credit.creators))
