"""Pictures, files and tags of what is under review: only for curators, kept in no shared cache."""

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from invivo import dicom, quarantine, reviews
from invivo.errors import Invalid, NotFound, TooLarge
from invivo.web.form import only
from invivo.web.render import page
from invivo.web.rule_words import why

SHORTLY = {"Cache-Control": "private, max-age=600", "X-Content-Type-Options": "nosniff"}
ASK_AGAIN = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
NEVER = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
ACTIONS = {
    "X": "removed",
    "Z": "emptied",
    "D": "replaced by a dummy",
    "U": "given a new UID",
    "C": "cleaned",
    "K": "kept",
}
PRESETS: dict[str, tuple[tuple[str, float, float], ...]] = {
    "CT": (("Soft tissue", 40, 400), ("Lung", -600, 1500), ("Bone", 500, 2000), ("Brain", 40, 80), ("Liver", 60, 160)),
}
MOST_FRAMES = 20_000


class NoPicture(NotFound):
    """There is nothing to show of this object."""

    code = "review.no-picture"


def thumbnail(request: Request) -> Response:
    """Give the picture of an item for the queue: of the object that the queue names, or of its middle one."""
    only(request, "object")
    archive, actor, item_id = request.state.archive, request.state.actor, request.path_params["item"]
    asked = request.query_params.get("object", "")
    object_id = int(asked) if asked.isdecimal() else reviews.item_named(archive, actor, item_id).cover_object_id
    if object_id is None:
        raise NoPicture("This item has no picture.")
    held = reviews.object_of(archive, actor, item_id, object_id)
    tag = f'"{(held.clean_digest or "")[:32]}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=ASK_AGAIN | {"ETag": tag})
    try:
        picture = dicom.thumbnail(reviews.file_of(archive, held))
    except (Invalid, TooLarge):
        raise NoPicture("This object has no picture that can be shown.") from None
    return Response(picture, media_type="image/jpeg", headers=ASK_AGAIN | {"ETag": tag})


