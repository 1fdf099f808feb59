"""WADO-RS: frames and bulk values.

References
----------
DICOM PS3.18 10.4.1.1.6 (frames), 10.4.1.1.5 (bulk data), 8.7.3.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from zlib import crc32

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from invivo import dicom, images
from invivo.archive import Archive
from invivo.protocols.dicomweb.encoding import coded
from invivo.protocols.dicomweb.reading import place_of
from invivo.protocols.dicomweb.retrieval import taken
from invivo.protocols.dicomweb.stored import multipart_of_one, part_response
from invivo.protocols.dicomweb.syntax import BIG_ENDIAN, EXPLICIT, OCTETS, Form, form_of_frames
from invivo.protocols.dicomweb.video import is_video, video_response
from invivo.protocols.negotiation import NotAcceptable, accepted
from invivo.protocols.wire import (
    SMALL,
    BadParameter,
    Part,
    archive_of,
    byte_range,
    kept_headers,
    multipart_response,
    not_modified,
    slice_of,
    streamed,
)

MOST_FRAMES = 10_000
PIXEL_DATA = 0x7FE00010
DOCUMENT = "00420011"
PDF = "application/pdf"
ITEM = b"\xfe\xff\x00\xe0"
_BULK = re.compile(r"[0-9A-F]{8}(/[0-9]{1,6}/[0-9A-F]{8}){0,32}")
# Types of encapsulated documents that a browser shows without running anything of them.
SHOWN = frozenset({"application/pdf", "model/stl", "model/obj", "video/mp4", "image/jpeg", "text/plain"})


# ---- frames --------------------------------------------------------------------------------------------------------


def numbers_of(text: str, count: int) -> list[int]:
    """Read a list of frame numbers, from 1.

    Raises
    ------
    BadParameter
        It is malformed.
    NoSuchFrame
        The image has fewer frames.
    """
    if len(text) > 8 * MOST_FRAMES or not re.fullmatch(r"[1-9][0-9]{0,8}(,[1-9][0-9]{0,8})*", text):
        raise BadParameter("Frames are named by numbers from 1, such as 1 or 1,2,3.")
    numbers = [int(one) for one in text.split(",")]
    if len(numbers) > MOST_FRAMES:
        raise BadParameter(f"At most {MOST_FRAMES} frames are given at once.")
    if max(numbers) > count:
        raise dicom.NoSuchFrame(f"The image has {count} frames, counted from 1.")
    return numbers


def location_of(one: images.Instance) -> dicom.PixelLocation | None:
    """Return where the frames of an instance lie, as the database knows it; None where it does not."""
    if not one.frame_offsets or one.pixel_offset is None or one.pixel_offset < 0:
        return None
    numbers = struct.unpack(f"<{len(one.frame_offsets) // 8}Q", one.frame_offsets)
    if len(numbers) != 2 * one.frames:
        return None
    return dicom.PixelLocation(PIXEL_DATA, "OW", one.pixel_offset, one.pixel_length or 0, numbers[::2], numbers[1::2])


def frames(request: Request) -> Response:
    """Give frames of an image."""
    archive = archive_of(request)
    one = taken(request, place_of(request))
    if one.pixel_offset is None:
        raise dicom.NoSuchFrame("The object has no frames.")
    if is_video(one):
        raise NotAcceptable("A video is given whole, by bulkdata/7FE00010 or rendered, not by frames.")
    return _frames(request, archive, one, numbers_of(request.path_params["frames"], one.frames))


def _frames(request: Request, archive: Archive, one: images.Instance, numbers: Sequence[int]) -> Response:
    form = form_of_frames(accepted(request), one.transfer_syntax_uid, is_one=len(numbers) == 1)
    if form is None:
        raise NotAcceptable(
            f"Frames of this object are stored in {one.transfer_syntax_uid}; ask for multipart/related with"
            " transfer-syntax=*, or for application/octet-stream where they can be decoded."
        )
    headers = kept_headers(request, f"{one.digest[:40]}-{form.mark}-{hash_of(numbers)}", max_age_s=300)
    unchanged = not_modified(request, headers)
    if unchanged is not None:
        return unchanged
    syntax = one.transfer_syntax_uid if form.is_stored and form.media_type != OCTETS else form.syntax
    content_type = f"{form.media_type}; transfer-syntax={syntax}"
    if len(numbers) == 1 and form.is_stored and (there := _plain_frame(archive, one, numbers[0])) is not None:
        if form.is_multipart:
            return multipart_of_one(*there, content_type, one.digest[:40], headers)
        return part_response(*there, content_type, {**headers, "X-Content-Type-Options": "nosniff"})
    content = _frame(archive, one, numbers[0], form)
    if len(numbers) > 1:
        rest = (_part(content_type, _frame(archive, one, number, form)) for number in numbers[1:])
        parts = chain([_part(content_type, content)], rest)
        return multipart_response(parts, form.media_type, one.digest[:40], headers=headers)
    if form.is_multipart:
        return multipart_response([_part(content_type, content)], form.media_type, one.digest[:40], headers=headers)
    return Response(content, media_type=content_type, headers={**headers, "X-Content-Type-Options": "nosniff"})


def _plain_frame(archive: Archive, one: images.Instance, number: int) -> tuple[Path, tuple[int, int]] | None:
    """Return the file, and (offset, length) in it, of a plain frame that is large enough to be sent as it lies."""
    offsets = one.frame_offsets
    if not offsets or one.pixel_offset is None or one.pixel_offset < 0 or one.pixel_length == -1:
        return None
    if len(offsets) != 16 * one.frames:
        return None
    offset, length = struct.unpack_from("<QQ", offsets, 16 * (number - 1))
    place = archive.objects.place(one.digest)
    if length <= SMALL or offset + length > place.length:
        return None
    return place.path, (place.offset + offset, length)


def hash_of(numbers: Sequence[int]) -> str:
    """Name a list of frames in an entity tag."""
    listed = "-".join(map(str, numbers))
    return listed if len(listed) < 40 else f"{len(numbers)}-{crc32(listed.encode()):08x}"


def _part(content_type: str, content: bytes) -> Part:
    return Part(content_type, [content], len(content))


def _frame(archive: Archive, one: images.Instance, number: int, form: Form) -> bytes:
    path = archive.objects.place(one.digest).path
    if form.is_stored:
        plain = _known_bytes(archive, one, number)
        if plain is not None:
            return plain
        return dicom.read_frame(path, number, location_of(one)).bytes
    try:
        array = dicom.decode_frame(path, number, rgb=not _says_ybr(archive, one))
    except dicom.Undecodable as error:
        raise NotAcceptable(
            f"The frame cannot be decoded; ask for it with transfer-syntax=*. {error.message}"
        ) from error
    if form.syntax != EXPLICIT:
        if one.bits_allocated not in (8, 16):
            raise NotAcceptable("Frames of this kind are not compressed; ask for application/octet-stream.")
        return coded(array, form.syntax, _bits_stored(archive, one))
    if one.bits_allocated == 1:
        return np.packbits(array.ravel(), bitorder="little").tobytes()
    return array.tobytes()


def _known_bytes(archive: Archive, one: images.Instance, number: int) -> bytes | None:
    """Read a frame where the database says that it lies; None where more than its own bytes would have to be looked at."""
    offsets = one.frame_offsets
    if not offsets or one.pixel_offset is None or one.pixel_offset < 0 or len(offsets) != 16 * one.frames:
        return None
    offset, length = struct.unpack_from("<QQ", offsets, 16 * (number - 1))
    place = archive.objects.place(one.digest)
    with place.path.open("rb", buffering=0) as stream:
        stream.seek(place.offset + offset)
        part = stream.read(length)
    if len(part) != length:
        return None
    if one.pixel_length != -1:
        return part
    is_whole = part[:4] == ITEM and struct.unpack_from("<I", part, 4)[0] == length - 8
    return part[8:] if is_whole else None


def header_value(archive: Archive, one: images.Instance, tag: str) -> object:
    """Return the first value of an attribute in the header of an instance, or None."""
    for packed in images.packed_headers(archive, [one.id]).values():
        return (images.unpack_header(packed).get(tag, {}).get("Value") or [None])[0]
    return None


def _says_ybr(archive: Archive, one: images.Instance) -> bool:
    """Tell whether the header says YBR: decoded frames must be in the colours that the metadata promises."""
    return str(header_value(archive, one, "00280004")).startswith("YBR_FULL")


def _bits_stored(archive: Archive, one: images.Instance) -> int:
    said, allocated = header_value(archive, one, "00280101"), one.bits_allocated or 16
    return said if isinstance(said, int) and 1 <= said <= allocated else allocated


# ---- bulk values ---------------------------------------------------------------------------------------------------


def bulkdata(request: Request) -> Response:
    """Give one bulk value of an object, whole or a range of its bytes."""
    archive = archive_of(request)
    path = str(request.path_params["path"])
    if not _BULK.fullmatch(path):
        raise BadParameter("A bulk value is named by its tags, such as 00420011 or 54000100/0/54001010.")
    one = taken(request, place_of(request))
    if path == f"{PIXEL_DATA:08X}" and is_video(one):
        return video_response(request, archive, one)
    if path == f"{PIXEL_DATA:08X}" and one.pixel_length == -1:
        return _frames(request, archive, one, range(1, min(one.frames, MOST_FRAMES) + 1))
    media_type = _bulk_type(archive, one, path)
    is_multipart, media_type = _bulk_form(request, media_type)
    headers = kept_headers(request, f"{one.digest[:40]}-{path.replace('/', '.')[:200]}", max_age_s=300)
    unchanged = not_modified(request, headers)
    if unchanged is not None:
        return unchanged
    return _bulk_response(
        request, archive, one, path, is_multipart=is_multipart, media_type=media_type, headers=headers
    )


def _bulk_type(archive: Archive, one: images.Instance, path: str) -> str:
    """Return the type of an encapsulated document (PS3.3 C.24.2); octets for everything else."""
    if path == DOCUMENT:
        said = str(header_value(archive, one, "00420012") or "").lower()
        return said if said in SHOWN else OCTETS
    return OCTETS


def document_response(request: Request, archive: Archive, one: images.Instance) -> Response:
    """Answer with an encapsulated PDF, whole or a range of its bytes: it is its own rendering (PS3.18 8.7.4).

    Raises
    ------
    NotAcceptable
        Another form is asked.
    """
    if not any(form.covers(PDF) for form in accepted(request)):
        raise NotAcceptable(f"This document is given as {PDF} only.")
    headers = kept_headers(request, f"{one.digest[:40]}-document", max_age_s=300)
    unchanged = not_modified(request, headers)
    if unchanged is not None:
        return unchanged
    # A viewer that keeps itself apart from other sites shows no document within it that does not say the same.
    headers |= {"Cross-Origin-Embedder-Policy": "require-corp"}
    return _bulk_response(request, archive, one, DOCUMENT, is_multipart=False, media_type=PDF, headers=headers)


def _bulk_form(request: Request, media_type: str) -> tuple[bool, str]:
    for one in accepted(request):
        if (
            one.is_multipart
            and one.inner in (OCTETS, "*/*", "application/*")
            and one.transfer_syntax in ("", "*", EXPLICIT)
        ):
            return True, OCTETS
        if one.type in (OCTETS, "application/*"):
            return False, OCTETS
        if one.covers(media_type):
            return False, media_type
    raise NotAcceptable(f'Bulk values are given as {OCTETS}, or multipart/related; type="{OCTETS}".')


def _bulk_response(
    request: Request,
    archive: Archive,
    one: images.Instance,
    path: str,
    *,
    is_multipart: bool,
    media_type: str,
    headers: dict[str, str],
) -> Response:
    length, chunks = _bulk_value(archive, one, path)
    if is_multipart:
        parts = [Part(f"{OCTETS}; transfer-syntax={EXPLICIT}", chunks(0, length), length)]
        return multipart_response(parts, OCTETS, one.digest[:40], headers=headers)
    headers |= {"Accept-Ranges": "bytes", "X-Content-Type-Options": "nosniff"}
    part = byte_range(request, length, headers["ETag"])
    start, stop = part or (0, length)
    headers["Content-Length"] = str(stop - start)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{length}"
    return streamed(chunks(start, stop), media_type, 206 if part else 200, headers)


class _Value:
    """A bulk value: a part of the stored file, or bytes in memory where it has no place of its own in the file."""

    def __init__(self, archive: Archive, one: images.Instance, offset: int, content: bytes | None) -> None:
        self._place = archive.objects.place(one.digest)
        self._offset = offset
        self._content = content

    def __call__(self, start: int, stop: int) -> Iterator[bytes]:
        if self._content is not None:
            return iter([self._content[start:stop]])
        return slice_of(self._place.path, self._place.offset + self._offset + start, stop - start)


def _bulk_value(archive: Archive, one: images.Instance, path: str) -> tuple[int, _Value]:
    file = archive.objects.place(one.digest).path
    if one.transfer_syntax_uid == BIG_ENDIAN and path == f"{PIXEL_DATA:08X}":
        plain = bytes(dicom.as_uncompressed(file).PixelData)
        return len(plain), _Value(archive, one, 0, plain)
    if (
        path == f"{PIXEL_DATA:08X}"
        and one.pixel_offset is not None
        and one.pixel_offset >= 0
        and (one.pixel_length or 0) > 0
    ):
        return one.pixel_length or 0, _Value(archive, one, one.pixel_offset, None)
    for location in dicom.scan(file).bulk:
        if location.path == path and location.offset >= 0 and location.length >= 0:
            return location.length, _Value(archive, one, location.offset, None)
    content = dicom.read_bulk(file, path)
    return len(content), _Value(archive, one, 0, content)
