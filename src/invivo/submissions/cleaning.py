"""Cleaning a value everywhere: what it would change, the rule, and the run over the held series that have it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from invivo import accounts, audit, collections, database, jobs, quarantine
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, NotFound, Refused
from invivo.submissions.rules_run import RulesRun, run_of
from invivo.submissions.value import NUMBERS, TOO_LONG
from invivo.submissions.value_rule import PROTECTED, word_pattern

ACTIONS = ("remove", "empty", "replace")
MOST_VALUES = 200
SHORTEST_WORD, LONGEST_WORD, LONGEST_REPLACEMENT = 2, 64, 64
_SHORT = {"CS": 16, "SH": 16, "AE": 16, "AS": 4, "DA": 8, "TM": 14, "DT": 26}


class CannotClean(Invalid):
    """The choice is none that can be cleaned everywhere."""

    code = "value.cannot-clean"


class CleanedAlready(Conflict):
    """A rule for this value is in force already; somebody was quicker."""

    code = "value.cleaned-already"


class UnknownValueRule(NotFound):
    """There is no such rule, or it was dropped."""

    code = "value.rule-unknown"


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What a curator wants done everywhere.

    Attributes
    ----------
    value_ids : tuple of int
        Numbers of values of the report; empty where a word is meant.
    word : str
        A word in every name and text.
    action : {"remove", "empty", "replace"}
        Of a word ``remove`` takes it out of its text.
    """

    value_ids: tuple[int, ...] = ()
    word: str = ""
    action: str = "remove"
    replacement: str = ""


@dataclass(frozen=True, slots=True)
class CleaningPreview:
    """What a cleaning would do, before it is decided.

    Attributes
    ----------
    series, objects : int
        Held ones of the collection. Objects are counted for each value.
    masked, again : int
        Held series that stay as they are: somebody drew masks on them, or they were released before.
    decided : int
        Held series whose decision is taken back.
    """

    values: tuple[quarantine.Value, ...]
    series: int
    objects: int
    masked: int
    again: int
    decided: int


@dataclass(frozen=True, slots=True)
class ValueRuleListed:
    """A rule that is in force, as curators see it."""

    id: int
    version: int
    kind: str
    path: str
    shown: str
    action: str
    replacement: str
    made_by: str
    made_at: datetime


def _need_curator(actor: accounts.Actor, collection_id: int) -> None:
    if not actor.may_curate(collection_id):
        raise Refused("Only the collection's owner or curators may clean values.", code="value.not-curator")


def _chosen(tx: database.Tx, collection_id: int, wanted: Cleaning) -> list[quarantine.Value]:
    """Return the values that a cleaning is about.

    Raises
    ------
    CannotClean, UnknownValue
    """
    if wanted.action not in ACTIONS:
        raise CannotClean("Say whether to remove, empty or replace.")
    if any(not " " <= one <= "~" or one == "\\" for one in wanted.replacement):
        raise CannotClean("A replacement is written in plain letters, digits and signs, without a backslash.")
    if wanted.action == "replace" and not 1 <= len(wanted.replacement) <= LONGEST_REPLACEMENT:
        raise CannotClean(f"Write what to put in its place: at most {LONGEST_REPLACEMENT} characters.")
    if wanted.word:
        return _with_word(tx, collection_id, wanted)
    if not 1 <= len(wanted.value_ids) <= MOST_VALUES:
        raise CannotClean(f"Choose from 1 to {MOST_VALUES} values.")
    found = quarantine.values_named(tx, collection_id, wanted.value_ids)
    for one in found:
        _check_value(one, wanted)
    return found


def _check_value(one: quarantine.Value, wanted: Cleaning) -> None:
    if one.is_summary or one.vr in NUMBERS or one.value == TOO_LONG:
        raise CannotClean(
            f"{one.path} is listed as a number, range or long text; a rule of the collection can remove it whole."
        )
    if one.path.rpartition(".")[2] in PROTECTED:
        raise CannotClean(f"{one.path} says whose object it is or how it is read; it cannot be cleaned by its value.")
    room = _SHORT.get(one.vr, LONGEST_REPLACEMENT)
    if wanted.action == "replace" and len(wanted.replacement) > room:
        raise CannotClean(f"{one.path} has room for {room} characters.")
    if wanted.action == "replace" and one.vr in {"DA", "TM", "DT", "AS"}:
        raise CannotClean(f"{one.path} is a date, time or age: remove or empty it.")


