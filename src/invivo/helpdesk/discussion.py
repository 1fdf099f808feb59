"""Where a collection is talked about: a forum, a list, a channel outside this archive."""

from urllib.parse import urlsplit

from invivo import accounts, audit, collections
from invivo.archive import Archive
from invivo.errors import Invalid, Refused


def discussion_of(archive: Archive, collection_id: int) -> str:
    """Return the address where a collection is talked about, or nothing; works for the public database role."""
    with archive.database.transaction() as tx:
        row = tx.execute(
            "select discussion_url from helpdesk.link where collection_id = %s", [collection_id]
        ).fetchone()
    return str(row.discussion_url) if row else ""


def set_discussion(archive: Archive, actor: accounts.Actor, collection_id: int, url: str) -> None:
    """Say where a collection is talked about; an empty address takes that back."""
    if not actor.may_own(collection_id):
        raise Refused("Only the collection's owner or an administrator may say this.", code="collection.not-owner")
    url = url.strip()
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or len(url) > 500 or not url.isprintable()):
        raise Invalid("Give an address that begins with https://.", code="helpdesk.discussion")
    with archive.database.transaction() as tx:
        collections.policy_of(tx, collection_id)
        tx.execute("delete from helpdesk.link where collection_id = %s", [collection_id])
        if url:
            tx.execute(
                "insert into helpdesk.link (collection_id, discussion_url) values (%s, %s)", [collection_id, url]
            )
        audit.note(tx, actor.name, "collection.discussion", f"collection:{collection_id}", url=url)
