"""Codes: what leaves the submitter's side instead of a person's data. Slow on purpose, so that nobody tries out all people."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from invivo import subjects
from invivo.errors import Conflict, Invalid

RULES = subjects.guid_rules()
MAY_BE_EMPTY = frozenset({"middle_name"})


class OtherVersion(Conflict):
    """The archive computes codes in another way than this invivo."""

    code = "guid.version"


@dataclass(frozen=True, slots=True)
class Parameters:
    """What an archive says about codes: the version of the rules, its salt, and how slow it is."""

    version: int
    salt: bytes
    iterations: int


def parameters_of(told: Mapping[str, Any]) -> Parameters:
    """Read an archive's parameters.

    Raises
    ------
    OtherVersion
        They are not of the rules that this invivo knows, or are weaker than these rules say.
    """
    names = ("version", "function", "hash", "iterations", "code_bytes", "combinations")
    if any(told.get(name) != RULES[name] for name in names):
        raise OtherVersion("The archive makes codes by other rules than this invivo; install the version that it runs.")
    try:
        salt = bytes.fromhex(str(told.get("salt", "")))
    except ValueError:
        salt = b""
    if not 16 <= len(salt) <= 64:
        raise Invalid("The archive gave no usable salt for codes.", code="guid.salt")
    return Parameters(RULES["version"], salt, RULES["iterations"])


def messages_of(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the text of each combination of which all fields are there."""
    found = {}
    for name, parts in RULES["combinations"].items():
        if all(fields.get(part) or (part in MAY_BE_EMPTY and part in fields) for part in parts):
            lines = [f"invivo-guid-{RULES['version']}", name, *(f"{part}={fields[part]}" for part in parts)]
            found[name] = "\n".join(lines)
    return found


def codes_of(fields: Mapping[str, str], parameters: Parameters) -> dict[str, str]:
    """Return the codes of a person: PBKDF2-HMAC-SHA512 of each combination, hexadecimal; about 0.4 s each.

    Parameters
    ----------
    fields : mapping
        What `person_of` returned, without problems.
    """
    return {
        name: hashlib.pbkdf2_hmac(
            "sha512", text.encode(), parameters.salt, parameters.iterations, RULES["code_bytes"]
        ).hex()
        for name, text in messages_of(fields).items()
    }
