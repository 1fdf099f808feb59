"""Blowfish, only because CTP scripts name it: electronic codebook, padded as PKCS #5. Its boxes are digits of pi.

References
----------
B. Schneier, Description of a New Variable-Length Key, 64-Bit Block Cipher, 1993.
"""

from functools import cache, lru_cache

_MASK = 0xFFFFFFFF
_ROUNDS = 16
_BLOCK = 8


@cache
def _digits_of_pi() -> tuple[int, ...]:
    """The first 18 + 4 x 256 words of the fraction of pi (Machin's formula)."""
    words = _ROUNDS + 2 + 4 * 256
    guard = 64
    one = 1 << (words * 32 + guard)

    def arctan_of_inverse(number: int) -> int:
        term = total = one // number
        square, divisor, sign = number * number, 3, -1
        while term:
            term //= square
            total += sign * (term // divisor)
            divisor, sign = divisor + 2, -sign
        return total

    pi = 4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239))
    fraction = (pi >> guard) & ((1 << words * 32) - 1)
    return tuple(fraction >> 32 * (words - 1 - at) & _MASK for at in range(words))


class Blowfish:
    """The cipher under one key of 4 to 56 bytes."""

    def __init__(self, key: bytes) -> None:
        words = list(_digits_of_pi())
        self._p, self._s = words[:18], words[18:]
        for at in range(_ROUNDS + 2):
            word = 0
            for place in range(4):
                word = word << 8 | key[(at * 4 + place) % len(key)]
            self._p[at] ^= word
        left = right = 0
        for table in (self._p, self._s):
            for at in range(0, len(table), 2):
                left, right = self._encrypted(left, right)
                table[at], table[at + 1] = left, right

    def _mixed(self, word: int) -> int:
        s = self._s
        first = s[word >> 24] + s[256 + (word >> 16 & 255)]
        return ((first ^ s[512 + (word >> 8 & 255)]) + s[768 + (word & 255)]) & _MASK

    def _encrypted(self, left: int, right: int) -> tuple[int, int]:
        for at in range(_ROUNDS):
            left ^= self._p[at]
            right ^= self._mixed(left)
            left, right = right, left
        return right ^ self._p[17], left ^ self._p[16]

    def _decrypted(self, left: int, right: int) -> tuple[int, int]:
        for at in range(_ROUNDS + 1, 1, -1):
            left ^= self._p[at]
            right ^= self._mixed(left)
            left, right = right, left
        return right ^ self._p[0], left ^ self._p[1]

    def encrypt(self, plain: bytes) -> bytes:
        """Encrypt and pad."""
        missing = _BLOCK - len(plain) % _BLOCK
        plain += bytes([missing]) * missing
        return b"".join(self._block(plain[at : at + _BLOCK], "encrypt") for at in range(0, len(plain), _BLOCK))

    def decrypt(self, secret: bytes) -> bytes:
        """Decrypt and drop the padding.

        Raises
        ------
        ValueError
            The text was not made by this cipher under this key.
        """
        if not secret or len(secret) % _BLOCK:
            raise ValueError("not whole blocks")
        plain = b"".join(self._block(secret[at : at + _BLOCK], "decrypt") for at in range(0, len(secret), _BLOCK))
        missing = plain[-1]
        if not 1 <= missing <= _BLOCK or plain[-missing:] != bytes([missing]) * missing:
            raise ValueError("wrong padding")
        return plain[:-missing]

    def _block(self, block: bytes, way: str) -> bytes:
        left, right = int.from_bytes(block[:4], "big"), int.from_bytes(block[4:], "big")
        left, right = self._encrypted(left, right) if way == "encrypt" else self._decrypted(left, right)
        return (left << 32 | right).to_bytes(_BLOCK, "big")


@lru_cache(maxsize=16)
def cipher(key: bytes) -> Blowfish:
    """The cipher under a key, kept, since making it takes long."""
    return Blowfish(key)
