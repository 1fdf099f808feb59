"""The columns of all current series in memory, as one state of the database.

PostgreSQL holds the truth; an `Index` is what one snapshot of it saw. It is never changed: `patched` gives the next one, which
shares what did not change.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from invivo import database
from invivo.search.column import ABSENT, Codes, Column, Days, Mask, Numbers, Texts, Vocabulary, grown
from invivo.search.field import FIELDS, TEXTS, Field
from invivo.search.kept import Kept
from invivo.search.statement import TABLES

Key = tuple[int, str | None, str | None]
_SELDOM = ("study-id", "accession", "study-time", "referring-physician")
_KINDS = ("text", "name", "number", "date")
KEPT = tuple(
    {
        field.name: field
        for field in (*FIELDS, *TEXTS)
        if field.kind in _KINDS and field.name not in _SELDOM and not field.path
    }.values()
)
KEPT_NAMES = frozenset(field.name for field in KEPT)
_IS_TEXT = frozenset(field.name for field in TEXTS)
_OWN = "s.id, s.study_id, s.subject_id, s.collection_id, s.access, s.site"
_GROUPS = {"study": "study", "subject": "subject", "collection": "collection_id"}
_OWN_NAMES = ("id", "study", "subject", "collection_id", "own_access", "own_site")


_CHOSEN = tuple(one for one in KEPT if one.choices)
_PLAIN = tuple(one for one in KEPT if not one.choices)


def _columns() -> str:
    """The select list: a row's own numbers, then every kept field as text that pyarrow and Python read alike.

    Of fields with few known values the first letters stand together in one text: a column costs more than what is in it.
    """
    written = {"number": "({0})::double precision", "date": "({0})::date"}
    fields = (written.get(one.kind, "({0})::text").format(one.column) for one in _PLAIN)
    letters = ", ".join(f"coalesce(left({one.column}, 1), '-')" for one in _CHOSEN)
    return ", ".join(
        [_OWN, *(f"{text} as f{place}" for place, text in enumerate(fields)), f"concat({letters}) as letters"]
    )


_ROWS = f"select {_columns()} {TABLES} where upper_inf(s.releases)"


@dataclass(frozen=True, slots=True)
class Grouping:
    """What series belong to: the number of a study, say, in each row, and its key in the database.

    Attributes
    ----------
    numbers : dict of key to number
        Grows only; filled when the first row is added.
    """

    codes: Codes
    keys: NDArray[np.int64]
    numbers: dict[int, int] = field(default_factory=dict)

    def more(self, keys: Sequence[int]) -> "Grouping":
        """Return it with more rows."""
        if len(self.numbers) < len(self.keys):
            self.numbers.update((int(key), number) for number, key in enumerate(self.keys))
        new = [key for key in dict.fromkeys(keys) if key not in self.numbers]
        self.numbers.update((key, len(self.keys) + place) for place, key in enumerate(new))
        codes = grown(self.codes, np.array([self.numbers[key] for key in keys], np.int32))
        return Grouping(codes, grown(self.keys, np.array(new, np.int64)) if new else self.keys, self.numbers)

    def spread(self, rows: Mask) -> Mask:
        """Return the rows whose group has one of some rows."""
        return self.groups(rows)[self.codes]

    def groups(self, rows: Mask) -> Mask:
        """Return which groups have one of some rows."""
        found = np.zeros(len(self.keys), bool)
        found[self.codes[rows]] = True
        return found


@dataclass(frozen=True, slots=True)
class Index:
    """One state of the columns.

    Attributes
    ----------
    seen : str
        The snapshot of the database, as ``pg_snapshot``.
    ids : ndarray of int64
        Key of each row's series.
    alive : ndarray of bool
        Rows that were replaced or withdrawn are dead.
    classes : ndarray of int32
        Which of `class_keys` a row is of: collection, access class of its own, site; who may see it depends on these.
    kept : Kept
        Answers that were given from this state.
    made : Kept
        What was made of the columns, whatever is asked.
    """

    seen: str
    ids: NDArray[np.int64]
    alive: Mask
    classes: Codes
    class_keys: dict[Key, int]
    groups: dict[str, Grouping]
    columns: dict[str, Column]
    kept: Kept = field(default_factory=Kept)
    made: Kept = field(default_factory=Kept)

    @property
    def size(self) -> int:
        return len(self.ids)

    @property
    def is_mostly_dead(self) -> bool:
        """Whether so many rows were replaced that it should be read anew."""
        return int(np.count_nonzero(self.alive)) < self.size * 0.75 - 1000

    def rows_of(self, ids: Iterable[int]) -> Mask:
        """Return the living rows of some series."""
        sorted_ids, order = self.made.answer("by id", self._by_id, lambda both: both[0].nbytes + both[1].nbytes)
        found = np.zeros(self.size, bool)
        asked = np.fromiter(ids, np.int64)
        if len(sorted_ids):
            places = np.searchsorted(sorted_ids, asked).clip(max=len(sorted_ids) - 1)
            found[order[places[sorted_ids[places] == asked]]] = True
        return found

    def _by_id(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the keys of the living rows in their order, and where each stands."""
        living = np.nonzero(self.alive)[0]
        order = living[np.argsort(self.ids[living], kind="stable")]
        return self.ids[order], order


