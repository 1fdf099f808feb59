"""The only place where "may this actor see it" and "may this actor have it" are decided, as SQL conditions.

The access class of a series is the stricter of its collection's and its own. An embargo ends by its date alone: nothing
has to run at midnight.
"""

from invivo import accounts, database

_STRICTNESS = {"open": 0, "registered": 1, "controlled": 2, "embargoed": 3, "private": 4}
_ACCESS_NOW = "case when {c}.access = 'embargoed' and {c}.embargo_until <= current_date then 'open' else {c}.access end"


def effective_access(of_collection: str, of_series: str | None) -> str:
    """Return the stricter of two access classes."""
    return of_collection if of_series is None else max(of_collection, of_series, key=_STRICTNESS.__getitem__)


def _sees_all(actor: accounts.Actor) -> bool:
    return actor.has_scope("read") and (bool(actor.site_roles) or actor.name == "system")


def _member_ids(actor: accounts.Actor, *roles: str) -> list[int]:
    return actor.collections_with(*roles) if actor.has_scope("read") else []


def collections_visible_to(actor: accounts.Actor, alias: str = "c") -> database.Condition:
    """Return the condition on ``collections.collection`` under which the actor may know of a collection.

    Parameters
    ----------
    alias : str
        Name of the table in the statement; our own text.
    """
    if _sees_all(actor):
        return database.everything()
    name = database.fresh("own")
    return database.Condition(
        f"(({alias}.is_listed and {alias}.access <> 'private') or {alias}.id = any(%({name})s::bigint[]))",
        {name: _member_ids(actor, "owner", "curator", "submitter", "member")},
    )


def visible_to(actor: accounts.Actor, alias: str = "s") -> database.Condition:
    """Return the condition on rows with ``collection_id`` and ``access`` (``images.series``) that the actor may see."""
    if _sees_all(actor):
        return database.everything()
    name = database.fresh("own")
    own = f"{alias}.collection_id = any(%({name})s::bigint[])"
    shown = (
        f"{alias}.collection_id in (select v.id from collections.collection v where v.is_listed and "
        + _ACCESS_NOW.format(c="v")
        + " in ('open', 'registered', 'controlled'))"
        f" and coalesce({alias}.access, 'open') in ('open', 'registered', 'controlled')"
    )
    return database.Condition(f"({own} or ({shown}))", {name: _member_ids(actor, "owner", "curator", "member")})


def downloadable_by(actor: accounts.Actor, alias: str = "s") -> database.Condition:
    """Return the condition on rows with ``collection_id`` and ``access`` whose bytes the actor may have."""
    if _sees_all(actor):
        return database.everything()
    own, classes = database.fresh("own"), database.fresh("classes")
    is_known = actor.person_id is not None and actor.has_scope("read")
    free = ["open", "registered"] if is_known else ["open"]
    text = (
        f"({alias}.collection_id = any(%({own})s::bigint[]) or ("
        f"{alias}.collection_id in (select v.id from collections.collection v where "
        + _ACCESS_NOW.format(c="v")
        + f" = any(%({classes})s::text[])) and coalesce({alias}.access, 'open') = any(%({classes})s::text[])))"
    )
    return database.Condition(text, {own: _member_ids(actor, "owner", "curator", "member"), classes: free})
