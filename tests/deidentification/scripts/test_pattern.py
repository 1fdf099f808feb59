"""Java's regular expressions in Python's clothes."""

from time import perf_counter

import pytest

from invivo.deidentification.report import CannotDeidentify
from invivo.deidentification.scripts.pattern import BadPattern, compile_pattern, replacement_of


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (r"\p{Upper}+\d", "AB1", True),
        (r"[\p{Alpha}_]+", "a_B", True),
        (r"\Qa.b\E.", "a.bc", True),
        (r"(?<y>\d)\k<y>", "11", True),
        (r"\d+", "١", False),
        (r"(?i)abc", "ABC", True),
        (r"(?>a+)b", "aab", True),
        (r".*[Dd]ose [Rr]eport.*", "the Dose Report", True),
        (r"(ab|cd)*", "abcd", True),
        (r"(\d{1,3}\.){3}\d{1,3}", "10.0.0.255", True),
    ],
)
def test_java_patterns_match_as_in_java(pattern: str, text: str, matches: bool) -> None:
    assert compile_pattern(pattern).matches(text) is matches


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+", "(a*)*b", "(a|a)*", "(a|ab)*", "((a{2,9})*)*", "(", "[a[b]]", "[a&&b]", r"\p{L}", r"\R", "a{,3}", "x" * 2000,
     ".*" * 12, r"(?P<a>b)", r"\G", "(.*a){20}", "(a?a?)*b", "a?" * 40 + "a" * 40, "(a|a)" * 40, "(a{1,9}){9}"],
)  # fmt: skip
def test_what_is_slow_or_means_something_else_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        compile_pattern(pattern)


def test_a_text_too_long_for_a_pattern_stops_the_object_instead_of_the_machine() -> None:
    pattern = compile_pattern(".*a.*b.*c.*d")
    began = perf_counter()
    assert not pattern.matches("a" * 80)
    with pytest.raises(CannotDeidentify):
        pattern.matches("a" * 10_000)
    assert perf_counter() - began < 2


def test_replacements_know_groups_and_refuse_others() -> None:
    pattern = compile_pattern(r"(?<first>a)(b)")
    assert pattern.replace("xabx", replacement_of(r"$2${first}\$", pattern)) == "xba$x"
    for bad in ("$3", "$", "\\", "${none}"):
        with pytest.raises(BadPattern):
            replacement_of(bad, pattern)
