"""The search page, its exports, and what the search box proposes."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from invivo import collections, images, search
from invivo.errors import Invalid
from invivo.web.carts import bar_of
from invivo.web.form import only
from invivo.web.images import ACCESS_WORDS, subject_address, thumbnail_of
from invivo.web.render import page

A_PAGE = 50
SIZES = {"s": "Small", "m": "Medium", "l": "Large"}
LEVEL_WORDS = {"series": ("series", "series"), "study": ("study", "studies"), "subject": ("subject", "subjects")}
FORM_NAMES = ("level", "after", "pictures")
ADVANCED = (
    ("Who", ("subject", "sex", "age", "species")),
    ("What", ("modality", "body-part", "laterality", "description", "study-description", "protocol", "contrast")),
    ("How", ("slice-thickness", "pixel-spacing", "kvp", "rows", "columns", "images", "size", "patient-position")),
    ("With what", ("manufacturer", "model", "software")),
    ("When and where", ("study-date", "series-date", "collection", "access", "licence", "quality")),
    ("Identifiers", ("study", "series", "study-id", "accession", "series-number", "frame-of-reference")),
)
CSV_COLUMNS = (
    *("series_uid", "study_uid", "collection", "subject", "sex", "modality", "series_number", "series_description"),
    *("study_description", "study_date", "patient_age", "body_part", "laterality", "protocol", "manufacturer", "model"),
    *(
        "slice_thickness_mm",
        "pixel_spacing_mm",
        "kvp",
        "rows",
        "columns",
        "instance_count",
        "frame_count",
        "size_bytes",
    ),
    *("licence", "access", "quality", "first_release"),
)
MOST_SUGGESTIONS = 8
_TERM = re.compile(r'(?:^|(?<=\s))([a-z][a-z-]*):("[^"]*"|\S+)')
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address of the search asks.

    Attributes
    ----------
    pairs : tuple of (field name, value)
        The query itself; ``q`` is text.
    """

    pairs: tuple[tuple[str, str], ...]
    query: search.Query
    level: str
    after: int
    pictures: str

    def address(self, pairs: Sequence[tuple[str, str]] | None = None, **changed: str) -> str:
        """Write the address of the same question, or of one with other pairs; paging starts anew unless it is named."""
        rest = {"level": self.level, "pictures": self.pictures, **changed}
        shown = [(name, value) for name, value in rest.items() if value and (name, value) not in _DEFAULTS]
        written = urlencode([*(self.pairs if pairs is None else pairs), *shown])
        return f"/search?{written}" if written else "/search"

    @property
    def encoded(self) -> str:
        return urlencode(self.pairs)


_DEFAULTS = {("level", "series"), ("pictures", "s")}


def terms_of(text: str) -> tuple[str, Pairs]:
    """Split the text of a search box into free words and ``field:value`` terms.

    Examples
    --------
    >>> terms_of('chest modality:CT body-part:"lower leg" note:x')
    ('chest note:x', [('modality', 'CT'), ('body-part', 'lower leg')])
    """
    known = {field.name for field in search.FIELDS}
    pairs: Pairs = []

    def take(match: re.Match[str]) -> str:
        if match.group(1) not in known:
            return match.group(0)
        pairs.append((match.group(1), match.group(2).strip('"')))
        return ""

    words = _TERM.sub(take, text)
    return " ".join(words.split()), pairs


def text_of(pairs: Sequence[tuple[str, str]]) -> str:
    """Write a query as the text of a search box; the reverse of `terms_of`."""
    written = [
        value if name == "q" else f'{name}:"{value}"' if not value or " " in value else f"{name}:{value}"
        for name, value in pairs
    ]
    return " ".join(written)


def _ranges(raw: Sequence[tuple[str, str]]) -> Pairs:
    """Join the two ends of a range that the form sends as ``kvp.from`` and ``kvp.to``, and leave out empty fields.

    Raises
    ------
    UnknownField
        Also for a field that is empty.
    """
    ends: dict[str, dict[str, str]] = {}
    pairs: Pairs = []
    for name, value in raw:
        field, dot, end = name.rpartition(".")
        if name != "q":
            search.field_named(field if dot and end in ("from", "to") else name)
        if dot and end in ("from", "to"):
            ends.setdefault(field, {})[end] = value.strip()
        elif value.strip():
            pairs.append((name, value.strip()))
    for field, both in ends.items():
        low, high = both.get("from", ""), both.get("to", "")
        if low or high:
            pairs.append((field, low if low == high else f"{low}..{high}"))
    return pairs


