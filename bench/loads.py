"""Loads: folders of synthetic objects, the same bytes for every server and every time they are written."""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from bench import headers


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent for one row.

    Attributes
    ----------
    row : str
        The row that it is sent for.
    number : int
        Loads of different numbers (100 to 899) share no UID and no patient.
    kind : str
        `ct` 530 kB, `mr` 137 kB, `header` 5.6 kB, `enhanced` 26 MB.
    count, per_study, per_series : int
        Instances in all, in a study, in a series.
    shares : int
        Senders; each has a folder.
    """

    row: str
    number: int
    kind: str
    count: int
    per_study: int
    per_series: int
    shares: int = 1

    @property
    def prefix(self) -> str:
        """What the identifiers of its patients begin with."""
        return f"LOAD{self.number}-"

    @property
    def studies(self) -> int:
        """How many studies it has."""
        return -(-self.count // self.per_study)

    def patient(self, study: int) -> str:
        """Return the patient of a study."""
        return f"{self.prefix}{100000 + study}"

    def family(self, study: int) -> str:
        """Return the family name of the patient of a study, which no other has."""
        return f"Load{self.number}xyz-{100000 + study}"

    def study_uid(self, study: int) -> str:
        """Return the UID of a study."""
        return f"2.25.9.{self.number}.{100000 + study}.1"

    def series_uid(self, study: int, series: int = 0) -> str:
        """Return the UID of a series of a study."""
        return f"2.25.9.{self.number}.{100000 + study}.2.{100 + series}"

    def instance_uid(self, number: int) -> str:
        """Return the UID of an instance, counted over the whole load."""
        study, place = divmod(number, self.per_study)
        series = place // self.per_series
        return f"2.25.9.{self.number}.{100000 + study}.3.{100 + series}.{100000 + place % self.per_series}"


class _Form:
    """A written object in which some values are replaced by others as long."""

    def __init__(self, header: Dataset, pixels: bytes | None) -> None:
        out = io.BytesIO()
        if pixels is not None:
            header.PixelData = pixels
        header.save_as(out, enforce_file_format=True)
        written = out.getvalue()
        self._head = written[: len(written) - len(pixels or b"")]
        self._places = {}
        for text in (headers.INSTANCE, headers.SERIES, headers.STUDY, headers.PATIENT, headers.NAME, headers.NUMBER):
            self._places[text] = list(_places(self._head, text.encode()))
        self._places[headers.POSITION] = list(_places(self._head, headers.POSITION.encode()))

    def head(self, load: Load, number: int) -> bytes:
        """Return all but the pixels of an instance of a load."""
        study, place = divmod(number, load.per_study)
        series, place = divmod(place, load.per_series)
        values = {
            headers.INSTANCE: load.instance_uid(number),
            headers.SERIES: load.series_uid(study, series),
            headers.STUDY: load.study_uid(study),
            headers.PATIENT: f"LOAD{load.number}-{100000 + study}",
            headers.NAME: f"{load.family(study)}^Given",
            headers.NUMBER: f"{place + 1:<6}",
            headers.POSITION: f"{place:<7}",
        }
        head = bytearray(self._head)
        for text, value in values.items():
            for start in self._places[text]:
                head[start : start + len(text)] = value.encode().ljust(len(text))
        return bytes(head)


def _places(written: bytes, text: bytes) -> Iterator[int]:
    start = written.find(text)
    while start >= 0:
        # A number is a value of its own, not the middle of a UID.
        if text != headers.NUMBER.encode() or written[start - 4 : start - 2] == b"IS":
            yield start
        start = written.find(text, start + 1)


def write(load: Load, folder: Path, *, first: int = 0) -> list[Path]:
    """Write the objects of a load into a folder for each sender; return the folders.

    Whole studies go to one sender where there are enough of them, else whole series, else instances.
    """
    folders = [folder / f"{load.row}-{share}" for share in range(load.shares)]
    for one in folders:
        one.mkdir(parents=True, exist_ok=True)
    unit = next((n for n in (load.per_study, load.per_series) if load.count // n >= load.shares), 1)
    form, pixels = _form_of(load.kind)
    for number in range(first, first + load.count):
        body = b"" if pixels is None else _moved(pixels, number)
        (folders[number // unit % load.shares] / f"{number:07d}.dcm").write_bytes(form.head(load, number) + body)
    os.sync()
    return folders


def _form_of(kind: str) -> tuple[_Form, NDArray[np.uint16] | None]:
    if kind == "header":
        return _Form(headers.slice_header(0), None), None
    if kind == "enhanced":
        frames = np.stack([headers.picture(256, 7)] * 200)
        return _Form(headers.enhanced_header(256, 200), frames.tobytes()), frames
    pixels = headers.picture(512 if kind == "ct" else 256, 7)
    return _Form(headers.slice_header(len(pixels), kind.upper()), pixels.tobytes()), pixels


def _moved(pixels: NDArray[np.uint16], number: int) -> bytes:
    """Return the picture moved along by some pixels: other bytes that pack as well."""
    return np.roll(pixels, 17 * number + 3).tobytes()


def size_mb(folders: list[Path]) -> float:
    """Return the size of all files, in MB; reads each, so that it is in memory before it is sent."""
    return sum(len(path.read_bytes()) for folder in folders for path in folder.iterdir()) / 1e6
