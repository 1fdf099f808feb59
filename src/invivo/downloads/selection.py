"""A choice: which files it holds, and what of it may not be had."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from invivo import accounts, attachments, carts, collections, database, images, releases, search
from invivo.archive import Archive
from invivo.downloads.layout import folder, names_of, plain, unique
from invivo.errors import Invalid, NotFound, TooLarge

MOST_ELSEWHERE = 10_000
MOST_FILES = 300_000
MOST_BYTES = 4 << 40
KEPT_ELSEWHERE = carts.KEPT_ELSEWHERE


class PackageTooLarge(TooLarge):
    """More than one package holds; the manifest names all of it."""

    code = "download.too-large"


class KeptElsewhere(NotFound):
    """All that is chosen is only described here; its bytes are in another place, which the message names."""

    code = "download.elsewhere"


class NothingChosen(NotFound):
    """The choice holds nothing that the actor may see."""

    code = "download.nothing"


@dataclass(frozen=True, slots=True)
class File:
    """A file of a package; sizes in bytes; `path` is its name in the package."""

    path: str
    digest: str
    size_bytes: int
    crc32: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A series that is in the choice and may not be had here.

    Attributes
    ----------
    series_uid : str
        Empty where it stands for very many.
    url : str
        Where it can be had, if its bytes are kept elsewhere.
    count : int
        For how many series it stands.
    """

    series_uid: str
    collection: str
    reason: str
    url: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Source:
    """A collection that gives to the selection.

    Attributes
    ----------
    licences : tuple of (SPDX identifier, series)
        What its series were released under, the most frequent first.
    citation : str
        As a line of a reference list.
    """

    id: int
    short_name: str
    title: str
    licence: str
    acknowledgement: str
    terms: str
    release: int
    published_at: datetime | None
    series_count: int
    size_bytes: int
    licences: tuple[tuple[str, int], ...] = ()
    citation: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a download will hold.

    Attributes
    ----------
    name : str
        Stem of the package's file name.
    refused : tuple of Refusal
        Part of the answer, never silently left out.
    taken : mapping of (collection id, series UID) to bytes
        What leaves, for the count; files that are not DICOM have no series.
    licensed : tuple of (series_uid, collection, SPDX identifier)
        Under which licence each series is.
    layout : {"folders", "flat", "bids"}
    excess : tuple of (files, bytes) or None
        How much it would be where that is more than one package holds; then there are no files.
    """

    name: str
    files: tuple[File, ...]
    sources: tuple[Source, ...]
    refused: tuple[Refusal, ...]
    taken: Mapping[tuple[int, str], int]
    licensed: tuple[tuple[str, str, str], ...] = ()
    layout: str = "folders"
    excess: tuple[int, int] | None = None

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    @property
    def licences(self) -> tuple[str, ...]:
        return tuple(sorted({one for source in self.sources for one, _ in source.licences}))

    @property
    def collections(self) -> tuple[str, ...]:
        return tuple(source.short_name for source in self.sources)


_FILES = """
select s.uid as series_uid, s.collection_id, c.short_name as collection, c.access, p.label as subject, t.uid as study_uid,
       t.study_date, s.number as series_number, s.modality, s.description, coalesce(s.licence, c.licence) as licence,
       ({may_have}) as may_have, i.uid, i.number, i.digest,
       i.size_bytes, i.crc32
