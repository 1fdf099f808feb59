"""The DICOM standard: pure functions over paths, bytes and pydicom data sets. It keeps nothing and has no states.

Reading is bounded by ``Limits``, whatever the bytes claim, and fails only with errors of ours. Everything may be called
from many threads. No value of a patient is in a message, nor in the text form of a ``Header``.

pydicom's own warnings and log lines are silenced for the process on import, because they hold values.
"""

from invivo.dicom.conformance import Fault, faults
from invivo.dicom.decoding import Undecodable, decode_frame
from invivo.dicom.dicomdir import read_dicomdir
from invivo.dicom.dictionary import (
    Attribute,
    AttributeType,
    UnknownAttribute,
    attribute,
    attribute_type,
    private_attribute,
)
from invivo.dicom.frames import Frame, NoSuchFrame, NotAnImage, frame_count, read_frame
from invivo.dicom.handover import read_dataset
from invivo.dicom.header import Header, read_header
from invivo.dicom.json_model import BadJson, dataset_of, json_of
from invivo.dicom.pixels import PixelLocation
from invivo.dicom.raw import encoded_items, tag_of, written
from invivo.dicom.rendering import BadRendering, Window, render, thumbnail
from invivo.dicom.scanner import BulkLocation, NoSuchValue, Scan, read_bulk, scan
from invivo.dicom.source import Damaged, Limits, MediaDirectory, NotDicom, OverLimit, TooDeep
from invivo.dicom.transcoding import as_uncompressed, encoded
from invivo.dicom.uids import derive_uid, is_valid, name_of, new_uid, well_known

__all__ = [
    "Attribute",
    "AttributeType",
    "BadJson",
    "BadRendering",
    "BulkLocation",
    "Damaged",
    "Fault",
    "Frame",
    "Header",
    "Limits",
    "MediaDirectory",
    "NoSuchFrame",
    "NoSuchValue",
    "NotAnImage",
    "NotDicom",
    "OverLimit",
    "PixelLocation",
    "Scan",
    "TooDeep",
    "Undecodable",
    "UnknownAttribute",
    "Window",
    "as_uncompressed",
    "attribute",
    "attribute_type",
    "dataset_of",
    "decode_frame",
    "derive_uid",
    "encoded",
    "encoded_items",
    "faults",
    "frame_count",
    "is_valid",
    "json_of",
    "name_of",
    "new_uid",
    "private_attribute",
    "read_bulk",
    "read_dataset",
    "read_dicomdir",
    "read_frame",
    "read_header",
    "render",
    "scan",
    "tag_of",
    "thumbnail",
    "well_known",
    "written",
]
