"""The pace of a download: limits, rests, tries, and an end."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from invivo.client import Pace, Stopped, read_limit
from invivo.client.pace import TRIES, retry_after
from invivo.errors import Invalid


def failing(status: int, **headers: str) -> httpx.HTTPStatusError:
    answer = httpx.Response(status, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return httpx.HTTPStatusError("", request=httpx.Request("GET", "http://x"), response=answer)


@pytest.mark.parametrize(
    ("text", "found"), [("", None), ("500", 500), ("500k", 5e5), ("10M", 1e7), ("1.5MB/s", 1.5e6), ("1G", 1e9)]
)
def test_limits_are_read(text: str, found: float | None) -> None:
    assert read_limit(text) == found


@pytest.mark.parametrize("text", ["fast", "-1", "0", "1e99", "nan", "M"])
def test_limits_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        read_limit(text)


def test_a_fault_is_tried_again_and_again_only_while_nothing_moves() -> None:
    tried = [0]

    def attempt() -> int:
        tried[0] += 1
        raise httpx.ReadError("x")

    with pytest.raises(httpx.ReadError):
        Pace(first_pause_s=0.001).persist(attempt)
    assert tried[0] == TRIES
    tried[0] = 0
    with pytest.raises(httpx.ReadError):
        Pace(first_pause_s=0.001).persist(attempt, lambda: min(tried[0], 20))
    assert tried[0] > 20


def test_what_is_no_passing_fault_is_not_tried_again() -> None:
    with pytest.raises(httpx.HTTPStatusError):
        Pace().persist(lambda: (_ for _ in ()).throw(failing(404)))


def test_an_end_wakes_whoever_waits() -> None:
    pace = Pace()
    pace.rest(1000)
    pace.stop("enough")
    with pytest.raises(Stopped, match="enough"):
        pace.wait()


def test_both_forms_of_retry_after_are_read() -> None:
    assert retry_after(failing(429, retry_after="7").response) == 7
    later = retry_after(failing(429, retry_after=format_datetime(datetime.now(UTC) + timedelta(seconds=60))).response)
    assert later is not None
    assert 50 < later <= 60
    assert retry_after(failing(429, retry_after="soon").response) is None
