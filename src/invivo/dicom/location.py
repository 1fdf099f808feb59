"""Finding the pixel data of an open object, by the fast walk or through pydicom."""

import struct

from pydicom.dataset import Dataset

from invivo.dicom.elements import PIXELS, UNDEFINED, Count, Doubt, Head, explicit_head, implicit_head, top_level
from invivo.dicom.handover import HandedOver, elements_by_pydicom, stored_element
from invivo.dicom.json_model import json_of
from invivo.dicom.pixels import EXTENDED_TABLE, SHAPE_TAGS, Picture, PixelLocation, picture_in, place
from invivo.dicom.source import Contents, Damaged, Limits
from invivo.dicom.values import mini_json

_WANTED = SHAPE_TAGS | {EXTENDED_TABLE}


Placed = tuple[PixelLocation | None, Picture]


def locate_with_picture(contents: Contents, limits: Limits) -> Placed:
    """Find the pixel data of an open object and its description; offsets are those in ``contents.buffer``.

    Raises
    ------
    Damaged, OverLimit
    """
    if contents.little:
        try:
            return _by_walk(contents, limits)
        except (Doubt, struct.error):
            pass  # pydicom is the judge of everything unusual
    handed = elements_by_pydicom(contents, limits)
    picture = picture_of(handed.dataset)
    return (place_handed(contents, handed, limits)[0] if handed.pixel_start >= 0 else None), picture


def _by_walk(contents: Contents, limits: Limits) -> Placed:
    buffer, size = contents.buffer, contents.size
    count = Count(limits.elements, limits.depth)
    found = top_level(buffer, size, contents.start, explicit=contents.explicit, wanted=_WANTED, count=count)
    picture = picture_in(mini_json(buffer, found))
    pixels = next((head for tag, head in found.items() if tag in PIXELS), None)
    if pixels is None or pixels[3] == 0:
        return None, picture
    if not pixels[1]:
        pixels = (pixels[0], "OW", *pixels[2:])
    extended: tuple[int, ...] = ()
    if EXTENDED_TABLE in found:
        _, _, offset, length = found[EXTENDED_TABLE]
        extended = struct.unpack_from(f"<{min(length // 8, limits.fragments)}Q", buffer, offset)
    return place(buffer, size, pixels, picture, limits=limits, extended=extended)[0], picture


def picture_of(dataset: Dataset) -> Picture:
    """The image pixel description of a data set."""
    tags = [tag for tag in tuple(dataset.keys()) if tag in SHAPE_TAGS]
    return picture_in(json_of(Dataset({tag: stored_element(dataset, tag) for tag in tags})))


def place_handed(contents: Contents, handed: HandedOver, limits: Limits) -> tuple[PixelLocation, int]:
    """Place the pixel data in front of which pydicom stopped, and tell where it claims to end.

    Raises
    ------
    Damaged
    """
    try:
        element = pixel_head(contents, handed.pixel_start)
        return place(contents.buffer, contents.size, element, picture_of(handed.dataset), limits=limits)
    except (Doubt, struct.error):
        raise Damaged("The pixel data of the object is damaged.") from None


def pixel_head(contents: Contents, start: int) -> Head:
    """The start of the pixel data element in either byte order; a data set may be written otherwise than it says.

    Raises
    ------
    Doubt, struct.error
    """
    buffer = contents.buffer
    if not contents.little:
        group, element, code = struct.unpack_from(">HH2s", buffer, start)
        if code not in (b"OB", b"OW", b"OF", b"OD"):
            raise Doubt
        length = struct.unpack_from(">I", buffer, start + 8)[0]
        if length == UNDEFINED:
            raise Doubt
        return group << 16 | element, code.decode(), start + 12, length
    try:
        return explicit_head(buffer, start)
    except Doubt:
        tag, _, offset, length = implicit_head(buffer, start)
        return tag, "OW", offset, length
