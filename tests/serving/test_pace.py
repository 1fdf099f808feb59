"""How much one may ask for."""

import asyncio
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from invivo.archive import Archive
from invivo.serving import pace, public_application
from tests.factories import make_collection, make_image, publish


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_so_many_requests_a_minute_and_each_wait_is_told() -> None:
    clock = Clock()
    kept = pace.Pace(60, 0, clock)
    assert [kept.wait_s("a", "/") for _ in range(61)] == [0] * 60 + [1]
    assert kept.wait_s("b", "/") == 0  # somebody else is not touched
    clock.now = 1.0
    assert [kept.wait_s("a", "/") for _ in range(2)] == [0, 1]
    clock.now = 1000.0
    assert [kept.wait_s("a", "/") for _ in range(61)] == [0] * 60 + [1]  # what was not asked is not saved up


def test_a_day_s_bytes_are_spent_at_doors_of_files_only() -> None:
    clock = Clock()
    kept = pace.Pace(0, 1000, clock)
    kept.took("a", "/search", 5000)
    assert kept.wait_s("a", "/series/1/package.zip") == 0
    kept.took("a", "/series/1/package.zip", 1000)
    clock.now = 400.0
    assert kept.wait_s("a", "/series/1/package.zip") == 86_000
    assert kept.wait_s("a", "/search") == 0
    clock.now = 86_400.0
    assert kept.wait_s("a", "/series/1/package.zip") == 0


def test_who_comes_from_very_many_addresses_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "MOST_KEPT", 10)
    kept = pace.Pace(1, 0)
    for number in range(1000):
        kept.wait_s(f"10.0.{number // 256}.{number % 256}", "/")
    assert len(kept._askers) == 10


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("not an address", "not an address", True),
    ],
)
def test_a_site_of_ipv6_is_one_asker(one: str, other: str, is_same: bool) -> None:
    assert (pace.asker_of(None, one) == pace.asker_of(None, other)) is is_same
    assert pace.asker_of(7, one) == pace.asker_of(7, other) != pace.asker_of(8, one)


def test_too_much_is_refused_with_429_and_when_to_come_again(
    archive: Archive, public_archive: Archive, tmp_path: Path
) -> None:
    publish(archive, make_collection(archive), [make_image(size=64)])
    limits = public_archive.settings.limits.model_copy(update={"requests_per_minute": 5, "bytes_per_day": 2000})
    settings = public_archive.settings.model_copy(update={"limits": limits})
    application = public_application(replace(public_archive, settings=settings), tmp_path / "desk.sock")

    async def go() -> list[httpx.Response]:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://archive.test") as client:
            package = await client.get("/collections/LUNG-1/package.zip")
            again = await client.get("/collections/LUNG-1/package.zip")
            return [package, again, *[await client.get("/dicom-web/studies") for _ in range(5)]]

    package, again, *rest = asyncio.run(go())
    assert package.status_code == 200
    assert again.status_code == 429
    assert 86_000 < int(again.headers["retry-after"]) <= 86_400
    assert again.json()["code"] == "request.too-many"
    assert [one.status_code for one in rest] == [200, 200, 200, 200, 429]
    assert 0 < int(rest[-1].headers["retry-after"]) <= 13
