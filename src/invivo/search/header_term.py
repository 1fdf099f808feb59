"""What the headers of a series say, as terms: a path, a value, and its number or day where it has one.

References
----------
DICOM PS3.5 6.2 (value representations), 7.8.1 (private blocks); PS3.18 Annex F (DICOM JSON).
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from invivo.search.attribute import segment_of
from invivo.search.unit import age_years

LONGEST_VALUE = 500
DEEPEST = 12
_NO_TEXT = frozenset("OB OD OF OL OV OW UN".split())
_NUMBERS = frozenset("DS IS FD FL US UL SS SL UV SV".split())
_DAY = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
# These are columns of the series, or name one instance only.
_IN_COLUMNS = frozenset(
    (
        *("00080016", "00080018", "00080060", "00080070", "0008103E", "00081030", "00081090", "00100020", "00180015"),
        *("00181030", "0020000D", "0020000E"),
    )
)


@dataclass(frozen=True, slots=True, order=True)
class HeaderTerm:
    """What an attribute says; of a sequence with items an empty value.

    Attributes
    ----------
    path : str
        See `attribute`.
    value : str
        At most `LONGEST_VALUE` letters; of a longer text there are several, cut between words.
    number : float or None
        Of an age, in years.
    day : str or None
        ISO date.
    """

    path: str
    value: str
    number: float | None = None
    day: str | None = None


def terms_of(header: Mapping[str, Any]) -> Iterator[HeaderTerm]:
    """Yield what a header says, DICOM JSON; the same thing perhaps more than once."""
    for tag, element in header.items():
        if tag not in _IN_COLUMNS:
            yield from _terms(header, tag, element, "", 1)


def _terms(around: Mapping[str, Any], tag: str, element: Any, before: str, depth: int) -> Iterator[HeaderTerm]:
    vr, values = str(element.get("vr", "")), element.get("Value")
    if not isinstance(values, list) or vr in _NO_TEXT:
        return
    path = before + _segment(around, tag)
    if vr == "SQ":
        if values and depth < DEEPEST:
            yield HeaderTerm(path, "")
            for item in values:
                for inner, one in item.items():
                    yield from _terms(item, inner, one, f"{path}.", depth + 1)
        return
    for value in values:
        for text in _texts(value):
            yield _term(path, vr, text)


def _segment(around: Mapping[str, Any], tag: str) -> str:
    number = int(tag, 16)
    if not (number >> 16) % 2 or number & 0xFFFF < 0x1000:
        return _known_segment(number, "")
    held = around.get(f"{tag[:4]}00{tag[4:6]}", {}).get("Value") or [""]
    return _known_segment(number, str(held[0]).strip()[:64].replace('"', "").replace("\\", "").replace("|", ""))


@lru_cache(maxsize=20_000)
def _known_segment(tag: int, creator: str) -> str:
    return segment_of(tag, creator)


def _texts(value: Any) -> Iterator[str]:
    """Yield a value as text, in pieces if it is long; of a name all its forms."""
    if isinstance(value, Mapping):
        for form in value.values():
            yield from _texts(form)
        return
    text = "" if value is None else f"{value:.15g}" if isinstance(value, float) else str(value)
    text = text.replace("\0", "").strip()
    while len(text) > LONGEST_VALUE:
        cut = text.rfind(" ", 1, LONGEST_VALUE)
        yield text[: cut if cut > 0 else LONGEST_VALUE].rstrip()
        text = text[cut if cut > 0 else LONGEST_VALUE :].lstrip()
    if text:
        yield text


def _term(path: str, vr: str, text: str) -> HeaderTerm:
    if vr in _NUMBERS:
        return HeaderTerm(path, text, _number(text))
    if vr == "AS":
        return HeaderTerm(path, text, age_years(text))
    return HeaderTerm(path, text, day=_day(text)) if vr in ("DA", "DT") else HeaderTerm(path, text)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _day(text: str) -> str | None:
    found = _DAY.match(text)
    try:
        return date(*map(int, found.groups())).isoformat() if found else None
    except ValueError:
        return None
