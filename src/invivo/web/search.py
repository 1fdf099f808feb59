"""The search page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from invivo import images, search
from invivo.web.carts import bar_of
from invivo.web.errors import status_of
from invivo.web.images import ACCESS_WORDS, subject_address, thumbnail_of
from invivo.web.render import page
from invivo.web.search_address import SIZES, VIEWS, Asked, Pairs, read_address, text_of
from invivo.web.search_columns import COLUMNS, Column, cells, columns_of, is_sortable, name_of

A_PAGE = 50
LEVEL_WORDS = {
    "collection": ("collection", "collections"),
    "subject": ("subject", "subjects"),
    "study": ("study", "studies"),
    "series": ("series", "series"),
}
SORTS = ("", "collection", "subject", "study-date", "-study-date", "-images", "-size")
SORT_WORDS = {
    "": "Arrival",
    "collection": "Collection",
    "subject": "Subject",
    "study-date": "Oldest study first",
    "-study-date": "Newest study first",
    "-images": "Most files first",
    "-size": "Largest first",
}
ADVANCED = (
    ("Who", ("subject", "sex", "age", "species")),
    ("What", ("modality", "body-part", "laterality", "description", "study-description", "protocol", "contrast")),
    ("How", ("slice-thickness", "pixel-spacing", "kvp", "rows", "columns", "images", "size", "patient-position")),
    ("With what", ("manufacturer", "model", "software")),
    ("When and where", ("study-date", "series-date", "collection", "access", "licence", "quality")),
    ("Identifiers", ("study", "series", "study-id", "accession", "series-number", "frame-of-reference")),
)
MOST_SHOWN = 200
FACET_VALUES = 40


def _parts(asked: Asked) -> list[tuple[str, search.Query]]:
    """Return the query part by part, as the facets want it."""
    names = dict.fromkeys(name for name, _ in asked.pairs)
    return [(name, search.parse_pairs([pair for pair in asked.pairs if pair[0] == name])) for name in names]


def _facets(request: Request, asked: Asked, moment: search.Moment) -> list[dict[str, Any]]:
    shown = []
    state = request.state
    for facet in search.facets(state.archive, state.actor, _parts(asked), limit=FACET_VALUES, moment=moment):
        chosen = [value for name, value in asked.pairs if name == facet.name]
        known = {value for value, _ in facet.values}
        values = [*facet.values, *((value, 0) for value in chosen if value not in known)]
        if len(values) > 1 or chosen:
            clear = asked.address([pair for pair in asked.pairs if pair[0] != facet.name]) if chosen else None
            rows = _facet_values(asked, facet.name, values, chosen)
            shown.append({"name": facet.name, "title": facet.title, "values": rows, "clear": clear})
    return shown


def _facet_values(
    asked: Asked, name: str, values: Sequence[tuple[str, int]], chosen: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the values of a facet, each with the address that takes it in or leaves it out."""
    with_value, words = asked.adding(name), ACCESS_WORDS if name == "access" else {"": "not told"}
    rows = []
    for value, number in values:
        is_chosen = value in chosen
        url = asked.address([one for one in asked.pairs if one != (name, value)]) if is_chosen else with_value(value)
        label = words.get(value, value)
        rows.append({"value": value, "label": label, "count": number, "selected": is_chosen, "url": url})
    return rows


def _chips(asked: Asked) -> list[tuple[str, str]]:
    chips = []
    for pair in asked.pairs:
        name, value = pair
        words = f"“{value}”" if name == "q" else f"{search.field_named(name).title}: {_range_words(name, value)}"
        chips.append((words, asked.address([one for one in asked.pairs if one != pair])))
    return chips


