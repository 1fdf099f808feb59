"""Associations with peers that behave badly, come in crowds, or say who they are."""

import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pynetdicom import AE, build_context
from pynetdicom.pdu_primitives import AsynchronousOperationsWindowNegotiation, UserIdentityNegotiation
from pynetdicom.sop_class import Verification

from invivo import accounts, submissions
from invivo.archive import Archive
from invivo.protocols import dimse
from invivo.protocols.dimse import command, pdu
from invivo.protocols.dimse.server import Running
from tests.factories import PASSWORD, SYSTEM, make_collection, make_image, make_person, make_submission
from tests.protocols.dimse.conftest import with_dimse

CT, EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"
REQUEST = pdu.AssociateRq(
    "LUNG",
    "SCANNER",
    (pdu.Proposal(1, CT, (EXPLICIT,)), pdu.Proposal(3, Verification, (EXPLICIT,))),
    pdu.UserItems(16384),
)


@pytest.fixture
def server(public_archive: Archive) -> Iterator[Running]:
    running = dimse.start(with_dimse(public_archive, idle_timeout_s=1.0), "127.0.0.1", 0)
    yield running
    running.shutdown()


def connect(server: Running) -> socket.socket:
    return socket.create_connection(server.server_address, timeout=10)


def unit(connection: socket.socket) -> tuple[int, bytes]:
    """Read one unit; (0, b"") when the peer has closed."""
    head = b""
    while len(head) < 6:
        part = connection.recv(6 - len(head))
        if not part:
            return 0, b""
        head += part
    kind, length = struct.unpack(">BxL", head)
    body = b""
    while len(body) < length:
        body += connection.recv(length - len(body))
    return kind, body


def associated(server: Running) -> socket.socket:
    connection = connect(server)
    connection.sendall(pdu.encode_rq(REQUEST))
    assert unit(connection)[0] == pdu.ASSOCIATE_AC
    return connection


def echo(number: int = 1) -> bytes:
    elements = [
        (command.AFFECTED_CLASS, str(Verification)),
        (command.FIELD, command.C_ECHO_RQ),
        (command.MESSAGE_ID, number),
        (command.DATA_SET_TYPE, command.NO_DATA_SET),
    ]
    return pdu.p_data(3, command.encode(elements))


def store_command(uid: str = "1.2.3", class_uid: str = CT) -> bytes:
    elements = [
        (command.AFFECTED_CLASS, class_uid),
        (command.FIELD, command.C_STORE_RQ),
        (command.MESSAGE_ID, 7),
        (command.PRIORITY, 0),
        (command.DATA_SET_TYPE, command.DATA_SET),
        (command.AFFECTED_INSTANCE, uid),
    ]
    return pdu.p_data(1, command.encode(elements))


def is_alive(server: Running) -> bool:
    association = AE().associate(*server.server_address, [build_context(Verification)])
    is_well = association.is_established and association.send_c_echo().Status == 0
    association.release()
    return is_well


