"""`invivo download` as a person runs it, killed in the middle and run again."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from invivo import serving
from invivo.archive import Archive as Installation
from tests.client.hostile import Proxy, between
from tests.factories import make_collection, make_series, publish
from tests.protocols.serving import served

RUNS = 10


@pytest.fixture
def proxy(archive: Installation) -> Iterator[Proxy]:
    publish(
        archive, make_collection(archive), make_series(6, size=128, patient="A") + make_series(6, size=128, patient="B")
    )
    publish(archive, make_collection(archive, "CLOSED", access="registered"), make_series(1))
    with (
        served(serving.public_application(archive, archive.settings.home / "run" / "desk.sock")) as port,
        between(port) as found,
    ):
        yield found


# A shell that runs the suite behind itself ignores SIGINT, and what it starts inherits that: here the signal counts.
HEARING = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('invivo', run_name='__main__', alter_sys=True)"
)


def start(proxy: Proxy, *words: str) -> subprocess.Popen[str]:
    told = [sys.executable, "-c", HEARING, "download", *words, "--from", proxy.url]
    return subprocess.Popen(told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(proxy: Proxy, *words: str, code: int = 0) -> str:
    process = start(proxy, *words)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == code, out + errors
    return out + errors


def released(archive: Installation) -> set[str]:
    with archive.database.transaction() as tx:
        return {row.digest for row in tx.execute("select digest from images.instance where upper_inf(releases)")}


def here(folder: Path) -> set[str]:
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.dcm")}


def test_a_collection_comes_home_and_a_second_run_fetches_nothing(proxy: Proxy, tmp_path: Path) -> None:
    assert "2 series fetched" in run(proxy, "collection=LUNG-1", "--to", str(tmp_path / "x"))
    assert "2 were here" in run(proxy, f"{proxy.url}/collections/LUNG-1", "--to", str(tmp_path / "x"))
    assert len(here(tmp_path / "x")) == 12
    assert (tmp_path / "x" / "LICENCE.txt").exists()


def test_a_dry_run_tells_size_licences_and_what_may_not_be_had(proxy: Proxy, tmp_path: Path) -> None:
    told = json.loads(run(proxy, "modality:CT", "--dry-run", "--to", str(tmp_path / "x")))
    assert (told["series"], told["files"], len(told["not to be had"])) == (2, 12, 1)
    assert told["bytes"] > 12 * 128 * 128 * 2
    assert "account" in told["not to be had"][0]["reason"]
    assert not (tmp_path / "x").exists()


def test_what_failed_is_reported_and_the_report_is_a_manifest(proxy: Proxy, tmp_path: Path) -> None:
    said = run(proxy, "modality:CT", "--to", str(tmp_path), code=1)
    assert "2 series fetched" in said
    assert "account" in said
    listed = json.loads((tmp_path / "failed.json").read_text())
    assert [one["code"] for one in listed] == ["client.refused"]
    assert "1 failed" in run(proxy, str(tmp_path / "failed.csv"), "--to", str(tmp_path), code=1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing.tcia"], "no manifest"),
        (["modality:XA"], "finds no series"),
        (["modality:CT", "--limit", "fast"], "bytes a second"),
        (["modality:CT", "--layout", "{collection}"], "{series}"),
        (["modality:CT", "--layout", "{patient}/{series}"], "no place"),
    ],
)
def test_wrong_use_ends_with_2(proxy: Proxy, tmp_path: Path, words: list[str], said: str) -> None:
    assert said in run(proxy, *words, "--to", str(tmp_path / "x"), code=2)


def test_a_template_makes_the_folders_and_is_remembered(proxy: Proxy, tmp_path: Path) -> None:
    layout = "{collection}/{subject}/{study_date}-{study}/{modality}_{series}"
    run(proxy, "collection=LUNG-1", "--to", str(tmp_path), "--layout", layout)
    folders = {path.parent.relative_to(tmp_path).parts for path in tmp_path.rglob("*.dcm")}
    assert {(len(parts), parts[0], parts[3][:3]) for parts in folders} == {(4, "LUNG-1", "CT_")}
    assert json.loads((tmp_path / ".invivo" / "layout.json").read_text()) == {"version": 1, "template": layout}
    assert "2 were here" in run(proxy, "collection=LUNG-1", "--to", str(tmp_path))
    assert "other" in run(proxy, "collection=LUNG-1", "--to", str(tmp_path), "--layout", "uids", code=5)


def test_killed_at_any_moment_no_file_is_wrong_and_it_goes_on(
    proxy: Proxy, tmp_path: Path, archive: Installation
) -> None:
    right, folders = released(archive), [tmp_path / str(number) for number in range(RUNS)]
    proxy.behaviour.chunk_s = 0.05  # 0.7 s for a package
    for number, folder in enumerate(folders):
        process = start(proxy, "collection=LUNG-1", "--to", str(folder))
        asked, until = len(proxy.behaviour.asked), time.monotonic() + 60
        while len(proxy.behaviour.asked) == asked and time.monotonic() < until:
            time.sleep(0.005)
        time.sleep(0.09 * number)
        process.kill()
        process.communicate(timeout=60)
        assert here(folder) <= right
    proxy.behaviour.chunk_s = 0
    for folder in folders[1::3]:
        run(proxy, "collection=LUNG-1", "--to", str(folder))
        assert len(here(folder)) == 12
        assert here(folder) <= right
    assert any(asked for _, asked in proxy.behaviour.asked)  # some went on from where they were


def test_stopped_by_hand_it_ends_at_once_and_goes_on_later(proxy: Proxy, tmp_path: Path, archive: Installation) -> None:
    proxy.behaviour.chunk_s = 3  # 40 s for a package: the signal comes long before the end
    process = start(proxy, "collection=LUNG-1", "--to", str(tmp_path))
    until = time.monotonic() + 60
    while not proxy.behaviour.asked and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert time.monotonic() - begun < 10
    proxy.behaviour.chunk_s = 0
    assert "2 series fetched" in run(proxy, "collection=LUNG-1", "--to", str(tmp_path))
    assert here(tmp_path) <= released(archive)
