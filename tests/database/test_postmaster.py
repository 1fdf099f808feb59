"""The embedded server: starts, is found, survives kills, and stops with its starter."""

import os
import signal
import stat
import time
from pathlib import Path

import psycopg
import pytest

from invivo.database import NewerDatabase, Postmaster, migrate, pending


@pytest.fixture
def server(tmp_path: Path):
    made = Postmaster(tmp_path / "home", "16MB")
    made.start()
    yield made
    made.stop()


def test_it_takes_no_connection_from_the_network_and_its_socket_is_private(server: Postmaster) -> None:
    with psycopg.connect(server.dsn) as tx:
        assert tx.execute("show listen_addresses").fetchone() == ("",)
    assert stat.S_IMODE(server.socket_folder.stat().st_mode) == 0o700


def test_a_second_starter_finds_it_running(server: Postmaster) -> None:
    other = Postmaster(server.folder.parent)
    assert other.start() is False
    other.stop()
    assert server.answers()


def test_a_killed_postmaster_comes_back_with_everything_committed(server: Postmaster) -> None:
    with psycopg.connect(server.dsn) as tx:
        tx.execute("create table kept (n int)")
        tx.execute("insert into kept select generate_series(1, 1000)")
    os.kill(server.pid, signal.SIGKILL)
    while not server.revive():
        time.sleep(0.01)
    with psycopg.connect(server.dsn) as tx:
        assert tx.execute("select count(*) from kept").fetchone() == (1000,)


def test_a_path_of_any_length_works(tmp_path: Path) -> None:
    server = Postmaster(tmp_path / ("long" * 25) / ("name" * 25), "16MB")
    server.start()
    assert server.answers()
    server.stop()
    assert not server.answers()


def test_migrations_apply_once(server: Postmaster) -> None:
    applied = migrate(server.dsn)
    assert applied[0] == "0001_audit.sql"
    assert migrate(server.dsn) == []
    assert pending(server.dsn) == []


def test_a_newer_database_is_refused(server: Postmaster) -> None:
    migrate(server.dsn)
    with psycopg.connect(server.dsn) as tx:
        tx.execute("insert into migration (number, name) values (9999, 'future')")
    with pytest.raises(NewerDatabase, match="9999"):
        migrate(server.dsn)
