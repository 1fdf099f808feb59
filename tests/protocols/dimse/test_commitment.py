"""Storage commitment with pynetdicom: the report on the same association, and on one of ours."""

import time
from contextlib import suppress
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, build_context, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from invivo import accounts, errors, images, submissions
from tests.protocols.conftest import Released
from tests.protocols.dimse.conftest import Door, Receiver

MODEL, INSTANCE = StorageCommitmentPushModel, StorageCommitmentPushModelInstance


@pytest.fixture
def sender(released: Released) -> None:
    """The peer BENCH delivers into the collection of the released series."""
    archive = released.archive
    row = released.series["SLICES"]
    made = submissions.open_submission(archive, accounts.system(), row.collection_id, "Of the peer")
    with suppress(errors.Conflict):  # an earlier test said so already
        submissions.add_sender(archive, accounts.system(), made.id, calling_aet="BENCH")
    submissions.receipt._destinations.clear()


def request(released: Released, *others: str) -> Dataset:
    row = released.series["SLICES"]
    found = images.instances_of(released.archive, accounts.ANONYMOUS, row.study_uid)
    asked = Dataset()
    asked.TransactionUID = generate_uid()
    asked.ReferencedSOPSequence = []
    for class_uid, uid in [(one.sop_class_uid, one.uid) for one in found] + [
        ("1.2.840.10008.5.1.4.1.1.2", o) for o in others
    ]:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = class_uid, uid
        asked.ReferencedSOPSequence.append(item)
    return asked


def act(
    port: int,
    asked: Dataset,
    events: list[Any],
    *,
    wait: bool = True,
    action: int = 1,
    instance: str = INSTANCE,
    title: str = "BENCH",
) -> int:
    def reported(event: Any) -> tuple[int, None]:
        events.append((event.event_type, event.event_information))
        return 0, None

    association = AE(title).associate(
        "127.0.0.1", port, [build_context(MODEL)], evt_handlers=[(evt.EVT_N_EVENT_REPORT, reported)]
    )
    assert association.is_established
    status, _ = association.send_n_action(asked, action, MODEL, instance)
    if wait:
        await_one(events)
    association.release()
    return int(status.Status)


def await_one(events: list[Any]) -> None:
    until = time.monotonic() + 10
    while not events and time.monotonic() < until:
        time.sleep(0.02)


@pytest.mark.usefixtures("sender")
def test_what_is_kept_is_committed_on_the_same_association(door: Door, released: Released) -> None:
    events: list[Any] = []
    asked = request(released)
    assert act(door.port, asked, events) == 0
    kind, found = events[0]
    assert kind == 1 and found.TransactionUID == asked.TransactionUID
    assert len(found.ReferencedSOPSequence) == 5 and "FailedSOPSequence" not in found


def test_who_delivers_nothing_learns_nothing(door: Door, released: Released) -> None:
    events: list[Any] = []
    assert act(door.port, request(released), events, title="STRANGER") == 0
    kind, found = events[0]
    assert kind == 2 and len(found.FailedSOPSequence) == 5


@pytest.mark.usefixtures("sender")
def test_what_is_not_here_is_listed_with_its_reason(door: Door, released: Released) -> None:
    events: list[Any] = []
    assert act(door.port, request(released, "1.2.3.4"), events) == 0
    kind, found = events[0]
    assert kind == 2 and len(found.ReferencedSOPSequence) == 5
    assert [(one.ReferencedSOPInstanceUID, one.FailureReason) for one in found.FailedSOPSequence] == [
        ("1.2.3.4", 0x0112)
    ]


@pytest.mark.usefixtures("sender")
def test_a_peer_that_has_left_is_told_over_an_association_of_ours(
    door: Door, released: Released, receiver: Receiver
) -> None:
    assert act(door.port, request(released), [], wait=False) == 0
    await_one(receiver.events)
    assert [kind for kind, _ in receiver.events] == [1]


def test_other_actions_and_instances_are_refused(door: Door, released: Released) -> None:
    asked = request(released)
    assert act(door.port, asked, [], wait=False, action=2) == 0x0123
    assert act(door.port, asked, [], wait=False, instance="1.2.3") == 0x0112
    del asked.ReferencedSOPSequence
    assert act(door.port, asked, [], wait=False) == 0x0115
