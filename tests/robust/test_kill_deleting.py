"""Deletions, holds and what carries them out survive `kill -9` at every point, and two at once do not undo each other."""

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from invivo import releases
from invivo.archive import Archive
from tests.factories import SYSTEM, actor_named
from tests.robust.killing import Case, work
from tests.robust.test_kill_access import person
from tests.robust.test_kill_releasing import published
from tests.robust.test_races import at_once, journal

pytestmark = pytest.mark.slow


def withdrawn(archive: Archive) -> tuple[Any, ...]:
    """Withdraw one of two series everywhere; root and carl may decide what olga asks."""
    (number,) = published(archive)
    person(archive, "root", "administrator")
    person(archive, "carl", "administrator")
    uid = min(one.series_uid for one in releases.difference(archive, SYSTEM, number, 0, 1))
    named = releases.Named(series=(uid,))
    releases.withdraw_named(archive, SYSTEM, number, named, "privacy", "A face.", scope="everywhere")
    work(archive)
    return (number, uid)


def ask(archive: Archive, number: int, uid: str) -> None:
    releases.ask_deletion(archive, actor_named(archive, "olga"), number, [uid], "A face can be seen.")


def asked(archive: Archive) -> tuple[Any, ...]:
    number, uid = withdrawn(archive)
    ask(archive, number, uid)
    return (number, uid)


def approve(archive: Archive, *_: object) -> None:
    releases.decide_deletion(archive, actor_named(archive, "root"), 1, approve=True)


def decline(archive: Archive, *_: object) -> None:
    releases.decide_deletion(archive, actor_named(archive, "root"), 1, approve=False, remark="It is no face.")


def approved(archive: Archive) -> tuple[Any, ...]:
    given = asked(archive)
    approve(archive)
    return given


def take_back(archive: Archive, *_: object) -> None:
    releases.restore(archive, actor_named(archive, "olga"), 1)


def publish_again(archive: Archive, *_: object) -> None:
    releases.restore(archive, actor_named(archive, "olga"), 1, publish=True)
    work(archive)


def hold(archive: Archive, number: int, *_: object) -> None:
    releases.set_hold(archive, actor_named(archive, "olga"), number, "A court asks for it.")


def on_hold(archive: Archive) -> tuple[Any, ...]:
    given = asked(archive)
    hold(archive, *given)
    return given


def lift(archive: Archive, *_: object) -> None:
    releases.lift_hold(archive, actor_named(archive, "root"), 1, "The court has it.")


def due(archive: Archive) -> tuple[Any, ...]:
    """Let the date of an approved deletion come, with files that are old enough to go."""
    given = approved(archive)
    with archive.database.transaction() as tx:
        tx.execute("update releases.deletion set due_at = now() - interval '1 day'")
    long_ago = time.time() - 3600
    for path in archive.objects.root.glob("??/??/*"):
        os.utime(path, (long_ago, long_ago))
    return given


def remove(archive: Archive, *_: object) -> None:
    releases.remove_due(archive)


def nothing_of_it_is_left(archive: Archive) -> None:
    """The worker looks once more; then each file belongs to something that is published."""
    releases.remove_due(archive)
    with archive.database.transaction() as tx:
        known = {row.digest for row in tx.execute("select digest from images.instance")}
        keys = {str(row.key) for row in tx.execute("select key from images.series")}
        assert tx.execute("select 1 from releases.removal").fetchone() is None
    assert {path.name for path in archive.objects.root.glob("??/??/*")} == known
    assert {path.name for path in archive.derived.glob("[0-9]*/*")} <= keys


CASES = (
    Case("ask", withdrawn, ask),
    Case("approve", asked, approve),
    Case("decline", asked, decline),
    Case("take-back", asked, take_back),
    Case("take-back-what-was-approved", approved, take_back),
    Case("restore", approved, publish_again),
    Case("hold", asked, hold),
    Case("lift", on_hold, lift),
    Case("remove", due, remove, rests=nothing_of_it_is_left, needs_difference=False),
)


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.name)
def test_a_killed_step_towards_a_deletion_is_done_or_not_begun(case: Case, proves: Callable[[Case], int]) -> None:
    assert proves(case) > 0


