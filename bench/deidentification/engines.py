"""invivo's engine by its library and by its command, and doing nothing, each as outputs of a delivery."""

import csv
import json
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bench.deidentification.answers import Planted
from bench.deidentification.reading import read
from invivo import deidentification
from invivo.errors import InvivoError

SECRET = b"a secret that is only for measuring"


class Unavailable(Exception):
    """An engine cannot be had here; it is left out."""


@dataclass(slots=True)
class Run:
    """What an engine made: outputs by planted name, what it held, seconds."""

    outputs: dict[str, Path] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    held_for_pixels: set[str] = field(default_factory=set)
    shown: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def by_library(source: Path, planted: Iterable[Planted], target: Path, profile: str) -> Run:
    """Clean every object with the library, in one process."""
    rules, run = deidentification.profile_named(profile), Run()
    mapping = deidentification.Mapping(SECRET, "T-", "bench")
    target.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    for number, one in enumerate(planted):
        output = target / f"{number:06d}.dcm"
        try:
            report = deidentification.deidentify_file(source / one.name, output, rules, mapping)
        except InvivoError as error:
            run.held[one.name] = error.code
            continue
        run.outputs[one.name] = output
        doubts = {doubt.code for doubt in report.doubts if doubt.severity == "hold"}
        pixel = {code for code in doubts if code.startswith("pixel.")}
        if report.leftovers or doubts - pixel:
            run.held[one.name] = " ".join([*(f"leftover {path}" for path in report.leftovers), *sorted(doubts - pixel)])
        elif pixel:
            run.held_for_pixels.add(one.name)
    run.seconds = time.perf_counter() - began
    return run


def by_command(source: Path, planted: Iterable[Planted], target: Path, profile: str) -> Run:
    """Clean the folder with `invivo deidentify`; outputs are found by the map of UIDs."""
    beside = target.parent / f"{target.name}-maps"
    beside.mkdir(parents=True, exist_ok=True)
    uids, patients, report = beside / "u.csv", beside / "p.csv", beside / "r.json"
    command = [sys.executable, "-m", "invivo", "deidentify", str(source), str(target), "--profile", profile]
    command += ["--uid-map", str(uids), "--patient-map", str(patients), "--report", str(report)]
    began = time.perf_counter()
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if not uids.exists():
        raise Unavailable(f"`invivo deidentify` wrote no map of UIDs: {ran.stderr.strip()[-120:]}")
    with uids.open(encoding="utf-8", newline="") as lines:
        renamed = {row["id_old"]: row["id_new"] for row in csv.DictReader(lines)}
    by_uid = {
        str(dataset.SOPInstanceUID): path for path in target.rglob("*") if path.is_file() and (dataset := read(path))
    }
    run = Run(seconds=seconds)
    for one in planted:
        before = read(source / one.name)
        path = by_uid.get(renamed.get(str(before.SOPInstanceUID), "")) if before is not None else None
        if path is None:
            run.held[one.name] = "not delivered"
        else:
            run.outputs[one.name], run.shown[one.name] = path, path.relative_to(target).as_posix()
    if report.exists():
        json.loads(report.read_text(encoding="utf-8"))
    return run


def unchanged(source: Path, planted: Iterable[Planted], target: Path, profile: str) -> Run:
    """Deliver the originals: what the scores must catch."""
    return Run(outputs={one.name: source / one.name for one in planted}, shown={one.name: one.name for one in planted})
