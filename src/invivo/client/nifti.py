"""NIfTI from DICOM by dcm2niix, beside the originals or instead of them.

References
----------
Li X, Morgan PS, Ashburner J, Smith J, Rorden C. The first step for neuroimaging data analysis: DICOM to NIfTI conversion.
J Neurosci Methods 264 (2016).
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from invivo.client.download import MARKS, Fetched
from invivo.client.layout import write_whole
from invivo.client.package import sha256_of
from invivo.errors import Invalid

LONGEST_S = 1800
FORMS = ("dicom", "nifti", "both")


class NoConverter(Invalid):
    """dcm2niix is not installed."""

    code = "client.no-converter"


def converter() -> str:
    """Return the path of dcm2niix, beside this Python or on the search path; raises NoConverter."""
    found = shutil.which("dcm2niix", path=str(Path(sys.executable).parent)) or shutil.which("dcm2niix")
    if found is None:
        raise NoConverter("NIfTI needs dcm2niix: install it, for example with `pip install invivo[nifti]`.")
    return found


def convert(program: str, folder: Path, paths: Sequence[str]) -> list[Path]:
    """Convert the files of one series; return what was made, empty where the series is nothing that NIfTI can hold.

    What is made stands beside the files: ``<folder of the series>.nii.gz`` with a ``.json`` of the acquisition. It is made
    in a folder of its own first, so that no half file has a final name.

    Parameters
    ----------
    paths : sequence of str
        The files of the series below the folder.
    """
    own = folder / Path(paths[0]).parent
    with tempfile.TemporaryDirectory(dir=folder / ".invivo") as name:
        given, made = Path(name) / "in", Path(name) / "out"
        given.mkdir()
        made.mkdir()
        for number, path in enumerate(paths):
            given.joinpath(f"{number:06d}.dcm").symlink_to((folder / path).resolve())
        told = [
            program,
            "-z",
            "y",
            "-b",
            "y",
            "-ba",
            "y",
            "-f",
            own.name.replace("%", "_"),
            "-o",
            str(made),
            str(given),
        ]
        try:
            subprocess.run(told, check=False, capture_output=True, timeout=LONGEST_S, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return []
        files = sorted(made.iterdir())
        if not any(one.name.endswith(".nii.gz") and one.stat().st_size for one in files):
            return []
        return [one.replace(own / one.name) for one in files]


def in_form(program: str, form: str, folder: Path, done: Fetched) -> Fetched:
    """Convert a series that has been fetched, and remember in its marker what is there now.

    Parameters
    ----------
    form : {"nifti", "both"}
        Instead of the originals, or beside them.

    Returns
    -------
    Fetched
        With a reason where the originals stay because nothing could be made of them.
    """
    sources = [path for path in done.paths if path.endswith(".dcm")]
    if done.outcome == "failed" or not sources:
        return done
    made = convert(program, folder, sources)
    if not made:
        return replace(done, reason="dcm2niix makes no NIfTI of it; the DICOM files stay.")
    named = [one.relative_to(folder).as_posix() for one in made]
    if form == "both":
        return replace(done, paths=(*done.paths, *named))
    mark = folder / MARKS / f"{done.series_uid}.done"
    told = json.loads(mark.read_text("utf-8"))
    told["files"] = [
        {"path": name, "size_bytes": (folder / name).stat().st_size, "sha256": sha256_of(folder / name)}
        for name in named
    ]
    write_whole(mark, json.dumps(told).encode())  # before they go: broken off between, both are there
    for path in sources:
        (folder / path).unlink(missing_ok=True)
    return replace(done, paths=tuple(named))
