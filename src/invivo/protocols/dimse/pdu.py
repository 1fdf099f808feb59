"""Protocol data units of the DICOM upper layer as bytes, and back.

Whatever is read here comes from anybody: each length is checked against what is there before it is believed, and what does
not fit raises ``BadPdu`` with the reason that the abort gives. P-DATA is read piece by piece in ``layer``.

References
----------
DICOM PS3.8 9.3 (PDUs) and Annex D; PS3.7 Annex D.3 (user items).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from invivo.errors import Invalid

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)
APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
IMPLEMENTATION_UID = "2.25.142024668858071261532098123054725697714"
IMPLEMENTATION_VERSION = "INVIVO_0.1"
MOST_CONTEXTS, MOST_SYNTAXES = 128, 256

# A-ABORT reasons of the service provider (PS3.8 table 9-26).
UNRECOGNISED_PDU, UNEXPECTED_PDU, BAD_PARAMETER, UNEXPECTED_PARAMETER, BAD_VALUE = 1, 2, 4, 5, 6

_HEAD = struct.Struct(">BxL")
_ITEM = struct.Struct(">BxH")
_PDATA = struct.Struct(">BxLLBB")
RELEASE_RQ_BYTES = _HEAD.pack(RELEASE_RQ, 4) + bytes(4)
RELEASE_RP_BYTES = _HEAD.pack(RELEASE_RP, 4) + bytes(4)


class BadPdu(Invalid):
    """A peer sent what no protocol data unit of the standard is."""

    code = "dimse.bad-pdu"

    def __init__(self, message: str, reason: int = BAD_VALUE) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Proposal:
    """A presentation context that is asked for."""

    id: int
    abstract: str
    syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a proposal.

    Attributes
    ----------
    result : int
        0 accepted, 1 refused by the user, 2 no reason, 3 abstract syntax unknown, 4 transfer syntaxes unknown.
    """

    id: int
    result: int
    syntax: str


