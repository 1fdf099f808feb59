"""What was done to each tag is told with its values, and reading an original is always journalled."""

import pytest
from pydicom.dataset import Dataset

from invivo import audit, collections, quarantine, reviews
from invivo.archive import Archive
from invivo.errors import Refused
from tests.factories import (
    SYSTEM,
    actor_named,
    advance_all,
    deliver,
    make_collection,
    make_image,
    make_person,
    make_submission,
)


def _hold(archive: Archive, content: bytes) -> int:
    receipt = deliver(archive, make_submission(archive, make_collection(archive)), [content])[0]
    advance_all(archive)
    assert receipt.object_id is not None
    return receipt.object_id


def _by_path(changes: list[reviews.Change]) -> dict[str, reviews.Change]:
    return {one.path: one for one in changes}


def _read(archive: Archive) -> int:
    with archive.database.transaction() as tx:
        return sum(1 for one in audit.newest(tx, 100) if one.verb == "review.read-original")


def test_values_before_stand_beside_those_after(archive: Archive) -> None:
    object_id = _hold(archive, make_image(patient="SECRET-17"))
    found = _by_path(reviews.changes_of(archive, SYSTEM, object_id, with_values=True))
    assert found["PatientID"].before == "SECRET-17"
    assert found["PatientID"].after is not None
    assert found["PatientID"].after.startswith("LUNG-1-")
    assert found["PatientBirthDate"].before == "19700101"
    assert found["AccessionNumber"].after in ("", None)


def test_without_values_nothing_before_is_told_and_nothing_journalled(archive: Archive) -> None:
    object_id = _hold(archive, make_image())
    changes = reviews.changes_of(archive, SYSTEM, object_id, with_values=False)
    assert changes
    assert {one.before for one in changes} == {None}
    assert _read(archive) == 0


def test_each_reading_of_an_original_is_one_entry_of_the_journal(archive: Archive) -> None:
    object_id = _hold(archive, make_image())
    for _ in range(2):
        reviews.changes_of(archive, SYSTEM, object_id, with_values=True)
    assert _read(archive) == 2


def test_only_curators_of_the_collection_see_changes(archive: Archive) -> None:
    object_id = _hold(archive, make_image())
    make_person(archive, "sam")
    collection = collections.collection_named(archive, SYSTEM, "LUNG-1")
    collections.add_member(archive, SYSTEM, collection.id, actor_named(archive, "sam").person_id or 0, "submitter")
    with pytest.raises(Refused):
        reviews.changes_of(archive, actor_named(archive, "sam"), object_id, with_values=False)
    assert _read(archive) == 0


def test_an_attribute_inside_a_sequence_is_found_by_its_path(archive: Archive) -> None:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3.4.5"
    object_id = _hold(archive, make_image(ReferencedImageSequence=[item]))
    found = _by_path(reviews.changes_of(archive, SYSTEM, object_id, with_values=True))
    change = found["ReferencedImageSequence[0].ReferencedSOPInstanceUID"]
    assert (change.keyword, change.code, change.before) == ("ReferencedSOPInstanceUID", "U", "1.2.3.4.5")
    assert change.after not in (None, "1.2.3.4.5")


def test_a_long_value_is_cut(archive: Archive) -> None:
    object_id = _hold(archive, make_image(PatientComments="Jane Doe " * 500))
    found = _by_path(reviews.changes_of(archive, SYSTEM, object_id, with_values=True))
    assert len(found["PatientComments"].before or "") == 300


def test_a_released_object_has_no_changes_to_tell(archive: Archive) -> None:
    object_id = _hold(archive, make_image())
    item = reviews.queue(archive, SYSTEM).items[0]
    reviews.decide(archive, SYSTEM, [item.id], "reject", "not wanted")
    assert reviews.changes_of(archive, SYSTEM, object_id, with_values=True) == []
    assert _read(archive) == 0


def test_a_pass_for_originals_is_good_for_one_actor_and_one_item(archive: Archive) -> None:
    _hold(archive, make_image())
    item = reviews.queue(archive, SYSTEM).items[0]
    make_person(archive, "cora", "curator")
    cora = actor_named(archive, "cora")
    shown = reviews.originals_pass(archive, SYSTEM, item)
    assert reviews.opens_originals(archive, SYSTEM, item.id, shown)
    assert not reviews.opens_originals(archive, cora, item.id, shown)
    assert not reviews.opens_originals(archive, SYSTEM, item.id + 1, shown)


def test_neighbours_stay_in_the_queue_that_was_asked_for(archive: Archive) -> None:
    submission = make_submission(archive, make_collection(archive))
    for _ in range(4):
        deliver(archive, submission, [make_image()])
    advance_all(archive)
    ids = [one.id for one in reviews.queue(archive, SYSTEM).items]
    reviews.decide(archive, SYSTEM, [ids[2]], "defer", "later")
    before, after = reviews.around(archive, SYSTEM, ids[1], states=("open",))
    assert ([one.id for one in before], [one.id for one in after]) == ([ids[0]], [ids[3]])


def test_actions_are_gone_with_the_object(archive: Archive) -> None:
    object_id = _hold(archive, make_image())
    with archive.database.transaction() as tx:
        assert quarantine.actions_of(tx, object_id)
        quarantine.discard(tx, object_id=object_id)
        assert quarantine.actions_of(tx, object_id) == []
