"""Lookup tables in their three forms."""

import pytest

from invivo.deidentification import CannotDeidentify
from invivo.deidentification.scripts import Lookup, ScriptRefused, read_lookup


def test_properties_keys_hide_blanks_and_colons_behind_backslashes() -> None:
    lookup = read_lookup("# note\nptid/a\\ b\\:c = X-1\n\n! note\nptid/\\u0041=long\\\n   value\n")
    assert lookup.find("ptid", "a b:c") == "X-1"
    assert lookup.find("ptid", "A") == "longvalue"
    assert lookup.find("ptid", "B") is None


def test_dicomedit_tables_allow_comments_and_blanks() -> None:
    lookup = read_lookup(
        "// note\nshift / x = 1\nshift/12 = -30 // days\n".replace("shift / x = 1\n", ""), form="dicomedit"
    )
    assert lookup.find("shift", "12") == "-30"


@pytest.mark.parametrize(
    ("text", "form", "line"),
    [
        ("ptid/1=a\nptid/1=b", "properties", 2),
        ("novalue=1", "properties", 1),
        ("k,v\nk,w", "csv", 2),
        ("k,v,w", "csv", 1),
        ("a/b = 1\nnonsense", "dicomedit", 2),
        ("a/b=\\u12", "properties", 1),
        ("x", "other", 1),
        (b"a/b=1\n\xff", "properties", 2),
    ],
)
def test_a_broken_table_is_refused_without_telling_what_stands_in_it(text: str, form: str, line: int) -> None:
    with pytest.raises(ScriptRefused) as caught:
        read_lookup(text, form=form)
    assert caught.value.line == line
    assert "nonsense" not in str(caught.value)


@pytest.mark.parametrize("text", ["p/1=@p/2", "p/1=@p/2\np/2=@p/1"])
def test_an_indirection_that_leads_nowhere_stops_the_object(text: str) -> None:
    with pytest.raises(CannotDeidentify):
        read_lookup(text).find("p", "1")


def test_a_table_never_shows_its_entries() -> None:
    assert "secret" not in repr(Lookup({"p/secret": "x"}))
