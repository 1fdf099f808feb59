"""Fetching through networks that misbehave: a clear outcome, and never a wrong file under its final name."""

import errno
import hashlib
import json
import os
import time
from pathlib import Path

import pytest

from invivo import accounts, collections
from invivo.archive import Archive as Installation
from invivo.client import Archive, Fetched, Pace, Way, fetch_all
from tests.client.hostile import Proxy
from tests.factories import make_collection, make_image, make_series, publish

ORIGINAL = [f"1.2.3.{number}" for number in range(1, 4)]  # as delivered; what is released has UIDs of its own


@pytest.fixture
def digests(archive: Installation) -> dict[str, set[str]]:
    """The released files of three series, by series."""
    files = [one for uid in ORIGINAL for one in make_series(4, series=uid, study=f"{uid}.1", size=64)]
    publish(archive, make_collection(archive), files)
    with archive.database.transaction() as tx:
        found = tx.execute("select s.uid, i.digest from images.series s join images.instance i on i.series_key = s.key")
        told: dict[str, set[str]] = {}
        for row in found:
            told.setdefault(row.uid, set()).add(row.digest)
    return told


def fetch(proxy: Proxy, folder: Path, uids: list[str] | None = None, **way: object) -> dict[str, Fetched]:
    with Archive(proxy.url) as archive:
        chosen = Way(**{"pace": Pace(first_pause_s=0.01), **way})  # type: ignore[arg-type]
        done = list(fetch_all(archive.http, uids or archive.search(), folder, chosen))
    return {one.series_uid: one for one in done}


def first(digests: dict[str, set[str]]) -> str:
    return min(digests)


def here(folder: Path) -> set[str]:
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.dcm")}


def outcomes(done: dict[str, Fetched]) -> set[str]:
    return {one.outcome for one in done.values()}


def test_several_series_come_at_once_with_the_right_bytes(proxy: Proxy, tmp_path: Path, digests) -> None:
    done = fetch(proxy, tmp_path)
    assert outcomes(done) == {"fetched"}
    assert here(tmp_path) == set().union(*digests.values())
    assert all((tmp_path / path).is_file() for one in done.values() for path in one.paths)
    assert not list(tmp_path.rglob("*.part"))


def test_a_proxy_that_cuts_every_answer_only_costs_requests(proxy: Proxy, tmp_path: Path, digests) -> None:
    proxy.behaviour.always_cut = 3000  # of some 40,000: many more cuts than tries
    assert outcomes(fetch(proxy, tmp_path, [first(digests)])) == {"fetched"}
    assert len(proxy.behaviour.asked) > 10
    assert here(tmp_path) == digests[first(digests)]


def test_a_page_of_the_network_is_told_as_such_and_spoils_nothing(proxy: Proxy, tmp_path: Path, digests) -> None:
    proxy.behaviour.cut_after = [20_000]
    proxy.behaviour.before = lambda _path: setattr(proxy.behaviour, "as_page", len(proxy.behaviour.asked) > 0)
    done = fetch(proxy, tmp_path, [first(digests)])[first(digests)]
    assert (done.outcome, done.code) == ("failed", "client.not-data")
    assert "network or proxy" in done.reason
    assert here(tmp_path) == set()
    proxy.behaviour.as_page, proxy.behaviour.before = False, lambda _path: None
    assert fetch(proxy, tmp_path, [first(digests)])[first(digests)].outcome == "fetched"
    assert proxy.behaviour.asked[-1][1] == "bytes=20000-"  # what had come was kept


def test_an_archive_that_asks_to_wait_is_waited_for(proxy: Proxy, tmp_path: Path, digests) -> None:
    proxy.behaviour.turned_away = [(429, {"Retry-After": "1"})]
    begun = time.monotonic()
    assert outcomes(fetch(proxy, tmp_path, [first(digests)])) == {"fetched"}
    assert time.monotonic() - begun >= 1


def test_a_wait_of_hours_is_a_failure_that_says_so(proxy: Proxy, tmp_path: Path, digests) -> None:
    proxy.behaviour.turned_away = [(429, {"Retry-After": "7200"})]
    done = fetch(proxy, tmp_path, [first(digests)])[first(digests)]
    assert (done.outcome, done.code) == ("failed", "client.http-429")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_faults_of_the_server_are_tried_again(proxy: Proxy, tmp_path: Path, digests, status: int) -> None:
    proxy.behaviour.turned_away = [(status, {})] * 3
    assert outcomes(fetch(proxy, tmp_path, [first(digests)])) == {"fetched"}


def test_spoilt_bytes_never_get_a_name(proxy: Proxy, tmp_path: Path, digests) -> None:
    proxy.behaviour.spoil = True
    assert outcomes(fetch(proxy, tmp_path)) == {"failed"}
    assert here(tmp_path) <= set().union(*digests.values())
    proxy.behaviour.spoil = False
    assert outcomes(fetch(proxy, tmp_path)) == {"fetched"}
    assert here(tmp_path) == set().union(*digests.values())


