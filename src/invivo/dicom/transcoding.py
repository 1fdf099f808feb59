"""Objects with their pixels uncompressed."""

from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset
from pydicom.uid import UID

from invivo.dicom.decoding import Array, decoded, stored_dtype
from invivo.dicom.frames import NotAnImage, OpenPixels, opened_pixels
from invivo.dicom.handover import dataset_from, read_dataset
from invivo.dicom.pixels import SUBSAMPLED, Picture
from invivo.dicom.source import EXPLICIT, Damaged, Limits, OverLimit

_TABLES = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
_FLOATS = (0x7FE00008, 0x7FE00009)


def as_uncompressed(source: Path | BinaryIO, limits: Limits | None = None) -> Dataset:
    """Read an object for Explicit VR Little Endian, all its frames decoded.

    Returns
    -------
    Dataset
        Ready for ``encoded``. Colours are those of the codestream after decoding; Lossy Image Compression stays.
        An object without pixels is only written anew.

    Raises
    ------
    Undecodable, Damaged, NotDicom, OverLimit

    References
    ----------
    DICOM PS3.5 Annex A.2; PS3.18 8.7.3.5.
    """
    limits = limits or Limits()
    try:
        with opened_pixels(source, limits) as found:
            native = found.location.length != -1 and found.contents.little
            plain = dataset_from(found.contents, limits, pixels=native)
            if not native:
                _put_frames(plain, found, limits)
    except NotAnImage:
        plain = read_dataset(source, limits)
    plain.file_meta.TransferSyntaxUID = UID(EXPLICIT)
    return plain


def _put_frames(dataset: Dataset, found: OpenPixels, limits: Limits) -> None:
    picture, location = found.picture, found.location
    size = picture.rows * picture.columns * picture.samples * stored_dtype(found).itemsize
    if size * picture.frames > limits.decoded_bytes:
        raise OverLimit("The frames of the object are together larger than may be decoded.")
    frames = [decoded(found, number, limits) for number in range(1, picture.frames + 1)]
    raw = _packed(frames) if picture.bits_allocated == 1 else b"".join(frame.tobytes() for frame in frames)
    wide = picture.bits_allocated > 8
    if location.tag in _FLOATS:
        dataset.add_new(location.tag, "OF" if location.tag == 0x7FE00008 else "OD", raw)
        return
    dataset.add_new(0x7FE00010, "OW" if wide else "OB", raw + b"\0" * (len(raw) % 2))
    for keyword in _TABLES:
        if keyword in dataset:
            del dataset[keyword]
    if picture.samples > 1:
        dataset.add_new(0x00280006, "US", 0)
        dataset.add_new(0x00280004, "CS", _colour(picture, wide=wide))


def _packed(frames: list[Array]) -> bytes:
    return np.packbits(np.concatenate([frame.ravel() for frame in frames]), bitorder="little").tobytes()


def _colour(picture: Picture, *, wide: bool) -> str:
    """Colours of 8 bits are RGB after decoding, and so are the reversible ones of JPEG 2000."""
    if picture.samples != 3:
        return picture.photometric
    return "YBR_FULL" if wide and picture.photometric in {"YBR_FULL", *SUBSAMPLED} else "RGB"


def encoded(dataset: Dataset) -> bytes:
    """Write a data set as a DICOM file, in the transfer syntax of its file meta information.

    Raises
    ------
    Damaged
        A value cannot be written as its VR.
    """
    meta = dataset.file_meta
    if not meta.get("MediaStorageSOPClassUID") or not meta.get("MediaStorageSOPInstanceUID"):
        raise Damaged("The object has no SOP UIDs; it cannot be written as a file.")
    buffer = BytesIO()
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        dcmwrite(
            buffer,
            dataset,
            implicit_vr=syntax.is_implicit_VR,
            little_endian=syntax.is_little_endian,
            enforce_file_format=True,
        )
    except Exception:  # because pydicom raises nearly any type on a value it cannot write
        raise Damaged("The object holds a value that cannot be written anew.") from None
    return buffer.getvalue()
