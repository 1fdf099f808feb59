"""A released collection behind the doors, asked in process: real database, real storage, real files."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx
import pydicom
import pydicom.data
import pytest
from psycopg import connect
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from invivo import accounts, search
from invivo.archive import Archive, make_folders, open_archive, read_key
from invivo.database import Postmaster
from invivo.settings import read_settings
from tests import factories

BUNDLED = Path(pydicom.data.__file__).parent / "test_files"


class Asking:
    """The application of some doors, and requests to it as one actor or another."""

    def __init__(self, archive: Archive, routes: list[BaseRoute]) -> None:
        self.archive = archive
        self.actor = accounts.ANONYMOUS
        self.application = Starlette(routes=routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {}).update(archive=self.archive, actor=self.actor)
        await self.application(scope, receive, send)

    def request(self, method: str, url: str, *, actor: accounts.Actor | None = None, **options: Any) -> httpx.Response:
        """Send one request."""
        self.actor = actor or accounts.ANONYMOUS

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self, raise_app_exceptions=True)
            async with httpx.AsyncClient(transport=transport, base_url="http://archive.test") as client:
                return await client.request(method, url, **options)

        return anyio.run(ask)

    def get(self, url: str, accept: str | None = None, **options: Any) -> httpx.Response:
        headers = {**options.pop("headers", {}), **({"Accept": accept} if accept else {})}
        return self.request("GET", url, headers=headers, **options)


@dataclass(frozen=True)
class Released:
    """What the tests ask about: rows of `search.find` by the name of the file that was sent."""

    archive: Archive
    series: dict[str, Any]

    def address(self, name: str) -> str:
        row = self.series[name]
        return f"/dicom-web/studies/{row.study_uid}/series/{row.series_uid}"


def bundled(name: str) -> Path:
    """Return a file that comes with pydicom; skip where it is not on this disk."""
    path = BUNDLED / name
    if not path.exists():
        found = get_testdata_file(name, download=False)
        if found is None:
            pytest.skip(f"{name} is not installed")
        path = Path(found)
    return path


FILES = {
    "CT": "CT_small.dcm",
    "MR": "MR_small.dcm",
    "JPEG": "examples_ybr_color.dcm",
    "RLE": "MR_small_RLE.dcm",
    "JP2": "JPEG2000.dcm",
    "BIG": "MR_small_bigendian.dcm",
    "IMPLICIT": "rtdose.dcm",
    "SR": "test-SR.dcm",
}


@pytest.fixture(scope="session")
def released(postmaster: Postmaster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Released]:
    """Real files of several kinds, released in an open collection; one series more in a registered one."""
    settings = read_settings(tmp_path_factory.mktemp("doors") / "home", limits={"free_bytes": 0})
    with connect(postmaster.dsn.replace("dbname=invivo", "dbname=postgres"), autocommit=True) as tx:
        tx.execute("create database doors template invivo")
    make_folders(settings.home)
    read_key(settings.home, may_make=True)
    archive = open_archive(settings, postmaster.dsn.replace("dbname=invivo", "dbname=doors"), "invivo_staff")
    opened = factories.make_collection(archive, "OPEN-1")
    registered = factories.make_collection(archive, "CLOSED-1", access="registered")
    found: dict[str, Any] = {}
    factories.publish(archive, opened, factories.make_series(5, patient="S-1"))
    _note(archive, found, "SLICES")
    for name, file in FILES.items():
        factories.publish(archive, opened, [_fresh(bundled(file))])
        _note(archive, found, name)
    factories.publish(archive, registered, factories.make_series(2, patient="S-2"))
    _note(archive, found, "REGISTERED")
    yield Released(archive, found)
    archive.database.close()


def _fresh(path: Path) -> bytes:
    """Return a file with UIDs of its own: several of pydicom's are one object in different transfer syntaxes."""
    dataset = pydicom.dcmread(path)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(dataset, keyword, generate_uid())
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def _note(archive: Archive, found: dict[str, Any], name: str) -> None:
    known = {row.place for row in found.values()}
    rows = [row for row in search.find(archive, factories.SYSTEM, search.ALL, limit=500).rows if row.place not in known]
    assert len(rows) == 1, f"{name}: {len(rows)} new series"
    found[name] = rows[0]
