"""The journal: what was kept is durable by one sync, and comes back after a power cut."""

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from invivo.storage import DiskFull, DiskStore, journal
from invivo.storage.disk import SMALL_BYTES


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path / "objects")


def put(store: DiskStore, *contents: bytes) -> list[str]:
    spooled = [store.spool([content], 1 << 30) for content in contents]
    store.keep(spooled)
    return [one.sha256 for one in spooled]


def segments(store: DiskStore) -> list[Path]:
    return sorted((store.root / "journal").glob("*.journal"))


def after_a_power_cut(store: DiskStore, lost: list[str]) -> DiskStore:
    """Another run of the system: no process has the segments, and files that were not synced are gone or empty."""
    for place, digest in enumerate(lost):
        path = store.place(digest).path
        path.unlink() if place % 2 else path.write_bytes(b"")
    store._journal._close_current()
    for handle, _ in store._journal._full:
        os.close(handle)
    store._journal._full.clear()
    for path in segments(store):
        path.rename(path.with_name("000000000000-" + path.name.split("-")[1]))
    return DiskStore(store.root)


def test_small_objects_are_in_a_synced_journal_before_keep_returns(
    store: DiskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(journal, "_sync", lambda handle: synced.append(os.fstat(handle).st_size))
    put(store, b"a" * 1000, b"b" * 2000, b"c" * 3000)
    assert len(synced) == 1
    assert synced[0] > 6000


def test_what_a_power_cut_took_is_written_again(store: DiskStore) -> None:
    contents = [bytes([number]) * 5000 for number in range(6)]
    digests = put(store, *contents)
    later = after_a_power_cut(store, digests[:4])
    assert later.replay() == 1
    assert [later.place(digest).path.read_bytes() for digest in digests] == contents
    assert segments(later) == []


def test_a_record_that_was_being_written_is_left_out(store: DiskStore) -> None:
    first, last = put(store, b"a" * 1000, b"b" * 1000)
    (segment,) = segments(store)
    with segment.open("r+b") as stream:
        stream.truncate(segment.stat().st_size - 10)
    later = after_a_power_cut(store, [])
    for digest in (first, last):
        later.place(digest).path.unlink()
    later.replay()
    assert later.holds(first)
    assert not later.holds(last)


def test_what_was_removed_does_not_come_back_while_the_system_runs(store: DiskStore) -> None:
    script = (
        "import sys, os; from pathlib import Path; from invivo.storage import DiskStore\n"
        "store = DiskStore(Path(sys.argv[1])); store.keep([store.spool([b'x' * 1000], 10000)]); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(store.root)], check=False, timeout=60)
    digest = hashlib.sha256(b"x" * 1000).hexdigest()
    assert store.holds(digest)
    assert store.remove(digest, age_s=0)
    assert store.replay() == 1
    assert not store.holds(digest)
    assert segments(store) == []


def test_a_segment_of_a_living_process_is_left(store: DiskStore) -> None:
    put(store, b"a" * 1000)
    assert DiskStore(store.root).replay() == 0
    assert len(segments(store)) == 1


def test_settling_syncs_and_empties_the_journal(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(journal, "sync_all", synced.append)
    (digest,) = put(store, b"a" * 1000)
    store.settle()
    assert synced == [store.root / "journal"]
    assert segments(store) == []
    assert store.holds(digest)
    put(store, b"b" * 1000)
    assert len(segments(store)) == 1


def test_what_is_kept_twice_is_written_once(store: DiskStore) -> None:
    put(store, b"a" * 1000, b"a" * 1000)
    size = segments(store)[0].stat().st_size
    put(store, b"a" * 1000)
    assert segments(store)[0].stat().st_size == size


def test_large_objects_have_no_part_in_it(store: DiskStore) -> None:
    put(store, bytes(SMALL_BYTES + 1))
    assert segments(store) == []


def test_a_full_disk_promises_nothing_and_the_next_write_begins_a_segment(
    store: DiskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, b"a" * 1000)

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "no room")

    with monkeypatch.context() as patch:
        patch.setattr(journal, "_sync", full)
        with pytest.raises(DiskFull):
            put(store, b"b" * 1000)
    put(store, b"b" * 1000)
    assert len(segments(store)) == 2


def test_a_failed_sync_leaves_no_file_that_the_next_sender_of_the_same_bytes_would_trust(
    store: DiskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "no room")

    with monkeypatch.context() as patch:
        patch.setattr(journal, "_sync", full)
        with pytest.raises(DiskFull):
            put(store, b"b" * 1000)
    assert not store.holds(hashlib.sha256(b"b" * 1000).hexdigest())
    assert [path.name for path in (store.root / "spool").iterdir()] == []


def test_a_file_has_its_name_only_after_the_journal_was_synced(
    store: DiskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = hashlib.sha256(b"b" * 1000).hexdigest()
    stood: list[bool] = []
    monkeypatch.setattr(journal, "_sync", lambda _handle: stood.append(store.holds(digest)))
    put(store, b"b" * 1000)
    assert stood == [False]
    assert store.holds(digest)


def test_a_segment_is_not_settled_before_the_files_of_its_objects_stand(
    store: DiskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = DiskStore._name_draft

    def settle_first(one: DiskStore, draft: str, digest: str) -> None:
        one.settle()
        assert len(segments(one)) == 1
        named(one, draft, digest)

    monkeypatch.setattr(DiskStore, "_name_draft", settle_first)
    put(store, b"a" * 1000)
    store.settle()
    assert segments(store) == []


def test_objects_taken_over_from_another_store_are_synced(store: DiskStore, tmp_path: Path) -> None:
    digests = put(store, *(bytes([number]) * 1000 for number in range(20)))
    public = DiskStore(tmp_path / "public")
    public.adopt(digests, store)
    public.adopt(digests[:2], store)
    assert all(public.place(digest).path.read_bytes() == store.place(digest).path.read_bytes() for digest in digests)


def test_half_an_object_is_not_taken_for_a_whole_one(store: DiskStore, tmp_path: Path) -> None:
    (digest,) = put(store, b"a" * 1000)
    public = DiskStore(tmp_path / "public")
    public.adopt([digest], store)
    public.place(digest).path.unlink()
    half = public.root / digest[:2] / digest[2:4] / digest
    half.write_bytes(b"a" * 300)
    public.adopt([digest], store)
    assert half.read_bytes() == b"a" * 1000
    half.unlink()
    half.write_bytes(b"a" * 300)
    public.keep([public.spool([b"a" * 1000], 1 << 20)])
    assert half.read_bytes() == b"a" * 1000


def test_a_sync_that_fails_is_tried_again(store: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, b"a" * 1000)

    def failing(_folder: Path) -> None:
        raise OSError(errno.EIO, "no")

    with monkeypatch.context() as patch:
        patch.setattr(journal, "sync_all", failing)
        with pytest.raises(OSError, match="no"):
            store.settle()
    assert len(segments(store)) == 1
    store.settle()
    assert segments(store) == []


def test_a_disk_that_fills_while_files_are_written_keeps_none_of_them(
    store: DiskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = os.write, []

    def fills(handle: int, content: bytes | memoryview) -> int:
        if written:
            raise OSError(errno.ENOSPC, "no room")
        written.append(write(handle, content))
        return written[0]

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fills)
        with pytest.raises(DiskFull):
            put(store, b"a" * 1000, b"b" * 1000)
    assert list((store.root / "spool").iterdir()) == []
    for letter in (b"a", b"b"):
        assert not store.holds(hashlib.sha256(letter * 1000).hexdigest())
    put(store, b"a" * 1000, b"b" * 1000)
