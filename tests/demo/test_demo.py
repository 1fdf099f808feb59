"""The demo, whole: real samples through the real doors, and then everything a visitor would do."""

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pydicom.data
import pytest

from tests.walks.tree import free_port

SHORT = {
    **{"DEMO-ATLAS": "open", "DEMO-BRAIN": "registered", "DEMO-INTAKE": "open", "DEMO-WARD": "registered"},
    **{"DEMO-TRIAL": "open", "DEMO-TRIAL-CLINICAL": "controlled", "DEMO-TRIAL-SMOOTHED": "open"},
}
PEOPLE = (
    *("visitor", "submitter", "curator", "owner", "admin"),
    *("researcher", "coordinator", "reader", "committee", "editor"),
)


class Demo:
    def __init__(self, told: dict[str, Any], home: Path, took_s: float) -> None:
        self.told, self.home, self.took_s = told, home, took_s
        self.http = httpx.Client(base_url=told["http"], timeout=60)

    def as_person(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.told['accounts'][name]['token']}"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    home = folder / "demo"
    command = [sys.executable, "-m", "invivo", "demo", "--home", str(home), "--no-viewer", "--no-browser"]
    command += ["--http", f"127.0.0.1:{free_port()}", "--dimse", f"127.0.0.1:{free_port()}"]
    environment = {**os.environ, "INVIVO_LIMITS__FREE_BYTES": "0"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
        )
        began = time.monotonic()
        while not (home / "demo.json").exists():
            assert process.poll() is None, (folder / "log").read_text()[-3000:]
            assert time.monotonic() - began < 600, (folder / "log").read_text()[-3000:]
            time.sleep(0.1)
        made = Demo(json.loads((home / "demo.json").read_text()), home, time.monotonic() - began)
        yield made
        made.http.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_every_collection_is_released_with_its_policy(demo: Demo) -> None:
    listed = demo.http.get("/api/collections").json()
    found = {one["short_name"]: one["access"] for one in (listed if isinstance(listed, list) else listed["rows"])}
    assert found == SHORT


def test_everybody_of_the_demo_has_name_password_and_token(demo: Demo) -> None:
    assert tuple(demo.told["accounts"]) == PEOPLE
    for name, account in demo.told["accounts"].items():
        assert account["name"] == name
        assert account["password"]
        assert demo.http.get("/api/collections", headers=demo.as_person(name)).status_code == 200


def test_the_trial_has_three_releases_one_of_them_with_a_revised_series(demo: Demo) -> None:
    page = demo.http.get("/collections/DEMO-TRIAL/versions").text
    assert "Release 3" in page
    assert "1 series revised" in page
    assert "The subject no longer wishes" in page
    rows = demo.http.get("/api/search", params={"collection": "DEMO-TRIAL", "limit": 50}).json()["rows"]
    assert len(rows) == 7
    assert {row["instance_count"] for row in rows} >= {5}


@pytest.mark.parametrize(("link", "says"), [("official", "confirm"), ("reviewer", ""), ("upload", ""), ("editor", "")])
def test_who_has_a_link_needs_no_account(demo: Demo, link: str, says: str) -> None:
    answer = demo.http.get(demo.told["links"][link], follow_redirects=True)
    assert answer.status_code == 200
    assert says in answer.text


def test_controlled_data_are_had_by_who_was_approved_and_by_nobody_else(demo: Demo) -> None:
    row = demo.http.get("/api/search", params={"collection": "DEMO-TRIAL-CLINICAL"}).json()["rows"][0]
    path = f"/series/{row['series_uid']}/package.zip"
    assert demo.http.get(path, headers=demo.as_person("researcher")).status_code == 200
    assert demo.http.get(path, headers=demo.as_person("visitor")).status_code == 403


