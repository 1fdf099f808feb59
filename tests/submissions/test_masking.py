"""What a curator draws over a held series is hidden in it, nothing else changes, and nothing goes out before it is done."""

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pydicom.data
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from invivo import (
    accounts,
    audit,
    collections,
    deidentification,
    dicom,
    images,
    quarantine,
    reviews,
    storage,
    submissions,
)
from invivo.archive import Archive
from invivo.errors import Conflict
from invivo.submissions import hiding
from tests.factories import (
    SYSTEM,
    actor_named,
    advance_all,
    deliver,
    make_collection,
    make_person,
    make_series,
    make_submission,
    publish,
)

BOX = (2, 3, 5, 4)


@pytest.fixture
def submission(archive: Archive) -> submissions.Submission:
    return make_submission(archive, make_collection(archive))


def hold(archive: Archive, submission: submissions.Submission, files: list[bytes]) -> reviews.Item:
    deliver(archive, submission, files)
    advance_all(archive)
    return newest(archive)


def newest(archive: Archive) -> reviews.Item:
    return list(reviews.queue(archive, SYSTEM, limit=100).items)[-1]


def sample(name: str, **attributes: Any) -> bytes:
    """A real object of pydicom's as a new instance."""
    path = pydicom.data.get_testdata_file(name, download=False)
    assert isinstance(path, str)
    dataset = pydicom.dcmread(path)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def first_frames(name: str, count: int) -> bytes:
    """The first frames of a compressed sample."""
    dataset = pydicom.dcmread(io.BytesIO(sample(name)))
    frames = list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=dataset.NumberOfFrames))
    dataset.PixelData, dataset.NumberOfFrames = pydicom.encaps.encapsulate(frames[:count]), count
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def objects(archive: Archive, item: reviews.Item) -> list[quarantine.HeldObject]:
    return reviews.objects_of_item(archive, item)


def clean(archive: Archive, held: quarantine.HeldObject) -> Dataset:
    return pydicom.dcmread(reviews.file_of(archive, held))


def pixels(archive: Archive, held: quarantine.HeldObject) -> NDArray[Any]:
    """The pixels with the frames first."""
    dataset = clean(archive, held)
    array = dataset.pixel_array
    return array if int(dataset.get("NumberOfFrames") or 1) > 1 else array[np.newaxis]


def apply(archive: Archive, item: reviews.Item, *more: Any) -> None:
    submissions.mask(archive, SYSTEM, item.id, *more)
    submissions.apply_masks(archive, item.series_id)
    advance_all(archive)


def codes(dataset: Dataset) -> list[str]:
    return [str(one.CodeValue) for one in dataset.DeidentificationMethodCodeSequence]


@pytest.mark.parametrize(
    "name",
    ["CT_small.dcm", "MR_small_RLE.dcm", "US1_J2KR.dcm", "examples_rgb_color.dcm", "emri_small_RLE.dcm"],
)
def test_what_lies_under_a_mask_is_gone_and_all_else_is_as_it_was(
    archive: Archive, submission: submissions.Submission, name: str
) -> None:
    item = hold(archive, submission, [sample(name)])
    held = objects(archive, item)[0]
    before, header = pixels(archive, held), clean(archive, held)
    apply(archive, item, [BOX])
    masked = objects(archive, item)[0]
    after, written = pixels(archive, masked), clean(archive, masked)
    x, y, width, height = BOX
    inside = np.zeros(before.shape[1:3], bool)
    inside[y : y + height, x : x + width] = True
    assert np.array_equal(after[:, ~inside], before[:, ~inside])
    assert all(np.unique(frame[inside].reshape(width * height, -1), axis=0).shape[0] == 1 for frame in after)
    assert not np.array_equal(after[:, inside], before[:, inside]) or not before[:, inside].any()
    assert written.file_meta.TransferSyntaxUID == header.file_meta.TransferSyntaxUID
    assert written.BurnedInAnnotation == "NO"
    assert set(codes(written)) == {*codes(header), "113101"}
    assert codes(written).count("113101") == 1
    assert written.SOPInstanceUID == header.SOPInstanceUID


