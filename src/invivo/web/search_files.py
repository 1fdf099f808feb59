"""What a search finds, as files: CSV, JSON and Parquet."""

import csv
import io
from collections.abc import Iterator
from datetime import date, time
from itertools import islice
from typing import Any

import orjson
import pyarrow as pa
from pyarrow import parquet
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from invivo import search
from invivo.web.search_address import Asked, Pairs, read_address

CSV_COLUMNS = (
    *("series_uid", "study_uid", "collection", "subject", "sex", "modality", "series_number", "series_description"),
    *("study_description", "study_date", "patient_age", "body_part", "laterality", "protocol", "manufacturer", "model"),
    *(
        "slice_thickness_mm",
        "pixel_spacing_mm",
        "kvp",
        "rows",
        "columns",
        "instance_count",
        "frame_count",
        "size_bytes",
    ),
    *("licence", "access", "quality", "first_release"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_A_GROUP = 20_000


_TYPES = {
    "series_number": pa.int64(), "study_date": pa.date32(), "slice_thickness_mm": pa.float64(),
    "pixel_spacing_mm": pa.float64(), "kvp": pa.float64(), "rows": pa.int32(), "columns": pa.int32(),
    "instance_count": pa.int64(), "frame_count": pa.int64(), "size_bytes": pa.int64(), "first_release": pa.int32(),
}  # fmt: skip
_SCHEMA = pa.schema([(name, _TYPES.get(name, pa.string())) for name in CSV_COLUMNS])


def _export(request: Request) -> Iterator[Any]:
    """Yield every series that the address finds."""
    asked = read_address(request, ())
    query = asked.query if isinstance(asked, Asked) else search.parse_pairs(_pairs_of_address(asked))
    state = request.state
    first = search.find(state.archive, state.actor, query, limit=1000)  # here, so that an error is still a page
    return _pages(request, query, first)


def _pairs_of_address(address: str) -> Pairs:
    return QueryParams(address.partition("?")[2]).multi_items()


def _pages(request: Request, query: search.Query, found: search.FoundPage) -> Iterator[Any]:
    state = request.state
    while True:
        yield from found.rows
        if found.after is None:
            return
        found = search.find(state.archive, state.actor, query, after=found.after, limit=1000)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | time) else value


def _cell(value: Any) -> str:
    """Write a cell; text that a spreadsheet would run as a formula gets an apostrophe in front."""
    text = "" if value is None else str(_plain(value))
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def csv_file(request: Request) -> Response:
    """Give all series found as CSV."""
    found = _export(request)

    def lines() -> Iterator[str]:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(CSV_COLUMNS)
        for row in found:
            writer.writerow([_cell(getattr(row, name)) for name in CSV_COLUMNS])
            if out.tell() > 1 << 16:
                yield out.getvalue()
                out.seek(0)
                out.truncate()
        yield out.getvalue()

    named = {"Content-Disposition": 'attachment; filename="series.csv"'}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8; header=present", headers=named)


def json_file(request: Request) -> Response:
    """Give all series found as JSON: an array of objects."""
    found = _export(request)

    def parts() -> Iterator[bytes]:
        batch: list[bytes] = [b"["]
        for number, row in enumerate(found):
            written = orjson.dumps({name: getattr(row, name) for name in CSV_COLUMNS})
            batch.append((b",\n" if number else b"") + written)
            if len(batch) == 500:
                yield b"".join(batch)
                batch = []
        yield b"".join([*batch, b"]\n"])

    return StreamingResponse(parts(), media_type="application/json")


class _Drain(io.RawIOBase):
    """Takes what a writer writes, and gives it away in pieces."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._place = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def write(self, content: Any) -> int:
        piece = bytes(content)
        self._held.append(piece)
        self._place += len(piece)
        return len(piece)

    def take(self) -> bytes:
        held, self._held = b"".join(self._held), []
        return held


def parquet_file(request: Request) -> Response:
    """Give all series found as a Parquet file, which pandas, DuckDB and R read."""
    found = _export(request)

    def parts() -> Iterator[bytes]:
        drain = _Drain()
        with parquet.ParquetWriter(drain, _SCHEMA, compression="zstd") as writer:
            while group := list(islice(found, _A_GROUP)):
                given = {name: [getattr(row, name) for row in group] for name in CSV_COLUMNS}
                writer.write_table(pa.table(given, schema=_SCHEMA))
                yield drain.take()
        yield drain.take()

    named = {"Content-Disposition": 'attachment; filename="series.parquet"'}
    return StreamingResponse(parts(), media_type="application/vnd.apache.parquet", headers=named)


routes: list[Route] = [
    Route("/search.csv", csv_file),
    Route("/search.json", json_file),
    Route("/search.parquet", parquet_file),
]
