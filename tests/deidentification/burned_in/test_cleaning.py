"""From the object to the object: what identifies is filled, the rest stays, and doubts are told."""

import logging
import random

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import MPEG4HP41, JPEGLSLossless

from invivo.deidentification.burned_in import Found, Known, clean_pixels, reader, reading, ultrasound_regions
from tests.deidentification.burned_in import drawing

needs_reader = pytest.mark.skipif(reader() is None, reason="the extra [ocr] is not installed")
NOBODY = Known([])


def codes(outcome: object) -> set[tuple[str, str]]:
    return {(doubt.code, doubt.severity) for doubt in outcome.doubts}


def seeing(*texts: str):
    """A reader that sees each text on a line of its own where the frame is bright."""

    def read(frame: np.ndarray) -> list[Found]:
        lines = [Found(10, 10 + 30 * number, 80, 12, text, 0.9) for number, text in enumerate(texts)]
        return [one for one in lines if frame[one.y : one.y + 12, one.x : one.x + 80].max() > 100]

    return read


def bright(frames: int = 1) -> Dataset:
    return drawing.dataset(np.full((frames, 120, 160), 200, np.uint8))


def test_identifying_text_is_filled_and_clinical_text_stays() -> None:
    outcome = clean_pixels(bright(2), known=NOBODY, thorough=True, reader=seeing("DOB 1.2.1970", "12.3 mm"))
    pixels = outcome.dataset.pixel_array
    assert outcome.touched
    assert outcome.kept_text == 1
    assert (pixels[:, 10:22, 10:90] == 0).all()
    assert (pixels[:, 40:52, 10:90] == 200).all()
    assert not outcome.doubts


def test_everything_goes_where_it_is_asked() -> None:
    outcome = clean_pixels(bright(), known=NOBODY, thorough=True, everything=True, reader=seeing("12.3 mm"))
    assert len(outcome.hidden) == 1
    assert outcome.kept_text == 0


def test_text_that_cannot_be_hidden_away_holds_the_object() -> None:
    def stubborn(frame: np.ndarray) -> list[Found]:
        return [Found(rng.randrange(60), rng.randrange(60), 30, 9, "MRN 123456", 0.9)]

    rng = random.Random(3)
    assert ("pixel.text-left", "hold") in codes(clean_pixels(bright(), known=NOBODY, thorough=True, reader=stubborn))


def test_unclear_text_is_a_warning() -> None:
    outcome = clean_pixels(bright(), known=NOBODY, thorough=True, reader=seeing("zyxbar"))
    assert codes(outcome) == {("pixel.text-unclear", "warning")}
    assert not any("zyxbar" in doubt.text for doubt in outcome.doubts)


def test_without_a_reader_what_is_risky_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "has_reader", lambda: False)
    outcome = clean_pixels(bright(), known=NOBODY, thorough=True, regions=[(0, 0, 5, 5)])
    assert codes(outcome) == {("pixel.not-read", "hold")}
    assert outcome.dataset.pixel_array[0, 0] == 0


def test_what_the_screen_lets_pass_is_not_read() -> None:
    dataset = drawing.dataset(drawing.ct(np.random.default_rng(4))[None], modality="CT")
    outcome = clean_pixels(dataset, known=NOBODY)
    assert outcome.dataset is dataset
    assert outcome.read_frames == 0


def test_regions_of_devices_are_filled_unread() -> None:
    outcome = clean_pixels(bright(), known=NOBODY, regions=[(0, 0, 40, 20)], reader=seeing())
    assert outcome.hidden == ((None, (0, 0, 40, 20)),)
    assert (outcome.dataset.pixel_array[:20, :40] == 0).all()


def test_video_is_held() -> None:
    dataset = bright()
    dataset.file_meta.TransferSyntaxUID = MPEG4HP41
    assert ("pixel.not-decoded", "hold") in codes(clean_pixels(dataset, known=NOBODY, thorough=True, reader=seeing()))


def test_an_object_without_pixels_passes() -> None:
    assert clean_pixels(Dataset(), known=NOBODY, thorough=True).doubts == ()


def test_frames_alike_are_read_once() -> None:
    outcome = clean_pixels(bright(30), known=NOBODY, thorough=True, reader=seeing())
    assert outcome.read_frames == 1