def test_lossy_pictures_are_hidden_to_the_edges_of_their_blocks_only(
    archive: Archive, submission: submissions.Submission
) -> None:
    item = hold(archive, submission, [first_frames("examples_ybr_color.dcm", 4)])
    before = pixels(archive, objects(archive, item)[0])
    apply(archive, item, [(64, 64, 32, 32)], None, [2, 3])
    after = pixels(archive, objects(archive, item)[0])
    assert np.array_equal(after[[0, *range(3, len(after))]], before[[0, *range(3, len(after))]])
    assert after[1:3, 66:94, 66:94, 0].max() < 20
    assert np.array_equal(after[1, :32], before[1, :32])


def test_masks_reach_every_object_of_the_series(archive: Archive, submission: submissions.Submission) -> None:
    item = hold(archive, submission, make_series(3))
    assert submissions.mask(archive, SYSTEM, item.id, [BOX, (10, 10, 2, 2)]) == 3
    assert [(one.waiting, one.done) for one in submissions.masks_of(archive, item)] == [(3, 0)]
    submissions.apply_masks(archive, item.series_id)
    assert [(one.waiting, one.done, one.failed) for one in submissions.masks_of(archive, item)] == [(0, 3, 0)]
    assert all(not pixels(archive, one)[0, 10:12, 10:12].any() for one in objects(archive, item))


def test_objects_alike_are_those_with_pictures_of_the_same_size(
    archive: Archive, submission: submissions.Submission
) -> None:
    study, series = generate_uid(), generate_uid()
    small = make_series(2, study=study, series=series)
    large = make_series(3, study=study, series=series, size=32)[2:]
    held = objects(archive, hold(archive, submission, [*small, *large]))
    ids = {one.id for one in held if (one.facts or {})["facts"]["rows"] == 16}
    assert len(ids) == 2
    assert set(submissions.alike(held, min(ids))) == ids
    assert submissions.alike(held, 10**9) == []


def test_the_facts_of_the_new_file_are_those_of_its_bytes(archive: Archive, submission: submissions.Submission) -> None:
    item = hold(archive, submission, [sample("CT_small.dcm")])
    first = objects(archive, item)[0]
    apply(archive, item, [BOX])
    held = objects(archive, item)[0]
    path = reviews.file_of(archive, held)
    facts, scan = held.facts or {}, dicom.scan(path)
    assert scan.pixels is not None
    assert facts["frames"] == [list(scan.pixels.frame_offsets), list(scan.pixels.frame_lengths)]
    assert held.clean_size_bytes == path.stat().st_size
    assert facts["pixel_digest"] != (first.facts or {})["pixel_digest"]
    assert facts["subject_label"] == (first.facts or {})["subject_label"]
    with archive.database.transaction() as tx:
        row = tx.execute("select clean_header from quarantine.object where id = %s", [held.id]).fetchone()
    assert row is not None
    assert images.unpack_header(row.clean_header)["00280301"]["Value"] == ["NO"]
    assert ("PixelData", "C", "masks drawn by a curator") in actions(archive, held.id)


def actions(archive: Archive, object_id: int) -> list[tuple[str, str, str]]:
    with archive.database.transaction() as tx:
        return quarantine.actions_of(tx, object_id)


def test_a_series_is_not_cleared_while_a_mask_waits(archive: Archive, submission: submissions.Submission) -> None:
    item = hold(archive, submission, make_series(2))
    submissions.mask(archive, SYSTEM, item.id, [BOX])
    with pytest.raises(quarantine.Changing):
        reviews.decide(archive, SYSTEM, [item.id], "approve", "looked at")
    submissions.apply_masks(archive, item.series_id)
    assert reviews.decide(archive, SYSTEM, [item.id], "approve", "looked at") == {item.id: "approved"}


