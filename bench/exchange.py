"""Asking and fetching by DIMSE with DCMTK's tools: C-FIND, C-GET, C-MOVE."""

import os
import subprocess
import time
from collections.abc import Iterator

from bench.ingest import PDU
from bench.loads import Load
from bench.reading import CT_BYTES
from bench.server import Server, free_port
from bench.table import Figure

CT_MB = CT_BYTES / 1e6
QUESTIONS = 500
EAGER = {**os.environ, "TCP_NODELAY": "1"}


class Receiver:
    """DCMTK's storescp, which takes everything and keeps nothing: the destination of C-MOVE."""

    def __init__(self) -> None:
        self.port = free_port()
        command = ["storescp", "--ignore", "--fork", "-pdu", PDU, "-aet", "BENCH", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=EAGER)

    def stop(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait()


def _timed(command: list[str], success: str) -> float:
    """Run a tool; return the seconds. Ends the row when it does not tell of success."""
    began = time.perf_counter()
    told = subprocess.run(command, check=False, capture_output=True, text=True, env=EAGER)
    seconds = time.perf_counter() - began
    text = told.stdout + told.stderr
    if told.returncode != 0 or success not in text:
        raise SystemExit(f"{command[0]} ended with {told.returncode} and did not tell of success: {text[-300:]}")
    return seconds


def finding(server: Server, load: Load) -> Iterator[Figure]:
    """Yield C-FINDs a second over one association: of one patient, of the beginning of a name."""
    for row, key in {
        "cfind.patientid": f"PatientID={load.patient(0)}",
        "cfind.name_wildcard": f"PatientName={load.family(0)}*",
    }.items():
        command = ["findscu", "-S", "-aec", server.aet, "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID"]
        command += ["-k", "StudyDate", "-k", key, "127.0.0.1", str(server.dimse)]
        _timed(command, load.study_uid(0))
        yield Figure(row, "requests/s", QUESTIONS / _timed([*command, "-q", "--repeat", str(QUESTIONS)], ""))


def _series(load: Load) -> list[str]:
    study, series = f"StudyInstanceUID={load.study_uid(0)}", f"SeriesInstanceUID={load.series_uid(0)}"
    return ["-k", "QueryRetrieveLevel=SERIES", "-k", study, "-k", series]


def getting(server: Server, load: Load) -> Iterator[Figure]:
    """Yield the rate of a series of CT by C-GET, the client's start included."""
    command = ["getscu", "-v", "-S", "-aec", server.aet, "-pdu", PDU, "--ignore", *_series(load)]
    seconds = _timed([*command, "127.0.0.1", str(server.dimse)], f"Completed Suboperations : {load.count}")
    yield Figure(f"cget.ct{load.count}", "MB/s", load.count * CT_MB / seconds)


def moving(server: Server, load: Load) -> Iterator[Figure]:
    """Yield the rate of a series of CT by C-MOVE to a receiver of its own."""
    command = ["movescu", "-v", "-S", "-aec", server.aet, "-aem", "BENCH", *_series(load)]
    seconds = _timed([*command, "127.0.0.1", str(server.dimse)], "Final Move Response (Success)")
    yield Figure(f"cmove.ct{load.count}", "MB/s", load.count * CT_MB / seconds)
