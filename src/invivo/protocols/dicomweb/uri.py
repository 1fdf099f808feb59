"""WADO-URI: one object by the parameters of one address.

References
----------
DICOM PS3.18 9 (URI service).
"""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from invivo import dicom, images
from invivo.protocols.dicomweb.pictures import MEDIA, Look, number_of, picture_response, quality_of, side_of
from invivo.protocols.dicomweb.pixels import numbers_of
from invivo.protocols.dicomweb.reading import BadUid, Place
from invivo.protocols.dicomweb.retrieval import one_file, taken
from invivo.protocols.dicomweb.syntax import DICOM, EXPLICIT, form_of_objects, media_type_of
from invivo.protocols.dicomweb.video import is_video, video_response
from invivo.protocols.negotiation import MediaRange, NotAcceptable, media_ranges
from invivo.protocols.wire import BadParameter, archive_of, kept_headers, not_modified

LARGEST_SIDE = 4096


def wado(request: Request) -> Response:
    """Give one object as a DICOM file or as a picture."""
    parameters = request.query_params
    if parameters.get("requestType", "").upper() != "WADO":
        raise BadParameter("requestType must be WADO.")
    _check_refused(parameters)
    one = taken(request, _place_of(parameters))
    media_type = _media_type(parameters, one)
    if media_type.startswith("video/"):
        return video_response(request, archive_of(request), one)
    if media_type == DICOM:
        return _object(request, one, parameters.get("transferSyntax", ""))
    number = numbers_of(parameters.get("frameNumber") or "1", one.frames)[0]
    return picture_response(request, one, number, _look_of(parameters, media_type, one))


def _check_refused(parameters: Mapping[str, str]) -> None:
    """Refuse what would give other images than asked if it were passed over (PS3.18 9.1.2).

    ``charset`` and ``annotation`` change nothing; a window goes with a picture, not with a DICOM file.
    """
    if parameters.get("anonymize", "no").lower() != "no":
        raise HTTPException(501, "Objects are not anonymized on the way out; what is released has its rules.")
    if parameters.get("presentationUID") or parameters.get("presentationSeriesUID"):
        raise HTTPException(501, "Presentation states are not applied; leave presentationUID out.")


def _place_of(parameters: Mapping[str, str]) -> Place:
    uids = [parameters.get(name, "") for name in ("studyUID", "seriesUID", "objectUID")]
    for name, uid in zip(("studyUID", "seriesUID", "objectUID"), uids, strict=True):
        if not dicom.is_valid(uid):
            raise BadUid(f"{name} must be a UID.")
    return Place(*uids)


def _media_type(parameters: Mapping[str, str], one: images.Instance) -> str:
    """Choose the form: what contentType names, else a picture of what has one frame, else the object (PS3.18 9.1.2.2.1)."""
    offered = ([*MEDIA] if one.rows and one.pixel_offset is not None else []) + [DICOM]
    if is_video(one):
        offered = [DICOM, media_type_of(one.transfer_syntax_uid)]
    asked = parameters.get("contentType", "")
    if not asked.strip():
        return offered[0] if one.frames == 1 else DICOM
    for media_range in media_ranges(asked):
        for media_type in offered:
            if media_range.covers(media_type):
                return media_type
    raise NotAcceptable(f"This object is given as {', '.join(offered)}.")


def _object(request: Request, one: images.Instance, syntax: str) -> Response:
    asked = MediaRange(DICOM, {"transfer-syntax": syntax} if syntax else {})
    form = form_of_objects([asked], frozenset({one.transfer_syntax_uid}), is_one=True)
    if form is None:
        raise NotAcceptable(
            f"This object is given as {one.transfer_syntax_uid}, or as {EXPLICIT} where it can be decoded."
        )
    headers = kept_headers(request, f"{one.digest[:40]}-{form.mark}")
    return not_modified(request, headers) or one_file(request, one, headers, form)


def _look_of(parameters: Mapping[str, str], media_type: str, one: images.Instance) -> Look:
    center, width = parameters.get("windowCenter", ""), parameters.get("windowWidth", "")
    if bool(center) != bool(width):
        raise BadParameter("windowCenter and windowWidth go together.")
    rows, columns = parameters.get("rows", ""), parameters.get("columns", "")
    size = (
        side_of(columns, "columns") if columns else LARGEST_SIDE,
        side_of(rows, "rows") if rows else LARGEST_SIDE,
    )
    window = dicom.Window(number_of(center, "windowCenter"), number_of(width, "windowWidth")) if center else None
    return Look(
        media=MEDIA[media_type],
        size=size if rows or columns else None,
        window=window,
        quality=quality_of(parameters.get("imageQuality", "")),
        region=_region_of(parameters.get("region", ""), one),
    )


def _region_of(text: str, one: images.Instance) -> tuple[int, int, int, int] | None:
    """Read a region: left, top, right and bottom as fractions of the frame (PS3.18 9.1.2.3.5)."""
    if not text:
        return None
    parts = [number_of(part, "region") for part in text.split(",")]
    if len(parts) != 4 or not (0 <= parts[0] < parts[2] <= 1 and 0 <= parts[1] < parts[3] <= 1):
        raise BadParameter("region is left,top,right,bottom as fractions from 0 to 1.")
    columns, rows = one.columns or 1, one.rows or 1
    left, top = int(parts[0] * columns), int(parts[1] * rows)
    return left, top, max(int(parts[2] * columns) - left, 1), max(int(parts[3] * rows) - top, 1)
