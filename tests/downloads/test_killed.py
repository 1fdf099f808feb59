"""A server that is killed in the middle of a package, and a release that comes between two parts of one."""

import os
import signal
from pathlib import Path

import httpx
import pytest

from invivo import collections
from invivo.archive import opened
from invivo.settings import read_settings
from tests.factories import make_collection, make_series, publish
from tests.walks.tree import Served

pytestmark = pytest.mark.slow
PART = 3_000_000


def kill_all(served: Served) -> None:
    """Kill the whole tree at once, as a power cut would."""
    for pid in [*served.children(), served.process.pid]:
        os.kill(pid, signal.SIGKILL)
    served.process.wait(20)


def begin(address: str) -> tuple[bytes, str]:
    """Fetch the first part of a package and go away."""
    with httpx.stream("GET", address, timeout=60) as answer:
        got = b""
        for chunk in answer.iter_raw():
            got += chunk
            if len(got) >= PART:
                break
        return got, answer.headers["etag"]


def test_a_download_that_lost_its_server_goes_on_to_the_same_bytes_and_a_new_release_is_never_mixed_in(
    tmp_path: Path,
) -> None:
    served = Served(tmp_path / "home")
    try:
        served.await_answer()
        with opened(read_settings(served.home, limits={"free_bytes": 0})) as archive:
            lung: collections.Collection = make_collection(archive)
            publish(archive, lung, make_series(6, size=1024))
        address = f"{served.url}/collections/LUNG-1/package.tar"
        whole = httpx.get(address, timeout=60).content
        got, etag = begin(address)
        assert PART <= len(got) < len(whole)
        kill_all(served)
        served.restart()
        served.await_answer(60)
        on = {"Range": f"bytes={len(got)}-", "If-Range": etag}
        rest = httpx.get(address, headers=on, timeout=60)
        assert rest.status_code == 206
        assert got + rest.content == whole
        with opened(read_settings(served.home, limits={"free_bytes": 0})) as archive:
            publish(archive, lung, make_series(1))
        anew = httpx.get(address, headers=on, timeout=60)
        assert anew.status_code == 200
        assert len(anew.content) == int(anew.headers["content-length"]) != len(whole)
        version = etag.strip('"')[:16]
        for asked, more in (({**on, "If-Match": etag}, ""), ({"Range": on["Range"]}, f"?version={version}")):
            assert httpx.get(address + more, headers=asked, timeout=60).status_code == 412
    finally:
        served.close()
