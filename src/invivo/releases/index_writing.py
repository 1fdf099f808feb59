"""Tables of the published index as Parquet: streamed from the database, with no more in memory than some thousand rows."""

import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.compute
from pyarrow import csv, parquet

from invivo import database
from invivo.releases.index_columns import COLUMNS, TYPES, schema_of

BLOCK = 4 << 20
ROWS = 100_000
_LISTED = pyarrow.string()


@dataclass(frozen=True, slots=True)
class Written:
    """A table that has been written; it is kept under its digest."""

    table: str
    rows: int
    size_bytes: int
    sha256: str


class _Copied(io.RawIOBase):
    """The bytes of a COPY as a file that pyarrow reads."""

    def __init__(self, blocks: Iterator[Any]) -> None:
        super().__init__()
        self._blocks, self._rest = blocks, b""

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = bytes(block)
        taken = self._rest[: len(target)]
        target[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)


def batches_of(tx: database.Tx, table: str, statement: database.Statement) -> Iterator[pyarrow.RecordBatch]:
    """Yield the rows of a statement whose columns are those of a table of the index."""
    named = [one.name for one in COLUMNS[table]]
    read = {one.name: _LISTED if one.type == "list" else TYPES[one.type] for one in COLUMNS[table]}
    with (
        tx.cursor() as cursor,
        cursor.copy(f"copy ({statement.text}) to stdout (format csv)".encode(), statement.parameters) as blocks,
    ):
        stream = io.BufferedReader(_Copied(iter(blocks)), BLOCK)
        if not stream.peek(1):
            return
        reader = csv.open_csv(
            stream,
            read_options=csv.ReadOptions(column_names=named, block_size=BLOCK, use_threads=False),
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                column_types=read,
                null_values=[""],
                true_values=["t"],
                false_values=["f"],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        for batch in reader:
            yield _fitted(table, batch)


def _fitted(table: str, batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
    columns = []
    for column, one in zip(batch.columns, COLUMNS[table], strict=True):
        split = pyarrow.compute.split_pattern(column, " ") if one.type == "list" else column
        columns.append(split.cast(TYPES[one.type]))
    return pyarrow.RecordBatch.from_arrays(columns, schema=schema_of(table))


def batches_from(table: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[pyarrow.RecordBatch]:
    """Yield rows that are mappings, a column that is missing as null."""
    waiting: list[Mapping[str, Any]] = []
    for row in rows:
        waiting.append(row)
        if len(waiting) >= ROWS:
            yield _batch(table, waiting)
            waiting = []
    if waiting:
        yield _batch(table, waiting)


def _batch(table: str, rows: list[Mapping[str, Any]]) -> pyarrow.RecordBatch:
    schema = schema_of(table)
    return pyarrow.RecordBatch.from_arrays(
        [pyarrow.array([row.get(field.name) for row in rows], field.type) for field in schema], schema=schema
    )


def write_table(folder: Path, table: str, batches: Iterable[pyarrow.RecordBatch]) -> Written:
    """Write a table, compressed, under the name of its own digest; the same rows give the same file."""
    growing, rows = folder / f"{table}.{os.getpid()}.part", 0
    try:
        with growing.open("wb") as out:
            with parquet.ParquetWriter(out, schema_of(table), compression="zstd", compression_level=6) as writer:
                waiting: list[pyarrow.RecordBatch] = []
                held = 0
                for batch in batches:
                    waiting.append(batch)
                    held += batch.num_rows
                    rows += batch.num_rows
                    if held >= ROWS:
                        writer.write_table(pyarrow.Table.from_batches(waiting))
                        waiting, held = [], 0
                if waiting:
                    writer.write_table(pyarrow.Table.from_batches(waiting))
            out.flush()
            os.fsync(out.fileno())
        with growing.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size = growing.stat().st_size
        growing.replace(folder / f"{digest}.parquet")
    finally:
        growing.unlink(missing_ok=True)
    return Written(table, rows, size, digest)
