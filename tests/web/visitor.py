"""A small archive with releases of every kind, and somebody who looks at its pages without a server.

Test files take the fixture by ``site = visitor.site``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx
import pydicom.data
import pytest
from psycopg import connect
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send
from tests import factories

from invivo import accounts, carts, releases, search, submissions, web
from invivo.archive import Archive, make_folders, open_archive, read_key
from invivo.database import Postmaster
from invivo.settings import read_settings

CSRF = "a-form-token"
TABLE = b"subject,age\nS-1,50\n"


@dataclass
class Site:
    """The archive, what is in it by short names, and requests as one actor or another."""

    archive: Archive
    series: dict[str, Any]

    def request(
        self, method: str, url: str, routes: list[BaseRoute], actor: accounts.Actor | None = None, **options: Any
    ) -> httpx.Response:
        """Send one request to some pages; ``cookies`` are read as the layer around the pages does."""
        cookies = options.pop("cookies", {})
        cart_id = cookies.get("invivo_cart", "")
        state = {
            "archive": self.archive,
            "actor": actor or accounts.ANONYMOUS,
            "csrf": CSRF,
            "session": "",
            "cart_id": cart_id,
            "cart_count": carts.cart_size(self.archive, cart_id),
            "archive_name": self.archive.settings.site.name,
            "messages": [],
            "has_ohif": False,
        }
        pages = Starlette(routes=routes, exception_handlers=web.HANDLERS)

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("state", {}).update(state)
            await pages(scope, receive, send)

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(application, raise_app_exceptions=True)
            async with httpx.AsyncClient(transport=transport, base_url="http://archive.test") as client:
                return await client.request(method, url, **options)

        return anyio.run(ask)

    def get(self, url: str, routes: list[Any], actor: accounts.Actor | None = None, **options: Any) -> httpx.Response:
        return self.request("GET", url, routes, actor, **options)

    def post(self, url: str, routes: list[Any], **options: Any) -> httpx.Response:
        options["data"] = {"csrf": CSRF, **options.get("data", {})}
        return self.request("POST", url, routes, **options)

    def filled_cart(self, *names: str) -> str:
        """Return the id of a new cart with some series."""
        cart = carts.open_cart(self.archive, accounts.ANONYMOUS)
        carts.add_series(self.archive, accounts.ANONYMOUS, cart.id, [self.series[name].series_uid for name in names])
        return cart.id


_made: list[Site] = []


@pytest.fixture(scope="session")
def site(postmaster: Postmaster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Make the archive once for all files of tests."""
    if not _made:
        _made.append(_make(postmaster, tmp_path_factory))
    yield _made[0]
    _made[0].archive.database.close()


def _make(postmaster: Postmaster, folders: pytest.TempPathFactory) -> Site:
    home = folders.mktemp("pages") / "home"
    settings = read_settings(
        home, limits={"free_bytes": 0}, site={"name": "Test archive", "contact": "desk@archive.test"}
    )
    with connect(postmaster.dsn.replace("dbname=invivo", "dbname=postgres"), autocommit=True) as tx:
        tx.execute("create database pages template invivo")
    make_folders(settings.home)
    read_key(settings.home, may_make=True)
    archive = open_archive(settings, postmaster.dsn.replace("dbname=invivo", "dbname=pages"), "invivo_staff")
    made = Site(archive, {})
    opened = factories.make_collection(
        archive,
        "OPEN-1",
        sites=("Chest",),
        diseases=("Nodules",),
        species=("Homo sapiens",),
        summary="Chests.",
        description="# Why\n\n<script>x</script>",
    )
    _publish(made, "CT", opened, factories.make_series(3, patient="S-1"))
    _publish(
        made,
        "MR",
        opened,
        factories.make_series(2, patient="S-1", Modality="MR", StudyDate="20200111", BodyPartExamined="HEAD"),
    )
    report = pydicom.data.get_testdata_file("test-SR.dcm", download=False)
    assert report is not None
    _publish(made, "SR", opened, [Path(report).read_bytes()])
    _publish(made, "GONE", opened, factories.make_series(1, patient="S-3"))
    uid = made.series["GONE"].series_uid
    releases.withdraw(archive, factories.SYSTEM, opened.id, uid, "quality", "The slices are out of order.")
    origin = submissions.Origin("import", factories.SYSTEM, factories.make_submission(archive, opened).id)
    submissions.receive(archive, origin, [TABLE], "table.csv")
    factories.advance_all(archive)
    factories.approve_all(archive)
    releases.publish(archive, factories.SYSTEM, opened.id, "A table.")
    registered = factories.make_collection(
        archive, "REG-1", access="registered", sites=("Abdomen",), licence="CC-BY-NC-4.0"
    )
    _publish(made, "REG", registered, factories.make_series(2, patient="S-4"))
    controlled = factories.make_collection(archive, "CTRL-1", access="controlled", contacts="owner@archive.test")
    _publish(made, "CTRL", controlled, factories.make_series(1, patient="S-5"))
    private = factories.make_collection(archive, "PRIVATE-1", access="private")
    _publish(made, "PRIVATE", private, factories.make_series(1, patient="S-6"))
    factories.make_collection(archive, "EMPTY-1")
    factories.make_person(archive, "reader")
    return made


def _publish(made: Site, name: str, collection: Any, files: list[bytes]) -> None:
    factories.publish(made.archive, collection, files)
    known = {row.series_uid for row in made.series.values()}
    rows = [
        row
        for row in search.find(made.archive, factories.SYSTEM, search.ALL, limit=500).rows
        if row.series_uid not in known
    ]
    assert len(rows) == 1
    made.series[name] = rows[0]