def test_a_proxy_that_forgets_ranges_begins_anew(proxy: Proxy, tmp_path: Path, digests) -> None:
    proxy.behaviour.cut_after, proxy.behaviour.forget_ranges = [20_000], True
    assert outcomes(fetch(proxy, tmp_path, [first(digests)])) == {"fetched"}
    assert here(tmp_path) == digests[first(digests)]


def test_a_limit_is_kept(proxy: Proxy, tmp_path: Path, digests) -> None:
    begun = time.monotonic()
    done = fetch(proxy, tmp_path, pace=Pace(100_000))
    size = sum(one.size_bytes for one in done.values())
    assert outcomes(done) == {"fetched"}
    assert time.monotonic() - begun >= size / 100_000 * 0.8


def test_a_series_that_was_revised_in_the_middle_begins_anew(
    proxy: Proxy, tmp_path: Path, archive: Installation, digests
) -> None:
    proxy.behaviour.cut_after = [20_000]
    collection = collections.collection_named(archive, accounts.ANONYMOUS, "LUNG-1")

    def revise(_path: str) -> None:
        if len(proxy.behaviour.asked) == 1:
            proxy.behaviour.before = lambda _path: None
            more = [make_image(study=f"{uid}.1", series=uid, number=9, size=64) for uid in ORIGINAL]
            publish(archive, collection, more)

    proxy.behaviour.before = revise
    done = fetch(proxy, tmp_path, [first(digests)])[first(digests)]
    assert [asked for _, asked in proxy.behaviour.asked] == ["", "bytes=20000-"]
    assert (done.outcome, done.files) == ("fetched", 5)
    assert len(here(tmp_path)) == 5


def test_asking_again_finds_what_was_revised(proxy: Proxy, tmp_path: Path, archive: Installation, digests) -> None:
    fetch(proxy, tmp_path)
    collection = collections.collection_named(archive, accounts.ANONYMOUS, "LUNG-1")
    publish(archive, collection, [make_image(study=f"{ORIGINAL[0]}.1", series=ORIGINAL[0], number=9, size=64)])
    assert outcomes(fetch(proxy, tmp_path)) == {"present"}
    done = fetch(proxy, tmp_path, is_asking_again=True)
    assert sorted(one.outcome for one in done.values()) == ["fetched", "present", "present"]
    assert len(here(tmp_path)) == 13


def test_files_without_marks_are_known_by_the_list_of_digests(proxy: Proxy, tmp_path: Path, digests) -> None:
    fetch(proxy, tmp_path)
    for mark in (tmp_path / ".invivo").iterdir():
        mark.unlink()
    next(tmp_path.rglob("*.dcm")).write_bytes(b"broken")
    done = fetch(proxy, tmp_path, may_be_here=True)
    assert sorted(one.outcome for one in done.values()) == ["fetched", "present", "present"]
    assert here(tmp_path) == set().union(*digests.values())


def test_a_file_that_was_lost_is_fetched_again(proxy: Proxy, tmp_path: Path, digests) -> None:
    fetch(proxy, tmp_path)
    next(tmp_path.rglob("*.dcm")).unlink()
    done = fetch(proxy, tmp_path)
    assert sorted(one.outcome for one in done.values()) == ["fetched", "present", "present"]


def test_a_full_disk_ends_all_with_a_clear_outcome(
    proxy: Proxy, tmp_path: Path, digests, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush, count = os.fsync, [0]

    def full(number: int) -> None:
        count[0] += 1
        if count[0] > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(number)

    monkeypatch.setattr("invivo.client.package.os.fsync", full)
    done = fetch(proxy, tmp_path)
    monkeypatch.undo()
    assert outcomes(done) == {"failed"}
    assert "client.disk-full" in {one.code for one in done.values()}
    assert here(tmp_path) <= set().union(*digests.values())
    assert not list(tmp_path.rglob("*.dcm.part"))
    assert outcomes(fetch(proxy, tmp_path)) == {"fetched"}


def test_what_is_refused_says_what_it_takes(proxy: Proxy, tmp_path: Path, archive: Installation) -> None:
    publish(archive, make_collection(archive, access="registered"), make_series(1))
    done = fetch(proxy, tmp_path)
    assert [(one.code, "account" in one.reason) for one in done.values()] == [("client.refused", True)]
    assert fetch(proxy, tmp_path, ["1.2.3"])["1.2.3"].code == "client.not-found"


def test_marks_tell_what_is_here(proxy: Proxy, tmp_path: Path, digests) -> None:
    fetch(proxy, tmp_path)
    told = json.loads((tmp_path / ".invivo" / f"{first(digests)}.done").read_text())
    assert {one["sha256"] for one in told["files"]} == digests[first(digests)]
    assert all((tmp_path / one["path"]).stat().st_size == one["size_bytes"] for one in told["files"])
