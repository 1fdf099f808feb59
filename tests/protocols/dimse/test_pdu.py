"""Units of the upper layer: byte for byte as pynetdicom writes them, and never more than an abort for what nobody should send."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom import pdu as theirs
from pynetdicom.pdu_primitives import (
    A_ABORT,
    A_ASSOCIATE,
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from pynetdicom.presentation import build_context

from invivo.protocols.dimse import command, pdu
from invivo.protocols.dimse.pdu import BadPdu

CT, EXPLICIT, IMPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
REQUEST = pdu.AssociateRq(
    "INVIVO",
    "SCANNER",
    (pdu.Proposal(1, CT, (EXPLICIT, IMPLICIT)), pdu.Proposal(3, FIND, (IMPLICIT,))),
    pdu.UserItems(
        max_length=16382,
        implementation_uid="1.2.3.4",
        implementation_version="SCANNER_1",
        window=(3, 1),
        roles=(pdu.Role(CT, scu=True, scp=True),),
        extended=((FIND, b"\x01\x00"),),
        identity=pdu.Identity(2, True, b"ada", b"secret"),
    ),
)


def user_items(*, with_request: bool) -> list[object]:
    length, implementation, version = (
        MaximumLengthNotification(),
        ImplementationClassUIDNotification(),
        ImplementationVersionNameNotification(),
    )
    length.maximum_length_received = 16382
    implementation.implementation_class_uid = "1.2.3.4"
    version.implementation_version_name = "SCANNER_1"
    window = AsynchronousOperationsWindowNegotiation()
    window.maximum_number_operations_invoked, window.maximum_number_operations_performed = 3, 1
    role = SCP_SCU_RoleSelectionNegotiation()
    role.sop_class_uid, role.scu_role, role.scp_role = CT, True, True
    extended = SOPClassExtendedNegotiation()
    extended.sop_class_uid, extended.service_class_application_information = FIND, b"\x01\x00"
    who = UserIdentityNegotiation()
    who.user_identity_type, who.positive_response_requested = 2, True
    who.primary_field, who.secondary_field = b"ada", b"secret"
    return [length, implementation, window, role, version, extended, *([who] if with_request else [])]


def primitive() -> A_ASSOCIATE:
    made = A_ASSOCIATE()
    made.application_context_name = pdu.APPLICATION_CONTEXT
    made.called_ae_title, made.calling_ae_title = "INVIVO", "SCANNER"
    contexts = [build_context(CT, [EXPLICIT, IMPLICIT]), build_context(FIND, IMPLICIT)]
    for number, context in enumerate(contexts):
        context.context_id = 2 * number + 1
    made.presentation_context_definition_list = contexts
    return made


def test_a_request_is_written_as_pynetdicom_writes_it() -> None:
    asked = primitive()
    asked.user_information = user_items(with_request=True)
    other = theirs.A_ASSOCIATE_RQ()
    other.from_primitive(asked)
    assert pdu.encode_rq(REQUEST) == other.encode()


def test_a_request_of_pynetdicom_is_read_as_it_was_meant() -> None:
    asked = primitive()
    asked.user_information = user_items(with_request=True)
    other = theirs.A_ASSOCIATE_RQ()
    other.from_primitive(asked)
    assert pdu.decode_rq(memoryview(other.encode())[6:]) == REQUEST


def test_an_acceptance_is_written_so_that_pynetdicom_writes_it_back_the_same() -> None:
    user = pdu.UserItems(16382, "1.2.3.4", "SCANNER_1", (3, 1), (pdu.Role(CT, True, True),), ((FIND, b"\x01"),))
    written = pdu.encode_ac(
        pdu.AssociateAc("INVIVO", "SCANNER", (pdu.Verdict(1, 0, EXPLICIT), pdu.Verdict(3, 3, IMPLICIT)), user)
    )
    other = theirs.A_ASSOCIATE_AC()
    other.decode(written)
    assert other.encode() == written
    assert pdu.decode_ac(memoryview(written)[6:]).user == user


@pytest.mark.parametrize("verdict", [(1, 1, 7), (2, 3, 2), (1, 2, 2)])
def test_a_rejection_is_written_as_pynetdicom_writes_it(verdict: tuple[int, int, int]) -> None:
    other = theirs.A_ASSOCIATE_RJ()
    other.result, other.source, other.reason_diagnostic = verdict
    assert pdu.encode_rj(*verdict) == other.encode()


def test_the_short_units_are_written_as_pynetdicom_writes_them() -> None:
    assert theirs.A_RELEASE_RQ().encode() == pdu.RELEASE_RQ_BYTES
    assert theirs.A_RELEASE_RP().encode() == pdu.RELEASE_RP_BYTES
    abort = A_ABORT()
    abort.abort_source = 0
    other = theirs.A_ABORT_RQ()
    other.from_primitive(abort)
    assert pdu.encode_abort(0, 0) == other.encode()


@pytest.mark.parametrize("longest", [0, 128, 1000, 16382])
def test_a_message_is_cut_into_units_that_pynetdicom_puts_together(longest: int) -> None:
    head, content = b"c" * 130, b"d" * 5000
    left = pdu.p_data(5, head, content, longest)
    parts: dict[int, bytes] = {1: b"", 0: b""}
    while left:
        length = struct.unpack_from(">L", left, 2)[0]
        assert not longest or length <= longest
        unit = theirs.P_DATA_TF()
        unit.decode(left[: 6 + length])
        for item in unit.presentation_data_value_items:
            assert item.presentation_context_id == 5
            flags = item.presentation_data_value[0]
            parts[flags & 1] += item.presentation_data_value[1:]
        left = left[6 + length :]
    assert (parts[1], parts[0]) == (head, content)


@pytest.mark.parametrize("cut", [0, 4, 67, 80, 120, -1, -5])
def test_a_request_that_is_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(BadPdu):
        pdu.decode_rq(memoryview(pdu.encode_rq(REQUEST))[6:][:cut])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_bytes_make_reading_fail_otherwise(data: st.DataObject) -> None:
    body = bytearray(pdu.encode_rq(REQUEST)[6:])
    for _ in range(data.draw(st.integers(1, 8))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    for read in (pdu.decode_rq, pdu.decode_ac, pdu.decode_four):
        try:
            read(memoryview(bytes(body)))
        except BadPdu:
            continue


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_no_command_set_makes_reading_fail_otherwise(content: bytes) -> None:
    try:
        found = command.decode(content)
    except BadPdu:
        return
    assert isinstance(found.class_uid, str) and isinstance(found.message_id, int)
    command.response(found, 0)
