"""The whole of an object as DICOM JSON, without its bulk values, by a walk over its bytes."""

import struct
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from pydicom.tag import Tag

from invivo import errors
from invivo.dicom import values
from invivo.dicom.elements import (
    EXPLICIT,
    ITEM,
    ITEM_END,
    NO_HEAD,
    PIXELS,
    SEQUENCE_END,
    SHORT,
    UNDEFINED,
    Count,
    Doubt,
    Head,
    head_of,
    implicit_head,
)
from invivo.dicom.handover import elements_by_pydicom, read_dataset, stored_element
from invivo.dicom.header import Header, header_of
from invivo.dicom.json_model import Bulky, json_with_bulk
from invivo.dicom.location import place_handed
from invivo.dicom.pixels import EXTENDED_TABLE, PixelLocation, picture_in, place
from invivo.dicom.repeating import Met, Run, pattern_of
from invivo.dicom.source import Contents, Limits, opened

Json = dict[str, Any]


class NoSuchValue(errors.NotFound):
    """The object has no value at a path."""

    code = "dicom.no-such-value"


@dataclass(frozen=True, slots=True)
class BulkLocation:
    """A value left out of the JSON.

    Parameters
    ----------
    path : str
        Tags and item numbers from 0, such as ``54000100/0/54001010``.
    vr : str
    offset, length : int
        Bytes of the value in the file, little endian; offset -1 where it has no place of its own in the file and is
        to be read with ``read_bulk``; length -1 for encapsulated pixel data.
    """

    path: str
    vr: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Scan:
    """An object read whole.

    Parameters
    ----------
    json : dict
        DICOM JSON model. A bulk value has its ``vr`` here and nothing else.
    header : Header
    bulk : tuple of BulkLocation
    pixels : PixelLocation or None
    nulls_removed : bool
        Some text held U+0000, which was taken out.
    truncated : bool
        A value claims to reach past the end of the file.
    by_pydicom : bool
        The fast walk was in doubt and handed the object over.
    """

    json: Json
    header: Header
    bulk: tuple[BulkLocation, ...]
    pixels: PixelLocation | None
    nulls_removed: bool
    truncated: bool
    by_pydicom: bool


def scan(source: Path | BinaryIO, limits: Limits | None = None) -> Scan:
    """Read an object whole, except its bulk values.

    Parameters
    ----------
    source : Path or seekable binary stream
        A stream without bytes in memory is copied to a temporary file first.

    Raises
    ------
    NotDicom, Damaged, OverLimit

    References
    ----------
    DICOM PS3.18 Annex F.
    """
    limits = limits or Limits()
    with opened(source, limits) as contents:
        if contents.little:
            try:
                return _fast(contents, limits)
            except (Doubt, struct.error):
                pass  # pydicom is the judge of everything unusual
        return _slow(contents, limits)


def _fast(contents: Contents, limits: Limits) -> Scan:
    walk = _Walk(contents, limits)
    json = walk.whole()
    header = header_of(json, contents, has_pixels=walk.pixels is not None)
    bulk, pixels = tuple(walk.bulk), walk.pixels
    if not contents.in_file:
        bulk = tuple(replace(one, offset=-1) for one in bulk)
        pixels = pixels and pixels.nowhere()
    return Scan(json, header, bulk, pixels, walk.nulls, truncated=False, by_pydicom=False)


def _slow(contents: Contents, limits: Limits) -> Scan:
    handed = elements_by_pydicom(contents, limits)
    dataset, truncated, pixels = handed.dataset, handed.truncated, None
    bulk: list[BulkLocation] = []
    if handed.pixel_start >= 0:
        pixels, end = place_handed(contents, handed, limits)
        truncated = end > contents.size
        if end < contents.size:
            rest = elements_by_pydicom(contents, limits, start=end).dataset
            dataset._dict.update({tag: one for tag, one in rest._dict.items() if tag not in dataset})

    def note(value: Bulky) -> None:
        bulk.append(BulkLocation(value.path, value.vr, -1, value.length))

    json, nulls = json_with_bulk(dataset, note, limits)
    if pixels is not None:
        pixels = pixels if contents.in_file else pixels.nowhere()
        key = f"{pixels.tag:08X}"
        json[key] = {"vr": pixels.vr}
        json = dict(sorted(json.items()))
        if pixels.length:
            bulk.append(BulkLocation(key, pixels.vr, pixels.offset, pixels.length))
        else:
            pixels = None
    header = header_of(json, contents, has_pixels=pixels is not None)
    return Scan(json, header, tuple(bulk), pixels, nulls, truncated, by_pydicom=True)


