"""The pixels of one object from end to end: looked at, read, filled where they identify, and looked at again."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from invivo.deidentification import element as elements
from invivo.deidentification.burned_in import reading
from invivo.deidentification.burned_in.attention import Attention
from invivo.deidentification.burned_in.fill import hide_by_frame, inside
from invivo.deidentification.burned_in.judgement import Identifies, is_label, judge_all
from invivo.deidentification.burned_in.known import Known
from invivo.deidentification.burned_in.outcome import PixelOutcome
from invivo.deidentification.burned_in.picture import Array, CannotHide, Frames, Picture, Rectangle, picture_of
from invivo.deidentification.burned_in.reading import Found, Reader
from invivo.deidentification.burned_in.screen import Screened, screen
from invivo.deidentification.burned_in.ultrasound import ultrasound_regions
from invivo.deidentification.report import Doubt

_LOSSY = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 81, 91, 203))
_LOSSY_BEFORE = BaseTag(0x00282110)
_MOST_THOROUGH, _MOST_POSITIVE, _MOST_AGAIN = 96, 6, 4
_MOST_SCREENED, _MOST_DECODED = 512, 48
_ROUNDS = 3
_LARGEST_READ = 40_000_000  # pixels of a frame; reading takes about a second a million
_FARTHEST_APART = 8
_MARGIN, _MARGIN_ALONG, _MARGIN_ACROSS = 3, 0.8, 0.2
_VALUE_LETTERS = 12
_SMALL_CHANGE = 0.02
_SURE = 0.6
_CHANGED_MARGIN = 24


class _ReaderFailed(Exception):
    """The reader of text raised an error of its own."""


@dataclass(slots=True)
class _Notes:
    """What has been seen so far: boxes to hide in all frames, kinds of doubt, counts."""

    boxes: dict[Rectangle, None] = field(default_factory=dict)
    kept: set[Rectangle] = field(default_factory=set)
    unclear: set[Rectangle] = field(default_factory=set)
    has_words: bool = False
    read: int = 0
    passed: int = 0
    decoded: bool = False


@dataclass(frozen=True, slots=True)
class _Task:
    """What does not change while an object is worked on."""

    picture: Picture
    regions: tuple[Rectangle, ...]
    banner: tuple[Rectangle, ...]
    identifies: Identifies
    everything: bool
    read: Reader
    glance: Reader
    has_more: Callable[[Array], bool] | None = None


def clean_pixels(
    dataset: Dataset,
    *,
    known: Known,
    regions: Iterable[Rectangle] = (),
    everything: bool = False,
    thorough: bool = False,
    attention: Attention | None = None,
    reader: Reader | None = None,
    identifies: Identifies | None = None,
) -> PixelOutcome:
    """Hide the identifying text in the pixels of an object.

    Parameters
    ----------
    dataset : Dataset
        The object with its pixel data and transfer syntax; it is not changed.
    known : Known
        What the header knows; text of identifying forms is found without.
    regions : iterable of (x, y, width, height)
        Rectangles that are always hidden.
    everything : bool
        Whether clinical text goes as well.
    thorough : bool
        Whether every frame is read. Else frames are screened, and read only where there may be text.
    attention : Attention, optional
        Of the object's series, where not every frame is read; it learns from this object.
    reader : callable, optional
        What reads text; the installed one where absent.
    identifies : callable, optional
        A further judge of read text, beside ``known``.

    Returns
    -------
    PixelOutcome
        Doubts of severity ``hold`` where a frame could not be looked at or identifying text may be left.

    References
    ----------
    DICOM PS3.15 Annex E.3.1 (Clean Pixel Data Option).
    """
    try:
        picture = picture_of(dataset)
        if picture is None:
            return PixelOutcome(dataset)
        always = inside(regions, picture)
        frames = Frames(dataset, picture)
        banner = ultrasound_regions(dataset)
        found_reader = reader or reading.reader()
        can_read = found_reader is not None and picture.rows * picture.columns <= _LARGEST_READ
        closer = reading.may_have_text_at if reader is None and can_read else None
        choice = _Choice(frames, _is_exact(dataset, picture), attention or Attention(), closer)
        looked_at = _spread(range(picture.frames), _MOST_THOROUGH) if thorough else choice.frames_to_read()
    except _ReaderFailed:
        return PixelOutcome(dataset, doubts=(_not_looked_at(),))
    except CannotHide:
        return PixelOutcome(dataset, doubts=(_not_decoded(),))
    if looked_at and not can_read:
        return _with_regions_only(dataset, picture, always)
    if not looked_at and not always:
        return PixelOutcome(dataset, doubts=choice.doubts())

    def identifying(text: str) -> bool:
        return known.finds(text) or (identifies is not None and identifies(text))

    has_more = reading.may_have_text if reader is None else None
    read, look = found_reader or reading.read_text, reader or reading.glance
    task = _Task(picture, always, banner, identifying, everything, read, look, has_more)
    notes = _Notes()
    outcome = _attempted(dataset, frames, looked_at, task, notes)
    if not thorough:
        choice.learn(has_text=notes.has_words or bool(notes.boxes))
        outcome = replace(outcome, doubts=(*outcome.doubts, *choice.doubts()))
    return outcome


def _attempted(dataset: Dataset, frames: Frames, looked_at: list[int], task: _Task, notes: _Notes) -> PixelOutcome:
    try:
        _read_frames(frames, looked_at, task, notes)
        return _cleaned(dataset, looked_at, task, notes)
    except _ReaderFailed:
        return PixelOutcome(dataset, doubts=(_not_looked_at(),))
    except CannotHide as refusal:
        if not notes.decoded:
            return PixelOutcome(dataset, doubts=(_not_decoded(),))
        doubt = Doubt("pixel.cannot-hide", "PixelData", refusal.message, "hold")
        return PixelOutcome(dataset, doubts=(doubt,))


def _not_decoded() -> Doubt:
    return Doubt(
        "pixel.not-decoded", "PixelData", "The pixels cannot be decoded, so nobody has looked at them.", "hold"
    )


def _not_looked_at() -> Doubt:
    text = "The reader of text failed on the pixels, so nobody has looked at them."
    return Doubt("pixel.not-read", "PixelData", text, "hold")


def _is_exact(dataset: Dataset, picture: Picture) -> bool:
    said = elements.stored(dataset).get(_LOSSY_BEFORE)
    return picture.syntax not in _LOSSY and (said is None or "01" not in elements.texts_of(said, "CS", ()))


def _with_regions_only(dataset: Dataset, picture: Picture, always: tuple[Rectangle, ...]) -> PixelOutcome:
    text = "There may be text in the pixels, which were not read: no reader is installed (the extra [ocr]), or they are too many."
    doubts = (Doubt("pixel.not-read", "PixelData", text, "hold"),)
    if not always:
        return PixelOutcome(dataset, doubts=doubts)
    try:
        filled = hide_by_frame(dataset, dict.fromkeys(range(picture.frames), always))
    except CannotHide as refusal:
        return PixelOutcome(dataset, doubts=(*doubts, Doubt("pixel.cannot-hide", "PixelData", refusal.message, "hold")))
    hidden = tuple((None, rectangle) for rectangle in always)
    return PixelOutcome(filled.dataset, hidden, 0, doubts, touched=True, recoded_frames=filled.recoded)


@dataclass(slots=True)
class _Choice:
    """The choice of frames to read of an object of which not all are: those that screen, and look so at a closer look."""

    frames: Frames
    exact: bool
    attention: Attention
    look: Callable[[Array, Sequence[Rectangle]], bool] | None
    chosen: dict[int, Screened] = field(default_factory=dict)

    def frames_to_read(self) -> list[int]:
        for index in self._screened():
            frame = self.frames.at(index)
            seen = screen(frame, exact=self.exact)
            if not self.attention.wants(seen):
                continue
            if self._shows(frame, seen):
                self.chosen[index] = seen
            else:
                self.attention.note_nothing(seen)
        return _spread(list(self.chosen), _MOST_POSITIVE)

    def _screened(self) -> list[int]:
        picture = self.frames.picture
        return _spread(range(picture.frames), _MOST_DECODED if picture.encapsulated else _MOST_SCREENED)

    def _shows(self, frame: Array, seen: Screened) -> bool:
        if self.look is None:
            return True
        try:
            return self.look(frame, seen.places)
        except Exception:  # because the recogniser raises errors of three libraries, and none may let the frame pass
            raise _ReaderFailed from None

    def learn(self, *, has_text: bool) -> None:
        """Tell the series' attention what the reading of the chosen frames has shown."""
        self.attention.has_text |= has_text
        for seen in () if has_text else self.chosen.values():
            self.attention.note_nothing(seen)

    def doubts(self) -> tuple[Doubt, ...]:
        """Of very long objects only some frames are screened."""
        screened, every = len(self._screened()), self.frames.picture.frames
        if screened == every:
            return ()
        return (Doubt("pixel.frames-sampled", "PixelData", f"Of {every} frames {screened} were screened.", "warning"),)


