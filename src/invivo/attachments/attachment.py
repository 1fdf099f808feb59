"""Attachments of a collection, in its releases."""

import mimetypes
from dataclasses import dataclass

from invivo import accounts, collections, database
from invivo.archive import Archive
from invivo.errors import NotFound


class UnknownAttachment(NotFound):
    """There is no such file, or the actor may not have it."""

    code = "attachment.unknown"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A released file; size in bytes."""

    id: int
    collection_id: int
    name: str
    media_type: str
    digest: str
    size_bytes: int
    crc32: int
    first_release: int


_COLUMNS = "a.id, a.collection_id, a.name, a.media_type, a.digest, a.size_bytes, a.crc32, lower(a.releases)"


def attach(
    tx: database.Tx, collection_id: int, release: int, name: str, digest: str, size_bytes: int, crc32: int
) -> None:
    """Enter a cleared file into a release; one of the same name is replaced from this release on."""
    tx.execute(
        "update attachments.attachment set releases = int4range(lower(releases), greatest(lower(releases), %s))"
        " where collection_id = %s and name = %s and upper_inf(releases)",
        [release, collection_id, name],
    )
    tx.execute(
        "insert into attachments.attachment (collection_id, releases, name, media_type, digest, size_bytes, crc32)"
        " values (%s, int4range(%s, null), %s, %s, %s, %s, %s)",
        [
            collection_id,
            release,
            name,
            mimetypes.guess_type(name)[0] or "application/octet-stream",
            digest,
            size_bytes,
            crc32,
        ],
    )


def _select(archive: Archive, actor: accounts.Actor, criteria: str, parameters: dict[str, int]) -> list[Attachment]:
    statement = database.join(
        "select "
        + _COLUMNS
        + " from (select *, null::text as access from attachments.attachment) a where upper_inf(a.releases)"  # noqa: S608
        " and " + criteria + " and {visible} and {may_have} order by a.name",
        visible=collections.visible_to(actor, "a"),
        may_have=collections.downloadable_by(actor, "a"),
    )
    with archive.database.transaction() as tx:
        return [
            Attachment(*row)
            for row in database.rows(tx, database.Statement(statement.text, {**statement.parameters, **parameters}))
        ]


def attachments_of(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[Attachment]:
    """Return the files of a collection's current release that the actor may have."""
    return _select(archive, actor, "a.collection_id = %(collection)s", {"collection": collection_id})


def find_attachment(archive: Archive, actor: accounts.Actor, attachment_id: int) -> Attachment:
    """Return a file of a current release; raises UnknownAttachment."""
    found = _select(archive, actor, "a.id = %(id)s", {"id": attachment_id})
    if not found:
        raise UnknownAttachment("There is no such file in the current release, or you may not have it.")
    return found[0]
