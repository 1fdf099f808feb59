"""Single series in a cart, and all of a cart's series one by one, choices included."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from invivo import accounts, collections, database, search
from invivo.archive import Archive
from invivo.carts import right
from invivo.carts.cart import CartFull, touch

PIECE = 5_000
KEPT_ELSEWHERE = "Kept elsewhere: `invivo download` or s5cmd fetches it."
_REASONS = {
    "registered": "Sign in to download it.",
    "controlled": "The owner's approval is needed; write to the collection's contact.",
}
_FORBIDDEN = "You may not download it; write to the collection's contact."


def reason_of(access: str, url: str, *, may_download: bool) -> str:
    """Return why a series is in no package of this archive; empty if it is."""
    if not may_download:
        return _REASONS.get(access, _FORBIDDEN)
    return KEPT_ELSEWHERE if url else ""


@dataclass(frozen=True, slots=True)
class Line:
    """A series in a cart as the actor may see it now.

    Attributes
    ----------
    url : str
        Folder of a public store where its files are, if they are not in this archive.
    may_download : bool
        Whether the actor may have its bytes, wherever they are.
    reason : str
        Why no package of this archive has it; empty if one has.
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
    url: str
    may_download: bool

    @property
    def reason(self) -> str:
        return reason_of(self.access, self.url, may_download=self.may_download)


def add_series(archive: Archive, actor: accounts.Actor, cart_id: str, series_uids: Sequence[str]) -> int:
    """Put series that the actor may see into a cart; return how many were new. Repeating it changes nothing.

    Raises
    ------
    right.UnknownCart, right.OnlyLooking
    CartFull
        There would be more than ``limits.cart_series`` single series; a whole query is one item, see `pin`.
    """
    statement = database.join(_ADD, visible=collections.visible_to(actor))
    most = archive.settings.limits.cart_series
    with archive.database.transaction() as tx:
        held = right.change(tx, actor, cart_id)
        touch(tx, held.id)
        given = {**statement.parameters, "cart": held.id, "uids": list(series_uids)}
        added = tx.execute(statement.text.encode(), given).rowcount
        row = tx.execute("select count(*) as n from carts.line where cart_id = %s", [held.id]).fetchone()
        if row and row.n > most:
            raise CartFull(
                f"A cart takes at most {most} single series (limits.cart_series); put the query in as one item instead."
            )
    return added


_ADD = """
insert into carts.line (cart_id, collection_id, series_uid)
select %(cart)s, s.collection_id, s.uid from images.series s
where upper_inf(s.releases) and s.uid = any (%(uids)s) and {visible}
    and s.id not in (select unnest(h.series_ids) from carts.choice h where h.cart_id = %(cart)s)
on conflict do nothing
"""


def add_found(archive: Archive, actor: accounts.Actor, cart_id: str, query: search.Query) -> int:
    """Put every series that a query finds into a cart, each by itself; return how many were new."""
    most = archive.settings.limits.cart_series
    if search.count(archive, actor, query) > most:
        raise CartFull(f"A cart takes at most {most} single series (limits.cart_series); narrow the query.")
    added, after = 0, 0
    while True:
        page = search.find(archive, actor, query, "series", after=after, limit=1000)
        added += add_series(archive, actor, cart_id, [row.series_uid for row in page.rows])
        if page.after is None:
            return added
        after = page.after


def remove_series(archive: Archive, actor: accounts.Actor, cart_id: str, series_uids: Sequence[str]) -> int:
    """Take single series out of a cart; return how many. What a choice names stays: the choice is taken out as one."""
    with archive.database.transaction() as tx:
        held = right.change(tx, actor, cart_id)
        touch(tx, held.id)
        taken = tx.execute(
            "delete from carts.line where cart_id = %s and series_uid = any (%s)", [held.id, list(series_uids)]
        )
        return taken.rowcount


def empty_cart(archive: Archive, actor: accounts.Actor, cart_id: str) -> None:
    """Take everything out of a cart."""
    with archive.database.transaction() as tx:
        held = right.change(tx, actor, cart_id)
        tx.execute("delete from carts.line where cart_id = %s", [held.id])
        tx.execute("delete from carts.choice where cart_id = %s", [held.id])
        tx.execute(
            "update carts.cart set chosen_count = 0, chosen_groups = '[]', touched_at = now() where id = %s", [held.id]
        )


