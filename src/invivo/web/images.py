"""Pages of one study and one series: its pictures, its facts, its header, its files; and what the light viewer asks."""

from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from invivo import collections, dicom, images, releases, submissions
from invivo.errors import NotFound
from invivo.web.form import only
from invivo.web.header import tag_rows
from invivo.web.location import elsewhere, location_file
from invivo.web.ohif import series_address, study_address
from invivo.web.render import counted, page, size_text
from invivo.web.series_about import MOST_REFERENCES, about, all_references, geometry_rows, history
from invivo.web.series_about import routes as about_routes
from invivo.web.series_header import routes as header_routes
from invivo.web.series_header import shortened
from invivo.web.shown import in_order, kind_of, whole_address

ACCESS_WORDS = {
    "open": "Open",
    "registered": "Account needed",
    "controlled": "Approval needed",
    "embargoed": "Embargoed",
    "private": "Private",
}
MOST_FRAMES = 20_000
MOST_LABELLED = 400
FILES_SHOWN = 20
FILES_TO_CHOOSE = 120
FILES_A_PAGE = 200
PRESETS = (
    ("Soft tissue", 40, 400),
    ("Lung", -600, 1500),
    ("Bone", 500, 2000),
    ("Brain", 40, 80),
    ("Liver", 60, 150),
    ("Angiography", 300, 600),
)


def access_badge(access: str) -> tuple[str, str]:
    """Return kind and words of the badge that says who may have something."""
    return access, ACCESS_WORDS.get(access, access)


def thumbnail_of(study_uid: str, series_uid: str) -> str:
    """Return the address of a series' picture."""
    return f"/dicom-web/studies/{study_uid}/series/{series_uid}/thumbnail?viewport=256,256"


def subject_address(collection: str, label: str) -> str:
    """Return the address of a subject's page; a label may hold any character."""
    return f"/collections/{quote(collection)}/subjects/{quote(label, safe='')}"


def uid_of(request: Request, name: str = "uid") -> str:
    """Return a UID of the path; what is no UID is nothing that we have."""
    uid = request.path_params[name]
    if not dicom.is_valid(uid):
        raise NotFound("There is nothing under this address: it does not hold a UID.", code="page.not-a-uid")
    return str(uid)


def series_title(series: Any) -> str:
    """Name a series for people, from a `Series` or a found row."""
    told = getattr(series, "description", None) or getattr(series, "series_description", None)
    if told:
        return str(told)
    number = getattr(series, "number", None) or getattr(series, "series_number", None)
    return f"{series.modality} series {number}" if number is not None else f"{series.modality} series"


def length_text(length_mm: float | None) -> str:
    """Write a length in mm."""
    return "" if length_mm is None else f"{length_mm:g} mm"


def may_download(request: Request, series_uid: str, instance_uid: str) -> bool:
    """Return whether the visitor may have the bytes of a series, asked by one of its instances."""
    try:
        images.find_instance(request.state.archive, request.state.actor, instance_uid, series_uid=series_uid)
    except images.UnknownInstance:
        return False
    return True


def _facts(series: images.Series, cover: dict[str, Any]) -> list[tuple[Any, ...]]:
    matrix = f"{series.columns} × {series.rows}" if series.rows and series.columns else ""
    shown = f"{counted(series.frame_count, 'frame')} in {counted(series.instance_count, 'file')}"
    files = f"{series.instance_count:,}" if series.frame_count == series.instance_count else shown
    return [
        ("Modality", series.modality, None, f"/search?modality={quote(series.modality)}"),
        ("Images", files, "num"),
        ("Matrix", matrix, "num"),
        ("Pixel spacing", length_text(series.pixel_spacing_mm), "num"),
        ("Slice thickness", length_text(series.slice_thickness_mm), "num"),
        ("Slice distance", length_text(series.spacing_between_slices_mm), "num"),
        ("Tube voltage", f"{series.kvp:g} kV" if series.kvp else "", "num"),
        ("Body part", series.body_part),
        ("Laterality", series.laterality),
        ("Contrast agent", series.contrast),
        ("Patient position", series.patient_position),
        ("Protocol", series.protocol),
        ("Manufacturer", series.manufacturer),
        ("Model", series.model),
        ("Software", series.software),
        ("Series number", series.number, "num"),
        ("Study date", series.study_date.isoformat() if series.study_date else "", "num"),
        ("Kind of object", ", ".join(dicom.name_of(uid) or uid for uid in series.sop_classes)),
        ("Stored as", ", ".join(dicom.name_of(uid) or uid for uid in series.transfer_syntaxes)),
        ("De-identified by", _method(cover)),
        ("Series UID", series.uid, "code"),
        ("Study UID", series.study_uid, "code"),
    ]


