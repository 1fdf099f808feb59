"""Storage commitment, push model: which objects are kept here for certain.

The report goes over the same association if the peer keeps it open, else over one that we open to the peer's address in the
settings.

References
----------
DICOM PS3.4 Annex J.
"""

import asyncio

import structlog

from invivo import dicom, submissions
from invivo.archive import Archive
from invivo.errors import InvivoError
from invivo.protocols.dimse import command as commands
from invivo.protocols.dimse import pdu, scu
from invivo.protocols.dimse.identifier import Json, encode, read
from invivo.protocols.dimse.layer import Gone, UpperLayer
from invivo.protocols.dimse.negotiation import COMMITMENT, COMMITMENT_INSTANCE, EXPLICIT, IMPLICIT
from invivo.protocols.dimse.operation import Operation
from invivo.protocols.dimse.peer import Peer, peer_named
from invivo.protocols.dimse.status import (
    INVALID_ARGUMENT,
    NO_SUCH_ACTION,
    NO_SUCH_INSTANCE,
    SUCCESS,
    WRONG_CLASS,
)

_TRANSACTION, _REFERENCED, _CLASS, _INSTANCE = 0x00081195, 0x00081199, 0x00081150, 0x00081155
PATIENCE_S = 0.5
TRIES_S = (0.0, 5.0, 30.0)
_log = structlog.get_logger()

Reference = tuple[str, str]


async def act(operation: Operation) -> None:
    """Answer an N-ACTION that asks for commitment; the report follows."""
    asked = operation.asked
    if asked.instance_uid != COMMITMENT_INSTANCE:
        operation.respond(NO_SUCH_INSTANCE)
        return
    if asked.number(commands.ACTION_TYPE) != 1:
        operation.respond(NO_SUCH_ACTION)
        return
    keys = read(operation.content, operation.syntax)
    transaction = keys[_TRANSACTION].text if _TRANSACTION in keys else ""
    items = keys[_REFERENCED].items if _REFERENCED in keys else ()
    wanted = [tuple(item[tag].text if tag in item else "" for tag in (_CLASS, _INSTANCE)) for item in items]
    references: list[Reference] = [(one[0], one[1]) for one in wanted]
    if not dicom.is_valid(transaction) or not references or not all(dicom.is_valid(uid) for _, uid in references):
        operation.respond(INVALID_ARGUMENT, "A transaction UID and referenced instances are needed.")
        return
    operation.respond(SUCCESS)
    peer = peer_named(operation.archive.settings.dimse, operation.origin.calling_aet)
    operation.later(_report(operation, peer, transaction, references))


def result_of(
    archive: Archive, origin: submissions.Origin, transaction: str, references: list[Reference]
) -> tuple[int, Json]:
    """Return the event type and the event information: 1 all kept, 2 some are not."""
    known = submissions.kept(archive, origin, [uid for _, uid in references])
    done, failed = [], []
    for class_uid, uid in references:
        item = {"00081150": {"vr": "UI", "Value": [class_uid]}, "00081155": {"vr": "UI", "Value": [uid]}}
        if uid in known and known[uid] == class_uid:
            done.append(item)
        else:
            reason = WRONG_CLASS if uid in known else NO_SUCH_INSTANCE
            failed.append({**item, "00081197": {"vr": "US", "Value": [reason]}})
    json: dict[str, object] = {
        "00080054": {"vr": "AE", "Value": [archive.settings.dimse.aet]},
        "00081195": {"vr": "UI", "Value": [transaction]},
    }
    if done:
        json["00081199"] = {"vr": "SQ", "Value": done}
    if failed:
        json["00081198"] = {"vr": "SQ", "Value": failed}
    return (2 if failed else 1), json


async def _report(operation: Operation, peer: Peer | None, transaction: str, references: list[Reference]) -> None:
    archive, layer = operation.archive, operation.layer
    try:
        event, json = await asyncio.to_thread(result_of, archive, operation.origin, transaction, references)
        await asyncio.wait([layer.gone], timeout=PATIENCE_S)
        if layer.is_established:
            try:
                await _tell(layer, operation.context_id, event, json)
                return
            except (Gone, TimeoutError):
                pass  # the peer has left meanwhile, so it waits for an association of ours
        if peer is None:
            _log.warning("dimse.commitment-unsent", code="no-peer")
            return
        await _tell_anew(archive, peer, event, json)
    except Exception as error:  # because nobody waits for this task
        _log.error("dimse.commitment-unsent", error=type(error).__name__)


async def _tell(layer: UpperLayer, context_id: int, event: int, json: Json) -> None:
    number = layer.next_id()
    elements: list[tuple[int, int | str | bytes]] = [
        (commands.AFFECTED_CLASS, COMMITMENT),
        (commands.FIELD, commands.N_EVENT_REPORT_RQ),
        (commands.MESSAGE_ID, number),
        (commands.DATA_SET_TYPE, commands.DATA_SET),
        (commands.AFFECTED_INSTANCE, COMMITMENT_INSTANCE),
        (commands.EVENT_TYPE, event),
    ]
    content = encode(json, layer.syntaxes[context_id])
    layer.write(pdu.p_data(context_id, commands.encode(elements), content, layer.peer_max))
    try:
        await layer.answer(number, 30)
    finally:
        layer.forget(number)


async def _tell_anew(archive: Archive, peer: Peer, event: int, json: Json) -> None:
    """Report over an association of ours, in the role of the provider."""
    user = pdu.UserItems(max_length=scu.MAX_PDU, roles=(pdu.Role(COMMITMENT, scu=False, scp=True),))
    for wait_s in TRIES_S:
        await asyncio.sleep(wait_s)
        try:
            layer = await scu.associate(
                peer.host,
                peer.port,
                [(COMMITMENT, (EXPLICIT, IMPLICIT))],
                called=peer.aet,
                calling=archive.settings.dimse.aet,
                user=user,
            )
            try:
                await _tell(layer, layer.context_of(COMMITMENT), event, json)
            finally:
                await layer.release()
            return
        except (InvivoError, Gone, TimeoutError) as error:
            _log.warning("dimse.commitment-waits", error=type(error).__name__)
    _log.warning("dimse.commitment-unsent", code="unreachable")
