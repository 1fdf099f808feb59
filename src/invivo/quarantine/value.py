"""The values in cleaned objects, counted for each delivery. Only curators see them; the public role may read none."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from invivo import database
from invivo.errors import NotFound

MOST_LISTED = 500


class UnknownValue(NotFound):
    """There is no such value (any more): its objects were cleaned again, or went."""

    code = "value.unknown"


@dataclass(frozen=True, slots=True)
class Counted:
    """A value of an attribute in the cleaned objects of one held series.

    Attributes
    ----------
    path : str
        Keywords with dots, without item numbers: ``RequestAttributesSequence.ScheduledProcedureStepID``.
    creator : str
        Private creator of a private attribute.
    risk : int
        0 names and free text, 1 short text, 2 terms, 3 dates, 4 numbers, 5 what the archive itself wrote.
    value : str
        What is shown of it: bounded.
    is_summary : bool
        It stands for several values: a range.
    digest : bytes
        Of path and whole value.
    objects : int
        In how many objects of the series.
    """

    path: str
    creator: str
    vr: str
    risk: int
    value: str
    is_summary: bool
    digest: bytes
    objects: int


@dataclass(frozen=True, slots=True)
class Value:
    """A value as the report lists it."""

    id: int
    submission_id: int
    collection_id: int
    path: str
    creator: str
    vr: str
    risk: int
    value: str
    is_summary: bool
    digest: bytes
    series: int
    objects: int
    is_accepted: bool


@dataclass(frozen=True, slots=True)
class ValueTag:
    """An attribute of the report: how many different values it has, and how many of them nobody has accepted."""

    path: str
    vr: str
    risk: int
    values: int
    fresh: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """Who found a value all right, and when."""

    by: str
    at: datetime


_COLUMNS = ", ".join(field.name for field in fields(Value))
_SUMMED = (
    "min(id) as id, min(submission_id) as submission_id, min(collection_id) as collection_id, path, min(creator) as creator,"
    " min(vr) as vr, risk, value, bool_or(is_summary) as is_summary, digest, sum(series)::integer as series,"
    " sum(objects)::bigint as objects, bool_and(is_accepted) as is_accepted"
)


def stale_values(tx: database.Tx, collection_id: int, rest_s: float, limit: int) -> list[tuple[int, int]]:
    """Return held series (number, stand) whose values are to be counted anew and that rested for a while, oldest first."""
    found = tx.execute(
        "select series_id, stand from quarantine.value_stale where collection_id = %s"
        " and at <= now() - make_interval(secs => %s) order by at limit %s",
        [collection_id, rest_s, limit],
    )
    return [(row.series_id, row.stand) for row in found]


def count_stale(tx: database.Tx, collection_id: int) -> int:
    """Return of how many held series of a collection the values are still to be counted."""
    row = tx.execute(
        "select count(*) as n from quarantine.value_stale where collection_id = %s", [collection_id]
    ).fetchone()
    return int(row.n) if row else 0


def collections_with_stale(tx: database.Tx) -> list[int]:
    """Return the collections of which values are to be counted anew."""
    found = tx.execute("select distinct collection_id from quarantine.value_stale order by 1")
    return [int(row[0]) for row in found]


def headers_of(tx: database.Tx, series_id: int, after: int, limit: int) -> list[Any]:
    """Return packed headers of the cleaned objects of a held series as rows (id, header), in order of their numbers."""
    return tx.execute(
        "select id, clean_header as header from quarantine.object where series_id = %s and state in ('cleaned', 'cleared')"
        " and id > %s and clean_header is not null order by id limit %s",
        [series_id, after, limit],
    ).fetchall()


def count_values(tx: database.Tx, series_id: int, stand: int, counted: Sequence[Counted]) -> None:
    """Put the values of a held series in the place of those it was counted with before.

    Parameters
    ----------
    stand : int
        Of the series when its objects were read; if it changed since, it stays marked and is counted again.
    """
    row = tx.execute("select submission_id from quarantine.series where id = %s", [series_id]).fetchone()
    if row is None:
        return
    # One series of a delivery after the other: popular values are rows of them all.
    tx.execute("select pg_advisory_xact_lock(1032, %s::int)", [row.submission_id])
    gone = tx.execute(_FORGET, [series_id]).fetchall()
    columns = [[getattr(one, field.name) for one in counted] for field in fields(Counted)]
    tx.execute(_COUNT, [*columns, series_id])
    tx.execute("delete from quarantine.value where id = any (%s) and series <= 0", [[one.value_id for one in gone]])
    tx.execute("delete from quarantine.value_stale where series_id = %s and stand = %s", [series_id, stand])


_FORGET = """
with gone as (delete from quarantine.value_series where series_id = %s returning value_id, objects)
update quarantine.value v set series = v.series - 1, objects = v.objects - g.objects
from gone g where v.id = g.value_id returning v.id as value_id
"""
_COUNT = """
with come as (
    select * from unnest(%s::text[], %s::text[], %s::text[], %s::smallint[], %s::text[], %s::boolean[], %s::bytea[], %s::integer[])
        as c (path, creator, vr, risk, value, is_summary, digest, objects)),