def _spread(numbers: Sequence[int], most: int) -> list[int]:
    """Evenly chosen ones, the first and the last among them."""
    if len(numbers) <= most:
        return list(numbers)
    return [numbers[round(place * (len(numbers) - 1) / (most - 1))] for place in range(most)]


def _cleaned(dataset: Dataset, looked_at: list[int], task: _Task, notes: _Notes) -> PixelOutcome:
    doubts = []
    result, recoded, left = dataset, 0, False
    wanted: tuple[Rectangle, ...] = ()
    for _ in range(_ROUNDS):
        wanted = inside((*task.regions, *notes.boxes), task.picture)
        if not wanted:
            break
        filled = hide_by_frame(dataset, dict.fromkeys(range(task.picture.frames), wanted))
        result, recoded = filled.dataset, filled.recoded
        left = _is_left(result, looked_at, task, notes)
        if not left:
            break
    if left:
        doubts.append(Doubt("pixel.text-left", "PixelData", "Identifying text may still be in the pixels.", "hold"))
    doubts += _small_doubts(notes, task, looked_at, recoded)
    return PixelOutcome(
        result,
        tuple((None, rectangle) for rectangle in wanted),
        len(notes.kept),
        tuple(doubts),
        touched=result is not dataset,
        read_frames=notes.read,
        recoded_frames=recoded,
    )


