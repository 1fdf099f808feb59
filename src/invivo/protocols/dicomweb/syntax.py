"""Transfer syntaxes as DICOMweb names them: which media type their frames have, and which form a client is given.

References
----------
DICOM PS3.18 8.7.3 (media types for DICOM, bulk data and pixel data), table 8.7.3-5.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from invivo.protocols.negotiation import MediaRange

EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
JPEG_LS, JPEG_2000 = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"
NATIVE = frozenset({"1.2.840.10008.1.2", EXPLICIT, BIG_ENDIAN, "1.2.840.10008.1.2.1.99"})
OCTETS, DICOM = "application/octet-stream", "application/dicom"
_IN = "1.2.840.10008.1.2"
MEDIA_TYPES = {
    f"{_IN}.5": "image/dicom-rle",
    **{f"{_IN}.4.{number}": "image/jpeg" for number in (50, 51, 57, 70)},
    **{f"{_IN}.4.{number}": "image/jls" for number in (80, 81)},
    **{f"{_IN}.4.{number}": "image/jp2" for number in (90, 91)},
    **{f"{_IN}.4.{number}": "image/jpx" for number in (92, 93)},
    **{f"{_IN}.4.{number}": "image/jxl" for number in (110, 111, 112)},
    **{f"{_IN}.4.{number}": "image/jphc" for number in (201, 202, 203)},
    **{f"{_IN}.4.{number}": "video/mpeg" for number in ("100", "100.1", "101", "101.1")},
    **{f"{_IN}.4.{number}": "video/mp4" for number in (102, 103, 104, 105, 106)},
    **{f"{_IN}.4.{number}": "video/H265" for number in (107, 108)},
}
# Names that clients use besides the standard's.
ALIASES = {
    "image/x-dicom-rle": "image/dicom-rle",
    "image/x-jls": "image/jls",
    "image/j2c": "image/jp2",
    "image/jpx": "image/jp2",
    "image/jph": "image/jphc",
}
DECODABLE = NATIVE | {
    *(f"{_IN}.4.{number}" for number in (50, 51, 57, 70, 80, 81, 90, 91, 92, 93, 201, 202, 203)),
    f"{_IN}.5",
    f"{_IN}.1.98",
    f"{_IN}.8.1",
}


# What frames and objects are compressed to when a client takes nothing else.
WRITTEN = {"image/jls": JPEG_LS, "image/jp2": JPEG_2000}


@dataclass(frozen=True, slots=True)
class Form:
    """The form of an answer.

    Attributes
    ----------
    is_multipart : bool
    is_stored : bool
        Bytes as they are stored; else in `syntax`.
    media_type : str
        Of the parts, or of the whole answer.
    syntax : str
        Transfer syntax of what is not stored so.
    """

    is_multipart: bool
    is_stored: bool
    media_type: str
    syntax: str = EXPLICIT

    @property
    def mark(self) -> str:
        """Name the form of the bytes in an entity tag."""
        return "stored" if self.is_stored else {JPEG_LS: "jls", JPEG_2000: "jp2"}.get(self.syntax, "plain")


def media_type_of(syntax: str) -> str:
    """Return the media type of frames in a transfer syntax."""
    return MEDIA_TYPES.get(syntax, OCTETS)


def form_of_objects(ranges: Sequence[MediaRange], syntaxes: frozenset[str], *, is_one: bool) -> Form | None:
    """Choose the form in which whole objects leave: the first that is acceptable and can be made of all of them.

    Parameters
    ----------
    syntaxes : frozenset of str
        In which the objects are stored.
    is_one : bool
        Whether the resource is one object, which may then leave without multipart.
    """
    for one in ranges:
        asked = one.transfer_syntax
        takes_all = one.type == "*/*" and not syntaxes <= DECODABLE
        is_stored = asked == "*" or syntaxes == {asked or EXPLICIT} or takes_all
        if not is_stored and not (asked in ("", EXPLICIT, JPEG_LS, JPEG_2000) and syntaxes <= DECODABLE):
            continue
        syntax = EXPLICIT if is_stored else asked or EXPLICIT
        if one.covers("multipart/related") and one.inner in (DICOM, "*/*", "application/*"):
            return Form(True, is_stored, DICOM, syntax)
        if is_one and one.covers(DICOM):
            return Form(False, is_stored, DICOM, syntax)
    return None


def form_of_frames(ranges: Sequence[MediaRange], syntax: str, *, is_one: bool) -> Form | None:
    """Choose the form in which frames leave.

    ``type="*/*"`` without a transfer syntax, as dicomweb-client asks, and ``transfer-syntax=*``, as OHIF asks, give what
    is stored; a plain ``*/*`` gives the default of the standard, octets uncompressed.

    Parameters
    ----------
    syntax : str
        In which the object is stored.
    is_one : bool
        Whether one frame was asked for, which may then leave without multipart.
    """
    for one in ranges:
        form = _frames_in(one, syntax, is_one=is_one)
        if form is not None:
            return form
    return None


def _frames_in(one: MediaRange, syntax: str, *, is_one: bool) -> Form | None:
    stored = media_type_of(syntax)
    is_native = syntax in NATIVE
    is_multipart = one.covers("multipart/related")
    if not is_multipart and not is_one:
        return None
    inner = one.inner if one.is_multipart else "*/*" if is_multipart else one.type
    inner, asked = ALIASES.get(inner, inner), one.transfer_syntax
    wants_default = one.type == "*/*" or (one.is_multipart and "type" not in one.parameters)
    takes_octets = inner in (OCTETS, "*/*", "application/*")
    takes_stored = inner in (ALIASES.get(stored, stored), "*/*", f"{stored.partition('/')[0]}/*") or takes_octets
    if not is_native and takes_stored:
        named = asked in ("*", syntax) or (one.type == "*/*" and syntax not in DECODABLE)
        implied = not asked and inner != OCTETS and not wants_default and inner != "application/*"
        if named or implied:
            return Form(is_multipart, True, stored)
    if takes_octets and asked in ("", "*", EXPLICIT, syntax if is_native else "") and syntax in DECODABLE:
        return Form(is_multipart, is_native and syntax != BIG_ENDIAN, OCTETS)
    written = WRITTEN.get(inner, asked if takes_octets else "")
    if written in WRITTEN.values() and asked in ("", written) and syntax in DECODABLE:
        media_type = next(name for name, uid in WRITTEN.items() if uid == written)
        return Form(is_multipart, False, media_type, written)
    return None
