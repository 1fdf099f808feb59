"""Derive, check and name UIDs."""

import hashlib
import hmac
import re
import uuid

from pydicom._uid_dict import UID_dictionary

_FORM = re.compile(r"[0-9]+(?:\.[0-9]+)*")


def is_valid(uid: str) -> bool:
    """Tell whether a UID may be stored: at most 64 characters, components of digits joined by single dots.

    Leading zeros of a component, which the standard forbids, are let through: scanners write them, without harm.

    References
    ----------
    DICOM PS3.5 9.1.

    Examples
    --------
    >>> is_valid("1.2.840.10008.1.2"), is_valid("1..2"), is_valid("../1")
    (True, False, False)
    """
    return len(uid) <= 64 and _FORM.fullmatch(uid) is not None


def new_uid() -> str:
    """Make a UID that nobody has used, from a random UUID.

    References
    ----------
    DICOM PS3.5 B.2.
    """
    return f"2.25.{uuid.uuid4().int}"


def derive_uid(secret: bytes, uid: str) -> str:
    """Map a UID to another that cannot be traced back without the secret; the same pair gives the same UID.

    Parameters
    ----------
    secret : bytes
        Key of the mapping.
    uid : str
        The UID to replace; trailing padding is not part of it.

    Returns
    -------
    str
        ``2.25.`` and the first 128 bits of HMAC-SHA256 as a decimal number.

    Examples
    --------
    >>> derive_uid(b"key", "1.2.3") == derive_uid(b"key", "1.2.3\\0")
    True
    """
    digest = hmac.new(secret, uid.rstrip("\0 ").encode(), hashlib.sha256).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def well_known(uid: str) -> bool:
    """Tell whether the standard registers this UID (a class, a transfer syntax, a well-known instance).

    References
    ----------
    DICOM PS3.6 Annex A.
    """
    return uid in UID_dictionary


def name_of(uid: str) -> str | None:
    """Name of a UID that the standard registers, such as ``CT Image Storage``; None for any other.

    Examples
    --------
    >>> name_of("1.2.840.10008.5.1.4.1.1.2")
    'CT Image Storage'
    """
    entry = UID_dictionary.get(uid)
    return entry[0] if entry else None
