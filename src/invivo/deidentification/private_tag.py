"""What may happen to private elements: the strictest word of four lists (CTP, TCIA twice, the standard's own)."""

import csv
import io
from dataclasses import dataclass
from functools import cache

from invivo.deidentification.table import text_of

# From the strictest to the most lenient. R (review) needs a person, so here it means remove, unless the standard calls
# the element safe: that is the review. F is CTP's own function.
_ORDER = {"X": 0, "R": 0, "F": 0, "Z": 1, "H": 2, "O": 3, "KB": 4, "K3": 5, "K": 5, "Y": 5}


@dataclass(frozen=True, slots=True)
class Disposition:
    """Fate of a private element: X remove, Z empty, H new UID, O shift the date, KB keep after a check, K keep."""

    code: str
    vr: str


@cache
def _dispositions() -> dict[tuple[int, str, int], Disposition]:
    found: dict[tuple[int, str, int], Disposition] = {}
    for line in csv.DictReader(io.StringIO(text_of("private_tags.csv"))):
        words = [line[column] for column in ("ctp", "tcia_kb", "tcia_2025", "std_safe") if line[column]]
        if "Y" in words:
            words = [word for word in words if word != "R"]
        if words:
            key = (int(line["group"], 16), line["creator"].strip().upper(), int(line["element"], 16))
            _settle(found, key, words, line["vr"])
    for line in csv.DictReader(io.StringIO(text_of("safe_private.csv"))):
        key = (int(line["group"], 16), line["creator"].strip().upper(), int(line["element"][2:], 16))
        _settle(found, key, ["Y"], line["vr"])
    return found


def _settle(
    found: dict[tuple[int, str, int], Disposition], key: tuple[int, str, int], words: list[str], vr: str
) -> None:
    known = found.get(key)
    ranked = sorted([*words, *([known.code] if known else [])], key=lambda word: _ORDER.get(word, 0))
    code = {0: "X", 5: "K"}.get(_ORDER.get(ranked[0], 0), ranked[0])
    found[key] = Disposition(code, (known.vr if known else "") or vr)


def disposition(group: int, creator: str, element: int) -> Disposition | None:
    """Fate of the element ``element`` (low byte) in the block that ``creator`` reserved; None when no list knows it.

    Parameters
    ----------
    group : int
        Odd group number.
    creator : str
        Private creator as it stands in the object; case and outer spaces do not matter.
    element : int, 0 to 255
        Low byte of the element number.
    """
    return _dispositions().get((group, creator.strip().upper(), element & 0xFF))
