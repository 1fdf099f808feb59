"""CTP pixel scripts: signatures of devices, and the rectangles in which each writes."""

import re
from dataclasses import dataclass

from pydicom.dataset import Dataset

from invivo.deidentification.scripts.ctp_filter import Filter, parse_filter
from invivo.deidentification.scripts.lookup import text_of
from invivo.deidentification.scripts.refusal import LARGEST_SCRIPT, Passage, ScriptRefused, failed, whole
from invivo.deidentification.scripts.value import Level

_MOST_SIGNATURES = 2000
_RECTANGLE = re.compile(r"\(\s*(-?\d{1,6})\s*,\s*(-?\d{1,6})\s*,\s*(\d{1,6})\s*,\s*(\d{1,6})\s*\)", re.ASCII)
_NUMBERS = re.compile(r"\(\s*+(?:-\s*+)?\d[\d\s,.+-]*+\)?", re.ASCII)
_ROWS, _COLUMNS = 0x00280010, 0x00280011

Rectangle = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Signature:
    """A condition on an object, and rectangles x, y, width, height as they are written."""

    line: int
    condition: Filter
    rectangles: tuple[Rectangle, ...]


@dataclass(frozen=True, slots=True)
class PixelScript:
    """A compiled pixel script."""

    signatures: tuple[Signature, ...]

    def signature(self, dataset: Dataset) -> Signature | None:
        """The first signature that matches an object."""
        return next((known for known in self.signatures if known.condition.matches(dataset)), None)

    def rectangles(self, dataset: Dataset) -> tuple[Rectangle, ...]:
        """What to blank in every frame of an object: x, y, width, height in pixels, inside the picture.

        The far edges belong to a rectangle, as in CTP, so each is one column and row larger than written.

        Raises
        ------
        CannotDeidentify
            A signature matches, but the object does not say how large it is, or an element cannot be read.
        """
        found = self.signature(dataset)
        if found is None:
            return ()
        level = Level(dataset)
        columns, rows = level.text(_COLUMNS), level.text(_ROWS)
        if not (columns.isdecimal() and rows.isdecimal()):
            raise failed("pixels", "The object does not say how large its picture is.")
        clipped = (_clipped(rectangle, int(columns), int(rows)) for rectangle in found.rectangles)
        return tuple(rectangle for rectangle in clipped if rectangle[2] and rectangle[3])


def _clipped(rectangle: Rectangle, columns: int, rows: int) -> Rectangle:
    x, y, width, height = rectangle
    left, top = (x + columns if x < 0 else x), (y + rows if y < 0 else y)
    right, bottom = min(left + width + 1, columns), min(top + height + 1, rows)
    left, top = max(left, 0), max(top, 0)
    return left, top, max(right - left, 0), max(bottom - top, 0)


def load_pixel_script(text: str | bytes) -> PixelScript:
    """Compile a pixel script.

    Raises
    ------
    ScriptRefused
        A signature is no expression or does not end, a rectangle has not four numbers, or there is no signature.
    """
    passage = whole(text_of(text, LARGEST_SCRIPT))
    signatures: list[Signature] = []
    place = _opening(passage, 0)
    while place >= 0:
        end = _closing(passage, place)
        condition = parse_filter(passage.part(place + 1, end))
        following = _opening(passage, end + 1)
        rectangles = _rectangles(passage, end + 1, following if following >= 0 else len(passage.text))
        if not rectangles:
            raise passage.refused(place, "this signature has no rectangle.")
        signatures.append(Signature(passage.place(place)[0], condition, rectangles))
        if len(signatures) > _MOST_SIGNATURES:
            raise passage.refused(place, f"the script has more than {_MOST_SIGNATURES} signatures.")
        place = following
    if not signatures:
        raise ScriptRefused("the script has no signature, so no pixel would ever be blanked.")
    return PixelScript(tuple(signatures))


def _opening(passage: Passage, start: int) -> int:
    return passage.text.find("{", start)


def _closing(passage: Passage, opening: int) -> int:
    """Where a signature ends; braces in its strings and comments do not count."""
    text, place = passage.text, opening + 1
    while place < len(text):
        if text[place] == '"':
            place += 1
            while place < len(text) and text[place] != '"':
                place += 2 if text[place] == "\\" else 1
        elif text.startswith("//", place):
            end = text.find("\n", place)
            place = len(text) if end < 0 else end
        elif text[place] == "{":
            break
        elif text[place] == "}":
            return place
        place += 1
    raise passage.refused(opening, "a signature has no closing brace.")


def _rectangles(passage: Passage, start: int, end: int) -> tuple[Rectangle, ...]:
    part = passage.text[start:end]
    found: list[Rectangle] = []
    for numbers in _NUMBERS.finditer(part):
        exact = _RECTANGLE.fullmatch(numbers[0])
        if exact is None:
            raise passage.refused(start + numbers.start(), "a rectangle is (x, y, width, height).")
        x, y, width, height = (int(number) for number in exact.groups())
        found.append((x, y, width, height))
    return tuple(found)
