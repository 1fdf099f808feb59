"""Checking that a webhook comes from the archive: its signature, and that it is not an old one sent again.

The archive sends ``Invivo-Timestamp`` (seconds since 1970) and ``Invivo-Signature``, which is ``v1=`` and the hexadecimal
HMAC-SHA256 of the timestamp, a full stop and the body, with the hook's secret as the key.
"""

import hashlib
import hmac
from collections.abc import Mapping

from invivo.errors import Refused

WINDOW_S = 300


class ForgedHook(Refused):
    """The message was not signed with the secret, or is too old."""

    code = "hook.forged"


def verify_hook(secret: str, headers: Mapping[str, str], body: bytes, now: float, window_s: float = WINDOW_S) -> None:
    """Return if a webhook's message was signed with the secret and a moment ago.

    Parameters
    ----------
    secret : str
        As the archive showed it when the hook was made.
    headers : mapping
        Of the request; names in any case.
    body : bytes
        As it came, before anything is read of it.
    now : float
        Seconds since 1970.
    window_s : float
        How old a message may be, or how far ahead the sender's clock, seconds. Within it a message may come twice: its
        ``Invivo-Delivery`` says which one it is.

    Raises
    ------
    ForgedHook

    Examples
    --------
    >>> signed = hmac.new(b"s", b"1700000000.{}", hashlib.sha256).hexdigest()
    >>> sent = {"Invivo-Timestamp": "1700000000", "Invivo-Signature": f"v1={signed}"}
    >>> verify_hook("s", sent, b"{}", 1700000010.0)
    """
    given = {name.lower(): value for name, value in headers.items()}
    stamp, signature = given.get("invivo-timestamp", ""), given.get("invivo-signature", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise ForgedHook("The message has no Invivo-Timestamp.")
    made = "v1=" + hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(made.encode(), signature.encode()):
        raise ForgedHook("The message was not signed with this secret.")
    if abs(now - int(stamp)) > window_s:
        raise ForgedHook(f"The message is more than {window_s:g} seconds old, or the clocks differ.")
