"""Queries as groups and conditions, and back."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invivo import search

TEXTS = (
    "chest modality:CT slice-thickness<1.5mm sex:F age>60",
    '(lung or "ground glass") and not (modality:SR or modality:KO)',
    "modality:(CT or MR) body-part!=HEAD contrast:none",
    "subject with (modality:CT and slice-thickness<1mm) and subject with (modality:PT) and time-points>=2",
    "modality:CT and not study with (modality:SEG)",
    "description:*post* study-date:2004..2005-06 size>2GB EchoTime<=20ms",
    'AnatomicRegionSequence.CodeMeaning:*lung* "GEMS_ACQU_01".0019xx02>500',
    'subject:"2*CT" or subject:="a*b"',
    "",
)


@pytest.mark.parametrize("text", TEXTS)
def test_a_query_outlined_and_written_again_means_the_same(text: str) -> None:
    query = search.read(text)
    shown = json.loads(json.dumps(search.outline(query)))
    written, faults = search.text_of_outline(shown)
    assert faults == []
    if "=" not in text or ":=" not in text:  # a form has no box for a star to the letter
        assert search.read(written) == query


def test_what_is_not_filled_in_is_left_out_and_what_is_wrong_is_named_at_its_place() -> None:
    tree = {
        "kind": "all",
        "parts": [
            {"kind": "field", "field": "modality", "operator": "is", "values": ["ct"]},
            {"kind": "field", "field": "", "operator": "is", "values": ["x"]},
            {
                "kind": "any",
                "parts": [{"kind": "field", "field": "slice-thickness", "operator": "<", "values": ["thin"]}],
            },
            {"kind": "field", "field": "slice-thicknes", "operator": "<", "values": ["1"]},
            {"kind": "field", "field": "kvp", "operator": "<", "values": ["3 mm"]},
            {"kind": "text", "text": "", "is_phrase": False},
        ],
    }
    text, faults = search.text_of_outline(tree)
    assert text == "modality:CT"
    assert [one.path for one in faults] == [(2, 0), (3,), (4,)]
    assert "slice-thickness" in faults[1].message


@pytest.mark.parametrize(
    "tree",
    [None, 3, {}, {"kind": "all"}, {"kind": "all", "parts": [1]}, {"kind": "with", "level": "planet", "part": {}}],
)
def test_what_is_no_outline_is_refused(tree: Any) -> None:
    with pytest.raises(search.BadQuery):
        search.text_of_outline(tree)


def test_a_deep_or_large_outline_is_refused() -> None:
    deep: dict[str, Any] = {"kind": "text", "text": "a"}
    for _ in range(200):
        deep = {"kind": "not", "part": deep}
    with pytest.raises(search.BadQuery):
        search.text_of_outline(deep)
    with pytest.raises(search.BadQuery):
        search.text_of_outline({"kind": "all", "parts": [{"kind": "text", "text": "a"}] * 3000})


@given(st.text(max_size=40), st.sampled_from(["is", "is-not", "like", "<", "between", "has"]), st.text(max_size=40))
@settings(max_examples=300, deadline=None)
def test_whatever_stands_in_a_box_is_a_value_or_a_fault(name: str, operator: str, value: str) -> None:
    for field in (name, "description", "kvp", "study-date"):
        tree = {"kind": "field", "field": field, "operator": operator, "values": [value]}
        try:
            text, _ = search.text_of_outline(tree)
        except search.BadQuery:
            continue
        found = search.read(text)
        assert found == search.ALL or isinstance(found, search.Compare | search.Not | search.And | search.Or)
