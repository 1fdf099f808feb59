"""Series moved to another subject or study: shown before, made anew from originals, followed by references, undone."""

import io
import threading

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from invivo import collections, releases, reviews, submissions
from invivo.archive import Archive
from tests.factories import (
    SYSTEM,
    actor_named,
    advance_all,
    approve_all,
    deliver,
    make_collection,
    make_image,
    make_person,
    make_series,
    make_submission,
)
from tests.submissions.test_integrity import images_of_seg, seg

STUDY, OTHER = "1.2.826.0.1.3680043.8.498.1", "1.2.826.0.1.3680043.8.498.2"


def hold(archive: Archive, files: list[bytes], short_name: str = "LUNG-1") -> collections.Collection:
    collection = make_collection(archive, short_name)
    deliver(archive, make_submission(archive, collection), files)
    advance_all(archive)
    return collection


def series(archive: Archive, collection: collections.Collection) -> list[submissions.Movable]:
    return sorted(submissions.movable_of(archive, SYSTEM, collection.id), key=lambda one: one.id)


def objects(archive: Archive, *ids: int) -> list[Dataset]:
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select clean_digest from quarantine.object where state = 'cleaned' and series_id = any (%s) order by id",
            [list(ids)],
        ).fetchall()
    return [pydicom.dcmread(archive.held.place(row.clean_digest).path) for row in found]


def decide(archive: Archive, collection: collections.Collection, kind: str, ids: list[int], **more: object) -> int:
    wanted = submissions.Wanted(kind, tuple(ids), **more)  # type: ignore[arg-type]
    number = submissions.move(archive, SYSTEM, collection.id, wanted)
    advance_all(archive)
    return number


def codes(archive: Archive) -> set[str]:
    items = reviews.queue(archive, SYSTEM, limit=100).items
    return {finding.code for one in items for finding in reviews.findings_of(archive, one)}


def test_a_study_goes_to_another_subject_with_its_dates(archive: Archive) -> None:
    collection = hold(archive, [*make_series(2, patient="P-1"), *make_series(1, patient="P-2")])
    first, second = series(archive, collection)
    (target,) = objects(archive, second.id)
    wanted = submissions.Wanted("subject", (first.id,), subject_label=second.subject_label)
    seen = submissions.preview_move(archive, SYSTEM, collection.id, wanted)
    assert (seen.objects, seen.is_new_subject, seen.shifts_as_target, seen.reasons) == (2, False, True, ())
    before = objects(archive, first.id)
    assert before[0].StudyDate != target.StudyDate
    decide(archive, collection, "subject", [first.id], subject_label=second.subject_label)
    moved = objects(archive, first.id)
    assert {one.PatientID for one in moved} == {second.subject_label}
    assert {one.StudyDate for one in moved} == {target.StudyDate}  # the same day at the site
    assert [one.SOPInstanceUID for one in moved] == [one.SOPInstanceUID for one in before]
    assert {one.subject_label for one in series(archive, collection)} == {second.subject_label}


def test_a_mixed_study_is_told_and_split(archive: Archive) -> None:
    files = [*make_series(1, study=STUDY, patient="P-1"), *make_series(1, study=STUDY, patient="P-2")]
    collection = hold(archive, files)
    advance_all(archive)
    assert "study.mixed-subjects" in codes(archive)
    first, second = series(archive, collection)
    decide(archive, collection, "split", [second.id])
    advance_all(archive)
    assert "study.mixed-subjects" not in codes(archive)
    studies = [objects(archive, one.id)[0].StudyInstanceUID for one in (first, second)]
    assert studies[0] == first.study_uid
    assert studies[1] != first.study_uid
    assert {one.study_uid for one in series(archive, collection)} == set(studies)


def test_the_same_split_gives_the_same_uid_again(archive: Archive) -> None:
    collection = hold(archive, [*make_series(1, study=STUDY), *make_series(1, study=STUDY)])
    _, second = series(archive, collection)
    made = []
    for _ in range(2):
        number = decide(archive, collection, "split", [second.id])
        made.append(objects(archive, second.id)[0].StudyInstanceUID)
        submissions.undo_move(archive, SYSTEM, collection.id, number)
        advance_all(archive)
    assert made[0] == made[1] != second.study_uid
    assert objects(archive, second.id)[0].StudyInstanceUID == second.study_uid


