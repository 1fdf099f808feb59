"""C-FIND with real users: pynetdicom's and DCMTK's."""

import shutil
import subprocess
import time
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_context
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
)

from invivo.protocols import dimse
from invivo.protocols.dimse import query
from tests.protocols.conftest import Released
from tests.protocols.dimse.conftest import Door, with_dimse

STUDY_ROOT, PATIENT_ROOT = StudyRootQueryRetrieveInformationModelFind, PatientRootQueryRetrieveInformationModelFind


def identifier(level: str, **keys: Any) -> Dataset:
    made = Dataset()
    made.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(made, keyword, value)
    return made


def ask(
    port: int, asked: Dataset, model: str = STUDY_ROOT, *, relational: bool = False, syntax: str = "1.2.840.10008.1.2"
) -> tuple[int, list[Dataset]]:
    extended = []
    if relational:
        item = SOPClassExtendedNegotiation()
        item.sop_class_uid, item.service_class_application_information = model, b"\x01"
        extended.append(item)
    association = AE("ASKER").associate("127.0.0.1", port, [build_context(model, syntax)], ext_neg=extended)
    assert association.is_established
    answers = list(association.send_c_find(asked, model))
    association.release()
    return answers[-1][0].Status, [found for _, found in answers if found is not None]


def test_a_study_is_found_with_its_totals(door: Door, released: Released) -> None:
    uid = released.series["SLICES"].study_uid
    asked = identifier(
        "STUDY",
        StudyInstanceUID=uid,
        PatientID="",
        ModalitiesInStudy="",
        NumberOfStudyRelatedSeries="",
        NumberOfStudyRelatedInstances="",
        PatientBirthDate="",
    )
    status, found = ask(door.port, asked)
    assert status == 0 and len(found) == 1
    study = found[0]
    assert study.StudyInstanceUID == uid
    assert (study.NumberOfStudyRelatedSeries, study.NumberOfStudyRelatedInstances) == (1, 5)
    assert study.ModalitiesInStudy == "CT"
    assert study.RetrieveAETitle == "INVIVO" and study.SpecificCharacterSet == "ISO_IR 192"
    assert "PatientBirthDate" in study and "StudyDescription" not in study


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
def test_every_plain_syntax_is_spoken(door: Door, released: Released, syntax: str) -> None:
    uid = released.series["CT"].study_uid
    status, found = ask(door.port, identifier("STUDY", StudyInstanceUID=uid), syntax=syntax)
    assert status == 0 and [one.StudyInstanceUID for one in found] == [uid]


@pytest.mark.parametrize("name", ["s-1", "S-*", "s-?", "*1"])
def test_names_match_by_wildcard_and_without_case(door: Door, released: Released, name: str) -> None:
    label = released.series["SLICES"].subject
    pattern = {"s-1": label.lower(), "S-*": label[:2].lower() + "*", "s-?": label[:-1] + "?", "*1": "*" + label[-1]}
    status, found = ask(door.port, identifier("STUDY", PatientName=pattern[name], StudyInstanceUID=""))
    assert status == 0
    assert released.series["SLICES"].study_uid in [one.StudyInstanceUID for one in found]


def test_what_only_registered_people_may_know_is_found_as_qido_finds_it(door: Door, released: Released) -> None:
    status, found = ask(door.port, identifier("STUDY", StudyInstanceUID=""))
    assert status == 0
    assert len({one.StudyInstanceUID for one in found}) == len(found) >= len(released.series) - 1


def test_dates_match_by_range(door: Door, released: Released) -> None:
    row = released.series["SLICES"]
    day = row.study_date.strftime("%Y%m%d")
    for wanted, is_there in ((day, True), (f"{day}-", True), (f"-{day}", True), ("19000101-19000102", False)):
        _, found = ask(door.port, identifier("STUDY", StudyDate=wanted, StudyInstanceUID=""))
        assert (row.study_uid in [one.StudyInstanceUID for one in found]) is is_there, wanted


def test_lists_of_uids_match_any(door: Door, released: Released) -> None:
    uids = [released.series[name].study_uid for name in ("CT", "MR")]
    _, found = ask(door.port, identifier("STUDY", StudyInstanceUID=uids))
    assert {one.StudyInstanceUID for one in found} == set(uids)


def test_a_modality_narrows_studies_but_not_their_totals(door: Door, released: Released) -> None:
    _, found = ask(door.port, identifier("STUDY", ModalitiesInStudy="MR", StudyInstanceUID=""))
    assert released.series["MR"].study_uid in [one.StudyInstanceUID for one in found]
    assert released.series["CT"].study_uid not in [one.StudyInstanceUID for one in found]


