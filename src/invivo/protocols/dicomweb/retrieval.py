"""WADO-RS: whole objects and their metadata.

References
----------
DICOM PS3.18 10.4.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response

from invivo import errors, images
from invivo.archive import Archive
from invivo.protocols.dicomweb.encoding import object_in
from invivo.protocols.dicomweb.native_model import XML, xml_of
from invivo.protocols.dicomweb.packages import ZIP, package
from invivo.protocols.dicomweb.queries import root_of
from invivo.protocols.dicomweb.reading import Place, place_of
from invivo.protocols.dicomweb.refusal import not_yours
from invivo.protocols.dicomweb.stored import stored_response
from invivo.protocols.dicomweb.syntax import DICOM, EXPLICIT, JPEG_2000, JPEG_LS, Form, form_of_objects
from invivo.protocols.dicomweb.writing import Json, json_array, with_addresses
from invivo.protocols.negotiation import NotAcceptable, accepted, chosen_model
from invivo.protocols.taking import took
from invivo.protocols.wire import (
    BLOCK,
    LARGE,
    Part,
    actor_of,
    archive_of,
    file_response,
    gzip_response,
    kept_headers,
    multipart_response,
    named_digest,
    not_modified,
    slice_of,
    streamed,
)

BULK_ADDRESS = b'"BulkDataURI":"'
_log = structlog.get_logger()


def downloadable(request: Request, place: Place) -> images.Instance:
    """Return one instance whose bytes the actor may have.

    Raises
    ------
    UnknownInstance
        There is none of which the actor may know.
    NotYours
    """
    find = partial(
        images.find_instance,
        archive_of(request),
        actor_of(request),
        place.instance,
        series_uid=place.series or None,
        study_uid=place.study or None,
    )
    try:
        return find()
    except images.UnknownInstance:
        find(bytes_too=False)
        raise not_yours() from None


def taken(request: Request, place: Place, *, is_picture: bool = False) -> images.Instance:
    """Return one instance whose bytes the actor may have, and tell that they are asked for; raises as `downloadable`."""
    one = downloadable(request, place)
    size_bytes = one.size_bytes // max(1, one.frames) if "frames" in request.path_params else one.size_bytes
    took(request, "dicomweb", {(one.collection_id, one.series_uid): size_bytes}, is_picture=is_picture)
    return one


def _all_taken(request: Request, place: Place) -> tuple[list[images.StoredObject], int]:
    """Return the objects of a study or series, and how many more there are that the actor may only know of."""
    known = images.files_of(archive_of(request), actor_of(request), place.study, place.series or None)
    if not known and place.series:
        raise images.UnknownSeries("There is no such series in the current release, or you may not see it.")
    if not known:
        raise images.UnknownStudy("There is no such study in the current release, or you may not see it.")
    found = [one for one in known if one.is_free]
    if not found:
        raise not_yours()
    sizes: dict[tuple[int, str], int] = defaultdict(int)
    for one in found:
        sizes[one.collection_id, one.series_uid] += one.size_bytes
    took(request, "dicomweb", sizes)
    return found, len(known) - len(found)


# ---- objects -------------------------------------------------------------------------------------------------------


def retrieve(request: Request) -> Response:
    """Give a study, a series or an instance as DICOM files, or packed as a ZIP."""
    archive, place = archive_of(request), place_of(request)
    ranges = accepted(request)
    if ranges[0].type == ZIP:
        return package(request, place)
    found, missing = _found(request, place)
    syntaxes = frozenset(one.transfer_syntax_uid for one in found)
    form = form_of_objects(ranges, syntaxes, is_one=bool(place.instance))
    if form is None:
        if any(one.type == ZIP for one in ranges):
            return package(request, place)
        raise NotAcceptable(
            'Objects are given as multipart/related; type="application/dicom", as stored with transfer-syntax=*'
            f" or, where they can be decoded, as {EXPLICIT}, {JPEG_LS} or {JPEG_2000}, and as {ZIP}."
        )
    etag = _digest_of(found, form.mark)
    headers = kept_headers(request, etag)
    unchanged = not_modified(request, headers)
    if unchanged is not None:
        return unchanged
    if not form.is_multipart:
        return one_file(request, found[0], headers, form)
    if missing:
        headers["Warning"] = f'299 invivo: "{missing} instances are left out, because you may not have them."'
    status = 206 if missing else 200
    if sum(one.size_bytes for one in found) > LARGE and all(_leaves_as_stored(one, form) for one in found):
        return stored_response(archive, found, etag, status, headers)
    return multipart_response(_parts(archive, found, form), DICOM, etag, status=status, headers=headers)


def _found(request: Request, place: Place) -> tuple[list[images.StoredObject], int]:
    if not place.instance:
        return _all_taken(request, place)
    one = taken(request, place)
    where = (one.series_uid, one.collection_id)
    return [images.StoredObject(one.uid, one.transfer_syntax_uid, one.digest, one.size_bytes, *where, is_free=True)], 0


def _digest_of(found: list[images.StoredObject], mark: str) -> str:
    digest = hashlib.sha256(mark.encode())
    for one in found:
        digest.update(one.digest.encode())
    return digest.hexdigest()[:40]


Bytes = images.Instance | images.StoredObject


def one_file(request: Request, one: Bytes, headers: dict[str, str], form: Form) -> Response:
    """Give one object as a DICOM file."""
    archive = archive_of(request)
    named = {**headers, "Content-Disposition": f'attachment; filename="{one.uid}.dcm"'}
    if _leaves_as_stored(one, form):
        path = archive.objects.place(one.digest).path
        return file_response(request, path, f"{DICOM}; transfer-syntax={one.transfer_syntax_uid}", named)
    content, syntax = object_in(archive.objects.place(one.digest).path, form.syntax)
    return Response(content, media_type=f"{DICOM}; transfer-syntax={syntax}", headers=named)


def _parts(archive: Archive, found: list[images.StoredObject], form: Form) -> Iterable[Part]:
    """Return the parts of objects: a list where their bytes leave as they are stored, so that their length is known.

    Others are made when their turn comes, one in memory at a time; the first at once, so that it can still be refused.
    """
    if all(_leaves_as_stored(one, form) for one in found):
        return [_stored_part(archive, one) for one in found]
    first = _part(archive, found[0], form)
    return chain([first], (_part(archive, one, form) for one in found[1:]))


def _leaves_as_stored(one: Bytes, form: Form) -> bool:
    return form.is_stored or one.transfer_syntax_uid == form.syntax


def _stored_part(archive: Archive, one: Bytes) -> Part:
    content_type = f"{DICOM}; transfer-syntax={one.transfer_syntax_uid}"
    return Part(content_type, _stored_chunks(archive, one), one.size_bytes)


def _stored_chunks(archive: Archive, one: Bytes) -> Iterator[bytes]:
    place = archive.objects.place(one.digest)
    yield from slice_of(place.path, place.offset, place.length)


def _part(archive: Archive, one: Bytes, form: Form) -> Part:
    """Return the part of one object.

    A damaged frame breaks the answer off: half an answer that looks whole would be worse.
    """
    if _leaves_as_stored(one, form):
        return _stored_part(archive, one)
    try:
        content, syntax = object_in(archive.objects.place(one.digest).path, form.syntax)
    except errors.InvivoError as error:
        _log.warning("dicomweb.undecodable", object=one.digest[:12], code=error.kind)
        raise
    chunks = (content[start : start + BLOCK] for start in range(0, len(content), BLOCK))
    return Part(f"{DICOM}; transfer-syntax={syntax}", chunks, len(content))


# ---- metadata ------------------------------------------------------------------------------------------------------


def metadata(request: Request) -> Response:
    """Give the headers of a study, a series or an instance as DICOM JSON, or as XML of the Native DICOM Model."""
    place = place_of(request)
    model = chosen_model(request, is_one=bool(place.instance))
    if place.instance:
        return _instance_metadata(request, place, model)
    if place.series:
        return _series_metadata(request, place, model)
    return _study_metadata(request, place, model)


def _series_metadata(request: Request, place: Place, model: str) -> Response:
    """Give the file that was written when the series was published, as it lies; XML is made of the headers."""
    archive = archive_of(request)
    found = images.find_series(archive, actor_of(request), place.series)
    if found.study_uid != place.study:
        raise images.UnknownSeries("The series is not part of this study.")
    headers = kept_headers(request, f"{found.key}-{found.revision}-{found.growth}{_form_of(model)}")
    unchanged = not_modified(request, headers)
    if unchanged is not None:
        return unchanged
    if model == XML:
        return _documents(archive, [found], headers)
    return gzip_response(request, images.read_metadata(archive, found), model, headers)


def _instance_metadata(request: Request, place: Place, model: str) -> Response:
    archive = archive_of(request)
    one = images.find_instance(
        archive, actor_of(request), place.instance, series_uid=place.series, study_uid=place.study, bytes_too=False
    )
    headers = kept_headers(request, f"{one.digest[:40]}-header{_form_of(model)}")
    unchanged = not_modified(request, headers)
    if unchanged is not None:
        return unchanged
    base = f"{root_of(archive)}/studies/{one.study_uid}/series/{one.series_uid}"
    packed = images.packed_headers(archive, [one.id]).values()
    written = [with_addresses(images.unpack_header(one), base) for one in packed]
    if model == XML:
        parts = [Part(XML, [content], len(content)) for content in map(xml_of, written)]
        return multipart_response(parts, XML, named_digest(headers["ETag"]), headers=headers)
    if model == "application/xml":
        return Response(xml_of(written[0]), media_type=XML, headers=headers)
    return Response(orjson.dumps(written), media_type=model, headers=headers)


def _study_metadata(request: Request, place: Place, model: str) -> Response:
    archive = archive_of(request)
    found = images.series_of_study(archive, actor_of(request), place.study)
    named = "/".join(f"{one.key}-{one.revision}-{one.growth}" for one in found)
    headers = kept_headers(request, hashlib.sha256(named.encode()).hexdigest()[:40] + _form_of(model))
    unchanged = not_modified(request, headers)
    if unchanged is not None:
        return unchanged
    if model == XML:
        return _documents(archive, found, headers)
    return streamed(json_array(_texts_of(archive, found)), model, headers=headers)


def _form_of(model: str) -> str:
    """Name the model in an entity tag."""
    return "-xml" if model in (XML, "application/xml") else ""


def _headers_of(archive: Archive, found: list[images.Series]) -> Iterator[Json]:
    for one in found:
        base = f"{root_of(archive)}/studies/{one.study_uid}/series/{one.uid}"
        for header in images.headers_of(archive, one.key):
            yield with_addresses(header, base)


def _texts_of(archive: Archive, found: list[images.Series]) -> Iterator[bytes]:
    """Yield headers as the text they are kept as, with absolute addresses of their bulk values.

    Nothing is parsed: the name of an address stands in quotes of its own, which no value can hold without escaping them.
    """
    for one in found:
        base = f"{root_of(archive)}/studies/{one.study_uid}/series/{one.uid}/"
        named = BULK_ADDRESS + orjson.dumps(base)[1:-1]
        for packed in images.packed_headers_of(archive, one.key):
            yield images.json_bytes(packed).replace(BULK_ADDRESS, named)


def _documents(archive: Archive, found: list[images.Series], headers: dict[str, str]) -> Response:
    """Give the headers of series as parts of XML, one in memory at a time."""
    contents = map(xml_of, _headers_of(archive, found))
    parts = (Part(XML, [content], len(content)) for content in contents)
    return multipart_response(parts, XML, named_digest(headers["ETag"]), headers=headers)
