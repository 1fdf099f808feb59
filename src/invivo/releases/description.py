"""A collection, or one release of it, described once: pages, identifiers and harvesters render it in their own words."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from invivo import accounts, collections, database
from invivo.archive import Archive
from invivo.errors import NotFound
from invivo.releases.credit import Creator, Credit, Funder, Related, as_creator, credit_of


class UnknownRelease(NotFound):
    """The collection has no release of this number, or the actor may not know of it."""

    code = "release.unknown"


@dataclass(frozen=True, slots=True)
class Description:
    """What is said of a published state.

    Attributes
    ----------
    number : int
        Of the release; 0 for the collection as a whole, described by its newest release.
    doi, concept_doi : str
        Empty where none was made.
    url : str
        Its landing page.
    is_free : bool
        Anybody may have the data without asking.
    subject_count, study_count, series_count, instance_count, size_bytes : int
        Of this release, as far as the actor may see it.
    licences : tuple of Licence
        All that its series have, that of the release first.
    related : tuple of Related
        As its owner wrote it, and the collections here that it was made from or that were made from it.
    modalities, sites, diseases, species, keywords : tuple of str
    """

    short_name: str
    title: str
    summary: str
    description: str
    number: int
    newest: int
    notes: str
    licence: collections.Licence
    licences: tuple[collections.Licence, ...]
    is_derived: bool
    access: str
    terms: str
    embargo_until: date | None
    published_at: datetime
    first_at: datetime
    publisher: str
    site_url: str
    url: str
    doi: str
    concept_doi: str
    creators: tuple[Creator, ...]
    funders: tuple[Funder, ...]
    related: tuple[Related, ...]
    keywords: tuple[str, ...]
    methods: str
    species: tuple[str, ...]
    sites: tuple[str, ...]
    diseases: tuple[str, ...]
    modalities: tuple[str, ...]
    subject_count: int
    study_count: int
    series_count: int
    instance_count: int
    size_bytes: int

    @property
    def is_free(self) -> bool:
        return self.access == "open"

    @property
    def identifier(self) -> str:
        """The address that lasts: of the DOI if there is one, else of the page."""
        return f"https://doi.org/{self.doi}" if self.doi else self.url

    @property
    def year(self) -> int:
        return self.published_at.year

    @property
    def abstract(self) -> str:
        """What it is, in at least fifty characters."""
        text = self.summary or self.description or self.title
        if len(text) >= 50:
            return text
        return f"{text.rstrip('.')}. A collection of biomedical images of {self.subject_count} subjects in {self.publisher}."


_ABOUT = """
select c.short_name, c.title, c.summary, c.description, c.terms, c.embargo_until, c.species, c.sites, c.diseases, c.is_derived,
    r.number, r.notes, r.licence, r.access, r.published_at,
    (select max(n.number) from releases.release n where n.collection_id = c.id) as newest,
    (select min(n.published_at) from releases.release n where n.collection_id = c.id) as first_at
from collections.collection c join releases.release r on r.collection_id = c.id
where c.id = %(id)s and {visible}
    and r.number = coalesce(%(number)s, (select max(n.number) from releases.release n where n.collection_id = c.id))
"""
_COUNTED = """
select count(distinct s.subject_id) as subjects, count(distinct s.study_id) as studies, count(*) as series,
    coalesce(array_agg(distinct s.modality) filter (where s.modality <> ''), array[]::text[]) as modalities,
    coalesce(array_agg(distinct coalesce(s.licence, (select c.licence from collections.collection c where c.id = %(id)s))),
        array[]::text[]) as licences,
    coalesce(sum(s.instance_count), 0)::bigint as instances, coalesce(sum(s.size_bytes), 0)::bigint as size
from images.series s where s.collection_id = %(id)s and s.releases @> %(number)s::int and {visible}
"""


def describe(archive: Archive, actor: accounts.Actor, collection_id: int, number: int | None = None) -> Description:
    """Describe a release of a collection; None: the collection as a whole. Blind reviewers do not learn who made it.

    Raises
    ------
    UnknownRelease
    """
    statement = database.join(_ABOUT, visible=collections.releases_visible_to(actor))
    with archive.database.transaction() as tx:
        found = database.rows(
            tx, database.Statement(statement.text, {**statement.parameters, "id": collection_id, "number": number})
        )
        if not found:
            raise UnknownRelease("The collection has no such release.")
        counting = database.join(_COUNTED, visible=collections.visible_to(actor))
        given = {**counting.parameters, "id": collection_id, "number": found[0].number}
        (counted,) = database.rows(tx, database.Statement(counting.text, given))
        dois = {
            row.number: row.doi
            for row in tx.execute(
                "select number, doi from releases.identifier where collection_id = %s and number = any (%s)"
                " and state in ('registered', 'findable')",
                [collection_id, [0, found[0].number]],
            )
        }
        credit = credit_of(tx, collection_id)
    linked = _linked(archive, collection_id, credit.related)
    credit = replace(credit, related=(*credit.related, *linked))
    if collections.is_blind(actor, collection_id):  # identifiers lead to who made it as well
        credit, dois = Credit(keywords=credit.keywords, methods=credit.methods), {}
    return _described(archive, found[0], counted, credit, (dois, number))


def _linked(archive: Archive, collection_id: int, written: tuple[Related, ...]) -> tuple[Related, ...]:
    """Return how a collection is related to others here, as everybody may know it: what DataCite is told is public."""
    anybody, found = accounts.ANONYMOUS, []
    for relation, others in (
        ("IsDerivedFrom", collections.sources_of(archive, anybody, collection_id)),
        ("IsSourceOf", collections.results_of(archive, anybody, collection_id)),
    ):
        for one in others:
            with archive.database.transaction() as tx:
                row = tx.execute(
                    "select doi from releases.identifier where collection_id = %s and number = 0"
                    " and state in ('registered', 'findable')",
                    [one.id],
                ).fetchone()
            page = f"{archive.settings.public_url}/collections/{one.short_name}"
            found.append(Related(relation, "DOI", row.doi) if row and row.doi else Related(relation, "URL", page))
    return tuple(one for one in found if one not in written)


def _described(
    archive: Archive, row: Any, counted: Any, credit: Credit, asked: tuple[dict[int, str], int | None]
) -> Description:
    dois, number = asked
    site = archive.settings.public_url
    page = f"{site}/collections/{row.short_name}"
    return Description(
        **{name: getattr(row, name) for name in _SAME},
        number=number or 0,
        licence=collections.licence_named(row.licence),
        licences=tuple(
            collections.licence_named(one)
            for one in sorted(counted.licences or [row.licence], key=lambda one: (one != row.licence, one))
        ),
        publisher=archive.settings.site.name,
        site_url=site,
        url=page if number is None else f"{page}/releases/{number}",
        doi=dois.get(number or 0, ""),
        concept_doi=dois.get(0, ""),
        creators=credit.creators or as_creator(archive.settings.site.name),
        funders=credit.funders,
        related=credit.related,
        keywords=credit.keywords,
        methods=credit.methods,
        species=tuple(row.species),
        sites=tuple(row.sites),
        diseases=tuple(row.diseases),
        modalities=tuple(counted.modalities),
        subject_count=counted.subjects,
        study_count=counted.studies,
        series_count=counted.series,
        instance_count=counted.instances,
        size_bytes=counted.size,
    )


_SAME = (
    "is_derived short_name title summary description terms embargo_until notes access published_at first_at newest"
).split()
