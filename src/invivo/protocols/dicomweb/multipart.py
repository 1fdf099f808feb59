"""A multipart body taken apart as it arrives: one buffer, no part ever whole in memory.

References
----------
RFC 2046 5.1.1.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from invivo.errors import Invalid

LONGEST_HEAD = 16 << 10
LONGEST_PADDING = 256
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? @&%*!#$;\[\]{}|~^`-]{1,200}")


class BadMultipart(Invalid):
    """The body is not the multipart that its Content-Type promises."""

    code = "stow.multipart"


class Truncated(BadMultipart):
    """The body ends before its last boundary."""

    code = "stow.truncated"


def _taken(buffer: bytearray, count: int) -> bytes:
    """Take bytes off the front of a buffer, copied once."""
    with memoryview(buffer) as view, view[:count] as part:
        taken = bytes(part)
    del buffer[:count]
    return taken


@dataclass(frozen=True, slots=True)
class BodyPart:
    """A part: its headers by lower-case name, and its bytes, to be read before the next part is asked for."""

    headers: dict[str, str]
    chunks: Iterator[bytes]


class Multipart:
    """The parts of a body.

    Parameters
    ----------
    body : iterator of bytes
        In blocks of any size.
    boundary : str
        As the Content-Type says.

    Raises
    ------
    BadMultipart
        The boundary is malformed.
    """

    def __init__(self, body: Iterator[bytes], boundary: str) -> None:
        if not _BOUNDARY.fullmatch(boundary):
            raise BadMultipart("The boundary of the multipart is missing or malformed.")
        self._body = body
        self._delimiter = b"\r\n--" + boundary.encode("ascii")
        self._buffer = bytearray(b"\r\n")  # so that the first boundary looks like all others
        self._is_inside = False

    def __iter__(self) -> Iterator[BodyPart]:
        """Yield the parts; what is left of a part that was not read is passed over.

        Raises
        ------
        BadMultipart, Truncated
        """
        for _ in self._to_delimiter():
            pass  # what stands before the first boundary means nothing
        while self._another():
            headers = self._head()
            self._is_inside = True
            chunks = self._to_delimiter()
            yield BodyPart(headers, chunks)
            for _ in chunks:
                pass
            if self._is_inside:
                raise BadMultipart("A part was left in the middle.")

    def _more(self) -> None:
        block = next(self._body, None)
        if block is None:
            raise Truncated("The body ends before its last boundary.")
        self._buffer += block

    def _to_delimiter(self) -> Iterator[bytes]:
        """Yield bytes up to the next delimiter, which is taken off."""
        buffer, delimiter = self._buffer, self._delimiter
        kept = len(delimiter) + LONGEST_PADDING
        searched = 0
        while True:
            place = buffer.find(delimiter, searched)
            if place < 0:
                if len(buffer) > kept:
                    yield _taken(buffer, len(buffer) - kept)
                searched = max(len(buffer) - len(delimiter) + 1, 0)
                self._more()
                continue
            end = place + len(delimiter)
            if not self._ends_line(end):
                searched = place + 1
                continue
            if place:
                yield _taken(buffer, place)
                end -= place
            del buffer[:end]
            self._is_inside = False
            return

    def _ends_line(self, end: int) -> bool:
        """Tell whether what follows makes it a boundary, not data that only begin like one."""
        while len(self._buffer) < end + 2:
            self._more()
        return bytes(self._buffer[end : end + 1]) in (b"\r", b" ", b"\t") or self._buffer[end : end + 2] == b"--"

    def _another(self) -> bool:
        """Take the rest of a boundary's line; False after the last."""
        while len(self._buffer) < 2:
            self._more()
        if self._buffer[:2] == b"--":
            for _ in self._body:
                pass  # an epilogue means nothing
            return False
        end = self._find(b"\r\n", LONGEST_PADDING)
        if self._buffer[:end].strip(b" \t"):
            raise BadMultipart("Something stands behind a boundary of the multipart.")
        del self._buffer[:end]  # the line's end stays: a part without headers begins with an empty line
        return True

    def _find(self, mark: bytes, longest: int) -> int:
        while (place := self._buffer.find(mark, 0, longest + len(mark))) < 0:
            if len(self._buffer) > longest + len(mark):
                raise BadMultipart("The headers of a part are too long or malformed.")
            self._more()
        return place

    def _head(self) -> dict[str, str]:
        end = self._find(b"\r\n\r\n", LONGEST_HEAD)
        text = bytes(self._buffer[:end]).decode("latin-1")
        del self._buffer[: end + 4]
        headers: dict[str, str] = {}
        for line in text.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n"):
            name, colon, value = line.partition(":")
            if line and not colon:
                raise BadMultipart("A header of a part is malformed.")
            if line:
                headers.setdefault(name.strip().lower(), value.strip())
        return headers