home as (select id, submission_id, collection_id from quarantine.series where id = %s),
known as (
    insert into quarantine.value as v (submission_id, collection_id, path, creator, vr, risk, value, is_summary, digest, series,
                                       objects, is_accepted)
    select h.submission_id, h.collection_id, c.path, c.creator, c.vr, c.risk, c.value, c.is_summary, c.digest, 1, c.objects,
           exists (select from quarantine.value_accepted a where a.collection_id = h.collection_id and a.digest = c.digest)
    from come c cross join home h order by c.digest
    on conflict (submission_id, digest) do update set series = v.series + 1, objects = v.objects + excluded.objects,
        risk = excluded.risk
    returning id, digest)
insert into quarantine.value_series (series_id, value_id, objects)
select h.id, k.id, c.objects from known k join come c on c.digest = k.digest cross join home h
"""


@dataclass(frozen=True, slots=True)
class ValueChoice:
    """Which values of a report are wanted.

    Attributes
    ----------
    submission_id : int or None
        None: of the whole collection.
    path : str
        Of one attribute only; empty for all.
    words : str
        That stand in the value, whatever their case; empty for all.
    most_risk : int
        1 for text only, 4 or more for all.
    fresh_only : bool
        Only what nobody has accepted.
    """

    collection_id: int
    submission_id: int | None = None
    path: str = ""
    words: str = ""
    most_risk: int = 4
    fresh_only: bool = True


def _wanted(choice: ValueChoice) -> tuple[str, dict[str, Any]]:
    scope = "collection_id = %(collection)s" if choice.submission_id is None else "submission_id = %(submission)s"
    found = [scope]
    if choice.path:
        found.append("path = %(path)s")
    if choice.words:
        found.append("value ilike %(words)s")
    if choice.most_risk < 4:
        found.append("risk <= %(risk)s")
    if choice.fresh_only:
        found.append("not is_accepted")
    escaped = choice.words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return " and ".join(found), {
        **{"collection": choice.collection_id, "submission": choice.submission_id, "path": choice.path},
        **{"words": f"%{escaped}%", "risk": choice.most_risk},
    }


def list_values(tx: database.Tx, choice: ValueChoice, after: int = 0, limit: int = 100) -> list[Value]:
    """Return values, names and free text first, then by attribute and value.

    Parameters
    ----------
    after : int
        Number of the value that the page before ended with.
    """
    criteria, values = _wanted(choice)
    begin = tx.execute("select risk, path, value, digest from quarantine.value where id = %s", [after]).fetchone()
    if begin is not None:
        criteria += " and (risk, path, value, digest) > (%(b_risk)s, %(b_path)s, %(b_value)s, %(b_digest)s)"
        values |= {f"b_{name}": getattr(begin, name) for name in ("risk", "path", "value", "digest")}
    columns, grouping = (_COLUMNS, "")
    if choice.submission_id is None:
        columns, grouping = _SUMMED, "group by risk, path, value, digest"
    found = tx.execute(
        f"select {columns} from quarantine.value where {criteria} {grouping}"  # noqa: S608 - our own names
        " order by risk, path, value, digest limit %(limit)s",
        {**values, "limit": limit},
    )
    return [Value(*row) for row in found]


def tags_of_values(tx: database.Tx, collection_id: int, submission_id: int | None) -> list[ValueTag]:
    """Return the attributes of a delivery, or of all that is held of a collection, riskiest first.

    Of a collection with several deliveries a value that stands in two of them counts twice.
    """
    where = "collection_id = %s" if submission_id is None else "submission_id = %s"
    found = tx.execute(
        "select path, min(vr) as vr, min(risk) as risk, count(*)::integer as values,"  # noqa: S608 - our own names
        f" count(*) filter (where not is_accepted)::integer as fresh from quarantine.value where {where}"
        " group by path order by 3, 1",
        [collection_id if submission_id is None else submission_id],
    )
    return [ValueTag(*row) for row in found]


def deliveries_with_values(tx: database.Tx, collection_id: int) -> dict[int, int]:
    """Return how many different values each delivery of a collection has, by its number."""
    found = tx.execute(
        "select submission_id, count(*) as n from quarantine.value where collection_id = %s group by submission_id order by 1",
        [collection_id],
    )
    return {row.submission_id: row.n for row in found}


def values_named(tx: database.Tx, collection_id: int, value_ids: Sequence[int]) -> list[Value]:
    """Return values of a collection by number, each with what all its deliveries have of it.

    Raises
    ------
    UnknownValue
        One of them is not there any more.
    """
    wanted = sorted(set(value_ids))[:MOST_LISTED]
    found = tx.execute(
        f"select {_SUMMED} from quarantine.value where collection_id = %s and digest in"  # noqa: S608 - our own names
        " (select digest from quarantine.value where id = any (%s) and collection_id = %s)"
        " group by risk, path, value, digest order by risk, path, value, digest",
        [collection_id, wanted, collection_id],
    ).fetchall()
    known = tx.execute(
        "select count(*) as n from quarantine.value where id = any (%s) and collection_id = %s", [wanted, collection_id]
    ).fetchone()
    if not wanted or known is None or known.n < len(wanted):
        raise UnknownValue("A chosen value is not held any more; look at the report again.")
    return [Value(*row) for row in found]


def series_with_values(tx: database.Tx, collection_id: int, digests: Sequence[bytes]) -> list[int]:
    """Return the held series of a collection in which values stand."""
    found = tx.execute(
        "select distinct s.series_id from quarantine.value v join quarantine.value_series s on s.value_id = v.id"
        " where v.collection_id = %s and v.digest = any (%s) order by 1",
        [collection_id, list(digests)],
    )
    return [int(row.series_id) for row in found]


def values_with_word(tx: database.Tx, collection_id: int, word: str, most_risk: int) -> list[Value]:
    """Return the values of a collection in which letters stand, whatever their case, and those that are listed shortened."""
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    found = tx.execute(
        f"select {_SUMMED} from quarantine.value where collection_id = %s and risk <= %s and (value ilike %s or value like '%%…')"  # noqa: S608
        " group by risk, path, value, digest order by risk, path, value, digest limit 10000",
        [collection_id, most_risk, f"%{escaped}%"],
    )
    return [Value(*row) for row in found]


def accept_values(tx: database.Tx, collection_id: int, values: Sequence[Value], by: str) -> int:
    """Write down that values are all right, for this and later deliveries of the collection; return how many are new."""
    ordered = sorted(values, key=lambda one: one.digest)
    made = tx.execute(
        "insert into quarantine.value_accepted (collection_id, digest, path, accepted_by)"
        " select %s, d, p, %s from unnest(%s::bytea[], %s::text[]) as x (d, p) on conflict do nothing",
        [collection_id, by, [one.digest for one in ordered], [one.path for one in ordered]],
    ).rowcount
    _mark(tx, collection_id, ordered, is_accepted=True)
    return made


def doubt_values(tx: database.Tx, collection_id: int, values: Sequence[Value]) -> int:
    """Take back that values are all right; return how many were."""
    gone = tx.execute(
        "delete from quarantine.value_accepted where collection_id = %s and digest = any (%s)",
        [collection_id, [one.digest for one in values]],
    ).rowcount
    _mark(tx, collection_id, values, is_accepted=False)
    return gone


def _mark(tx: database.Tx, collection_id: int, values: Sequence[Value], *, is_accepted: bool) -> None:
    tx.execute(
        "update quarantine.value set is_accepted = %(is)s where is_accepted <> %(is)s and id = any (array("
        " select id from quarantine.value where collection_id = %(collection)s and digest = any (%(digests)s) order by id"
        " for update))",
        {"is": is_accepted, "collection": collection_id, "digests": [one.digest for one in values]},
    )


def accepted_of(tx: database.Tx, collection_id: int, values: Sequence[Value]) -> dict[bytes, Accepted]:
    """Return who accepted values, by their digests."""
    found = tx.execute(
        "select digest, accepted_by, accepted_at from quarantine.value_accepted where collection_id = %s and digest = any (%s)",
        [collection_id, [one.digest for one in values]],
    )
    return {bytes(row.digest): Accepted(row.accepted_by, row.accepted_at) for row in found}
