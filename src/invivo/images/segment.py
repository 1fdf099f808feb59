"""What a segmentation or a structure set holds: names, codes, colours and who drew it.

References
----------
DICOM PS3.3 C.8.20.2 (Segmentation Image), C.8.8.5 (Structure Set), C.8.8.6 (ROI Contour), C.10.7.1.1 (CIELab encoding).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

MOST_SEGMENTS = 500
LONGEST = 100
_WHITE = (0.95047, 1.0, 1.08883)  # D65
_TO_RED_GREEN_BLUE = (
    (3.2404542, -1.5371385, -0.4985314),
    (-0.9692660, 1.8760108, 0.0415560),
    (0.0556434, -0.2040259, 1.0572252),
)


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept (PS3.3 8.8)."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment, or a region of interest of a structure set.

    Attributes
    ----------
    number : int
    colour : str
        As the object recommends, ``#rrggbb``; empty if it does not.
    algorithm : str
        Name of what drew it; `algorithm_type` is AUTOMATIC, SEMIAUTOMATIC or MANUAL.
    """

    number: int
    label: str
    category: Code | None = None
    property: Code | None = None
    region: Code | None = None
    colour: str = ""
    algorithm_type: str = ""
    algorithm: str = ""
    description: str = ""


def segments_in(header: Mapping[str, Any]) -> tuple[Segment, ...]:
    """Return the segments that a header names, DICOM JSON; at most `MOST_SEGMENTS`, none of other objects."""
    segments = [_segment(item) for item in islice(_items(header, "00620002"), MOST_SEGMENTS)]
    return tuple(segments or _regions(header))


def _segment(item: Mapping[str, Any]) -> Segment:
    algorithm = next(iter(_items(item, "00620007")), {})
    return Segment(
        _integer(item, "00620004"),
        _text(item, "00620005"),
        _code(item, "00620003"),
        _code(item, "0062000F"),
        _code(item, "00082218"),
        _colour_of_lab(_integers(item, "0062000D")),
        _text(item, "00620008"),
        _text(item, "00620009") or _text(algorithm, "00660036"),
        _text(item, "00620006"),
    )


def _regions(header: Mapping[str, Any]) -> list[Segment]:
    colours = {_integer(one, "30060084"): _integers(one, "3006002A") for one in _items(header, "30060039")}
    seen = {_integer(one, "30060084"): one for one in _items(header, "30060080")}
    found = []
    for item in islice(_items(header, "30060020"), MOST_SEGMENTS):
        number = _integer(item, "30060022")
        told = seen.get(number, {})
        found.append(
            Segment(
                number,
                _text(item, "30060026"),
                property=_code(told, "30060086"),
                colour=_colour(colours.get(number, [])),
                algorithm_type=_text(item, "30060036"),
                algorithm=_text(item, "30060038"),
                description=_text(item, "30060028") or _text(told, "300600A4"),
            )
        )
    return found


def _colour(values: list[int]) -> str:
    return f"#{values[0]:02x}{values[1]:02x}{values[2]:02x}" if _are(values, 255) else ""


def _colour_of_lab(values: list[int]) -> str:
    """Return the sRGB colour of a recommended CIELab value, as DICOM scales it to 16 bits."""
    if not _are(values, 65535):
        return ""
    lightness = values[0] / 65535 * 100
    a, b = (one / 65535 * 255 - 128 for one in values[1:])
    middle = (lightness + 16) / 116
    curved = [
        one**3 if one > 6 / 29 else 3 * (6 / 29) ** 2 * (one - 4 / 29)
        for one in (middle + a / 500, middle, middle - b / 200)
    ]
    light = [one * white for one, white in zip(curved, _WHITE, strict=True)]
    linear = [sum(factor * one for factor, one in zip(row, light, strict=True)) for row in _TO_RED_GREEN_BLUE]
    seen = [12.92 * one if one <= 0.0031308 else 1.055 * one ** (1 / 2.4) - 0.055 for one in linear]
    return _colour([round(255 * min(max(one, 0), 1)) for one in seen])


def _are(values: list[int], most: int) -> bool:
    return len(values) == 3 and all(0 <= one <= most for one in values)


def _code(item: Mapping[str, Any], tag: str) -> Code | None:
    for one in _items(item, tag)[:1]:
        value = _text(one, "00080100") or _text(one, "00080119") or _text(one, "00080120")
        return Code(value, _text(one, "00080102"), _text(one, "00080104"))
    return None


def _items(header: Mapping[str, Any], tag: str) -> list[Mapping[str, Any]]:
    values = header.get(tag, {}).get("Value")
    return [one for one in values if isinstance(one, Mapping)] if isinstance(values, list) else []


def _text(item: Mapping[str, Any], tag: str) -> str:
    values = item.get(tag, {}).get("Value")
    first = values[0] if isinstance(values, list) and values else ""
    return str(first).strip()[:LONGEST] if isinstance(first, str | int | float) else ""


def _integers(item: Mapping[str, Any], tag: str) -> list[int]:
    values = item.get(tag, {}).get("Value")
    try:
        return [int(one) for one in values] if isinstance(values, list) else []
    except (TypeError, ValueError, OverflowError):
        return []


def _integer(item: Mapping[str, Any], tag: str) -> int:
    return next(iter(_integers(item, tag)), 0)