_COLUMNS = {
    "series_uid": "s.uid",
    "study_uid": "t.uid",
    "collection_id": "s.collection_id",
    "collection": "c.short_name",
    "collection_title": "c.title",
    "subject": "p.label",
    "licence": "coalesce(s.licence, c.licence)",
    "access": "coalesce(s.access, c.access)",
    "cover_uid": "i.uid",
    "url": "coalesce(o.url, '')",
    "may_download": "({may_have})",
}
_SELECT = ", ".join(f"{_COLUMNS.get(field.name, 's.' + field.name)} as {field.name}" for field in fields(Line))
_FROM = """
from {begin} join collections.collection c on c.id = s.collection_id
join subjects.subject p on p.id = s.subject_id join images.study t on t.id = s.study_id
left join images.instance i on i.id = s.cover_instance_id
left join images.location o on o.series_id = s.id
"""
_SINGLE = "carts.line l join images.series s on s.collection_id = l.collection_id and s.uid = l.series_uid and upper_inf(s.releases)"
_LINES = (
    f"select {_SELECT}{_FROM.replace('{begin}', _SINGLE)} where l.cart_id = %(cart)s and {{visible}}"
    " order by l.added_at, s.id limit %(limit)s"
)
_CHOSEN = (
    f"select {_SELECT}{_FROM.replace('{begin}', 'images.series s')} where s.id = any (%(ids)s) and upper_inf(s.releases)"
    " and {visible} order by s.id"
)
_IDS = """
select distinct u.id from carts.choice h cross join lateral unnest(h.series_ids) u (id) where h.cart_id = %s order by 1
"""


def lines(archive: Archive, actor: accounts.Actor, cart_id: str, limit: int | None = None) -> list[Line]:
    """Return the single series of a cart that are current and that the actor may see, in the order they were added."""
    with archive.database.transaction() as tx:
        held = right.look(tx, actor, cart_id)
        return _rows(tx, actor, _LINES, {"cart": held.id, "limit": limit}) if held else []


def contents(archive: Archive, actor: accounts.Actor, cart_id: str) -> Iterator[Line]:
    """Yield every series of a cart that is current and that the actor may see: the single ones, then those of the choices.

    Which series these are is settled at the beginning; each is checked again when its turn comes, so that nothing is told of
    one that was withdrawn or closed meanwhile.
    """
    yield from lines(archive, actor, cart_id)
    with archive.database.transaction() as tx:
        held = right.look(tx, actor, cart_id)
        ids = [row.id for row in tx.execute(_IDS, [held.id])] if held and held.chosen_count else []
    for place in range(0, len(ids), PIECE):
        with archive.database.transaction() as tx:
            piece = _rows(tx, actor, _CHOSEN, {"ids": ids[place : place + PIECE]})
        yield from piece


def chosen_in(archive: Archive, actor: accounts.Actor, cart_id: str) -> database.Condition:
    """Return the condition on ``images.series s`` that a cart the actor may look at names it; no right to it follows."""
    with archive.database.transaction() as tx:
        held = right.look(tx, actor, cart_id)
    if held is None:
        return database.nothing()
    name = database.fresh("cart")
    return database.Condition(_NAMED.replace("%(cart)s", f"%({name})s"), {name: held.id})


_NAMED = """
s.id in (select unnest(h.series_ids) from carts.choice h where h.cart_id = %(cart)s
    union all select n.id from carts.line l join images.series n
    on n.collection_id = l.collection_id and n.uid = l.series_uid and upper_inf(n.releases) where l.cart_id = %(cart)s)
"""


def _rows(tx: database.Tx, actor: accounts.Actor, template: str, given: dict[str, object]) -> list[Line]:
    statement = database.join(
        template, visible=collections.visible_to(actor), may_have=collections.downloadable_by(actor)
    )
    asked = database.Statement(statement.text, {**statement.parameters, **given})
    return [Line(*row) for row in database.rows(tx, asked)]