def read_address(request: Request, extra: Sequence[str] = FORM_NAMES) -> Asked | str:
    """Read an address of the search, or return the address it should have been.

    Terms in the text, DICOM keywords, ends of ranges and empty fields of the form are rewritten, so that what is asked
    stands in the address in one way only.

    Raises
    ------
    Invalid
        A parameter is unknown or a value malformed; the message names it.
    """
    raw = [(name, value) for name, value in request.query_params.multi_items() if name not in extra]
    pairs: Pairs = []
    for name, value in _ranges(raw):
        if name == "q":
            words, terms = terms_of(value)
            pairs += ([(name, words)] if words else []) + terms
        else:
            pairs.append((search.field_named(name).name, value))
    pairs = list(dict.fromkeys(pairs))
    asked = Asked(tuple(pairs), search.parse_pairs(pairs), *_form_of(request))
    if pairs != raw:
        return asked.address(after=str(asked.after) if asked.after else "")
    return asked


def _form_of(request: Request) -> tuple[str, int, str]:
    asked = request.query_params
    level, after, pictures = asked.get("level", "series"), asked.get("after", "0"), asked.get("pictures", "s")
    if level not in search.LEVELS or pictures not in SIZES:
        raise Invalid(
            f"level is one of {', '.join(search.LEVELS)}; pictures is one of {', '.join(SIZES)}.", code="search.form"
        )
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        raise Invalid("after is the number that the page before gave.", code="search.after")
    return level, int(after), pictures


def _parts(asked: Asked) -> list[tuple[str, search.Query]]:
    """Return the query part by part, as the facets want it."""
    names = dict.fromkeys(name for name, _ in asked.pairs)
    return [(name, search.parse_pairs([pair for pair in asked.pairs if pair[0] == name])) for name in names]


def _facets(request: Request, asked: Asked) -> list[dict[str, Any]]:
    shown = []
    for facet in search.facets(request.state.archive, request.state.actor, _parts(asked), limit=40):
        chosen = [value for name, value in asked.pairs if name == facet.name]
        known = {value for value, _ in facet.values}
        values = [*facet.values, *((value, 0) for value in chosen if value not in known)]
        if len(values) > 1 or chosen:
            clear = asked.address([pair for pair in asked.pairs if pair[0] != facet.name]) if chosen else None
            rows = [_facet_value(asked, facet.name, value, number, value in chosen) for value, number in values]
            shown.append({"name": facet.name, "title": facet.title, "values": rows, "clear": clear})
    return shown


def _facet_value(asked: Asked, name: str, value: str, number: int, is_chosen: bool) -> dict[str, Any]:
    pair = (name, value)
    others = [one for one in asked.pairs if one != pair] if is_chosen else [*asked.pairs, pair]
    label = ACCESS_WORDS.get(value, value) if name == "access" else value or "not told"
    return {"value": value, "label": label, "count": number, "selected": is_chosen, "url": asked.address(others)}


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
    asked = read_address(request)
    if isinstance(asked, str):
        return RedirectResponse(asked, status_code=303)
    state = request.state
    found = search.find(state.archive, state.actor, asked.query, asked.level, after=asked.after, limit=A_PAGE)
    pictured = _pictured(request, found, asked.level)
    series_total = found.total if asked.level == "series" else search.count(state.archive, state.actor, asked.query)
    return page(
        request,
        "search/results.html",
        asked=asked,
        found=found,
        nouns=LEVEL_WORDS[asked.level],
        series_total=series_total,
        facets=_facets(request, asked),
        chosen=_chips(asked),
        clear_all=asked.address([]),
        levels=[(level, LEVEL_WORDS[level][1], asked.address(level=level)) for level in ("subject", "study", "series")],
        sizes=[(size, words, asked.address(pictures=size)) for size, words in SIZES.items()],
        next_url=asked.address(after=str(found.after)) if found.after else None,
        first_url=asked.address() if asked.after else None,
        here=asked.address(after=str(asked.after) if asked.after else ""),
        form=_form_fields(asked),
        further=_further(asked),
        text=" ".join(value for name, value in asked.pairs if name == "q"),
        query_text=text_of(asked.pairs),
        subject_address=subject_address,
        pictured=pictured,
        covers=_subject_covers(request, found, pictured) if asked.level == "subject" else {},
        access_words=ACCESS_WORDS,
        bar=bar_of(request),
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


def _export(request: Request) -> Iterator[Any]:
    """Yield every series that the address finds."""
    asked = read_address(request, ())
    query = asked.query if isinstance(asked, Asked) else search.parse_pairs(_pairs_of_address(asked))
    state = request.state
    first = search.find(state.archive, state.actor, query, limit=1000)  # here, so that an error is still a page
    return _pages(request, query, first)


def _pairs_of_address(address: str) -> Pairs:
    return QueryParams(address.partition("?")[2]).multi_items()


def _pages(request: Request, query: search.Query, found: search.FoundPage) -> Iterator[Any]:
    state = request.state
    while True:
        yield from found.rows
        if found.after is None:
            return
        found = search.find(state.archive, state.actor, query, after=found.after, limit=1000)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | time) else value