def test_studies_of_a_patient_are_merged_with_what_a_study_shares(archive: Archive) -> None:
    files = [
        *make_series(2, study=STUDY, StudyDescription="CHEST", StudyDate="20200102"),
        *make_series(1, study=OTHER, StudyDescription="CHEST LATE", StudyDate="20200301"),
    ]
    collection = hold(archive, files)
    first, second = series(archive, collection)
    decide(archive, collection, "merge", [second.id], into_series=first.id)
    target, moved = objects(archive, first.id)[0], objects(archive, second.id)[0]
    for keyword in ("StudyInstanceUID", "StudyDate", "StudyTime", "StudyDescription", "StudyID", "AccessionNumber"):
        assert moved.get(keyword) == target.get(keyword), keyword
    assert moved.SeriesInstanceUID == second.series_uid


def test_undoing_brings_the_same_bytes_back(archive: Archive) -> None:
    collection = hold(archive, [*make_series(2, patient="P-1"), *make_series(1, patient="P-2")])
    first, second = series(archive, collection)

    def digests() -> list[str]:
        with archive.database.transaction() as tx:
            return [row[0] for row in tx.execute("select clean_digest from quarantine.object order by id")]

    before = digests()
    number = decide(archive, collection, "subject", [first.id], subject_label=second.subject_label)
    assert digests() != before
    assert submissions.undo_move(archive, SYSTEM, collection.id, number) == 2
    assert [one.subject_label for one in series(archive, collection)] == [first.subject_label, second.subject_label]
    advance_all(archive)
    assert digests() == before
    with pytest.raises(submissions.CannotMove, match="already"):
        submissions.undo_move(archive, SYSTEM, collection.id, number)


def test_what_comes_later_of_a_moved_series_goes_along(archive: Archive) -> None:
    uid, study = generate_uid(), generate_uid()
    collection = hold(archive, [make_image(study=study, series=uid), *make_series(1, patient="P-2")])
    first, second = series(archive, collection)
    decide(archive, collection, "subject", [first.id], subject_label=second.subject_label)
    deliver(archive, make_submission(archive, collection), [make_image(study=study, series=uid, number=2)])
    advance_all(archive)
    later = series(archive, collection)[-1]
    assert objects(archive, later.id)[0].PatientID == second.subject_label


def test_parts_of_a_series_from_other_deliveries_move_too(archive: Archive) -> None:
    uid = generate_uid()
    collection = hold(archive, [make_image(study=STUDY, series=uid), *make_series(1, study=STUDY)])
    deliver(archive, make_submission(archive, collection), [make_image(study=STUDY, series=uid, number=2)])
    advance_all(archive)
    first = series(archive, collection)[0]
    wanted = submissions.Wanted("split", (first.id,))
    assert len(submissions.preview_move(archive, SYSTEM, collection.id, wanted).series) == 2


def test_references_by_study_follow_a_split_series(archive: Archive) -> None:
    collection = hold(archive, [*images_of_seg(), *make_series(1, study=study_of_seg(), patient="99000")])
    deliver(archive, make_submission(archive, collection), [report_on(images_of_seg())])
    advance_all(archive)
    images = next(one for one in series(archive, collection) if one.modality == "CT" and one.objects == 3)
    speaking = next(one for one in series(archive, collection) if one.modality == "SR")
    assert evidence(objects(archive, speaking.id)[0]) == {images.series_uid: images.study_uid}
    seen = submissions.preview_move(archive, SYSTEM, collection.id, submissions.Wanted("split", (images.id,)))
    assert seen.following == 1
    number = decide(archive, collection, "split", [images.id])
    (moved,) = {one.StudyInstanceUID for one in objects(archive, images.id)}
    said = objects(archive, speaking.id)[0]
    assert said.StudyInstanceUID == images.study_uid != moved
    assert evidence(said) == {images.series_uid: moved}
    submissions.undo_move(archive, SYSTEM, collection.id, number)
    advance_all(archive)
    assert evidence(objects(archive, speaking.id)[0]) == {images.series_uid: images.study_uid}


