"""The pool of connections of a process, and transactions."""

import getpass
import selectors
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import namedtuple_row
from psycopg_pool import ConnectionPool, PoolTimeout

from invivo.database.compose import Statement
from invivo.errors import Busy

Tx = psycopg.Connection[Any]
prepared: WeakKeyDictionary[Tx, dict[bytes, bytes]] = WeakKeyDictionary()
"""Names of statements that ``sending`` has prepared: a rollback of psycopg's deallocates them with its own."""
ROLES = ("invivo_public", "invivo_staff")


class DatabaseAway(Busy):
    """The database does not answer now; whoever asked may try again in a moment."""

    code = "database.away"


def connection_text(dsn: str, role: str | None) -> str:
    """Return the connection string for a role: by role name on the embedded server, by SET ROLE on a given one."""
    if role is None:
        return dsn
    if "invivo_owner" in dsn:
        return make_conninfo(dsn, user=role)
    return make_conninfo(dsn, options=f"-c role={role}")


def connect(dsn: str, role: str | None = None, **options: Any) -> Tx:
    """Open one connection outside any pool (migrations, probes)."""
    return psycopg.connect(connection_text(dsn, role), row_factory=namedtuple_row, connect_timeout=5, **options)


def _need_alive(connection: Tx) -> None:
    """Raise if a server has closed a connection that lay in the pool: its end of it can be read then, without a question."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        if selector.select(0):
            ConnectionPool.check_connection(connection)


class Database:
    """A pool of connections under one database role.

    Parameters
    ----------
    dsn : str
        libpq connection string.
    role : {"invivo_public", "invivo_staff"} or None
        What the process may touch; None keeps the rights of the connection string (migrations and tests).
    size : int
        Connections at most.
    statement_timeout_s : float
        A statement is ended by the server after so many seconds; 0 means never.
    """

    def __init__(self, dsn: str, role: str | None, size: int = 8, statement_timeout_s: float = 0.0) -> None:
        self.dsn = dsn
        self.role = role
        options = f"-c statement_timeout={int(statement_timeout_s * 1000)} -c jit=off -c timezone=UTC"
        text = connection_text(dsn, role)
        known = psycopg.conninfo.conninfo_to_dict(text).get("options") or ""
        self._pool = ConnectionPool(
            make_conninfo(text, options=f"{known} {options}".strip(), application_name=f"invivo-{getpass.getuser()}"),
            min_size=1,
            max_size=size,
            open=False,
            timeout=10.0,
            reconnect_timeout=60.0,
            check=_need_alive,
            kwargs={"row_factory": namedtuple_row, "prepare_threshold": 3},
        )

    def open(self) -> None:
        """Start the pool; returns when the first connection stands."""
        self._pool.open(wait=True, timeout=30.0)

    def close(self) -> None:
        """Close all connections."""
        self._pool.close(timeout=5.0)

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """Lend a connection in a transaction: committed at the end, rolled back on any error.

        Raises
        ------
        DatabaseAway
            No connection could be had, or the server went away in the middle: nothing was committed for sure.
        """
        try:
            with self._pool.connection() as tx:
                try:
                    yield tx
                except psycopg.Error as error:
                    prepared.pop(tx, None)
                    if tx.broken:  # what libpq says then has no class of its own
                        raise DatabaseAway("The database does not answer; try again in a moment.") from error
                    raise
                except BaseException:
                    prepared.pop(tx, None)
                    raise
        except (PoolTimeout, psycopg.OperationalError) as error:
            if isinstance(error, psycopg.errors.QueryCanceled):
                raise Busy("The question took too long; narrow it.", code="database.timeout") from error
            raise DatabaseAway("The database does not answer; try again in a moment.") from error


def rows(tx: Tx, statement: Statement) -> list[Any]:
    """Run a composed statement and return its rows as named tuples."""
    return tx.execute(statement.text.encode(), dict(statement.parameters)).fetchall()
