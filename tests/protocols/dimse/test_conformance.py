"""The conformance statement says what the door does."""

from pathlib import Path

from invivo.protocols import dimse
from invivo.protocols.dimse import negotiation
from invivo.settings import read_settings


def test_every_service_and_destination_is_in_the_statement(tmp_path: Path) -> None:
    written = dimse.statement(read_settings(tmp_path, dimse={"peers": {"BENCH": "127.0.0.1:11113"}}))
    assert all(uid in written for uid in negotiation.SERVICES)
    assert "CT Image Storage" in written and "127.0.0.1:11113" in written
    assert written.count("# ") > 10


def test_what_is_no_object_is_no_storage_class() -> None:
    for uid in (
        "1.2.840.10008.1.3.10",
        "1.2.840.10008.5.1.4.31",
        "1.2.840.10008.1.1",
        "1.2.840.10008.5.1.4.1.1.201.2",
        "1..2",
    ):
        assert not negotiation.is_storage(uid)
    for uid in ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.999", "1.3.12.2.1107.5.9.1", "2.25.17"):
        assert negotiation.is_storage(uid)


def test_peers_come_from_the_environment(tmp_path: Path, monkeypatch: object) -> None:
    monkeypatch.setenv("INVIVO_DIMSE__PEERS__BENCH", "127.0.0.1:11113")  # type: ignore[attr-defined]
    found = read_settings(tmp_path, dimse={"aet": "OTHER"}).dimse
    assert {name.upper(): address for name, address in found.peers.items()} == {"BENCH": "127.0.0.1:11113"}