def test_a_moved_report_still_names_the_study_of_the_images_left_behind(archive: Archive) -> None:
    collection = hold(archive, images_of_seg())
    deliver(archive, make_submission(archive, collection), [report_on(images_of_seg())])
    advance_all(archive)
    images, speaking = series(archive, collection)
    decide(archive, collection, "split", [speaking.id])
    said = objects(archive, speaking.id)[0]
    assert said.StudyInstanceUID != images.study_uid
    assert evidence(said) == {images.series_uid: images.study_uid}


def study_of_seg() -> str:
    return str(pydicom.dcmread(io.BytesIO(seg()), stop_before_pixels=True).StudyInstanceUID)


def evidence(dataset: Dataset) -> dict[str, str]:
    """Study by series, as a report's evidence names them."""
    return {
        str(one.SeriesInstanceUID): str(item.StudyInstanceUID)
        for item in dataset.CurrentRequestedProcedureEvidenceSequence
        for one in item.ReferencedSeriesSequence
    }


def report_on(files: list[bytes]) -> bytes:
    """A real structured report, made to speak of images."""
    images = [pydicom.dcmread(io.BytesIO(one), stop_before_pixels=True) for one in files]
    dataset = pydicom.dcmread(str(get_testdata_file("test-SR.dcm", download=False)))
    objects_said = []
    for one in images:
        said = Dataset()
        said.ReferencedSOPClassUID, said.ReferencedSOPInstanceUID = one.SOPClassUID, one.SOPInstanceUID
        objects_said.append(said)
    of_series, of_study = Dataset(), Dataset()
    of_series.SeriesInstanceUID, of_series.ReferencedSOPSequence = images[0].SeriesInstanceUID, objects_said
    of_study.StudyInstanceUID, of_study.ReferencedSeriesSequence = images[0].StudyInstanceUID, [of_series]
    dataset.CurrentRequestedProcedureEvidenceSequence = [of_study]
    dataset.StudyInstanceUID, dataset.PatientID = images[0].StudyInstanceUID, images[0].PatientID
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def refused(archive: Archive, collection: collections.Collection, kind: str, ids: list[int], **more: object) -> str:
    wanted = submissions.Wanted(kind, tuple(ids), **more)  # type: ignore[arg-type]
    with pytest.raises(submissions.CannotMove) as told:
        submissions.move(archive, SYSTEM, collection.id, wanted)
    assert submissions.preview_move(archive, SYSTEM, collection.id, wanted).reasons == told.value.reasons
    return " ".join(told.value.reasons)


def test_half_a_study_does_not_go_to_another_subject(archive: Archive) -> None:
    files = [*make_series(1, study=STUDY), *make_series(1, study=STUDY), *make_series(1, patient="P-2")]
    collection = hold(archive, files)
    first, _, other = series(archive, collection)
    told = refused(archive, collection, "subject", [first.id], subject_label=other.subject_label)
    assert "two subjects" in told


def test_studies_of_two_patients_are_not_merged(archive: Archive) -> None:
    collection = hold(archive, [*make_series(1), *make_series(1, patient="P-2")])
    first, second = series(archive, collection)
    assert "different subjects" in refused(archive, collection, "merge", [second.id], into_series=first.id)


def test_a_whole_study_is_not_split(archive: Archive) -> None:
    collection = hold(archive, make_series(1))
    assert "nothing to split" in refused(archive, collection, "split", [series(archive, collection)[0].id])


def test_what_is_decided_on_is_not_moved(archive: Archive) -> None:
    collection = hold(archive, [*make_series(1, study=STUDY), *make_series(1, study=STUDY)])
    approve_all(archive)
    assert "decision back" in refused(archive, collection, "split", [series(archive, collection)[0].id])


def test_a_released_move_is_not_undone(archive: Archive) -> None:
    collection = hold(archive, [*make_series(1, study=STUDY), *make_series(1, study=STUDY)])
    _, second = series(archive, collection)
    number = decide(archive, collection, "split", [second.id])
    approve_all(archive)
    releases.publish(archive, SYSTEM, collection.id, "for a test")
    with pytest.raises(submissions.CannotMove, match="released"):
        submissions.undo_move(archive, SYSTEM, collection.id, number)
    with archive.database.transaction() as tx:
        assert tx.execute("select count(distinct uid) as n from images.study").fetchone() == (2,)


