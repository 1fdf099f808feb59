"""What two versions of rules make of one object, side by side. Nothing is written, and nothing tells a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from invivo import collections, deidentification, dicom
from invivo.errors import InvivoError
from invivo.submissions.difference import plain_path
from invivo.submissions.rules import shows_defacing, weighed
from invivo.submissions.rules_run import Report, tally

KEPT, REFUSED = "K", "refused"


@dataclass(frozen=True, slots=True)
class Way:
    """Rules with the profile made of them."""

    rules: collections.Rules
    profile: deidentification.Profile


@dataclass(frozen=True, slots=True)
class Made:
    """What one version of rules makes of an object: code by path, severity by doubt, paths of leftovers."""

    codes: Mapping[str, str]
    doubts: Mapping[str, str]
    leftovers: tuple[str, ...]
    refused: str = ""

    def fate(self, path: str) -> str:
        """What becomes of an attribute; of an object that is refused nothing passes."""
        return REFUSED if self.refused else self.codes.get(path, KEPT)


def compare(source: Path, old: Way, new: Way, mapping: deidentification.Mapping, report: Report) -> int:
    """Run two versions of rules over the header of an object and count the differences; return how many attributes differ.

    Pixels are not read: what stays in doubt about them is counted as the header tells it.
    """
    try:
        dataset = dicom.read_dataset(source)
    except (InvivoError, OSError, ValueError) as error:
        tally(report, "refusals", getattr(error, "kind", "deidentification.unreadable"), "new")
        return 0
    before, after = _made(dataset, old, mapping), _made(dataset, new, mapping)
    differing = 0
    for path in sorted({*before.codes, *after.codes}):
        pair = before.fate(path), after.fate(path)
        differing += pair[0] != pair[1]
        tally(report, "attributes", path, ">".join(pair))
    for label, made in (("old", before), ("new", after)):
        for code, severity in made.doubts.items():
            tally(report, "doubts", code, f"{label} {severity}")
        for path in set(made.leftovers):
            tally(report, "leftovers", path, label)
        if made.refused:
            tally(report, "refusals", made.refused, label)
    return differing


def _made(dataset: Dataset, way: Way, mapping: deidentification.Mapping) -> Made:
    try:
        cleaned = deidentification.deidentify(dataset, way.profile, mapping)
        output = dicom.written(cleaned.dataset)
        found = deidentification.leftovers(dataset, output, way.profile, labels=(cleaned.subject_label,))
    except InvivoError as error:
        return Made({}, {}, (), error.kind)
    except Exception:  # because whatever is not understood counts as refused, and no library error may show a value
        return Made({}, {}, (), "deidentification.not-understood")
    doubts = weighed(way.rules, cleaned.doubts, is_defaced=shows_defacing(dataset))
    rank = {"info": 0, "warning": 1, "hold": 2}
    worst: dict[str, str] = {}
    for doubt in doubts:
        if rank[doubt.severity] >= rank[worst.get(doubt.code, "info")]:
            worst[doubt.code] = doubt.severity
    codes = {plain_path(action.path): action.code for action in cleaned.actions}
    return Made(codes, worst, tuple(plain_path(path) for path in found))
