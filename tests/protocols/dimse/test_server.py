"""The DICOM door with real peers: pynetdicom as sender, and DCMTK's tools where they are installed."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, JPEGLSLossless, generate_uid
from pynetdicom import AE, build_context
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.sop_class import ModalityWorklistInformationFind, Verification

from invivo import errors, quarantine, submissions
from invivo.archive import Archive
from invivo.protocols import dimse
from invivo.protocols.dimse.status import STATUS
from tests.factories import SYSTEM, make_collection, make_image, make_submission


@pytest.fixture
def port(public_archive: Archive) -> Iterator[int]:
    server = dimse.start(public_archive, "127.0.0.1", 0)
    yield server.server_address[1]
    server.shutdown()


@pytest.fixture
def submission(archive: Archive) -> submissions.Submission:
    made = make_submission(archive, make_collection(archive))
    submissions.add_sender(archive, SYSTEM, made.id, called_aet="LUNG", address="127.0.0.1")
    return made


def counts(archive: Archive, submission: submissions.Submission) -> dict[str, int]:
    with archive.database.transaction() as tx:
        return quarantine.counts_of_submission(tx, submission.id)


def send(
    port: int,
    files: list[Path],
    sop_class: str = CTImageStorage,
    syntax: str = ExplicitVRLittleEndian,
    called: str = "LUNG",
) -> list[int]:
    association = AE("SCANNER").associate("127.0.0.1", port, [build_context(sop_class, syntax)], ae_title=called)
    assert association.is_established
    statuses = [association.send_c_store(path).Status for path in files]
    association.release()
    return statuses


def write(folder: Path, *contents: bytes) -> list[Path]:
    paths = []
    for number, content in enumerate(contents):
        path = folder / f"{number}.dcm"
        path.write_bytes(content)
        paths.append(path)
    return paths


def test_echo_is_answered_to_anybody(port: int) -> None:
    association = AE().associate("127.0.0.1", port, [build_context(Verification)])
    assert association.send_c_echo().Status == 0
    association.release()


def test_a_stored_object_is_held_with_its_sender(
    port: int, archive: Archive, submission: submissions.Submission, tmp_path: Path
) -> None:
    assert send(port, write(tmp_path, make_image(), make_image())) == [0, 0]
    assert counts(archive, submission) == {"received": 2}
    with archive.database.transaction() as tx:
        assert tx.execute("select distinct door, sender from quarantine.object").fetchone() == ("dimse", "SCANNER")


def test_a_repeat_and_a_conflict_are_successes(
    port: int, archive: Archive, submission: submissions.Submission, tmp_path: Path
) -> None:
    files = [make_image(SOPInstanceUID="1.2.3", study="1.2", series="1.3", number=number) for number in (1, 1, 2)]
    assert send(port, write(tmp_path, *files)) == [0, 0, 0]
    assert counts(archive, submission) == {"received": 1, "conflict": 1}


def test_an_unknown_sender_is_not_authorised_and_leaves_nothing(
    port: int, archive: Archive, submission: submissions.Submission, tmp_path: Path
) -> None:
    assert send(port, write(tmp_path, make_image()), called="OTHER") == [0x0124]
    assert counts(archive, submission) == {}


@pytest.mark.parametrize("syntax", [JPEGLSLossless, "1.2.3.4.5.6.99"])
def test_private_classes_and_any_syntax_are_accepted(port: int, syntax: str) -> None:
    private = "1.3.12.2.1107.5.9.1"
    association = AE().associate(
        "127.0.0.1", port, [build_context(private, syntax), build_context(generate_uid(), syntax)]
    )
    assert [context.transfer_syntax for context in association.accepted_contexts] == [[syntax], [syntax]]
    association.release()


def test_services_that_are_not_offered_are_refused_in_the_negotiation(port: int) -> None:
    association = AE().associate(
        "127.0.0.1", port, [build_context(ModalityWorklistInformationFind), build_context(Verification)]
    )
    assert [context.abstract_syntax for context in association.accepted_contexts] == [Verification]
    association.release()


def test_a_data_set_that_is_not_what_the_command_says_is_a_mismatch(
    port: int, submission: submissions.Submission, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, make_image())[0]
    monkeypatch.setattr(
        C_STORE, "AffectedSOPInstanceUID", property(lambda _self: UID("1.2.3.4"), lambda _self, _value: None)
    )
    assert send(port, [path]) == [0xA900]


def test_many_associations_at_once_lose_nothing(
    port: int, archive: Archive, submission: submissions.Submission, tmp_path: Path
) -> None:
    files = write(tmp_path, *(make_image(study="1.2", series="1.3", number=number) for number in range(40)))
    associations = [
        AE().associate("127.0.0.1", port, [build_context(CTImageStorage, ExplicitVRLittleEndian)], ae_title="LUNG")
        for _ in range(8)
    ]
    statuses = [associations[number % 8].send_c_store(path).Status for number, path in enumerate(files)]
    for association in associations:
        association.release()
    assert statuses == [0] * 40
    assert counts(archive, submission) == {"received": 40}


def test_every_family_of_errors_has_a_status() -> None:
    assert set(STATUS) == set(errors.FAMILIES)


@pytest.mark.skipif(not shutil.which("storescu"), reason="DCMTK is not installed")
def test_dcmtk_stores_without_waiting_for_acknowledgements(port: int, archive: Archive, tmp_path: Path) -> None:
    made = make_submission(archive, make_collection(archive))
    submissions.add_sender(archive, SYSTEM, made.id, address="127.0.0.1")
    files = write(tmp_path, *(make_image(study="1.2", series="1.3", number=number) for number in range(20)))
    sent = subprocess.run(["storescu", "127.0.0.1", str(port), *files], capture_output=True, text=True, check=False)
    assert sent.returncode == 0, sent.stderr
    assert counts(archive, made) == {"received": 20}
