"""QIDO-RS: searching studies, series and instances.

References
----------
DICOM PS3.18 10.6.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from invivo import accounts, errors, images, search
from invivo.archive import Archive
from invivo.protocols.dicomweb import writing
from invivo.protocols.dicomweb.reading import Criteria, criteria_of
from invivo.protocols.negotiation import chosen
from invivo.protocols.wire import VARY, BadParameter, actor_of, archive_of, lasting

JSON_TYPES = ("application/dicom+json", "application/json")
SERIES_AT_ONCE = 200
MOST_SERIES = 2000


class TooBroad(errors.TooLarge):
    """The question would look through too much (PS3.18 10.6.3, status 413)."""

    code = "dicomweb.too-broad"


def root_of(archive: Archive) -> str:
    """Return the public address of the service; never made of the Host header, which clients send without the port."""
    return f"{archive.settings.public_url}/dicom-web"


def studies(request: Request) -> Response:
    """Search for studies."""
    archive, actor, criteria = _asked(request)
    found = _page(archive, actor, criteria, "study")
    rows = _whole(archive, actor, found.rows) if criteria.is_of_series else found.rows
    written = [writing.study_json(row, root_of(archive)) for row in rows]
    return _answer(request, criteria, written, found.total - criteria.offset - len(written))


def series(request: Request) -> Response:
    """Search for series, of one study or of all."""
    archive, actor, criteria = _asked(request)
    found = _page(archive, actor, criteria, "series")
    written = [writing.series_json(row, root_of(archive)) for row in found.rows]
    return _answer(request, criteria, written, found.total - criteria.offset - len(written))


def instances(request: Request) -> Response:
    """Search for instances, of one series, of one study or of all."""
    archive, actor, criteria = _asked(request)
    if "SOPInstanceUID" in criteria.instances and not criteria.query.parts:
        named = _named(archive, actor, criteria.instances["SOPInstanceUID"])
        found: Iterator[images.Instance] = islice((one for one in named if _fits(one, criteria)), criteria.offset, None)
    else:
        found = _of_series(archive, actor, criteria)
    shown = list(islice(found, criteria.limit))
    more = sum(1 for _ in islice(found, 1))
    headers = _headers(archive, shown) if criteria.included else {}
    written = [
        writing.instance_json(one, root_of(archive), headers.get((one.series_key, one.uid)), criteria.included)
        for one in shown
    ]
    return _answer(request, criteria, written, more)


def _asked(request: Request) -> tuple[Archive, accounts.Actor, Criteria]:
    archive = archive_of(request)
    return archive, actor_of(request), criteria_of(request, archive.settings.limits.page_rows)


def _page(archive: Archive, actor: accounts.Actor, criteria: Criteria, level: str) -> search.FoundPage:
    """Find a page of studies or series; of what belongs to instances only their UIDs can be asked here."""
    query: search.Query = criteria.query
    if criteria.instances:
        if set(criteria.instances) != {"SOPInstanceUID"}:
            raise BadParameter(f"{', '.join(criteria.instances)} can be asked of instances only; use /instances.")
        holders = {one.series_uid for one in _named(archive, actor, criteria.instances["SOPInstanceUID"])}
        query = search.And((query, search.Compare(search.field_named("series"), "is", tuple(holders))))
    found = search.find(archive, actor, query, level, offset=criteria.offset, limit=max(criteria.limit, 1))
    return search.FoundPage(found.rows[: criteria.limit], found.total, found.after)


def _whole(archive: Archive, actor: accounts.Actor, rows: tuple[search.Found, ...]) -> list[search.Found]:
    """Ask studies anew without what was asked of their series, so that their totals are those of the whole study."""
    if not rows:
        return []
    uids = tuple(row.study_uid for row in rows)
    found = search.find(
        archive, actor, search.Compare(search.field_named("study"), "is", uids), "study", limit=len(uids) * 2
    )
    whole = {row.place: row for row in found.rows}
    return [whole.get(row.place, row) for row in rows]


def _named(archive: Archive, actor: accounts.Actor, uids: tuple[str, ...]) -> Iterator[images.Instance]:
    for uid in dict.fromkeys(uids):
        try:
            yield images.find_instance(archive, actor, uid, bytes_too=False)
        except images.UnknownInstance:
            continue


def _of_series(archive: Archive, actor: accounts.Actor, criteria: Criteria) -> Iterator[images.Instance]:
    """Yield the instances that fit, behind the offset, series by series, as far as somebody asks on.

    Raises
    ------
    TooBroad
        Too many series would have to be looked through.
    """
    left, looked, after = criteria.offset, 0, 0
    classes = set(criteria.instances.get("SOPClassUID", ()))
    while True:
        page = search.find(archive, actor, criteria.query, "series", after=after, limit=SERIES_AT_ONCE)
        for row in page.rows:
            if classes and classes.isdisjoint(row.sop_classes):
                continue
            if not criteria.instances and left >= row.instance_count:
                left -= row.instance_count
                continue
            looked += 1
            if looked > MOST_SERIES:
                raise TooBroad(f"More than {MOST_SERIES} series would be looked through; name a study or a series.")
            for one in images.instances_of(archive, actor, row.study_uid, row.series_uid, bytes_too=False):
                if one.series_key == row.key and _fits(one, criteria):
                    if left:
                        left -= 1
                    else:
                        yield one
        if page.after is None:
            return
        after = page.after


def _fits(one: images.Instance, criteria: Criteria) -> bool:
    values = {"SOPInstanceUID": one.uid, "SOPClassUID": one.sop_class_uid, "InstanceNumber": str(one.number)}
    return all(values[keyword] in asked for keyword, asked in criteria.instances.items())


def _headers(archive: Archive, shown: list[images.Instance]) -> dict[tuple[int, str], dict[str, Any]]:
    """Read the headers of a page of instances, a series at a time where it has many on the page."""
    found: dict[tuple[int, str], dict[str, Any]] = {}
    by_series: dict[int, set[str]] = {}
    for one in shown:
        by_series.setdefault(one.series_key, set()).add(one.uid)
    for key, uids in by_series.items():
        only = next(iter(uids)) if len(uids) == 1 else None
        for header in images.headers_of(archive, key, only):
            uid = (header.get("00080018", {}).get("Value") or [""])[0]
            if uid in uids:
                found[key, uid] = header
    return found


def _answer(request: Request, criteria: Criteria, written: list[writing.Json], remaining: int) -> Response:
    media_type = chosen(request, JSON_TYPES)
    headers = {"Cache-Control": lasting(request), "Vary": VARY}
    warnings = []
    if remaining > 0:
        warnings.append('299 invivo: "There are additional results that can be requested; go on with offset."')
    if criteria.is_fuzzy:
        warnings.append(
            '299 invivo: "The fuzzymatching parameter is not supported. Only literal matching was performed."'
        )
    if warnings:
        headers["Warning"] = ", ".join(warnings)
    return Response(orjson.dumps(written), media_type=media_type, headers=headers)
