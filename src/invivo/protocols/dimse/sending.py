"""Objects on their way out: from a file into P-DATA units of the length that the peer takes, without a copy in between.

The heads of all units of one length are the same. They are written once into a block of memory, and the file is read into
the gaps between them by one call.

References
----------
DICOM PS3.8 9.3.5, Annex E; PS3.10 7.1.
"""

import asyncio
import os
import struct
import tempfile
from dataclasses import dataclass, field

from pydicom.uid import UID

from invivo import dicom, images
from invivo.archive import Archive
from invivo.errors import Broken
from invivo.protocols.dimse import command as commands
from invivo.protocols.dimse import pdu
from invivo.protocols.dimse.layer import UpperLayer
from invivo.protocols.dimse.negotiation import EXPLICIT, IMPLICIT

BLOCK_BYTES = 1 << 20
MOST_UNITS = 1000  # what one readv takes
LONGEST_UNIT = 1 << 18
_HEAD_BYTES = 12


class NoContext(Broken):
    """The peer takes an object neither as it is stored nor uncompressed."""

    code = "dimse.no-context"


class CutShort(Broken):
    """A stored file is shorter than the database says."""

    code = "dimse.cut-short"


class Block:
    """Memory for as many units of one presentation context as are sent at once."""

    def __init__(self, context_id: int, peer_max: int) -> None:
        self.context_id = context_id
        longest = min(peer_max or LONGEST_UNIT, LONGEST_UNIT)
        self.each = (longest - 6) // 2 * 2
        count = min(max(BLOCK_BYTES // self.each, 1), MOST_UNITS)
        head = pdu.p_data_head(context_id, is_command=False, is_last=False, length=self.each)
        self._memory = memoryview(bytearray((head + bytes(self.each)) * count))
        stride = self.each + _HEAD_BYTES
        self._gaps = [self._memory[at + _HEAD_BYTES : at + stride] for at in range(0, count * stride, stride)]
        self._marked = -1

    def fill(self, handle: int, at: int, left: int) -> tuple[memoryview, int]:
        """Read from a file; return the units and how many bytes of the file are in them.

        Raises
        ------
        CutShort
        """
        stride = self.each + _HEAD_BYTES
        if self._marked >= 0:
            self._mark(self._marked, self.each, is_last=False)
            self._marked = -1
        taken = min(left, self.each * len(self._gaps))
        whole, rest = divmod(taken, self.each)
        gaps = self._gaps[:whole] + ([self._gaps[whole][:rest]] if rest else [])
        got = os.preadv(handle, gaps, at)
        if got != taken:
            raise CutShort("A stored object is shorter than it was; run `invivo verify`.")
        if taken == left or rest:
            self._marked = whole if rest else whole - 1
            self._mark(self._marked, rest or self.each, is_last=taken == left)
        return self._memory[: whole * stride + (rest + _HEAD_BYTES if rest else 0)], taken

    def _mark(self, number: int, length: int, *, is_last: bool) -> None:
        at = number * (self.each + _HEAD_BYTES)
        self._memory[at : at + _HEAD_BYTES] = pdu.p_data_head(
            self.context_id, is_command=False, is_last=is_last, length=length
        )


@dataclass(slots=True)
class Outgoing:
    """An object that is open and of which the first part is read."""

    instance: images.Instance
    context_id: int
    handle: int
    at: int
    left: int
    block: Block
    first: memoryview = field(default_factory=lambda: memoryview(b""))

    def close(self) -> None:
        """Close the file; more than once does no harm."""
        handle, self.handle = self.handle, -1
        if handle >= 0:
            os.close(handle)


def context_for(layer: UpperLayer, class_uid: str, syntax: str) -> tuple[int, str]:
    """Return the presentation context for an object and the syntax that it travels in.

    Raises
    ------
    NoContext
    """
    accepted = {layer.syntaxes[number]: number for number, uid in layer.abstracts.items() if uid == class_uid}
    for wanted in (syntax, EXPLICIT, IMPLICIT):
        if wanted in accepted:
            return accepted[wanted], wanted
    raise NoContext("The peer takes the object neither as it is stored nor uncompressed.")


def content_start(handle: int, at: int) -> int:
    """Return where the data set of a file begins that begins at `at` of its storage; raises CutShort."""
    head = os.pread(handle, 1 << 16, at)
    if head[128:132] != b"DICM":
        raise CutShort("A stored object is no DICOM file; run `invivo verify`.")
    place = 132
    try:
        while head[place : place + 2] == b"\x02\0":
            if head[place + 4 : place + 6] in (b"OB", b"UN", b"OW", b"UT"):
                place += 12 + int(struct.unpack_from("<L", head, place + 8)[0])
            else:
                place += 8 + int(struct.unpack_from("<H", head, place + 6)[0])
    except struct.error:
        raise CutShort("The head of a stored object cannot be read; run `invivo verify`.") from None
    return at + place


def _uncompressed(archive: Archive, instance: images.Instance, syntax: str) -> tuple[int, int]:
    """Write an object in another syntax to a nameless file; return its handle and size."""
    limits = archive.settings.limits
    bounds = dicom.Limits(header_bytes=limits.header_bytes, depth=limits.nesting)
    with archive.objects.open(instance.digest) as stored:
        dataset = dicom.as_uncompressed(stored, bounds)
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    content = dicom.encoded(dataset)
    with tempfile.TemporaryFile() as out:
        out.write(content)
        out.flush()
        return os.dup(out.fileno()), len(content)


def opened(archive: Archive, layer: UpperLayer, instance: images.Instance, block: Block | None) -> Outgoing:
    """Open an object for a peer and read its first part; in a thread.

    Parameters
    ----------
    block : Block, optional
        Memory that is free; taken if it fits.

    Raises
    ------
    NoContext, CutShort, Missing, Undecodable, Damaged
    """
    context_id, syntax = context_for(layer, instance.sop_class_uid, instance.transfer_syntax_uid)
    if syntax == instance.transfer_syntax_uid:
        place = archive.objects.place(instance.digest)
        handle, start, size = os.open(place.path, os.O_RDONLY), place.offset, place.length
    else:
        start = 0
        handle, size = _uncompressed(archive, instance, syntax)
    try:
        at = content_start(handle, start)
        if block is None or block.context_id != context_id:
            block = Block(context_id, layer.peer_max)
        found = Outgoing(instance, context_id, handle, at, start + size - at, block)
        if found.left <= 0:
            raise CutShort("A stored object has no data set; run `invivo verify`.")
        found.first, taken = block.fill(handle, at, found.left)
    except BaseException:
        os.close(handle)
        raise
    found.at += taken
    found.left -= taken
    return found


async def send(layer: UpperLayer, one: Outgoing, *, originator: tuple[str, int] | None = None) -> int:
    """Send an object by C-STORE; return the status of the answer.

    Parameters
    ----------
    originator : (title, message number), optional
        Who asked for it by C-MOVE.

    Raises
    ------
    Gone, TimeoutError, CutShort
    """
    number = layer.next_id()
    elements: list[tuple[int, int | str | bytes]] = [
        (commands.AFFECTED_CLASS, one.instance.sop_class_uid),
        (commands.FIELD, commands.C_STORE_RQ),
        (commands.MESSAGE_ID, number),
        (commands.PRIORITY, 0),
        (commands.DATA_SET_TYPE, commands.DATA_SET),
        (commands.AFFECTED_INSTANCE, one.instance.uid),
    ]
    if originator is not None:
        elements += [(commands.MOVE_ORIGINATOR, originator[0].encode()), (commands.MOVE_ORIGINATOR_ID, originator[1])]
    try:
        async with layer.sending() as transport:
            transport.write(pdu.p_data(one.context_id, commands.encode(elements), b"", layer.peer_max))
            transport.write(one.first)
            if one.left:
                await _send_rest(layer, transport, one)
            await layer.drain()
        found, _ = await layer.answer(number)
    finally:
        layer.forget(number)
        one.close()
    return found.number(commands.STATUS)


async def _send_rest(layer: UpperLayer, transport: asyncio.Transport, one: Outgoing) -> None:
    """Send what follows the first part: one block is read while another leaves."""
    spare = Block(one.context_id, layer.peer_max)
    blocks = [spare, one.block]
    while one.left:
        units, taken = await asyncio.to_thread(blocks[0].fill, one.handle, one.at, one.left)
        one.at += taken
        one.left -= taken
        await layer.drain()
        transport.write(units)
        blocks.reverse()