from images.series s
join collections.collection c on c.id = s.collection_id
join subjects.subject p on p.id = s.subject_id
join images.study t on t.id = s.study_id
join images.instance i on i.series_key = s.key and upper_inf(i.releases)
where upper_inf(s.releases) and {chosen} and {visible}
order by s.id, i.number nulls last, i.uid
limit %(most)s
"""

_ELSEWHERE = """
select s.uid as series_uid, c.short_name as collection, l.url
from images.series s
join images.location l on l.series_id = s.id
join collections.collection c on c.id = s.collection_id
where upper_inf(s.releases) and s.cover_instance_id is null and {chosen} and {visible}
limit %(most)s
"""


def select(
    archive: Archive,
    actor: accounts.Actor,
    *,
    series_uids: Sequence[str] | None = None,
    study_uid: str | None = None,
    collection: str | None = None,
    cart: str | None = None,
    layout: str = "folders",
) -> Selection:
    """Resolve a choice of series, a study, a whole collection or a cart into files.

    Parameters
    ----------
    cart : str, optional
        As `carts.find_cart` takes it.
    layout : {"folders", "flat", "bids"}
        See `layout`.

    Raises
    ------
    Invalid
        Nothing was named: a selection without criteria must be asked for explicitly.
    NothingChosen
        Nothing that the actor may know of is in the choice.
    """
    chosen = _chosen(archive, actor, series_uids, study_uid, collection, cart)
    weight = carts.weigh(archive, actor, cart) if cart is not None else None
    excess = _excess_of(weight)
    found = _files(archive, actor, chosen) if excess is None and (weight is None or _has_some_here(weight)) else []
    if len(found) > MOST_FILES or sum(row.size_bytes for row in found if row.may_have) > MOST_BYTES:
        excess, found = _excess(archive, actor, chosen), []
    here = len({row.series_uid for row in found})
    refused = (*_refusals(found), *_elsewhere(archive, actor, chosen, here, collection, weight))
    if cart is not None:
        gone = carts.gone_from(archive, actor, cart)
        refused = (*refused, *(Refusal(one.series_uid, one.collection, one.reason, "", one.count) for one in gone))
    known = collections.collection_named(archive, actor, collection) if collection is not None else None
    extra = attachments.attachments_of(archive, actor, known.id) if known is not None and excess is None else []
    if not (found or extra or refused or excess):
        raise NothingChosen("There is nothing of this in the current release that you may see.")
    return Selection(
        name=_name(found, collection, weight),
        files=tuple(_named(found, extra, known.short_name if known else "", layout)),
        sources=tuple(_sources(archive, actor, found, collection)),
        refused=refused,
        licensed=tuple(dict.fromkeys((row.series_uid, row.collection, row.licence) for row in found if row.may_have)),
        taken=_taken(found, extra, known.id if known else 0),
        layout=layout,
        excess=excess,
    )


def _files(archive: Archive, actor: accounts.Actor, chosen: database.Condition) -> list[Any]:
    statement = database.join(
        _FILES, chosen=chosen, visible=collections.visible_to(actor), may_have=collections.downloadable_by(actor)
    )
    with archive.database.transaction() as tx:
        parameters = {**statement.parameters, "most": MOST_FILES + 1}
        return database.rows(tx, database.Statement(statement.text, parameters))


def _has_some_here(weight: carts.Weight) -> bool:
    return any(not one.is_elsewhere for one in weight.parts)


def _excess_of(weight: carts.Weight | None) -> tuple[int, int] | None:
    """Return files and bytes of a cart that are too many for a package, before any of them is looked up."""
    packed = [one for one in weight.parts if not one.reason] if weight is not None else []
    files, size = sum(one.instance_count for one in packed), sum(one.size_bytes for one in packed)
    return (files, size) if files > MOST_FILES or size > MOST_BYTES else None


_EXCESS = """
select sum(s.instance_count)::bigint as files, sum(s.size_bytes)::bigint as size_bytes from images.series s
join collections.collection c on c.id = s.collection_id join images.study t on t.id = s.study_id
where upper_inf(s.releases) and {chosen} and {visible} and {may_have}
    and not exists (select from images.location l where l.series_id = s.id)
