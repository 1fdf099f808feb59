"""What a series has shown so far decides which of its pictures are looked at more closely."""

import random

import numpy as np
import pytest

from invivo.deidentification.burned_in import Attention, Known, clean_pixels, reader, reading, screen
from invivo.deidentification.burned_in.screen import Screened
from tests.deidentification.burned_in import drawing

SEED = 31_007
needs_reader = pytest.mark.skipif(reader() is None, reason="the extra [ocr] is not installed")


def textured(noise: np.random.Generator) -> np.ndarray:
    """A slice with a patch of fine bright threads, which a screen takes for text."""
    frame = drawing.ct(noise)
    for _ in range(26):
        x, y = int(noise.integers(240, 300)), int(noise.integers(250, 262))
        frame[y : y + 4, x] = 3000
    return frame


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many places each closer look was given."""
    seen: list[int] = []
    closely = reading.may_have_text_at

    def counted(frame: np.ndarray, places: tuple[tuple[int, int, int, int], ...]) -> bool:
        seen.append(len(places))
        return closely(frame, places)

    monkeypatch.setattr(reading, "may_have_text_at", counted)
    return seen


def test_the_texture_of_these_tests_screens() -> None:
    noise = np.random.default_rng(SEED)
    assert sum(bool(screen(textured(noise))) for _ in range(20)) >= 15


@needs_reader
def test_a_name_on_one_of_many_textured_slices_is_hidden(looks: list[int]) -> None:
    noise, attention = np.random.default_rng(SEED), Attention()
    someone = drawing.person(random.Random(SEED))
    touched = []
    for number in range(40):
        frame = textured(noise)
        if number == 37:
            drawing.draw(frame, f"{someone.family} {someone.given}", (30, 40), 16, 3600)
        outcome = clean_pixels(
            drawing.dataset(frame[None], modality="CT"), known=Known(someone.header()), attention=attention
        )
        touched += [number] if outcome.touched else []
    assert touched == [37]
    assert len(looks) < 15


@needs_reader
def test_texture_alone_costs_a_few_looks_a_series(looks: list[int]) -> None:
    noise, attention = np.random.default_rng(SEED), Attention()
    for _ in range(100):
        outcome = clean_pixels(
            drawing.dataset(textured(noise)[None], modality="CT"), known=Known(()), attention=attention
        )
        assert not outcome.touched
    assert 1 <= len(looks) <= 12
    assert not attention.has_text


def test_what_screens_stronger_than_all_that_was_looked_at_in_vain_is_wanted() -> None:
    attention, place = Attention(), ((0, 0, 64, 16),)
    assert attention.wants(Screened(10, 0, place))
    attention.note_nothing(Screened(10, 0, place))
    assert not attention.wants(Screened(11, 0, place))
    assert attention.wants(Screened(20, 0, place))
    assert attention.wants(Screened(10, 6, place))


def test_every_64th_of_the_others_is_wanted_too_and_all_once_there_was_text() -> None:
    attention, seen = Attention(lines=30, strokes=30), Screened(9, 0, ((0, 0, 64, 16),))
    assert sum(attention.wants(seen) for _ in range(128)) == 2
    attention.has_text = True
    assert all(attention.wants(seen) for _ in range(10))
    assert not attention.wants(Screened())


def test_without_a_reader_every_picture_that_screens_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "reader", lambda: None)
    noise, attention = np.random.default_rng(SEED), Attention()
    for _ in range(5):
        frame = textured(noise)
        drawing.draw(frame, "MRN 4711000", (30, 40), 16, 3600)
        outcome = clean_pixels(drawing.dataset(frame[None], modality="CT"), known=Known(()), attention=attention)
        assert [(doubt.code, doubt.severity) for doubt in outcome.doubts] == [("pixel.not-read", "hold")]


@needs_reader
def test_one_frame_of_hundreds_is_found() -> None:
    noise = np.random.default_rng(SEED)
    frames = np.stack([drawing.ct(noise, 256) for _ in range(120)])
    drawing.draw(frames[77], "MRN 4711000", (20, 30), 14, 3600)
    outcome = clean_pixels(drawing.dataset(frames, modality="CT"), known=Known(["4711000"]), attention=Attention())
    assert outcome.touched
