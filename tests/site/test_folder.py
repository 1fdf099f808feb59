"""A folder is de-identified at the site: whole, repeatable, resumable, and nothing that tells who is who leaves it."""

import csv
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from invivo import deidentification, site

NAME, NUMBER = "Kowalczyk^Bronislava", "ZX9081726"


def ct() -> Dataset:
    path = pydicom.data.get_testdata_file("CT_small.dcm", download=False)
    assert isinstance(path, str)
    return pydicom.dcmread(path)


def plant(folder: Path, patients: int = 2, objects: int = 12) -> Path:
    """A folder of CT objects whose names of files tell who it is."""
    image = ct()
    for patient in range(patients):
        image.PatientName, image.PatientID = f"{NAME}{patient}", f"{NUMBER}{patient}"
        image.StudyInstanceUID, image.SeriesInstanceUID = f"1.2.3.{patient}", f"1.2.3.{patient}.1"
        (folder / f"{NAME} {patient}").mkdir(parents=True)
        for number in range(objects):
            image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{patient}.1.{number}"
            image.InstanceNumber = number
            image.save_as(folder / f"{NAME} {patient}" / f"{number:03}")
    return folder


def command(source: Path, destination: Path, *more: str) -> list[str]:
    home = destination.parent
    options = ["--profile", "tcia", "--secret", str(home / "site.key"), "--jobs", "1"]
    options += [
        "--report",
        str(home / "r.json"),
        "--uid-map",
        str(home / "u.csv"),
        "--patient-map",
        str(home / "p.csv"),
    ]
    return [sys.executable, "-m", "invivo", "deidentify", str(source), str(destination), *options, *more]


def run(source: Path, destination: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(source, destination, *more), capture_output=True, text=True, timeout=120, check=False)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A finished run: source ``in``, destination ``out``, and the site's files beside them."""
    home = tmp_path_factory.mktemp("site")
    plant(home / "in")
    done = run(home / "in", home / "out")
    assert done.returncode == 0, done.stderr
    yield home


def test_every_file_is_cleaned_and_named_anew(whole: Path) -> None:
    found = contents(whole / "out")
    assert len(found) == 24
    for name, written in found.items():
        assert "owalczyk" not in name and b"owalczyk" not in written and NUMBER.encode() not in written
        label, study, series, instance = name.split("/")
        image = pydicom.dcmread(whole / "out" / name)
        assert (image.PatientID, image.StudyInstanceUID, image.SeriesInstanceUID) == (label, study, series)
        assert f"{image.SOPInstanceUID}.dcm" == instance


def test_the_maps_lead_from_old_to_new_and_only_their_owner_may_read_them(whole: Path) -> None:
    with (whole / "p.csv").open() as stream:
        patients = list(csv.DictReader(stream))
    assert {row["id_old"] for row in patients} == {f"{NUMBER}0", f"{NUMBER}1"}
    assert {row["id_new"] for row in patients} == {path.name for path in (whole / "out").iterdir()}
    with (whole / "u.csv").open() as stream:
        uids = {row["id_old"]: row["id_new"] for row in csv.DictReader(stream)}
    names = {path.name for path in (whole / "out").rglob("*.dcm")}
    assert {uids[f"1.2.3.{patient}.1.{number}"] + ".dcm" for patient in (0, 1) for number in range(12)} == names
    for name in ("p.csv", "u.csv", "site.key", "out-private/ledger.sqlite"):
        assert (whole / name).stat().st_mode & 0o077 == 0


def test_the_report_tells_every_action_and_no_value(whole: Path) -> None:
    text = (whole / "r.json").read_text()
    assert "owalczyk" not in text and NUMBER not in text and str(whole) not in text
    report = json.loads(text)
    assert report["summary"] == {
        **{"files": 24, "cleaned": 24, "held": 0, "repeated": 0, "held_by_reason": {}},
        **{"subjects": 2, "studies": 2, "series": 2},
    }
    for file in report["files"]:
        actions = report["action_sets"][file["actions"]]
        assert {"path", "action", "rule"} == set(actions[0])
        assert any(one["path"] == "PatientID" and one["action"] == "D" for one in actions)
        assert (whole / "out" / file["target"]).is_file()


