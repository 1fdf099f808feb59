"""A study, a series or an instance packed as a ZIP: the same bytes as the download pages give, any range of them.

References
----------
DICOM PS3.18 8.7.3.6, 10.4.1.1.1 (application/zip).
"""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from invivo import downloads, images
from invivo.archive import Archive
from invivo.protocols.dicomweb.reading import Place
from invivo.protocols.dicomweb.refusal import not_yours
from invivo.protocols.taking import took
from invivo.protocols.wire import actor_of, archive_of, byte_range, lasting, not_modified, streamed

ZIP = "application/zip"


def package(request: Request, place: Place) -> Response:
    """Give what stands below an address as a ZIP, whole or a range of its bytes."""
    archive = archive_of(request)
    chosen = _selection(request, archive, place)
    packed = downloads.Package(archive, chosen)
    headers = {
        "ETag": packed.etag,
        "Cache-Control": lasting(request),
        "Vary": "Accept, Cookie, Authorization",
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'attachment; filename="{packed.name}"',
    }
    unchanged = not_modified(request, headers)
    if unchanged is not None:
        return unchanged
    if chosen.refused:
        headers["Warning"] = f'299 invivo: "{len(chosen.refused)} series are left out, because you may not have them."'
    part = byte_range(request, packed.length, packed.etag)
    start, stop = part or (0, packed.length)
    if not start:
        took(request, "dicomweb", chosen.taken)
    headers["Content-Length"] = str(stop - start)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{packed.length}"
    return streamed(packed.chunks(start, stop), ZIP, 206 if part else 200, headers)


def _selection(request: Request, archive: Archive, place: Place) -> downloads.Selection:
    actor = actor_of(request)
    if not place.series:
        chosen = downloads.select(archive, actor, study_uid=place.study)
    else:
        if images.find_series(archive, actor, place.series).study_uid != place.study:
            raise images.UnknownSeries("The series is not part of this study.")
        chosen = downloads.select(archive, actor, series_uids=[place.series])
    if place.instance:
        one = images.find_instance(
            archive, actor, place.instance, series_uid=place.series, study_uid=place.study, bytes_too=False
        )
        files = tuple(file for file in chosen.files if file.digest == one.digest)
        taken = {(one.collection_id, one.series_uid): one.size_bytes} if files else {}
        chosen = replace(chosen, files=files, taken=taken)
    if not chosen.files:
        raise not_yours()
    return chosen
