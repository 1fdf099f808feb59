"""Robots, tools and people are told apart by the names of their programs."""

import pytest

from invivo import usage


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0) AppleWebKit/605.1.15 Safari/605.1.15", "person"),
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "robot"),
        ("Mozilla/5.0 AppleWebKit/537.36 (compatible; GPTBot/1.2)", "robot"),
        ("curl/8.5.0", "machine"),
        ("python-requests/2.31.0", "machine"),
        ("DIMSE STORESCU", "machine"),
        ("", "machine"),
    ],
)
def test_programs_are_what_they_are(agent: str, kind: str) -> None:
    assert usage.kind_of(agent) == kind


def test_an_archive_may_know_further_robots() -> None:
    assert usage.kind_of("OurOwnChecker/1", ("ourownchecker",)) == "robot"