def test_a_second_run_changes_nothing_and_other_processes_make_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (whole / "out").rglob("*.dcm")}
    assert run(whole / "in", whole / "out").returncode == 0
    assert {path: path.stat().st_mtime_ns for path in (whole / "out").rglob("*.dcm")} == before
    shutil.copy(whole / "site.key", tmp_path / "site.key")
    assert run(whole / "in", tmp_path / "out", "--jobs", "2").returncode == 0
    assert contents(tmp_path / "out") == contents(whole / "out")


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    shutil.copy(whole / "site.key", tmp_path / "site.key")
    out = tmp_path / "out"
    running = subprocess.Popen(command(whole / "in", out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and running.poll() is None and not list(out.rglob("*.dcm")):
        time.sleep(0.002)
    running.send_signal(signal.SIGKILL)
    running.wait()
    for name, written in contents(out).items():
        if not name.endswith(".part"):
            assert contents(whole / "out")[name] == written
    assert run(whole / "in", out).returncode == 0
    assert contents(out) == contents(whole / "out")


@pytest.mark.parametrize("room", [20_000, 1_000_000], ids=["for-no-ledger", "for-no-object"])
def test_a_full_disk_ends_the_run_with_a_reason_and_nothing_half_written(
    tmp_path: Path, whole: Path, room: int
) -> None:
    large = tmp_path / "in"
    large.mkdir()
    image = ct()
    image.Rows = image.Columns = 1024
    image.PixelData = bytes(2 << 20)
    image.save_as(large / "a")
    shutil.copy(whole / "site.key", tmp_path / "site.key")

    def no_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    told = subprocess.run(
        command(large, tmp_path / "out"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=no_room,
    )
    assert told.returncode != 0 and "same command again" in told.stderr.replace("\n", " ")
    assert [name for name in contents(tmp_path / "out") if name.endswith(".dcm")] == []
    assert run(large, tmp_path / "out").returncode == 0
    assert len(contents(tmp_path / "out")) == 1


def test_without_its_secret_nothing_starts_and_the_message_says_what_to_restore(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole / "out-private", tmp_path / "out-private")
    told = run(whole / "in", tmp_path / "out")
    assert told.returncode == 2 and "backup" in told.stderr and not (tmp_path / "out").exists()
    (tmp_path / "site.key").write_text(os.urandom(32).hex())
    told = run(whole / "in", tmp_path / "out")
    assert told.returncode == 5 and "another secret" in told.stderr and not (tmp_path / "out").exists()
    (tmp_path / "site.key").write_text("no secret")
    assert run(whole / "in", tmp_path / "out").returncode == 2


def test_a_dry_run_writes_no_object_and_tells_the_same(whole: Path, tmp_path: Path) -> None:
    shutil.copy(whole / "site.key", tmp_path / "site.key")
    assert run(whole / "in", tmp_path / "out", "--dry-run").returncode == 0
    assert not (tmp_path / "out").exists()
    assert json.loads((tmp_path / "r.json").read_text())["summary"]["cleaned"] == 24


def test_what_is_no_object_or_contradicts_another_is_held_with_a_reason(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    image = ct()
    image.save_as(source / "a")
    image.save_as(source / "b")
    image.PatientID = "another"
    image.save_as(source / "c")
    (source / "d.txt").write_text("Bronislava")
    (source / "e.dcm").write_bytes(bytes(128) + b"DICM" + b"\1\2\3\4" * 50)
    assert run(source, tmp_path / "out").returncode == 0
    report = json.loads((tmp_path / "r.json").read_text())
    told = {file["number"]: (file["outcome"], file["reason"]) for file in report["files"]}
    assert told[1] == ("cleaned", "") and told[2] == ("repeated", "site.same-file")
    assert told[3] == ("held", "site.same-uid")
    assert told[4][0] == told[5][0] == "held" and all(told[number][1] for number in (4, 5))


def test_a_lookup_table_gives_the_labels_and_must_know_everybody(whole: Path, tmp_path: Path) -> None:
    shutil.copy(whole / "site.key", tmp_path / "site.key")
    table = tmp_path / "subjects.csv"
    table.write_text(f"id_old,id_new,ClinicalTrialSiteID\n{NUMBER}0,LUNG-001,SITE-7\n")
    assert run(whole / "in", tmp_path / "out", "--subjects", str(table)).returncode == 0
    assert pydicom.dcmread(next((tmp_path / "out").rglob("*.dcm"))).ClinicalTrialSiteID == "SITE-7"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["LUNG-001"]
    reasons = json.loads((tmp_path / "r.json").read_text())["summary"]["held_by_reason"]
    assert reasons == {"deidentification.not-in-lookup": 12}
    table.write_text(f"id_old,id_new\n{NUMBER}0,../up\n")
    told = run(whole / "in", tmp_path / "out2", "--subjects", str(table))
    assert told.returncode == 2 and "Line 2" in told.stderr and NUMBER not in told.stderr


def test_source_and_destination_in_one_another_are_refused(whole: Path) -> None:
    before = contents(whole / "in")
    assert run(whole / "in", whole / "in" / "out").returncode == 5
    assert contents(whole / "in") == before


def test_an_identifier_of_one_object_is_taken_out_of_the_patients_others(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    image = ct()
    image.PatientID, image.OperatorsName = "7", "Zerbinetta^Ottokara"
    image.save_as(source / "a")
    del image.OperatorsName
    image.SeriesDescription = "Chest by Zerbinetta"
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    image.save_as(source / "b")
    mapping = deidentification.Mapping(bytes(32), "S-", "p", journal={})
    plan = site.Plan(source, tmp_path / "out", deidentification.profile_named("tcia"), mapping)
    ledger = site.Ledger(tmp_path / "private", {})
    assert site.deidentify_folder(plan, ledger) == {"cleaned": 2}
    assert all(b"erbinetta" not in written for written in contents(tmp_path / "out").values())
    assert any(b"Chest by" in written for written in contents(tmp_path / "out").values())


def test_files_beside_the_objects_are_cleaned_of_what_the_objects_tell(tmp_path: Path) -> None:
    source = plant(tmp_path / "in", patients=1, objects=1)
    (source / "bronislava.json").write_text('{"Manufacturer": "ACME", "Comment": "seen with Bronislava0 today"}')
    assert run(source, tmp_path / "out", "--accept", "text.free").returncode == 0
    found = contents(tmp_path / "out")
    files = [name for name in found if name.startswith("files/")]
    assert len(files) == 1 and "ronislava" not in files[0].casefold()
    assert b"ronislava" not in found[files[0]] and b"ACME" in found[files[0]]


def test_what_was_held_is_tried_again_once_the_table_knows_the_patient(whole: Path, tmp_path: Path) -> None:
    shutil.copy(whole / "site.key", tmp_path / "site.key")
    table = tmp_path / "subjects.csv"
    table.write_text(f"id_old,id_new\n{NUMBER}0,LUNG-001\n")
    assert run(whole / "in", tmp_path / "out", "--subjects", str(table)).returncode == 0
    table.write_text(f"id_old,id_new\n{NUMBER}0,LUNG-001\n{NUMBER}1,LUNG-002\n")
    told = run(whole / "in", tmp_path / "out", "--subjects", str(table))
    assert "24 cleaned, 0 held" in told.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"LUNG-001", "LUNG-002"}


def test_what_is_held_now_does_not_stay_from_an_earlier_run(tmp_path: Path) -> None:
    source = plant(tmp_path / "in", patients=1, objects=2)
    assert run(source, tmp_path / "out").returncode == 0
    assert len(contents(tmp_path / "out")) == 2
    changed = next(source.rglob("000"))
    changed.write_bytes(changed.read_bytes()[:-3000])
    assert "1 cleaned, 1 held" in run(source, tmp_path / "out").stdout
    assert len(contents(tmp_path / "out")) == 1


def test_a_dry_run_takes_nothing_away(tmp_path: Path) -> None:
    source = plant(tmp_path / "in", patients=1, objects=2)
    assert run(source, tmp_path / "out").returncode == run(source, tmp_path / "out", "--dry-run").returncode == 0
    changed = next(source.rglob("000"))
    changed.write_bytes(changed.read_bytes()[:-3000])
    assert run(source, tmp_path / "out", "--dry-run").returncode == 0
    assert len(contents(tmp_path / "out")) == 2


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--profile", "nope.toml"], "nope.toml"),
        (["--offsets", "nope.csv"], "nope.csv"),
        (["--uid-map", "nowhere/u.csv"], "nowhere"),
        (["--prefix", "../up"], "prefix"),
        (["--options", "bogus"], "option"),
    ],
)
def test_wrong_input_is_answered_in_words(tmp_path: Path, options: list[str], word: str) -> None:
    source = plant(tmp_path / "in", patients=1, objects=1)
    told = run(source, tmp_path / "out", *options)
    assert told.returncode == 2 and "Traceback" not in told.stderr
    assert told.stderr.startswith("invivo:") and word in told.stderr.replace("\n", "")