def test_text_of_a_later_frame_is_hidden_in_all() -> None:
    frames = np.full((5, 120, 160), 20, np.uint8)
    frames[3, 10:22, 10:90] = 200
    outcome = clean_pixels(drawing.dataset(frames), known=NOBODY, thorough=True, reader=_at_its_place)
    assert (outcome.dataset.pixel_array[:, 12:20, 12:88] == 0).all()


def _at_its_place(frame: np.ndarray) -> list[Found]:
    rows, columns = np.nonzero(frame > 100)
    if not len(rows):
        return []
    x, y = int(columns.min()), int(rows.min())
    return [Found(x, y, int(columns.max()) - x + 1, int(rows.max()) - y + 1, "ID: 88", 0.9)]


def test_the_banner_is_what_lies_outside_of_calibrated_regions() -> None:
    dataset = bright()
    item = Dataset()
    item.RegionLocationMinX0, item.RegionLocationMinY0 = 20, 30
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = 159, 119
    dataset.SequenceOfUltrasoundRegions = Sequence([item])
    assert ultrasound_regions(dataset) == ((0, 0, 160, 30), (0, 30, 20, 90))


@needs_reader
def test_names_and_dates_over_speckle_are_hidden_and_measurements_stay(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    rng, noise = random.Random(77), np.random.default_rng(77)
    someone, frame = drawing.person(rng), drawing.speckle(noise, 480, 640)
    planted = [(drawing.draw(frame, text, (12, 10 + 34 * number), 16, 250), True)
               for number, text in enumerate(someone.lines(rng))]  # fmt: skip
    planted += [(drawing.draw(frame, text, (470, 300 + 34 * number), 16, 250), False)
                for number, text in enumerate(["12.3 mm", "MI 0.8", "LIVER"])]  # fmt: skip
    outcome = clean_pixels(drawing.dataset(frame[None]), known=Known(someone.header()), thorough=True)
    after = outcome.dataset.pixel_array
    for (x, y, width, height), identifies in planted:
        part = after[y : y + height, x : x + width]
        assert bool(part.max() < 100) is identifies
    assert not any(someone.family in record.getMessage() for record in caplog.records)


@needs_reader
def test_a_number_on_a_slice_is_found_without_being_asked_for() -> None:
    frame = drawing.ct(np.random.default_rng(6), 256)
    drawing.draw(frame, "MRN 5551234", (8, 8), 18, 3000)
    outcome = clean_pixels(drawing.dataset(frame[None], modality="CT"), known=NOBODY)
    assert outcome.touched
    assert outcome.dataset.pixel_array[8:26, 8:100].max() < 2000


def test_a_label_is_hidden_with_the_room_of_its_value() -> None:
    def read(frame: np.ndarray) -> list[Found]:
        return [Found(10, 10, 30, 10, "Name:", 0.9)] if frame[10:20, 10:40].max() > 100 else []

    outcome = clean_pixels(bright(), known=NOBODY, thorough=True, reader=read)
    assert (outcome.dataset.pixel_array[11:19, 10:150] == 0).all()


def test_a_reader_that_fails_holds_the_object() -> None:
    def broken(frame: np.ndarray) -> list[Found]:
        raise ValueError("SMITH^JOHN")

    outcome = clean_pixels(bright(), known=NOBODY, thorough=True, reader=broken)
    assert codes(outcome) == {("pixel.not-read", "hold")}


def test_a_damaged_frame_is_held_as_not_decoded() -> None:
    dataset = bright()
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
    dataset.add_new(0x7FE00010, "OB", encapsulate([b"\xff\xd8\xff\xf7junk"]))
    outcome = clean_pixels(dataset, known=NOBODY, thorough=True, reader=seeing())
    assert codes(outcome) == {("pixel.not-decoded", "hold")}


def test_a_frame_too_large_to_be_read_in_time_is_held() -> None:
    frames = np.zeros((1, 6400, 6400), np.uint8)
    outcome = clean_pixels(drawing.dataset(frames), known=Known([]), thorough=True, reader=lambda _frame: [])
    assert [(doubt.code, doubt.severity) for doubt in outcome.doubts] == [("pixel.not-read", "hold")]
