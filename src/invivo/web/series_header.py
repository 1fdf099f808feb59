"""The whole header of a file of a series, searched and a page at a time."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import dicom, images
from invivo.errors import NotFound
from invivo.web.form import only
from invivo.web.header import TagRow, tag_rows
from invivo.web.render import page

MOST_BYTES = 40_000
A_PAGE_BYTES = 90_000
LONGEST_WORDS = 200
MARKUP = 150  # what a row costs beside its texts


def shortened(rows: Sequence[TagRow], most_bytes: int = MOST_BYTES) -> list[TagRow]:
    """Return as many first rows as a page has room for."""
    size, shown = 0, 0
    for row in rows:
        size += MARKUP + len(row.keyword) + len(row.value.encode())
        if size > most_bytes and shown:
            break
        shown += 1
    return list(rows[:shown])


def matching(rows: Sequence[TagRow], words: str) -> list[TagRow]:
    """Return the rows that have every word in tag, keyword or value; with the sequences around them."""
    asked = words.casefold().split()
    if not asked:
        return list(rows)
    found: list[TagRow] = []
    around: list[TagRow] = []
    shown: set[int] = set()
    for row in rows:
        around = [*around[: row.depth], row]
        told = f"{row.tag} {row.keyword} {row.value}".casefold()
        if all(word in told for word in asked):
            for one in around:
                if id(one) not in shown:
                    shown.add(id(one))
                    found.append(one)
    return found


def header_page(request: Request) -> Response:
    """Show the header of one file, as far as it has the words that are asked."""
    only(request, "instance", "q", "page")
    uid, state = str(request.path_params["uid"]), request.state
    if not dicom.is_valid(uid):
        raise NotFound("There is nothing under this address: it does not hold a UID.", code="page.not-a-uid")
    series = images.find_series(state.archive, state.actor, uid)
    asked = request.query_params.get("instance", "") or series.cover_uid
    header = next(images.headers_of(state.archive, series.key, asked), None)
    if header is None:
        raise NotFound("This series has no such instance in the current release.", code="instance.unknown")
    words = request.query_params.get("q", "")[:LONGEST_WORDS]
    rows, is_cut = tag_rows(header)
    found = matching(rows, words)
    pages = _pages(found)
    number = _number(request.query_params.get("page", "1"), len(pages))
    told = header.get("00080018", {}).get("Value") or [""]
    return page(
        request,
        "images/header.html",
        series=series,
        title=series.description or f"{series.modality} series",
        instance=str(told[0]),
        words=words,
        tags=pages[number - 1],
        found=len(found),
        total=len(rows),
        is_cut=is_cut,
        number=number,
        pages=len(pages),
    )


def _pages(rows: list[TagRow]) -> list[list[TagRow]]:
    pages, place = [], 0
    while place < len(rows):
        pages.append(shortened(rows[place:], A_PAGE_BYTES))
        place += len(pages[-1])
    return pages or [[]]


def _number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) <= most):
        raise NotFound(f"The header has no page {text[:6]}.", code="page.number")
    return int(text[:6])


routes: list[Route] = [Route("/series/{uid}/header", header_page)]
