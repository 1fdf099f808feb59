"""Other de-identifiers, each in a virtual environment of its own; none is ever imported into ours."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from bench.deidentification.answers import Planted
from bench.deidentification.engines import Run, Unavailable

PACKAGES = {"dicom-anonymizer": "dicom-anonymizer", "deid": "deid", "dicognito": "dicognito", "dcmanon": "dcmanon"}
_TIMEOUT_S = 1800
_DEID = """
import sys, pathlib
from deid.config import DeidRecipe
from deid.dicom import get_files, get_identifiers, replace_identifiers
source, target = map(pathlib.Path, sys.argv[1:])
for path in sorted(source.iterdir()):
    try:
        files = [str(path)]
        for done in replace_identifiers(dicom_files=files, deid=DeidRecipe(), ids=get_identifiers(files), save=False):
            done.save_as(target / path.name)
    except Exception as error:
        print(path.name, type(error).__name__, file=sys.stderr)
"""
_ANONYMIZER = """
import sys, pathlib
from dicomanonymizer import anonymize_dicom_file
source, target = map(pathlib.Path, sys.argv[1:])
for path in sorted(source.iterdir()):
    try:
        anonymize_dicom_file(str(path), str(target / path.name))
    except Exception as error:
        print(path.name, type(error).__name__, file=sys.stderr)
"""
_DCMANON = """
import sys, pathlib, dcmanon
source, target = map(pathlib.Path, sys.argv[1:])
anonymizer = dcmanon.Anonymizer()
for path in sorted(source.iterdir()):
    try:
        (target / path.name).write_bytes(anonymizer.anonymize(str(path)))
    except Exception as error:
        print(path.name, type(error).__name__, file=sys.stderr)
"""
_DICOGNITO = """
import sys, pathlib, pydicom
from dicognito.anonymizer import Anonymizer
source, target = map(pathlib.Path, sys.argv[1:])
anonymizer = Anonymizer(seed="bench")
for path in sorted(source.iterdir()):
    try:
        dataset = pydicom.dcmread(path)
        anonymizer.anonymize(dataset)
        dataset.save_as(target / path.name)
    except Exception as error:
        print(path.name, type(error).__name__, file=sys.stderr)
"""
_SCRIPTS = {"dicom-anonymizer": _ANONYMIZER, "deid": _DEID, "dcmanon": _DCMANON, "dicognito": _DICOGNITO}


def prepare(name: str, scratch: Path) -> Path:
    """Make a virtual environment with a rival in it; give its folder of programs.

    Raises
    ------
    Unavailable
    """
    place = scratch / f"venv-{name}"
    programs = place / ("Scripts" if os.name == "nt" else "bin")
    if not place.exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        command = [
            str(programs / "python"),
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            PACKAGES[name],
        ]
        if name == "deid":
            command.append("setuptools<81")
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode:
            shutil.rmtree(place)
            raise Unavailable(f"{name}: {ran.stderr.strip().splitlines()[-1] if ran.stderr.strip() else 'pip failed'}")
    return programs


def run(name: str, programs: Path, source: Path, planted: Iterable[Planted], target: Path) -> Run:
    """Let a rival clean a delivery, under neutral file names, since most keep the names they get."""
    neutral = target.parent / f"{target.name}-in"
    for folder in (neutral, target):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    names: dict[str, str] = {}
    for number, one in enumerate(planted):
        names[one.name] = f"{number:06d}.dcm"
        shutil.copyfile(source / one.name, neutral / names[one.name])
    began = time.perf_counter()
    command = [str(programs / "python"), "-c", _SCRIPTS[name], str(neutral), str(target)]
    subprocess.run(
        command, capture_output=True, timeout=_TIMEOUT_S, check=False, env={"PATH": os.environ.get("PATH", "")}
    )
    seconds = time.perf_counter() - began
    written = {path.name: path for path in target.rglob("*") if path.is_file()}
    outputs = {planted_name: written[given] for planted_name, given in names.items() if given in written}
    return Run(outputs=outputs, seconds=seconds)
