"""A database that comes and goes, and what a connection of the pool remembers."""

from collections.abc import Iterator

import pytest
from psycopg import connect

from invivo import database

STATEMENT = b"select $1::int"


@pytest.fixture
def pool(dsn: str) -> Iterator[database.Database]:
    made = database.Database(dsn, None, 1)
    made.open()
    yield made
    made.close()


def ask(pool: database.Database, before: int) -> None:
    """Run a statement of psycopg's so often that it prepares it, and send one of ours."""
    with pool.transaction() as tx:
        for _ in range(before):
            tx.execute("select 1 where %s = 1", [1])
        database.send(tx, STATEMENT, [b"1"]).wait()


@pytest.mark.parametrize("before", [0, 6])
def test_what_was_prepared_for_sending_survives_a_rollback(pool: database.Database, before: int) -> None:
    ask(pool, before)
    with pytest.raises(KeyError), pool.transaction() as tx:
        tx.execute("select 1")
        raise KeyError
    ask(pool, before)
    ask(pool, before)


def test_a_connection_that_dies_under_a_statement_is_told_as_away(pool: database.Database, dsn: str) -> None:
    ask(pool, 1)
    with pytest.raises(database.DatabaseAway), pool.transaction() as tx:
        with connect(dsn, autocommit=True) as other:
            other.execute("select pg_terminate_backend(%s)", [tx.info.backend_pid])
        for _ in range(100):
            database.send(tx, STATEMENT, [b"1"]).wait()
    ask(pool, 1)
