"""The worker: nothing waits for ever behind a twin, a crash or a silent worker."""

import asyncio
from typing import Any

import pytest

from invivo import jobs, quarantine, reviews, search, submissions
from invivo.accounts import ANONYMOUS
from invivo.archive import Archive
from invivo.errors import Busy
from invivo.worker import loop
from tests.factories import SYSTEM, advance_all, deliver, make_collection, make_series, make_submission


def work(archive: Archive, monkeypatch: pytest.MonkeyPatch, verbs: dict[str, Any]) -> None:
    """Run a real worker until the queue is empty."""
    monkeypatch.setattr(loop, "VERBS", verbs)
    app = loop.make_app(archive)

    async def go() -> None:
        async with app.open_async():
            await app.run_worker_async(wait=False, install_signal_handlers=False, delete_jobs="successful")

    asyncio.run(go())


def waiting(archive: Archive) -> list[tuple[str, str]]:
    with archive.database.transaction() as tx:
        return [(job.name, job.status) for job in jobs.waiting(tx)]


def test_a_job_that_fails_beside_its_waiting_twin_does_not_block_it(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[int] = []

    def verb(_archive: Archive, _key: str) -> None:
        ran.append(1)
        if len(ran) == 1:
            with archive.database.transaction() as tx:
                jobs.enqueue(tx, "advance", 7)  # as an object that arrives meanwhile does
            raise ValueError

    with archive.database.transaction() as tx:
        jobs.enqueue(tx, "advance", 7)
    work(archive, monkeypatch, {"advance": verb})
    assert len(ran) == 2
    assert ("advance", "doing") not in waiting(archive)


def test_a_busy_verb_is_called_again(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "WAITS_S", (0.01, 0.01))
    ran: list[int] = []

    def verb(_archive: Archive, _key: str) -> None:
        ran.append(1)
        if len(ran) < 3:
            raise Busy("not now")

    with archive.database.transaction() as tx:
        jobs.enqueue(tx, "derive", "1/1")
    work(archive, monkeypatch, {"derive": verb})
    assert (len(ran), waiting(archive)) == (3, [])


def test_a_silent_workers_job_is_queued_again_once(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    with archive.database.transaction() as tx:
        tx.execute(
            "insert into jobs.procrastinate_workers (last_heartbeat) overriding system value values (now() - interval '1 hour')"
        )
        tx.execute("set local search_path to jobs, public")
        jobs.enqueue(tx, "advance", 7)
        tx.execute(
            "update jobs.procrastinate_jobs set status = 'doing', worker_id = (select id from jobs.procrastinate_workers)"
        )
        jobs.enqueue(tx, "advance", 7)  # the twin that would forbid putting the first one back
    app = loop.make_app(archive)

    async def go() -> None:
        async with app.open_async():
            await loop._rescue(archive, app)

    asyncio.run(go())
    assert waiting(archive) == [("advance", "todo")]


def test_what_a_crash_left_to_the_rule_is_taken_up(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    collection = make_collection(archive, review_rule="on-receipt")
    deliver(archive, make_submission(archive, collection), make_series(2))
    crash = pytest.MonkeyPatch()
    crash.setattr(reviews, "decide", lambda *_args: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        advance_all(archive)
    crash.undo()
    with archive.database.transaction() as tx:
        tx.execute("update reviews.item set opened_at = now() - interval '1 hour'")
    work(
        archive, monkeypatch, {**loop.VERBS, "advance": lambda _archive, _key: None}
    )  # the job is gone, its work is not
    submissions.sweep(archive)
    monkeypatch.undo()
    work(archive, monkeypatch, dict(loop.VERBS))
    assert search.count(archive, ANONYMOUS, search.ALL) == 1


def test_an_object_that_comes_between_check_and_decision_is_no_fault(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = make_collection(archive, review_rule="on-receipt")
    submission = make_submission(archive, collection)
    files = make_series(2, study="1.2", series="1.3")
    deliver(archive, submission, files[:1])
    decide = reviews.decide

    def late(*args: Any) -> dict[int, str]:
        deliver(archive, submission, files[1:])
        return decide(*args)

    monkeypatch.setattr(reviews, "decide", late)
    advance_all(archive)
    monkeypatch.undo()
    with archive.database.transaction() as tx:
        assert quarantine.counts_of_submission(tx, submission.id) == {"cleaned": 1, "received": 1}
    advance_all(archive)
    assert [item.state for item in reviews.queue(archive, SYSTEM, states=("approved",)).items] == ["approved"]


def test_what_a_person_waits_for_goes_before_what_the_archive_does_on_its_own(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    with archive.database.transaction() as tx:
        jobs.enqueue_all(tx, "recheck", range(5))
        jobs.enqueue_all(tx, "derive", range(5))
        jobs.enqueue(tx, "release", 1)
    verbs = {name: lambda _archive, _key, name=name: ran.append(name) for name in ("recheck", "derive", "release")}
    work(archive, monkeypatch, verbs)
    assert (ran[0], len(ran)) == ("release", 11)
