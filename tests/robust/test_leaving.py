"""A process is killed while it takes a file out of the store: what came again meanwhile is there, the rest is gone."""

import os
import time
from pathlib import Path

import pytest

from invivo.storage import DiskStore


def left_behind(tmp_path: Path, age_s: float) -> tuple[DiskStore, str]:
    """Return a store with a file that was moved aside some time after it came, and whose process was killed then."""
    store = DiskStore(tmp_path, 0)
    spooled = store.spool_bytes(b"bytes of a patient", 100)
    store.keep([spooled])
    store.settle()
    path = store.place(spooled.sha256).path
    os.utime(path, (time.time() - age_s, time.time() - age_s))
    path.rename(tmp_path / "spool" / f"leaving-{spooled.sha256}")
    return store, spooled.sha256


def asides(tmp_path: Path) -> list[str]:
    return [one.name for one in (tmp_path / "spool").iterdir() if one.name.startswith("leaving-")]


@pytest.mark.parametrize(("age_s", "is_kept"), [(1.0, True), (3600.0, False)], ids=["came-again", "old"])
def test_what_was_leaving_is_settled_a_minute_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age_s: float, is_kept: bool
) -> None:
    store, digest = left_behind(tmp_path, age_s)
    store.sweep(86400)
    assert asides(tmp_path)  # somebody may be at it just now
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    store.sweep(86400)
    assert (store.holds(digest), asides(tmp_path)) == (is_kept, [])