def read_bulk(source: Path | BinaryIO, path: str, limits: Limits | None = None) -> bytes:
    """Read a bulk value by its path, for those that have no place of their own in the file.

    Parameters
    ----------
    path : str
        As in ``BulkLocation``.

    Returns
    -------
    bytes
        Little endian, as far as the value is binary; encapsulated pixel data with its items.

    Raises
    ------
    NoSuchValue, NotDicom, Damaged, OverLimit
    """
    dataset = read_dataset(source, limits)
    *steps, last = path.split("/")
    try:
        for tag, number in zip(steps[::2], steps[1::2], strict=True):
            dataset = dataset[int(tag, 16)].value[int(number)]
        value = stored_element(dataset, Tag(int(last, 16))).value
    except Exception:  # because the path comes from a caller and the value from a hostile file
        raise NoSuchValue("The object has no value at this path.") from None
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, bytes):
        raise NoSuchValue("The object has no bulk value at this path.")
    return value


# What values read as, which most objects of a series have in common. Whoever gets one may not change it.
_MEMORY: dict[tuple[str, bytes, tuple[str, ...]], Json] = {}
_LONGEST_REMEMBERED, _MOST_REMEMBERED = 128, 20_000
_TELLING = frozenset({0x00080005, 0x00280103, EXTENDED_TABLE})


def _remembered(known: tuple[str, bytes, tuple[str, ...]], found: Json) -> Json:
    if len(_MEMORY) >= _MOST_REMEMBERED:
        _MEMORY.clear()
    _MEMORY[known] = found
    return found


_NO_RUNS: dict[int, Run] = {}
_PLAIN: dict[int, str] = {}  # names in the JSON model of tags whose values tell nothing of others


def _key(tag: int) -> str:
    """The name of a tag in the JSON model."""
    key = f"{tag:08X}"
    tells = tag in _TELLING or tag in PIXELS or not tag & 0xFFFF or (tag >> 16 & 1 and tag & 0xFFFF <= 0xFF)
    if not tells and len(_PLAIN) < 20_000:
        _PLAIN[tag] = key
    return key


class _Level:
    """What the elements of a data set need to know of it and of the data sets around it."""

    __slots__ = ("creators", "encodings", "signed")

    def __init__(self, encodings: tuple[str, ...], signed: int | None) -> None:
        self.encodings = encodings
        self.signed = signed
        self.creators: dict[int, str] = {}


