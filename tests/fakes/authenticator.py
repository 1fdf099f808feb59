"""A security key in software (W3C Web Authentication, level 2): one pair of keys, a counter, no attestation."""

import base64
import hashlib
import json
import secrets
import struct
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class SecurityKey:
    """What a browser and a key do together at one origin."""

    def __init__(self, origin: str) -> None:
        self.origin, self.counter = origin, 0
        self.credential_id = secrets.token_bytes(32)
        self._key = ec.generate_private_key(ec.SECP256R1())

    def _client_data(self, kind: str, question: dict[str, Any]) -> bytes:
        return json.dumps({"type": kind, "challenge": question["challenge"], "origin": self.origin}).encode()

    def _authenticator_data(self, host: str, flags: int, more: bytes = b"") -> bytes:
        self.counter += 1
        return hashlib.sha256(host.encode()).digest() + bytes([flags]) + struct.pack(">I", self.counter) + more

    def create(self, question: str) -> str:
        asked = json.loads(question)
        numbers = self._key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + cbor2.dumps(public)
        data = self._authenticator_data(asked["rp"]["id"], 0x45, attested)
        made = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        parts = {"clientDataJSON": _text(self._client_data("webauthn.create", asked)), "attestationObject": _text(made)}
        return self._written(parts)

    def get(self, question: str) -> str:
        asked = json.loads(question)
        data, client = self._authenticator_data(asked["rpId"], 0x05), self._client_data("webauthn.get", asked)
        signature = self._key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        parts = {"clientDataJSON": client, "authenticatorData": data, "signature": signature}
        return self._written({name: _text(raw) for name, raw in parts.items()})

    def _written(self, parts: dict[str, str]) -> str:
        name = _text(self.credential_id)
        return json.dumps(
            {"id": name, "rawId": name, "type": "public-key", "response": parts, "clientExtensionResults": {}}
        )
