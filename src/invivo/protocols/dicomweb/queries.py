"""QIDO-RS: searching studies, series and instances.

References
----------
DICOM PS3.18 10.6.
"""

from collections.abc import Sequence

import orjson
from starlette.requests import Request
from starlette.responses import Response

from invivo import accounts, errors, images, search
from invivo.archive import Archive
from invivo.protocols.dicomweb import writing
from invivo.protocols.dicomweb.matching import fits
from invivo.protocols.dicomweb.native_model import XML, xml_of
from invivo.protocols.dicomweb.reading import Criteria, criteria_of
from invivo.protocols.negotiation import chosen_model
from invivo.protocols.wire import VARY, Part, actor_of, archive_of, lasting, multipart_response, named_digest

ROWS_AT_ONCE = 200
MOST_HEADERS = 5000
Json = writing.Json
Rows = Sequence[search.Found]


class TooBroad(errors.TooLarge):
    """The question would look through too much (PS3.18 10.6.3, status 413)."""

    code = "dicomweb.too-broad"


def root_of(archive: Archive) -> str:
    """Return the public address of the service; never made of the Host header, which clients send without the port."""
    return f"{archive.settings.public_url}/dicom-web"


def studies(request: Request) -> Response:
    """Search for studies."""
    return _searched(request, "study")


def series(request: Request) -> Response:
    """Search for series, of one study or of all."""
    return _searched(request, "series")


def instances(request: Request) -> Response:
    """Search for instances, of one series, of one study or of all."""
    return _searched(request, "instance")


def _searched(request: Request, level: str) -> Response:
    archive, actor = archive_of(request), actor_of(request)
    model = chosen_model(request)
    criteria = criteria_of(request, archive.settings.limits.page_rows, level)
    query = _resolved(archive, actor, criteria)
    if criteria.matches:
        rows, has_more = _looked_through(archive, actor, criteria, query)
    else:
        page = search.matches(
            archive,
            actor,
            query,
            level,
            offset=criteria.offset,
            limit=criteria.limit,
            by_number=bool(criteria.place.study),
        )
        rows, has_more = page.rows, page.has_more
    return _answer(request, _written(archive, criteria, rows), model, has_more=has_more)


def _resolved(archive: Archive, actor: accounts.Actor, criteria: Criteria) -> search.Query:
    """Put the names that are nearly as asked in the place of fuzzy ones."""
    parts = [
        search.Compare(field, "is", search.names_alike(archive, actor, field, asked)) for field, asked in criteria.names
    ]
    return search.And((*criteria.query.parts, *parts))


def _looked_through(
    archive: Archive, actor: accounts.Actor, criteria: Criteria, query: search.Query
) -> tuple[Rows, bool]:
    """Find what also meets the matches of headers: of studies some series must, by a sample of its headers.

    Raises
    ------
    TooBroad
        More headers than `MOST_HEADERS` would be opened.
    """
    skipped, looked, after = 0, 0, 0
    found: list[search.Found] = []
    while True:
        page = search.matches(archive, actor, query, criteria.level, after=after, limit=ROWS_AT_ONCE)
        looked += sum(len(_keys(criteria.level, row)) for row in page.rows)
        if looked > MOST_HEADERS:
            raise TooBroad(
                f"More than {MOST_HEADERS} headers would be opened to compare what has no index; name a study, a series,"
                " a patient, a modality or a date besides."
            )
        headers = _packed(archive, criteria.level, [key for row in page.rows for key in _keys(criteria.level, row)])
        for row in page.rows:
            if not any(_fits(headers.get(key), criteria) for key in _keys(criteria.level, row)):
                continue
            skipped += 1
            if skipped > criteria.offset:
                found.append(row)
            if len(found) > criteria.limit:
                return found[: criteria.limit], True
        if page.after is None:
            return found, False
        after = page.after


def _keys(level: str, row: search.Found) -> list[int]:
    """Return what names the headers that stand for a row."""
    if level == "study":
        return sorted(row.series_keys)
    return [row.series_key if level == "series" else row.place]


def _packed(archive: Archive, level: str, keys: list[int]) -> dict[int, bytes]:
    if not keys:
        return {}
    return images.packed_headers(archive, keys) if level == "instance" else images.sample_headers(archive, keys)


def _fits(packed: bytes | None, criteria: Criteria) -> bool:
    if packed is None:
        return False
    header = images.unpack_header(packed)
    return all(fits(header, match) for match in criteria.matches)


def _written(archive: Archive, criteria: Criteria, rows: Rows) -> list[Json]:
    level, root = criteria.level, root_of(archive)
    is_relational = not criteria.place.study
    looks = any(not writing.is_given(level, path, is_relational=is_relational) for path in criteria.included)
    headers = _packed(archive, level, [_keys(level, row)[0] for row in rows]) if looks else {}
    written = []
    for row in rows:
        json = writing.row_json(level, row, root, is_relational=is_relational)
        packed = headers.get(_keys(level, row)[0]) if looks else None
        header = None if packed is None else images.unpack_header(packed)
        written.append(writing.with_included(json, level, row, header, criteria.included))
    return written


def _answer(request: Request, written: list[Json], model: str, *, has_more: bool) -> Response:
    headers = {"Cache-Control": lasting(request), "Vary": VARY}
    if has_more:
        headers["Warning"] = '299 invivo: "There are additional results that can be requested; go on with offset."'
    if model != XML:
        return Response(orjson.dumps(written), media_type=model, headers=headers)
    if not written:
        return Response(status_code=204, headers=headers)
    parts = [Part(XML, [content], len(content)) for content in map(xml_of, written)]
    return multipart_response(parts, XML, named_digest(str(request.url)), headers=headers)
