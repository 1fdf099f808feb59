"""The profile that changes nothing: what the Basic profile would take away, and still has a value, becomes a doubt."""

from collections.abc import Iterator
from dataclasses import replace

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from invivo.deidentification import action, pixel, record
from invivo.deidentification import element as elements
from invivo.deidentification.decision import Decision, Place, root
from invivo.deidentification.identifier import DEEPEST, traces_of
from invivo.deidentification.profile import OPTIONS, Profile, profile_named
from invivo.deidentification.report import CannotDeidentify, Cleaned, Doubt
from invivo.deidentification.text import Cleaner

_TRAILING = frozenset({0xFFFCFFFC})
_SILENT = frozenset({"keep", "number", "kept_uid", "uid", "binary", "characters", "age", "date", "shift", "term"})
_SUBJECT = 0x00100020
_BY_CODE = {code: option for option, (code, _) in OPTIONS.items()}


def verify(dataset: Dataset, profile: Profile) -> Cleaned:
    """Look an object over that was de-identified at its source; its data set stays as it is.

    What the object declares in (0012,0064) is held to be allowed: shifted dates where it claims shifted dates. Free
    text is read for identifiers. File meta information and preamble are built anew, group lengths and padding go.

    Raises
    ------
    CannotDeidentify
    """
    options = frozenset(_BY_CODE[code] for code in record.declared_codes(dataset) if code in _BY_CODE)
    if "retain_full_dates" in options:
        options -= {"retain_modified_dates"}
    measure = replace(profile_named("basic"), name=f"{profile.name}: basic", options=options)
    sop_class = "".join(_texts(dataset, 0x00080016))
    traces = [trace for trace in traces_of(dataset, measure) if trace.path not in {"PatientID", "PatientName"}]
    keeps_dates = bool(options & {"retain_full_dates", "retain_modified_dates"})
    cleaner = Cleaner(traces, keeps_dates=keeps_dates)
    doubts = [*_identity(dataset), *_look(dataset, root(measure, sop_class), cleaner, ["iso8859"], "", 0)]
    label = " ".join(_texts(dataset, _SUBJECT))
    return Cleaned(_copy(dataset), (), (*doubts, *pixel.pixel_risks(dataset)), label)


def _identity(dataset: Dataset) -> Iterator[Doubt]:
    if "".join(_texts(dataset, 0x00120062)) != "YES":
        text = "The object does not say that the patient's identity was removed."
        yield Doubt("source.identity-not-removed", "PatientIdentityRemoved", text, "warning")
    name, subject = _texts(dataset, 0x00100010), _texts(dataset, _SUBJECT)
    if not subject:
        yield Doubt("subject.without-id", "PatientID", "The object has no patient id.", "warning")
    if name and name != subject and _may_be_a_person(name[0]):
        yield Doubt("source.still-there", "PatientName", "This may be a person's name.", "warning")


def _may_be_a_person(name: str) -> bool:
    if name.upper() in {"ANONYMOUS", "ANONYMIZED", "ANON", ""}:
        return False
    return "^" in name or not any(letter.isdigit() for letter in name)


def _look(  # noqa: PLR0917 - the state of a recursion
    dataset: Dataset, place: Place, cleaner: Cleaner, inherited: list[str], prefix: str, depth: int
) -> Iterator[Doubt]:
    if depth > DEEPEST:
        raise CannotDeidentify("Sequences are nested too deep.", code="deidentification.too-deep")
    encodings = elements.encodings_of(dataset, inherited)
    for tag in dataset.keys():  # noqa: SIM118 - tags, not elements
        element = dataset.get_item(tag)
        if tag & 0x10000:
            yield from _private(tag, prefix)
            continue
        decision = place.decision(tag, element.VR)
        items = elements.items_of(dataset, element, "SQ") if decision.vr == "SQ" else None
        if items is not None and decision.way == "enter":
            inside = place.inside(tag, dummies=False)
            for at, item in enumerate(items):
                yield from _look(item, inside, cleaner, encodings, f"{prefix}{decision.name}[{at}].", depth + 1)
        elif decision.way not in _SILENT | {"label", "enter"} and _has_value(element, decision, encodings, cleaner):
            yield Doubt("source.still-there", prefix + decision.name, "The Basic profile would change this.", "warning")


def _private(tag: BaseTag, prefix: str) -> Iterator[Doubt]:
    if (tag & 0xFFFF) > 0xFF:
        path = f"{prefix}({tag >> 16:04X},{tag & 0xFFFF:04X})"
        yield Doubt("source.private", path, "A private element of unknown content.", "info")


def _has_value(element: elements.Element, decision: Decision, encodings: list[str], cleaner: Cleaner) -> bool:
    """Whether there is something left to take away: not empty, not a dummy, and for text, an identifier in it."""
    if not element.value:
        return False
    texts = [text.strip() for text in elements.texts_of(element, decision.vr, encodings)]
    if decision.way in {"clean", "strip", "meaning", "graphics"}:
        cleaning = cleaner.strip if decision.way == "strip" else cleaner.clean
        return any(cleaning(text) != text for text in texts)
    dummies = {str(action.DUMMIES.get(decision.vr, "")), action.DUMMY_TEXT, "ANONYMOUS", "REMOVED", ""}
    return any(text.upper() not in dummies for text in texts)


def _texts(dataset: Dataset, tag: int) -> list[str]:
    if tag not in dataset:
        return []
    return elements.texts_of(dataset.get_item(tag), "LO", elements.encodings_of(dataset, ["iso8859"]))


def _copy(dataset: Dataset) -> Dataset:
    tags = [tag for tag in dataset.keys() if tag & 0xFFFF and tag not in _TRAILING]  # noqa: SIM118 - tags, not elements
    copy = elements.dataset_like(dataset, {tag: dataset.get_item(tag) for tag in tags})
    record.write_file_meta(dataset, copy)
    return copy