HOSTILE = {
    "data before an association": pdu.p_data(1, b"x" * 10),
    "a release before an association": pdu.RELEASE_RQ_BYTES,
    "an unknown unit": b"\x09\0\0\0\0\4" + bytes(4),
    "a request of four gigabytes": b"\x01\0\xff\xff\xff\xff" + bytes(100),
    "a request of nothing": b"\x01\0\0\0\0\0",
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_no_association_begins_with_is_aborted(server: Running, name: str) -> None:
    with connect(server) as connection:
        connection.sendall(HOSTILE[name])
        kind, body = unit(connection)
        assert kind == pdu.ABORT and body[2] == 2
    assert is_alive(server)


IN_ASSOCIATION = {
    "a second request": pdu.encode_rq(REQUEST),
    "a unit longer than agreed": struct.pack(">BxL", 4, 1 << 30),
    "a value longer than its unit": struct.pack(">BxLLBB", 4, 12, 1000, 1, 3) + bytes(6),
    "a value of no length": struct.pack(">BxLL", 4, 6, 0) + bytes(2),
    "a context that nobody proposed": pdu.p_data(
        9, command.encode([(command.FIELD, command.C_ECHO_RQ), (command.DATA_SET_TYPE, 0x101)])
    ),
    "a data set without a command": pdu.p_data(1, b"", b"x" * 10),
    "a command that is none": pdu.p_data(1, b"x" * 40),
    "a command without end": b"".join(struct.pack(">BxLLBB", 4, 8006, 8002, 1, 1) + bytes(8000) for _ in range(20)),
    "a command inside a data set": store_command() + store_command(),
    "a data set in another context": store_command() + pdu.p_data(3, b"", b"x" * 10),
    "an acceptance": pdu.encode_ac(pdu.AssociateAc("A", "B", (pdu.Verdict(1, 0, EXPLICIT),))),
}


@pytest.mark.parametrize("name", IN_ASSOCIATION)
def test_what_an_association_may_not_bring_is_aborted(server: Running, name: str) -> None:
    with associated(server) as connection:
        connection.sendall(IN_ASSOCIATION[name])
        assert unit(connection)[0] == pdu.ABORT
    assert is_alive(server)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_bytes_bring_the_door_down(server: Running, data: st.DataObject) -> None:
    good = [store_command(), pdu.p_data(1, b"", b"x" * 50), echo(), pdu.RELEASE_RQ_BYTES]
    stream = bytearray(b"".join(data.draw(st.lists(st.sampled_from(good), min_size=1, max_size=4))))
    for _ in range(data.draw(st.integers(0, 4))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    with associated(server) as connection:
        connection.sendall(stream)
        connection.shutdown(socket.SHUT_WR)
        while unit(connection)[0]:
            continue


def test_the_door_lives_after_hostile_peers(server: Running) -> None:
    for content in (b"", b"\x01", b"\x01\0\0\0\1\0"):
        connection = connect(server)
        connection.sendall(content)
        connection.close()
    assert is_alive(server)


def test_a_unit_may_come_byte_by_byte(server: Running) -> None:
    with associated(server) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in echo():
            connection.sendall(bytes([byte]))
        assert unit(connection)[0] == pdu.P_DATA


def test_a_silent_association_is_ended(server: Running) -> None:
    with associated(server) as connection:
        began = time.monotonic()
        assert unit(connection)[0] == pdu.ABORT
        assert 0.5 < time.monotonic() - began < 5


def test_an_object_that_trickles_is_ended(server: Running) -> None:
    with associated(server) as connection:
        connection.sendall(store_command() + struct.pack(">BxLLBB", 4, 1006, 1002, 1, 0))
        began = time.monotonic()
        try:
            while time.monotonic() - began < 8:
                connection.sendall(b"x")
                time.sleep(0.05)
        except OSError:
            pass
        assert time.monotonic() - began < 6
    assert is_alive(server)


def test_two_hundred_associations_at_once_are_served(server: Running) -> None:
    connections = [connect(server) for _ in range(200)]
    for one in connections:
        one.sendall(pdu.encode_rq(REQUEST))
    assert [unit(one)[0] for one in connections] == [pdu.ASSOCIATE_AC] * 200
    for one in connections:
        one.sendall(echo())
    assert [unit(one)[0] for one in connections] == [pdu.P_DATA] * 200
    for one in connections:
        one.close()


@pytest.mark.parametrize("limits", [{"max_associations": 2}, {"max_of_peer": 2}])
def test_more_associations_than_allowed_are_refused_for_now(public_archive: Archive, limits: dict[str, int]) -> None:
    server = dimse.start(with_dimse(public_archive, **limits), "127.0.0.1", 0)
    try:
        first, second, third = associated(server), associated(server), connect(server)
        third.sendall(pdu.encode_rq(REQUEST))
        kind, body = unit(third)
        assert (kind, body[1:]) == (pdu.ASSOCIATE_RJ, bytes((2, 3, 2)))
        first.sendall(pdu.RELEASE_RQ_BYTES)
        assert unit(first)[0] == pdu.RELEASE_RP
        for one in (first, second, third):
            one.close()
        time.sleep(0.1)
        associated(server).close()
    finally:
        server.shutdown()


@pytest.mark.parametrize(("changes", "verdict"), [({"called": ["X"]}, (1, 1, 7)), ({"calling": ["X"]}, (1, 1, 3))])
def test_titles_that_are_not_listed_are_refused(
    public_archive: Archive, changes: dict[str, list[str]], verdict: tuple[int, int, int]
) -> None:
    server = dimse.start(with_dimse(public_archive, **changes), "127.0.0.1", 0)
    with connect(server) as connection:
        connection.sendall(pdu.encode_rq(REQUEST))
        kind, body = unit(connection)
    server.shutdown()
    assert (kind, tuple(body[1:])) == (pdu.ASSOCIATE_RJ, verdict)


@pytest.mark.parametrize("size", [1000, 3 << 20])
def test_a_client_that_vanishes_in_an_object_leaves_nothing(server: Running, archive: Archive, size: int) -> None:
    connection = associated(server)
    connection.sendall(store_command())
    for _ in range(size // 1000):
        connection.sendall(struct.pack(">BxLLBB", 4, 1006, 1002, 1, 0) + bytes(1000))
    connection.close()
    spool = archive.held.root / "spool"
    until = time.monotonic() + 5
    time.sleep(0.2)
    while list(spool.iterdir()) and time.monotonic() < until:
        time.sleep(0.02)
    assert list(spool.iterdir()) == []
    assert is_alive(server)


def test_a_large_object_streams_and_is_kept_as_it_came(server: Running, archive: Archive) -> None:
    made = make_submission(archive, make_collection(archive))
    submissions.add_sender(archive, SYSTEM, made.id, called_aet="LUNG")
    content = make_image(size=1500, SOPInstanceUID="1.2.3")
    data_set = content[144 + struct.unpack_from("<L", content, 140)[0] :]
    with associated(server) as connection:
        connection.sendall(store_command() + pdu.p_data(1, b"", data_set, 65536))
        kind, body = unit(connection)
        assert kind == pdu.P_DATA
        found = command.decode(body[6:])
    assert found.number(command.STATUS, 1) == 0
    with archive.database.transaction() as tx:
        row = tx.execute("select digest, size_bytes from quarantine.object").fetchone()
    kept = archive.held.place(row.digest).path.read_bytes()
    assert kept.endswith(data_set) and len(kept) == row.size_bytes


def test_an_object_over_the_limit_is_out_of_resources(public_archive: Archive, archive: Archive) -> None:
    changed = with_dimse(public_archive)
    small = changed.settings.model_copy(
        update={"limits": changed.settings.limits.model_copy(update={"object_bytes": 2 << 20})}
    )
    object.__setattr__(changed, "settings", small)
    server = dimse.start(changed, "127.0.0.1", 0)
    with associated(server) as connection:
        connection.sendall(store_command() + pdu.p_data(1, b"", bytes(5 << 20), 65536))
        found = command.decode(unit(connection)[1][6:])
        assert found.number(command.STATUS) == 0xA700
        connection.sendall(echo())
        assert unit(connection)[0] == pdu.P_DATA
    server.shutdown()


def test_objects_that_nobody_may_store_are_refused_and_the_association_goes_on(server: Running) -> None:
    with associated(server) as connection:
        connection.sendall(store_command(uid="../../etc") + pdu.p_data(1, b"", b"x" * 100))
        assert command.decode(unit(connection)[1][6:]).number(command.STATUS) == 0x0119
        connection.sendall(echo())
        assert unit(connection)[0] == pdu.P_DATA


def test_the_asynchronous_window_is_bounded_and_used(server: Running) -> None:
    item = AsynchronousOperationsWindowNegotiation()
    item.maximum_number_operations_invoked, item.maximum_number_operations_performed = 0, 0
    association = AE().associate(*server.server_address, [build_context(Verification)], ext_neg=[item])
    window = next(
        one for one in association.acceptor.user_information if isinstance(one, AsynchronousOperationsWindowNegotiation)
    )
    assert (window.maximum_number_operations_invoked, window.maximum_number_operations_performed) == (16, 1)
    association.release()
    with associated(server) as connection:
        connection.sendall(b"".join(echo(number) for number in range(1, 9)))
        answered = [command.decode(unit(connection)[1][6:]).number(command.RESPONDED_ID) for _ in range(8)]
    assert sorted(answered) == list(range(1, 9))


@pytest.mark.parametrize(("password", "is_let_in"), [(PASSWORD, True), ("wrong", False)])
def test_a_user_must_know_the_password(server: Running, archive: Archive, password: str, is_let_in: bool) -> None:
    make_person(archive, "ada")
    who = UserIdentityNegotiation()
    who.user_identity_type, who.positive_response_requested = 2, True
    who.primary_field, who.secondary_field = b"ada", password.encode()
    association = AE().associate(*server.server_address, [build_context(Verification)], ext_neg=[who])
    assert association.is_established is is_let_in
    if is_let_in:
        assert any(type(one).__name__ == "UserIdentityNegotiation" for one in association.acceptor.user_information)
        association.release()
    else:
        assert association.is_rejected
    assert accounts.person_named(archive, "ada").is_active


def test_a_stop_waits_for_the_object_under_way(public_archive: Archive, archive: Archive) -> None:
    made = make_submission(archive, make_collection(archive))
    submissions.add_sender(archive, SYSTEM, made.id, called_aet="LUNG")
    server = dimse.start(public_archive, "127.0.0.1", 0)
    content = make_image(size=200, SOPInstanceUID="1.2.3")
    data_set = content[144 + struct.unpack_from("<L", content, 140)[0] :]
    message = store_command() + pdu.p_data(1, b"", data_set)
    with associated(server) as connection:
        connection.sendall(message[:5000])
        time.sleep(0.1)
        stopping = threading.Thread(target=server.shutdown)
        stopping.start()
        time.sleep(0.1)
        connection.sendall(message[5000:])
        assert command.decode(unit(connection)[1][6:]).number(command.STATUS, 1) == 0
        stopping.join()


@pytest.mark.skipif(not shutil.which("termscu"), reason="DCMTK is not installed")
def test_dcmtk_is_turned_away_from_what_we_do_not_do(server: Running) -> None:
    host, port = server.server_address
    assert subprocess.run(["echoscu", host, str(port)], check=False).returncode == 0
    assert subprocess.run(["termscu", host, str(port)], capture_output=True, check=False).returncode in (0, 1)
    assert is_alive(server)


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
def test_the_secure_port_speaks_tls(public_archive: Archive, tmp_path: Path) -> None:
    command_line = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost"
    subprocess.run(command_line.split(), cwd=tmp_path, check=True, capture_output=True)
    changes = {"tls_certificate": str(tmp_path / "cert.pem"), "tls_key": str(tmp_path / "key.pem")}
    server = dimse.start(with_dimse(public_archive, **changes), "127.0.0.1", 0, is_secure=True)
    context = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    context.check_hostname = False
    association = AE().associate(*server.server_address, [build_context(Verification)], tls_args=(context, None))
    assert association.is_established and association.send_c_echo().Status == 0
    association.release()
    server.shutdown()


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
def test_only_clients_of_the_authority_that_is_set_are_let_in(public_archive: Archive, tmp_path: Path) -> None:
    for name in ("ours", "others"):
        line = (
            f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.pem -days 2 -subj /CN=localhost"
        )
        subprocess.run(line.split(), cwd=tmp_path, check=True, capture_output=True)
    changes = {
        "tls_certificate": str(tmp_path / "ours.pem"),
        "tls_key": str(tmp_path / "ours.key"),
        "tls_client_authority": str(tmp_path / "ours.pem"),
    }
    server = dimse.start(with_dimse(public_archive, **changes), "127.0.0.1", 0, is_secure=True)
    assert [_is_let_in(server, tmp_path, name) for name in ("ours", "others", "")] == [True, False, False]
    server.shutdown()


def _is_let_in(server: Running, folder: Path, name: str) -> bool:
    """Whether the secure port listens to who shows this certificate: it waits for what an association begins with."""
    context = ssl.create_default_context(cafile=str(folder / "ours.pem"))
    context.check_hostname = False
    if name:
        context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    with socket.create_connection(server.server_address, timeout=2) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as connection:
                connection.sendall(b"\x01")
                return bool(connection.recv(1))
        except TimeoutError:
            return True
        except OSError:
            return False
