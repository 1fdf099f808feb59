"""Gates at inspection, with real files: references resolve whatever comes first, and policy says how grave it is."""

import io
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from invivo import collections, reviews, submissions
from invivo.archive import Archive
from invivo.submissions.integrity import references_of, refers, resolved_meanwhile
from tests.factories import (
    SYSTEM,
    actor_named,
    advance_all,
    deliver,
    make_collection,
    make_image,
    make_person,
    make_submission,
    publish,
)

SHARED = Path(__file__).parents[3] / "shared" / "data" / "dicom" / "highdicom"


def seg() -> bytes:
    """A real segmentation of three slices."""
    path = get_testdata_file("liver_1frame.dcm", download=False)
    assert path
    return Path(str(path)).read_bytes()


def images_of_seg(patient: str = "", **attributes: object) -> list[bytes]:
    """Images that bear the UIDs to which the segmentation refers."""
    dataset = pydicom.dcmread(io.BytesIO(seg()), stop_before_pixels=True)
    item = dataset.ReferencedSeriesSequence[0]
    known = references_of(dataset.to_json_dict())[1]
    return [
        make_image(
            study=dataset.StudyInstanceUID,
            series=item.SeriesInstanceUID,
            patient=patient or dataset.PatientID,
            number=number,
            SOPInstanceUID=uid,
            **attributes,
        )
        for number, uid in enumerate(sorted(known), 1)
    ]


def send(archive: Archive, collection: collections.Collection, files: list[bytes]) -> None:
    deliver(archive, make_submission(archive, collection), files)
    advance_all(archive)


def found(archive: Archive, modality: str = "SEG") -> dict[str, str]:
    """Severity of the findings by code, in the series of a modality."""
    items = [one for one in reviews.queue(archive, SYSTEM, limit=100).items if one.modality == modality]
    return {finding.code: finding.severity for one in items for finding in reviews.findings_of(archive, one)}


def queued(archive: Archive) -> set[str]:
    with archive.database.transaction() as tx:
        rows = tx.execute("select args->>'key' as key from jobs.procrastinate_jobs where task_name = 'advance'")
        return {row.key for row in rows}


def test_a_segmentation_without_its_images_is_found(archive: Archive) -> None:
    send(archive, make_collection(archive), [seg()])
    assert found(archive)["reference.missing"] == "warning"


@pytest.mark.parametrize("is_seg_first", [True, False])
def test_references_resolve_in_any_order(archive: Archive, is_seg_first: bool) -> None:
    collection = make_collection(archive)
    parts = [[seg()], images_of_seg()]
    for part in parts if is_seg_first else reversed(parts):
        send(archive, collection, part)
    advance_all(archive)  # what the arrival queued
    assert "reference.missing" not in found(archive)
    with archive.database.transaction() as tx:
        assert tx.execute("select count(*) as n from quarantine.missing").fetchone() == (0,)


def test_the_arrival_of_an_image_queues_those_that_missed_it_and_nobody_else(archive: Archive) -> None:
    collection = make_collection(archive)
    send(archive, collection, [seg()])
    with archive.database.transaction() as tx:
        tx.execute("set local search_path = jobs, public")  # for procrastinate's own triggers
        tx.execute("delete from procrastinate_jobs")
        row = tx.execute("select series_id from quarantine.missing limit 1").fetchone()
    assert row is not None
    deliver(archive, make_submission(archive, collection), [make_image()])
    with archive.database.transaction() as tx:
        newest = tx.execute("select max(id) as id from quarantine.series").fetchone()
    assert newest is not None
    submissions.advance(archive, newest.id)
    assert str(row.series_id) not in queued(archive)
    deliver(archive, make_submission(archive, collection), images_of_seg()[:1])
    submissions.advance(archive, newest.id + 1)
    assert str(row.series_id) in queued(archive)


def test_part_of_the_images_is_not_enough(archive: Archive) -> None:
    collection = make_collection(archive)
    send(archive, collection, [seg()])
    send(archive, collection, images_of_seg()[:2])
    advance_all(archive)
    with archive.database.transaction() as tx:
        assert tx.execute("select count(*) as n from quarantine.missing").fetchone() == (1,)
    assert found(archive)["reference.missing"] == "warning"


