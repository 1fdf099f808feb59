"""The receiver: associations by pynetdicom, one thread each, objects straight to a file and into `submissions.receive`."""

import contextlib
import logging
import signal
import socket
import tempfile
import threading
from typing import Any

import structlog
from pydicom.dataset import Dataset
from pynetdicom import AE, _config, evt
from pynetdicom.sop_class import Verification
from pynetdicom.transport import ThreadedAssociationServer

from invivo import submissions
from invivo.archive import Archive
from invivo.errors import InvivoError
from invivo.protocols.dimse.status import (
    CANNOT_UNDERSTAND,
    MISMATCH,
    OUT_OF_RESOURCES,
    SUCCESS,
    answer,
    status_of,
    status_of_error,
)

READ_BYTES = 1 << 18
_log = structlog.get_logger()


def _configure() -> None:
    """Take any storage class and syntax, write data sets to files as they come, and log nothing of them."""
    _config.UNRESTRICTED_STORAGE_SERVICE = True
    _config.STORE_RECV_CHUNKED_DATASET = True
    _config.LOG_HANDLER_LEVEL = "none"
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)


def origin_of(event: evt.Event) -> submissions.Origin:
    """Return where an object comes from: the peer's titles and address."""
    requestor = event.assoc.requestor
    called = requestor.primitive.called_ae_title if requestor.primitive else ""
    return submissions.Origin(
        door="dimse",
        called_aet=str(called).strip(),
        calling_aet=str(requestor.ae_title).strip(),
        address=str(requestor.address or ""),
    )


def _quicken(event: evt.Event) -> None:
    """Read an association's data without waiting for anybody.

    A stock sender writes the head and the body of a PDU apart and leaves Nagle on, so its kernel holds the body back until
    ours has acknowledged the head, which ours delays by 40 ms: 20 objects a second at most. Asking for a quick
    acknowledgement before each read cures it from this side alone. The reads are larger than pynetdicom's 4 kB, too.
    """
    held = event.assoc.dul.socket
    connection: socket.socket = held.socket
    quick = getattr(socket, "TCP_QUICKACK", None)

    def read(wanted: int) -> bytearray:
        found = bytearray()
        while len(found) < wanted:
            if quick is not None:
                connection.setsockopt(socket.IPPROTO_TCP, quick, 1)
            part = connection.recv(min(wanted - len(found), READ_BYTES))
            if not part:
                break
            found += part
        return found

    with contextlib.suppress(OSError):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        held.recv = read


def _on_c_echo(_event: evt.Event) -> int:
    return SUCCESS


def _on_c_store(event: evt.Event, archive: Archive) -> Dataset:
    """Take in one object; the answer leaves after it is fsynced and committed."""
    try:
        path = event.dataset_path
        spooled = archive.held.spool_file(path, archive.settings.limits.object_bytes)
        receipt = submissions.receive_spooled(archive, origin_of(event), [("", spooled)])[0]
    except InvivoError as error:
        _log.warning("dimse.refused", code=error.kind)
        return answer(status_of_error(error), error.message)
    except OSError as error:
        _log.error("dimse.failed", error=type(error).__name__)
        return answer(OUT_OF_RESOURCES, "The archive cannot write now; try again later.")
    except Exception as error:  # because pynetdicom would log the values it was handling
        _log.error("dimse.broken", error=type(error).__name__)
        return answer(CANNOT_UNDERSTAND, "The object could not be processed.")
    is_other = receipt.sop_uid and receipt.sop_uid != str(event.request.AffectedSOPInstanceUID)
    if receipt.is_durable and is_other:
        _log.warning("dimse.mismatch", object=receipt.object_id)
        return answer(MISMATCH, "The data set has another SOP Instance UID; it is held.")
    return answer(status_of(receipt), receipt.reason)


def start(archive: Archive, host: str, port: int) -> ThreadedAssociationServer:
    """Start receiving in threads; the server's ``shutdown`` ends it.

    Parameters
    ----------
    port : int
        0 for any free one; see the server's ``server_address``.
    """
    _configure()
    dimse = archive.settings.dimse
    entity = AE(ae_title=dimse.aet)
    entity.maximum_pdu_size = dimse.max_pdu
    entity.maximum_associations = dimse.max_associations
    entity.network_timeout = dimse.idle_timeout_s
    entity.acse_timeout = 30
    entity.dimse_timeout = None
    entity.add_supported_context(Verification)
    handlers: list[Any] = [
        (evt.EVT_REQUESTED, _quicken),
        (evt.EVT_C_ECHO, _on_c_echo),
        (evt.EVT_C_STORE, _on_c_store, [archive]),
    ]
    server = entity.start_server((host, port), block=False, evt_handlers=handlers)
    assert server is not None
    return server


def run(archive: Archive) -> None:
    """Receive until SIGTERM or SIGINT; associations get a moment to end their current object."""
    must_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: must_stop.set())
    tempfile.tempdir = str(archive.held.root / "spool")  # so that a finished object is linked, not copied
    server = start(archive, *archive.settings.dimse_address)
    must_stop.wait()
    server.ae.shutdown()
