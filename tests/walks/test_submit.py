"""From a site's folder to the archive by one command: cleaned there, sent, cleaned again, searchable."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pydicom
import pytest

from tests.walks.tree import Served


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("submit") / "home")
    try:
        served.await_answer()
        yield served
    finally:
        served.close()


def submit(archive: Served, source: Path, token: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "invivo", "submit", str(source), "--to", archive.url, "--collection", "WARD"]
    command += ["--token", token, "--secret", str(source.parent / "site.key"), "--jobs", "1"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_folder_is_cleaned_at_the_site_sent_and_found(archive: Served, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    path = pydicom.data.get_testdata_file("CT_small.dcm", download=False)
    assert isinstance(path, str)
    image = pydicom.dcmread(path)
    image.PatientName, image.PatientID = "Kowalczyk^Bronislava", "ZX9081726"
    for number in range(3):
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.9.{number}"
        image.save_as(source / f"{number}")
    told = submit(archive, source, archive.token)
    assert told.returncode == 0, told.stderr
    assert "3 cleaned" in told.stdout and "3 held" in told.stdout
    deadline = time.monotonic() + 60
    rows: list[dict[str, object]] = []
    while time.monotonic() < deadline and not (rows and rows[0]["instance_count"] == 3):
        time.sleep(0.2)
        rows = httpx.get(archive.url + "/api/search?level=series").json()["rows"]
    assert rows[0]["instance_count"] == 3
    again = submit(archive, source, archive.token)
    assert again.returncode == 0 and "nothing new to send" in again.stdout


def test_a_wrong_token_is_refused_before_anything_is_cleaned(archive: Served, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    told = submit(archive, tmp_path / "in", "invivo_wrong")
    assert told.returncode != 0 and "invivo:" in told.stderr
    assert not (tmp_path / "site.key").exists()