def _cell(value: Any) -> str:
    """Write a cell; text that a spreadsheet would run as a formula gets an apostrophe in front."""
    text = "" if value is None else str(_plain(value))
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def csv_file(request: Request) -> Response:
    """Give all series found as CSV."""
    found = _export(request)

    def lines() -> Iterator[str]:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(CSV_COLUMNS)
        for row in found:
            writer.writerow([_cell(getattr(row, name)) for name in CSV_COLUMNS])
            if out.tell() > 1 << 16:
                yield out.getvalue()
                out.seek(0)
                out.truncate()
        yield out.getvalue()

    named = {"Content-Disposition": 'attachment; filename="series.csv"'}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8; header=present", headers=named)


def json_file(request: Request) -> Response:
    """Give all series found as JSON: an array of objects."""
    found = _export(request)

    def parts() -> Iterator[bytes]:
        batch: list[bytes] = [b"["]
        for number, row in enumerate(found):
            written = orjson.dumps({name: getattr(row, name) for name in CSV_COLUMNS})
            batch.append((b",\n" if number else b"") + written)
            if len(batch) == 500:
                yield b"".join(batch)
                batch = []
        yield b"".join([*batch, b"]\n"])

    return StreamingResponse(parts(), media_type="application/json")


def suggest(request: Request) -> Response:
    """Propose how to go on with what stands in the search box: collections, values of fields, subjects."""
    only(request, "q")
    text = request.query_params.get("q", "").replace("\0", "")[:200]
    before, _, word = text.rpartition(" ")
    start = word.rpartition(":")[2].strip('"').lower()
    if len(start) < 2:
        return JSONResponse([])
    lead = f"{before} " if before else ""
    proposals = [*_of_facets(request, start), *_of_titles(request, start), *_of_subjects(request, start)]
    told = dict(reversed(proposals))
    ordered = [{"text": lead + term, "note": told[term]} for term in dict.fromkeys(term for term, _ in proposals)]
    return JSONResponse(ordered[:MOST_SUGGESTIONS], headers={"Cache-Control": "private, max-age=30"})


def _of_facets(request: Request, start: str) -> Iterator[tuple[str, str]]:
    names = ("collection", "modality", "body-part", "manufacturer")
    for facet in search.facets(request.state.archive, request.state.actor, [], names, limit=200):
        for value, number in facet.values:
            if any(part.startswith(start) for part in (value.lower(), *value.lower().split())):
                yield text_of([(facet.name, value)]), f"{number:,} series"


def _of_titles(request: Request, start: str) -> Iterator[tuple[str, str]]:
    for one in collections.listed(request.state.archive, request.state.actor):
        if any(word.startswith(start) for word in one.title.lower().split()):
            yield text_of([("collection", one.short_name)]), one.title[:60]


def _of_subjects(request: Request, start: str) -> Iterator[tuple[str, str]]:
    compare = search.Compare(
        search.field_named("subject"), "like", (f"{start.upper().replace('*', '').replace('?', '')}*",)
    )
    for row in search.find(request.state.archive, request.state.actor, compare, "subject", limit=3).rows:
        yield text_of([("subject", row.subject)]), f"{row.series_count:,} series of {row.collection}"


routes: list[Route] = [
    Route("/search", results_page),
    Route("/search.csv", csv_file),
    Route("/search.json", json_file),
    Route("/search/suggest", suggest),
]