def state(archive: Archive, number: int) -> str:
    return releases.trash_of(archive, SYSTEM, number)[0].state


def test_of_two_who_decide_one_deletion_one_wins(archive: Archive) -> None:
    number, _ = asked(archive)
    root, carl = actor_named(archive, "root"), actor_named(archive, "carl")
    outcomes = at_once(
        lambda: releases.decide_deletion(archive, root, 1, approve=True),
        lambda: releases.decide_deletion(archive, carl, 1, approve=False),
    )
    assert sorted(outcomes) == ["deletion.decided", "done"]
    assert state(archive, number) == ("approved" if outcomes[0] == "done" else "declined")
    assert journal(archive, "deletion.approved") + journal(archive, "deletion.declined") == 1


def test_a_series_is_marked_for_deletion_once(archive: Archive) -> None:
    number, uid = withdrawn(archive)
    outcomes = at_once(*[lambda: ask(archive, number, uid)] * 2)
    assert sorted(outcomes) == ["deletion.in-trash", "done"]


def test_of_two_who_lift_one_hold_one_is_told(archive: Archive) -> None:
    on_hold(archive)
    root, carl = actor_named(archive, "root"), actor_named(archive, "carl")
    outcomes = at_once(
        lambda: releases.lift_hold(archive, root, 1, "over"), lambda: releases.lift_hold(archive, carl, 1, "over")
    )
    assert sorted(outcomes) == ["done", "hold.lifted"]
    assert journal(archive, "hold.lift") == 1


def test_the_same_is_put_on_hold_once(archive: Archive) -> None:
    given = withdrawn(archive)
    assert sorted(at_once(*[lambda: hold(archive, *given)] * 2)) == ["done", "hold.stands"]


def test_what_is_restored_twice_is_published_once(archive: Archive) -> None:
    number, _ = approved(archive)
    before = len(releases.releases_of(archive, SYSTEM, number))
    assert sorted(at_once(*[lambda: publish_again(archive)] * 2)) == ["deletion.decided", "done"]
    assert len(releases.releases_of(archive, SYSTEM, number)) == before + 1


def test_a_restored_series_is_whole_or_it_was_deleted_first(archive: Archive) -> None:
    number, uid = due(archive)
    outcomes = at_once(lambda: take_back(archive), lambda: remove(archive))
    assert (outcomes[0] == "done") is (state(archive, number) == "restored"), outcomes
    with archive.database.transaction() as tx:
        rows = tx.execute(
            "select i.digest from images.instance i join images.series s on s.key = i.series_key where s.uid = %s",
            [uid],
        ).fetchall()
    assert len(rows) == (outcomes[0] == "done")
    assert all(archive.objects.holds(row.digest) for row in rows)


def test_a_hold_keeps_all_or_came_too_late(archive: Archive) -> None:
    number, uid = due(archive)
    at_once(
        lambda: releases.set_hold(archive, SYSTEM, number, "A court asks for it.", series_uid=uid),
        lambda: remove(archive),
    )
    stands = bool(releases.holds_of(archive, SYSTEM, number))
    assert state(archive, number) == ("approved" if stands else "deleted")
    files = len(list(archive.objects.root.glob("??/??/*")))
    assert files == (2 if stands else 1)


def test_two_workers_delete_once(archive: Archive) -> None:
    number, _ = due(archive)
    assert at_once(*[lambda: remove(archive)] * 2) == ["done", "done"]
    remove(archive)
    assert state(archive, number) == "deleted"
    assert journal(archive, "deletion.remove") == journal(archive, "deletion.deleted") == 1
