"""Pages of collections: all of them, one with its tabs, and the same for machines."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from invivo import attachments, collections, helpdesk, images, releases, search, submissions, usage
from invivo.errors import Invalid
from invivo.web.charts import charts
from invivo.web.figures import use_of
from invivo.web.form import only
from invivo.web.images import ACCESS_WORDS, access_badge, citation, series_title, thumbnail_of
from invivo.web.landing import shares_in_words
from invivo.web.render import page
from invivo.web.taking import saw

A_PAGE = 24
SORTS = {"name": "Name", "newest": "Newest release", "size": "Size"}
VIEWS = ("cards", "table")
STRIP = 24
DRAWN = ("modality", "body-part", "age", "sex", "manufacturer", "series-by-release", "size-by-release")
TAB_PATHS = {
    "About": "",
    "Data": "/data",
    "Versions": "/versions",
    "Files": "/files",
    "Access": "/access",
    "Use": "/use",
}

Picture = tuple[str, str, int, str, str]


@dataclass(frozen=True, slots=True)
class Listed:
    """A collection as a card or a row shows it; size in bytes."""

    collection: collections.Collection
    totals: search.Totals
    release: releases.Release | None
    pictures: tuple[Picture, ...] = ()

    @property
    def address(self) -> str:
        return f"/collections/{quote(self.collection.short_name)}"


def query_of(**fields: str) -> search.Query:
    """Return the query of some fields that must all hold; values are taken as they are, without wildcards."""
    return search.And(tuple(search.Compare(search.field_named(name), "is", (value,)) for name, value in fields.items()))


def pictures_of(request: Request, collection_ids: Sequence[int], most: int) -> dict[int, tuple[Picture, ...]]:
    """Return pictures that stand for collections, as far as the visitor may see them."""
    found = images.showcase(request.state.archive, request.state.actor, collection_ids, most)
    return {
        place: tuple(
            (
                thumbnail_of(one.study_uid, one.series_uid),
                one.modality,
                one.frame_count,
                series_title(one),
                f"/series/{one.series_uid}",
            )
            for one in shown
        )
        for place, shown in found.items()
    }


def _all_listed(request: Request) -> list[Listed]:
    state = request.state
    known = collections.listed(state.archive, state.actor)
    newest = {one.collection_id: one for one in releases.newest(state.archive, state.actor, limit=max(1, len(known)))}
    totals = search.totals_by_collection(state.archive, state.actor)
    return [Listed(one, totals.get(one.id, search.Totals()), newest.get(one.id)) for one in known]


SIZES = ((10**9, "below 1 GB"), (10**10, "1 to 10 GB"), (10**11, "10 to 100 GB"), (10**12, "100 GB to 1 TB"))
BESIDE = {
    "Segmentations": {"SEG", "RTSTRUCT"},
    "Reports and annotations": {"SR", "ANN", "PR", "KO"},
    "Treatment plans and doses": {"RTPLAN", "RTDOSE"},
}


def _size_of(one: Listed) -> list[str]:
    """Name the range of a collection's size; an empty one has none."""
    return [next((words for end, words in SIZES if one.totals.size_bytes < end), "1 TB and more")] * bool(
        one.totals.series
    )


def _beside(one: Listed) -> list[str]:
    """Name what a collection has beside images."""
    return [words for words, kinds in BESIDE.items() if kinds & set(one.totals.modalities)]


_FACETS: tuple[tuple[str, str, Callable[[Listed], Iterable[str]]], ...] = (
    ("access", "Access", lambda one: [one.collection.access]),
    ("modality", "Modality", lambda one: one.totals.modalities),
    ("disease", "Cancer type or disease", lambda one: one.collection.diseases),
    ("site", "Body site", lambda one: one.collection.sites),
    ("species", "Species", lambda one: one.collection.species),
    ("licence", "Licence", lambda one: [one.collection.licence]),
    ("size", "Size", _size_of),
    ("beside", "Beside images", _beside),
)


def _address(chosen: Mapping[str, list[str]], rest: Mapping[str, str]) -> str:
    pairs = [(name, value) for name, values in chosen.items() for value in values]
    pairs += [(name, value) for name, value in rest.items() if value]
    return f"/collections?{urlencode(pairs)}" if pairs else "/collections"


