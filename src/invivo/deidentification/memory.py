"""What became of an element, remembered: most elements of a series are the same, byte for byte, in all its objects.

A memory belongs to one profile, one mapping, one patient's identifiers and one way of writing, so that the same bytes
at the same tag always have the same fate. It is bounded, and holds what a process holds anyway while it cleans.
"""

from dataclasses import dataclass, field
from functools import lru_cache

from invivo.deidentification.element import Element
from invivo.deidentification.identifier import Trace
from invivo.deidentification.mapping import Mapping
from invivo.deidentification.profile import Profile
from invivo.deidentification.report import Action, Doubt
from invivo.deidentification.text import Cleaner

LONGEST_REMEMBERED = 1 << 16
_MOST = 4096
_MOST_BYTES = 16 << 20

Key = tuple[int, str | None, bytes, bytes]
Fate = tuple[Element | None, tuple[Action, ...], tuple[Doubt, ...]]


@dataclass(slots=True)
class Memory:
    """Fates by tag, VR, value and private creator, and the cleaner that belongs to them.

    ``subject`` (label, shift in days) and ``written`` (SOP class, character sets, implicit, little endian) tell one
    memory from another.
    """

    cleaner: Cleaner
    mapping: Mapping
    subject: tuple[str, int]
    written: tuple[str, tuple[str, ...], bool | None, bool | None]
    _fates: dict[Key, Fate] = field(default_factory=dict)
    _bytes: int = 0

    def recall(self, key: Key) -> Fate | None:
        """The fate of these bytes, if they were met before."""
        return self._fates.get(key)

    def keep(self, key: Key, fate: Fate) -> None:
        """Remember a fate; of too many all are forgotten."""
        if len(self._fates) >= _MOST or self._bytes > _MOST_BYTES:
            self._fates.clear()
            self._bytes = 0
        self._bytes += len(key[2])
        self._fates[key] = fate


@lru_cache(maxsize=32)
def memory_of(
    profile: Profile,
    mapping: Mapping,
    traces: tuple[Trace, ...],
    subject: tuple[str, int],
    written: tuple[str, tuple[str, ...], bool | None, bool | None],
) -> Memory:
    """The memory for objects of a profile and mapping with the same identifiers, SOP class and way of writing."""
    shift_days = subject[1] if "retain_modified_dates" in profile.options else None
    cleaner = Cleaner(traces, keeps_dates="retain_full_dates" in profile.options, shift_days=shift_days)
    return Memory(cleaner, mapping, subject, written)
