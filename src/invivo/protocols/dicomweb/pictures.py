"""Rendered images and thumbnails.

References
----------
DICOM PS3.18 8.3.5 (rendering parameters), 10.4.1.1.3 (rendered), 10.4.1.1.4 (thumbnails).
"""

import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Literal

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from invivo import dicom, errors, images
from invivo.archive import Archive
from invivo.protocols.dicomweb.pixels import document_response, numbers_of
from invivo.protocols.dicomweb.reading import Place, place_of
from invivo.protocols.dicomweb.retrieval import downloadable, taken
from invivo.protocols.dicomweb.video import is_video, video_response
from invivo.protocols.negotiation import NotAcceptable, accepted
from invivo.protocols.wire import (
    VARY,
    BadParameter,
    Part,
    actor_of,
    archive_of,
    file_response,
    kept_headers,
    lasting,
    multipart_response,
    named_digest,
    not_modified,
    whole_number,
)

# Grayscale, colour, pseudo-colour, blending and other presentation states (PS3.4 B.5).
PRESENTATION_STATES = "1.2.840.10008.5.1.4.1.1.11."
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
Media = Literal["image/jpeg", "image/png"]
Function = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]

MEDIA: dict[str, Media] = {"image/jpeg": "image/jpeg", "image/png": "image/png"}
FUNCTIONS: dict[str, Function] = {"linear": "LINEAR", "linear-exact": "LINEAR_EXACT", "sigmoid": "SIGMOID"}
LARGEST_SIDE = 4096
KEPT_SIZES = (64, 128, 256, 512)
USUAL_SIZE = 256
MAX_AGE_S = 300
KEPT_BYTES = 16 << 20
_drawings: dict[tuple[str, int, str], bytes] = {}
_pictures_lock = Lock()


class NoPicture(errors.NotFound):
    """The object, or everything in the series or study, has no image."""

    code = "dicomweb.no-picture"


@dataclass(frozen=True, slots=True)
class Look:
    """How a picture is to look; sizes in pixels, the region as (left, top, width, height) of the stored frame."""

    media: Media = "image/jpeg"
    size: tuple[int, int] | None = None
    window: dicom.Window | None = None
    quality: int = 85
    region: tuple[int, int, int, int] | None = None
    warning: str = ""

    @property
    def name(self) -> str:
        """Name the look in an entity tag."""
        window = self.window and f"{self.window.center:g}_{self.window.width:g}_{self.window.function}"
        size = self.size and f"{self.size[0]}x{self.size[1]}"
        region = self.region and "_".join(map(str, self.region))
        return "-".join(str(one or "") for one in (self.media[6:], size, window, self.quality, region))


# ---- reading -------------------------------------------------------------------------------------------------------