def _facet_values(
    everything: list[Listed], name: str, chosen: Mapping[str, list[str]], rest: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Count a facet's values over the collections that all other facets leave."""
    values_of = {key: read for key, _, read in _FACETS}
    counted: dict[str, int] = dict.fromkeys(chosen[name], 0)
    for one in everything:
        if all(set(chosen[key]) & set(values_of[key](one)) for key in chosen if key != name and chosen[key]):
            for value in set(values_of[name](one)):
                counted[value] = counted.get(value, 0) + 1
    shown = []
    for value, number in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0].lower())):
        is_chosen = value in chosen[name]
        others = [one for one in chosen[name] if one != value] if is_chosen else [*chosen[name], value]
        label = ACCESS_WORDS.get(value, value) if name == "access" else value
        url = _address({**chosen, name: others}, rest)
        shown.append({"value": value, "label": label, "count": number, "selected": is_chosen, "url": url})
    return shown


def _sorted(found: list[Listed], sort: str) -> list[Listed]:
    if sort == "size":
        return sorted(found, key=lambda one: -one.totals.size_bytes)
    if sort == "newest":
        return sorted(found, key=lambda one: -one.release.published_at.timestamp() if one.release else 0.0)
    return found


def list_page(request: Request) -> Response:
    """Show the collections, filtered and sorted, as cards or as a table."""
    names = [name for name, _, _ in _FACETS]
    only(request, *names, "view", "sort", "page")
    asked = request.query_params
    view, sort, number = asked.get("view", "cards"), asked.get("sort", "name"), asked.get("page", "1")
    if view not in VIEWS or sort not in SORTS or not (number.isdigit() and number.isascii() and 0 < len(number) < 6):
        raise Invalid(
            f"view is one of {', '.join(VIEWS)}; sort is one of {', '.join(SORTS)}; page is a number.",
            code="page.choice",
        )
    chosen = {name: asked.getlist(name) for name in names}
    rest = {"view": view if view != "cards" else "", "sort": sort if sort != "name" else ""}
    everything = _all_listed(request)
    found = [
        one for one in everything if all(set(chosen[key]) & set(read(one)) for key, _, read in _FACETS if chosen[key])
    ]
    start = (max(1, int(number)) - 1) * A_PAGE
    listed = _sorted(found, sort)[start : start + A_PAGE]
    pictures = pictures_of(request, [one.collection.id for one in listed], 4)
    shown = [replace(one, pictures=pictures.get(one.collection.id, ())) for one in listed]
    facets = [
        {
            "name": name,
            "title": title,
            "values": _facet_values(everything, name, chosen, rest),
            "clear": _address({**chosen, name: []}, rest) if chosen[name] else None,
        }
        for name, title, _ in _FACETS
    ]
    return page(
        request,
        "collections/list.html",
        shown=shown,
        total=len(found),
        all_total=len(everything),
        start=start,
        facets=[facet for facet in facets if facet["values"]],
        chosen_count=sum(len(values) for values in chosen.values()),
        chosen=_chips(chosen, rest),
        clear_all=_address({}, rest),
        access_words=ACCESS_WORDS,
        view=view,
        sort=sort,
        views=[(one, _address(chosen, {**rest, "view": one if one != "cards" else ""})) for one in VIEWS],
        sorts=[
            (one, words, _address(chosen, {**rest, "sort": one if one != "name" else ""}))
            for one, words in SORTS.items()
        ],
        next_url=_address(chosen, {**rest, "page": str(int(number) + 1)}) if start + A_PAGE < len(found) else None,
        previous_url=_address(chosen, {**rest, "page": str(int(number) - 1)}) if start else None,
    )


def _chips(chosen: Mapping[str, list[str]], rest: Mapping[str, str]) -> list[tuple[str, str]]:
    chips = []
    for name, title, _ in _FACETS:
        for value in chosen[name]:
            without = {**chosen, name: [one for one in chosen[name] if one != value]}
            words = ACCESS_WORDS.get(value, value) if name == "access" else value
            chips.append((f"{title}: {words}", _address(without, rest)))
    return chips


def _known(request: Request) -> collections.Collection:
    name = request.path_params["short_name"].replace("\0", "")
    return collections.collection_named(request.state.archive, request.state.actor, name)


