"""Elements of a data set as they lie in the file: their text, their items, and new ones in the same encoding.

Values are decoded and encoded here, not by pydicom's element objects: an element that is kept is never touched, which
is fast and keeps its bytes, and no value of a patient ends up in a warning of a library.
"""

import warnings
from collections.abc import Iterable, MutableMapping, Sequence
from functools import lru_cache
from io import BytesIO

from pydicom import charset
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as Items
from pydicom.tag import BaseTag
from pydicom.values import convert_SQ

from invivo.deidentification.report import CannotDeidentify

Element = DataElement | RawDataElement
CHARACTER_SET = BaseTag(0x00080005)
IGNORE = 0
_UNDEFINED = 0xFFFFFFFF
_DELIMITERS = {0x0D, 0x0A, 0x09, 0x0C, 0x5C}
_NAME_DELIMITERS = {0x5E, 0x3D, 0x5C}
_ENCODED = frozenset({"LO", "SH", "ST", "LT", "UT", "UC", "PN"})
_SINGLE = frozenset({"ST", "LT", "UT", "UR"})
_DEFAULT = ["iso8859"]


def stored(dataset: Dataset) -> MutableMapping[BaseTag, Element]:
    """The elements of a data set as they are kept; to look, not to change. Asking pydicom for them would decode some."""
    return dataset._dict


def encodings_of(dataset: Dataset, inherited: Sequence[str]) -> list[str]:
    """Python names of the character sets of a data set or item; those of its parent where it names none."""
    if CHARACTER_SET not in dataset._dict:
        return list(inherited)
    return list(_python_names(tuple(character_sets(dataset))))


@lru_cache(maxsize=256)
def _python_names(terms: tuple[str, ...]) -> list[str]:
    known = [name for name in terms if name in charset.python_encoding]
    if not known:
        return list(_DEFAULT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(charset.convert_encodings(known))


def character_sets(dataset: Dataset) -> list[str]:
    """The defined terms in (0008,0005), known or not."""
    element = stored(dataset).get(CHARACTER_SET)
    return [text.strip() for text in texts_of(element, "CS", _DEFAULT)] if element is not None else []


def texts_of(element: Element, vr: str, encodings: Sequence[str]) -> list[str]:
    """Values of an element as text, without padding; a binary value gives its bytes as Latin-1."""
    value = element.value
    if value is None:
        return []
    if isinstance(value, bytes):
        if not value:
            return []
        text = decoded(value, vr, encodings)
        return [text] if vr in _SINGLE else [part.strip(" \0") for part in text.split("\\")]
    if isinstance(value, MultiValue | list | tuple):
        return [str(part) for part in value]
    return [str(value)] if str(value) else []


def decoded(value: bytes, vr: str, encodings: Sequence[str]) -> str:
    """Text of bytes; what fits no character set becomes U+FFFD."""
    value = value.rstrip(b" \0")
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii")
    if vr not in _ENCODED:
        return value.decode("latin-1")
    if len(encodings) == 1 and b"\x1b" not in value:
        return value.decode(encodings[0], "replace")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return charset.decode_bytes(value, encodings, _NAME_DELIMITERS if vr == "PN" else _DELIMITERS)
    except (UnicodeError, LookupError, ValueError):
        return value.decode("latin-1")


def encoded(text: str, encodings: Sequence[str]) -> bytes:
    """Bytes of text in the character sets of its data set; a character that fits none becomes a question mark."""
    if text.isascii():
        return text.encode("ascii")
    if len(encodings) == 1:
        return text.encode(encodings[0], "replace")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return charset.encode_string(text, encodings)


def with_texts(element: Element, vr: str, texts: Sequence[str], encodings: Sequence[str]) -> Element:
    """The same element with other values, written as its data set is written."""
    if not isinstance(element, RawDataElement):
        value = texts[0] if len(texts) == 1 else list(texts)
        return DataElement(element.tag, vr, value or None, validation_mode=IGNORE)
    value_bytes = b"\\".join(encoded(text, encodings) for text in texts)
    if len(value_bytes) & 1:
        value_bytes += b"\0" if vr == "UI" else b" "
    return raw_like(element, vr, value_bytes)


def with_value(element: Element, vr: str, value: str | int | float | bytes) -> Element:
    """The same element with one value of its VR."""
    if isinstance(value, str):
        return with_texts(element, vr, [value], _DEFAULT)
    return DataElement(element.tag, vr, value, validation_mode=IGNORE)


def emptied(element: Element, vr: str) -> Element:
    """The same element with zero length."""
    if isinstance(element, RawDataElement):
        return raw_like(element, vr, b"")
    return DataElement(element.tag, vr, Items() if vr == "SQ" else None, validation_mode=IGNORE)


def raw_like(element: RawDataElement, vr: str, value: bytes) -> RawDataElement:
    """A raw element beside another one."""
    tell, little = element.value_tell, element.is_little_endian
    return RawDataElement(element.tag, vr, len(value), value, tell, element.is_implicit_VR, little)


def items_of(dataset: Dataset, element: Element, vr: str) -> list[Dataset] | None:
    """Items of a sequence, however it is disguised: lazily read, or UN with implicit little endian items inside.

    Returns
    -------
    list of Dataset or None
        None when the bytes are no sequence.

    Raises
    ------
    CannotDeidentify
        A sequence that is broken.

    References
    ----------
    DICOM PS3.5 6.2.2 (UN).
    """
    if not isinstance(element, RawDataElement):
        return list(element.value or []) if isinstance(element.value, Items) else None
    value = element.value or b""
    if not value:
        return []
    try:
        if vr == "SQ" and element.VR != "UN":
            charsets = encodings_of(dataset, charset.convert_encodings(dataset._parent_encoding))
            return list(convert_SQ(value, element.is_implicit_VR, element.is_little_endian, charsets))
        return _items_of_unknown(value)
    except RecursionError as error:
        raise CannotDeidentify("Sequences are nested too deep.", code="deidentification.too-deep") from error
    except Exception as error:  # because pydicom raises nearly any type on hostile bytes
        raise CannotDeidentify("A sequence is broken.", code="deidentification.broken-sequence") from error


def _items_of_unknown(value: bytes) -> list[Dataset] | None:
    """Items in implicit little endian; None unless they fill the value exactly and hold believable elements."""
    items: list[Dataset] = []
    place = 0
    while place < len(value):
        head, length = value[place : place + 4], int.from_bytes(value[place + 4 : place + 8], "little")
        if head == b"\xfe\xff\xdd\xe0":
            return items
        end = place + 8 + length
        if head != b"\xfe\xff\x00\xe0" or length == _UNDEFINED or end > len(value):
            return None
        items.append(read_dataset(BytesIO(value[place + 8 : end]), True, True))
        place = end
    return items


def sequence_of(element: Element, items: Iterable[Dataset]) -> DataElement:
    """A sequence element with these items."""
    return DataElement(element.tag, "SQ", Items(items), validation_mode=IGNORE)


def _listed(names: str | list[str]) -> list[str]:
    return [names] if isinstance(names, str) else names


def dataset_like(source: Dataset, kept: dict[BaseTag, Element]) -> Dataset:
    """A data set of these elements, encoded as the source is."""
    # Not yet parsed elements of the file may stand in it: pydicom writes them as they are.
    copy = Dataset(kept, parent_encoding=source._parent_encoding)
    implicit, little = source.original_encoding
    if implicit is not None and little is not None:
        copy.set_original_encoding(implicit, little, encodings_of(source, _listed(source._parent_encoding)))
    return copy
