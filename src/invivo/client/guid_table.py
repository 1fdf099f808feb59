"""Tables: people in, GUIDs out. Of the input only the local id and the number of the row reach the output."""

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from invivo.client.guid_asking import Assigned, Guids
from invivo.client.guid_code import codes_of
from invivo.client.guid_person import COLUMNS, REQUIRED, Problem, person_of
from invivo.errors import Busy, Invalid, TooLarge

LONGEST_TABLE = 64 << 20
MOST_ROWS = 100_000
PROBLEMS_SHOWN = 20
TOGETHER = 40  # people in a request: what a broken connection costs


class BadTable(Invalid):
    """The table of people cannot be used as it is; the message names rows and columns."""

    code = "guid.table"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: its number (the header is 1), the local id, the fields; none when its data are lacking."""

    number: int
    local_id: str
    fields: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class Table:
    """What was read, and which columns were not looked at."""

    rows: tuple[Row, ...]
    ignored: tuple[str, ...]


def read_people(path: Path, *, allow_lacking: bool = False) -> Table:
    """Read a table of people: CSV in UTF-8, with the columns of `COLUMNS` and, for the output, ``id``.

    Parameters
    ----------
    allow_lacking : bool
        A row with an empty required cell is no error; it has no fields, and gets a pseudo-GUID.

    Raises
    ------
    BadTable
        A column is missing, or cells are unusable: all of them are named, no value is.
    TooLarge
    """
    if not path.is_file():
        raise BadTable(f"There is no table {path}.")
    if path.stat().st_size > LONGEST_TABLE:
        raise TooLarge(f"{path} is larger than {LONGEST_TABLE >> 20} MB; divide it.", code="guid.table-large")
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return _read(path, stream, allow_lacking)
    except UnicodeDecodeError:
        raise BadTable(f"{path} is not UTF-8; save it as CSV UTF-8.") from None
    except csv.Error:
        raise BadTable(f"{path} cannot be read as CSV.") from None


def _read(path: Path, stream: Iterator[str], allow_lacking: bool) -> Table:
    head = next(stream, "")
    delimiter = max(",;\t", key=head.count)
    columns = [one.strip().lower() for one in next(csv.reader([head], delimiter=delimiter), [])]
    missing = [one for one in REQUIRED if one not in columns]
    if missing:
        raise BadTable(f"{path} lacks the columns {', '.join(missing)} in its first line.")
    if len(set(columns)) < len(columns):
        raise BadTable(f"{path} has a column twice.")
    rows: list[Row] = []
    problems: list[tuple[int, Problem]] = []
    for number, cells in enumerate(csv.reader(stream, delimiter=delimiter, strict=True), 2):
        if not any(one.strip() for one in cells):
            continue
        if len(rows) >= MOST_ROWS:
            raise TooLarge(f"{path} has more than {MOST_ROWS} rows; divide it.", code="guid.table-large")
        if len(cells) > len(columns):
            raise BadTable(f"Row {number} of {path} has more cells than the first line.")
        named = dict(zip(columns, cells, strict=False))
        fields, found = person_of(named)
        is_lacking = allow_lacking and any(one.is_lacking for one in found)
        problems += [(number, one) for one in found if not (is_lacking and one.is_lacking)]
        rows.append(Row(number, named.get("id", "").strip()[:200], None if is_lacking else fields))
    if problems:
        raise BadTable(_told(path, problems))
    if not rows:
        raise BadTable(f"{path} has no row below its first line.")
    return Table(tuple(rows), tuple(one for one in columns if one not in COLUMNS and one != "id"))


def _told(path: Path, problems: Sequence[tuple[int, Problem]]) -> str:
    lines = [f"row {number}, {one.column}: {one.text}" for number, one in problems[:PROBLEMS_SHOWN]]
    more = len(problems) - PROBLEMS_SHOWN
    lines += [f"and {more} more"] if more > 0 else []
    return f"{path} was not sent. " + "; ".join(lines) + "."


def assign_table(
    guids: Guids, rows: Sequence[Row], told: Callable[[int], None] = lambda _count: None
) -> Iterator[list[Assigned]]:
    """Yield the GUIDs of rows, some at a time, so that what is done is kept when the connection or the quota ends.

    Codes are computed on all cores. `told` hears of every person whose codes are ready.
    """
    parameters = guids.parameters()

    def ready(row: Row) -> dict[str, str] | None:
        codes = codes_of(row.fields, parameters) if row.fields is not None else None
        told(1)
        return codes

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for start in range(0, len(rows), TOGETHER):
            part = rows[start : start + TOGETHER]
            made = list(zip(part, pool.map(ready, part), strict=True))
            full = [(row.number, codes) for row, codes in made if codes is not None]
            bare = [row.number for row, codes in made if codes is None]
            found = (guids.assign(full) if full else []) + (guids.pseudo(bare) if bare else [])
            yield sorted(found, key=lambda one: one.row)


def write_guids(path: Path, rows: Sequence[Row], parts: Iterator[list[Assigned]]) -> dict[str, int]:
    """Write row, id, guid and kind as they come in; return how many there are of each kind.

    Raises
    ------
    Busy
        The archive wants no more for now: what is done stands in the file, and the message says where to go on.
    """
    local = {row.number: row.local_id for row in rows}
    counts: dict[str, int] = {}
    done = 0
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("row", "id", "guid", "kind"))
        try:
            for part in parts:
                for one in part:
                    writer.writerow((one.row, local[one.row], one.guid, one.kind))
                    counts[one.kind] = counts.get(one.kind, 0) + 1
                stream.flush()
                done += len(part)
        except Busy as error:
            if not done:
                raise
            raise Busy(
                f"{done} of {len(rows)} rows are in {path}. {error.message}"
                f" Go on with --from-row {rows[done].number} and another output.",
                code=error.kind,
            ) from None
    return counts
