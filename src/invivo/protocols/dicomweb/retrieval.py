"""WADO-RS: whole objects and their metadata.

References
----------
DICOM PS3.18 10.4.
"""

import hashlib
from collections.abc import Iterator
from functools import partial

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from invivo import accounts, dicom, errors, images
from invivo.archive import Archive
from invivo.protocols.dicomweb.queries import JSON_TYPES, root_of
from invivo.protocols.dicomweb.reading import Place, place_of
from invivo.protocols.dicomweb.syntax import DICOM, EXPLICIT, form_of_objects
from invivo.protocols.dicomweb.writing import json_array, with_addresses
from invivo.protocols.negotiation import NotAcceptable, accepted, chosen
from invivo.protocols.wire import (
    BLOCK,
    Part,
    actor_of,
    archive_of,
    blocks,
    file_response,
    gzip_response,
    kept_headers,
    multipart_response,
    not_modified,
    slice_of,
)

_log = structlog.get_logger()


class NotYours(errors.Refused):
    """The actor may know of the object but not have its bytes."""

    code = "dicomweb.not-yours"


def not_yours() -> NotYours:
    """Return the refusal of bytes that the actor may know of."""
    return NotYours(
        "You may see that this is there, but not have its images. Sign in, or ask the owner of the collection."
    )


def downloadable(archive: Archive, actor: accounts.Actor, place: Place) -> images.Instance:
    """Return one instance whose bytes the actor may have.

    Raises
    ------
    UnknownInstance
        There is none of which the actor may know.
    NotYours
    """
    find = partial(
        images.find_instance,
        archive,
        actor,
        place.instance,
        series_uid=place.series or None,
        study_uid=place.study or None,
    )
    try:
        return find()
    except images.UnknownInstance:
        find(bytes_too=False)
        raise not_yours() from None


def _all_downloadable(archive: Archive, actor: accounts.Actor, place: Place) -> tuple[list[images.Instance], int]:
    """Return the instances of a study or series, and how many more there are that the actor may only know of."""
    found = images.instances_of(archive, actor, place.study, place.series or None)
    known = images.instances_of(archive, actor, place.study, place.series or None, bytes_too=False)
    if not known and place.series:
        raise images.UnknownSeries("There is no such series in the current release, or you may not see it.")
    if not known:
        raise images.UnknownStudy("There is no such study in the current release, or you may not see it.")
    if not found:
        raise not_yours()
    return found, len(known) - len(found)


# ---- objects -------------------------------------------------------------------------------------------------------


def retrieve(request: Request) -> Response:
    """Give a study, a series or an instance as DICOM files."""
    archive, actor, place = archive_of(request), actor_of(request), place_of(request)
    if place.instance:
        found, missing = [downloadable(archive, actor, place)], 0
    else:
        found, missing = _all_downloadable(archive, actor, place)
    syntaxes = frozenset(one.transfer_syntax_uid for one in found)
    form = form_of_objects(accepted(request), syntaxes, is_one=bool(place.instance))
    if form is None:
        raise NotAcceptable(
            'Objects are given as multipart/related; type="application/dicom", as stored with transfer-syntax=*'
            f" or, where they can be decoded, as {EXPLICIT}."
        )
    etag = _digest_of(found, is_stored=form.is_stored)
    headers = kept_headers(request, etag)
    unchanged = not_modified(request, headers)
    if unchanged is not None:
        return unchanged
    if not form.is_multipart:
        return one_file(archive, found[0], headers, is_stored=form.is_stored)
    if missing:
        headers["Warning"] = f'299 invivo: "{missing} instances are left out, because you may not have them."'
    parts = [_part(archive, one, is_stored=form.is_stored) for one in found]
    return multipart_response(parts, DICOM, etag, status=206 if missing else 200, headers=headers)


def _digest_of(found: list[images.Instance], *, is_stored: bool) -> str:
    digest = hashlib.sha256(b"stored" if is_stored else b"plain")
    for one in found:
        digest.update(one.digest.encode())
    return digest.hexdigest()[:40]


