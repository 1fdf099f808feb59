"""Whether the value of an attribute fits a key: for what the database has no column of.

References
----------
DICOM PS3.4 C.2.2.2.
"""

import re
from fnmatch import translate
from functools import lru_cache
from typing import Any

from invivo.protocols.dimse.identifier import Json, Key, Keys

_RANGES = frozenset({"DA", "TM", "DT"})
_PLAIN = frozenset({"UI", "AT", "US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "IS", "DS", *_RANGES})
_NUMERIC = frozenset({"US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "IS", "DS"})
_LATEST = "9" * 20


@lru_cache(512)
def _pattern(text: str) -> re.Pattern[str]:
    """A wildcard as a pattern that tries no place twice: of stars in a row each takes the first place that fits."""
    return re.compile(translate(re.sub(r"\*+", "*", text).replace("[", "[[]")))


def fits(keys: Keys, json: Json) -> bool:
    """Return whether a data set fits every key."""
    return all(key.is_universal or _fits(key, json.get(f"{key.tag:08X}")) for key in keys.values())


def _fits(key: Key, entry: Json | None) -> bool:
    found = (entry or {}).get("Value") or []
    if key.vr == "SQ":
        return any(fits(item, one) for item in key.items for one in found if isinstance(one, dict))
    vr = (entry or {}).get("vr", key.vr)
    values = [text for one in found for text in _texts(one)]
    return any(_one_fits(vr, asked, value) for asked in key.values for value in values)


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [str(part) for part in value.values() if part]
    return [] if value is None else [str(value).strip()]


def _one_fits(vr: str, asked: str, value: str) -> bool:
    if vr in _NUMERIC:
        try:
            return float(asked) == float(value)
        except ValueError:
            return False
    if vr in _RANGES and "-" in asked:
        low, _, high = (part.strip().replace(".", "").replace(":", "") for part in asked.partition("-"))
        bare = value.replace(".", "").replace(":", "")
        return low <= bare and (not high or bare <= high + _LATEST[len(high) :])
    if vr == "PN":
        asked, value = asked.casefold().rstrip("^= "), value.casefold().rstrip("^= ")
    if vr not in _PLAIN and ("*" in asked or "?" in asked):
        return _pattern(asked).fullmatch(value) is not None
    return asked == value
