"""The quick look: drawn text is seen, pictures without it mostly pass."""

import random

import numpy as np
import pytest

from invivo.deidentification.burned_in import screen
from tests.deidentification.burned_in import drawing

SEED = 20_411


@pytest.mark.parametrize("background", ["ct", "plate", "speckle", "black"])
def test_text_of_every_size_is_seen(background: str) -> None:
    rng, noise = random.Random(SEED), np.random.default_rng(SEED)
    make = {
        "ct": lambda: drawing.ct(noise),
        "plate": lambda: drawing.plate(noise, 700, 600),
        "speckle": lambda: drawing.speckle(noise),
        "black": lambda: np.zeros((512, 512), np.uint8),
    }[background]
    missed, drawn = [], 0
    for size in (8, 9, 10, 12, 14, 16, 20, 24, 28, 32, 40) * 2:
        frame = make()
        someone = drawing.person(rng)
        place = (rng.randrange(2, 200), rng.randrange(2, frame.shape[0] - 60))
        level = 3900 if frame.dtype == np.uint16 else 250
        drawing.draw(frame, rng.choice(someone.lines(rng)), place, size, level)
        drawn += 1
        if not screen(frame):
            missed.append(size)
    assert len(missed) <= drawn * 0.01


def test_slices_without_text_mostly_pass() -> None:
    noise = np.random.default_rng(SEED)
    assert sum(bool(screen(drawing.ct(noise))) for _ in range(20)) <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.uint32, np.float32])
def test_an_empty_frame_of_any_type_holds_no_text(dtype: type) -> None:
    assert not screen(np.zeros((64, 64), dtype))


def test_large_values_do_not_wrap_around() -> None:
    frame = np.zeros((256, 256), np.uint16)
    drawing.draw(frame, "MRN 4711000", (20, 40), 16, 65535)
    assert screen(frame)
