"""The shape of an object's pixels, its frames as they are stored, and each as an array to look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.processing import apply_color_lut
from pydicom.tag import BaseTag
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from invivo import dicom
from invivo.deidentification import element as elements
from invivo.errors import Invalid

Array = NDArray[Any]
Rectangle = tuple[int, int, int, int]

PIXELS = (0x7FE00010, 0x7FE00008, 0x7FE00009)
SUBSAMPLED = frozenset({"YBR_FULL_422", "YBR_PARTIAL_422"})
_ALLOCATED = frozenset({1, 8, 16, 32, 64})
_MOST_FRAMES = 1 << 20
_LARGEST_SIDE = 65535
_DESCRIBING = tuple(
    BaseTag(number)
    for number in (
        *(0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280010, 0x00280011),
        *(0x00280100, 0x00280101, 0x00280102, 0x00280103),
    )
)
_COPIED = (
    0x00280002, 0x00280004, 0x00280006, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103,
)  # fmt: skip


class CannotHide(Invalid):
    """The pixels cannot be decoded or written anew, so that nothing in them can be hidden."""

    code = "deidentification.cannot-hide"


@dataclass(frozen=True, slots=True)
class Picture:
    """What the header says of the pixels.

    References
    ----------
    DICOM PS3.3 C.7.6.3.
    """

    rows: int
    columns: int
    samples: int
    frames: int
    photometric: str
    planar: int
    allocated: int
    stored: int
    high_bit: int
    signed: bool
    tag: int
    vr: str
    syntax: UID

    @property
    def encapsulated(self) -> bool:
        """Whether frames are compressed, each in items of its own."""
        return bool(self.syntax.is_encapsulated)

    @property
    def frame_bits(self) -> int:
        """Size of a native frame in bits."""
        per_pixel = 2 if self.samples == 3 and self.photometric in SUBSAMPLED else self.samples
        return self.rows * self.columns * per_pixel * self.allocated

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of stored values, in the byte order of the machine; single bits as bytes."""
        if self.tag != PIXELS[0]:
            return np.dtype(np.float32 if self.tag == PIXELS[1] else np.float64)
        return np.dtype(f"{'i' if self.signed and self.allocated > 1 else 'u'}{max(self.allocated // 8, 1)}")

    @property
    def stored_dtype(self) -> np.dtype[Any]:
        """The type of native values in their own byte order."""
        return self.dtype.newbyteorder("<" if self.syntax.is_little_endian else ">")


def picture_of(dataset: Dataset) -> Picture | None:
    """Read the description of the pixels; None where the object has none.

    Raises
    ------
    CannotHide
        The description makes no sense.
    """
    stored = elements.stored(dataset)
    tag = next((tag for tag in PIXELS if tag in stored), None)
    if tag is None:
        return None
    meta = getattr(dataset, "file_meta", None)
    syntax = str(meta.get("TransferSyntaxUID", "") if meta else "") or str(ImplicitVRLittleEndian)
    described = tuple(_as_read(stored[one]) for one in _DESCRIBING if one in stored)
    vr = str(stored[BaseTag(tag)].VR or "OW")
    return _described(described, syntax, tag, vr)


def _as_read(element: DataElement | RawDataElement) -> DataElement | RawDataElement:
    """The element without its place in the file, so that those of two objects are alike."""
    return element._replace(value_tell=0) if isinstance(element, RawDataElement) else element


def _described(described: tuple[DataElement | RawDataElement, ...], named: str, tag: int, vr: str) -> Picture:
    raw = tuple(element for element in described if isinstance(element, RawDataElement))
    return _remembered(raw, named, tag, vr) if len(raw) == len(described) else _parsed(described, named, tag, vr)


@lru_cache(maxsize=256)
def _remembered(described: tuple[RawDataElement, ...], named: str, tag: int, vr: str) -> Picture:
    """What is written in the same bytes in all objects of a series."""
    return _parsed(described, named, tag, vr)


