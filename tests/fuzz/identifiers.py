"""Identifiers and command sets: small data sets that a peer sends, in whatever byte order."""

import random
from io import BytesIO

from invivo import dicom
from invivo.protocols.dimse import command, identifier, matching, pdu, query
from tests.fuzz import mutation, objects
from tests.fuzz.associations import ASKED, BIG, EXPLICIT, IMPLICIT

HEADER = {
    "00080005": {"vr": "CS", "Value": ["a" * 400]},
    "00080060": {"vr": "CS", "Value": ["aab" * 100, "1"]},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "a" * 2000}]},
    "00200013": {"vr": "IS", "Value": [1]},
    "00400275": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["a" * 100]}}]},
}
SYNTAXES = (IMPLICIT, EXPLICIT, BIG)


def seeds() -> list[bytes]:
    """Return identifiers, each behind a byte that says how it is written."""
    found = [bytes([0]) + ASKED]
    for content in objects.seeds()[:40]:
        try:
            body = dicom.scan(BytesIO(content)).json
        except dicom.Damaged:
            continue
        few = {key: entry for key, entry in body.items() if key < "00300000"}
        found += [bytes([number]) + identifier.encode(few, syntax)[:4000] for number, syntax in enumerate(SYNTAXES)]
    return found


def mutated(content: bytes, rnd: random.Random) -> bytes:
    changed = mutation.mutated_object(content[1:], rnd, 20_000)
    return bytes([content[0] if content and rnd.random() < 0.9 else rnd.randrange(3)]) + changed


def check(content: bytes) -> None:
    """Read it, write what was read, and read that."""
    syntax, body = SYNTAXES[(content[:1] or b"\0")[0] % 3], content[1:]
    try:
        command.response(command.decode(body), 0)
    except pdu.BadPdu:
        pass
    try:
        keys = identifier.read(body, syntax)
    except identifier.BadIdentifier:
        return
    try:
        query.question_of(body, syntax, ("PATIENT", "STUDY", "SERIES", "IMAGE"), is_relational=True)
    except identifier.BadIdentifier:
        pass
    matching.fits(keys, HEADER)
    for key in keys.values():
        assert isinstance(key.is_universal, bool)
        assert len(key.values) <= len(key.text) + 1