def _method(cover: dict[str, Any]) -> str:
    values = cover.get("00120063", {}).get("Value") or []
    return str(values[0])[:200] if values else ""


def _withdrawn(request: Request, uid: str) -> Response | None:
    """Show the tombstone of a series that is in no current release."""
    state = request.state
    stone = releases.tombstone_of(state.archive, state.actor, uid)
    return None if stone is None else page(request, "images/withdrawn.html", status=410, stone=stone)


def _header(request: Request, series: images.Series, shown: str) -> dict[str, Any]:
    return next(images.headers_of(request.state.archive, series.key, shown or None), {})


def series_page(request: Request) -> Response:
    """Show a series, or the tombstone of one that was withdrawn."""
    only(request, "instance")
    uid, state = uid_of(request), request.state
    try:
        series = images.find_series(state.archive, state.actor, uid)
    except images.UnknownSeries:
        tombstone = _withdrawn(request, uid)
        if tombstone is None:
            raise
        return tombstone
    known = images.instances_of_series(state.archive, state.actor, uid, bytes_too=False)
    asked = request.query_params.get("instance", "")
    if asked and asked not in {one.uid for one in known}:
        raise NotFound("This series has no such instance in the current release.", code="instance.unknown")
    cover_uid = series.cover_uid or (known[len(known) // 2].uid if known else "")
    cover = _header(request, series, cover_uid)
    header = cover if asked in ("", cover_uid) else _header(request, series, asked)
    rows, _ = tag_rows(header)
    shown = shortened(rows)
    told, siblings = about(request, series, cover), _siblings(request, series)
    pictured = images.downloadable(state.archive, state.actor, [one.uid for one in (*siblings, *told.related)])
    away = None if known else elsewhere(request, uid)
    return page(
        request,
        "images/series.html",
        series=series,
        is_derived=_is_derived(request, series) or bool(away and away.location.is_result),
        elsewhere=away,
        title=series_title(series),
        badge=access_badge(series.effective_access),
        may_have=may_download(request, uid, cover_uid),
        facts=_facts(series, cover),
        known=told,
        geometry=geometry_rows(told.geometry) if told.geometry and told.geometry.slices else [],
        all_references=all_references(series) if len(told.by) > MOST_REFERENCES else "",
        siblings=siblings,
        mark=images.shown_mark(state.archive, series.collection_id, uid) if series.quality else None,
        may_mark=state.actor.may_curate(series.collection_id),
        on_hold=releases.on_hold_since(state.archive, state.actor, series.collection_id, series.subject, uid),
        pictured=pictured,
        history_rows=[
            [str(one.revision), str(one.release), f"{one.instance_count:,}", size_text(one.size_bytes)]
            for one in history(request, series)
        ],
        **_about_collection(request, series.collection_id),
        instances=known[:FILES_TO_CHOOSE],
        instance_total=len(known),
        files_shown=FILES_SHOWN,
        shown_uid=asked or cover_uid,
        kind=kind_of(series, header),
        whole=whole_address(series, asked or cover_uid),
        tags=shown,
        tag_total=len(rows),
        still=thumbnail_of(series.study_uid, uid) if series.cover_uid else None,
        frames_cut=series.frame_count > MOST_FRAMES,
        most_frames=MOST_FRAMES,
        ohif=series_address(series, cover, [one.series for one in told.to if one.series.uid in pictured])
        if _has_ohif(request)
        else None,
    )


def _about_collection(request: Request, collection_id: int) -> dict[str, Any]:
    """Return what the page of a series says about its collection."""
    archive, actor = request.state.archive, request.state.actor
    return {
        "release": next(iter(releases.releases_of(archive, actor, collection_id)), None),
        "successor": submissions.successor_of(archive, collection_id),
        "citation": citation(request, collection_id),
    }


def _is_derived(request: Request, series: images.Series) -> bool:
    with request.state.archive.database.transaction() as tx:
        return collections.is_derived(tx, series.collection_id)


def _has_ohif(request: Request) -> bool:
    return bool(getattr(request.state, "has_ohif", False))


def citation(request: Request, collection_id: int) -> str:
    """Say how to cite a collection; the package of a download says the same."""
    state = request.state
    return releases.cite(state.archive, state.actor, [collection_id]).get(collection_id, "")


def _siblings(request: Request, series: images.Series) -> list[images.Series]:
    state = request.state
    return images.series_of_study(state.archive, state.actor, series.study_uid)


def files_page(request: Request) -> Response:
    """List all files of a series, with sizes and digests."""
    only(request, "page")
    state, uid = request.state, uid_of(request)
    series = images.find_series(state.archive, state.actor, uid)
    known = images.instances_of_series(state.archive, state.actor, uid, bytes_too=False)
    number = _page_number(request)
    start = (number - 1) * FILES_A_PAGE
    shown = known[start : start + FILES_A_PAGE]
    if not shown and number > 1:
        raise NotFound(f"The list of files has no page {number}.", code="page.number")
    return page(
        request,
        "images/files.html",
        series=series,
        title=series_title(series),
        instances=shown,
        start=start,
        total=len(known),
        number=number,
        has_more=start + FILES_A_PAGE < len(known),
        may_have=bool(known) and may_download(request, uid, known[0].uid),
    )


def _page_number(request: Request) -> int:
    text = request.query_params.get("page", "1")
    if not (text.isdigit() and text.isascii() and int(text[:7]) > 0 and len(text) < 7):
        raise NotFound("A page is a number from 1.", code="page.number")
    return int(text)


def study_page(request: Request) -> Response:
    """Show a study with its series."""
    only(request)
    state, uid = request.state, uid_of(request)
    study, series = images.find_study(state.archive, state.actor, uid)
    modalities = sorted({one.modality for one in series})
    pictured = images.downloadable(state.archive, state.actor, [one.uid for one in series])
    return page(
        request,
        "images/study.html",
        study=study,
        series=series,
        modalities=modalities,
        badge=access_badge(max((one.effective_access for one in series), key=list(ACCESS_WORDS).index)),
        instance_count=sum(one.instance_count for one in series),
        size_bytes=sum(one.size_bytes for one in series),
        pictured=pictured,
        ohif=study_address(one for one in series if one.uid in pictured) if _has_ohif(request) else None,
    )


def frames_file(request: Request) -> Response:
    """Tell the light viewer which frames a series has, streamed; see the head of static/viewer.js."""
    only(request)
    state, uid = request.state, uid_of(request)
    series = images.find_series(state.archive, state.actor, uid)
    known = images.instances_of_series(state.archive, state.actor, uid)
    pictures = in_order(series, [one for one in known if one.rows and one.columns and one.pixel_offset is not None])
    labels: dict[str, str] = {}
    first: dict[str, Any] = {}
    if pictures and len(pictures) <= MOST_LABELLED:
        headers = list(images.headers_of(state.archive, series.key))
        labels = {_value(one, "00080018"): _position(one) for one in headers}
    if pictures:
        first = _header(request, series, series.cover_uid or pictures[0].uid)
    return StreamingResponse(
        _frames_json(series, pictures, labels, first),
        media_type="application/json",
        headers={"Cache-Control": "private, max-age=60"},
    )


def _frames_json(
    series: images.Series, pictures: list[images.Instance], labels: dict[str, str], first: dict[str, Any]
) -> Iterator[bytes]:
    total = min(sum(one.frames for one in pictures), MOST_FRAMES)
    told = {
        "title": series_title(series),
        "modality": series.modality,
        "rows": series.rows,
        "columns": series.columns,
        "window": _window(first),
        "presets": _presets(first),
        "fps": min(30, max(1, int(float(_value(first, "00180040") or _value(first, "00082144") or 12)))),
        "start": total // 2 if _begins_amid(series, pictures) else 0,
    }
    yield orjson.dumps(told)[:-1] + b',"frames":['
    base = f"/dicom-web/studies/{series.study_uid}/series/{series.uid}/instances"
    batch: list[bytes] = []
    for number, (one, frame) in enumerate(islice(_each_frame(pictures), MOST_FRAMES)):
        label = labels.get(one.uid, "") if one.frames == 1 else f"frame {frame}"
        address = f"{base}/{one.uid}/frames/{frame}/rendered?window={{window}}"
        batch.append((b"," if number else b"") + orjson.dumps({"rendered": address, "label": label}))
        if len(batch) == 1000:
            yield b"".join(batch)
            batch = []
    yield b"".join(batch) + b"]}"


def _begins_amid(series: images.Series, pictures: list[images.Instance]) -> bool:
    """Tell whether the middle picture of a series tells most: not of a film, nor of a slide."""
    return series.modality != "SM" and (len(pictures) > 1 or series.modality in ("CT", "MR", "PT", "SEG"))


def _each_frame(pictures: list[images.Instance]) -> Iterator[tuple[images.Instance, int]]:
    for one in pictures:
        for frame in range(1, one.frames + 1):
            yield one, frame


def _value(header: dict[str, Any], tag: str) -> str:
    values = header.get(tag, {}).get("Value") or [""]
    return str(values[0]) if isinstance(values[0], str | int | float) else ""


def _numbers(header: dict[str, Any], tag: str) -> list[float]:
    try:
        return [float(value) for value in header.get(tag, {}).get("Value") or []]
    except (TypeError, ValueError):
        return []


def _position(header: dict[str, Any]) -> str:
    """Label a slice by where it lies along the axis that its stack most likely follows, mm."""
    where = _numbers(header, "00201041") or _numbers(header, "00200032")[2:3]
    return f"{where[0]:.1f} mm" if where else ""


def _voi(header: dict[str, Any]) -> dict[str, Any]:
    """Return the data set that holds the window: the header, or the functional groups of a multi-frame image."""
    if "00281050" in header:
        return header
    for groups in ("52009229", "52009230"):
        for item in (header.get(groups, {}).get("Value") or [])[:1]:
            for inner in (item.get("00289132", {}).get("Value") or [])[:1]:
                return dict(inner)
    return {}


def _window(header: dict[str, Any]) -> dict[str, float] | None:
    """Return the window as stored, else the range of stored values if the header tells it; None for colour."""
    if _value(header, "00280002") not in ("", "1"):
        return None
    voi = _voi(header)
    centers, widths = _numbers(voi, "00281050"), _numbers(voi, "00281051")
    if centers and widths and widths[0] >= 1:
        return {"center": centers[0], "width": widths[0]}
    low, high = _numbers(header, "00280106"), _numbers(header, "00280107")
    if low and high and high[0] > low[0]:
        return {"center": (low[0] + high[0]) / 2, "width": high[0] - low[0]}
    return None


def _presets(header: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the windows that the image names itself, and those in use for Hounsfield units."""
    if _value(header, "00280002") not in ("", "1"):
        return []
    voi = _voi(header)
    names = [str(name) for name in voi.get("00281055", {}).get("Value") or []]
    own = zip(names, _numbers(voi, "00281050"), _numbers(voi, "00281051"), strict=False)
    found = [{"name": name[:40], "center": center, "width": width} for name, center, width in own if width >= 1]
    if _value(header, "00080060") == "CT":
        found += [{"name": name, "center": center, "width": width} for name, center, width in PRESETS]
    return found[:9]


routes: list[Route] = [
    Route("/studies/{uid}", study_page),
    *about_routes,
    *header_routes,
    Route("/series/{uid}/frames.json", frames_file),
    Route("/series/{uid}/files", files_page),
    Route("/series/{uid}/location.json", location_file),
    Route("/series/{uid}", series_page),
]