def _with_word(tx: database.Tx, collection_id: int, wanted: Cleaning) -> list[quarantine.Value]:
    word = wanted.word.strip()
    if not SHORTEST_WORD <= len(word) <= LONGEST_WORD or not any(one.isalnum() for one in word) or "\\" in word:
        raise CannotClean(f"A word has {SHORTEST_WORD} to {LONGEST_WORD} characters.")
    pattern = word_pattern(word)
    found = quarantine.values_with_word(tx, collection_id, word, 1)
    # Of a long text only the beginning is known here: it is looked through whole when it is cleaned.
    return [
        one
        for one in found
        if one.path.rpartition(".")[2] not in PROTECTED and (pattern.search(one.value) or one.value.endswith("…"))
    ]


def preview_cleaning(archive: Archive, actor: accounts.Actor, collection_id: int, wanted: Cleaning) -> CleaningPreview:
    """Tell what a cleaning would change, in all that is held of a collection.

    Raises
    ------
    Refused
    CannotClean, UnknownValue
    """
    _need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        values = _chosen(tx, collection_id, wanted)
        series = quarantine.series_with_values(tx, collection_id, [one.digest for one in values])
        row = tx.execute(_ABOUT, {"series": series, "door": quarantine.RERUN}).fetchone()
    assert row is not None
    objects = sum(one.objects for one in values)
    return CleaningPreview(tuple(values), len(series), objects, row.masked, row.again, row.decided)


_ABOUT = """
select count(*) filter (where exists (select from submissions.mask m where m.series_id = s.id)) as masked,
       count(*) filter (where exists (select from quarantine.object o where o.series_id = s.id and o.door = %(door)s
                                      and o.state in ('cleaned', 'cleared'))) as again,
       count(*) filter (where exists (select from quarantine.object o where o.series_id = s.id and o.state = 'cleared')) as decided
from unnest(%(series)s::bigint[]) as s (id)
"""


def clean_everywhere(archive: Archive, actor: accounts.Actor, collection_id: int, wanted: Cleaning) -> RulesRun:
    """Make a new version of a collection's rules with a cleaning, put it in force, and queue the run over what has it.

    All in one transaction. The journal names attributes and the version, no values.

    Raises
    ------
    Refused
    CannotClean, UnknownValue
    CleanedAlready
        Another curator decided the same a moment ago.
    """
    _need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        tx.execute("select pg_advisory_xact_lock(1002, %s::int)", [collection_id])
        values = _chosen(tx, collection_id, wanted)
        paths = sorted({one.path for one in values})
        version = _next_version(tx, actor, collection_id, _note(wanted, paths))
        rules = _enter(tx, actor, collection_id, version, wanted, values)
        series = quarantine.series_with_values(tx, collection_id, [one.digest for one in values])
        run_id = _enter_run(tx, actor, collection_id, version, series)
        thing = f"collection:{collection_id}"
        audit.note(
            tx, actor.name, "value.clean", thing, version=version, rules=rules, action=wanted.action, attributes=paths[:50],
            series=len(series), run=run_id,
        )  # fmt: skip
        jobs.enqueue(tx, "rerun", run_id)
        return run_of(tx, run_id)


def _note(wanted: Cleaning, paths: Sequence[str]) -> str:
    what = "a word in every text" if wanted.word else f"{len(wanted.value_ids)} values of {', '.join(paths[:5])}"
    return f"As before, and {what} cleaned everywhere ({wanted.action})."


