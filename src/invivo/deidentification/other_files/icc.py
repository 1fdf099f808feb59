"""Colour profiles: only the well-known ones stay, because a screen's own profile is often called after its owner."""

import re

from invivo.deidentification.other_files.wording import Wording

LARGEST_PROFILE_BYTES = 4 << 20
_KNOWN = re.compile(
    r"sRGB|Adobe RGB|Display P3|ProPhoto|ROMM|Apple RGB|Gray Gamma|Dot Gain|Generic (?:RGB|Gr[ae]y|CMYK)|SWOP|FOGRA"
    r"|ISO Coated|Rec\.? ?(?:709|2020)|c2ci"
)
_RUN = re.compile(rb"[\x20-\x7e\xa0-\xff]{4,}")


def may_stay(profile: bytes, wording: Wording) -> bool:
    """Tell whether a colour profile is one of the well-known and holds nobody's name."""
    if not 132 <= len(profile) <= LARGEST_PROFILE_BYTES or profile[36:40] != b"acsp":
        return False
    if int.from_bytes(profile[:4], "big") != len(profile):
        return False
    described = _described(profile)
    if described is None or not _KNOWN.search(described):
        return False
    texts = [run.decode("latin-1") for run in _RUN.findall(profile)]
    texts += [run.decode("latin-1") for run in _RUN.findall(profile.replace(b"\0", b""))]
    return not any(wording.cleaner.finds(text) for text in texts) and not wording.cleaner.stands_in_bytes(profile)


def _described(profile: bytes) -> str | None:
    """The profile's own description."""
    count = min(int.from_bytes(profile[128:132], "big"), 200)
    for number in range(count):
        entry = profile[132 + 12 * number : 144 + 12 * number]
        if entry[:4] == b"desc":
            start, size = int.from_bytes(entry[4:8], "big"), int.from_bytes(entry[8:12], "big")
            return profile[start : start + min(size, 512)].replace(b"\0", b"").decode("latin-1")
    return None