def _small_doubts(notes: _Notes, task: _Task, looked_at: list[int], recoded: int) -> list[Doubt]:
    doubts = []
    if notes.unclear:
        text = f"{len(notes.unclear)} pieces of text in the pixels were not understood and stay."
        doubts.append(Doubt("pixel.text-unclear", "PixelData", text, "warning"))
    if notes.passed or len(looked_at) == _MOST_THOROUGH < task.picture.frames:
        text = f"Of {task.picture.frames} frames {len(looked_at) - notes.passed} were looked at for text."
        doubts.append(Doubt("pixel.frames-sampled", "PixelData", text, "warning"))
    if recoded:
        text = f"{recoded} frames of lossy JPEG were compressed again as a whole."
        doubts.append(Doubt("pixel.recoded", "PixelData", text, "info"))
    return doubts


def _read_frames(frames: Frames, looked_at: list[int], task: _Task, notes: _Notes) -> None:
    """Read the first and the last frame; of those between only the part that changed, if a quick look finds more text.

    As long as nothing new turns up, ever more of the frames between are passed over, at most seven in a row.
    """
    last: Array | None = None
    fruitless = due = 0
    for place, index in enumerate(looked_at):
        is_end = index in (looked_at[0], looked_at[-1])
        if place < due and not is_end:
            notes.passed += 1
            continue
        shown = _shown(frames.at(index), task)
        notes.decoded = index == looked_at[-1]
        part = _changed_part(last, shown)
        last = shown
        if part is None:
            continue
        before = len(notes.boxes)
        _read_part(shown, part, is_end, task, notes)
        fruitless = 0 if len(notes.boxes) > before else fruitless + 1
        due = place + min(2**fruitless, _FARTHEST_APART)


def _read_part(shown: Array, part: Rectangle, is_end: bool, task: _Task, notes: _Notes) -> None:
    x, y, width, height = part
    try:
        if not is_end and task.has_more is not None and not task.has_more(_without(shown, notes)):
            return
        found = (task.read if is_end else task.glance)(shown[y : y + height, x : x + width])
    except Exception:  # because the recogniser raises errors of three libraries, and none may let the frame pass
        raise _ReaderFailed from None
    notes.read += 1
    _note([one._replace(x=one.x + x, y=one.y + y) for one in found], task, notes)


