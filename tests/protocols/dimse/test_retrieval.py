"""C-GET and C-MOVE with real users, and what they leave with compared to what is stored."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from invivo import accounts, images, usage
from invivo.protocols import dimse
from tests.protocols.conftest import Released
from tests.protocols.dimse.conftest import Door, Receiver, with_dimse
from tests.protocols.dimse.test_query import identifier

GET, MOVE = StudyRootQueryRetrieveInformationModelGet, StudyRootQueryRetrieveInformationModelMove


def stored(released: Released, name: str) -> list[bytes]:
    row = released.series[name]
    found = images.instances_of(released.archive, accounts.ANONYMOUS, row.study_uid, row.series_uid)
    return [released.archive.objects.place(one.digest).path.read_bytes() for one in found]


def get(
    port: int,
    asked: Dataset,
    contexts: list[tuple[str, str]],
    *,
    status: int = 0,
    max_pdu: int = 16382,
    model: str = GET,
) -> tuple[list[Any], list[Any]]:
    """Return (responses, received events' data sets)."""
    received: list[Any] = []

    def take(event: Any) -> int:
        received.append((str(event.context.transfer_syntax), event.request.DataSet.getvalue(), event.dataset))
        return status

    entity = AE("ASKER")
    entity.maximum_pdu_size = max_pdu
    proposed = [build_context(model), *(build_context(uid, syntax) for uid, syntax in contexts)]
    roles = [build_role(uid, scp_role=True, scu_role=False) for uid, _ in contexts]
    association = entity.associate(
        "127.0.0.1", port, proposed, ext_neg=list(roles), evt_handlers=[(evt.EVT_C_STORE, take)]
    )
    assert association.is_established
    answers = [(answer, found) for answer, found in association.send_c_get(asked, model)]
    association.release()
    return answers, received


def move(port: int, asked: Dataset, destination: str = "BENCH") -> list[Any]:
    association = AE("ASKER").associate("127.0.0.1", port, [build_context(MOVE)])
    assert association.is_established
    answers = list(association.send_c_move(asked, destination, MOVE))
    association.release()
    return answers


def series_of(released: Released, name: str) -> Dataset:
    row = released.series[name]
    return identifier("SERIES", StudyInstanceUID=row.study_uid, SeriesInstanceUID=row.series_uid)


@pytest.mark.parametrize("max_pdu", [0, 1024, 16382, 131072])
def test_a_series_arrives_as_it_is_stored(door: Door, released: Released, max_pdu: int) -> None:
    answers, received = get(
        door.port, series_of(released, "SLICES"), [(CTImageStorage, ExplicitVRLittleEndian)], max_pdu=max_pdu
    )
    final = answers[-1][0]
    assert final.Status == 0
    assert (final.NumberOfCompletedSuboperations, final.NumberOfFailedSuboperations) == (5, 0)
    files = stored(released, "SLICES")
    assert len(received) == 5
    assert all(file.endswith(content) for file, (_, content, _) in zip(files, received, strict=True))
    assert [answer.Status for answer, _ in answers[:-1]] == [0xFF00] * 4
    assert [answer.NumberOfRemainingSuboperations for answer, _ in answers[:-1]] == [4, 3, 2, 1]


@pytest.mark.parametrize("name", ["JPEG", "RLE", "JP2", "BIG"])
def test_what_a_peer_does_not_take_as_stored_arrives_uncompressed(door: Door, released: Released, name: str) -> None:
    original = dcmread(released.archive.objects.place(instance_of(released, name).digest).path)
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        answers, received = get(door.port, series_of(released, name), [(original.SOPClassUID, syntax)])
        assert answers[-1][0].Status == 0
        (used, _, dataset) = received[0]
        assert used == syntax
        dataset.file_meta = Dataset()
        dataset.file_meta.TransferSyntaxUID = syntax
        assert dataset.pixel_array.shape == original.pixel_array.shape


def instance_of(released: Released, name: str) -> images.Instance:
    row = released.series[name]
    return images.instances_of(released.archive, accounts.ANONYMOUS, row.study_uid, row.series_uid)[0]


def test_a_compressed_object_travels_as_stored_where_the_peer_takes_it(door: Door, released: Released) -> None:
    one = instance_of(released, "RLE")
    _, received = get(door.port, series_of(released, "RLE"), [(one.sop_class_uid, one.transfer_syntax_uid)])
    assert received[0][0] == one.transfer_syntax_uid
    assert stored(released, "RLE")[0].endswith(received[0][1])


def test_without_a_role_for_the_class_the_objects_are_listed_as_failed(door: Door, released: Released) -> None:
    answers, received = get(
        door.port, series_of(released, "SLICES"), [("1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.1.2")]
    )
    final, failed = answers[-1]
    assert final.Status == 0xA702 and received == []
    assert final.NumberOfFailedSuboperations == 5 and len(failed.FailedSOPInstanceUIDList) == 5


def test_a_warning_of_the_peer_is_counted_as_one(door: Door, released: Released) -> None:
    answers, _ = get(
        door.port, series_of(released, "SLICES"), [(CTImageStorage, ExplicitVRLittleEndian)], status=0xB000
    )
    assert answers[-1][0].Status == 0xB000
    assert answers[-1][0].NumberOfWarningSuboperations == 5


def test_what_only_registered_people_may_have_is_not_given(door: Door, released: Released) -> None:
    answers, received = get(door.port, series_of(released, "REGISTERED"), [(CTImageStorage, ExplicitVRLittleEndian)])
    assert answers[-1][0].Status == 0 and received == []


def test_what_leaves_is_counted(door: Door, released: Released) -> None:
    def counted() -> int:
        usage.flush(released.archive)
        with released.archive.database.transaction() as tx:
            row = tx.execute("select coalesce(sum(size_bytes), 0)::bigint as n from usage.day where door = 'dimse'")
            return int(row.fetchone().n)

    before = counted()
    get(door.port, series_of(released, "SLICES"), [(CTImageStorage, ExplicitVRLittleEndian)])
    assert counted() - before == sum(map(len, stored(released, "SLICES")))


def test_a_patient_arrives_whole(door: Door, released: Released) -> None:
    asked = identifier("PATIENT", PatientID=released.series["SLICES"].subject)
    model = PatientRootQueryRetrieveInformationModelGet
    _, received = get(door.port, asked, [(CTImageStorage, ExplicitVRLittleEndian)], model=model)
    assert len(received) == 5


def test_single_instances_arrive(door: Door, released: Released) -> None:
    one = instance_of(released, "CT")
    asked = identifier(
        "IMAGE", StudyInstanceUID=one.study_uid, SeriesInstanceUID=one.series_uid, SOPInstanceUID=one.uid
    )
    _, received = get(door.port, asked, [(one.sop_class_uid, one.transfer_syntax_uid)])
    assert [found.SOPInstanceUID for _, _, found in received] == [one.uid]


def test_a_retrieval_without_a_key_is_refused(door: Door) -> None:
    answers, _ = get(door.port, identifier("STUDY"), [(CTImageStorage, ExplicitVRLittleEndian)])
    assert [answer.Status for answer, _ in answers] == [0xA900]


def test_a_study_is_moved_to_a_peer_with_its_originator(door: Door, released: Released, receiver: Receiver) -> None:
    answers = move(door.port, identifier("STUDY", StudyInstanceUID=released.series["SLICES"].study_uid))
    assert answers[-1][0].Status == 0
    assert answers[-1][0].NumberOfCompletedSuboperations == 5
    assert len(receiver.datasets) == 5
    assert receiver.originators == [("ASKER", 1)] * 5


def test_several_classes_and_syntaxes_travel_over_one_association(
    door: Door, released: Released, receiver: Receiver
) -> None:
    names = ["CT", "RLE", "JPEG", "SR", "IMPLICIT"]
    studies = [released.series[name].study_uid for name in names]
    answers = move(door.port, identifier("STUDY", StudyInstanceUID=studies))
    assert answers[-1][0].Status == 0
    assert {one.StudyInstanceUID for one in receiver.datasets} == set(studies)


def test_an_unknown_destination_is_said_so(door: Door, released: Released) -> None:
    answers = move(door.port, series_of(released, "CT"), "ELSEWHERE")
    assert [answer.Status for answer, _ in answers] == [0xA801]


def test_a_destination_that_does_not_answer_fails_everything(door: Door, released: Released) -> None:
    answers = move(door.port, series_of(released, "SLICES"), "NOWHERE")
    final, failed = answers[-1]
    assert final.Status == 0xA702 and final.NumberOfFailedSuboperations == 5
    assert len(failed.FailedSOPInstanceUIDList) == 5


def test_a_destination_that_takes_only_some_leaves_a_list(door: Door, released: Released) -> None:
    taker = Receiver(door.peer_port, [build_context(CTImageStorage)])
    studies = [released.series[name].study_uid for name in ("SLICES", "MR")]
    answers = move(door.port, identifier("STUDY", StudyInstanceUID=studies))
    taker.close()
    final, failed = answers[-1]
    assert final.Status == 0xB000
    assert (final.NumberOfCompletedSuboperations, final.NumberOfFailedSuboperations) == (5, 1)
    assert failed.FailedSOPInstanceUIDList == instance_of(released, "MR").uid


def test_a_reader_of_the_settings_has_somebodys_rights(released: Released, door: Door) -> None:
    name = accounts.create_person(
        door.archive, accounts.system(), "reader-by-title", "a long enough password", site_roles=["curator"]
    ).name
    archive = with_dimse(door.archive, peers={"ASKER": "127.0.0.1:4"}, readers={"ASKER": name})
    server = dimse.start(archive, "127.0.0.1", 0)
    _, received = get(
        server.server_address[1], series_of(released, "REGISTERED"), [(CTImageStorage, ExplicitVRLittleEndian)]
    )
    server.shutdown()
    assert len(received) == 2


def dcmtk(name: str) -> Any:
    return pytest.mark.skipif(not shutil.which(name), reason="DCMTK is not installed")


@dcmtk("getscu")
def test_dcmtk_gets(door: Door, released: Released, tmp_path: Path) -> None:
    row = released.series["SLICES"]
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={row.study_uid}"]
    subprocess.run(["getscu", "-S", *keys, "-od", tmp_path, "127.0.0.1", str(door.port)], check=True)
    assert sorted(dcmread(one).InstanceNumber for one in tmp_path.iterdir()) == [1, 2, 3, 4, 5]


@dcmtk("movescu")
def test_dcmtk_moves_to_dcmtk(door: Door, released: Released, tmp_path: Path) -> None:
    taker = subprocess.Popen(["storescp", "-od", tmp_path, "+xa", str(door.peer_port)])
    try:
        studies = "\\".join(released.series[name].study_uid for name in ("SLICES", "RLE"))
        keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={studies}"]
        for _ in range(40):
            if (
                subprocess.run(
                    ["echoscu", "127.0.0.1", str(door.peer_port)], check=False, capture_output=True
                ).returncode
                == 0
            ):
                break
        subprocess.run(["movescu", "-S", "-aem", "BENCH", *keys, "127.0.0.1", str(door.port)], check=True)
    finally:
        taker.terminate()
        taker.wait()
    assert len(list(tmp_path.iterdir())) == 6
