"""A procrastinate worker over our job table, and the periodic look for forgotten work."""

import asyncio
import signal
from collections.abc import Callable
from typing import Any

import procrastinate
import structlog
from psycopg.conninfo import make_conninfo
from starlette.concurrency import run_in_threadpool

from invivo import database, submissions
from invivo.archive import Archive
from invivo.worker.table import VERBS

RETRY = procrastinate.RetryStrategy(max_attempts=6, exponential_wait=2)
_log = structlog.get_logger()


def make_app(archive: Archive) -> procrastinate.App:
    """Return the procrastinate application with a task for every row of the table."""
    text = make_conninfo(
        database.connection_text(archive.database.dsn, archive.database.role), options="-c search_path=jobs,public"
    )
    connector = procrastinate.PsycopgConnector(conninfo=text, min_size=1, max_size=4)
    app = procrastinate.App(connector=connector)
    for name, verb in VERBS.items():
        app.task(name=name, retry=RETRY)(_task(archive, name, verb))
    return app


def _task(archive: Archive, name: str, verb: Callable[[Archive, str], None]) -> Callable[..., Any]:
    def run(key: str) -> None:
        try:
            verb(archive, key)
        except Exception as error:  # because the queue must know that it failed, and the log must not show its text
            _log.error("job.failed", job=name, key=key, error=type(error).__name__, code=getattr(error, "kind", ""))
            raise RuntimeError(f"{name} failed: {type(error).__name__}") from None

    return run


async def _look_around(archive: Archive, app: procrastinate.App) -> None:
    """Every `work.sweep_s`: give stalled jobs to somebody else, and pick up what a crash left behind."""
    work = archive.settings.work
    while True:
        try:
            stalled = await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=work.stalled_after_s)
            for job in stalled:
                _log.warning("job.rescued", job=job.task_name, attempts=job.attempts)
                await app.job_manager.retry_job(job)
            await run_in_threadpool(submissions.sweep, archive)
        except Exception as error:  # because a database that restarts must not end the worker
            _log.warning("sweep.failed", error=type(error).__name__)
        await asyncio.sleep(work.sweep_s)


async def _run(archive: Archive) -> None:
    app = make_app(archive)
    async with app.open_async():
        looking = asyncio.create_task(_look_around(archive, app))
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
            looking.cancel()


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