def _next_version(tx: database.Tx, actor: accounts.Actor, collection_id: int, note: str) -> int:
    """Copy the rules in force as the next version and put that in force: what changed stands in the value rules."""
    now = collections.rules_in_force(tx, collection_id)
    names = [one.name for one in fields(collections.RulesDraft) if one.name != "note"]
    draft = collections.RulesDraft(**{name: getattr(now, name) for name in names}, note=note)
    # A curator may take more out, but writes no other rules: the version is made in the name of this rule then.
    author = actor if actor.may_own(collection_id) else accounts.system()
    version = collections.add_rules(tx, author, collection_id, draft)
    collections.put_in_force(tx, author, collection_id, version)
    return version


def _enter(
    tx: database.Tx,
    actor: accounts.Actor,
    collection_id: int,
    version: int,
    wanted: Cleaning,
    values: Sequence[quarantine.Value],
) -> list[int]:
    rows: list[tuple[str, str, bytes | None, str]]
    if wanted.word:
        rows = [("word", "", None, wanted.word.strip())]
    else:
        rows = [("value", one.path, one.digest, one.value) for one in values]
    kinds, paths, digests, shown = (list(column) for column in zip(*rows, strict=True))
    made = tx.execute(
        "insert into submissions.value_rule (collection_id, version, kind, path, digest, shown, action, replacement, made_by)"
        " select %s, %s, x.kind, x.path, x.digest, x.shown, %s, %s, %s"
        " from unnest(%s::text[], %s::text[], %s::bytea[], %s::text[]) as x (kind, path, digest, shown)"
        " on conflict do nothing returning id",
        [
            *(
                collection_id,
                version,
                wanted.action,
                wanted.replacement if wanted.action == "replace" else "",
                actor.name,
            ),
            *(kinds, paths, digests, shown),
        ],
    ).fetchall()
    if len(made) < len(rows):
        raise CleanedAlready("This was decided already; wait for the run that takes it out.")
    return [int(row.id) for row in made]


def _enter_run(tx: database.Tx, actor: accounts.Actor, collection_id: int, version: int, series: Sequence[int]) -> int:
    row = tx.execute(
        "insert into submissions.rules_run (collection_id, kind, version, compared_with, last_held, last_released, series_total,"
        " asked_by) values (%s, 'clean', %s, %s, %s, 0, %s, %s) returning id",
        [collection_id, version, version, max(series, default=0), len(series), actor.name],
    ).fetchone()
    assert row is not None
    tx.execute(
        "insert into submissions.rules_run_series (run_id, series_id) select %s, unnest(%s::bigint[])",
        [row.id, list(series)],
    )
    return int(row.id)


def value_rules(archive: Archive, actor: accounts.Actor, collection_id: int) -> list[ValueRuleListed]:
    """Return what is cleaned everywhere in a collection, newest first, for those who curate it; raises Refused."""
    _need_curator(actor, collection_id)
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select id, version, kind, path, shown, action, replacement, made_by, made_at from submissions.value_rule"
            " where collection_id = %s and dropped_at is null order by id desc limit 1000",
            [collection_id],
        )
        return [ValueRuleListed(*row) for row in found]


def drop_value_rule(archive: Archive, actor: accounts.Actor, collection_id: int, rule_id: int) -> int:
    """End a rule from the next version of the rules on; what it took out comes back when rules are run again.

    Returns
    -------
    int
        The version that is in force now.

    Raises
    ------
    Refused
        Only an owner lets values pass that a curator took out.
    UnknownValueRule
    """
    if not actor.may_own(collection_id):
        raise Refused("Only the collection's owner or an administrator may drop this.", code="collection.not-owner")
    with archive.database.transaction() as tx:
        row = tx.execute(
            "update submissions.value_rule set dropped_by = %s, dropped_at = now() where id = %s and collection_id = %s"
            " and dropped_at is null returning path, kind",
            [actor.name, rule_id, collection_id],
        ).fetchone()
        if row is None:
            raise UnknownValueRule("There is no such rule, or somebody dropped it already.")
        version = _next_version(tx, actor, collection_id, f"As before, without cleaning rule {rule_id}.")
        audit.note(
            tx,
            actor.name,
            "value.rule-drop",
            f"collection:{collection_id}",
            rule=rule_id,
            attribute=row.path,
            version=version,
        )
    return version
