"""Codes of an authenticator application: one each half minute, from a secret that both sides keep.

References
----------
RFC 6238 (TOTP), RFC 4226 (HOTP), RFC 4648 6 (base32).
"""

import base64
import hmac
import secrets
import struct
from datetime import datetime
from urllib.parse import quote, urlencode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from invivo.archive import Archive
from invivo.errors import Broken

STEP_S, DIGITS = 30, 6
_TOLERANCE = 1
_NONCE = 12


def new_secret() -> bytes:
    """Return 20 random bytes, as RFC 4226 4 recommends."""
    return secrets.token_bytes(20)


def code_at(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """Return the code of a step of time.

    Examples
    --------
    >>> code_at(b"12345678901234567890", 59 // 30, digits=8)  # RFC 6238 appendix B
    '94287082'
    """
    digest = hmac.digest(secret, struct.pack(">Q", step), "sha1")
    place = digest[-1] & 15
    number = struct.unpack(">I", digest[place : place + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**digits:0{digits}d}"


def matching_step(secret: bytes, code: str, now: datetime, after: int) -> int | None:
    """Return the step that a code belongs to, one before and one behind included; None if none, or not later than `after`."""
    present = int(now.timestamp()) // STEP_S
    fits = [
        step
        for step in range(present - _TOLERANCE, present + _TOLERANCE + 1)
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode())
    ]
    return next((step for step in fits if step > after), None)


def written(secret: bytes) -> str:
    """Return a secret as people type it: base32 in groups of four."""
    text = base64.b32encode(secret).decode().rstrip("=")
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def address_of(secret: bytes, issuer: str, name: str) -> str:
    """Return the address that an application reads out of the picture."""
    label = quote(f"{issuer}:{name}", safe="")
    fields = {"secret": written(secret).replace(" ", ""), "issuer": issuer, "digits": DIGITS, "period": STEP_S}
    return f"otpauth://totp/{label}?{urlencode(fields, quote_via=quote)}"


def seal(archive: Archive, person_id: int, secret: bytes) -> bytes:
    """Encrypt a secret with the installation's key, for one person: a row moved to another person does not open."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(archive.secret("totp")).encrypt(nonce, secret, str(person_id).encode())


def unseal(archive: Archive, person_id: int, sealed: bytes) -> bytes:
    """Decrypt a secret."""
    try:
        return AESGCM(archive.secret("totp")).decrypt(sealed[:_NONCE], sealed[_NONCE:], str(person_id).encode())
    except InvalidTag:
        raise Broken(
            "A second factor cannot be read with this installation's key.", code="account.factor-broken"
        ) from None
