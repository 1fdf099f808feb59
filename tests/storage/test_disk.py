"""Objects on disk: durable, whole, and gone only when nobody needs them."""

import hashlib
import os
import time
import zlib
from pathlib import Path

import pytest

from invivo.storage import DiskFull, DiskStore, Missing, TooManyBytes
from invivo.storage.disk import SMALL_BYTES


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path / "objects")


def put(store: DiskStore, content: bytes) -> str:
    spooled = store.spool([content], 1 << 20)
    store.keep([spooled])
    return spooled.sha256


def test_what_is_kept_is_found_by_its_digest(store: DiskStore) -> None:
    spooled = store.spool([b"ab", b"c"], 10)
    assert (spooled.sha256, spooled.size, spooled.crc32) == (hashlib.sha256(b"abc").hexdigest(), 3, zlib.crc32(b"abc"))
    store.keep([spooled])
    with store.open(spooled.sha256) as stream:
        assert stream.read() == b"abc"


def test_a_stream_over_the_limit_leaves_nothing(store: DiskStore) -> None:
    with pytest.raises(TooManyBytes):
        store.spool([b"x" * 6, b"y" * 6], 10)
    with pytest.raises(TooManyBytes):
        store.spool([bytes(SMALL_BYTES), b"y" * 6], SMALL_BYTES + 5)
    assert list((store.root / "spool").iterdir()) == []


def test_a_stream_that_breaks_leaves_nothing(store: DiskStore) -> None:
    def broken():
        yield bytes(SMALL_BYTES)
        yield b"x"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        store.spool(broken(), 2 * SMALL_BYTES)
    assert list((store.root / "spool").iterdir()) == []


def test_files_and_folders_are_fsynced_before_keep_returns(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    real = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda handle: (synced.append(str(Path(f"/proc/self/fd/{handle}").readlink())), real(handle))[1]
    )
    spooled = store.spool([bytes(SMALL_BYTES), b"abc"], 2 * SMALL_BYTES)
    store.keep([spooled])
    folder = store.root / spooled.sha256[:2] / spooled.sha256[2:4]
    assert any("spool" in path for path in synced)
    assert str(folder) in synced
    assert str(folder.parent) in synced


def test_nothing_is_received_when_the_disk_is_nearly_full(tmp_path: Path) -> None:
    store = DiskStore(tmp_path, reserve=1 << 62)
    with pytest.raises(DiskFull):
        store.spool([b"x"], 10)


def test_a_missing_object_is_named_by_its_digest_only(store: DiskStore) -> None:
    with pytest.raises(Missing, match="000000000000"):
        store.open("0" * 64)


def test_an_object_that_has_just_come_again_is_not_removed(store: DiskStore) -> None:
    digest = put(store, b"abc")
    assert not store.remove(digest, age_s=60)
    assert store.holds(digest)
    assert store.remove(digest, age_s=0)
    assert not store.holds(digest)


def test_what_is_to_go_at_once_goes_though_the_clock_was_set_back(store: DiskStore) -> None:
    digest = put(store, b"abc")
    os.utime(store.place(digest).path, (time.time() + 100, time.time() + 100))
    assert store.remove(digest, age_s=0)
    assert not store.holds(digest)


def test_another_store_adopts_without_copying(store: DiskStore, tmp_path: Path) -> None:
    public = DiskStore(tmp_path / "public")
    digest = put(store, b"abc")
    public.adopt([digest], store)
    assert public.place(digest).path.stat().st_ino == store.place(digest).path.stat().st_ino
    store.remove(digest, age_s=0)
    with public.open(digest) as stream:
        assert stream.read() == b"abc"


def test_old_leftovers_are_swept(store: DiskStore) -> None:
    leftover = store.spool([bytes(SMALL_BYTES), b"x"], 2 * SMALL_BYTES)
    os.utime(leftover.path, (time.time() - 100, time.time() - 100))
    assert store.sweep(50) == 1
