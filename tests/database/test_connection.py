"""Connections of a pool."""

import time

import psycopg
import pytest

from invivo.archive import Archive
from invivo.database import DatabaseAway


def end_others(dsn: str) -> None:
    with psycopg.connect(dsn) as tx:
        tx.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()"
        )
    time.sleep(0.1)


def test_a_connection_that_the_server_closed_in_the_pool_is_not_lent(archive: Archive, dsn: str) -> None:
    with archive.database.transaction() as tx:
        tx.execute("select 1")
    end_others(dsn)
    for _ in range(3):
        with archive.database.transaction() as tx:
            row = tx.execute("select 1 as one").fetchone()
            assert row is not None and row.one == 1


def test_one_that_is_closed_in_the_middle_says_that_the_database_is_away(archive: Archive, dsn: str) -> None:
    with pytest.raises(DatabaseAway), archive.database.transaction() as tx:
        tx.execute("select 1")
        end_others(dsn)
        tx.execute("select 1")
