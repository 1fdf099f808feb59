"""A procrastinate worker over our job table, and the periodic look for forgotten work."""

import asyncio
import signal
import time
from collections.abc import Callable
from typing import Any

import procrastinate
import structlog
from procrastinate.jobs import Status
from psycopg.conninfo import make_conninfo
from starlette.concurrency import run_in_threadpool

from invivo import (
    accounts,
    assessment,
    audit,
    collections,
    database,
    jobs,
    notices,
    releases,
    search,
    submissions,
    usage,
)
from invivo.archive import Archive
from invivo.errors import Busy
from invivo.worker.table import VERBS

WAITS_S = (0.3, 1.0, 3.0, 8.0)  # between tries while the database is away or a resource is busy
_log = structlog.get_logger()


def make_app(archive: Archive) -> procrastinate.App:
    """Return the procrastinate application with a task for every row of the table."""
    text = make_conninfo(
        database.connection_text(archive.database.dsn, archive.database.role), options="-c search_path=jobs,public"
    )
    connector = procrastinate.PsycopgConnector(conninfo=text, min_size=1, max_size=4)
    app = procrastinate.App(connector=connector)
    for name, verb in VERBS.items():
        app.task(name=name)(_task(archive, name, verb))
    return app


def _task(archive: Archive, name: str, verb: Callable[[Archive, str], None]) -> Callable[..., Any]:
    def run(key: str) -> None:
        try:
            _patiently(verb, archive, key)
        except Exception as error:  # because the queue must know that it failed, and the log must not show its text
            _log.error("job.failed", job=name, key=key, error=type(error).__name__, code=getattr(error, "kind", ""))
            raise RuntimeError(f"{name} failed: {type(error).__name__}") from None

    return run


def _patiently(verb: Callable[[Archive, str], None], archive: Archive, key: str) -> None:
    """Call a verb, again after a while if something was only busy.

    The queue itself does not retry: it would put the job back beside a twin that waits already, which the twin's lock
    forbids. What fails for good is taken up by the look for forgotten work.
    """
    for wait_s in WAITS_S:
        try:
            return verb(archive, key)
        except Busy:
            time.sleep(wait_s)
    return verb(archive, key)


async def _rescue(archive: Archive, app: procrastinate.App) -> None:
    """End the jobs of silent workers and queue them anew, unless a twin waits already."""
    silent = await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=archive.settings.work.stalled_after_s)
    for job in silent:
        _log.warning("job.rescued", job=job.task_name, attempts=job.attempts)
        await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)
        key = str(job.task_kwargs.get("key", ""))
        await run_in_threadpool(_queue_again, archive, job.task_name, key)


def _queue_again(archive: Archive, name: str, key: str) -> None:
    with archive.database.transaction() as tx:
        jobs.enqueue(tx, name, key)


async def _look_around(archive: Archive, app: procrastinate.App) -> None:
    """Every `work.sweep_s`: give stalled jobs to somebody else, and pick up what a crash left behind."""
    work = archive.settings.work
    while True:
        try:
            await _rescue(archive, app)
            await run_in_threadpool(submissions.sweep, archive)
            await run_in_threadpool(submissions.remind_expected, archive)
            await run_in_threadpool(notices.sweep, archive)
            await run_in_threadpool(collections.tend, archive)
            await run_in_threadpool(audit.seal, archive)
            await run_in_threadpool(accounts.remind, archive)
            await run_in_threadpool(releases.tend, archive)
            await run_in_threadpool(releases.remove_due, archive)
            await run_in_threadpool(releases.queue_hooks, archive)
            await run_in_threadpool(releases.queue_index, archive)
            await run_in_threadpool(search.describe_forgotten, archive)
            await run_in_threadpool(search.forget_changes, archive)
            await run_in_threadpool(search.tell_subscribers, archive)
            await run_in_threadpool(usage.close_months, archive)
            await run_in_threadpool(usage.watch, archive)
        except Exception as error:  # because a database that restarts must not end the worker
            _log.warning("sweep.failed", error=type(error).__name__)
        await asyncio.sleep(work.sweep_s)


async def _read_again(archive: Archive) -> None:
    """Every `work.sweep_s`: compare some stored objects with their digests, on the side, since an object may be long."""
    work = archive.settings.work
    while work.fixity_s:
        try:
            await run_in_threadpool(assessment.check_some, archive, work.fixity_s)
        except Exception as error:  # because a database that restarts must not end the worker
            _log.warning("fixity.failed", error=type(error).__name__)
        await asyncio.sleep(work.sweep_s)


async def _run(archive: Archive) -> None:
    app = make_app(archive)
    async with app.open_async():
        beside = [asyncio.create_task(_look_around(archive, app)), asyncio.create_task(_read_again(archive))]
        try:
            await app.run_worker_async(
                concurrency=archive.settings.work.concurrency,
                delete_jobs="successful",
                fetch_job_polling_interval=2.0,
                update_heartbeat_interval=5.0,
                stalled_worker_timeout=archive.settings.work.stalled_after_s,
                shutdown_graceful_timeout=8.0,
                install_signal_handlers=False,
            )
        finally:
            for one in beside:
                one.cancel()


def run_worker(archive: Archive) -> None:
    """Work until SIGTERM or SIGINT; a job that is running then gets some seconds to end."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(_run(archive))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            return

    asyncio.run(main())
