"""Headers of tus requests read into our values.

References
----------
tus resumable upload protocol 1.0.0.
"""

import base64
import re

from starlette.requests import Request

from invivo import errors
from invivo.protocols.negotiation import UnsupportedMediaType
from invivo.protocols.wire import BadParameter

VERSION = "1.0.0"
OCTETS = "application/offset+octet-stream"
LONGEST_METADATA = 8192


class UnknownVersion(errors.Conflict):
    """The request speaks another version of the protocol, or does not say which."""

    code = "tus.version"


def check_version(request: Request) -> None:
    """Raise UnknownVersion unless the request speaks our version."""
    if request.headers.get("tus-resumable") != VERSION:
        raise UnknownVersion(f"Say Tus-Resumable: {VERSION}; no other version is spoken here.")


def size_in(request: Request, name: str) -> int:
    """Read a header that is a number of bytes; raises BadParameter."""
    text = request.headers.get(name, "")
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise BadParameter(f"{name} must be a number of bytes.")
    return int(text)


def check_body(request: Request) -> None:
    """Raise UnsupportedMediaType unless the body is a piece of a file."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != OCTETS:
        raise UnsupportedMediaType(f"A piece of a file has Content-Type: {OCTETS}.")


def metadata_of(request: Request) -> dict[str, str]:
    """Read Upload-Metadata: names with values in base64, separated by commas.

    Raises
    ------
    BadParameter
        It does not parse; the message does not repeat it.
    """
    text = request.headers.get("upload-metadata", "")
    if len(text) > LONGEST_METADATA:
        raise BadParameter(f"Upload-Metadata may have at most {LONGEST_METADATA} characters.")
    found: dict[str, str] = {}
    for pair in text.split(","):
        name, _, value = pair.strip().partition(" ")
        try:
            found[name] = base64.b64decode(value.strip(), validate=True).decode("utf-8")
        except ValueError:
            raise BadParameter(
                "Upload-Metadata is name and base64 value, separated by a space, pairs by commas."
            ) from None
    found.pop("", None)
    return found


def submission_in(metadata: dict[str, str]) -> int | None:
    """Return the submission that the metadata name; raises BadParameter."""
    text = metadata.get("submission", "")
    if not text:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,17}", text):
        raise BadParameter("The submission in Upload-Metadata is a number from 1.")
    return int(text)
