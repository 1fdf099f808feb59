"""Videos as they are stored: the stream of an encapsulated one, whole or a range of its bytes, as players ask for it.

References
----------
DICOM PS3.5 8.2.5 to 8.2.9 and A.4 (one stream in fragments); PS3.18 8.7.3.3.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from invivo import dicom, images, storage
from invivo.archive import Archive
from invivo.protocols.dicomweb.syntax import media_type_of
from invivo.protocols.negotiation import NotAcceptable, accepted
from invivo.protocols.wire import Part, byte_range, kept_headers, multipart_response, not_modified, slice_of, streamed

MOST_FRAGMENTS = 1_000_000
_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"


def is_video(one: images.Instance) -> bool:
    """Tell whether the pixels of an instance are one stream of video."""
    return one.pixel_length == -1 and media_type_of(one.transfer_syntax_uid).startswith("video/")


def video_response(request: Request, archive: Archive, one: images.Instance) -> Response:
    """Answer with the stream of a video; players jump in it by byte ranges.

    Raises
    ------
    NotAcceptable
        Another form is asked; nothing is transcoded.
    """
    media_type = media_type_of(one.transfer_syntax_uid)
    form = next((found for found in accepted(request) if _takes(found.type, found.inner, media_type)), None)
    if form is None:
        raise NotAcceptable(f"This video is stored and given as {media_type} only.")
    headers = kept_headers(request, f"{one.digest[:40]}-video", max_age_s=300)
    unchanged = not_modified(request, headers)
    if unchanged is not None:
        return unchanged
    place = archive.objects.place(one.digest)
    fragments = _fragments(place, one.pixel_offset or 0)
    length = sum(size for _, size in fragments)
    if form.is_multipart:
        content_type = f"{media_type}; transfer-syntax={one.transfer_syntax_uid}"
        parts = [Part(content_type, _stream(place.path, fragments, 0, length), length)]
        return multipart_response(parts, media_type, one.digest[:40], headers=headers)
    headers |= {"Accept-Ranges": "bytes", "X-Content-Type-Options": "nosniff"}
    part = byte_range(request, length, headers["ETag"])
    start, stop = part or (0, length)
    headers["Content-Length"] = str(stop - start)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{length}"
    chunks = _stream(place.path, fragments, start, stop)
    return streamed(chunks, media_type, 206 if part else 200, headers)


def _takes(outer: str, inner: str, media_type: str) -> bool:
    asked = inner if outer == "multipart/related" else outer
    return asked in ("*/*", "video/*", media_type, "application/octet-stream")


def _fragments(place: storage.Place, offset: int) -> list[tuple[int, int]]:
    """Return where the fragments of the stream lie in the file; the first item is the offset table."""
    found: list[tuple[int, int]] = []
    with place.path.open("rb") as stream:
        position = place.offset + offset
        while len(found) <= MOST_FRAGMENTS:
            stream.seek(position)
            head = stream.read(8)
            if len(head) < 8 or head[:4] == _END:
                break
            length = struct.unpack("<I", head[4:])[0]
            if head[:4] != _ITEM or length == 0xFFFFFFFF:
                raise dicom.Damaged("The fragments of the video are damaged.")
            found.append((position + 8, length))
            position += 8 + length
    return found[1:]


def _stream(path: Path, fragments: list[tuple[int, int]], start: int, stop: int) -> Iterator[bytes]:
    """Yield the bytes [start, stop) of the stream."""
    before = 0
    for offset, length in fragments:
        first, last = max(start - before, 0), min(stop - before, length)
        if first < last:
            yield from slice_of(path, offset + first, last - first)
        before += length