def number_of(text: str, name: str) -> float:
    """Read a finite number; raises BadParameter."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or len(text) > 40:
        raise BadParameter(f"{name} has a value that is no number.")
    return number


def window_of(parameters: Mapping[str, str]) -> dicom.Window | None:
    """Read ``window=center,width[,function]``."""
    text = parameters.get("window", "")
    if not text:
        return None
    parts = [one.strip() for one in text.split(",")]
    if len(parts) not in (2, 3) or (parts[2:] and parts[2].lower() not in FUNCTIONS):
        raise BadParameter(f"window is center,width,function; functions are {', '.join(FUNCTIONS)}.")
    function = FUNCTIONS[parts[2].lower()] if parts[2:] else "LINEAR"
    return dicom.Window(number_of(parts[0], "window"), number_of(parts[1], "window"), function)


def viewport_of(parameters: Mapping[str, str]) -> tuple[tuple[int, int] | None, tuple[int | None, ...]]:
    """Read ``viewport=width,height[,left,top,width,height]``: the size of the picture and the region shown.

    Numbers of the region may be left out: it begins at the upper left corner and ends at the lower right one.
    """
    text = parameters.get("viewport", "")
    if not text:
        return None, ()
    parts = [one.strip() for one in text.split(",")]
    if not 2 <= len(parts) <= 6:
        raise BadParameter("viewport is width,height or width,height,left,top,width,height.")
    size = side_of(parts[0], "viewport"), side_of(parts[1], "viewport")
    rest = [int(number_of(one, "viewport")) if one else None for one in parts[2:]]
    if any(one is not None and one < 0 for one in rest):
        raise BadParameter("viewport has a negative number; mirrored regions are not rendered.")
    return size, tuple(rest) if any(one is not None for one in rest) else ()


def _region_of(source: tuple[int | None, ...], image: images.Instance) -> tuple[int, int, int, int] | None:
    if not source:
        return None
    left, top, width, height = [one or 0 for one in source] + [0] * (4 - len(source))
    return left, top, width or (image.columns or 1) - left, height or (image.rows or 1) - top


def side_of(text: str, name: str) -> int:
    """Read the length of a side, pixels; raises BadParameter."""
    side = int(number_of(text, name))
    if not 1 <= side <= LARGEST_SIDE:
        raise BadParameter(f"{name} has sides of 1 to {LARGEST_SIDE} pixels.")
    return side


def quality_of(text: str) -> int:
    """Read the quality of a JPEG; raises BadParameter."""
    quality = whole_number(text, "quality", 100) if text else 85
    if not quality:
        raise BadParameter("quality is a number from 1 to 100.")
    return quality


def look_of(request: Request, one: images.Instance) -> Look:
    """Read the rendering parameters of a request; those that we do not know change nothing (PS3.18 8.3.1)."""
    parameters = request.query_params
    size, source = viewport_of(parameters)
    ignored = [name for name in ("annotation", "iccprofile") if parameters.get(name, "no").lower() != "no"]
    return Look(
        media=_media_of(request),
        size=size,
        window=window_of(parameters),
        quality=quality_of(parameters.get("quality", "")),
        region=_region_of(source, one),
        warning=f'299 invivo: "Not supported, and passed over: {", ".join(ignored)}."' if ignored else "",
    )


def _media_of(request: Request) -> Media:
    """Choose the form of a picture, also of those in a multipart."""
    for one in accepted(request):
        for name, media in MEDIA.items():
            if one.covers(name) or (one.type == "multipart/related" and one.inner in ("*/*", "image/*", name)):
                return media
    raise NotAcceptable(f"Pictures are given as {', '.join(MEDIA)}, several of them as multipart/related.")


def pictured(request: Request) -> images.Instance:
    """Return the instance whose thumbnail stands for an address: itself, or the cover of its series or study.

    Thumbnails stand in every list; whoever sees a list has taken nothing, so they are not told of.

    Raises
    ------
    NoPicture, NotYours, UnknownStudy, UnknownSeries, UnknownInstance
    """
    return _with_picture(downloadable(request, _place_shown(request)))


def _place_shown(request: Request) -> Place:
    archive, actor, place = archive_of(request), actor_of(request), place_of(request)
    if not place.instance:
        if place.series:
            found = [images.find_series(archive, actor, place.series)]
            if found[0].study_uid != place.study:
                raise images.UnknownSeries("The series is not part of this study.")
        else:
            found = images.series_of_study(archive, actor, place.study)
        covers = [one for one in found if one.cover_uid]
        if not covers:
            raise NoPicture("There is no image in it.")
        place = Place(place.study, covers[0].uid, covers[0].cover_uid or "")
    return place


def _with_picture(one: images.Instance) -> images.Instance:
    if one.sop_class_uid.startswith(PRESENTATION_STATES):
        raise HTTPException(501, "Presentation states are not rendered; ask for the images that they refer to.")
    if not one.rows or not one.columns or one.pixel_offset is None:
        raise NoPicture("The object has no image.")
    return one


# ---- answers -------------------------------------------------------------------------------------------------------


def _numbers(request: Request, one: images.Instance) -> list[int]:
    asked = request.path_params.get("frames")
    return numbers_of(str(asked), one.frames) if asked else [(one.frames + 1) // 2]


def rendered(request: Request) -> Response:
    """Give a frame as it is shown on a screen; several as multipart/related, and a stored video or PDF as it is."""
    one = taken(request, _place_shown(request), is_picture=True)
    if one.sop_class_uid == ENCAPSULATED_PDF and "frames" not in request.path_params:
        return document_response(request, archive_of(request), one)
    _with_picture(one)
    if is_video(one):
        return video_response(request, archive_of(request), one)
    look, numbers = look_of(request, one), _numbers(request, one)
    ranges = accepted(request)
    if ranges[0].type == "multipart/related":
        return _pictures(request, one, look)
    if len(numbers) > 1:
        raise NotAcceptable(f'Several frames are given as multipart/related; type="{look.media}".')
    return picture_response(request, one, numbers[0], look)


def _pictures(request: Request, one: images.Instance, look: Look) -> Response:
    """Give the frames that an address names, of everything below it, one in memory at a time."""
    archive, place = archive_of(request), place_of(request)
    if place.instance:
        found = [one]
    else:
        every = images.instances_of(archive, actor_of(request), place.study, place.series or None)
        found = [each for each in every if each.rows and each.pixel_offset is not None and not is_video(each)]
    asked = request.path_params.get("frames")
    wanted = [(each, numbers_of(str(asked), each.frames) if asked else range(1, each.frames + 1)) for each in found]
    parts = (
        Part(look.media, [content], len(content))
        for each, numbers in wanted
        for content in (_drawn(archive, each, number, look) for number in numbers)
    )
    headers = {"Cache-Control": lasting(request), "Vary": VARY, **_warning(look)}
    return multipart_response(parts, look.media, named_digest(str(request.url)), headers=headers)


def _warning(look: Look) -> dict[str, str]:
    return {"Warning": look.warning} if look.warning else {}


def _remembered(archive: Archive, one: images.Instance, number: int, look: Look) -> bytes:
    """Return a picture that was drawn before by this process, or draw it; who may have it was asked before."""
    key = one.digest, number, look.name
    with _pictures_lock:
        known = _drawings.pop(key, None)
        if known is not None:
            _drawings[key] = known  # the last one that was asked goes last
            return known
    content = _drawn(archive, one, number, look)
    with _pictures_lock:
        _drawings[key] = content
        while sum(map(len, _drawings.values())) > KEPT_BYTES:
            del _drawings[next(iter(_drawings))]
    return content


def _drawn(archive: Archive, one: images.Instance, number: int, look: Look) -> bytes:
    return dicom.render(
        archive.objects.place(one.digest).path,
        number,
        window=look.window,
        size=look.size,
        media=look.media,
        quality=look.quality,
        region=look.region,
    )


def picture_response(request: Request, one: images.Instance, number: int, look: Look) -> Response:
    """Answer with one rendered frame."""
    headers = kept_headers(request, f"{one.digest[:40]}-{number}-{look.name}", MAX_AGE_S)
    unchanged = not_modified(request, headers)
    if unchanged is not None:
        return unchanged
    content = _remembered(archive_of(request), one, number, look)
    more = {**headers, **_warning(look), "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=look.media, headers=more)


def thumbnail(request: Request) -> Response:
    """Give a small picture: of the object, or of the one in the middle of its series or study.

    Square ones of the usual sizes are made once and kept on disk.
    """
    one = pictured(request)
    if is_video(one):
        raise NoPicture("A video has no thumbnail; its stream is given by rendered.")
    look = look_of(request, one)
    size = look.size or (USUAL_SIZE, USUAL_SIZE)
    is_usual = size[0] == size[1] and size[0] in KEPT_SIZES and look.media == "image/jpeg"
    if "frames" in request.path_params or look.window or look.region or not is_usual:
        small = Look(look.media, size, look.window, look.quality, look.region)
        return picture_response(request, one, _numbers(request, one)[0], small)
    headers = kept_headers(request, f"{one.digest[:40]}-thumbnail-{size[0]}", MAX_AGE_S)
    unchanged = not_modified(request, headers)
    if unchanged is not None:
        return unchanged
    return file_response(request, kept_thumbnail(archive_of(request), one, size[0]), "image/jpeg", headers)


def kept_thumbnail(archive: Archive, one: images.Instance, size: int) -> Path:
    """Return the file with a thumbnail, made now if it was not made before."""
    path = archive.derived / "thumbnails" / one.digest[:2] / f"{one.digest}-{size}.jpg"
    if path.exists():
        return path
    content = dicom.thumbnail(archive.objects.place(one.digest).path, size)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as out:
        out.write(content)
    Path(name).replace(path)
    return path
