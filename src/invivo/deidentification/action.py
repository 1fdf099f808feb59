"""The actions of PS3.15 Annex E: which one a compound code means for an object, and D, Z, C and U on one element.

X (nothing remains) and K (the same element, its bytes untouched) need no function.
"""

from collections.abc import Callable, Sequence

from invivo.deidentification import element as elements
from invivo.deidentification.element import Element

DUMMY_TEXT = "ANONYMIZED"
DUMMIES: dict[str, str | int | float | bytes] = {
    "AE": DUMMY_TEXT,
    "AS": "000Y",
    "AT": 0,
    "CS": DUMMY_TEXT,
    "DA": "19000101",
    "DS": "0",
    "DT": "19000101000000",
    "FD": 0.0,
    "FL": 0.0,
    "IS": "0",
    "LO": DUMMY_TEXT,
    "LT": DUMMY_TEXT,
    "OB": b"\0\0",
    "OD": bytes(8),
    "OF": bytes(4),
    "OL": bytes(4),
    "OV": bytes(8),
    "OW": b"\0\0",
    "PN": DUMMY_TEXT,
    "SH": DUMMY_TEXT,
    "SL": 0,
    "SS": 0,
    "ST": DUMMY_TEXT,
    "SV": 0,
    "TM": "000000",
    "UC": DUMMY_TEXT,
    "UL": 0,
    "UN": b"\0\0",
    "UR": "urn:anonymized",
    "US": 0,
    "UT": DUMMY_TEXT,
    "UV": 0,
}
TEXT_VRS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC", "AE"})
CODES = frozenset("DZXKCU")


def choose(code: str, in_iod_type: str | None) -> str:
    """One letter for a (compound) code of Table E.1-1, so that a valid object stays valid.

    Parameters
    ----------
    code : str
        As the table writes it: ``X``, ``X/Z/D``, ``X/Z/U*`` ...
    in_iod_type : {'1', '1C', '2', '2C', '3', None}
        Type of the attribute in the object's own definition; None when it does not belong there.

    Returns
    -------
    str
        ``D``, ``Z``, ``X`` or ``U``. The strictest that the type allows; ``U*`` (replace the UIDs inside) wins,
        because references then still lead somewhere.

    References
    ----------
    DICOM PS3.15 E.2, Table E.1-1a.
    """
    letters = code.replace("*", "").split("/")
    if "U" in letters:
        return "U"
    if in_iod_type == "1":
        return "D"
    if in_iod_type == "1C":
        return "D" if letters != ["X"] else "X"
    if in_iod_type in {"2", "2C"}:
        if letters == ["X"]:
            return "Z" if in_iod_type == "2" else "X"
        return "Z" if "Z" in letters else "D"
    return next(letter for letter in "XZD" if letter in letters)


def empty(element: Element, vr: str) -> Element:
    """Z: a zero-length value."""
    return elements.emptied(element, vr)


def dummy(element: Element, vr: str, text: str | None = None) -> Element:
    """D: a value that is valid for the VR and tells nothing; ``text`` where a certain one is wanted."""
    value = DUMMIES.get(vr, b"") if text is None else text
    return elements.with_value(element, vr, value)


def clean(element: Element, vr: str, encodings: Sequence[str], cleaner: Callable[[str], str]) -> Element:
    """C: the same words without what identifies; the same element when nothing did."""
    texts = elements.texts_of(element, vr, encodings)
    cleaned = [cleaner(text) for text in texts]
    if cleaned == texts:
        return element
    return elements.with_texts(element, vr, cleaned if any(cleaned) else [], encodings)


def replace_uids(element: Element, mapping: Callable[[str], str]) -> Element:
    """U: other UIDs, the same ones each time."""
    texts = elements.texts_of(element, "UI", ())
    mapped = [mapping(text) for text in texts]
    return element if mapped == texts else elements.with_texts(element, "UI", mapped, ())
