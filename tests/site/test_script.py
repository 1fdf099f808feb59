"""A foreign script in the place of a profile: it runs, our proof runs on top, and nothing passes that it does not settle."""

import json
from pathlib import Path

import pydicom

from tests.site.test_folder import NUMBER, plant, run

SCRIPT = """<script>
<p t="UIDROOT">1.2.826.0.1.3680043.8.1</p>
<e en="T" t="00100010" n="PatientName">@integer(PatientID,ptid,4)</e>
<e en="T" t="00100020" n="PatientID">@lookup(this,ptid)</e>
<e en="T" t="00101002" n="OtherPatientIDsSequence">@remove()</e>
<e en="T" t="00080018" n="SOPInstanceUID">@hashuid(@UIDROOT,this)</e>
<e en="T" t="0020000D" n="StudyInstanceUID">@hashuid(@UIDROOT,this)</e>
<e en="T" t="0020000E" n="SeriesInstanceUID">@hashuid(@UIDROOT,this)</e>
<e en="T" t="00200052" n="FrameOfReferenceUID">@hashuid(@UIDROOT,this)</e>
<r en="T" t="privategroups"/>
</script>"""


def asked(folder: Path, script: str, lookup: str) -> list[str]:
    (folder / "rules.xml").write_text(script)
    (folder / "lookup.properties").write_text(lookup)
    return ["--script", str(folder / "rules.xml"), "--lookup", str(folder / "lookup.properties")]


def test_a_ctp_script_with_its_lookup_table_and_running_numbers(tmp_path: Path) -> None:
    plant(tmp_path / "in", patients=2, objects=2)
    known = f"ptid/{NUMBER}0=SITE-1\nptid/{NUMBER}1=SITE-2\n"
    told = run(tmp_path / "in", tmp_path / "out", *asked(tmp_path, SCRIPT, known))
    assert told.returncode == 0, told.stderr
    images = [pydicom.dcmread(path) for path in sorted((tmp_path / "out").rglob("*.dcm"))]
    assert {(image.PatientID, str(image.PatientName)) for image in images} == {("SITE-1", "0001"), ("SITE-2", "0002")}
    assert all("CTP anonymizer script" in str(image.DeidentificationMethod) for image in images)
    assert run(tmp_path / "in", tmp_path / "out", *asked(tmp_path, SCRIPT, known)).returncode == 0


def test_a_missing_lookup_key_holds_the_object(tmp_path: Path) -> None:
    plant(tmp_path / "in", patients=2, objects=1)
    told = run(tmp_path / "in", tmp_path / "out", *asked(tmp_path, SCRIPT, f"ptid/{NUMBER}0=SITE-1\n"))
    assert told.returncode == 0 and NUMBER not in told.stdout
    summary = json.loads((tmp_path / "r.json").read_text())["summary"]
    assert summary["cleaned"] == 1 and summary["held_by_reason"] == {"deidentification.script-lookup": 1}


def test_a_script_that_keeps_the_name_gets_nothing_through(tmp_path: Path) -> None:
    plant(tmp_path / "in", patients=1, objects=1)
    keeping = SCRIPT.replace("@integer(PatientID,ptid,4)", "@keep()")
    told = run(tmp_path / "in", tmp_path / "out", *asked(tmp_path, keeping, f"ptid/{NUMBER}0=SITE-1\n"))
    assert told.returncode == 0
    summary = json.loads((tmp_path / "r.json").read_text())["summary"]
    assert summary["cleaned"] == 0 and summary["held_by_reason"] == {"proof.leftover": 1}


def test_a_script_that_is_not_understood_starts_nothing_and_says_where(tmp_path: Path) -> None:
    plant(tmp_path / "in", patients=1, objects=1)
    broken = SCRIPT.replace("@lookup(this,ptid)", "@frobnicate(this)")
    told = run(tmp_path / "in", tmp_path / "out", *asked(tmp_path, broken, ""))
    assert told.returncode == 2 and "ine 4" in told.stderr.replace("\n", " ") and "frobnicate" in told.stderr
    assert not (tmp_path / "out").exists()
