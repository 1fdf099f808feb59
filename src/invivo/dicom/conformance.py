"""Faults of an object against the dictionary and the mandatory modules of its class. No value stands in a fault.

References
----------
DICOM PS3.3 Annex A; PS3.5 6.4 and 7.4; PS3.6.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

from pydicom import datadict
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from invivo.dicom import dictionary

Kind = Literal["missing", "empty", "vr", "vm", "unreadable"]

_MOST = 1000
_DEPTH = 32
_FUNCTIONAL_GROUPS = frozenset({"SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"})
_MULTIPLICITY = re.compile(r"(\d+)(?:-(\d+)?(n)?)?")
_ONE_VALUE = frozenset({"LT", "ST", "UT", "UR", "OB", "OD", "OF", "OL", "OV", "OW", "UN", "SQ"})


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one attribute.

    Parameters
    ----------
    path : str
        Keywords and item numbers from 0, such as ``ReferencedSeriesSequence[0].SeriesInstanceUID``.
    kind : str
        ``missing`` (type 1 or 2), ``empty`` (type 1), ``vr``, ``vm`` or ``unreadable``.
    text : str
        One sentence for people.
    """

    path: str
    kind: Kind
    text: str


def faults(dataset: Dataset) -> list[Fault]:
    """Check an object.

    Only the mandatory modules of its class are demanded, and of them only what is demanded without a condition.
    The groups of multi-frame functional groups may stand in either of two places, and what a content item of a report
    needs follows from its kind, so that neither is demanded.

    Returns
    -------
    list of Fault
        At most a thousand.
    """
    found: dict[Fault, None] = {}
    for fault in chain(_required(dataset), _formed(dataset, "", 0)):
        found[fault] = None
        if len(found) >= _MOST:
            break
    return list(found)


def _required(dataset: Dataset) -> Iterator[Fault]:
    stated = _value(dataset, "SOPClassUID")
    sop_class = str(stated or "") if not isinstance(stated, Sequence) else ""  # hostile bytes make one of a UID
    for tree in dictionary.mandatory_modules(sop_class):
        yield from _demanded(dataset, tree, "", 0)


def _demanded(dataset: Dataset, tree: int, path: str, depth: int) -> Iterator[Fault]:
    """What a module, or an item of one of its sequences, demands."""
    demands = dictionary.requirements(tree)
    # The tables do not tell which content items (those with a Value Type) need which of their attributes.
    free = "ValueType" in demands or path.rpartition(".")[2].partition("[")[0] in _FUNCTIONAL_GROUPS
    for keyword, requirement in demands.items():
        place = f"{path}.{keyword}" if path else keyword
        if keyword not in dataset:
            if requirement.type in ("1", "2") and not free:
                yield Fault(place, "missing", f"{keyword} is of type {requirement.type} and missing.")
            continue
        if requirement.type == "1" and _is_empty(dataset, keyword):
            yield Fault(place, "empty", f"{keyword} is of type 1 and empty.")
        if requirement.items is not None and depth < _DEPTH:
            for number, item in enumerate(_items(dataset, keyword)):
                yield from _demanded(item, requirement.items, f"{place}[{number}]", depth + 1)


def _formed(dataset: Dataset, path: str, depth: int) -> Iterator[Fault]:
    """VR and multiplicity of every standard attribute."""
    for tag in sorted(dataset.keys()):
        if tag.is_private or tag.element == 0:
            continue
        keyword = datadict.keyword_for_tag(tag)
        place = f"{path}.{keyword or f'{tag:08X}'}".lstrip(".")
        element = _element(dataset, tag)
        if element is None:
            yield Fault(place, "unreadable", f"{place.rpartition('.')[2]} cannot be read as its VR.")
            continue
        if keyword:
            yield from _wrong(element, tag, keyword, place)
        if isinstance(element.value, Sequence) and depth < _DEPTH:
            for number, item in enumerate(element.value):
                yield from _formed(item, f"{place}[{number}]", depth + 1)


def _wrong(element: DataElement, tag: int, keyword: str, place: str) -> Iterator[Fault]:
    expected = datadict.dictionary_VR(tag)
    if element.VR not in expected.split(" or ") and expected != element.VR:
        yield Fault(place, "vr", f"{keyword} is written as {element.VR}; the dictionary says {expected}.")
    multiplicity = datadict.dictionary_VM(tag)
    count = 1 if element.VR in _ONE_VALUE else element.VM
    if count and element.VR != "SQ" and not _allowed(count, multiplicity):
        yield Fault(place, "vm", f"{keyword} has {count} values; the dictionary allows {multiplicity}.")


def _allowed(count: int, multiplicity: str) -> bool:
    """Tell whether a count of values fits a multiplicity such as ``1``, ``1-3``, ``2-n``, ``2-2n``, ``1-n or 1``."""
    return any(_fits(count, form.strip()) for form in multiplicity.split(" or "))


def _fits(count: int, form: str) -> bool:
    match = _MULTIPLICITY.fullmatch(form)
    if match is None:
        return True
    least, most, many = int(match[1]), match[2], match[3]
    if "-" not in form:
        return count == least
    if many:
        step = int(most or 1)
        return count >= least and count % step == 0
    return least <= count <= int(most)


def _element(dataset: Dataset, tag: Any) -> DataElement | None:
    try:
        element: DataElement = dataset[tag]
        return element
    except Exception:  # because pydicom raises nearly any type on a value it cannot read, and that is the fault
        return None


def _value(dataset: Dataset, keyword: str) -> Any:
    element = _element(dataset, datadict.tag_for_keyword(keyword)) if keyword in dataset else None
    return None if element is None else element.value


def _is_empty(dataset: Dataset, keyword: str) -> bool:
    tag = datadict.tag_for_keyword(keyword)
    element = _element(dataset, tag)
    if element is None:
        return False
    return not len(element.value) if element.VR == "SQ" and element.value is not None else element.is_empty


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    value = _value(dataset, keyword)
    return [item for item in value if isinstance(item, Dataset)] if hasattr(value, "__iter__") else []
