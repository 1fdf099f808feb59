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
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from invivo import dicom, errors, images
from invivo.archive import Archive
from invivo.protocols.dicomweb.pixels import numbers_of
from invivo.protocols.dicomweb.reading import Place, place_of
from invivo.protocols.dicomweb.retrieval import downloadable
from invivo.protocols.negotiation import chosen
from invivo.protocols.wire import (
    BadParameter,
    actor_of,
    archive_of,
    file_response,
    kept_headers,
    not_modified,
    whole_number,
)

Media = Literal["image/jpeg", "image/png"]
Function = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]

MEDIA: dict[str, Media] = {"image/jpeg": "image/jpeg", "image/png": "image/png"}
FUNCTIONS: dict[str, Function] = {"linear": "LINEAR", "linear-exact": "LINEAR_EXACT", "sigmoid": "SIGMOID"}
LARGEST_SIDE = 4096
KEPT_SIZES = (64, 128, 256, 512)
USUAL_SIZE = 256
MAX_AGE_S = 300


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


def viewport_of(parameters: Mapping[str, str]) -> tuple[tuple[int, int] | None, tuple[int, int, int, int] | None]:
    """Read ``viewport=width,height[,left,top,width,height]``: the size of the picture and the region shown."""
    text = parameters.get("viewport", "")
    if not text:
        return None, None
    parts = [one.strip() for one in text.split(",")]
    if len(parts) not in (2, 6):
        raise BadParameter("viewport is width,height or width,height,left,top,width,height.")
    size = side_of(parts[0], "viewport"), side_of(parts[1], "viewport")
    if len(parts) == 2 or not all(parts[2:]):
        return size, None
    left, top, width, height = (int(number_of(one, "viewport")) for one in parts[2:])
    return size, (left, top, width, height)


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


def look_of(request: Request) -> Look:
    """Read the rendering parameters of a request; those that we do not know change nothing (PS3.18 8.3.1)."""
    parameters = request.query_params
    size, region = viewport_of(parameters)
    return Look(
        media=MEDIA[chosen(request, tuple(MEDIA))],
        size=size,
        window=window_of(parameters),
        quality=quality_of(parameters.get("quality", "")),
        region=region,
    )


def pictured(request: Request) -> images.Instance:
    """Return the instance that stands for an address: itself, or the cover of its series or study.

    Raises
    ------
    NoPicture, NotYours, UnknownStudy, UnknownSeries, UnknownInstance
    """
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
    one = downloadable(archive, actor, place)
    if not one.rows or not one.columns or one.pixel_offset is None:
        raise NoPicture("The object has no image.")
    return one


# ---- answers -------------------------------------------------------------------------------------------------------


def _number(request: Request, one: images.Instance) -> int:
    asked = request.path_params.get("frames")
    return numbers_of(str(asked), one.frames)[0] if asked else (one.frames + 1) // 2


def rendered(request: Request) -> Response:
    """Give a frame as it is shown on a screen."""
    look, one = look_of(request), pictured(request)
    return picture_response(request, one, _number(request, one), look)


def picture_response(request: Request, one: images.Instance, number: int, look: Look) -> Response:
    """Answer with one rendered frame."""
    headers = kept_headers(request, f"{one.digest[:40]}-{number}-{look.name}", MAX_AGE_S)
    unchanged = not_modified(request, headers)
    if unchanged is not None:
        return unchanged
    content = dicom.render(
        archive_of(request).objects.place(one.digest).path,
        number,
        window=look.window,
        size=look.size,
        media=look.media,
        quality=look.quality,
        region=look.region,
    )
    return Response(content, media_type=look.media, headers={**headers, "X-Content-Type-Options": "nosniff"})


def thumbnail(request: Request) -> Response:
    """Give a small picture: of the object, or of the one in the middle of its series or study.

    Square ones of the usual sizes are made once and kept on disk.
    """
    look, one = look_of(request), pictured(request)
    size = look.size or (USUAL_SIZE, USUAL_SIZE)
    is_usual = size[0] == size[1] and size[0] in KEPT_SIZES and look.media == "image/jpeg"
    if "frames" in request.path_params or look.window or look.region or not is_usual:
        small = Look(look.media, size, look.window, look.quality, look.region)
        return picture_response(request, one, _number(request, one), small)
    headers = kept_headers(request, f"{one.digest[:40]}-thumbnail-{size[0]}", MAX_AGE_S)
    unchanged = not_modified(request, headers)
    if unchanged is not None:
        return unchanged
    return file_response(kept_thumbnail(archive_of(request), one, size[0]), "image/jpeg", headers)


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