def test_no_masks_are_drawn_once_somebody_has_decided(archive: Archive, submission: submissions.Submission) -> None:
    item = hold(archive, submission, make_series(1))
    reviews.decide(archive, SYSTEM, [item.id], "approve", "looked at")
    with pytest.raises(Conflict):
        submissions.mask(archive, SYSTEM, item.id, [BOX])


def test_an_approval_of_other_pixels_does_not_count(archive: Archive) -> None:
    item = hold(archive, make_submission(archive, make_collection(archive, review_rule="two-persons")), make_series(1))
    reviews.decide(archive, SYSTEM, [item.id], "approve", "looked at")
    assert newest(archive).approved_once_by
    apply(archive, item, [BOX])
    assert newest(archive).approved_once_by is None


def test_nobody_but_a_curator_of_the_collection_draws_or_drops_masks(
    archive: Archive, submission: submissions.Submission
) -> None:
    item = hold(archive, submission, make_series(1))
    make_person(archive, "bob")
    apply(archive, item, [BOX])
    for actor in (accounts.ANONYMOUS, actor_named(archive, "bob")):
        with pytest.raises(reviews.UnknownItem):
            submissions.mask(archive, actor, item.id, [BOX])
        with pytest.raises(reviews.UnknownItem):
            submissions.unmask(archive, actor, item.id)


@pytest.mark.parametrize(
    "rectangles",
    [
        [],
        [(1, 2, 3)],
        [(-1, 0, 2, 2)],
        [(0, 0, 0, 2)],
        [(0, 0, 17, 1)],
        [(15, 15, 2, 2)],
        [(0, 0, 2**70, 1)],
        [(0.0, 0.0, math.nan, 1.0)],
        [(True, 0, 1, 1)],
        [("1", "1", "2", "2")],
        [(index % 10, 0, 1, 1) for index in range(10_000)],
    ],
    ids=lambda one: str(one)[:30],
)
def test_rectangles_that_make_no_sense_are_refused(
    archive: Archive, submission: submissions.Submission, rectangles: Any
) -> None:
    item = hold(archive, submission, make_series(1))
    with pytest.raises(submissions.BadMask):
        submissions.mask(archive, SYSTEM, item.id, rectangles)
    assert submissions.masks_of(archive, item) == []


@pytest.mark.parametrize(
    "frames", [[], [0], [11], [-1], [1.5], [True], list(range(20_000))], ids=lambda one: str(one)[:20]
)
def test_frames_that_are_not_there_are_refused(
    archive: Archive, submission: submissions.Submission, frames: Any
) -> None:
    item = hold(archive, submission, [sample("emri_small_RLE.dcm")])
    with pytest.raises(submissions.BadMask):
        submissions.mask(archive, SYSTEM, item.id, [BOX], None, frames)


def test_objects_of_another_series_are_not_reached(archive: Archive, submission: submissions.Submission) -> None:
    other = hold(archive, submission, make_series(1))
    item = hold(archive, submission, make_series(1))
    with pytest.raises(submissions.BadMask):
        submissions.mask(archive, SYSTEM, item.id, [BOX], [objects(archive, other)[0].id])


def test_pixels_that_cannot_be_written_stay_and_hold_the_series(
    archive: Archive, submission: submissions.Submission
) -> None:
    broken = pydicom.dcmread(io.BytesIO(sample("US1_J2KR.dcm")))
    broken.PixelData = pydicom.encaps.encapsulate([b"\xff\x4f\xff\x51" + b"\x07" * 400])
    broken["PixelData"].is_undefined_length = True
    out = io.BytesIO()
    broken.save_as(out, enforce_file_format=True)
    item = hold(archive, submission, [out.getvalue()])
    held = objects(archive, item)[0]
    assert held.state == "cleaned"
    apply(archive, item, [BOX])
    left = objects(archive, item)[0]
    assert left.clean_digest == held.clean_digest
    assert [one.failed for one in submissions.masks_of(archive, item)] == [1]
    found = [one for one in reviews.findings_of(archive, newest(archive)) if one.code == "pixel.cannot-hide"]
    assert "hold" in {one.severity for one in found}
    assert reviews.decide(archive, SYSTEM, [item.id], "approve", "seen") == {item.id: "approved"}


