"""The published index of an archive on this computer: fetched, verified, kept up to date, and asked offline."""

import importlib
import importlib.util
import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx

from invivo.client.answer import refusal
from invivo.client.layout import write_whole
from invivo.client.pace import Pace
from invivo.client.package import Corrupt, is_full, sha256_of
from invivo.errors import Broken, Busy, Invalid, NotFound

MANIFEST = "index.json"
LONGEST_MANIFEST = 16 << 20
_NAME = re.compile(r"[a-z]{1,40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
Progress = Callable[[str, int, int], None]


class NoDuckDB(Invalid):
    """DuckDB is not installed."""

    code = "client.no-duckdb"


class BadQuestion(Invalid):
    """The SQL is none, or asks for what is not there."""

    code = "client.question"


class Asked(Protocol):
    """What is needed of an archive to fetch its index."""

    http: httpx.Client

    def content(self, path: str, most_bytes: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the index."""

    name: str
    path: Path
    rows: int
    size_bytes: int
    sha256: str
    is_new: bool = False


def fetch_index(
    archive: Asked, folder: str | Path, *, pace: Pace | None = None, progress: Progress | None = None
) -> list[Table]:
    """Fetch the newest index into a folder; tables that did not change are not fetched again.

    Each file grows as ``.part``, goes on where it broke off, and has its name only once its SHA-256 is right. The manifest
    is written last.

    Raises
    ------
    NotFound, Busy
        The archive has none, or is writing it.
    Corrupt
        A file is not what the manifest says, twice.
    Broken
        The archive answered something else, or the disk is full.
    """
    root, going = Path(folder), pace or Pace()
    content = archive.content("/index/latest.json", LONGEST_MANIFEST)
    wanted = _tables(content, root)
    root.mkdir(parents=True, exist_ok=True)
    number = int(json.loads(content)["number"])
    done = []
    for one in wanted:
        is_new = not one.path.is_file() or sha256_of(one.path) != one.sha256
        if is_new:
            try:
                _fetch(archive.http, f"/index/{number}/{one.name}.parquet", one, going, progress)
            except OSError as error:
                if not is_full(error):
                    raise
                raise Busy("The disk is full; make room, then run the same again.", code="client.disk-full") from None
        done.append(Table(one.name, one.path, one.rows, one.size_bytes, one.sha256, is_new))
    write_whole(root / MANIFEST, content)
    return done


def tables_of(folder: str | Path) -> list[Table]:
    """Return the tables of an index that was fetched; raises NotFound."""
    root = Path(folder)
    try:
        return _tables((root / MANIFEST).read_bytes(), root)
    except FileNotFoundError:
        raise NotFound(f"There is no index in {root}; fetch it with `invivo index`.", code="client.no-index") from None


def query_index(folder: str | Path, question: str) -> Any:
    """Ask an index that was fetched, offline, in SQL.

    Parameters
    ----------
    question : str
        DuckDB's SQL over the tables of the index: series, study, subject, collection, seg, sr, rt, sm, geometry, reference,
        clinical, columns.

    Returns
    -------
    pyarrow.Table
        ``.to_pandas()`` makes a data frame of it.

    Raises
    ------
    NoDuckDB, NotFound
    BadQuestion
        With DuckDB's own message.
    """
    if importlib.util.find_spec("duckdb") is None:
        raise NoDuckDB("Questions need DuckDB: install it, for example with `pip install invivo[index]`.")
    duckdb = importlib.import_module("duckdb")
    tables = tables_of(folder)
    with duckdb.connect() as connection:
        for one in tables:
            path = str(one.path).replace("'", "''")
            connection.execute(f"create view {one.name} as select * from read_parquet('{path}')")
        try:
            found = connection.sql(question)
            answer = found.to_arrow_table() if found is not None else None
        except duckdb.Error as error:
            raise BadQuestion(str(error)[:2000]) from None
    if answer is None:
        raise BadQuestion("That asks nothing; begin with select.")
    return answer


def _tables(content: bytes, folder: Path) -> list[Table]:
    """Read a manifest; what it names can only be files of the folder."""
    try:
        listed = json.loads(content)["files"]
        found = [
            Table(
                str(one["table"]),
                folder / f"{one['table']}.parquet",
                int(one["rows"]),
                int(one["size_bytes"]),
                str(one["sha256"]),
            )
            for one in listed
        ]
    except (ValueError, KeyError, TypeError):
        raise Broken(
            "That is no manifest of an index; is the address an archive's?", code="client.no-archive"
        ) from None
    if not found or not all(_NAME.fullmatch(one.name) and _SHA256.fullmatch(one.sha256) for one in found):
        raise Broken("The manifest of the index names no tables.", code="client.no-archive")
    return found


def _fetch(http: httpx.Client, path: str, one: Table, pace: Pace, progress: Progress | None) -> None:
    part = one.path.with_name(f"{one.sha256}.part")
    for attempt in (1, 2):
        try:
            pace.persist(
                lambda: _fetch_rest(http, path, part, one, pace, progress),
                lambda: part.stat().st_size if part.exists() else 0,
            )
        except httpx.HTTPStatusError as error:
            raise refusal(error.response) from None
        except httpx.TransportError as error:
            raise Busy(f"The archive does not answer ({type(error).__name__}).", code="client.unreachable") from None
        if sha256_of(part) == one.sha256:
            part.replace(one.path)
            return
        part.unlink()
        if attempt == 2:
            raise Corrupt(f"{one.name} is not what the manifest's digest says; try again later.")


def _fetch_rest(http: httpx.Client, path: str, part: Path, one: Table, pace: Pace, progress: Progress | None) -> None:
    have = part.stat().st_size if part.exists() else 0
    if have >= one.size_bytes:
        return
    asked = {"Range": f"bytes={have}-", "If-Range": f'"{one.sha256}"'} if have else {}
    with http.stream("GET", path, headers={"Accept-Encoding": "identity", **asked}) as answer:
        if answer.status_code not in (200, 206):
            answer.read()
            answer.raise_for_status()
        if "html" in answer.headers.get("content-type", ""):
            raise Broken("The answer is a page instead of data: sign in to the network or proxy, then run again.")
        start = have if answer.status_code == 206 else 0
        with part.open("r+b" if start else "wb") as out:
            out.seek(start)
            for chunk in answer.iter_raw():
                start += len(chunk)
                if start > one.size_bytes:
                    raise Corrupt(f"{one.name} is longer than the manifest says; try again later.")
                out.write(chunk)
                pace.spend(len(chunk))
                if progress is not None:
                    progress(one.name, start, one.size_bytes)
            out.flush()
            os.fsync(out.fileno())
    if start != one.size_bytes:
        raise httpx.ReadError("the download broke off")


def columns_of(tables: Sequence[Table]) -> str:
    """Return how to ask what the columns mean."""
    names = ", ".join(one.name for one in tables)
    return f"Tables: {names}. What their columns mean: select * from columns where \"table\" = 'series'"
