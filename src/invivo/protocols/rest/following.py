"""What changed, for mirrors."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from invivo import collections, releases
from invivo.protocols.rest import writing
from invivo.protocols.rest.application import TheActor, TheArchive
from invivo.protocols.wire import kept_headers, not_modified

router = APIRouter(tags=["Following"])


@router.get("/changes", response_model=writing.Changes)
def list_changes(
    request: Request,
    archive: TheArchive,
    actor: TheActor,
    after: Annotated[int, Query(ge=0, le=2**62, description="the number of the last change that you have")] = 0,
    collection: Annotated[str | None, Query(max_length=64, description="short name; of this one only")] = None,
    limit: Annotated[int, Query(ge=1, le=releases.MOST_CHANGES)] = 100,
) -> Response:
    """List what changed after a number, in the order in which it changed; read on with the `after` of the answer.

    Series that are created, revised or withdrawn, releases, and policies. After a change of `policy` ask for the collection
    anew: what was hidden may be shown now, or the other way round.
    """
    name = collections.collection_named(archive, actor, collection).short_name if collection is not None else None
    found = releases.changes(archive, actor, after, name, limit)
    answer = writing.Changes(
        changes=[writing.Change.model_validate(releases.change_as_json(one)) for one in found],
        after=found[-1].seq if found else after,
        is_more=len(found) == limit,
    )
    body = answer.model_dump_json().encode()
    headers = kept_headers(request, hashlib.sha256(body).hexdigest()[:32])
    return not_modified(request, headers) or Response(body, media_type="application/json", headers=headers)