def _tab(request: Request, tab: str, **context: Any) -> Response:
    """Render a tab of a collection with what all tabs share."""
    only(request)
    state, known = request.state, _known(request)
    totals = search.totals_of(state.archive, state.actor, known.id)
    published = releases.releases_of(state.archive, state.actor, known.id)
    files = attachments.attachments_of(state.archive, state.actor, known.id)
    base = f"/collections/{quote(known.short_name)}"
    counts = {"Data": totals.series, "Versions": len(published), "Files": len(files)}
    release = published[0] if published else None
    shown = page(
        request,
        f"collections/{tab.lower()}.html",
        collection=known,
        licence=collections.licence_named(known.licence),
        base=base,
        totals=totals,
        published=published,
        release=release,
        files=files,
        tab=tab,
        tabs=[(name, base + path, counts.get(name)) for name, path in TAB_PATHS.items()],
        badge=access_badge(known.access),
        access_words=ACCESS_WORDS,
        access=collections.access_in_words(known),
        review=collections.review_in_words(known),
        citation=citation(request, known.id),
        successor=submissions.successor_of(state.archive, known.id),
        discussion=helpdesk.discussion_of(state.archive, known.id),
        **{key: read(request, known) if callable(read) else read for key, read in context.items()},
    )
    return shown


def _licences_in_words(request: Request, known: collections.Collection) -> str:
    """What its series are released under; empty where all have one licence."""
    return shares_in_words(search.totals_of(request.state.archive, request.state.actor, known.id).licences)


def about_page(request: Request) -> Response:
    """Show what a collection is."""
    saw(request, _known(request).id, "about")
    return _tab(
        request,
        "About",
        sources=lambda request, known: collections.sources_of(request.state.archive, request.state.actor, known.id),
        results=lambda request, known: collections.results_of(request.state.archive, request.state.actor, known.id),
        shares_words=_licences_in_words,
        pictures=lambda asked, known: pictures_of(asked, [known.id], STRIP).get(known.id, ()),
        figures=lambda asked, known: usage.figures(asked.state.archive, asked.state.actor, known.id),
        charts=lambda asked, known: charts(asked, ("modality",), known),
    )


def data_page(request: Request) -> Response:
    """Show what a collection holds: charts, and its first subjects."""
    return _tab(
        request,
        "Data",
        charts=lambda asked, known: charts(asked, DRAWN, known),
        subjects=lambda asked, known: search.find(
            asked.state.archive, asked.state.actor, query_of(collection=known.short_name), "subject", limit=25
        ),
    )


def versions_page(request: Request) -> Response:
    """Show a collection's releases, what each changed, and what was withdrawn."""
    return _tab(
        request,
        "Versions",
        tombstones=lambda asked, known: releases.tombstones_of(asked.state.archive, asked.state.actor, known.id),
    )


def files_page(request: Request) -> Response:
    """Show the files of a collection that are not DICOM."""
    return _tab(request, "Files")


def access_page(request: Request) -> Response:
    """Show who may have a collection, under what, and who decides."""
    return _tab(request, "Access")


def use_page(request: Request) -> Response:
    """Show how much a collection is used."""
    return _tab(request, "Use", use=use_of)


def json_file(request: Request) -> Response:
    """Give a collection's description for machines."""
    only(request)
    state, known = request.state, _known(request)
    totals = search.totals_of(state.archive, state.actor, known.id)
    published = releases.releases_of(state.archive, state.actor, known.id)
    licence = collections.licence_named(known.licence)
    base = f"{state.archive.settings.public_url}/collections/{quote(known.short_name)}"
    described = {
        **{
            name: getattr(known, name)
            for name in ("short_name", "title", "summary", "description", "contacts", "funding")
        },
        **{
            name: getattr(known, name)
            for name in ("acknowledgement", "species", "sites", "diseases", "access", "terms", "state")
        },
        "embargo_until": known.embargo_until.isoformat() if known.embargo_until else None,
        "licence": asdict(licence),
        "totals": asdict(totals),
        "releases": [
            {**asdict(one), "published_at": one.published_at.isoformat(), "collection_id": None} for one in published
        ],
        "cite": citation(request, known.id),
        "url": base,
        "package": f"{base}/package.zip",
    }
    return JSONResponse(_without_none(described))


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(one) for key, one in value.items() if one is not None}
    return [_without_none(one) for one in value] if isinstance(value, list | tuple) else value


routes: list[Route] = [
    Route("/collections", list_page),
    Route("/collections/{short_name}.json", json_file),
    Route("/collections/{short_name}/data", data_page),
    Route("/collections/{short_name}/versions", versions_page),
    Route("/collections/{short_name}/files", files_page),
    Route("/collections/{short_name}/access", access_page),
    Route("/collections/{short_name}/use", use_page),
    Route("/collections/{short_name}", about_page),
]