def test_a_patient_is_found_with_totals(door: Door, released: Released) -> None:
    label = released.series["SLICES"].subject
    asked = identifier("PATIENT", PatientID=label, NumberOfPatientRelatedInstances="", PatientSex="")
    status, found = ask(door.port, asked, PATIENT_ROOT)
    assert status == 0 and len(found) == 1
    assert found[0].NumberOfPatientRelatedInstances == 5


def test_instances_are_found_by_any_attribute_of_their_header(door: Door, released: Released) -> None:
    row = released.series["SLICES"]
    place = {"StudyInstanceUID": row.study_uid, "SeriesInstanceUID": row.series_uid}
    asked = identifier("IMAGE", **place, SOPInstanceUID="", InstanceNumber="", ImageType="", Rows="", RescaleSlope="")
    status, found = ask(door.port, asked)
    assert status == 0 and len(found) == 5
    assert sorted(one.InstanceNumber for one in found) == [1, 2, 3, 4, 5]
    assert {one.Rows for one in found} == {16} and {str(one.RescaleSlope) for one in found} == {"1"}
    _, one = ask(door.port, identifier("IMAGE", **place, InstanceNumber="3", SOPInstanceUID=""))
    assert [each.InstanceNumber for each in one] == [3]
    _, none = ask(door.port, identifier("IMAGE", **place, RescaleSlope="7", SOPInstanceUID=""))
    assert none == []


def test_sequences_match_inside_their_items(door: Door, released: Released) -> None:
    row = released.series["SR"]
    place = {"StudyInstanceUID": row.study_uid, "SeriesInstanceUID": row.series_uid, "SOPInstanceUID": ""}
    inner = Dataset()
    inner.CodeValue = "*"
    inner.CodeMeaning = ""
    _, whole = ask(door.port, identifier("IMAGE", **place, ConceptNameCodeSequence=[inner]))
    assert len(whole) == 1
    meaning = whole[0].ConceptNameCodeSequence[0].CodeMeaning
    for wanted, count in ((meaning, 1), (meaning[:3] + "*", 1), ("no such meaning", 0)):
        asked = Dataset()
        asked.CodeMeaning = wanted
        _, found = ask(door.port, identifier("IMAGE", **place, ConceptNameCodeSequence=[asked]))
        assert len(found) == count, wanted


def test_hierarchical_queries_need_the_keys_above_and_relational_ones_do_not(door: Door, released: Released) -> None:
    row = released.series["CT"]
    asked = identifier("SERIES", SeriesInstanceUID=row.series_uid)
    assert ask(door.port, asked) == (0xA900, [])
    status, found = ask(door.port, asked, relational=True)
    assert status == 0 and [one.SeriesInstanceUID for one in found] == [row.series_uid]


@pytest.mark.parametrize("level", ["", "PATIENT", "WORKLIST"])
def test_a_level_that_the_model_lacks_is_refused(door: Door, level: str) -> None:
    assert ask(door.port, identifier(level, PatientID="")) == (0xA900, [])


def test_too_many_answers_end_with_out_of_resources(released: Released) -> None:
    server = dimse.start(with_dimse(released.archive, most_answers=2), "127.0.0.1", 0)
    status, found = ask(server.server_address[1], identifier("STUDY", StudyInstanceUID=""))
    server.shutdown()
    assert status == 0xA700 and len(found) == 2


def test_a_cancelled_query_ends_so(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "ANSWERS_AT_ONCE", 1)
    slowly = query._written

    def written(*given: Any) -> list[bytes]:
        time.sleep(0.1)
        return slowly(*given)

    monkeypatch.setattr(query, "_written", written)
    association = AE().associate("127.0.0.1", door.port, [build_context(STUDY_ROOT)])
    statuses = []
    for status, _ in association.send_c_find(identifier("STUDY", StudyInstanceUID=""), STUDY_ROOT):
        if not statuses:
            association.send_c_cancel(1, query_model=STUDY_ROOT)
        statuses.append(status.Status)
    association.release()
    assert statuses[-1] == 0xFE00 and len(statuses) < 8


@pytest.mark.skipif(not shutil.which("findscu"), reason="DCMTK is not installed")
def test_dcmtk_finds(door: Door, released: Released) -> None:
    uid = released.series["CT"].study_uid
    command = ["findscu", "-v", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={uid}"]
    command += ["-k", "ModalitiesInStudy", "127.0.0.1", str(door.port)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Pending" in found.stderr + found.stdout and uid in found.stderr + found.stdout