@pytest.mark.parametrize("label", ["", "MRN 12345", "LUNG-1-^", "LUNG-1-" + "x" * 80, "LUNG-1-\n"])
def test_a_new_label_has_the_form_of_the_collections(archive: Archive, label: str) -> None:
    collection = hold(archive, make_series(1))
    assert "label" in refused(archive, collection, "subject", [series(archive, collection)[0].id], subject_label=label)


def test_a_new_subject_keeps_the_dates_and_is_told_as_new(archive: Archive) -> None:
    collection = hold(archive, make_series(1))
    (one,) = series(archive, collection)
    wanted = submissions.Wanted("subject", (one.id,), subject_label="LUNG-1-NEW")
    seen = submissions.preview_move(archive, SYSTEM, collection.id, wanted)
    assert (seen.is_new_subject, seen.shifts_as_target) == (True, False)
    before = objects(archive, one.id)[0].StudyDate
    decide(archive, collection, "subject", [one.id], subject_label="LUNG-1-NEW")
    assert objects(archive, one.id)[0].StudyDate == before


def test_the_later_move_is_undone_first(archive: Archive) -> None:
    collection = hold(archive, [*make_series(1, study=STUDY), *make_series(1, study=STUDY)])
    _, second = series(archive, collection)
    first_move = decide(archive, collection, "split", [second.id])
    later = decide(archive, collection, "subject", [second.id], subject_label="LUNG-1-NEW")
    with pytest.raises(submissions.CannotMove, match=f"Move {later}"):
        submissions.undo_move(archive, SYSTEM, collection.id, first_move)


def test_series_of_another_collection_are_not_reached_by_their_numbers(archive: Archive) -> None:
    first = hold(archive, make_series(1))
    second = hold(archive, make_series(1), "BRAIN-1")
    (foreign,) = series(archive, second)
    with pytest.raises(Exception, match="not held here"):
        submissions.move(archive, SYSTEM, first.id, submissions.Wanted("split", (foreign.id,)))
    make_person(archive, "bob")
    with pytest.raises(Exception, match="curators"):
        submissions.movable_of(archive, actor_named(archive, "bob"), first.id)


def test_rules_that_map_nothing_move_nothing(archive: Archive) -> None:
    collection = make_collection(archive, profile="verify")
    deliver(archive, make_submission(archive, collection), [*make_series(1, study=STUDY), *make_series(1, study=STUDY)])
    advance_all(archive)
    found = series(archive, collection)
    assert "map no subjects" in refused(archive, collection, "split", [found[0].id])


def test_the_journal_tells_moves(archive: Archive) -> None:
    collection = hold(archive, [*make_series(1, study=STUDY), *make_series(1, study=STUDY)])
    number = decide(archive, collection, "split", [series(archive, collection)[1].id])
    submissions.undo_move(archive, SYSTEM, collection.id, number)
    with archive.database.transaction() as tx:
        verbs = {row.verb for row in tx.execute("select verb from audit.entry where verb like 'move.%'")}
    assert verbs == {"move.split", "move.undo"}
    (one,) = submissions.moves_of(archive, SYSTEM, collection.id)
    assert one.undone_by == SYSTEM.name


def test_a_move_waits_for_a_decision_that_is_just_made_and_is_told_of_it(archive: Archive) -> None:
    collection = hold(archive, [*make_series(1, study=STUDY), *make_series(1, study=STUDY)])
    _, second = series(archive, collection)
    told: list[BaseException] = []

    def go() -> None:
        try:
            submissions.move(archive, SYSTEM, collection.id, submissions.Wanted("split", (second.id,)))
        except submissions.CannotMove as error:
            told.append(error)

    other = threading.Thread(target=go)
    with archive.database.transaction() as tx:
        tx.execute("update quarantine.object set state = 'cleared' where series_id = %s", [second.id])
        other.start()
        other.join(0.5)
        assert other.is_alive()
    other.join(10)
    assert "decision back" in str(told[0])
    assert submissions.moves_of(archive, SYSTEM, collection.id) == []