def _range_words(name: str, value: str) -> str:
    field = search.field_named(name)
    low, dots, high = value.partition("..")
    unit = f" {field.unit}" if field.unit else ""
    if field.kind not in ("number", "date") or not dots:
        return (value or "not told") + (unit if field.kind == "number" else "")
    return f"from {low}{unit}" if not high else f"to {high}{unit}" if not low else f"{low} to {high}{unit}"


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of the advanced form with what it holds now."""

    name: str
    title: str
    kind: str
    unit: str
    value: str
    low: str = ""
    high: str = ""


def _form_fields(asked: Asked) -> list[tuple[str, list[FormField]]]:
    """Fill the advanced form with the first value of each field; `_further` keeps the others."""
    held = dict(reversed(asked.pairs))
    groups = []
    for title, names in ADVANCED:
        fields = []
        for field in map(search.field_named, names):
            value = held.get(field.name, "")
            low, dots, high = value.partition("..")
            fields.append(FormField(field.name, field.title, field.kind, field.unit, value, low, high if dots else low))
        groups.append((title, fields))
    return groups


def _further(asked: Asked) -> Pairs:
    """Return the pairs that the advanced form has no box for; it sends them along unseen."""
    boxes = {"q", *(name for _, names in ADVANCED for name in names)}
    first = set(dict(reversed(asked.pairs)).items())
    return [pair for pair in asked.pairs if pair[0] not in boxes or pair not in first]


def results_page(request: Request) -> Response:
    """Show what a query finds, with facets, counts and ways to go on."""
    try:
        asked = read_address(request)
    except search.BadQuery as fault:
        return _fault_page(request, fault)
    if isinstance(asked, str):
        return RedirectResponse(asked, status_code=303)
    state = request.state
    moment = search.moment_of(state.archive, state.actor)
    found = search.find(
        state.archive,
        state.actor,
        asked.query,
        asked.level,
        after=asked.after,
        limit=A_PAGE,
        order=asked.order,
        token=asked.token,
        moment=moment,
    )
    is_series = asked.level == "series"
    series_total = found.total if is_series else search.count(state.archive, state.actor, asked.query, moment=moment)
    shown = _table(asked, found) if asked.view == "table" else _rows(request, asked, found)
    return page(
        request,
        "search/results.html",
        asked=asked,
        found=found,
        nouns=LEVEL_WORDS[asked.level],
        series_total=series_total,
        facets=_facets(request, asked, moment),
        chosen=_chips(asked),
        clear_all=asked.address([]),
        levels=[(level, words[1], asked.address(level=level)) for level, words in LEVEL_WORDS.items()],
        sizes=[(size, words, asked.address(pictures=size)) for size, words in SIZES.items()],
        views=[(view, words, asked.address(view=view)) for view, words in VIEWS.items()],
        sorts=_sorts(asked),
        next_url=asked.address(token=found.token) if found.token else None,
        first_url=asked.address() if asked.after or asked.token else None,
        here=asked.address(token=asked.token),
        form=_form_fields(asked),
        further=_further(asked),
        text=" ".join(value for name, value in asked.pairs if name == "q"),
        query_text=text_of(asked.pairs),
        subject_address=subject_address,
        access_words=ACCESS_WORDS,
        bar=bar_of(request),
        **shown,
    )


def _rows(request: Request, asked: Asked, found: search.FoundPage) -> dict[str, Any]:
    """Return what rows with pictures need."""
    pictured = _pictured(request, found, asked.level)
    covers = _subject_covers(request, found, pictured) if asked.level in ("subject", "collection") else {}
    return {"pictured": pictured, "covers": covers}


def _table(asked: Asked, found: search.FoundPage) -> dict[str, Any]:
    """Return what a table needs: heads that sort, rows, and the columns to choose from."""
    columns = columns_of(asked.level, asked.show)
    heads = [
        (column.title, column.form in ("count", "bytes", "number"), *_sorting(asked, column)) for column in columns
    ]
    names = [name_of(column) for column in columns]
    choices = [(name_of(column), column.title, name_of(column) in names) for column in COLUMNS[asked.level]]
    rows = [cells(row, asked.level, columns) for row in found.rows]
    uids = [getattr(row, "series_uid", "") for row in found.rows] if asked.level == "series" else [""] * len(rows)
    return {"heads": heads, "table": list(zip(uids, rows, strict=True)), "choices": choices}


def _sorting(asked: Asked, column: Column) -> tuple[str, str]:
    """Return where a column's head leads, and how the answer is sorted by it now."""
    if not is_sortable(column, asked.level):
        return "", ""
    now = {column.name: "ascending", f"-{column.name}": "descending"}.get(asked.order, "")
    further = {"": column.name, "ascending": f"-{column.name}", "descending": ""}[now]
    return asked.address(order=further), now


def _sorts(asked: Asked) -> list[tuple[str, str, bool]]:
    known = search.orders(asked.level)
    names = [name for name in SORTS if not name or name.removeprefix("-") in known]
    if asked.order not in names:
        names.append(asked.order)
    return [(SORT_WORDS.get(name, name), asked.address(order=name), name == asked.order) for name in names]


def _fault_page(request: Request, fault: search.BadQuery) -> Response:
    """Show the text with a mark where it cannot be understood."""
    text = str(fault.facts.get("text", ""))
    return page(
        request,
        "search/fault.html",
        status=status_of(fault),
        message=fault.message,
        query_text=text,
        before=text[: fault.start][-MOST_SHOWN:],
        marked=text[fault.start : max(fault.end, fault.start + 1)][:MOST_SHOWN],
        behind=text[max(fault.end, fault.start + 1) :][:MOST_SHOWN],
    )


def _pictured(request: Request, found: search.FoundPage, level: str) -> frozenset[str]:
    """Return the UIDs of the series among the found whose pictures the visitor may see."""
    name = "series_uid" if level == "series" else "cover_series_uid"
    uids = [uid for row in found.rows if (uid := getattr(row, name))]
    return images.downloadable(request.state.archive, request.state.actor, uids)


def _subject_covers(request: Request, found: search.FoundPage, pictured: frozenset[str]) -> dict[str, str]:
    """Return the address of the picture of each series that stands for a subject."""
    uids = tuple(row.cover_series_uid for row in found.rows if row.cover_series_uid in pictured)
    if not uids:
        return {}
    query = search.Compare(search.field_named("series"), "is", uids)
    rows = search.find(request.state.archive, request.state.actor, query, limit=len(uids) * 2).rows
    return {row.series_uid: thumbnail_of(row.study_uid, row.series_uid) for row in rows}


routes: list[Route] = [Route("/search", results_page)]