def frames(request: Request) -> Response:
    """Describe an item's pictures for the light viewer; ``source=original`` shows them as received and is journalled."""
    only(request, "source")
    archive, actor = request.state.archive, request.state.actor
    item = reviews.item_named(archive, actor, request.path_params["item"])
    is_original = request.query_params.get("source") == "original"
    shown = reviews.originals_pass(archive, actor, item) if is_original else ""
    pictured = [one for one in reviews.objects_of_item(archive, item) if _rows(one)]
    listed = [entry for one in pictured for entry in _frames_of(item.id, one, shown)][:MOST_FRAMES]
    described: dict[str, Any] = {
        "title": "",
        "modality": item.modality,
        "frames": listed,
        "presets": [],
        "window": None,
    }
    if pictured:
        middle = pictured[len(pictured) // 2]
        known = (middle.facts or {})["facts"]
        described |= {"title": known["series_description"] or "", "rows": known["rows"], "columns": known["columns"]}
        described["window"] = _window(reviews.file_of(archive, middle))
        if described["window"]:
            presets = PRESETS.get(item.modality, ())
            described["presets"] = [{"name": name, "center": c, "width": w} for name, c, w in presets]
    return JSONResponse(described, headers=NEVER)


def _rows(held: quarantine.HeldObject) -> int:
    return int(((held.facts or {}).get("facts") or {}).get("rows") or 0)


def _frames_of(item_id: int, held: quarantine.HeldObject, shown: str) -> list[dict[str, Any]]:
    facts = held.facts or {}
    known, position = facts["facts"], facts.get("position") or []
    number = known["instance_number"]
    name = f"#{number}" if number is not None else ""
    if len(position) == 3:
        name += f"  z {position[2]:.1f} mm"
    # Whose bytes: after masks are applied the address is another one, so that no browser shows the old picture.
    source = f"&source=original&pass={shown}" if shown else f"&of={(held.clean_digest or '')[:16]}"
    stem = f"/reviews/{item_id}/objects/{held.id}/frames"
    count = max(1, min(int(known["frames"] or 1), MOST_FRAMES))
    return [
        {
            "rendered": f"{stem}/{frame}/rendered?window={{window}}{source}",
            "label": name if count == 1 else f"{name}  frame {frame}".strip(),
            "object": held.id,
            "frame": frame,
            "rows": known["rows"],
            "columns": known["columns"],
        }
        for frame in range(1, count + 1)
    ]


def _window(path: Path) -> dict[str, float] | None:
    """Return the window to begin with; None for colour, where it has no meaning."""
    try:
        dataset = dicom.read_dataset(path, pixels=False)
        if not str(dataset.get("PhotometricInterpretation", "")).startswith("MONOCHROME"):
            return None
        return _stored_window(dataset) or _seen_window(dataset, path)
    except (Invalid, TooLarge):
        return None


def _number(dataset: Dataset, keyword: str) -> float | None:
    try:
        value: Any = dataset.get(keyword)
        first = value[0] if hasattr(value, "__getitem__") and not isinstance(value, str) else value
        return float(first)
    except Exception:  # because a value that is no number only means that there is no window
        return None


def _stored_window(dataset: Dataset) -> dict[str, float] | None:
    center, width = _number(dataset, "WindowCenter"), _number(dataset, "WindowWidth")
    if center is None or width is None or not width >= 1:
        return None
    return {"center": round(center, 1), "width": round(width, 1)}


def _seen_window(dataset: Dataset, path: Path) -> dict[str, float] | None:
    """Return the range of nearly all values of the first frame."""
    array = dicom.decode_frame(path, 1)
    low, high = np.percentile(array[::4, ::4], (0.5, 99.5))
    slope, intercept = _number(dataset, "RescaleSlope") or 1.0, _number(dataset, "RescaleIntercept") or 0.0
    center, width = (low + high) / 2 * slope + intercept, abs(high - low) * slope
    if not (np.isfinite(center) and np.isfinite(width)):
        return None
    return {"center": round(float(center), 1), "width": max(1.0, round(float(width), 1))}


def rendered(request: Request) -> Response:
    """Render one frame of one object, de-identified; the original only with a pass of today."""
    only(request, "window", "of", "source", "pass")
    archive, actor, asked = request.state.archive, request.state.actor, request.query_params
    item_id = request.path_params["item"]
    held = reviews.object_of(archive, actor, item_id, request.path_params["object"])
    is_original = asked.get("source") == "original"
    if is_original and not reviews.opens_originals(archive, actor, item_id, asked.get("pass", "")):
        raise Invalid("Open the originals of this item first; that is journalled.", code="review.no-pass")
    path = archive.held.place(held.digest).path if is_original else reviews.file_of(archive, held)
    picture = dicom.render(
        path, request.path_params["frame"], window=_asked_window(asked.get("window", "")), quality=90
    )
    return Response(picture, media_type="image/jpeg", headers=NEVER if is_original else SHORTLY)


def _asked_window(asked: str) -> dicom.Window | None:
    """Read ``center,width,linear`` as PS3.18 8.3.5.1.4 writes it."""
    if not asked:
        return None
    center, _, rest = asked.partition(",")
    width, _, function = rest.partition(",")
    if function not in ("", "linear", "linear-exact", "sigmoid"):
        raise Invalid("The function of a window is linear, linear-exact or sigmoid.", code="review.window")
    try:
        shape: Any = function.upper().replace("-", "_") or "LINEAR"
        return dicom.Window(float(center), float(width), shape)
    except ValueError:
        raise Invalid("A window is written as center,width,linear.", code="review.window") from None


def tags(request: Request) -> Response:
    """Say what was done to each tag of an object; ``values=before`` also shows what stood there, and is journalled.

    ``at`` names the attribute that a finding speaks of.
    """
    only(request, "values", "at")
    archive, actor = request.state.archive, request.state.actor
    item = reviews.item_named(archive, actor, request.path_params["item"])
    held = reviews.object_of(archive, actor, item.id, request.path_params["object"])
    with_values = request.query_params.get("values") == "before"
    changes = reviews.changes_of(archive, actor, held.id, with_values=with_values)
    counts: dict[str, int] = {}
    for change in changes:
        counts[change.code] = counts.get(change.code, 0) + 1
    return page(
        request,
        "reviews/tags.html",
        headers=NEVER,
        item=item,
        held=held,
        changes=changes,
        findings=_findings_of(request, item, held.id),
        why=why,
        at=request.query_params.get("at", "")[:200],
        counts=[(ACTIONS[code], count) for code, count in sorted(counts.items(), key=lambda one: -one[1])],
        with_values=with_values,
        words=ACTIONS,
    )


def _findings_of(request: Request, item: reviews.Item, object_id: int) -> list[reviews.Finding]:
    """What the checks saw at one object; what they say of a series names the first object that it concerns."""
    return [one for one in reviews.findings_of(request.state.archive, item) if one.object_id == object_id]


def report(request: Request) -> Response:
    """Give the report of one object as a file: what was done where, by which rule, and what is in doubt; no values."""
    only(request)
    archive, actor = request.state.archive, request.state.actor
    item = reviews.item_named(archive, actor, request.path_params["item"])
    held = reviews.object_of(archive, actor, item.id, request.path_params["object"])
    changes = reviews.changes_of(archive, actor, held.id, with_values=False)
    told = {
        "format": "invivo-object-report",
        "format_version": 1,
        **{"collection": item.collection, "submission": held.submission_id, "object": held.id, "state": held.state},
        "sha256": held.clean_digest or "",
        "actions": [{"path": one.path, "action": one.code, "rule": one.rule} for one in changes],
        "findings": [
            {"severity": one.severity, "code": one.code, "path": one.path}
            for one in _findings_of(request, item, held.id)
        ],
    }
    name = f'attachment; filename="report-of-object-{held.id}.json"'
    return JSONResponse(told, headers=NEVER | {"Content-Disposition": name})


def download(request: Request) -> Response:
    """Give an object's file: de-identified, or with ``source=original`` as received, which is journalled."""
    only(request, "source")
    archive, actor = request.state.archive, request.state.actor
    held = reviews.object_of(archive, actor, request.path_params["item"], request.path_params["object"])
    if request.query_params.get("source") == "original" or not held.sop_uid:
        path = reviews.original_of(archive, actor, held, "file")
        name = held.name.rpartition("/")[2] or f"held-{held.id}" + (".dcm" if held.sop_uid else "")
    else:
        path, name = reviews.file_of(archive, held), f"held-{held.id}.dcm"
    headers = NEVER | {"Content-Security-Policy": "sandbox; default-src 'none'"}
    return FileResponse(path, media_type="application/octet-stream", filename=name, headers=headers)


routes: list[Route] = [
    Route("/reviews/{item:int}/thumbnail", thumbnail),
    Route("/reviews/{item:int}/frames.json", frames),
    Route("/reviews/{item:int}/objects/{object:int}/frames/{frame:int}/rendered", rendered),
    Route("/reviews/{item:int}/objects/{object:int}/tags", tags),
    Route("/reviews/{item:int}/objects/{object:int}/report.json", report),
    Route("/reviews/{item:int}/objects/{object:int}/file", download),
]
