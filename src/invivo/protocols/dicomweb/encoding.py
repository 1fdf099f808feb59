"""Frames and objects in a lossless syntax that a client asks and in which they are not stored.

References
----------
DICOM PS3.5 8.2.3 (JPEG-LS), 8.2.4 (JPEG 2000), A.4; PS3.18 8.7.3.5.
"""

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from invivo import dicom, errors
from invivo.protocols.dicomweb.syntax import EXPLICIT, JPEG_2000
from invivo.protocols.negotiation import NotAcceptable

Array = NDArray[Any]
LARGEST_OBJECT = 1 << 30
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def coded(array: Array, syntax: str, bits_stored: int) -> bytes:
    """Compress the values of a frame without loss.

    Parameters
    ----------
    array : ndarray, shape (rows, columns) or (rows, columns, 3), of 8 or 16 bits, stored values
    syntax : {JPEG_LS, JPEG_2000}
    bits_stored : int
        Bits of a value that count.

    Raises
    ------
    NotAcceptable
        The frame has values of another kind.
    """
    if array.dtype.itemsize > 2 or array.dtype.kind not in "iu" or array.ndim not in (2, 3):
        raise NotAcceptable("Frames of this kind are not compressed; ask for application/octet-stream.")
    if syntax == JPEG_2000:
        found = imagecodecs.jpeg2k_encode(
            array, level=0, codecformat="j2k", reversible=True, mct=array.ndim == 3, bitspersample=bits_stored
        )
        return bytes(found)
    plain = array.view(f"u{array.dtype.itemsize}")
    if array.dtype.kind == "i":
        plain = plain & plain.dtype.type((1 << bits_stored) - 1)
    return bytes(imagecodecs.jpegls_encode(np.ascontiguousarray(plain), out=bytearray(2 * plain.nbytes + 4096)))


def object_in(path: Path, syntax: str) -> tuple[bytes, str]:
    """Return a stored object as a DICOM file in a syntax: Explicit VR Little Endian, JPEG-LS or JPEG 2000 lossless.

    An object without pixels is not compressed. The file comes with the syntax that it is in.

    Raises
    ------
    NotAcceptable
        It cannot be decoded, or not be written so.
    """
    try:
        dataset = dicom.as_uncompressed(path)
        if syntax != EXPLICIT and any(keyword in dataset for keyword in _PIXELS):
            _compress(dataset, syntax)
        return dicom.encoded(dataset), str(dataset.file_meta.TransferSyntaxUID)
    except (errors.Invalid, errors.TooLarge) as error:
        raise NotAcceptable(
            f"The object cannot be given so; ask for it as stored, with transfer-syntax=*. {error.message}"
        ) from error


def _compress(dataset: Dataset, syntax: str) -> None:
    """Put encapsulated frames in the place of plain ones."""
    bits = dataset.get("BitsAllocated")
    if "PixelData" not in dataset or bits not in (8, 16) or len(dataset.PixelData) > LARGEST_OBJECT:
        raise NotAcceptable("Only objects with pixels of 8 or 16 bits are compressed.")
    rows, columns, samples = int(dataset.Rows), int(dataset.Columns), int(dataset.get("SamplesPerPixel") or 1)
    count = max(int(dataset.get("NumberOfFrames") or 1), 1)
    kind = np.dtype(f"{'i' if dataset.get('PixelRepresentation') else 'u'}{bits // 8}")
    size = rows * columns * samples * kind.itemsize
    if not size or len(dataset.PixelData) < size * count:
        raise NotAcceptable("The pixel data is shorter than the image.")
    shape = (rows, columns) if samples == 1 else (rows, columns, samples)
    stored = int(dataset.get("BitsStored") or bits)
    frames = []
    for number in range(count):
        flat = np.frombuffer(dataset.PixelData, kind, rows * columns * samples, number * size)
        frames.append(coded(_interleaved(flat, shape, dataset.get("PlanarConfiguration")), syntax, stored))
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].is_undefined_length = True
    dataset["PixelData"].VR = "OB"
    if samples == 3:
        dataset.PlanarConfiguration = 0
        if syntax == JPEG_2000 and dataset.PhotometricInterpretation == "RGB":
            dataset.PhotometricInterpretation = "YBR_RCT"
    dataset.file_meta.TransferSyntaxUID = UID(syntax)


def _interleaved(flat: Array, shape: tuple[int, ...], planar: object) -> Array:
    if len(shape) == 3 and planar == 1:
        return np.ascontiguousarray(flat.reshape(shape[2], shape[0], shape[1]).transpose(1, 2, 0))
    return flat.reshape(shape)
