"""Reading of outputs, by pydicom and by bytes, and by nothing of the engine that is measured."""

import re
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

_STEP = re.compile(r"(?:([0-9A-F]{8})|([0-9A-F]{4})\{(.*?)\}([0-9A-F]{2}))(?:\[(\d+)\])?")


def read(path: Path) -> Dataset | None:
    """Read a file; None when pydicom cannot."""
    try:
        dataset = dcmread(path, force=False)
        list(dataset.elements())
    except Exception:  # whatever an engine wrote that cannot be read counts as missing
        return None
    return dataset


def find(dataset: Dataset, path: str) -> DataElement | None:
    """The element at a path of the key, or None."""
    element = None
    for found in _STEP.finditer(path):
        standard, group, creator, low, item = found.groups()
        try:
            if standard:
                element = dataset.get(int(standard, 16))
            else:
                element = dataset.private_block(int(group, 16), creator)[int(low, 16)]
            if element is None:
                return None
            if item is not None:
                dataset = element.value[int(item)]
        except Exception:  # an element that cannot be read is not there
            return None
    return element


def values(element: DataElement | None) -> list[str]:
    """The values of an element as text; none when it is empty or not there."""
    try:
        if element is None or element.is_empty:
            return []
        if isinstance(element.value, bytes):
            return [element.value.decode("latin-1")]
        return [str(one) for one in (element.value if element.VM > 1 else [element.value])]
    except Exception:  # a value that cannot be decoded holds nothing that may count as kept
        return []


def haystacks(path: Path, dataset: Dataset | None) -> tuple[bytes, bytes]:
    """Every byte of a file, inflated too, without the pixels; and the pixels."""
    raw = path.read_bytes()
    pixels = b""
    if dataset is None:
        return raw, pixels
    if dataset.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian:
        raw += _inflated(raw)
    if "PixelData" in dataset and isinstance(dataset.PixelData, bytes):
        pixels = dataset.PixelData
        raw = raw.replace(pixels, b"", 1) if len(pixels) > 64 else raw
    if "EncapsulatedDocument" in dataset:
        streams = re.findall(rb"stream\r?\n(.*?)endstream", dataset.EncapsulatedDocument, re.DOTALL)
        raw += b"".join(_opened(stream) for stream in streams)
    return raw, pixels


def _inflated(raw: bytes) -> bytes:
    end = 132 + 12 + int.from_bytes(raw[140:144], "little")
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(raw[end:])
    except zlib.error:
        return b""


def _opened(stream: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(stream)
    except zlib.error:
        return b""


def frames(dataset: Dataset) -> np.ndarray | None:
    """Decoded pixels as (frames, rows, columns[, 3]); None without any, or when they cannot be decoded."""
    if "PixelData" not in dataset or dataset.BitsAllocated not in {8, 16}:
        return None
    syntax = dataset.file_meta.TransferSyntaxUID
    count = int(dataset.get("NumberOfFrames", 1) or 1)
    kind = np.uint8 if dataset.BitsAllocated == 8 else np.uint16
    shape = (count, dataset.Rows, dataset.Columns, *([3] if dataset.SamplesPerPixel == 3 else []))
    try:
        if not syntax.is_compressed or syntax == DeflatedExplicitVRLittleEndian:
            flat = np.frombuffer(dataset.PixelData, kind)[: int(np.prod(shape))]
            if len(shape) == 4 and dataset.get("PlanarConfiguration") == 1:
                return np.moveaxis(flat.reshape(count, 3, *shape[1:3]), 1, -1)
            return flat.reshape(shape)
        if syntax == RLELossless:
            dataset.convert_pixel_data("pydicom")
            return dataset.pixel_array.reshape(shape)
        return np.stack(
            [imagecodecs_decode(frame) for frame in generate_frames(dataset.PixelData, number_of_frames=count)]
        )
    except Exception:  # what cannot be decoded is neither hidden nor kept
        return None


def imagecodecs_decode(frame: bytes) -> np.ndarray:
    """Decode JPEG, JPEG-LS or JPEG 2000 by the first bytes."""
    if frame[:4] in {b"\xff\x4f\xff\x51", b"\0\0\0\x0c"}:
        return imagecodecs.jpeg2k_decode(frame)
    if b"\xff\xf7" in frame[:64]:
        return imagecodecs.jpegls_decode(frame)
    return imagecodecs.jpeg_decode(frame)