"""


def _excess(archive: Archive, actor: accounts.Actor, chosen: database.Condition) -> tuple[int, int]:
    statement = database.join(
        _EXCESS, chosen=chosen, visible=collections.visible_to(actor), may_have=collections.downloadable_by(actor)
    )
    with archive.database.transaction() as tx:
        row = database.rows(tx, statement)[0]
    return int(row.files or 0), int(row.size_bytes or 0)


def _name(found: Sequence[Any], collection: str | None, weight: carts.Weight | None) -> str:
    if weight is not None:
        return f"cart-{weight.series_count}-series"
    return plain(collection or (f"{found[0].collection}-{found[0].modality}" if found else "package"), 80)


def _named(found: Sequence[Any], extra: Sequence[Any], collection: str, layout: str) -> list[File]:
    """Give each file its name in the package."""
    had = [row for row in found if row.may_have]
    beside = "" if layout == "flat" else f"{plain(collection)}/files/"
    paths = [*names_of(had, layout), *(f"{beside}{plain(one.name, 150)}" for one in extra)]
    return [
        File(path, one.digest, one.size_bytes, one.crc32)
        for path, one in zip(unique(paths), (*had, *extra), strict=True)
    ]


def _taken(found: Sequence[Any], extra: Sequence[Any], collection_id: int) -> dict[tuple[int, str], int]:
    taken: dict[tuple[int, str], int] = {}
    for row in found:
        if row.may_have:
            key = (row.collection_id, row.series_uid)
            taken[key] = taken.get(key, 0) + row.size_bytes
    if extra:
        taken[collection_id, ""] = sum(one.size_bytes for one in extra)
    return taken


def need_files(selection: Selection) -> None:
    """Say why there is no package.

    Raises
    ------
    PackageTooLarge
        There would be more files or bytes than one package holds.
    KeptElsewhere
        Nothing of the selection is here and something of it is in another place.
    """
    if selection.excess is not None:
        files, size = selection.excess
        raise PackageTooLarge(
            f"This is {files} files and {size} bytes; one package holds at most {MOST_FILES} files and {MOST_BYTES} bytes."
            " Take the manifest: `invivo download` fetches it series by series and goes on where it stopped."
        )
    places = [one.url for one in selection.refused if one.url]
    if places and not selection.files:
        more = f" and {len(places) - 1} more places" if len(places) > 1 else ""
        raise KeptElsewhere(
            f"The archive describes this and does not hold its files; they are in {places[0]}{more}."
            " Fetch them with `invivo download` or with s5cmd."
        )


def _chosen_elsewhere(chosen: database.Condition) -> database.Condition:
    """Say of a study which it is without joining it, since the choice may be a very large collection."""
    if "study_uid" not in chosen.parameters:
        return chosen
    text = "s.study_id in (select t.id from images.study t where t.uid = %(study_uid)s)"
    return database.Condition(text, chosen.parameters)


def _elsewhere(
    archive: Archive,
    actor: accounts.Actor,
    chosen: database.Condition,
    here: int,
    collection: str | None,
    weight: carts.Weight | None,
) -> list[Refusal]:
    """Return what of a choice is kept elsewhere; beyond `MOST_ELSEWHERE` series one line a collection says how many more.

    Of very many series only the first are read; how many there are in all is known without them: of a cart from its weight,
    of a collection from its totals less what is here.
    """
    if weight is not None and not any(one.is_elsewhere for one in weight.parts):
        return []
    statement = database.join(_ELSEWHERE, chosen=_chosen_elsewhere(chosen), visible=collections.visible_to(actor))
    parameters = {**statement.parameters, "most": MOST_ELSEWHERE + 1}
    with archive.database.transaction() as tx:
        found = database.rows(tx, database.Statement(statement.text, parameters))
    listed = [Refusal(row.series_uid, row.collection, KEPT_ELSEWHERE, row.url) for row in found[:MOST_ELSEWHERE]]
    if len(found) <= MOST_ELSEWHERE:
        return listed
    counts: Counter[str] = Counter()
    if weight is not None:
        for one in weight.parts:
            counts[one.collection] += one.series_count if one.is_elsewhere else 0
    elif collection is not None:
        known = collections.collection_named(archive, actor, collection)
        counts[known.short_name] = search.totals_of(archive, actor, known.id).series - here
    shown = Counter(one.collection for one in listed)
    return listed + [
        Refusal("", name, KEPT_ELSEWHERE, count=number - shown[name])
        for name, number in sorted(counts.items())
        if number > shown[name]
    ]


def _chosen(
    archive: Archive,
    actor: accounts.Actor,
    series_uids: Sequence[str] | None,
    study_uid: str | None,
    collection: str | None,
    cart: str | None,
) -> database.Condition:
    if cart is not None:
        return carts.chosen_in(archive, actor, cart)
    if series_uids is not None:
        return database.Condition("s.uid = any(%(series_uids)s)", {"series_uids": list(series_uids)})
    if study_uid is not None:
        return database.Condition("t.uid = %(study_uid)s", {"study_uid": study_uid})
    if collection is not None:
        return database.Condition("lower(c.short_name) = lower(%(collection)s)", {"collection": collection})
    raise Invalid("Say what to download: series, a study, a collection or a cart.", code="download.no-criteria")


def folder_of(series: images.Series) -> str:
    """Return the folder in which a package has the files of a series, in the layout ``folders``."""
    return folder(series, series.uid, series.number)


def _refusals(found: Sequence[Any]) -> list[Refusal]:
    reasons = {"registered": "An account is needed: sign in.", "controlled": "The owner's approval is needed."}
    refused = {
        row.series_uid: Refusal(row.series_uid, row.collection, reasons.get(row.access, "You may not download it."))
        for row in found
        if not row.may_have
    }
    return list(refused.values())


def _sources(archive: Archive, actor: accounts.Actor, found: Sequence[Any], collection: str | None) -> list[Source]:
    sizes: dict[int, int] = {}
    series: dict[int, dict[str, str]] = {}
    for row in found:
        if row.may_have:
            sizes[row.collection_id] = sizes.get(row.collection_id, 0) + row.size_bytes
            series.setdefault(row.collection_id, {})[row.series_uid] = row.licence
    if collection is not None:
        sizes.setdefault(collections.collection_named(archive, actor, collection).id, 0)
    statement = database.Statement(
        "select c.id, c.short_name, c.title, c.licence, c.acknowledgement, c.terms, coalesce(r.number, 0) as release, r.published_at"
        " from collections.collection c left join lateral (select number, published_at from releases.release"
        " where collection_id = c.id order by number desc limit 1) r on true where c.id = any (%(ids)s) order by c.short_name",
        {"ids": list(sizes)},
    )
    with archive.database.transaction() as tx:
        found_sources = database.rows(tx, statement)
    sources, cited = [], releases.cite(archive, actor, sizes)
    for row in found_sources:
        own = series.get(row.id, {})
        licences = tuple(Counter(own.values()).most_common()) or ((row.licence, 0),)
        sources.append(Source(*[*_told(actor, row), len(own), sizes[row.id], licences, cited.get(row.id, row.title)]))
    return sources


def _told(actor: accounts.Actor, row: Any) -> Any:
    """What the package says of a collection; not whom to thank to somebody who must not learn who made it."""
    return row._replace(acknowledgement="") if collections.is_blind(actor, row.id) else row
