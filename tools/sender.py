"""A lean sender over sockets, for what no ordinary one does: objects without end, and associations that misbehave."""

import io
import socket
import struct
import time
from collections.abc import Iterable, Iterator

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite

from invivo.protocols.dimse import command, pdu

CT, FIND, MOVE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.2"
EXPLICIT, JPEG_2000 = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.90"
VERIFICATION = "1.2.840.10008.1.1"
BLOCK = 1 << 20


class Refused(Exception):
    """The association was not accepted, or has ended."""


def data_set(study: str, series: str, instance: str, number: int = 1, **more: object) -> Dataset:
    """Return the header of a small CT object."""
    found = Dataset()
    found.SOPClassUID, found.SOPInstanceUID = CT, instance
    found.StudyDate, found.StudyTime, found.Modality = "20260102", "101112", "CT"
    found.StudyDescription, found.SeriesDescription = "ENDURANCE", "Endurance"
    found.PatientName, found.PatientID = "Endurance^Test", "ENDURANCE"
    found.StudyInstanceUID, found.SeriesInstanceUID = study, series
    found.SeriesNumber, found.InstanceNumber = 1, number
    found.ImagePositionPatient, found.ImageOrientationPatient = [0, 0, number], [1, 0, 0, 0, 1, 0]
    for keyword, value in more.items():
        setattr(found, keyword, value)
    return found


def encoded(found: Dataset, syntax: str = EXPLICIT) -> tuple[bytes, bytes]:
    """Write a data set; return the file with its meta information, and the data set alone."""
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = syntax
    found.file_meta.MediaStorageSOPClassUID, found.file_meta.MediaStorageSOPInstanceUID = CT, found.SOPInstanceUID
    out = io.BytesIO()
    dcmwrite(out, found, enforce_file_format=True)
    content = out.getvalue()
    length = int.from_bytes(content[140:144], "little")
    return content, content[144 + length :]


def endless(head: bytes, frames: int, frame_bytes: int = BLOCK) -> Iterator[bytes]:
    """Yield a data set whose encapsulated pixel data has so many frames."""
    yield head + struct.pack("<HH2sHLHHL", 0x7FE0, 0x10, b"OB", 0, 0xFFFFFFFF, 0xFFFE, 0xE000, 0)
    item = struct.pack("<HHL", 0xFFFE, 0xE000, frame_bytes)
    body = b"\xff\x4f\xff\x51" + bytes(range(256)) * (frame_bytes // 256 - 1) + bytes(252)
    for number in range(frames):
        yield item + body[:8] + struct.pack("<Q", number) + body[16:]
    yield struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


class Association:
    """An association as user of services, with blocking reads."""

    def __init__(
        self,
        port: int,
        contexts: Iterable[tuple[str, str]] = ((CT, EXPLICIT),),
        title: str = "ENDURANCE",
        timeout_s: float = 120.0,
    ) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        self._number = 0
        proposals = tuple(pdu.Proposal(2 * at + 1, uid, (syntax,)) for at, (uid, syntax) in enumerate(contexts))
        self._contexts = {one.abstract: one.id for one in proposals}
        request = pdu.AssociateRq("INVIVO", title, proposals, pdu.UserItems(131072, window=(0, 1)))
        self.connection.sendall(pdu.encode_rq(request))
        kind, body = self.unit()
        if kind != pdu.ASSOCIATE_AC:
            self.connection.close()
            raise Refused(f"unit {kind}: {body[:4].hex()}")
        self.longest = pdu.decode_ac(memoryview(body)).user.max_length or BLOCK

    def _exactly(self, count: int) -> bytes:
        while len(self._rest) < count:
            part = self.connection.recv(1 << 18)
            if not part:
                raise Refused("the archive has closed the connection")
            self._rest += part
        found, self._rest = self._rest[:count], self._rest[count:]
        return found

    def unit(self) -> tuple[int, bytes]:
        """Read one unit."""
        kind, length = struct.unpack(">BxL", self._exactly(6))
        return kind, self._exactly(length)

    def begin(
        self, field: int, class_uid: str, *more: tuple[int, str | int], content: bytes = b"", has_content: bool = True
    ) -> int:
        """Send a command, with a short data set if given; return its number."""
        self._number = self._number % 65535 + 1
        elements: list[tuple[int, str | int | bytes]] = [
            (command.AFFECTED_CLASS, class_uid),
            (command.FIELD, field),
            (command.MESSAGE_ID, self._number),
            (command.PRIORITY, 0),
            (command.DATA_SET_TYPE, 1 if has_content else command.NO_DATA_SET),
            *more,
        ]
        written = command.encode(sorted(elements))
        self.connection.sendall(pdu.p_data(self._contexts[class_uid], written, content, self.longest))
        return self._number

    def response(self) -> command.Command:
        """Read the next response, without its data set."""
        gathered = b""
        while True:
            kind, body = self.unit()
            if kind != pdu.P_DATA:
                raise Refused(f"unit {kind}")
            at = 0
            while at < len(body):
                length, _, flags = struct.unpack_from(">LBB", body, at)
                if flags & 1:
                    gathered += body[at + 6 : at + 4 + length]
                    if flags & 2:
                        return command.decode(gathered)
                at += 4 + length

    def final(self) -> command.Command:
        """Read responses up to the last."""
        while (found := self.response()).number(command.STATUS) in (0xFF00, 0xFF01):
            pass
        return found

    def store(self, instance: str, content: bytes) -> int:
        """Send an object; return the status."""
        self.begin(command.C_STORE_RQ, CT, (command.AFFECTED_INSTANCE, instance), content=content)
        return self.response().number(command.STATUS)

    def store_stream(self, instance: str, chunks: Iterable[bytes]) -> int:
        """Send an object piece by piece; return the status."""
        self.begin(command.C_STORE_RQ, CT, (command.AFFECTED_INSTANCE, instance))
        context, longest = self._contexts[CT], self.longest - 6
        for chunk in chunks:
            for at in range(0, len(chunk), longest):
                part = chunk[at : at + longest]
                self.connection.sendall(
                    pdu.p_data_head(context, is_command=False, is_last=False, length=len(part)) + part
                )
        self.connection.sendall(pdu.p_data_head(context, is_command=False, is_last=True, length=0))
        return self.response().number(command.STATUS)

    def echo(self) -> int:
        self.begin(command.C_ECHO_RQ, VERIFICATION, has_content=False)
        return self.response().number(command.STATUS)

    def release(self) -> None:
        """End it as one should."""
        self.connection.sendall(pdu.RELEASE_RQ_BYTES)
        try:
            while self.unit()[0] != pdu.RELEASE_RP:
                pass
        except (Refused, OSError):
            pass
        self.connection.close()


def echo_ms(port: int) -> float:
    """Return how long a new association with one C-ECHO takes."""
    began = time.perf_counter()
    one = Association(port, [(VERIFICATION, EXPLICIT)], "ECHO")
    if one.echo() != 0:
        raise Refused("no echo")
    one.release()
    return (time.perf_counter() - began) * 1000