def one_file(archive: Archive, one: images.Instance, headers: dict[str, str], *, is_stored: bool) -> Response:
    """Give one object as a DICOM file."""
    named = {**headers, "Content-Disposition": f'attachment; filename="{one.uid}.dcm"'}
    path = archive.objects.place(one.digest).path
    if is_stored or one.transfer_syntax_uid == EXPLICIT:
        return file_response(path, f"{DICOM}; transfer-syntax={one.transfer_syntax_uid}", named)
    try:
        content = dicom.encoded(dicom.as_uncompressed(path))
    except (errors.Invalid, errors.TooLarge) as error:
        raise NotAcceptable(f"The object cannot be decoded; ask for it as stored. {error.message}") from error
    return Response(content, media_type=f"{DICOM}; transfer-syntax={EXPLICIT}", headers=named)


def _part(archive: Archive, one: images.Instance, *, is_stored: bool) -> Part:
    """Return the part of one object; its length is known where its bytes leave as they are stored."""
    if is_stored or one.transfer_syntax_uid == EXPLICIT:
        chunks = _stored_chunks(archive, one)
        return Part(f"{DICOM}; transfer-syntax={one.transfer_syntax_uid}", chunks, one.size_bytes)
    return Part(f"{DICOM}; transfer-syntax={EXPLICIT}", _decoded_chunks(archive, one))


def _stored_chunks(archive: Archive, one: images.Instance) -> Iterator[bytes]:
    place = archive.objects.place(one.digest)
    yield from slice_of(place.path, place.offset, place.length)


def _decoded_chunks(archive: Archive, one: images.Instance) -> Iterator[bytes]:
    """Decode an object when its turn comes, so that one at a time is in memory.

    A damaged frame breaks the answer off: half an answer that looks whole would be worse.
    """
    try:
        content = dicom.encoded(dicom.as_uncompressed(archive.objects.place(one.digest).path))
    except (errors.Invalid, errors.TooLarge) as error:
        _log.warning("dicomweb.undecodable", object=one.digest[:12], code=error.kind)
        raise
    yield from (content[start : start + BLOCK] for start in range(0, len(content), BLOCK))


# ---- metadata ------------------------------------------------------------------------------------------------------


def metadata(request: Request) -> Response:
    """Give the headers of a study, a series or an instance as DICOM JSON."""
    media_type = chosen(request, JSON_TYPES)
    place = place_of(request)
    if place.instance:
        return _instance_metadata(request, place, media_type)
    if place.series:
        return _series_metadata(request, place, media_type)
    return _study_metadata(request, place, media_type)


def _series_metadata(request: Request, place: Place, media_type: str) -> Response:
    """Give the file that was written when the series was published, as it lies."""
    archive = archive_of(request)
    found = images.find_series(archive, actor_of(request), place.series)
    if found.study_uid != place.study:
        raise images.UnknownSeries("The series is not part of this study.")
    headers = kept_headers(request, f"{found.key}-{found.revision}-{found.growth}")
    unchanged = not_modified(request, headers)
    if unchanged is not None:
        return unchanged
    return gzip_response(request, images.read_metadata(archive, found), media_type, headers)


def _instance_metadata(request: Request, place: Place, media_type: str) -> Response:
    archive = archive_of(request)
    one = images.find_instance(
        archive, actor_of(request), place.instance, series_uid=place.series, study_uid=place.study, bytes_too=False
    )
    headers = kept_headers(request, f"{one.digest[:40]}-header")
    unchanged = not_modified(request, headers)
    if unchanged is not None:
        return unchanged
    base = f"{root_of(archive)}/studies/{one.study_uid}/series/{one.series_uid}"
    written = [with_addresses(header, base) for header in images.headers_of(archive, one.series_key, one.uid)]
    return Response(orjson.dumps(written), media_type=media_type, headers=headers)


def _study_metadata(request: Request, place: Place, media_type: str) -> Response:
    archive = archive_of(request)
    found = images.series_of_study(archive, actor_of(request), place.study)
    named = "/".join(f"{one.key}-{one.revision}-{one.growth}" for one in found)
    headers = kept_headers(request, hashlib.sha256(named.encode()).hexdigest()[:40])
    unchanged = not_modified(request, headers)
    if unchanged is not None:
        return unchanged
    base = f"{root_of(archive)}/studies/{place.study}/series"
    written = (
        with_addresses(header, f"{base}/{one.uid}") for one in found for header in images.headers_of(archive, one.key)
    )
    return StreamingResponse(blocks(json_array(written, orjson.dumps)), media_type=media_type, headers=headers)
