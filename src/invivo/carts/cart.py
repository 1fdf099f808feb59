"""Carts."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields

from invivo import accounts, collections, database, search
from invivo.archive import Archive
from invivo.errors import TooLarge


class CartFull(TooLarge):
    """More series than one cart takes."""

    code = "cart.full"


@dataclass(frozen=True, slots=True)
class Cart:
    """A cart with its totals; size in bytes."""

    id: str
    name: str
    series_count: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Line:
    """A series in a cart as the actor may see it now.

    Attributes
    ----------
    may_download : bool
    reason : str
        Why it may not be downloaded; empty if it may.
    """

    series_uid: str
    study_uid: str
    collection_id: int
    collection: str
    collection_title: str
    subject: str
    modality: str
    description: str | None
    instance_count: int
    size_bytes: int
    licence: str
    access: str
    cover_uid: str | None
    may_download: bool

    @property
    def reason(self) -> str:
        if self.may_download:
            return ""
        return {
            "registered": "Sign in to download it.",
            "controlled": "The owner's approval is needed; write to the collection's contact.",
        }.get(self.access, "You may not download it; write to the collection's contact.")


def cart_size(archive: Archive, cart_id: str) -> int:
    """Return the number of series in a cart; 0 for an unknown one."""
    if not cart_id:
        return 0
    with archive.database.transaction() as tx:
        row = tx.execute("select count(*) as n from carts.line where cart_id = %s", [cart_id]).fetchone()
    return int(row.n) if row else 0


def open_cart(archive: Archive, actor: accounts.Actor, cart_id: str = "") -> Cart:
    """Return a cart, a new one if the id is empty or unknown: whoever knows its long random id may use it."""
    with archive.database.transaction() as tx:
        row = tx.execute("select id, name from carts.cart where id = %s", [cart_id]).fetchone()
        if row is None:
            row = tx.execute(
                "insert into carts.cart (id, person_id) values (%s, %s) returning id, name",
                [secrets.token_urlsafe(18), actor.person_id],
            ).fetchone()
    assert row is not None
    lines = contents(archive, actor, row.id)
    return Cart(row.id, row.name, len(lines), sum(line.size_bytes for line in lines))


def add_series(archive: Archive, actor: accounts.Actor, cart_id: str, series_uids: Sequence[str]) -> int:
    """Put series that the actor may see into a cart; return how many were new. Repeating it changes nothing."""
    statement = database.join(
        "insert into carts.line (cart_id, collection_id, series_uid) select %(cart)s, s.collection_id, s.uid from images.series s"
        " where upper_inf(s.releases) and s.uid = any (%(uids)s) and {visible} on conflict do nothing",
        visible=collections.visible_to(actor),
    )
    most = archive.settings.limits.cart_series
    with archive.database.transaction() as tx:
        tx.execute("update carts.cart set touched_at = now() where id = %s", [cart_id])
        added = tx.execute(
            statement.text.encode(), {**statement.parameters, "cart": cart_id, "uids": list(series_uids)}
        ).rowcount
        row = tx.execute("select count(*) as n from carts.line where cart_id = %s", [cart_id]).fetchone()
        if row and row.n > most:
            raise CartFull(f"A cart takes at most {most} series (limits.cart_series); narrow your choice.")
    return added


def add_found(archive: Archive, actor: accounts.Actor, cart_id: str, query: search.Query) -> int:
    """Put every series that a query finds into a cart; return how many were new."""
    most = archive.settings.limits.cart_series
    if search.count(archive, actor, query) > most:
        raise CartFull(f"A cart takes at most {most} series (limits.cart_series); narrow the query.")
    added, after = 0, 0
    while True:
        page = search.find(archive, actor, query, "series", after=after, limit=1000)
        added += add_series(archive, actor, cart_id, [row.series_uid for row in page.rows])
        if page.after is None:
            return added
        after = page.after


def remove_series(archive: Archive, _actor: accounts.Actor, cart_id: str, series_uids: Sequence[str]) -> None:
    """Take series out of a cart."""
    with archive.database.transaction() as tx:
        tx.execute("delete from carts.line where cart_id = %s and series_uid = any (%s)", [cart_id, list(series_uids)])


def empty_cart(archive: Archive, _actor: accounts.Actor, cart_id: str) -> None:
    """Take everything out of a cart."""
    with archive.database.transaction() as tx:
        tx.execute("delete from carts.line where cart_id = %s", [cart_id])


_COLUMNS = {
    "series_uid": "s.uid",
    "study_uid": "t.uid",
    "collection_id": "s.collection_id",
    "collection": "c.short_name",
    "collection_title": "c.title",
    "subject": "p.label",
    "licence": "coalesce(s.licence, c.licence)",
    "access": "c.access",
    "cover_uid": "i.uid",
    "may_download": "({may_have})",
}
_SELECT = ", ".join(f"{_COLUMNS.get(field.name, 's.' + field.name)} as {field.name}" for field in fields(Line))


def contents(archive: Archive, actor: accounts.Actor, cart_id: str) -> list[Line]:
    """Return the series of a cart that are in the current release and that the actor may see, in the order they were added."""
    statement = database.join(
        f"select {_SELECT} from carts.line l join images.series s on s.collection_id = l.collection_id and s.uid = l.series_uid"  # noqa: S608
        " and upper_inf(s.releases) join collections.collection c on c.id = s.collection_id"
        " join subjects.subject p on p.id = s.subject_id join images.study t on t.id = s.study_id"
        " left join images.instance i on i.id = s.cover_instance_id where l.cart_id = %(cart)s and {visible}"
        " order by l.added_at, s.id",
        visible=collections.visible_to(actor),
        may_have=collections.downloadable_by(actor),
    )
    with archive.database.transaction() as tx:
        return [
            Line(*row)
            for row in database.rows(tx, database.Statement(statement.text, {**statement.parameters, "cart": cart_id}))
        ]