def load(tx: database.Tx) -> Index:
    """Read all current series, as one snapshot; the transaction must be at its beginning."""
    tx.execute("set transaction isolation level repeatable read, read only")
    tx.execute("set local statement_timeout = 0")
    row = tx.execute("select pg_current_snapshot()::text as seen").fetchone()
    assert row is not None
    with tx.cursor().copy(f"copy ({_ROWS} order by s.id) to stdout (format csv)".encode()) as copy:
        table = _read(iter(copy))
    keys = list(zip(*(table.column(name).to_pylist() for name in _OWN_NAMES[3:]), strict=True))
    class_keys: dict[Key, int] = {}
    classes = np.fromiter((class_keys.setdefault(key, len(class_keys)) for key in keys), np.int32, len(keys))
    ids = table.column("id").to_numpy().astype(np.int64)
    return Index(
        seen=row.seen,
        ids=ids,
        alive=np.ones(len(ids), bool),
        classes=classes,
        class_keys=class_keys,
        groups={level: _grouping(table.column(name).to_numpy()) for level, name in _GROUPS.items()},
        columns={
            **{one.name: _column(one, table.column(f"f{place}")) for place, one in enumerate(_PLAIN)},
            **_choices(table.column("letters")),
        },
    )


class _Stream(io.RawIOBase):
    """What COPY gives, as a file."""

    def __init__(self, blocks: Iterator[Any]) -> None:
        self._blocks, self._rest = blocks, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            gathered, size = [], 0
            for block in self._blocks:
                gathered.append(bytes(block))
                size += len(gathered[-1])
                if size >= 1 << 20:
                    break
            self._rest = b"".join(gathered)
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)


def _read(blocks: Iterator[Any]) -> pa.Table:
    names = [*_OWN_NAMES, *(f"f{place}" for place in range(len(_PLAIN))), "letters"]
    kinds: dict[str, pa.DataType] = {name: pa.int64() for name in _OWN_NAMES[:4]}
    kinds |= {name: pa.string() for name in _OWN_NAMES[4:]}
    of_kind = {"number": pa.float64(), "date": pa.date32()}
    kinds |= {
        f"f{place}": of_kind.get(one.kind, pa.dictionary(pa.int32(), pa.string())) for place, one in enumerate(_PLAIN)
    }
    kinds["letters"] = pa.dictionary(pa.int32(), pa.string())
    first = next(blocks, None)
    if first is None:
        return pa.table({name: pa.array([], kinds[name]) for name in names})
    table = arrow_csv.read_csv(
        pa.PythonFile(io.BufferedReader(_Stream(_again(first, blocks)), 1 << 20), "r"),
        read_options=arrow_csv.ReadOptions(column_names=names, block_size=8 << 20),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types=kinds, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )
    return table.unify_dictionaries().combine_chunks()


