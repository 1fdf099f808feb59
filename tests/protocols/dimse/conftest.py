"""The DICOM door on a released collection, with a peer of the settings that listens here too."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pynetdicom import AE, StoragePresentationContexts, _config, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification

from invivo.archive import Archive
from invivo.protocols import dimse
from invivo.settings import Settings
from tests.protocols.conftest import Released


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def with_dimse(archive: Archive, **changes: Any) -> Archive:
    """Return an archive whose DICOM door has other settings."""
    settings = archive.settings
    values = {**settings.dimse.model_dump(), **changes}
    changed = Settings(**{**settings.model_dump(), "dimse": values})
    return replace(archive, settings=changed)


@dataclass
class Door:
    """A running door."""

    archive: Archive
    port: int
    peer_port: int


@pytest.fixture
def door(released: Released) -> Iterator[Door]:
    peer_port = free_port()
    archive = with_dimse(released.archive, peers={"BENCH": f"127.0.0.1:{peer_port}", "NOWHERE": "127.0.0.1:1"})
    server = dimse.start(archive, "127.0.0.1", 0)
    yield Door(archive, server.server_address[1], peer_port)
    server.shutdown()


class Receiver:
    """A C-STORE provider and commitment user of pynetdicom's, at the peer's address."""

    def __init__(self, port: int, contexts: list[Any] | None = None, status: int = 0) -> None:
        self.datasets: list[Any] = []
        self.syntaxes: list[str] = []
        self.originators: list[tuple[str, int]] = []
        self.events: list[tuple[int, Any]] = []
        entity = AE("BENCH")
        entity.supported_contexts = contexts or StoragePresentationContexts
        entity.add_supported_context(Verification)
        entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)

        def stored(event: Any) -> int:
            self.datasets.append(event.dataset)
            self.syntaxes.append(str(event.context.transfer_syntax))
            request = event.request
            self.originators.append(
                (str(request.MoveOriginatorApplicationEntityTitle), request.MoveOriginatorMessageID)
            )
            return status

        def reported(event: Any) -> tuple[int, None]:
            self.events.append((event.event_type, event.event_information))
            return 0, None

        handlers = [(evt.EVT_C_STORE, stored), (evt.EVT_N_EVENT_REPORT, reported)]
        self._server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)

    def close(self) -> None:
        assert self._server is not None
        self._server.shutdown()


@pytest.fixture
def receiver(door: Door) -> Iterator[Receiver]:
    _config.UNRESTRICTED_STORAGE_SERVICE = False
    made = Receiver(door.peer_port)
    yield made
    made.close()