def _parsed(described: Sequence[DataElement | RawDataElement], named: str, tag: int, vr: str) -> Picture:
    syntax = UID(named)
    if syntax.is_private or not syntax.is_transfer_syntax:
        raise CannotHide("The transfer syntax of the object is not known; hold the object.")
    dataset = Dataset({element.tag: element for element in described})
    allocated = _number(dataset, "BitsAllocated", 32 if tag == PIXELS[1] else 64)
    stored = _number(dataset, "BitsStored", allocated)
    found = Picture(
        rows=_number(dataset, "Rows", 0),
        columns=_number(dataset, "Columns", 0),
        samples=_number(dataset, "SamplesPerPixel", 1),
        frames=max(_number(dataset, "NumberOfFrames", 1), 1),
        photometric=str(dataset.get("PhotometricInterpretation", "") or "MONOCHROME2").strip().upper(),
        planar=_number(dataset, "PlanarConfiguration", 0),
        allocated=allocated,
        stored=stored,
        high_bit=_number(dataset, "HighBit", stored - 1),
        signed=_number(dataset, "PixelRepresentation", 0) == 1,
        tag=tag,
        vr=vr,
        syntax=syntax,
    )
    _check(found)
    return found


def _check(found: Picture) -> None:
    sides = 0 < found.rows <= _LARGEST_SIDE and 0 < found.columns <= _LARGEST_SIDE
    bits = found.allocated in _ALLOCATED and 0 < found.stored <= found.high_bit + 1 <= found.allocated
    if not sides or not bits or found.samples not in (1, 3, 4) or found.frames > _MOST_FRAMES:
        raise CannotHide("The description of the pixels makes no sense; hold the object.")


def _number(dataset: Dataset, keyword: str, default: int) -> int:
    value = dataset.get(keyword)
    if value is None or value == "":
        return default
    try:
        return int(value)
    except (TypeError, ValueError):
        raise CannotHide("A number in the description of the pixels cannot be read; hold the object.") from None


def stored_pixels(dataset: Dataset, picture: Picture) -> bytes:
    """The value of the pixel data, not copied.

    Raises
    ------
    CannotHide
    """
    value = elements.stored(dataset)[BaseTag(picture.tag)].value
    if not isinstance(value, bytes | bytearray) or not value:
        raise CannotHide("The object has no pixel data to work on; hold the object.")
    return bytes(value)


def stored_frames(dataset: Dataset, picture: Picture) -> list[bytes]:
    """The compressed frames of encapsulated pixel data.

    Raises
    ------
    CannotHide
        The items cannot be told apart into frames.
    """
    extended = None
    if dataset.get("ExtendedOffsetTable") and dataset.get("ExtendedOffsetTableLengths"):
        extended = (dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths)
    try:
        pixels = stored_pixels(dataset, picture)
        frames = list(generate_frames(pixels, number_of_frames=picture.frames, extended_offsets=extended))
    except CannotHide:
        raise
    except Exception:  # because pydicom raises many types on damaged items, and each means the same
        raise CannotHide("The compressed frames cannot be told apart; hold the object.") from None
    if len(frames) != picture.frames:
        raise CannotHide("The object has another number of frames than it says; hold the object.")
    return frames


