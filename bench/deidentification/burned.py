"""Text drawn into pixels, in several fonts, sizes and contrasts, with the boxes of what identifies and what is clinical."""

from functools import cache
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from bench.deidentification.answers import Burned
from bench.deidentification.people import Person, name_groups
from bench.deidentification.phrases import written

_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "C:/Windows/Fonts")
_CLINICAL = (
    "LEFT KIDNEY", "RT LOBE TRANS", "L", "R", "Dist 23.4 mm", "FR 34 Hz", "MI 1.1", "TIS 0.4", "Depth 12 cm", "A4C",
    "PLAX", "Vel 89.2 cm/s", "Area 4.31 cm2", "L MLO", "R CC", "AP SUPINE", "Gain 45%", "Zoom 100%", "EDV 112 ml",
    "Thyroid", "HR 72 bpm", "Vol 12.9 ml", "PORTABLE", "C5-1", "DLP 412 mGycm",
)  # fmt: skip


@cache
def typefaces() -> tuple[Path, ...]:
    """Fonts of this machine with Latin letters; may be none."""
    found = [path for folder in _FOLDERS if Path(folder).is_dir() for path in Path(folder).rglob("*.ttf")]
    plain = [path for path in found if any(word in path.name for word in ("Sans", "Mono", "Serif", "arial"))]
    return tuple(sorted(path for path in plain if "Symbol" not in path.name and "Emoji" not in path.name)[:12])


def identifying_lines(chance: Random, one: Person) -> list[str]:
    """Lines as a device writes them over an image; only what a Latin font can draw."""
    words = name_groups(one.name)[0]
    names = [f"{words[0].upper()}, {words[-1].upper()}", f"{words[-1]} {words[0]}", f"Name: {words[0]}^{words[-1]}"]
    lines = [chance.choice(names) if one.name.split("=")[0].isascii() else f"PT {one.other_id}"]
    lines.append(f"ID: {one.patient_id}" if chance.random() < 0.5 else one.patient_id)
    lines.append(chance.choice((f"DOB {written(one.birth, chance)}", f"{written(one.study, chance)} 10:42:31")))
    lines.append(chance.choice((one.institution, f"Dr {one.physician.split('^')[0]}", f"Acc {one.accession}")))
    return lines[: chance.randrange(2, 5)]


def burn(frame: NDArray[np.generic], chance: Random, one: Person, *, most: int, clinical: int) -> tuple[Burned, ...]:
    """Draw lines into a frame (rows, columns[, 3]) in place; give what was drawn where, without overlap."""
    rows, columns = frame.shape[:2]
    lines = [(line, True) for line in identifying_lines(chance, one)]
    lines += [(line, False) for line in chance.sample(_CLINICAL, clinical)]
    taken: list[tuple[int, int, int, int]] = []
    drawn: list[Burned] = []
    for text, identifies in lines:
        for _ in range(30):
            mask = _drawn(text, chance, int(columns * 0.6))
            high, wide = mask.shape
            if wide + 12 >= columns or high + 12 >= rows:
                continue
            place = (chance.randrange(4, columns - wide - 4), _row(chance, rows, high), wide, high)
            if not any(_overlap(place, other) for other in taken):
                _paint(frame, mask, place, chance.uniform(0.45, 1.0) * most)
                taken.append(place)
                drawn.append(Burned(text, place, identifies))
                break
    return tuple(drawn)


def _row(chance: Random, rows: int, high: int) -> int:
    edge = max(5, rows // 5)
    top = chance.randrange(4, max(5, edge - high + 4)) if edge > high else 4
    return chance.choice((top, rows - high - top, chance.randrange(4, rows - high - 4)))


def _drawn(text: str, chance: Random, widest: int) -> NDArray[np.uint8]:
    size = chance.randrange(9, 37)
    while True:
        font: ImageFont.FreeTypeFont | ImageFont.ImageFont
        if typefaces() and chance.random() < 0.7:
            font = ImageFont.truetype(str(chance.choice(typefaces())), size)
        else:
            font = ImageFont.load_default(size)
        left, top, right, bottom = font.getbbox(text)
        if right - left <= widest or size <= 9:
            break
        size = max(9, size - 4)
    picture = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2), 0)
    ImageDraw.Draw(picture).text((1 - left, 1 - top), text, font=font, fill=255)
    return np.asarray(picture)


def _paint(frame: NDArray[np.generic], mask: NDArray[np.uint8], place: tuple[int, int, int, int], level: float) -> None:
    left, top, wide, high = place
    part = frame[top : top + high, left : left + wide].astype(np.float64)
    weight = mask.astype(np.float64) / 255
    weight = weight[..., None] if part.ndim == 3 else weight
    frame[top : top + high, left : left + wide] = (part * (1 - weight) + level * weight).astype(frame.dtype)


def _overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    gap = 6
    return not (
        one[0] + one[2] + gap < other[0]
        or other[0] + other[2] + gap < one[0]
        or one[1] + one[3] + gap < other[1]
        or other[1] + other[3] + gap < one[1]
    )
