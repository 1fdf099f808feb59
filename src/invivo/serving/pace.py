"""How much one account, or one address without an account, may ask for: requests a minute, and bytes a day.

A process counts for itself, in memory: a restart begins anew. What is refused says when to come again.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from math import ceil

MOST_KEPT = 50_000
DAY_S = 86_400.0
IPV6_SITE = 64  # bits; one site has so many addresses that each would be a new asker
# Doors that give away files; the others are counted as requests alone.
TAKEN_FROM = (
    "/dicom-web/",
    "/wado",
    "/files/",
    "/series/",
    "/studies/",
    "/collections/",
    "/cart/",
    "/download",
    "/index/",
)
_ASKED = ("/studies", "/series", "/instances", "/metadata", ".json")  # what is told about files, not files


@dataclass(slots=True)
class _Asker:
    left: float
    at: float
    since: float
    size_bytes: int = 0


class Pace:
    """Counts what each asks for.

    Parameters
    ----------
    per_minute : int
        Requests that one may ask a minute, all at once or one after the other; 0: any number.
    bytes_per_day : int
        Bytes that one may take in a day; what is on its way when they are spent is not broken off. 0: any number.
    """

    def __init__(self, per_minute: int, bytes_per_day: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._bytes_per_day = bytes_per_day
        self._clock = clock
        self._askers: OrderedDict[str, _Asker] = OrderedDict()
        self.is_on = per_minute > 0 or bytes_per_day > 0

    def wait_s(self, who: str, path: str) -> int:
        """Count a request; return 0, or after how many seconds it may be asked again."""
        asker, now = self._asker(who), self._clock()
        if self._bytes_per_day and asker.size_bytes >= self._bytes_per_day and _is_taking(path):
            return max(1, ceil(asker.since + DAY_S - now))
        if not self._per_minute:
            return 0
        a_second = self._per_minute / 60
        asker.left = min(self._per_minute, asker.left + (now - asker.at) * a_second)
        asker.at = now
        if asker.left < 1:
            return max(1, ceil((1 - asker.left) / a_second))
        asker.left -= 1
        return 0

    def took(self, who: str, path: str, size_bytes: int) -> None:
        """Count bytes of an answer."""
        if self._bytes_per_day and _is_taking(path):
            self._asker(who).size_bytes += size_bytes

    def _asker(self, who: str) -> _Asker:
        now = self._clock()
        asker = self._askers.get(who)
        if asker is None:
            asker = self._askers[who] = _Asker(float(self._per_minute), now, now)
            if len(self._askers) > MOST_KEPT:
                self._askers.popitem(last=False)
        else:
            self._askers.move_to_end(who)
        if now - asker.since >= DAY_S:
            asker.since, asker.size_bytes = now, 0
        return asker


def _is_taking(path: str) -> bool:
    return path.startswith(TAKEN_FROM) and not path.endswith(_ASKED)


def asker_of(person_id: int | None, address: str) -> str:
    """Name who asks: an account, else an address; of IPv6 the whole site."""
    if person_id is not None:
        return f"person:{person_id}"
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(int(found) >> IPV6_SITE) if isinstance(found, IPv6Address) else address
