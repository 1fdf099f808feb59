"""The index of the IDC once more, with other names and identifiers: to try an archive with several times its series.

    python -m bench.copies --index FOLDER --into FOLDER --number 3

FOLDER is that of the package idc-index-data. The copy is loaded by `invivo import --idc-index INTO`, beside others with other
numbers.
"""

import argparse
import hashlib
from pathlib import Path

import pyarrow
import pyarrow.parquet

UIDS = ("SeriesInstanceUID", "StudyInstanceUID")


def main() -> None:
    """Write one copy."""
    parser = argparse.ArgumentParser(prog="python -m bench.copies", description=__doc__)
    for name in ("--index", "--into"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--number", type=int, required=True)
    asked = parser.parse_args()
    write_copy(asked.index, asked.into, asked.number)


def write_copy(index: Path, into: Path, number: int) -> None:
    """Write the index with collections called ``NAME-number`` and with UIDs of their own (PS3.5 B.2)."""
    into.mkdir(parents=True, exist_ok=True)
    rows = pyarrow.parquet.read_table(index / "idc_index.parquet")
    for name in UIDS:
        rows = _replaced(rows, name, [_uid(one, number) for one in rows[name].to_pylist()])
    rows = _replaced(rows, "collection_id", [f"{one}_{number}" for one in rows["collection_id"].to_pylist()])
    pyarrow.parquet.write_table(rows, into / "idc_index.parquet")
    pages = pyarrow.parquet.read_table(index / "collections_index.parquet")
    for name, joint in (("collection_id", "_"), ("collection_name", "-")):
        pages = _replaced(pages, name, [f"{one}{joint}{number}" for one in pages[name].to_pylist()])
    pyarrow.parquet.write_table(pages, into / "collections_index.parquet")


def _uid(uid: str, number: int) -> str:
    return f"2.25.{int.from_bytes(hashlib.sha256(f'{number} {uid}'.encode()).digest()[:16])}"


def _replaced(table: pyarrow.Table, name: str, values: list[str]) -> pyarrow.Table:
    return table.set_column(table.column_names.index(name), name, pyarrow.array(values, pyarrow.string()))


if __name__ == "__main__":
    main()
