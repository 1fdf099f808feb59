"""Whatever was acknowledged is there, whatever is killed, whenever."""

import io
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydicom import dcmread

from tests.factories import make_image
from tests.walks.tree import Served

PER_DOOR = int(os.environ.get("INVIVO_KILL_COUNT", "1000"))  # `make slow` sends five thousand
PER_SERIES = 50
SENDERS = 4
SENDER = Path(__file__).parent / "sender.py"
PROCESS_S = 900


@pytest.fixture(params=[False, True], ids=["de-identified", "direct"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    archive = Served(tmp_path / "home", is_direct=request.param)
    yield archive
    archive.close()


def write_files(folder: Path, patient: str) -> list[Path]:
    """Write the instances of a door, a share for each sender; series are not split between senders on purpose or by chance."""
    template = make_image(patient=patient, size=8)
    uids = {
        keyword: _value(template, keyword) for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
    }
    shares = [folder / str(number) for number in range(SENDERS)]
    for share in shares:
        share.mkdir(parents=True)
    for number in range(PER_DOOR):
        content = template
        series = number // PER_SERIES
        for keyword, code in (("SOPInstanceUID", number), ("StudyInstanceUID", series), ("SeriesInstanceUID", series)):
            old = uids[keyword]
            head, tail = (
                {"SOPInstanceUID": "2.25.71", "StudyInstanceUID": "2.25.72", "SeriesInstanceUID": "2.25.73"}[keyword],
                f"{code:06d}",
            )
            new = head + str(len(patient)) + "1" * (len(old) - len(head) - 1 - len(tail)) + tail
            content = content.replace(old.encode(), new.encode())
        (shares[number % SENDERS] / f"{number:05d}.dcm").write_bytes(content)
    return shares


def _value(content: bytes, keyword: str) -> str:
    return str(getattr(dcmread(io.BytesIO(content)), keyword))


def start_senders(served: Served, door: str, shares: list[Path]) -> list["subprocess.Popen[bytes]"]:
    port = served.dimse if door == "dimse" else served.http
    environment = {**os.environ, "TOKEN": served.token}
    return [
        subprocess.Popen(
            [sys.executable, str(SENDER), door, "127.0.0.1", str(port), str(share), f"{share}.acknowledged"],
            env=environment,
        )
        for share in shares
    ]


def acknowledged(shares: list[Path]) -> int:
    return sum(len(Path(f"{share}.acknowledged").read_text().splitlines()) for share in shares)


def found(served: Served) -> dict[str, int]:
    """Return the number of instances of each series that QIDO finds."""
    series: dict[str, int] = {}
    while True:
        answer = httpx.get(f"{served.url}/dicom-web/series", params={"limit": 500, "offset": len(series)}, timeout=60)
        page = answer.json() if answer.status_code == 200 else []
        series.update({one["0020000E"]["Value"][0]: one["00201209"]["Value"][0] for one in page})
        if len(page) < 500:
            return series


def await_found(served: Served, expected: int) -> dict[str, int]:
    deadline = time.monotonic() + PROCESS_S
    while time.monotonic() < deadline:
        try:
            series = found(served)
        except (httpx.TransportError, ValueError):
            series = {}
        if sum(series.values()) >= expected:
            return series
        time.sleep(1)
    return found(served)


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_thousands_of_instances_arrive_once_each_while_processes_are_killed(served: Served, tmp_path: Path) -> None:
    served.await_answer()
    shares = {"dimse": write_files(tmp_path / "dimse", "P-1"), "stow": write_files(tmp_path / "stow", "P-22")}
    chance = random.Random(7)
    killed: list[str] = []
    for door, folders in shares.items():
        senders = start_senders(served, door, folders)
        next_kill = time.monotonic() + 2
        while any(sender.poll() is None for sender in senders):
            if time.monotonic() > next_kill:
                children = served.children()
                victim = chance.choice(sorted(children))
                os.kill(victim, signal.SIGKILL)
                killed.append(children[victim])
                next_kill = time.monotonic() + chance.uniform(2, 5)
            time.sleep(0.1)
        assert acknowledged(folders) == PER_DOOR
    series = await_found(served, 2 * PER_DOOR)
    assert killed
    assert len(series) == 2 * PER_DOOR // PER_SERIES
    assert set(series.values()) == {PER_SERIES}
    assert served.stop() == 0


def test_an_archive_whose_supervisor_was_killed_starts_again_and_has_everything(served: Served, tmp_path: Path) -> None:
    served.await_answer()
    files = [tmp_path / "share"]
    files[0].mkdir()
    for number in range(3):
        (files[0] / f"{number}.dcm").write_bytes(make_image(number=number + 1))
    for sender in start_senders(served, "dimse", files):
        sender.wait(60)
    assert acknowledged(files) == 3
    served.process.kill()  # the supervisor itself; its children see it and go
    served.process.wait()
    served.restart()
    served.await_answer()
    assert sum(await_found(served, 3).values()) == 3
