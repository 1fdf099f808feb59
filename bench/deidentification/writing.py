"""Objects as files: compressed in several ways, with identifiers around the data set too."""

from io import BytesIO

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from bench.deidentification.study import Made, Study

SYNTAXES = {"rle": RLELossless, "jpeg": JPEGBaseline8Bit, "jls": JPEGLSLossless, "j2k": JPEG2000Lossless}


def compress(made: Made, way: str) -> None:
    """Encode the pixels; JPEG only where pixels have 8 bits."""
    dataset = made.dataset
    pixels = _pixels(dataset)
    if way == "jpeg" and pixels.dtype != np.uint8:
        way = "jls"
    if way == "rle":
        dataset.compress(RLELossless, generate_instance_uid=False, encoding_plugin="pydicom")
        return
    frames = [_encoded(frame, way) for frame in pixels]
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.file_meta.TransferSyntaxUID = SYNTAXES[way]
    if way == "jpeg":
        dataset.LossyImageCompression, dataset.LossyImageCompressionRatio = "01", "8.0"
        dataset.LossyImageCompressionMethod = "ISO_10918_1"
        if dataset.SamplesPerPixel == 3:
            dataset.PhotometricInterpretation = "YBR_FULL_422"
    elif way == "j2k" and dataset.SamplesPerPixel == 3:
        dataset.PhotometricInterpretation = "YBR_RCT"


def _pixels(dataset: Dataset) -> np.ndarray:
    kind = np.uint8 if dataset.BitsAllocated == 8 else np.uint16
    shape = [int(dataset.get("NumberOfFrames", 1) or 1), dataset.Rows, dataset.Columns]
    shape += [3] if dataset.SamplesPerPixel == 3 else []
    return np.frombuffer(dataset.PixelData, kind)[: int(np.prod(shape))].reshape(shape)


def _encoded(frame: np.ndarray, way: str) -> bytes:
    if way == "jpeg":
        return bytes(imagecodecs.jpeg8_encode(frame, level=90))
    if way == "jls":
        return bytes(imagecodecs.jpegls_encode(np.ascontiguousarray(frame)))
    return bytes(imagecodecs.jpeg2k_encode(frame, level=0, reversible=True, codecformat="j2k", mct=frame.ndim == 3))


def file_of(study: Study, made: Made, *, around: bool) -> bytes:
    """Give the bytes of a file; with ``around``, identifiers in preamble, file meta and after the pixels."""
    one, dataset = study.person, made.dataset
    meta = dataset.file_meta
    if around:
        meta.SourceApplicationEntityTitle = one.station[:16]
        meta.PrivateInformationCreatorUID = study.uid()
        meta.PrivateInformation = one.patient_id.encode() + b"\0" * (len(one.patient_id) % 2)
        dataset.preamble = f"II*\0{one.patient_id} {one.family}".encode()[:128].ljust(128, b"\0")
        padding = f"{one.family} {one.patient_id}".encode()
        dataset.add_new(0xFFFCFFFC, "OB", padding + b"\0" * (len(padding) % 2))
        dataset.add_new(0x00090000, "UL", 1234)
    written = BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    raw = written.getvalue()
    if meta.TransferSyntaxUID != DeflatedExplicitVRLittleEndian:
        for marker, value in made.patches:
            raw = raw.replace(marker, value)
    return raw
