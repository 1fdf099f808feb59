"""Reading through pydicom: objects the fast walk is not sure about, and data sets other rooms work on.

pydicom writes values of elements into its warnings and log lines. Both are silenced here, once and for the process:
what is wrong with an object is for ``conformance`` to say, without values.
"""

import io
import logging
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from pydicom import config
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset as read_elements
from pydicom.tag import BaseTag
from pydicom.uid import UID

from invivo.dicom.elements import PIXELS, UNDEFINED, Doubt
from invivo.dicom.raw import raw_dataset
from invivo.dicom.source import Contents, Damaged, Limits, OverLimit, TooDeep, opened

_CLASS, _INSTANCE = BaseTag(0x00080016), BaseTag(0x00080018)
_MEDIA_CLASS, _MEDIA_INSTANCE, _SYNTAX = BaseTag(0x00020002), BaseTag(0x00020003), BaseTag(0x00020010)

logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
warnings.filterwarnings("ignore", category=UserWarning, module=r"pydicom(\.|$)")
config.settings.reading_validation_mode = config.IGNORE


class _View(io.RawIOBase):
    """The bytes of an object as a file that never allocates by a claimed length."""

    def __init__(self, contents: Contents, longest: int) -> None:
        self._contents = contents
        self._longest = longest
        self._position = contents.start

    def readable(self) -> bool:
        return True

    def read(self, count: int | None = -1) -> bytes:
        left = max(self._contents.size - self._position, 0)
        count = left if count is None or count < 0 else min(count, left)
        if count > self._longest:
            raise OverLimit("A value of the object is longer than may be read into memory.")
        part = self._contents.buffer[self._position : self._position + count]
        self._position += len(part)
        return part

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._contents.size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def tell(self) -> int:
        return self._position


def stored_element(dataset: Dataset, tag: BaseTag) -> DataElement | RawDataElement:
    """An element as it is kept. ``Dataset.get_item`` would convert some values, and raise what conversion raises."""
    return dataset._dict[tag]


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What pydicom read. ``pixel_start`` is where the pixel data element starts, -1 without one."""

    dataset: Dataset
    pixel_start: int
    truncated: bool


def elements_by_pydicom(contents: Contents, limits: Limits, start: int | None = None) -> HandedOver:
    """Read the data set up to its pixel data, or from a place after it.

    Raises
    ------
    Damaged, TooDeep, OverLimit
    """
    view = _View(contents, limits.header_bytes)
    view.seek(contents.start if start is None else start)
    stopped: list[int] = []
    seen = 0

    def at_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
        nonlocal seen
        seen += 1
        if seen > limits.elements:
            raise OverLimit("The object has more data elements than allowed.")
        if tag in PIXELS:
            stopped.append(int(tag))
            return True
        return False

    try:
        dataset = read_elements(cast("BinaryIO", view), not contents.explicit, contents.little, stop_when=at_pixels)
    except OverLimit:
        raise
    except RecursionError:
        raise TooDeep("The sequences of the object are nested deeper than allowed.") from None
    except Exception:  # because pydicom raises nearly any type on hostile bytes
        raise Damaged("The data set cannot be read; the file is damaged.") from None
    for tag in [tag for tag in tuple(dataset.keys()) if tag.group == 0xFFFE]:
        del dataset[tag]  # delimiters that do not belong where they stand
    last = max((_end_of(dataset, tag) for tag in list(dataset.keys())[-1:]), default=0)
    return HandedOver(dataset, view.tell() if stopped else -1, not stopped and last > contents.size)


def _end_of(dataset: Dataset, tag: BaseTag) -> int:
    """Where the value of a raw element claims to end."""
    raw = stored_element(dataset, tag)
    length = getattr(raw, "length", 0)
    place = getattr(raw, "value_tell", 0)
    return 0 if length == UNDEFINED else int(place) + int(length or 0)


def read_dataset(source: Path | BinaryIO, limits: Limits | None = None, *, pixels: bool = True) -> Dataset:
    """Read a data set with pydicom, within limits.

    Parameters
    ----------
    source : Path or seekable binary stream
    pixels : bool
        Whether pixel data, and what follows it, is read too. Its size is bounded by the file and ``decoded_bytes``.

    Returns
    -------
    Dataset
        With ``file_meta``, whose transfer syntax is the real one even where the file does not say it.

    Raises
    ------
    NotDicom, Damaged, OverLimit
    """
    limits = limits or Limits()
    with opened(source, limits) as contents:
        return dataset_from(contents, limits, pixels=pixels)


def dataset_from(contents: Contents, limits: Limits, *, pixels: bool = True) -> Dataset:
    """Read the data set of an open object."""
    if contents.little:
        try:
            dataset = raw_dataset(contents, limits, pixels=pixels)
        except (Doubt, struct.error):
            pass  # pydicom is the judge of everything unusual
        else:
            dataset.file_meta = _file_meta(dataset, contents)
            return dataset
    handed = elements_by_pydicom(contents, limits)
    dataset = handed.dataset
    if pixels and handed.pixel_start >= 0:
        view = _View(contents, limits.decoded_bytes)
        view.seek(handed.pixel_start)
        try:
            rest = read_elements(cast("BinaryIO", view), not contents.explicit, contents.little)
        except OverLimit:
            raise
        except Exception:  # because pydicom raises nearly any type on hostile bytes
            raise Damaged("The pixel data cannot be read; the file is damaged.") from None
        dataset._dict.update(rest._dict)  # its own update would decode private elements, and raise what that raises
    dataset.file_meta = _file_meta(dataset, contents)
    return dataset


def _file_meta(dataset: Dataset, contents: Contents) -> FileMetaDataset:
    meta = FileMetaDataset()
    values = {_SYNTAX: contents.syntax}
    values |= {media: _uid(dataset, tag) for media, tag in ((_MEDIA_CLASS, _CLASS), (_MEDIA_INSTANCE, _INSTANCE))}
    for tag, value in sorted(values.items()):
        if value:
            meta._dict[tag] = DataElement(tag, "UI", UID(value), validation_mode=config.IGNORE)
    return meta


def _uid(dataset: Dataset, tag: BaseTag) -> str:
    """A UID as it stands, without having the element decoded in its place."""
    element = dataset._dict.get(tag)
    value: Any = element.value if element is not None else None
    if isinstance(value, bytes):
        return value.decode("latin-1").strip(" \0")
    return value if isinstance(value, str) else ""
