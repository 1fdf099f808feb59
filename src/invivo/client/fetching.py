"""Fetching many series at once, and the report of what failed."""

import csv
import io
import json
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from invivo.client.download import MARKS, Fetched, Way, fetch_series
from invivo.client.layout import write_whole

JOINED_S = 3.0
Step = Callable[[str, int, int], None]


def fetch_all(
    http: httpx.Client,
    series_uids: Sequence[str],
    folder: Path,
    way: Way,
    *,
    workers: int = 4,
    step: Step | None = None,
    rows: Mapping[str, Mapping[str, Any]] | None = None,
) -> Iterator[Fetched]:
    """Fetch series, some at once; yield what became of each as it ends.

    Left early, as by Ctrl-C, all connections end; what is here is whole or goes on from where it is.

    Parameters
    ----------
    step : callable, optional
        Called with the series' UID, bytes so far and bytes in all, from any thread.
    rows : mapping of series_uid to a row of the search, optional
    """
    known = rows or {}
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    ended: queue.SimpleQueue[Fetched] = queue.SimpleQueue()
    for uid in series_uids:
        waiting.put(uid)

    def work() -> None:
        with suppress(queue.Empty):
            while True:
                uid = waiting.get_nowait()
                told = (lambda done, total, uid=uid: step(uid, done, total)) if step is not None else None
                ended.put(fetch_series(http, uid, folder, told, way=way, facts=known.get(uid)))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(workers, len(series_uids)))]
    for thread in threads:
        thread.start()
    is_whole = False
    try:
        for _ in series_uids:
            yield ended.get()
        is_whole = True
    finally:
        if not is_whole:
            way.pace.stop("The download was ended; run the same again to go on.")
        for thread in threads:
            thread.join(JOINED_S)


def has_files(folder: Path) -> bool:
    """Return whether anything is in a folder beside our own marks."""
    return folder.is_dir() and any(one.name != MARKS for one in folder.iterdir())


def write_report(folder: Path, results: Sequence[Fetched]) -> tuple[Path, Path] | None:
    """Write what failed as ``failed.csv`` and ``failed.json``; where nothing failed, take older ones away.

    The CSV is a manifest too: `invivo download failed.csv` tries these again.
    """
    table, listed = folder / "failed.csv", folder / "failed.json"
    failed = [one for one in results if one.outcome == "failed"]
    if not failed:
        table.unlink(missing_ok=True)
        listed.unlink(missing_ok=True)
        return None
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["series_uid", "code", "reason"])
    writer.writerows([one.series_uid, one.code, one.reason] for one in failed)
    told = [{"series_uid": one.series_uid, "code": one.code, "reason": one.reason} for one in failed]
    with suppress(OSError):  # a full disk is told of on the screen
        write_whole(table, out.getvalue().encode())
        write_whole(listed, json.dumps(told, indent=1).encode() + b"\n")
    return table, listed