def _shown(frame: Array, task: _Task) -> Array:
    """The frame with large values bright and the regions that are hidden anyway blank."""
    if task.picture.photometric == "MONOCHROME1":
        frame = frame.max() - frame
    if task.regions:
        frame = frame.copy()
        for x, y, width, height in task.regions:
            frame[y : y + height, x : x + width] = frame.min()
    return frame


def _without(shown: Array, notes: _Notes) -> Array:
    """The frame with the text that other frames have too taken out: is there more?"""
    blank = shown.copy()
    for x, y, width, height in (*notes.boxes, *notes.kept, *notes.unclear):
        left, top = max(x - _MARGIN, 0), max(y - _MARGIN, 0)
        blank[top : y + height + _MARGIN, left : x + width + _MARGIN] = blank.min()
    return blank


def _changed_part(last: Array | None, shown: Array) -> Rectangle | None:
    """Where a frame differs from the one before; None where nowhere."""
    rows, columns = shown.shape[:2]
    if last is None or last.shape != shown.shape:
        return 0, 0, columns, rows
    least = _SMALL_CHANGE * float(np.ptp(shown.astype(np.float32)))
    difference: Array = np.abs(shown.astype(np.float32) - last.astype(np.float32))
    changed: Array = (difference.max(axis=2) if difference.ndim == 3 else difference) > least
    down, across = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if not len(down):
        return None
    top, left = max(int(down[0]) - _CHANGED_MARGIN, 0), max(int(across[0]) - 4 * _CHANGED_MARGIN, 0)
    bottom, right = int(down[-1]) + 1 + _CHANGED_MARGIN, int(across[-1]) + 1 + 4 * _CHANGED_MARGIN
    return left, top, min(right, columns) - left, min(bottom, rows) - top


def _note(found: list[Found], task: _Task, notes: _Notes) -> None:
    verdicts = judge_all(found, task.identifies)
    for one, verdict in zip(found, verdicts, strict=True):
        box = (one.x, one.y, one.width, one.height)
        if task.everything or verdict == "identifying" or (verdict == "unclear" and _is_in(box, task.banner)):
            notes.boxes[_with_margin(_with_value(one, found))] = None
        elif verdict == "clinical":
            notes.kept.add(box)
            notes.has_words |= one.confidence > _SURE and sum(map(str.isalpha, one.text)) > 1
        else:
            notes.unclear.add(box)


def _is_in(box: Rectangle, areas: Iterable[Rectangle]) -> bool:
    x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
    return any(left <= x < left + width and top <= y < top + height for left, top, width, height in areas)


def _with_value(one: Found, found: list[Found]) -> Found:
    """A label with the room behind it, up to the next piece: its value stands there, though nobody could read it."""
    if not is_label(one.text) or one.height > one.width:
        return one
    right, bottom = one.x + one.width, one.y + one.height
    starts = [other.x for other in found if other.x >= right and other.y < bottom and other.y + other.height > one.y]
    room = min([_VALUE_LETTERS * one.height, *(start - right for start in starts)])
    return one._replace(width=one.width + room)


def _with_margin(one: Found) -> Rectangle:
    letter = min(one.height, one.width)
    beside, above = (max(_MARGIN, round(letter * part)) for part in (_MARGIN_ALONG, _MARGIN_ACROSS))
    if one.height > 2 * one.width:
        beside, above = above, beside
    return one.x - beside, one.y - above, one.width + 2 * beside, one.height + 2 * above


def _is_left(result: Dataset, looked_at: list[int], task: _Task, notes: _Notes) -> bool:
    """Read some of the filled frames again; what is found anew is noted for another round."""
    again = _Notes()
    _read_frames(Frames(result, task.picture), _spread(looked_at, _MOST_AGAIN), replace(task, read=task.glance), again)
    notes.read += again.read
    # What was read as clinical is not read again as another thing: letters in a smaller window are worse to read.
    new = [box for box in again.boxes if not any(_covers(box, kept) for kept in notes.kept)]
    notes.boxes.update(dict.fromkeys(new))
    return bool(new)


def _covers(box: Rectangle, kept: Rectangle) -> bool:
    """Whether a box with its margin is about the place of a kept piece of text."""
    x, y, width, height = box
    return (
        x <= kept[0] + kept[2] / 2 <= x + width
        and y <= kept[1] + kept[3] / 2 <= y + height
        and kept[0] <= x + width / 2 <= kept[0] + kept[2]
    )
