"""Content negotiation: media ranges with parameters, as DICOMweb needs them.

References
----------
RFC 9110 12; DICOM PS3.18 8.7.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from starlette.requests import Request

from invivo import errors


class NotAcceptable(errors.Invalid):
    """What is there cannot be given in any of the forms that the client accepts."""

    code = "request.not-acceptable"


class UnsupportedMediaType(errors.Invalid):
    """The body has a media type that this address does not take."""

    code = "request.media-type"


_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - a pattern of RFC 9110 5.6.2
_RANGE = re.compile(rf"\s*({_TOKEN})/({_TOKEN})\s*")
_PARAMETER = re.compile(rf'\s*;\s*(?:({_TOKEN})\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*)\s*)?')
LONGEST_ACCEPT = 8192
MODELS = ("application/dicom+json", "application/json")
XML_MODEL = "application/dicom+xml"


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One media range of an Accept header, or a Content-Type; names are lower case, parameters without quotes."""

    type: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    quality: float = 1.0

    @property
    def is_multipart(self) -> bool:
        return self.type.startswith("multipart/")

    @property
    def inner(self) -> str:
        """Type of the parts of a multipart; anything where it does not say."""
        return self.parameters.get("type", "*/*").lower()

    @property
    def transfer_syntax(self) -> str:
        """The transfer syntax asked for, ``*`` for as stored, empty where none is named."""
        return self.parameters.get("transfer-syntax", "")

    def covers(self, media_type: str) -> bool:
        """Tell whether a media type lies in the range."""
        main, _, _ = media_type.partition("/")
        return self.type in ("*/*", media_type, f"{main}/*")


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def media_ranges(text: str) -> list[MediaRange]:
    """Read an Accept header, best first; what does not parse is left out, as RFC 9110 has no error for it.

    Examples
    --------
    >>> media_ranges('multipart/related; type="application/dicom"; transfer-syntax=*, */*;q=0.1')[0].inner
    'application/dicom'
    """
    found: list[MediaRange] = []
    place = 0
    text = text[:LONGEST_ACCEPT]
    while place < len(text):
        match = _RANGE.match(text, place)
        if match is None:
            place = _next_comma(text, place)
            continue
        name, place = f"{match[1]}/{match[2]}".lower(), match.end()
        parameters: dict[str, str] = {}
        while (one := _PARAMETER.match(text, place)) is not None:
            if one[1]:
                parameters.setdefault(one[1].lower(), _unquoted(one[2]).strip())
            place = one.end()
        quality = _quality(parameters.pop("q", "1"))
        if quality > 0:
            found.append(MediaRange(name, parameters, quality))
        place = _next_comma(text, place)
    return sorted(found, key=lambda one: -one.quality)


def _next_comma(text: str, place: int) -> int:
    comma = text.find(",", place)
    return len(text) if comma < 0 else comma + 1


def _quality(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 1.0


def accepted(request: Request) -> list[MediaRange]:
    """Return what the client accepts, best first: the ``accept`` parameter of the address goes before the header.

    Raises
    ------
    NotAcceptable
        There is nothing that it accepts.

    References
    ----------
    DICOM PS3.18 8.3.3.1, 8.7.5.
    """
    asked = request.query_params.get("accept") or ", ".join(request.headers.getlist("accept"))
    found = media_ranges(asked) if asked.strip() else [MediaRange("*/*")]
    if not found:
        raise NotAcceptable("Nothing is accepted: each media type has the quality 0, or none can be read.")
    return found


def content_type_of(request: Request) -> MediaRange:
    """Return the media type of the body; raises UnsupportedMediaType where there is none."""
    ranges = media_ranges(request.headers.get("content-type", ""))
    if not ranges:
        raise UnsupportedMediaType("Say in Content-Type what the body is.")
    return ranges[0]


def chosen(request: Request, offered: Sequence[str]) -> str:
    """Choose among plain media types of ours, the first being the best; raises NotAcceptable."""
    for one in accepted(request):
        for media_type in offered:
            if one.covers(media_type):
                return media_type
    raise NotAcceptable(f"This address gives {', '.join(offered)}.")


def chosen_model(request: Request, *, is_one: bool = False) -> str:
    """Choose among the models of data sets: ``application/dicom+json`` (the default), ``application/json``, or XML.

    Parameters
    ----------
    is_one : bool
        Whether the answer is one data set, which may be one document of XML too.

    Returns
    -------
    str
        ``application/dicom+xml`` where parts of it leave as multipart/related; ``application/xml`` for one document.

    Raises
    ------
    NotAcceptable

    References
    ----------
    DICOM PS3.18 8.7.3.2, 8.7.4.
    """
    for one in accepted(request):
        for media_type in MODELS:
            if one.covers(media_type):
                return media_type
        if one.type == "multipart/related" and one.inner in (XML_MODEL, "application/*", "*/*"):
            return XML_MODEL
        if is_one and one.type == XML_MODEL:
            return "application/xml"
    raise NotAcceptable(f'This address gives {MODELS[0]}, or multipart/related; type="{XML_MODEL}".')


def accepts_gzip(request: Request) -> bool:
    """Tell whether the client takes an answer compressed with gzip."""
    for one in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, quality = one.partition(";")
        if name.strip() in ("gzip", "*"):
            return not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", quality)
    return False
