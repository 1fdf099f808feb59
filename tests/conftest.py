"""What all tests share: one embedded PostgreSQL a test process, one database a test, an archive in a folder of its own."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import connect

from invivo.archive import Archive, make_folders, open_archive, prepare, read_key
from invivo.database import Postmaster
from invivo.settings import Settings, read_settings

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postmaster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postmaster]:
    home = tmp_path_factory.mktemp("server")
    settings = read_settings(home)
    server = Postmaster(home, "64MB")
    server.start()
    prepare(settings, server.dsn)
    yield server
    server.stop()


@pytest.fixture
def dsn(postmaster: Postmaster) -> Iterator[str]:
    """A migrated database of the test's own."""
    name = f"test_{next(_numbers)}"
    admin = postmaster.dsn.replace("dbname=invivo", "dbname=postgres")
    with connect(admin, autocommit=True) as tx:
        tx.execute(f"create database {name} template invivo".encode())
    yield postmaster.dsn.replace("dbname=invivo", f"dbname={name}")
    with connect(admin, autocommit=True) as tx:
        tx.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings(tmp_path / "home", limits={"free_bytes": 0})


@pytest.fixture
def archive(dsn: str, settings: Settings) -> Iterator[Archive]:
    """An archive opened with the rights of the desk, the worker and the command line."""
    make_folders(settings.home)
    read_key(settings.home, may_make=True)
    opened = open_archive(settings, dsn, "invivo_staff")
    yield opened
    opened.database.close()


@pytest.fixture
def public_archive(archive: Archive, dsn: str, settings: Settings) -> Iterator[Archive]:
    """The same archive, opened with the rights of the public doors."""
    opened = open_archive(settings, dsn, "invivo_public")
    yield opened
    opened.database.close()
