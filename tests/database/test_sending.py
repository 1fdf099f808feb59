"""Statements that are sent first and waited for later."""

import psycopg
import pytest

from invivo import database
from invivo.archive import Archive
from invivo.database import DatabaseAway


def test_what_was_sent_is_there_when_waited_for_and_gone_after_a_rollback(archive: Archive) -> None:
    with archive.database.transaction() as tx:
        tx.execute("create temporary table thing (id int) on commit preserve rows")
    for _ in range(3):
        with pytest.raises(RuntimeError), archive.database.transaction() as tx:
            database.send(tx, b"insert into thing values ($1)", [b"7"]).wait()
            assert tx.execute("select count(*) from thing").fetchone() == (1,)
            raise RuntimeError
    with archive.database.transaction() as tx:
        assert tx.execute("select count(*) from thing").fetchone() == (0,)
        database.send(tx, b"insert into thing values ($1)", [b"7"]).wait()
    with archive.database.transaction() as tx:
        assert tx.execute("select count(*) from thing").fetchone() == (1,)


@pytest.mark.parametrize("value", [b"seven", b"99999999999999"])
def test_what_the_server_says_against_it_is_raised_when_waited_for(archive: Archive, value: bytes) -> None:
    with pytest.raises(psycopg.DataError), archive.database.transaction() as tx:
        database.send(tx, b"select $1::int", [value]).wait()
    with archive.database.transaction() as tx:
        assert tx.execute("select 1").fetchone() == (1,)


def test_a_statement_that_cannot_be_prepared_is_told_at_once(archive: Archive) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable), archive.database.transaction() as tx:
        database.send(tx, b"select from nowhere", [])


def test_a_server_that_goes_while_it_works_is_away(archive: Archive) -> None:
    with pytest.raises(DatabaseAway), archive.database.transaction() as tx:
        database.send(tx, b"select pg_terminate_backend(pg_backend_pid())", []).wait()


def test_byte_strings_arrive_as_they_were(archive: Archive) -> None:
    values = [b"", None, bytes(range(256)), b'"\\,{}NULL']
    with archive.database.transaction() as tx:
        tx.execute("create temporary table thing (parts bytea[])")
        database.send(tx, b"insert into thing values ($1)", [database.array(values)]).wait()
        row = tx.execute("select parts from thing").fetchone()
        assert row is not None and row.parts == values
