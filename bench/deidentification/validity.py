"""Does an object break more rules of its definition than before: dciodvfy of dicom3tools, where it is installed."""

import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from bench.deidentification.reading import read

_VALUE = re.compile(r"<[^/<>]*>|\[\d+\]|= *\d+")


def is_installed() -> bool:
    """Whether there is a dciodvfy."""
    return shutil.which("dciodvfy") is not None


def errors(path: Path) -> Counter[str]:
    """Errors of an object, without its values; a deflated one is inflated first, which dciodvfy does not do."""
    with tempfile.TemporaryDirectory() as folder:
        dataset = read(path)
        if dataset is not None and dataset.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian:
            dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            path = Path(folder) / "inflated.dcm"
            dataset.save_as(path)
        ran = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, timeout=60, check=False)
    lines = (ran.stdout + ran.stderr).decode("utf-8", "replace").splitlines()
    return Counter(_VALUE.sub("<>", line) for line in lines if line.startswith("Error"))


def new_errors(before: Path, after: Path) -> list[str]:
    """Errors that were not there before; a second one of a kind is none."""
    known = errors(before)
    return [line for line in errors(after) if line not in known]
