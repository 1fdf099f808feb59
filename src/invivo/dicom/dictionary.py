"""Attributes of the standard and of known private creators, and which attributes an object of a class must have.

References
----------
DICOM PS3.6 (data dictionary); PS3.3 Annex A (modules of each IOD).
"""

import gzip
import json
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any, Literal, cast

from pydicom import datadict

from invivo import errors

AttributeType = Literal["1", "1C", "2", "2C", "3"]

_NO_TAG = 0xFFFFFFFF


class UnknownAttribute(errors.Invalid):
    """The dictionary has no such attribute."""

    code = "dicom.unknown-attribute"


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute. ``vr`` may name several, such as ``US or SS``; ``keyword`` is empty for a private one."""

    tag: int
    keyword: str
    vr: str
    name: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """The type of an attribute in a module, and the requirements on the items of a sequence."""

    type: AttributeType | None
    items: int | None


def attribute(name_or_tag: str) -> Attribute:
    """Find an attribute by its keyword or its tag.

    Parameters
    ----------
    name_or_tag : str
        A keyword in any case, or eight hexadecimal digits, perhaps written ``(gggg,eeee)``.

    Raises
    ------
    UnknownAttribute
        The message proposes keywords that look alike.

    Examples
    --------
    >>> attribute("00100020").keyword, attribute("patientid").vr
    ('PatientID', 'LO')
    """
    text = name_or_tag.strip()
    tag = _tag_of(text)
    if tag is None:
        tag = _keywords().get(text.lower(), _NO_TAG)
    try:
        vr, _, name, _, keyword = datadict.get_entry(tag)
    except KeyError:
        raise UnknownAttribute(_unknown(text)) from None
    return Attribute(tag, keyword, vr, name)


def private_attribute(creator: str, tag: int) -> Attribute:
    """Find a private attribute by its creator; the block of the tag does not matter.

    Raises
    ------
    UnknownAttribute
    """
    try:
        vr, _, name, _ = datadict.get_private_entry(tag, creator)
    except KeyError:
        raise UnknownAttribute("No private attribute of this creator is known under this tag.") from None
    return Attribute(tag, "", vr, name)


def attribute_type(sop_class_uid: str, path: tuple[str, ...]) -> AttributeType | None:
    """Type of an attribute in the objects of a SOP class.

    Parameters
    ----------
    path : tuple of str
        Keywords from the data set inwards, such as ``("ReferencedStudySequence", "ReferencedSOPClassUID")``.

    Returns
    -------
    str or None
        The strictest type among the modules that have the attribute, whether they are mandatory or not; None where
        the class or the attribute in it is unknown.

    References
    ----------
    DICOM PS3.5 7.4.

    Examples
    --------
    >>> attribute_type("1.2.840.10008.5.1.4.1.1.2", ("PatientID",))
    '2'
    """
    types = [found.type for tree in _trees_of(sop_class_uid) if (found := _walked(tree, path)) and found.type]
    return min(types, default=None)


def mandatory_modules(sop_class_uid: str) -> tuple[int, ...]:
    """Requirements of the mandatory modules of a class, to be read with ``requirements``; none if it is unknown."""
    return tuple(tree for tree, usage in _modules_of(sop_class_uid) if usage == "M")


@cache
def requirements(tree: int) -> dict[str, Requirement]:
    """The attributes of a module, or of the items of one of its sequences, by keyword."""
    found: dict[str, Requirement] = {}
    for keyword, entry in _tables()["trees"][tree].items():
        kind, items = (entry[0], entry[1]) if isinstance(entry, list) else (entry, None)
        found[keyword] = Requirement(cast("AttributeType | None", kind), items)
    return found


@cache
def _tables() -> dict[str, Any]:
    """The module tables; ``tools/generate_iods.py`` makes them."""
    packed = (files("invivo.dicom") / "iods.json.gz").read_bytes()
    return cast("dict[str, Any]", json.loads(gzip.decompress(packed)))


def _modules_of(sop_class_uid: str) -> list[tuple[int, str]]:
    tables = _tables()
    iod = tables["classes"].get(sop_class_uid)
    return [(tables["modules"][name], usage) for name, usage in tables["iods"].get(iod, ())]


def _trees_of(sop_class_uid: str) -> list[int]:
    return [tree for tree, _ in _modules_of(sop_class_uid)]


def _walked(tree: int, path: tuple[str, ...]) -> Requirement | None:
    found: Requirement | None = None
    place: int | None = tree
    for keyword in path:
        found = requirements(place).get(keyword) if place is not None else None
        if found is None:
            return None
        place = found.items
    return found


@cache
def _keywords() -> dict[str, int]:
    return {keyword.lower(): tag for keyword, tag in datadict.keyword_dict.items() if keyword}


def _tag_of(text: str) -> int | None:
    digits = text.strip("()").replace(",", "").replace(" ", "")
    if len(digits) != 8:
        return None
    try:
        return int(digits, 16)
    except ValueError:
        return None


def _unknown(text: str) -> str:
    """Proposals are only made of what could be a keyword, so that nothing else is repeated."""
    near = get_close_matches(text.lower()[:64], _keywords(), n=3, cutoff=0.75)
    proposals = ", ".join(datadict.keyword_for_tag(_keywords()[word]) for word in near)
    return f"There is no such attribute. Did you mean {proposals}?" if proposals else "There is no such attribute."
