"""The cipher against its author's published vectors."""

import pytest

from invivo.deidentification.scripts.blowfish import Blowfish


@pytest.mark.parametrize(
    ("key", "plain", "secret"),
    [
        ("0000000000000000", "0000000000000000", "4ef997456198dd78"),
        ("ffffffffffffffff", "ffffffffffffffff", "51866fd5b85ecb8a"),
        ("0123456789abcdef", "1111111111111111", "61f9c3802281b096"),
    ],
)
def test_the_published_vectors_hold(key: str, plain: str, secret: str) -> None:
    assert Blowfish(bytes.fromhex(key)).encrypt(bytes.fromhex(plain))[:8].hex() == secret


def test_decryption_brings_back_and_refuses_the_wrong_key() -> None:
    secret = Blowfish(b"one key").encrypt(b"thirteen byte")
    assert Blowfish(b"one key").decrypt(secret) == b"thirteen byte"
    with pytest.raises(ValueError, match="padding"):
        Blowfish(b"another").decrypt(secret)
