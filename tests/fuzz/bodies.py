"""What DICOMweb reads before any room is asked: multipart, XML and JSON data sets, Accept, Range."""

import random
import zlib

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request

from invivo import dicom, errors
from invivo.protocols import negotiation, wire
from invivo.protocols.dicomweb import multipart, native_model

KINDS = (b"M", b"X", b"J", b"A", b"R")
MULTIPART = (
    b"preamble\r\n--b\r\nContent-Type: application/dicom\r\n\r\nfirst\r\n--bound\r\n--b  \r\n\r\nsecond\r\n--b\r\nA: b\r\n\tc\r\n\r\n"
    b"\r\n--b--\r\nend"
)
DATA_SET = {
    "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
    "00080018": {"vr": "UI", "Value": ["1.2.3"]},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A^B", "Ideographic": "C"}]},
    "00200013": {"vr": "IS", "Value": [1]},
    "00281053": {"vr": "DS", "Value": [1.5, None]},
    "00091002": {"vr": "UN", "InlineBinary": "AAAA"},
    "00082112": {"vr": "SQ", "Value": [{"00081150": {"vr": "UI", "Value": ["1.2"]}}, {}]},
    "7FE00010": {"vr": "OW", "BulkDataURI": "bulk"},
}
ACCEPTS = (
    b'multipart/related; type="application/dicom"; transfer-syntax=*, */*;q=0.1',
    b'multipart/related; type="image/jls"; transfer-syntax=1.2.840.10008.1.2.4.80;q=0.9, application/octet-stream',
    b'text/html,application/xhtml+xml;q=0.9,image/*;q="a\\"b";x="',
)
RANGES = (b"bytes=0-1", b"bytes=-5", b"bytes=3-", b"bytes=0-1,4-5", b"bytes=999999999999999999-")
WORDS = (
    b"--b", b"\r\n", b"--", b"\r\n\r\n", b"; ", b'"', b"\\", b"=", b",", b"q=", b"<!ENTITY a 'b'>", b"&a;", b"<Item number='9'>",
    b"</Item>", b"<Value number='0'/>", b"<![CDATA[", b"{", b"}", b"[", b"null", b"-1", b"1e400", b'"vr":"SQ"', b"\xff", b"\0",
    b"bytes=", b"9" * 18, b" " * 300, b"[" * 200, b"/*", b"\xe2\x80\xa8",
)  # fmt: skip


def seeds() -> list[bytes]:
    return [
        b"M" + MULTIPART,
        b"X" + native_model.xml_of(DATA_SET),
        b"J" + orjson.dumps(DATA_SET),
        *(b"A" + one for one in ACCEPTS),
        *(b"R" + one for one in RANGES),
    ]


def changed(content: bytearray, rnd: random.Random) -> bytes:
    """Put words in, take parts out or twice, change bytes."""
    for _ in range(rnd.choice((1, 1, 2, 5))):
        at = rnd.randrange(len(content) + 1)
        kind = rnd.randrange(5)
        if kind == 0:
            content[at:at] = rnd.choice(WORDS) * rnd.choice((1, 1, 1, 3, 40))
        elif kind == 1:
            del content[at : at + rnd.choice((1, 2, 10, 100))]
        elif kind == 2:
            source = rnd.randrange(len(content) + 1)
            content[at:at] = content[source : source + rnd.choice((1, 5, 50))]
        elif kind == 3 and at < len(content):
            content[at] = rnd.randrange(256)
        elif rnd.random() < 0.2:
            del content[at:]
    return bytes(content[:20_000])


def mutated(content: bytes, rnd: random.Random) -> bytes:
    kind = content[:1] if content[:1] in KINDS and rnd.random() < 0.95 else rnd.choice(KINDS)
    return kind + changed(bytearray(content[1:]), rnd)


def _request(header: str, value: bytes) -> Request:
    return Request(
        {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [(header.encode(), value)]}
    )


def _accepted(request: Request) -> list[negotiation.MediaRange]:
    try:
        return negotiation.accepted(request)
    except negotiation.NotAcceptable:
        return []


def check(content: bytes) -> None:
    """Read one of the five."""
    kind, body = content[:1], content[1:]
    if kind == b"M":
        _check_multipart(body)
    elif kind == b"X":
        _check_xml(body)
    elif kind == b"J":
        _check_json(body)
    elif kind == b"A":
        for one in _accepted(_request("accept", body)):
            assert 0 < one.quality <= 1
            assert isinstance(one.transfer_syntax + one.inner, str)
    elif kind == b"R":
        try:
            found = wire.byte_range(_request("range", body), 10)
        except HTTPException:
            return
        assert found is None or 0 <= found[0] <= found[1] <= 10, f"a range outside: {found}"


def _taken(body: bytes, sizes: random.Random | None) -> object:
    chunks, at = [], 0
    while at < len(body):
        size = sizes.choice((1, 2, 7, 100, 5000)) if sizes else len(body)
        chunks.append(body[at : at + size])
        at += size
    try:
        return [(part.headers, b"".join(part.chunks)) for part in multipart.Multipart(iter(chunks), "b")]
    except errors.InvivoError as error:
        return type(error)


def _check_multipart(body: bytes) -> None:
    """What is taken out of a body does not depend on how it arrives."""
    whole = _taken(body, None)
    parts = _taken(body, random.Random(zlib.crc32(body)))
    assert whole == parts, "the parts depend on how the body is cut"


def _check_xml(body: bytes) -> None:
    try:
        found = native_model.json_of_xml(body)
        dicom.dataset_of(found)
    except errors.InvivoError:
        return
    native_model.json_of_xml(native_model.xml_of(found))


def _check_json(body: bytes) -> None:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return
    try:
        dataset = dicom.dataset_of(found)
        written = dicom.json_of(dataset)
    except errors.InvivoError:
        return
    orjson.dumps(written)