def test_each_person_of_the_trial_finds_their_work(demo: Demo) -> None:
    for name in ("curator", "reader"):
        assert "DEMO-TRIAL" in demo.http.get("/api/desk/reviews", headers=demo.as_person(name)).text
    assert demo.http.get("/collections/DEMO-TRIAL-SMOOTHED").text.count("DEMO-TRIAL") > 1


def test_the_open_one_has_many_modalities_and_a_stack_of_slices(demo: Demo) -> None:
    rows = demo.http.get("/api/search", params={"collection": "DEMO-ATLAS", "limit": 200}).json()["rows"]
    assert {"CT", "MR", "US", "SR", "SEG"} <= {row["modality"] for row in rows}
    assert {"RTSTRUCT", "RTPLAN", "RTDOSE"} & {row["modality"] for row in rows}
    everything = demo.http.get("/api/search", params={"limit": 200}).json()["rows"]
    assert max(row["instance_count"] for row in everything) >= 20


def test_something_waits_for_review(demo: Demo) -> None:
    answer = demo.http.get("/api/desk/reviews", headers=demo.as_person("curator"))
    assert answer.status_code == 200
    assert "DEMO-INTAKE" in answer.text


def test_a_visitor_downloads_and_the_package_verifies(demo: Demo) -> None:
    row = demo.http.get("/api/search", params={"collection": "DEMO-ATLAS", "modality": "CT"}).json()["rows"][0]
    package = zipfile.ZipFile(io.BytesIO(demo.http.get(f"/series/{row['series_uid']}/package.zip").content))
    for line in package.read("manifest-sha256.txt").decode().splitlines():
        digest, _, name = line.partition("  ")
        assert hashlib.sha256(package.read(name)).hexdigest() == digest
    assert b"DEMO-ATLAS" in package.read("README.txt")


def test_registered_data_are_seen_by_all_and_had_by_those_with_an_account(demo: Demo) -> None:
    row = demo.http.get("/api/search", params={"collection": "DEMO-BRAIN"}).json()["rows"][0]
    path = f"/series/{row['series_uid']}/package.zip"
    assert demo.http.get(path).status_code in (401, 403)
    assert demo.http.get(path, headers=demo.as_person("visitor")).status_code == 200


def test_no_name_of_the_samples_is_public(demo: Demo) -> None:
    for path in (demo.home / "objects").rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert b"Sample^Sasha" not in content
        assert b"CompressedSamples^" not in content
        assert b"Abel^Anna" not in content
        assert b"Southgate" not in content


@pytest.mark.skipif(not shutil.which("storescu"), reason="DCMTK is not installed")
def test_what_storescu_sends_arrives_within_seconds(demo: Demo) -> None:
    before = demo.http.get("/api/search", params={"collection": "DEMO-WARD"}).json()["total"]
    told = demo.told["dimse"]
    sample = Path(pydicom.data.__file__).parent / "test_files" / "CT_small.dcm"
    subprocess.run(["storescu", told["host"], str(told["port"]), str(sample)], check=True)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if demo.http.get("/api/search", params={"collection": "DEMO-WARD"}).json()["total"] > before:
            return
        time.sleep(0.2)
    pytest.fail("it did not arrive")


def test_wado_and_qido_serve_what_a_viewer_asks(demo: Demo) -> None:
    row = demo.http.get("/api/search", params={"collection": "DEMO-ATLAS", "modality": "MR"}).json()["rows"][0]
    series = f"/dicom-web/studies/{row['study_uid']}/series/{row['series_uid']}"
    first = demo.http.get(series + "/metadata", headers={"Accept": "application/dicom+json"}).json()[0]
    assert first["00100010"]["Value"][0]["Alphabetic"].startswith("DEMO-ATLAS")
    frame = demo.http.get(
        f"{series}/instances/{first['00080018']['Value'][0]}/frames/1",
        headers={"Accept": "multipart/related; type=application/octet-stream; transfer-syntax=*"},
    )
    assert frame.status_code == 200
    assert demo.http.get(series + "/thumbnail").headers["content-type"] == "image/jpeg"
