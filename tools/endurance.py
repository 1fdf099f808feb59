"""What takes long or much room, done by hand: ``python -m tools.endurance series --count 92000``.

Each walk makes an archive of a house's own in a folder, does to it what its name says, tells what it saw, and removes the
folder. It ends with 1 when something acknowledged is lost or somebody well-behaved is not served.
"""

import argparse
import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.ours import Invivo
from bench.server import Watch, free_port
from tools import sender
from tools.sender import CT, EXPLICIT, FIND, JPEG_2000, MOVE, Association, Refused
from tools.walk import FAILED, asked, await_count, count_of, need, pss, served, spool_is_empty, timed, told

from invivo.protocols.dimse import command, identifier

# ---- one object of gigabytes -----------------------------------------------------------------------------------------


def _stow(archive: Invivo, chunks: Iterator[bytes]) -> int:
    """Post one object as it is made."""
    connection = http.client.HTTPConnection("127.0.0.1", archive.http, timeout=3600)

    def body() -> Iterator[bytes]:
        yield b"--b\r\nContent-Type: application/dicom\r\n\r\n"
        yield from chunks
        yield b"\r\n--b--"

    headers = {**archive.headers, "Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}
    connection.request("POST", "/dicom-web/studies", body(), headers, encode_chunked=True)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def large(home: Path, asked_for: argparse.Namespace) -> None:
    """Send one object of many gigabytes by C-STORE, fetch it, and again by STOW, in flat memory."""
    for door in asked_for.doors.split(","):
        with served(home) as archive:
            _one_large(archive, door, int(asked_for.gigabytes * 1024))
        shutil.rmtree(home / "archive")


def _one_large(archive: Invivo, door: str, frames: int) -> None:
    uid = "2.25.20.1.1"
    head = sender.data_set("2.25.20", "2.25.20.1", uid, Rows=512, Columns=512, NumberOfFrames=frames, BitsAllocated=16)
    whole, bare = sender.encoded(head, JPEG_2000)
    before, watch, began = pss(archive), Watch(archive), time.perf_counter()
    if door == "dimse":
        one = Association(archive.dimse, [(CT, JPEG_2000)], timeout_s=3600)
        status = one.store_stream(uid, sender.endless(bare, frames))
        one.release()
    else:
        status = _stow(archive, sender.endless(whole, frames))
    seconds = time.perf_counter() - began
    need(status == (0 if door == "dimse" else 200), f"{frames} MB by {door} are taken (status {status})")
    told(f"  acknowledged after {seconds:.0f} s, {frames / seconds:.0f} MB/s; PSS {pss(archive):.0f} MB")
    need(await_count(archive, 1, 600) == 1, "it is found")
    received, watch = watch.peak()[0], Watch(archive)
    place = f"/dicom-web/studies/2.25.20/series/2.25.20.1/instances/{uid}"
    any_frame = {"Accept": 'multipart/related; type="image/jp2"; transfer-syntax=*'}
    any_object = 'multipart/related; type="application/dicom"; transfer-syntax=*'
    timed("metadata", lambda: asked(archive, place + "/metadata"))
    timed(f"frame {frames}", lambda: asked(archive, f"{place}/frames/{frames}", **any_frame))
    timed("whole object", lambda: _drained(archive, place, any_object))
    read = watch.peak()[0]
    flat = max(received, read) - before < 300
    need(flat, f"PSS of the tree: {before:.0f} MB before, {received:.0f} MB receiving, {read:.0f} MB reading at most")


def _drained(archive: Invivo, path: str, accept: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", archive.http, timeout=3600)
    connection.request("GET", path, headers={"Accept": accept})
    answer, size = connection.getresponse(), 0
    while part := answer.read(1 << 20):
        size += len(part)
    return size


# ---- many instances, many series -------------------------------------------------------------------------------------


def _send(
    archive: Invivo, first: int, count: int, place: Callable[[int], tuple[str, str, str]], lost: list[str]
) -> None:
    one = Association(archive.dimse, timeout_s=600)
    for number in range(first, first + count):
        study, series, instance = place(number)
        content = sender.encoded(sender.data_set(study, series, instance, number))[1]
        if one.store(instance, content) != 0:
            lost.append(instance)
    one.release()


def _send_all(archive: Invivo, count: int, place: Callable[[int], tuple[str, str, str]], senders: int = 4) -> float:
    """Send over some associations; return the seconds."""
    lost: list[str] = []
    share = -(-count // senders)
    threads = [
        threading.Thread(target=_send, args=(archive, at * share, min(share, count - at * share), place, lost))
        for at in range(senders)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    need(not lost, "every object is acknowledged")
    return time.perf_counter() - began


def _key(level: str, **keys: str) -> bytes:
    json = {"00080052": {"vr": "CS", "Value": [level]}}
    json |= {tag.strip("_"): {"vr": "UI", "Value": [value] if value else []} for tag, value in keys.items()}
    return identifier.encode(json, EXPLICIT)


def series(home: Path, asked_for: argparse.Namespace) -> None:
    """A series of very many instances: sent, found, described, moved, looked at."""
    count, port = asked_for.count, free_port()
    with served(home, port) as archive:
        before, watch = pss(archive), Watch(archive)
        seconds = _send_all(archive, count, lambda number: ("2.25.21", "2.25.21.1", f"2.25.21.1.{number + 1}"))
        told(f"  {count} instances in {seconds:.0f} s, {count / seconds:.0f}/s")
        began = time.perf_counter()
        need(await_count(archive, count, 900) == count, f"all {count} are found")
        told(f"  found {time.perf_counter() - began:.1f} s after the last acknowledgement")
        told(f"  PSS after receiving: {pss(archive):.0f} MB")
        place = "/dicom-web/studies/2.25.21/series/2.25.21.1"
        timed("QIDO, first page of instances", lambda: asked(archive, place + "/instances"))
        timed("QIDO, last page", lambda: asked(archive, f"{place}/instances?offset={count - 500}&limit=500"))
        timed("QIDO, one instance", lambda: asked(archive, f"{place}/instances?SOPInstanceUID=2.25.21.1.{count // 2}"))
        timed("metadata of the series, first", lambda: _drained(archive, place + "/metadata", "application/dicom+json"))
        timed("metadata of the series, again", lambda: _drained(archive, place + "/metadata", "application/dicom+json"))
        timed("page of the series", lambda: asked(archive, "/series/2.25.21.1"))
        timed("page of the study", lambda: asked(archive, "/studies/2.25.21"))
        told(f"  PSS: {pss(archive):.0f} MB")
        _exchange(archive, port, count)
        timed("ZIP of the study", lambda: _drained(archive, "/studies/2.25.21/package.zip", "*/*"))
        told(f"  PSS: {before:.0f} MB before, {watch.peak()[0]:.0f} MB at the peak")


def _exchange(archive: Invivo, port: int, count: int) -> None:
    """C-FIND of every instance, and C-MOVE of the series."""
    one = Association(archive.dimse, [(FIND, EXPLICIT), (MOVE, EXPLICIT)], timeout_s=1800)

    def find() -> int:
        keys = _key("IMAGE", _0020000D="2.25.21", _0020000E="2.25.21.1", _00080018="")
        one.begin(command.C_FIND_RQ, FIND, content=keys)
        return one.final().number(command.STATUS)

    def move() -> int:
        keys = _key("SERIES", _0020000D="2.25.21", _0020000E="2.25.21.1")
        one.begin(command.C_MOVE_RQ, MOVE, (command.DESTINATION, "BENCH"), content=keys)
        final = one.final()
        told(
            f"  C-MOVE: {final.number(command.COMPLETED)} (of 16 bits) completed, {final.number(command.FAILED)} failed"
        )
        return final.number(command.STATUS)

    timed("C-FIND of the instances, status", find)
    receiver = subprocess.Popen(["storescp", "--ignore", "-aet", "BENCH", str(port)], stdout=subprocess.DEVNULL)
    try:
        time.sleep(1)
        timed(f"C-MOVE of {count}, status", move)
    finally:
        receiver.terminate()
        receiver.wait()
    one.release()


def study(home: Path, asked_for: argparse.Namespace) -> None:
    """A study of many series."""
    many = asked_for.series
    with served(home) as archive:
        _send_all(
            archive,
            many * 3,
            lambda number: ("2.25.22", f"2.25.22.{number // 3 + 1}", f"2.25.22.{number // 3 + 1}.{number % 3 + 1}"),
        )
        need(await_count(archive, many * 3) == many * 3, f"{many} series of 3 are found")
        found = timed("QIDO, series of the study", lambda: asked(archive, "/dicom-web/studies/2.25.22/series"))
        need(isinstance(found, tuple) and len(json.loads(found[1])) == many, f"the answer has {many} series")
        _, body = asked(archive, "/dicom-web/studies?StudyInstanceUID=2.25.22")
        row = json.loads(body)[0]
        need((row["00201206"]["Value"], row["00201208"]["Value"]) == ([many], [many * 3]), "the study tells its totals")
        found = timed("metadata of the study", lambda: asked(archive, "/dicom-web/studies/2.25.22/metadata"))
        need(isinstance(found, tuple) and len(json.loads(found[1])) == many * 3, "metadata of every instance")
        timed("page of the study", lambda: asked(archive, "/studies/2.25.22"))
        timed("ZIP of the study", lambda: asked(archive, "/studies/2.25.22/package.zip"))


# ---- crowds and bad manners ------------------------------------------------------------------------------------------


def crowd(home: Path, asked_for: argparse.Namespace) -> None:
    """Many associations that all store at the same time."""
    many, each = asked_for.associations, 20

    def place(number: int) -> tuple[str, str, str]:
        series_uid = f"2.25.23.{number // each + 1}"
        return "2.25.23", series_uid, f"{series_uid}.{number % each + 1}"

    with served(home) as archive:
        before, watch = pss(archive), Watch(archive)
        seconds = _send_all(archive, many * each, place, many)
        need(
            await_count(archive, many * each) == many * each,
            f"{many} associations stored {each} each in {seconds:.1f} s",
        )
        told(f"  PSS: {before:.0f} MB before, {watch.peak()[0]:.0f} MB at the peak")


def _loris(
    port: int, first: bytes, drip: bytes, count: int, stop: threading.Event, ended: Counter[str]
) -> list[socket.socket]:
    """Open connections that say almost nothing, and go on saying it."""
    connections = []
    for _ in range(count):
        one = socket.create_connection(("127.0.0.1", port), timeout=30)
        one.sendall(first)
        one.setblocking(False)
        connections.append(one)

    def trickle() -> None:
        left = list(connections)
        while not stop.is_set() and left:
            for one in list(left):
                try:
                    if drip:
                        one.send(drip)
                    if one.recv(4096) == b"":
                        raise ConnectionResetError
                    ended["answered"] += 1
                except BlockingIOError:
                    continue
                except OSError:
                    ended["closed"] += 1
                    left.remove(one)
            stop.wait(2.0)

    threading.Thread(target=trickle, daemon=True).start()
    return connections


def slow(home: Path, asked_for: argparse.Namespace) -> None:
    """Connections that never finish what they say, at both doors, while others want to be served."""
    token = ""
    with served(home) as archive:
        token = archive.headers["Authorization"]
        head = f"POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n".encode()
        head += b'Content-Type: multipart/related; type="application/dicom"; boundary=b\r\nContent-Length: 100000\r\n\r\n--b\r\n'
        half = sender.encoded(sender.data_set("2.25.24", "2.25.24.1", "2.25.24.1.1"))[1]
        kinds = {
            "HTTP headers byte by byte": (archive.http, b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ", b"a", 300),
            "HTTP silence": (archive.http, b"", b"", 300),
            "STOW body byte by byte": (archive.http, head, b"a", 100),
            "DIMSE silence": (archive.dimse, b"", b"", 300),
            "DIMSE request byte by byte": (archive.dimse, b"\x01\x00\x00\x00\x01\x00", b"\0", 150),
        }
        for name, (port, first, drip, count) in kinds.items():
            stop, ended = threading.Event(), Counter[str]()
            connections = _loris(port, first, drip, count, stop, ended)
            worst = {"page": 0.0, "echo": 0.0, "store": 0.0}
            began, gone_after = time.monotonic(), 0.0
            while time.monotonic() - began < asked_for.seconds:
                at = time.perf_counter()
                status, _ = asked(archive, "/dicom-web/studies")
                worst["page"] = max(worst["page"], (time.perf_counter() - at) * 1000)
                worst["echo"] = max(worst["echo"], sender.echo_ms(archive.dimse))
                at, one = time.perf_counter(), Association(archive.dimse)
                stored = one.store("2.25.24.1.1", half)
                one.release()
                worst["store"] = max(worst["store"], (time.perf_counter() - at) * 1000)
                if status not in (200, 204) or stored:
                    need(False, f"{name}: others are served ({status}, 0x{stored:04X})")
                    break
                if ended["closed"] >= count and not gone_after:
                    gone_after = time.monotonic() - began
                    break
                time.sleep(0.5)
            stop.set()
            for one_socket in connections:
                one_socket.close()
            told(
                f"  {name}, {count} connections: others wait at most "
                + ", ".join(f"{key} {value:.0f} ms" for key, value in worst.items())
            )
            need(
                bool(gone_after),
                f"{name}: ended by the archive after {gone_after:.0f} s ({ended['closed']} of {count} within {asked_for.seconds:.0f} s)",
            )
        need(spool_is_empty(archive), "nothing is left in the spool")


def vanish(home: Path, asked_for: argparse.Namespace) -> None:
    """Senders that go away in the middle of a large object, at both doors."""
    with served(home) as archive:
        whole, bare = sender.encoded(
            sender.data_set("2.25.25", "2.25.25.1", "2.25.25.1.1", NumberOfFrames=64), JPEG_2000
        )
        for _ in range(asked_for.times):
            one = Association(archive.dimse, [(CT, JPEG_2000)])
            with contextlib.suppress(OSError, Refused):
                chunks = sender.endless(bare, 64)

                def cut(chunks: Iterator[bytes] = chunks, one: Association = one) -> Iterator[bytes]:
                    for number, chunk in enumerate(chunks):
                        if number == 20:
                            one.connection.close()
                        yield chunk

                one.store_stream("2.25.25.1.1", cut())
            with socket.create_connection(("127.0.0.1", archive.http)) as connection:
                head = f"POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nAuthorization: {archive.headers['Authorization']}\r\n"
                head += 'Content-Type: multipart/related; type="application/dicom"; boundary=b\r\nContent-Length: 99999999\r\n\r\n'
                connection.sendall(
                    head.encode() + b"--b\r\nContent-Type: application/dicom\r\n\r\n" + whole + bytes(8 << 20)
                )
        until = time.monotonic() + 20
        while not spool_is_empty(archive) and time.monotonic() < until:
            time.sleep(0.2)
        need(spool_is_empty(archive), f"nothing of {2 * asked_for.times} broken objects is left in the spool")
        need(count_of(archive) == 0, "none of them is found")


# ---- a full disk, a database that comes and goes -----------------------------------------------------------------------


class _Sender(threading.Thread):
    """Sends small objects, at one door, until told to stop; keeps what was acknowledged and how others were refused."""

    def __init__(self, archive: Invivo, number: int, size: int, door: str) -> None:
        super().__init__(daemon=True)
        self.archive, self.number, self.size, self.door = archive, number, size, door
        self.acknowledged: list[str] = []
        self.refused: Counter[str] = Counter()
        self.must_stop = threading.Event()
        self.last_success = 0.0

    def run(self) -> None:
        serial, one = 0, None
        while not self.must_stop.is_set():
            serial += 1
            uid = f"2.25.26.{self.number}.{serial}"
            pixels = os.urandom(self.size) if self.size else None
            more = (
                {}
                if pixels is None
                else {"Rows": self.size >> 10, "Columns": 1 << 10, "BitsAllocated": 8, "PixelData": pixels}
            )
            whole, bare = sender.encoded(sender.data_set("2.25.26", f"2.25.26.{self.number}", uid, serial, **more))
            told_of, is_well = "", False
            try:
                if self.door == "dimse":
                    one = one or Association(self.archive.dimse, timeout_s=60)
                    status = one.store(uid, bare)
                    told_of, is_well = f"0x{status:04X}", status == 0
                else:
                    status = _stow(self.archive, iter([whole]))
                    told_of, is_well = str(status), status == 200
            except (OSError, Refused, http.client.HTTPException) as error:
                told_of, one = type(error).__name__ + (f" {error}" if isinstance(error, Refused) else ""), None
            if is_well:
                self.acknowledged.append(uid)
                self.last_success = time.monotonic()
            else:
                self.refused[told_of] += 1
                time.sleep(0.1)


def _settled(archive: Invivo, senders: list[_Sender], what: str) -> None:
    """Stop the senders, and look for everything that was acknowledged."""
    for one in senders:
        one.must_stop.set()
    for one in senders:
        one.join(90)
    for door in ("dimse", "stow"):
        refused: Counter[str] = sum((one.refused for one in senders if one.door == door), Counter())
        kept = sum(len(one.acknowledged) for one in senders if one.door == door)
        told(f"  {what}, {door}: {kept} acknowledged, refused: {dict(refused)}")
    expected = sum(len(one.acknowledged) for one in senders)
    found = await_count(archive, expected)
    need(found >= expected, f"all {expected} acknowledged objects are found ({found})")


def full(home: Path, asked_for: argparse.Namespace) -> None:
    """Fill the disk (a small tmpfs of its own), go on sending, make room."""
    place = home / "small"
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={asked_for.megabytes}m", "tmpfs", str(place)], check=True)
    try:
        os.environ["INVIVO_LIMITS__FREE_BYTES"] = str(asked_for.reserve << 20)
        with served(place) as archive:
            ballast = place / "ballast"
            size = shutil.disk_usage(place).free - ((asked_for.reserve + 60) << 20)
            ballast.write_bytes(bytes(max(size, 1 << 20)))
            sizes = {"dimse": (200 << 10, 3 << 20), "stow": (200 << 10, 3 << 20)}
            senders = [
                _Sender(archive, number, size, door)
                for number, (door, size) in enumerate((d, s) for d, both in sizes.items() for s in both)
            ]
            for one in senders:
                one.start()
            time.sleep(asked_for.seconds)
            left = shutil.disk_usage(place).free
            told(f"  full: {left >> 20} MB left; refused so far {[dict(one.refused) for one in senders]}")
            need(
                all(sum(one.refused.values()) > 0 for one in senders), "each sender was refused when the disk was full"
            )
            need(
                time.monotonic() - max(one.last_success for one in senders) > 1 or left > 1 << 20,
                "the disk is not filled to the last byte unless nobody is acknowledged",
            )
            status, _ = asked(archive, "/dicom-web/studies")
            told(f"  reading goes on: {status}")
            ballast.unlink()
            began = time.monotonic()
            while not all(one.last_success > began for one in senders) and time.monotonic() - began < 60:
                time.sleep(0.1)
            need(
                all(one.last_success > began for one in senders),
                f"each is served again {max(one.last_success for one in senders) - began:.1f} s after room was made",
            )
            _settled(archive, senders, "disk full")
            need(spool_is_empty(archive), "nothing is left in the spool")
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def database(home: Path, asked_for: argparse.Namespace) -> None:
    """Stop PostgreSQL again and again while senders send."""
    with served(home) as archive:
        senders = [_Sender(archive, number, 0, "dimse" if number < 3 else "stow") for number in range(5)]
        for one in senders:
            one.start()
        slowest = 0.0
        for turn in range(asked_for.times):
            time.sleep(4)
            pid = _postmaster(archive)
            number = (2, 15, 9)[turn % 3]
            os.kill(pid, number)
            began = time.monotonic()
            while not all(one.last_success > began + 0.2 for one in senders) and time.monotonic() - began < 60:
                time.sleep(0.05)
            told(f"  signal {number} to PostgreSQL: all senders served again after {time.monotonic() - began:.1f} s")
            slowest = max(slowest, time.monotonic() - began)
        need(slowest < 30, f"service goes on by itself, after {slowest:.1f} s at most")
        _settled(archive, senders, "database away")
        need(spool_is_empty(archive), "nothing is left in the spool")


def _postmaster(archive: Invivo) -> int:
    found = next((archive.home / "postgres").rglob("postmaster.pid"))
    return int(found.read_text().split()[0])


WALKS = {one.__name__: one for one in (large, series, study, crowd, slow, vanish, full, database)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("walk", choices=WALKS, nargs="+")
    parser.add_argument("--home", type=Path, help="a folder with room; a temporary one by default")
    parser.add_argument("--gigabytes", type=float, default=20)
    parser.add_argument("--doors", default="dimse,stow")
    parser.add_argument("--count", type=int, default=92_000)
    parser.add_argument("--series", type=int, default=235)
    parser.add_argument("--associations", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=45.0)
    parser.add_argument("--times", type=int, default=6)
    parser.add_argument("--megabytes", type=int, default=600)
    parser.add_argument("--reserve", type=int, default=0, help="limits.free_bytes while the disk is filled, MB")
    asked_for = parser.parse_args()
    for name in asked_for.walk:
        home = Path(tempfile.mkdtemp(prefix="endurance-", dir=asked_for.home))
        told(f"{name}: {(WALKS[name].__doc__ or '').strip()}")
        try:
            WALKS[name](home, asked_for)
        finally:
            shutil.rmtree(home, ignore_errors=True)
    sys.exit(1 if FAILED else 0)


if __name__ == "__main__":
    main()