def _again(first: Any, blocks: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from blocks


def _grouping(keys: NDArray[np.int64]) -> Grouping:
    known, codes = np.unique(keys.astype(np.int64), return_inverse=True)
    return Grouping(codes.astype(np.int32), known)


def _column(one: Field, cells: pa.ChunkedArray) -> Column:
    if one.kind == "number":
        return Numbers(cells.to_numpy().astype(np.float64))
    if one.kind == "date":
        return Days(cells.to_numpy().astype("datetime64[D]"))
    vocabulary = Vocabulary(is_text=one.name in _IS_TEXT)
    if not len(cells):
        return Texts(vocabulary, np.empty(0, np.int32))
    whole = cells.chunk(0) if cells.num_chunks == 1 else cells.combine_chunks()
    numbers = np.fromiter((vocabulary.number(value) for value in whole.dictionary.to_pylist()), np.int32)
    codes: Codes = whole.indices.fill_null(ABSENT).to_numpy(zero_copy_only=False).astype(np.int32)
    if len(numbers) and not np.array_equal(numbers, np.arange(len(numbers))):
        codes = np.where(codes == ABSENT, np.int32(ABSENT), numbers[codes])
    return Texts(vocabulary, codes)


def _choices(cells: pa.ChunkedArray) -> dict[str, Column]:
    """Return the columns of fields with few known values, a byte a series."""
    if not len(cells):
        return {one.name: Texts(_known(one), np.empty(0, np.int8)) for one in _CHOSEN}
    whole = cells.chunk(0) if cells.num_chunks == 1 else cells.combine_chunks()
    codes, told = whole.indices.to_numpy(), whole.dictionary.to_pylist()
    return {
        one.name: Texts(_known(one), np.array([_choice(one, text[place]) for text in told], np.int8)[codes])
        for place, one in enumerate(_CHOSEN)
    }


def _known(one: Field) -> Vocabulary:
    vocabulary = Vocabulary(is_text=False)
    for value in one.choices:
        vocabulary.number(value)
    return vocabulary


def _choice(one: Field, letter: str) -> int:
    return next((number for number, value in enumerate(one.choices) if value[0] == letter), ABSENT)


def patched(tx: database.Tx, old: Index, seen: str, ids: Sequence[int]) -> Index:
    """Return the next state, with some series read again; those that are not current any more are left out.

    Only one may patch at a time, and only the newest state.
    """
    rows = tx.execute(f"{_ROWS} and s.id = any(%s) order by s.id".encode(), [list(ids)]).fetchall()
    alive = old.alive & ~old.rows_of(ids)
    columns = {
        one.name: _more(old.columns[one.name], [row[len(_OWN_NAMES) + place] for row in rows])
        for place, one in enumerate(_PLAIN)
    }
    for place, one in enumerate(_CHOSEN):
        column = old.columns[one.name]
        assert isinstance(column, Texts)
        added = [_choice(one, row.letters[place]) for row in rows]
        columns[one.name] = Texts(column.vocabulary, grown(column.codes, added))
    keys = [(row[3], row[4], row[5]) for row in rows]
    classes = [old.class_keys.setdefault(key, len(old.class_keys)) for key in keys]
    return replace(
        old,
        seen=seen,
        ids=grown(old.ids, [row[0] for row in rows]),
        alive=np.concatenate([alive, np.ones(len(rows), bool)]),
        classes=grown(old.classes, classes),
        groups={
            level: old.groups[level].more([row[_OWN_NAMES.index(name)] for row in rows])
            for level, name in _GROUPS.items()
        },
        columns=columns,
        kept=Kept(),
        made=Kept(),
    )


def _more(column: Column, cells: Sequence[Any]) -> Column:
    if isinstance(column, Numbers):
        return Numbers(grown(column.values, [np.nan if cell is None else cell for cell in cells]))
    if isinstance(column, Days):
        days = np.array(
            [np.datetime64("NaT") if cell is None else np.datetime64(cell) for cell in cells], "datetime64[D]"
        )
        return Days(grown(column.values, days))
    numbers = [ABSENT if cell is None else column.vocabulary.number(cell) for cell in cells]
    return Texts(column.vocabulary, grown(column.codes, numbers))
