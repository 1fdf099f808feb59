"""A statement that the server works at while its caller does something else."""

import itertools
import select
from collections.abc import Sequence
from contextlib import suppress

import psycopg
from psycopg import pq

from invivo.database.connection import Tx, prepared

_numbers = itertools.count(1)
_GOOD = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)


class Sent:
    """A statement under way on a connection, which is for nothing else until `wait` has returned."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    def wait(self) -> None:
        """Return when the server has done it.

        Raises
        ------
        psycopg.Error
            What the server said against it.
        """
        connection = self._tx.pgconn
        failed: pq.abc.PGresult | None = None
        while True:
            while connection.is_busy():
                _readable(connection.socket)
                connection.consume_input()
            result = connection.get_result()
            if result is None:
                break
            if result.status not in _GOOD:
                failed = result
        if failed is not None:
            raise psycopg.errors.error_from_result(failed)


def send(tx: Tx, statement: bytes, values: Sequence[bytes | None]) -> Sent:
    """Begin a statement inside a transaction; the values of $1, $2... are given as text.

    It costs a third of what ``tx.execute`` does, which matters where it is asked for every object.

    Raises
    ------
    psycopg.Error
    """
    connection = tx.pgconn
    if connection.transaction_status == pq.TransactionStatus.IDLE and not tx.autocommit:
        _need(connection.exec_(b"begin"))
    names = prepared.setdefault(tx, {})
    if statement not in names:
        name = b"sent_%d" % next(_numbers)  # never one that a connection may still know
        _need(connection.prepare(name, statement))
        names[statement] = name
    connection.send_query_prepared(names[statement], values)
    while connection.flush():
        _readable(connection.socket, and_writable=True)
        connection.consume_input()
    return Sent(tx)


def _need(result: pq.abc.PGresult) -> None:
    if result.status not in _GOOD:
        raise psycopg.errors.error_from_result(result)


def _readable(socket: int, *, and_writable: bool = False) -> None:
    """Wait until a socket can be read, or written; without the interpreter's lock."""
    if hasattr(select, "poll"):
        waiting = select.poll()
        waiting.register(socket, select.POLLIN | (select.POLLOUT if and_writable else 0))
        waiting.poll()
    else:
        with suppress(OSError):
            select.select([socket], [socket] if and_writable else [], [])


def array(values: Sequence[bytes | None]) -> bytes:
    """Write byte strings as one value of the type ``bytea[]``."""
    return b"{%b}" % b",".join(b"NULL" if one is None else b'"\\\\x%b"' % one.hex().encode() for one in values)
