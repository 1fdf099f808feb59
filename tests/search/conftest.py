"""An archive that the tests of one module share, because they only read."""

from collections.abc import Iterator

import pytest
from psycopg import connect

from invivo.archive import Archive, make_folders, open_archive, read_key
from invivo.database import Postmaster
from invivo.settings import read_settings


@pytest.fixture(scope="module")
def shared(
    postmaster: Postmaster, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Archive]:
    """An empty archive of the module's own."""
    name = request.module.__name__.rpartition(".")[2].removeprefix("test_") + "_shared"
    admin = postmaster.dsn.replace("dbname=invivo", "dbname=postgres")
    with connect(admin, autocommit=True) as tx:
        tx.execute(f"create database {name} template invivo".encode())
    home = tmp_path_factory.mktemp(name)
    make_folders(home)
    read_key(home, may_make=True)
    dsn = postmaster.dsn.replace("dbname=invivo", f"dbname={name}")
    archive = open_archive(read_settings(home, limits={"free_bytes": 0}), dsn, "invivo_staff")
    yield archive
    archive.database.close()
