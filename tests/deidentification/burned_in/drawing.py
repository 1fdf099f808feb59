"""Frames with text drawn into them: what identifies, what is clinical, on backgrounds like those of scanners."""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

FAMILY = "Kowalczyk Lindqvist Oyelaran Ferreira Hrdlicka Nakamura Brannigan Szymanski Abernathy Villanueva".split()
GIVEN = "Magdalena Torsten Adebayo Beatriz Ludmila Kenji Siobhan Zbigniew Philippa Rosalind".split()
PLACES = ["St Brendan Hospital", "Klinikum Nordstadt", "Riverside Medical Center", "Clinica San Rafael"]
MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
CLINICAL = [
    "MI 0.8", "TIs 0.4", "120 kV", "5.0 MHz", "12.3 mm", "Vmax 1.2 m/s", "RCC", "LMLO", "SUPINE", "L", "R", "AP",
    "Dist 4.52 cm", "Depth 15 cm", "Gain 62", "FR 34 Hz", "T2 TSE SAG", "250 mA", "LIVER", "AXIAL 5 mm", "PORTABLE",
    "LEFT KIDNEY", "W 400 L 40", "SL 3.0 mm", "FOV 350 mm", "DR 60 dB", "EF 58 %", "HR 72 bpm", "Im: 12/48", "PA ERECT",
]  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Who is planted in the header and in the picture."""

    family: str
    given: str
    number: str
    accession: str
    birth: tuple[int, int, int]
    place: str
    doctor: str

    def header(self) -> list[str]:
        year, month, day = self.birth
        name = f"{self.family}^{self.given}"
        return [name, self.number, self.accession, f"{year}{month:02}{day:02}", self.place, self.doctor]

    def lines(self, rng: random.Random) -> list[str]:
        year, month, day = self.birth
        return [
            rng.choice([f"{self.family}, {self.given}", f"{self.family.upper()}^{self.given.upper()}",
                        f"{self.given} {self.family}", f"Name: {self.family}"]),
            rng.choice([self.number, f"MRN {self.number}", f"ID: {self.number}"]),
            rng.choice([f"{day:02}.{month:02}.{year}", f"DOB {month:02}/{day:02}/{year}",
                        f"{day:02}-{MONTHS[month - 1]}-{year}", f"{year}-{month:02}-{day:02}"]),
            rng.choice([self.place, f"Dr. {self.doctor.split('^')[0]}", f"Acc {self.accession}"]),
        ]  # fmt: skip


def person(rng: random.Random) -> Person:
    return Person(
        rng.choice(FAMILY),
        rng.choice(GIVEN),
        f"{rng.randrange(10**6, 10**8)}",
        f"A{rng.randrange(10**6, 10**7)}",
        (rng.randrange(1930, 2010), rng.randrange(1, 13), rng.randrange(1, 29)),
        rng.choice(PLACES),
        f"{rng.choice(FAMILY)}^{rng.choice(GIVEN)}",
    )


def ct(rng: np.random.Generator, side: int = 512) -> np.ndarray:
    """A body of soft tissue with bones and gas on clipped air; stored values of 12 bits."""
    y, x = np.mgrid[:side, :side] / side - 0.5
    frame = np.full((side, side), 24.0)
    body = (x / rng.uniform(0.3, 0.42)) ** 2 + (y / rng.uniform(0.22, 0.34)) ** 2 < 1
    frame[body] = 1064
    for value in (1700, 1900, 1400, 100, 150, 1150, 980):
        cx, cy, size = rng.uniform(-0.2, 0.2), rng.uniform(-0.15, 0.15), rng.uniform(0.01, 0.07)
        frame[body & ((x - cx) ** 2 + (y - cy) ** 2 < size**2)] = value
    noise = rng.normal(0, rng.uniform(8, 45), frame.shape)
    noise = (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1)) / 1.7
    return np.clip(frame + noise, 0, 4095).astype(np.uint16)


def speckle(rng: np.random.Generator, rows: int = 600, columns: int = 800) -> np.ndarray:
    """A sector of ultrasound on black, 8 bits."""
    y, x = np.mgrid[:rows, :columns]
    dx, dy = x - columns / 2, y - 20
    sector = (np.hypot(dx, dy) < rows * 0.88) & (np.abs(np.arctan2(dx, dy)) < 0.7) & (np.hypot(dx, dy) > 40)
    grain = rng.rayleigh(28, (rows // 2 + 1, columns // 2 + 1)).repeat(2, 0).repeat(2, 1)[:rows, :columns]
    return np.where(sector, np.clip(grain, 0, 200), 0).astype(np.uint8)


def plate(rng: np.random.Generator, rows: int = 1400, columns: int = 1100) -> np.ndarray:
    """A smooth projection with grain, 12 bits."""
    y, x = np.mgrid[:rows, :columns] / max(rows, columns)
    smooth = 1800 + 900 * np.sin(x * rng.uniform(3, 9)) * np.cos(y * rng.uniform(3, 9))
    return np.clip(smooth + rng.normal(0, 18, smooth.shape), 0, 4095).astype(np.uint16)


def draw(
    frame: np.ndarray, text: str, place: tuple[int, int], size: int, level: float, font: Path | None = None
) -> tuple[int, int, int, int]:
    """Draw a line of text in place; its box."""
    face = ImageFont.truetype(str(font), size) if font else ImageFont.load_default(size)
    left, top, right, bottom = face.getbbox(text)
    mask = Image.new("L", (int(right) + 2, int(bottom) + 2))
    ImageDraw.Draw(mask).text((0, 0), text, fill=255, font=face)
    alpha = np.asarray(mask, np.float32) / 255
    x, y = place
    part = frame[y : y + alpha.shape[0], x : x + alpha.shape[1]]
    alpha = alpha[: part.shape[0], : part.shape[1]]
    alpha = alpha if part.ndim == 2 else alpha[:, :, None]
    part[:] = (part * (1 - alpha) + level * alpha).astype(frame.dtype)
    return x + int(left), y + int(top), int(right - left), int(bottom - top)


def dataset(frames: np.ndarray, photometric: str = "MONOCHROME2", modality: str = "US") -> Dataset:
    """An object with native pixels of (frames, rows, columns) or (frames, rows, columns, 3)."""
    found = Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.SOPClassUID = found.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    found.SOPInstanceUID = found.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    found.Modality = modality
    found.NumberOfFrames, found.Rows, found.Columns = frames.shape[:3]
    found.SamplesPerPixel = 3 if frames.ndim == 4 else 1
    found.PhotometricInterpretation = photometric
    if frames.ndim == 4:
        found.PlanarConfiguration = 0
    found.BitsAllocated = frames.dtype.itemsize * 8
    found.BitsStored = 12 if frames.dtype == np.uint16 else found.BitsAllocated
    found.HighBit = found.BitsStored - 1
    found.PixelRepresentation = int(frames.dtype.kind == "i")
    raw = frames.tobytes()
    found.add_new(0x7FE00010, "OB" if frames.dtype.itemsize == 1 else "OW", raw + b"\0" * (len(raw) % 2))
    return found