class _Walk:
    """One walk over one object; it keeps what is found on the way."""

    __slots__ = (
        *("bulk", "contents", "count", "doubted", "encodings", "ended", "extended", "head", "limits", "met", "missed"),
        *("nulls", "pixels", "runs"),
    )

    def __init__(self, contents: Contents, limits: Limits) -> None:
        self.contents = contents
        self.limits = limits
        self.head = head_of(contents.explicit)
        self.count = Count(limits.elements, limits.depth)
        self.bulk: list[BulkLocation] = []
        self.pixels: PixelLocation | None = None
        self.extended: tuple[int, ...] = ()
        self.nulls = False
        self.doubted = 0  # elements whose VR had to be found
        self.runs: dict[int, Run] = {}
        self.encodings: tuple[str, ...] = ()
        self.missed = self.ended = 0
        self.met: list[tuple[int, int, int, int]] | None = None

    def whole(self) -> Json:
        """Read the object: what it has in common with those before it at once, the rest element by element."""
        contents = self.contents
        level = _Level(values.DEFAULT_ENCODINGS, None)
        pattern = pattern_of(contents.media_class, self.limits) if contents.explicit else None
        if pattern is None:
            return self.dataset(contents.start, contents.size, level, "", 0)[0]
        if not pattern.is_learning:
            self.runs, self.encodings = pattern.learnt
            json, _ = self.dataset(contents.start, contents.size, level, "", 0)
            pattern.seen(self.missed)
            return json
        self.met = []
        json, end = self.dataset(contents.start, contents.size, level, "", 0)
        self.met.append((self.ended, end, self.count.remaining, self.marks()))
        pattern.learn(contents.buffer, self.elements_met(), level.encodings, json)
        return json

    def fits(self, run: Run, position: int, level: _Level) -> bool:
        """Tell whether the elements of a run stand here, and count them if so."""
        raw = self.contents.buffer[position : position + run.length]
        if raw == run.raw and level.encodings == self.encodings:
            self.count.take_many(run.count)
            return True
        self.missed += 1
        return False

    def marks(self) -> int:
        """What a plain element leaves as it was: bulk values, VRs that had to be found, texts with U+0000."""
        return len(self.bulk) + self.doubted + self.nulls

    def elements_met(self) -> list[Met]:
        """What was met, each with where it ends."""
        assert self.met is not None
        return [
            Met(last, tag, start, stop, left - after, is_plain=marks == then and tag in _PLAIN)
            for (last, start, left, marks), (tag, stop, after, then) in pairwise(self.met)
        ]

    def dataset(  # noqa: PLR0912, PLR0915 - one loop, in which every call counts
        self, position: int, end: int, level: _Level, path: str, depth: int
    ) -> tuple[Json, int]:
        """Read a data set up to its end, or to its delimiter where it is an item of undefined length (end -1)."""
        json: Json = {}
        delimited = end < 0
        limit = self.contents.size if delimited else end
        buffer, head, take, explicit = self.contents.buffer, self.head, self.count.take, self.contents.explicit
        last = 0
        runs, met = (self.runs, self.met) if not depth else (_NO_RUNS, None)
        while position < limit:
            if runs and (run := runs.get(last)) and self.fits(run, position, level):
                json.update(run.json)
                position, last = position + run.length, run.last
                continue
            if met is not None:
                met.append((last, position, self.count.remaining, self.marks()))
            take()
            group, number, code, length = EXPLICIT(buffer, position) if explicit else NO_HEAD
            vr = SHORT.get(code, "")
            if vr:  # most elements of most files, without a call
                tag, offset = group << 16 | number, position + 8
            else:
                tag, vr, offset, length = head(buffer, position)
            if delimited and tag == ITEM_END:
                return json, offset
            if tag <= last or (tag >= ITEM and tag < SEQUENCE_END + 1):
                raise Doubt
            last = tag
            if not vr or vr == "UN":
                self.doubted += 1
                vr = self.resolved(tag, vr, length, level, json)
            key = _PLAIN.get(tag)
            if key is not None and length <= _LONGEST_REMEMBERED and vr != "SQ":
                position = offset + length
                past = _MEMORY.get((vr, buffer[offset:position], level.encodings))
                if past is not None and position <= limit:
                    json[key] = past
                    continue
            key = key or _key(tag)
            if tag in PIXELS:
                position = self.pixel_data(json, (tag, vr, offset, length), path)
            elif vr == "SQ":
                stop = -1 if length == UNDEFINED else offset + length
                json[key], position = self.sequence(offset, stop, level, path + key, depth + 1)
            else:
                position = offset + length  # an undefined length leads out of the file
                if position > limit:
                    raise Doubt
                if tag & 0xFFFF:  # group lengths are no part of the JSON model
                    json[key] = self.value((tag, vr, offset, length), level, path)
            if position > limit:
                raise Doubt
        if delimited or position != limit:
            raise Doubt
        self.ended = last
        return json, position

    def sequence(self, position: int, end: int, level: _Level, path: str, depth: int) -> tuple[Json, int]:
        """Read the items of a sequence."""
        self.count.enter(depth)
        items: list[Json] = []
        limit = self.contents.size if end < 0 else end
        while position < limit:
            self.count.take()
            tag, _, offset, length = implicit_head(self.contents.buffer, position)
            if tag == SEQUENCE_END and end < 0:
                return ({"vr": "SQ", "Value": items} if items else {"vr": "SQ"}), offset
            if tag != ITEM:
                raise Doubt
            stop = -1 if length == UNDEFINED else offset + length
            if stop > limit:
                raise Doubt
            inner = _Level(level.encodings, level.signed)
            item, position = self.dataset(offset, stop, inner, f"{path}/{len(items)}/", depth)
            items.append(item)
        if end < 0 or position != limit:
            raise Doubt
        return ({"vr": "SQ", "Value": items} if items else {"vr": "SQ"}), position

    def value(self, element: Head, level: _Level, path: str) -> Json:  # noqa: PLR0911 - guards
        """Read one value, or note where it lies."""
        tag, vr, offset, length = element
        if length == 0:
            return {"vr": vr}
        if tag == EXTENDED_TABLE and not path:
            self.keep_table(offset, length)
        convert = values.CONVERTERS.get(vr)
        if length > (self.limits.inline_bytes if convert is None else self.limits.text_bytes):
            self.bulk.append(BulkLocation(f"{path}{tag:08X}", vr, offset, length))
            return {"vr": vr}
        raw = self.contents.buffer[offset : offset + length]
        is_plain = length <= _LONGEST_REMEMBERED and tag in _PLAIN
        if convert is None:
            return {"vr": vr, "InlineBinary": values.inline(raw)}
        found = convert(raw, level.encodings)
        if found is None:
            return {"vr": vr}
        if b"\0" in raw and vr not in values.NUMERIC:
            found, nulls = values.without_nulls(found)
            self.nulls = self.nulls or nulls
        elif is_plain:
            return _remembered((vr, raw, level.encodings), {"vr": vr, "Value": found})
        return self.told(tag, vr, found, level)

    def told(self, tag: int, vr: str, found: list[Any], level: _Level) -> Json:
        """A value that may tell how others of its data set are read."""
        if tag == 0x00080005:
            level.encodings = values.encodings_of(str(name or "") for name in found)
        elif tag == 0x00280103:
            level.signed = found[0] if isinstance(found[0], int) else None
        elif tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF:
            level.creators[tag >> 16 << 8 | tag & 0xFF] = str(found[0] or "")
        return {"vr": vr, "Value": found}

    def resolved(self, tag: int, vr: str, length: int, level: _Level, json: Json) -> str:
        """The VR of an element that does not say it, by the dictionaries and the elements before it.

        References
        ----------
        DICOM PS3.5 6.2.2, Annex A.1.
        """
        known = self.private(tag, level) if tag >> 16 & 1 else values.known_vr(tag) or "UN"
        if vr == "UN" and (known == "SQ" or length == UNDEFINED):
            raise Doubt
        if length == UNDEFINED and known == "UN" and not vr:
            return "SQ"  # nothing else may have an undefined length here
        if " or " not in known:
            return known
        if vr == "UN":
            raise Doubt
        if known == "US or SS":
            return "SS" if level.signed else "US"
        if known == "OB or OW":
            return "OW"
        if tag == 0x00283006:
            descriptor = json.get("00283002", {}).get("Value") or [0]
            return "US" if descriptor[0] == 1 else "OW"
        raise Doubt

    @staticmethod
    def private(tag: int, level: _Level) -> str:
        """The VR of a private element, by its creator."""
        element = tag & 0xFFFF
        if element == 0:
            return "UL"
        if 0x10 <= element <= 0xFF:
            return "LO"
        creator = level.creators.get(tag >> 16 << 8 | element >> 8)
        return (values.private_vr(tag, creator) if creator else None) or "UN"

    def keep_table(self, offset: int, length: int) -> None:
        """Keep the Extended Offset Table, which precedes the pixel data."""
        words = min(length // 8, self.limits.fragments)
        self.extended = struct.unpack_from(f"<{words}Q", self.contents.buffer, offset)

    def pixel_data(self, json: Json, element: Head, path: str) -> int:
        """Keep the place of pixel data and return where it ends. That of an icon is only a bulk value."""
        contents = self.contents
        picture = picture_in(json)
        pixels, end = place(
            contents.buffer, contents.size, element, picture, limits=self.limits, extended=self.extended
        )
        key = f"{pixels.tag:08X}"
        json[key] = {"vr": pixels.vr}
        if element[3]:
            self.bulk.append(BulkLocation(path + key, pixels.vr, pixels.offset, pixels.length))
            self.pixels = self.pixels if path else pixels
        return end
