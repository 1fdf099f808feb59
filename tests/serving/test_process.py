"""The log of a process: nothing that a library says of a value gets into it."""

import json
import subprocess
import sys

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
