"""How fast a download goes: never above a limit, waiting when the archive asks for it, and ended all at once."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx

from invivo.errors import Conflict, Invalid

TRIES = 6
FIRST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_ASKED_S = 0.5, 15.0, 900.0
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3}
_Got = TypeVar("_Got")


class Stopped(Conflict):
    """The download was ended, by a person or because it could not go on."""

    code = "client.stopped"


class Pace:
    """What all connections of one download share; may be used from many threads.

    Parameters
    ----------
    limit : float, optional
        Bytes a second over all connections; None is as fast as it comes.
    first_pause_s : float
        Pause after the first fault, in seconds; it doubles with each further one.
    """

    def __init__(self, limit: float | None = None, *, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self._limit, self._first_pause_s = limit, first_pause_s
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._free_at = self._rest_until = time.monotonic()
        self.reason = ""

    def stop(self, reason: str) -> None:
        """End it: whoever waits or spends next gets `Stopped`."""
        self.reason = self.reason or reason
        self._ended.set()

    def spend(self, size_bytes: int) -> None:
        """Note bytes that came, and wait until the limit allows more; raises Stopped."""
        pause = 0.0
        if self._limit:
            with self._lock:
                self._free_at = max(self._free_at, time.monotonic()) + size_bytes / self._limit
                pause = self._free_at - time.monotonic()
        self.sleep(pause)

    def rest(self, seconds: float) -> None:
        """Let all connections wait, as an archive asks with Retry-After."""
        with self._lock:
            self._rest_until = max(self._rest_until, time.monotonic() + seconds)

    def wait(self) -> None:
        """Wait for the end of a rest; raises Stopped."""
        self.sleep(self._rest_until - time.monotonic())

    def sleep(self, seconds: float) -> None:
        """Sleep unless it is ended; raises Stopped."""
        if self._ended.is_set() or (seconds > 0 and self._ended.wait(seconds)):
            raise Stopped(self.reason)

    def persist(self, attempt: Callable[[], _Got], so_far: Callable[[], int] = int) -> _Got:
        """Try until it is done.

        A server or network that fails is tried `TRIES` times with growing pauses. The count begins anew whenever more bytes
        have come, so that a proxy that cuts every minute only costs time.

        Parameters
        ----------
        attempt : callable
            Raises `httpx.HTTPStatusError` or `httpx.TransportError` where it did not succeed.
        so_far : callable
            How many bytes are here.

        Raises
        ------
        Stopped, httpx.HTTPError
            The last fault, where none of the tries got on.
        """
        tries, best = 0, so_far()
        while True:
            self.wait()
            asked: float | None = None
            try:
                return attempt()
            except httpx.HTTPStatusError as error:
                if error.response.status_code not in RETRIED:
                    raise
                fault, asked = error, retry_after(error.response)
            except httpx.TransportError as error:
                fault = error  # type: ignore[assignment]
            tries, best = (1, so_far()) if so_far() > best else (tries + 1, best)
            if tries >= TRIES or (asked or 0) > LONGEST_ASKED_S:
                raise fault
            if asked is not None:
                self.rest(asked)
            else:
                self.sleep(min(self._first_pause_s * 2 ** (tries - 1), LONGEST_PAUSE_S))


def retry_after(answer: httpx.Response) -> float | None:
    """Return how many seconds an answer asks to wait, None if it does not (RFC 9110 10.2.3)."""
    told = answer.headers.get("retry-after", "").strip()
    if told.isdigit():
        return float(told)
    try:
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds()) if told else None
    except (TypeError, ValueError):
        return None


def read_limit(text: str) -> float | None:
    """Read a limit such as ``10M``: bytes a second, with k, M and G as powers of 1000; empty is none.

    Raises
    ------
    Invalid

    Examples
    --------
    >>> read_limit("1.5M")
    1500000.0
    """
    told = text.strip().lower().removesuffix("/s").removesuffix("b")
    if not told:
        return None
    number, unit = (told[:-1], told[-1]) if told[-1] in "kmg" else (told, "")
    try:
        found = float(number) * _UNITS[unit]
    except ValueError:
        found = 0.0
    if not 1 <= found < 1e15:
        raise Invalid("A limit is a number of bytes a second such as 500k, 10M or 1G.", code="download.limit")
    return found
