"""How a GUID is written: a prefix, eight random characters and one that checks them, such as ``INV-7K3M-9QXD-Y``.

The characters are Crockford's base 32, which has no I, L, O and U. The last one is chosen so that the whole, read as a
polynomial over GF(32), is zero at a primitive element: one wrong character, two neighbours swapped, and a doubled
character mistaken for another are always noticed. The two prefixes begin from different values, so that one cannot be
taken for the other.
"""

import re
import secrets

from invivo.errors import Invalid

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PREFIXES = {"guid": "INV", "pseudo": "INVP"}
RANDOM = 8
_START = {"INV": 1, "INVP": 2}
_VALUE = {letter: value for value, letter in enumerate(ALPHABET)}
_SHAPE = re.compile(r"(INVP?)([0-9A-Z]{9})")
_ALIKE = str.maketrans("OIL", "011")


class BadLabel(Invalid):
    """This is no GUID, or it was mistyped."""

    code = "guid.malformed"


def _times_alpha(value: int) -> int:
    """Multiply by the primitive element in GF(32), modulo x^5 + x^2 + 1."""
    doubled = value << 1
    return doubled ^ 0b100101 if doubled & 32 else doubled


def _remainder(prefix: str, letters: str) -> int:
    state = _START[prefix]
    for letter in letters:
        state = _times_alpha(state) ^ _VALUE[letter]
    return state


def _written(prefix: str, letters: str) -> str:
    return f"{prefix}-{letters[:4]}-{letters[4:8]}-{letters[8]}"


def fresh_label(kind: str) -> str:
    """Return a new random label of a kind, ``guid`` or ``pseudo``."""
    prefix = PREFIXES[kind]
    letters = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM))
    return _written(prefix, letters + ALPHABET[_times_alpha(_remainder(prefix, letters))])


def read_guid(text: str) -> str:
    """Return a GUID as it is written here; capitals, hyphens and blanks do not matter, O is read as 0, I and L as 1.

    Raises
    ------
    BadLabel
        It has another shape, or its check character says that it was mistyped.

    Examples
    --------
    >>> read_guid(" inv-7k3m9qxd-y ")
    'INV-7K3M-9QXD-Y'
    """
    plain = re.sub(r"[\s-]", "", text[:60]).upper()
    shape = _SHAPE.fullmatch(plain)
    if shape is None:
        raise BadLabel("A GUID looks like INV-7K3M-9QXD-Y, a pseudo-GUID like INVP-0000-0000-H.")
    prefix, letters = shape[1], shape[2].translate(_ALIKE)
    if not set(letters) <= _VALUE.keys() or _remainder(prefix, letters) != 0:
        raise BadLabel("The check character does not fit: a character is wrong or two are swapped.")
    return _written(prefix, letters)
