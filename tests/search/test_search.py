"""One compiler: statement and plain Python agree; words, ranges, wildcards; bad questions get clear answers."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invivo import accounts, search
from invivo.archive import Archive
from invivo.errors import Invalid
from tests.factories import make_collection, make_image, publish

ANYBODY = accounts.ANONYMOUS
THICKNESS, MODALITIES, PARTS = (0.5, 2.5, 5), ("CT", "MR"), ("CHEST", "HEAD")


@pytest.fixture(scope="module")
def catalogue(shared: Archive) -> Archive:
    files = [
        make_image(
            SliceThickness=thickness,
            Modality=modality,
            BodyPartExamined=part,
            patient=f"P{number % 3}",
            StudyDate=f"20{number + 10}0102",
        )
        for number, (thickness, modality, part) in enumerate(itertools.product(THICKNESS, MODALITIES, PARTS))
    ]
    publish(shared, make_collection(shared), files)
    return shared


def count(archive: Archive, *pairs: tuple[str, str], level: str = "series") -> int:
    return search.count(archive, ANYBODY, search.parse_pairs(pairs), level)


def test_values_of_one_field_are_alternatives_and_fields_all_hold(catalogue: Archive) -> None:
    assert count(catalogue) == 12
    assert count(catalogue, ("modality", "CT"), ("modality", "MR")) == 12
    assert count(catalogue, ("modality", "CT"), ("body-part", "head")) == 3


@pytest.mark.parametrize(
    ("value", "expected"), [("..2.5", 8), ("2.5..", 8), ("1..4", 4), ("5", 4), ("5 mm", 4), ("0.5..0.5mm", 4)]
)
def test_ranges_of_numbers_understand_their_unit(catalogue: Archive, value: str, expected: int) -> None:
    assert count(catalogue, ("slice-thickness", value)) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("*hest", 6), ("?HEST", 6), ("chest", 6), ("HE", 0), ("*%*", 0), ("*_*", 0)]
)
def test_wildcards_are_those_of_dicom_and_no_others(catalogue: Archive, value: str, expected: int) -> None:
    assert count(catalogue, ("body-part", value)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("chest acme", 12),
        ("chest mr", 6),
        ("che*", 12),
        ("axial", 12),
        ("'; drop table", 0),
        ("head", 6),
    ],
)
def test_text_finds_all_words(catalogue: Archive, text: str, expected: int) -> None:
    assert count(catalogue, ("q", text)) == expected


def test_pages_follow_each_other_without_gap_or_repeat(catalogue: Archive) -> None:
    seen, after = [], 0
    while True:
        page = search.find(catalogue, ANYBODY, search.ALL, after=after, limit=5)
        seen += [row.series_uid for row in page.rows]
        assert page.total == 12
        if page.after is None:
            break
        after = page.after
    assert len(seen) == len(set(seen)) == 12


def test_a_facet_counts_under_all_parts_but_its_own(catalogue: Archive) -> None:
    part = search.parse_pairs([("modality", "CT")])
    found = {facet.name: dict(facet.values) for facet in search.facets(catalogue, ANYBODY, [("modality", part)])}
    assert found["modality"] == {"CT": 6, "MR": 6}
    assert found["body-part"] == {"CHEST": 3, "HEAD": 3}


@pytest.mark.parametrize(
    "pair",
    [
        ("modalty", "CT"),
        ("slice-thickness", "thick"),
        ("study-date", "yesterday"),
        ("series", "x" * 500),
        ("subject", "a\x00b"),
    ],
)
def test_a_malformed_question_is_refused_by_name(catalogue: Archive, pair: tuple[str, str]) -> None:
    with pytest.raises(Invalid, match=pair[0].split("-")[0][:5]):
        count(catalogue, pair)


def test_a_misspelt_field_gets_a_suggestion() -> None:
    with pytest.raises(search.UnknownField, match="Did you mean modality"):
        search.field_named("modalty")


def trees() -> st.SearchStrategy[search.Query]:
    leaf = st.one_of(
        st.sampled_from(MODALITIES).map(lambda value: search.Compare(search.field_named("modality"), "is", (value,))),
        st.sampled_from(PARTS).map(lambda value: search.Compare(search.field_named("body-part"), "is", (value,))),
        st.tuples(st.sampled_from(["", "1", "3"]), st.sampled_from(["", "2.5", "4"])).map(
            lambda ends: search.Compare(search.field_named("slice-thickness"), "range", ends)
        ),
    )
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda parts: search.And(tuple(parts))),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: search.Or(tuple(parts))),
            inner.map(search.Not),
        ),
        max_leaves=6,
    )


def matches(query: search.Query, thickness: float, modality: str, part: str) -> bool:
    if isinstance(query, search.And):
        return all(matches(one, thickness, modality, part) for one in query.parts)
    if isinstance(query, search.Or):
        return any(matches(one, thickness, modality, part) for one in query.parts)
    if isinstance(query, search.Not):
        return not matches(query.part, thickness, modality, part)
    assert isinstance(query, search.Compare)
    if query.operator == "range":
        low, high = query.values
        return (not low or thickness >= float(low)) and (not high or thickness <= float(high))
    return {"modality": modality, "body-part": part}[query.field.name] in query.values


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=trees())
def test_the_statement_finds_what_plain_python_finds(catalogue: Archive, query: search.Query) -> None:
    expected = sum(matches(query, *row) for row in itertools.product(THICKNESS, MODALITIES, PARTS))
    assert search.count(catalogue, ANYBODY, query) == expected
    assert search.find(catalogue, ANYBODY, query, limit=100).total == expected


@pytest.mark.parametrize("level", search.LEVELS)
def test_every_level_counts_what_it_lists(catalogue: Archive, level: str) -> None:
    page = search.find(catalogue, ANYBODY, search.ALL, level)
    assert page.total == len(page.rows) == {"series": 12, "study": 12, "subject": 3, "collection": 1}[level]
    assert sum(row.instance_count for row in page.rows) == 12