def test_released_images_count(archive: Archive) -> None:
    collection = make_collection(archive)
    publish(archive, collection, images_of_seg())
    send(archive, collection, [seg()])
    assert "reference.missing" not in found(archive)


@pytest.mark.parametrize(("strictness", "severity"), [("allow", "info"), ("warn", "warning"), ("hold", "hold")])
def test_policy_says_how_grave_a_missing_object_is(archive: Archive, strictness: str, severity: str) -> None:
    collection = make_collection(archive)
    submissions.set_gates(archive, SYSTEM, collection.id, strictness, "warn", [])
    send(archive, collection, [seg()])
    assert found(archive)["reference.missing"] == severity


def test_a_missing_reference_holds_what_would_be_released_on_receipt(archive: Archive) -> None:
    collection = make_collection(archive, review_rule="on-receipt")
    submissions.set_gates(archive, SYSTEM, collection.id, "hold", "warn", [])
    send(archive, collection, [seg()])
    assert [one.state for one in reviews.queue(archive, SYSTEM).items] == ["open"]


def test_what_others_made_of_released_images_keeps_their_uids_and_subject(archive: Archive) -> None:
    images = make_collection(archive, "IMAGES")
    publish(archive, images, images_of_seg())
    with archive.database.transaction() as tx:
        rows = tx.execute(
            "select i.digest from images.instance i where upper_inf(i.releases) order by i.number"
        ).fetchall()
    published = [pydicom.dcmread(archive.objects.place(row.digest).path) for row in rows]
    results = make_collection(archive, "RESULTS")
    submissions.set_gates(archive, SYSTEM, results.id, "hold", "warn", ["IMAGES"])
    send(archive, results, [seg_of(published)])
    assert "reference.missing" not in found(archive)
    with archive.database.transaction() as tx:
        row = tx.execute("select clean_digest from quarantine.object where collection_id = %s", [results.id]).fetchone()
    assert row is not None
    made = pydicom.dcmread(archive.held.place(row.clean_digest).path)
    assert made.PatientID == published[0].PatientID
    assert made.StudyInstanceUID == published[0].StudyInstanceUID
    assert made.StudyDate == published[0].StudyDate
    said = {item.ReferencedSOPInstanceUID for item in made.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    assert said == {one.SOPInstanceUID for one in published}


def seg_of(published: list[pydicom.Dataset]) -> bytes:
    """The segmentation as somebody makes it of the published images."""
    dataset = pydicom.dcmread(io.BytesIO(seg()))
    names = dict(
        zip(sorted(references_of(dataset.to_json_dict())[1]), (one.SOPInstanceUID for one in published), strict=True)
    )
    names[dataset.ReferencedSeriesSequence[0].SeriesInstanceUID] = published[0].SeriesInstanceUID

    def renamed(level: pydicom.Dataset, element: pydicom.DataElement) -> None:
        if element.VR == "UI" and str(element.value) in names:
            element.value = names[str(element.value)]

    dataset.walk(renamed)
    for keyword in ("PatientID", "StudyInstanceUID", "StudyDate"):
        setattr(dataset, keyword, published[0][keyword].value)
    dataset.PatientName = dataset.PatientID
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def test_images_released_in_a_named_collection_later_are_noticed(archive: Archive) -> None:
    images, results = make_collection(archive, "IMAGES"), make_collection(archive, "RESULTS")
    submissions.set_gates(archive, SYSTEM, results.id, "warn", "warn", ["IMAGES"])
    publish(archive, images, images_of_seg())
    with archive.database.transaction() as tx:
        uid = tx.execute("select uid from images.instance limit 1").fetchone()
    assert uid is not None
    send(archive, results, [seg()])
    with archive.database.transaction() as tx:
        assert resolved_meanwhile(tx) == []
        tx.execute(
            "update quarantine.missing set sop_uid = %s where sop_uid = (select min(sop_uid) from quarantine.missing)",
            [uid.uid],
        )
        assert len(resolved_meanwhile(tx)) == 1


def test_a_study_released_as_another_subjects_is_held(archive: Archive) -> None:
    collection = make_collection(archive)
    study = generate_uid()
    publish(archive, collection, [make_image(study=study, patient="P-1")])
    send(archive, collection, [make_image(study=study, patient="P-2")])
    assert found(archive, "CT")["study.other-subject-released"] == "hold"


def test_a_series_in_two_studies_is_held(archive: Archive) -> None:
    collection = make_collection(archive)
    series = generate_uid()
    send(archive, collection, [make_image(series=series)])
    send(archive, collection, [make_image(series=series)])
    assert found(archive, "CT")["uid.series-in-two-studies"] == "hold"


def test_an_object_that_is_released_in_another_series_is_held(archive: Archive) -> None:
    collection = make_collection(archive)
    uid, study = generate_uid(), generate_uid()
    publish(archive, collection, [make_image(study=study, SOPInstanceUID=uid)])
    with archive.database.transaction() as tx:
        tx.execute("update quarantine.object set sop_uid = 'forgotten' where state = 'released'")
    send(archive, collection, [make_image(study=study, SOPInstanceUID=uid)])
    assert found(archive, "CT")["uid.in-other-series"] == "hold"


@pytest.mark.parametrize(("strictness", "severity"), [("allow", "info"), ("warn", "warning"), ("hold", "hold")])
def test_policy_says_how_grave_a_missing_attribute_is(archive: Archive, strictness: str, severity: str) -> None:
    collection = make_collection(archive)
    submissions.set_gates(archive, SYSTEM, collection.id, "warn", strictness, [])
    send(archive, collection, [make_image(ImageType=None, Rows=None)])
    codes = found(archive, "CT")
    assert {codes[code] for code in codes if code in ("conformance.missing", "conformance.empty")} == {severity}


def test_a_changed_policy_has_what_waits_looked_at_again(archive: Archive) -> None:
    collection = make_collection(archive)
    send(archive, collection, [seg()])
    assert submissions.set_gates(archive, SYSTEM, collection.id, "hold", "warn", []) == 1
    advance_all(archive)
    assert found(archive)["reference.missing"] == "hold"


def test_only_an_owner_sets_policy(archive: Archive) -> None:
    collection = make_collection(archive)
    make_person(archive, "cora", "curator")
    with pytest.raises(Exception, match="owner"):
        submissions.set_gates(archive, actor_named(archive, "cora"), collection.id, "hold", "hold", [])


@pytest.mark.skipif(not SHARED.is_dir(), reason="shared data are not here")
@pytest.mark.parametrize("is_seg_first", [True, False])
def test_a_real_pair_of_image_and_segmentation_resolves(archive: Archive, is_seg_first: bool) -> None:
    collection = make_collection(archive)
    names = ["seg_image_ct_binary_single_frame.dcm", "ct_image.dcm"]
    for name in names if is_seg_first else reversed(names):
        send(archive, collection, [(SHARED / name).read_bytes()])
        if is_seg_first and name.startswith("seg"):
            assert "reference.missing" in found(archive)
    advance_all(archive)
    assert "SEG" in {one.modality for one in reviews.queue(archive, SYSTEM).items}
    assert "reference.missing" not in found(archive)


@pytest.mark.parametrize("name", ["test-SR.dcm", "rtplan.dcm", "liver_1frame.dcm"])
def test_references_of_real_files_are_objects_only(name: str) -> None:
    dataset = pydicom.dcmread(str(get_testdata_file(name, download=False)), stop_before_pixels=True)
    assert refers(str(dataset.SOPClassUID))
    _, objects = references_of(dataset.to_json_dict())
    studies = {str(item.ReferencedSOPInstanceUID) for item in dataset.get("ReferencedStudySequence", [])}
    assert objects
    assert not objects & (studies | {str(dataset.SOPInstanceUID)})


def test_plain_images_are_not_asked_for_their_localizers() -> None:
    assert not refers("1.2.840.10008.5.1.4.1.1.2")
    assert not refers("1.2.840.10008.5.1.4.1.1.4")