def test_a_worker_killed_before_the_end_leaves_the_old_file_and_the_next_makes_the_same_bytes(
    archive: Archive, submission: submissions.Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = hold(archive, submission, [sample("emri_small_jpeg_2k_lossless.dcm")])
    held = objects(archive, item)[0]
    submissions.mask(archive, SYSTEM, item.id, [BOX])
    kept: list[str] = []

    def killed(store: storage.DiskStore, spooled: list[storage.Spooled]) -> None:
        kept.append(spooled[0].sha256)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(storage.DiskStore, "keep", killed)
        with pytest.raises(KeyboardInterrupt):
            submissions.apply_masks(archive, item.series_id)
    assert objects(archive, item)[0].clean_digest == held.clean_digest
    submissions.apply_masks(archive, item.series_id)
    assert [objects(archive, item)[0].clean_digest] == kept
    submissions.apply_masks(archive, item.series_id)
    assert [objects(archive, item)[0].clean_digest] == kept


def test_an_object_that_breaks_off_again_and_again_is_held(
    archive: Archive, submission: submissions.Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = hold(archive, submission, make_series(1))
    submissions.mask(archive, SYSTEM, item.id, [BOX])

    def crash(*_: Any) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(hiding, "_hidden", crash)
    for _ in range(hiding.MOST_ATTEMPTS):
        with pytest.raises(KeyboardInterrupt):
            submissions.apply_masks(archive, item.series_id)
    submissions.apply_masks(archive, item.series_id)
    assert [one.failed for one in submissions.masks_of(archive, item)] == [1]


def test_starting_again_from_the_original_drops_the_masks(archive: Archive, submission: submissions.Submission) -> None:
    item = hold(archive, submission, make_series(2))
    before = [one.clean_digest for one in objects(archive, item)]
    apply(archive, item, [BOX])
    assert [one.clean_digest for one in objects(archive, item)] != before
    assert submissions.unmask(archive, SYSTEM, item.id) == 2
    advance_all(archive)
    assert [one.clean_digest for one in objects(archive, item)] == before
    assert submissions.masks_of(archive, item) == []
    with pytest.raises(Conflict):
        submissions.unmask(archive, SYSTEM, item.id)


def test_masks_dropped_while_the_job_runs_are_not_applied(
    archive: Archive, submission: submissions.Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = hold(archive, submission, make_series(1))
    submissions.mask(archive, SYSTEM, item.id, [BOX])
    write = hiding._hidden

    def slow(path: Path, waiting: Any) -> bytes:
        output = write(path, waiting)
        submissions.unmask(archive, SYSTEM, item.id)
        advance_all(archive)
        return output

    monkeypatch.setattr(hiding, "_hidden", slow)
    submissions.apply_masks(archive, item.series_id)
    assert pixels(archive, objects(archive, item)[0])[0, 3:7, 2:7].any()


def test_files_that_others_took_the_place_of_are_deleted(
    archive: Archive, submission: submissions.Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = hold(archive, submission, make_series(1))
    held = objects(archive, item)[0]
    assert held.clean_digest
    apply(archive, item, [BOX])
    quarantine.bury(archive)
    assert archive.held.holds(held.clean_digest)  # young files stay for a minute
    remove = storage.DiskStore.remove
    monkeypatch.setattr(storage.DiskStore, "remove", lambda store, digest: remove(store, digest, 0.0))
    assert quarantine.bury(archive) == 1
    assert not archive.held.holds(held.clean_digest)
    assert archive.held.holds(objects(archive, item)[0].clean_digest or "")
    assert archive.held.holds(held.digest)


def test_the_journal_has_who_drew_what_without_values(archive: Archive, submission: submissions.Submission) -> None:
    item = hold(archive, submission, make_series(1, patient="SECRET-17"))
    apply(archive, item, [BOX])
    with archive.database.transaction() as tx:
        noted = [one for one in audit.newest(tx, 20) if one.verb in ("review.mask", "quarantine.mask")]
    assert [one.actor for one in noted] == ["system", SYSTEM.name]
    assert noted[1].detail["rectangles"] == [list(BOX)]
    assert "SECRET" not in str(noted)


def test_masks_that_nobody_took_on_are_queued_again(archive: Archive, submission: submissions.Submission) -> None:
    item = hold(archive, submission, make_series(1))
    submissions.mask(archive, SYSTEM, item.id, [BOX])
    with archive.database.transaction() as tx:
        assert submissions.forgotten_masks(tx, 0.0) == [item.series_id]
        assert submissions.forgotten_masks(tx, 600.0) == []


def test_masks_on_released_objects_that_are_held_again_can_be_dropped(archive: Archive) -> None:
    collection = make_collection(archive)
    publish(archive, collection, make_series(2))
    text = 'name = "lung"\nversion = "1"\nbase = "tcia"\n[[rules]]\nattribute = "SeriesDescription"\naction = "X"\n'
    version = submissions.write_rules(archive, SYSTEM, collection.id, collections.RulesDraft("toml", text))
    submissions.enforce_rules(archive, SYSTEM, collection.id, version)
    submissions.rerun(archive, submissions.start_rerun(archive, SYSTEM, collection.id).id, None)
    item = newest(archive)
    before = [one.clean_digest for one in objects(archive, item)]
    why = {one.code for one in reviews.findings_of(archive, item)}
    apply(archive, item, [BOX])
    assert submissions.unmask(archive, SYSTEM, item.id) == 2
    with pytest.raises(quarantine.Changing):
        reviews.decide(archive, SYSTEM, [item.id], "approve", "looked at")
    with archive.database.transaction() as tx:
        assert submissions.forgotten_masks(tx, 600.0) == [item.series_id]
    submissions.apply_masks(archive, item.series_id)
    advance_all(archive)
    assert [one.clean_digest for one in objects(archive, item)] == before
    assert {one.code for one in reviews.findings_of(archive, item)} == why
    assert reviews.decide(archive, SYSTEM, [item.id], "approve", "looked at") == {item.id: "approved"}


def test_where_the_rules_cannot_make_it_anew_a_masked_object_stays_and_is_held(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = make_collection(archive)
    publish(archive, collection, make_series(1))
    text = 'name = "lung"\nversion = "1"\nbase = "tcia"\n[[rules]]\nattribute = "SeriesDescription"\naction = "X"\n'
    version = submissions.write_rules(archive, SYSTEM, collection.id, collections.RulesDraft("toml", text))
    submissions.enforce_rules(archive, SYSTEM, collection.id, version)
    submissions.rerun(archive, submissions.start_rerun(archive, SYSTEM, collection.id).id, None)
    item = newest(archive)
    apply(archive, item, [BOX])
    masked = [one.clean_digest for one in objects(archive, item)]
    submissions.unmask(archive, SYSTEM, item.id)

    def refuse(*_given: Any, **_named: Any) -> None:
        raise deidentification.CannotDeidentify("no", code="rerun.identity-changes")

    monkeypatch.setattr(hiding, "second_pass", refuse)
    submissions.apply_masks(archive, item.series_id)
    advance_all(archive)
    assert [one.clean_digest for one in objects(archive, item)] == masked
    assert "mask.cannot-begin-again" in {one.code for one in reviews.findings_of(archive, item)}