class Frames:
    """The frames of an object as arrays to look at: stored values, colours as RGB. Each is decoded when asked for."""

    def __init__(self, dataset: Dataset, picture: Picture) -> None:
        self._dataset, self.picture = dataset, picture
        self._stored = stored_frames(dataset, picture) if picture.encapsulated else []
        self._native = b"" if picture.encapsulated else stored_pixels(dataset, picture)
        size = (picture.frame_bits * picture.frames + 7) // 8
        if not picture.encapsulated and len(self._native) < size:
            raise CannotHide("The pixel data is shorter than its description demands; hold the object.")

    def at(self, index: int) -> Array:
        """Decode a frame, counted from 0.

        Returns
        -------
        ndarray, shape (rows, columns) or (rows, columns, 3)

        Raises
        ------
        CannotHide
        """
        picture = self.picture
        plain = picture.samples == 1 and picture.syntax.is_little_endian and picture.allocated > 1
        if not picture.encapsulated and plain:
            size = picture.rows * picture.columns
            values = np.frombuffer(self._native, picture.dtype, size, index * size * picture.dtype.itemsize)
            array: Array = _without_high_bits(values, picture).reshape(picture.rows, picture.columns)
        else:
            array = self._decoded(index)
        if picture.photometric == "PALETTE COLOR":
            return _coloured(array, self._dataset)
        return array[..., :3] if array.ndim == 3 else array

    def _decoded(self, index: int) -> Array:
        picture = self.picture
        if picture.encapsulated:
            return decoded_alone(self._stored[index], picture)
        first = index * picture.frame_bits
        if first % 8:
            raw = np.frombuffer(self._native, np.uint8)[first // 8 : (first + picture.frame_bits + 7) // 8]
            bits = np.unpackbits(raw, bitorder="little")[first % 8 : first % 8 + picture.frame_bits]
            return decoded_alone(np.packbits(bits, bitorder="little").tobytes(), picture)
        return decoded_alone(self._native[first // 8 : (first + picture.frame_bits + 7) // 8], picture)


def _without_high_bits(values: Array, picture: Picture) -> Array:
    """Bits above the stored ones may hold overlays; they are no part of the picture."""
    width = picture.dtype.itemsize * 8
    if picture.dtype.kind == "f" or (picture.stored == width and picture.high_bit == width - 1):
        return values
    if picture.high_bit == picture.stored - 1 and _fits(values, picture):
        return values
    if picture.signed:
        return (values << (width - 1 - picture.high_bit)) >> (width - picture.stored)
    return (values >> (picture.high_bit + 1 - picture.stored)) & ((1 << picture.stored) - 1)


def _fits(values: Array, picture: Picture) -> bool:
    """Whether no value uses the bits above, which is mostly so and quickly told."""
    if picture.signed:
        half = 1 << (picture.stored - 1)
        return bool(-half <= int(values.min()) and int(values.max()) < half)
    return int(values.max()) < 1 << picture.stored


def decoded_alone(frame: bytes, picture: Picture, *, rgb: bool = True) -> Array:
    """Decode one frame as if it were the only one of its object.

    Raises
    ------
    CannotHide
    """
    alone = Dataset()
    alone.file_meta = FileMetaDataset()
    alone.file_meta.TransferSyntaxUID = picture.syntax
    alone.file_meta.MediaStorageSOPClassUID = alone.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    alone.file_meta.MediaStorageSOPInstanceUID = alone.SOPInstanceUID = UID("2.25.1")
    numbers = (
        picture.samples, picture.photometric, picture.planar, picture.rows, picture.columns, picture.allocated,
        picture.stored, picture.high_bit, int(picture.signed),
    )  # fmt: skip
    for tag, number in zip(_COPIED, numbers, strict=True):
        alone.add_new(tag, "CS" if isinstance(number, str) else "US", number)
    alone.add_new(picture.tag, "OB" if picture.encapsulated else picture.vr, _held(frame, picture))
    if picture.encapsulated:
        alone[picture.tag].is_undefined_length = True
    if picture.syntax == "1.2.840.10008.1.2.1.99":
        alone.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    try:
        return dicom.decode_frame(BytesIO(dicom.encoded(alone)), 1, rgb=rgb)
    except Invalid:
        raise CannotHide("A frame cannot be decoded; hold the object.") from None
    except Exception:  # because codecs raise many types, and any of them means that the frame stays unseen
        raise CannotHide("A frame cannot be decoded; hold the object.") from None


def _held(frame: bytes, picture: Picture) -> bytes:
    if picture.encapsulated:
        return encapsulate([frame], has_bot=False)
    return frame + b"\0" * (len(frame) % 2)


def _coloured(array: Array, dataset: Dataset) -> Array:
    """Palette indices as RGB of 8 bits; the indices themselves where the palette is damaged."""
    try:
        coloured = apply_color_lut(array, dataset)
    except Exception:  # because a damaged palette must not keep the frame from being looked at
        return array
    return (coloured >> 8).astype(np.uint8) if coloured.dtype.itemsize > 1 else coloured
