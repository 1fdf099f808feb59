"""The log of a process: nothing that a library says of a value gets into it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import logging
from invivo.serving.process import configure_log
configure_log("worker")
log = logging.getLogger("some.library")
log.warning("patient %s is odd", "DOE^JANE")
try:
    raise ValueError("cannot read 'DOE^JANE'")
except ValueError:
    log.exception("reading DOE^JANE")
"""


def test_words_of_libraries_and_of_their_exceptions_stay_out_of_the_log() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["from"] for line in lines] == ["some.library"] * 2
    assert lines[1]["exception"] == "ValueError"
    assert "DOE" not in done.stderr + done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that is always full")
def test_a_full_disk_under_the_log_stops_nobody() -> None:
    script = (
        "import sys; sys.stderr = open('/dev/full', 'w', buffering=1)\n"
        "from invivo.serving.process import configure_log; import structlog\n"
        "configure_log('dimse'); structlog.get_logger().error('something'); print('went on')\n"
        "import os; sys.stdout.flush(); os._exit(0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "went on\n"
