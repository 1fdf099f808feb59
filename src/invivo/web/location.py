"""What is told of a series whose files lie in another place: where that is, and how to fetch them."""

from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from invivo import dicom, downloads, images
from invivo.errors import NotFound
from invivo.web.form import only


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where a series is, and the commands that fetch it."""

    location: images.Location
    ours: str
    s5cmd: str
    aws: str


def elsewhere(request: Request, uid: str) -> Elsewhere | None:
    """Return where a series lies, None if it lies here."""
    state = request.state
    found = images.locations_of(state.archive, state.actor, [uid]).get(uid)
    if found is None:
        return None
    folder = f"{uid[-12:].strip('.')}/"
    return Elsewhere(
        found,
        f"invivo download {uid} --from {state.archive.settings.public_url}",
        f's5cmd --no-sign-request cp "{found.url}*" {folder}',
        f"aws s3 cp --no-sign-request --recursive {found.url} {folder}",
    )


def location_file(request: Request) -> Response:
    """Tell where the files of a series lie, here or in another place, and into which folder they belong."""
    only(request)
    state, uid = request.state, request.path_params["uid"]
    if not dicom.is_valid(uid):
        raise NotFound("There is nothing under this address: it does not hold a UID.", code="page.not-a-uid")
    series = images.find_series(state.archive, state.actor, uid)
    found = images.locations_of(state.archive, state.actor, [uid]).get(uid)
    told: dict[str, Any] = {
        "series_uid": uid,
        "is_here": found is None,
        "url": f"{state.archive.settings.public_url}/series/{uid}/package.zip",
        "instance_count": series.instance_count,
        "size_bytes": series.size_bytes,
        "folder": downloads.folder_of(series),
        "collection": series.collection,
        "licence": series.licence,
    }
    if found is not None:
        told |= {"url": found.url, "bucket": found.bucket, "prefix": found.folder}
        told |= {"dataset": found.dataset, "citation": found.citation}
    return Response(orjson.dumps(told), media_type="application/json")
