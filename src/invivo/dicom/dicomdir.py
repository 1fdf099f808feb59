"""The files that a DICOMDIR lists.

References
----------
DICOM PS3.3 F.3; PS3.10 8.5.
"""

import re
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from pydicom.dataset import Dataset

from invivo.dicom.handover import read_dataset
from invivo.dicom.source import Damaged, Limits, OverLimit

_RECORDS = 0x00041220
_FILE_ID = 0x00041500
_COMPONENT = re.compile(r"[^/\\:\x00-\x1f]{1,64}")


def read_dicomdir(source: Path | BinaryIO, limits: Limits | None = None) -> list[PurePosixPath]:
    """List the files that the records of a DICOMDIR refer to, each once, in their order.

    Returns
    -------
    list of PurePosixPath
        Relative to the folder of the DICOMDIR. Media of old are often copied with names in lower case, or with an
        ending: finding the file is the caller's.

    Raises
    ------
    Damaged
        The file has no records, or a reference leads out of the folder.
    NotDicom, OverLimit
    """
    limits = limits or Limits()
    dataset = read_dataset(source, limits)
    if _RECORDS not in dataset:
        raise Damaged("The file is no DICOMDIR: it has no directory records.")
    try:
        records = list(dataset[_RECORDS].value or ())
    except Exception:  # because pydicom raises nearly any type on a sequence it cannot read
        raise Damaged("The records of the DICOMDIR cannot be read.") from None
    if not all(isinstance(record, Dataset) for record in records):  # hostile bytes make others of sequences
        raise Damaged("The records of the DICOMDIR cannot be read.")
    if len(records) > limits.fragments:
        raise OverLimit("The DICOMDIR has more records than allowed.")
    found = dict.fromkeys(path for record in records if (path := _referenced(record)) is not None)
    return list(found)


def _referenced(record: Dataset) -> PurePosixPath | None:
    if _FILE_ID not in record:
        return None
    try:
        value = record[_FILE_ID].value
    except Exception:  # because pydicom raises nearly any type on a value it cannot read
        raise Damaged("A reference of the DICOMDIR cannot be read.") from None
    parts = [value] if isinstance(value, str) else list(value or ())
    parts = [str(part).strip() for part in parts]
    if not any(parts):
        return None
    if len(parts) > 32 or not all(_COMPONENT.fullmatch(part) and part.strip(". ") for part in parts):
        raise Damaged("A reference of the DICOMDIR leads out of its folder; nothing of it is read.")
    return PurePosixPath(*parts)
