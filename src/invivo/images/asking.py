"""Statements that only read, on the shortest way to the server and back.

One hit costs PostgreSQL some 50 microseconds and a cursor of the driver three times as much. So a statement is prepared
once a connection under its own text and then only executed: one message each way, no transaction, rows in binary form.
"""

import re
from collections import namedtuple
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg import abc, pq
from psycopg.adapt import Transformer

from invivo import database
from invivo.archive import Archive

MOST_PREPARED = 200
_PARAMETER = re.compile(r"%\((\w+)\)s|%%")
_UNKNOWN_NAME = b"26000"  # invalid_sql_statement_name: the driver has thrown all prepared statements away
_BINARY = pq.Format.BINARY
_numbers = count(1)
_row_kind: Callable[[str, list[str]], Any] = namedtuple


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement of one connection: its name, what reads its columns, and what makes a row of them."""

    name: bytes
    reader: abc.Transformer
    make: Callable[[Sequence[Any]], Any]


_prepared: WeakKeyDictionary[database.Tx, dict[str, _Prepared]] = WeakKeyDictionary()


def read_rows(archive: Archive, statement: database.Statement) -> list[Any]:
    """Run one statement that only reads; return its rows as named tuples.

    Parameters are named anew in their order, so that statements that differ in nothing but names are prepared once.
    Values are texts, numbers, dates, and lists of these; the server knows their types from where they stand.
    """
    text, values = _numbered(statement)
    with archive.database.transaction() as tx:
        known = _prepared.setdefault(tx, {})
        one = known.get(text)
        if one is not None:
            result = tx.pgconn.exec_prepared(one.name, values, result_format=_BINARY)
            if result.status == pq.ExecStatus.TUPLES_OK:
                one.reader.set_pgresult(result, set_loaders=False)
                return one.reader.load_rows(0, result.ntuples, one.make)
            if result.error_field(pq.DiagnosticField.SQLSTATE) != _UNKNOWN_NAME:
                raise psycopg.errors.error_from_result(result, tx.info.encoding)
            known.clear()
        one = _prepare(tx, known, text)
        result = tx.pgconn.exec_prepared(one.name, values, result_format=_BINARY)
        _need_success(tx, result)
        one.reader.set_pgresult(result, format=_BINARY)
        return one.reader.load_rows(0, result.ntuples, one.make)


def _numbered(statement: database.Statement) -> tuple[str, list[Any]]:
    """Write a statement with ``$1`` and so on, and its parameters in this order."""
    places: dict[str, str] = {}

    def numbered(match: re.Match[str]) -> str:
        name = match[1]
        return (places.get(name) or places.setdefault(name, f"${len(places) + 1}")) if name else "%"

    text = _PARAMETER.sub(numbered, statement.text)
    return text, [_written(statement.parameters[name]) for name in places]


def _written(value: Any) -> bytes | None:
    """Write a value as PostgreSQL reads it."""
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return b"{" + b",".join(map(_item, value)) + b"}"
    text = str(value).encode()
    if b"\x00" in text:
        raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return text


def _item(value: Any) -> bytes:
    """Write an item of an array: quoted, whatever it is."""
    text = _written(value)
    return b"null" if text is None else b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _prepare(tx: database.Tx, known: dict[str, _Prepared], text: str) -> _Prepared:
    if len(known) >= MOST_PREPARED:  # questions of many shapes: the oldest goes
        tx.pgconn.exec_(b"deallocate " + known.pop(next(iter(known))).name)
    name = f"invivo_{next(_numbers)}".encode()
    _need_success(tx, tx.pgconn.prepare(name, text.encode()))
    told = tx.pgconn.describe_prepared(name)
    _need_success(tx, told)
    columns = [(told.fname(number) or b"").decode() for number in range(told.nfields)]
    # A reader that knew its connection would keep it alive here for ever.
    reader = Transformer(psycopg.adapters)
    known[text] = _Prepared(name, reader, _row_kind("Row", columns)._make)
    return known[text]


def _need_success(tx: database.Tx, result: pq.abc.PGresult) -> None:
    if result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
        raise psycopg.errors.error_from_result(result, tx.info.encoding)