@dataclass(frozen=True, slots=True)
class Role:
    """Who may be user and who provider of a class (PS3.7 D.3.3.4)."""

    uid: str
    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the peer says it is (PS3.7 D.3.3.7). Its text form shows no secret."""

    kind: int
    wants_answer: bool
    primary: bytes = field(repr=False)
    secondary: bytes = field(repr=False, default=b"")


@dataclass(frozen=True, slots=True)
class UserItems:
    """What both sides say about themselves."""

    max_length: int = 0
    implementation_uid: str = IMPLEMENTATION_UID
    implementation_version: str = IMPLEMENTATION_VERSION
    window: tuple[int, int] | None = None
    roles: tuple[Role, ...] = ()
    extended: tuple[tuple[str, bytes], ...] = ()
    identity: Identity | None = None
    identity_answer: bytes | None = None


@dataclass(frozen=True, slots=True)
class AssociateRq:
    """A-ASSOCIATE-RQ."""

    called: str
    calling: str
    contexts: tuple[Proposal, ...]
    user: UserItems = UserItems()
    application_context: str = APPLICATION_CONTEXT
    version: int = 1


@dataclass(frozen=True, slots=True)
class AssociateAc:
    """A-ASSOCIATE-AC."""

    called: str
    calling: str
    contexts: tuple[Verdict, ...]
    user: UserItems = UserItems()


# ---- writing -------------------------------------------------------------------------------------------------------


def _item(kind: int, content: bytes) -> bytes:
    return _ITEM.pack(kind, len(content)) + content


def _sized(content: bytes) -> bytes:
    return struct.pack(">H", len(content)) + content


def _title(text: str) -> bytes:
    return text.encode("ascii", "replace")[:16].ljust(16)


def _user_items(user: UserItems) -> bytes:
    parts = [_item(0x51, struct.pack(">L", user.max_length)), _item(0x52, user.implementation_uid.encode())]
    if user.window is not None:
        parts.append(_item(0x53, struct.pack(">HH", *user.window)))
    parts += [_item(0x54, _sized(one.uid.encode()) + bytes((one.scu, one.scp))) for one in user.roles]
    if user.implementation_version:
        parts.append(_item(0x55, user.implementation_version.encode()))
    parts += [_item(0x56, _sized(uid.encode()) + content) for uid, content in user.extended]
    if user.identity is not None:
        who = user.identity
        head = bytes((who.kind, who.wants_answer))
        parts.append(_item(0x58, head + _sized(who.primary) + _sized(who.secondary)))
    if user.identity_answer is not None:
        parts.append(_item(0x59, _sized(user.identity_answer)))
    return _item(0x50, b"".join(parts))


def _associate(kind: int, called: str, calling: str, items: list[bytes]) -> bytes:
    body = struct.pack(">HH", 1, 0) + _title(called) + _title(calling) + bytes(32) + b"".join(items)
    return _HEAD.pack(kind, len(body)) + body


def encode_rq(request: AssociateRq) -> bytes:
    """Write an A-ASSOCIATE-RQ (PS3.8 9.3.2)."""
    items = [_item(0x10, request.application_context.encode())]
    for one in request.contexts:
        inner = _item(0x30, one.abstract.encode()) + b"".join(_item(0x40, uid.encode()) for uid in one.syntaxes)
        items.append(_item(0x20, bytes((one.id, 0, 0, 0)) + inner))
    return _associate(ASSOCIATE_RQ, request.called, request.calling, [*items, _user_items(request.user)])


def encode_ac(accepted: AssociateAc) -> bytes:
    """Write an A-ASSOCIATE-AC (PS3.8 9.3.3)."""
    items = [_item(0x10, APPLICATION_CONTEXT.encode())]
    items += [
        _item(0x21, bytes((one.id, 0, one.result, 0)) + _item(0x40, one.syntax.encode())) for one in accepted.contexts
    ]
    return _associate(ASSOCIATE_AC, accepted.called, accepted.calling, [*items, _user_items(accepted.user)])


def encode_rj(result: int, source: int, reason: int) -> bytes:
    """Write an A-ASSOCIATE-RJ (PS3.8 9.3.4)."""
    return _HEAD.pack(ASSOCIATE_RJ, 4) + bytes((0, result, source, reason))


def encode_abort(source: int, reason: int) -> bytes:
    """Write an A-ABORT; `source` is 0 for the user, 2 for the provider (PS3.8 9.3.8)."""
    return _HEAD.pack(ABORT, 4) + bytes((0, 0, source, reason))


def p_data_head(context_id: int, *, is_command: bool, is_last: bool, length: int) -> bytes:
    """Write what precedes `length` bytes of a message in a P-DATA-TF with one value (PS3.8 9.3.5, Annex E.2)."""
    return _PDATA.pack(P_DATA, length + 6, length + 2, context_id, is_command | is_last << 1)


def p_data(context_id: int, command: bytes, content: bytes = b"", max_length: int = 0) -> bytes:
    """Write a whole message of a command and perhaps a data set, in as few units as the peer takes."""
    longest = max_length - 6 if max_length else 1 << 20
    parts: list[bytes] = []
    for is_command, whole in ((True, command), (False, content)):
        for start in range(0, len(whole), longest):
            part = whole[start : start + longest]
            is_last = start + longest >= len(whole)
            parts += [p_data_head(context_id, is_command=is_command, is_last=is_last, length=len(part)), part]
    return b"".join(parts)


# ---- reading -------------------------------------------------------------------------------------------------------


def _items(content: memoryview) -> Iterator[tuple[int, memoryview]]:
    at, end = 0, len(content)
    while at < end:
        if end - at < 4:
            raise BadPdu("An item is cut short.")
        kind, length = _ITEM.unpack_from(content, at)
        at += 4
        if length > end - at:
            raise BadPdu("An item claims to be longer than what holds it.")
        yield kind, content[at : at + length]
        at += length


def _text(content: memoryview, longest: int = 64) -> str:
    """Read a UID or a name: plain characters, without padding."""
    if len(content) > longest + 1:
        raise BadPdu("A name is longer than the standard allows.")
    text = bytes(content).decode("ascii", "replace").strip("\0 ")
    if not text.isprintable():
        raise BadPdu("A name holds control characters.")
    return text


def _named(content: memoryview) -> tuple[str, memoryview]:
    """Read a UID with its length before it; return it and what follows."""
    found, rest = _block(content)
    return _text(found), rest


def _block(content: memoryview) -> tuple[memoryview, memoryview]:
    if len(content) < 2:
        raise BadPdu("A length is missing.")
    length = int.from_bytes(content[:2], "big")
    if length > len(content) - 2:
        raise BadPdu("A field claims to be longer than its item.")
    return content[2 : 2 + length], content[2 + length :]


def _identity(content: memoryview) -> Identity:
    if len(content) < 2:
        raise BadPdu("The user identity is cut short.")
    primary, rest = _block(content[2:])
    secondary, _ = _block(rest)
    return Identity(content[0], content[1] == 1, bytes(primary), bytes(secondary))


def _read_user_items(content: memoryview) -> UserItems:
    found: dict[str, object] = {"implementation_uid": "", "implementation_version": ""}
    roles: dict[str, Role] = {}
    extended: dict[str, bytes] = {}
    for kind, item in _items(content):
        if kind in (0x51, 0x53) and len(item) != 4:
            raise BadPdu("A user item has the wrong length.")
        if kind == 0x51:
            found["max_length"] = int.from_bytes(item, "big")
        elif kind == 0x52:
            found["implementation_uid"] = _text(item)
        elif kind == 0x53:
            found["window"] = struct.unpack(">HH", item)
        elif kind == 0x54:
            uid, rest = _named(item)
            if len(rest) < 2:
                raise BadPdu("A role selection is cut short.")
            roles[uid] = Role(uid, rest[0] == 1, rest[1] == 1)
        elif kind == 0x55:
            found["implementation_version"] = _text(item)
        elif kind == 0x56:
            uid, rest = _named(item)
            extended[uid] = bytes(rest[:256])
        elif kind == 0x58:
            found["identity"] = _identity(item)
        elif kind == 0x59:
            found["identity_answer"] = bytes(_block(item)[0])
        # 57H, common extended negotiation, and items of later editions are passed over (PS3.8 9.3.1).
    return UserItems(**found, roles=tuple(roles.values()), extended=tuple(extended.items()))  # type: ignore[arg-type]


def _proposal(content: memoryview) -> Proposal:
    if len(content) < 4:
        raise BadPdu("A presentation context is cut short.")
    abstract, syntaxes = "", []
    for kind, item in _items(content[4:]):
        if kind == 0x30:
            abstract = _text(item)
        elif kind == 0x40:
            syntaxes.append(_text(item))
    if not content[0] % 2 or not abstract or not syntaxes or len(syntaxes) > MOST_SYNTAXES:
        raise BadPdu("A presentation context is not as the standard has it.")
    return Proposal(content[0], abstract, tuple(syntaxes))


def _verdict(content: memoryview) -> Verdict:
    if len(content) < 4:
        raise BadPdu("A presentation context is cut short.")
    syntax = ""
    for kind, item in _items(content[4:]):
        syntax = _text(item) if kind == 0x40 else syntax
    return Verdict(content[0], content[2], syntax)


def _head(body: memoryview) -> tuple[int, str, str]:
    if len(body) < 68:
        raise BadPdu("An A-ASSOCIATE is cut short.")
    return int.from_bytes(body[:2], "big"), _text(body[4:20], 16), _text(body[20:36], 16)


def decode_rq(body: memoryview) -> AssociateRq:
    """Read an A-ASSOCIATE-RQ behind its first six bytes; raises BadPdu."""
    version, called, calling = _head(body)
    application, user = "", UserItems()
    contexts: dict[int, Proposal] = {}
    for kind, item in _items(body[68:]):
        if kind == 0x10:
            application = _text(item)
        elif kind == 0x20:
            one = _proposal(item)
            if one.id in contexts:
                raise BadPdu("Two presentation contexts have one number.")
            contexts[one.id] = one
        elif kind == 0x50:
            user = _read_user_items(item)
    if not contexts or len(contexts) > MOST_CONTEXTS:
        raise BadPdu("An association has 1 to 128 presentation contexts.")
    return AssociateRq(called, calling, tuple(contexts.values()), user, application, version)


def decode_ac(body: memoryview) -> AssociateAc:
    """Read an A-ASSOCIATE-AC behind its first six bytes; raises BadPdu."""
    _, called, calling = _head(body)
    contexts: list[Verdict] = []
    user = UserItems()
    for kind, item in _items(body[68:]):
        if kind == 0x21:
            contexts.append(_verdict(item))
        elif kind == 0x50:
            user = _read_user_items(item)
    return AssociateAc(called, calling, tuple(contexts), user)


def decode_four(body: memoryview) -> tuple[int, int, int]:
    """Read the three numbers of an A-ASSOCIATE-RJ, or of an A-ABORT (its first is reserved); raises BadPdu."""
    if len(body) < 4:
        raise BadPdu("A protocol data unit is cut short.")
    return body[1], body[2], body[3]
