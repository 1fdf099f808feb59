"""The columns in memory answer what the database answers, for everybody, and are never older than the question."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import connect

from invivo import accounts, collections, images, releases, search
from invivo.archive import Archive, make_folders, open_archive, read_key
from invivo.database import Postmaster
from invivo.search import column, keeper, result
from invivo.settings import read_settings
from tests.factories import SYSTEM, actor_named, make_collection, make_image, make_person, publish

ANYBODY = accounts.ANONYMOUS
LEVELS = ("series", "study", "subject")
DESCRIPTIONS = ("T1_MPRAGE-sag", "t1 mprage", "Axial 5.0 mm", "Übersicht %", "a*b?c", "")


def files_of(first: int, count: int = 12) -> list[bytes]:
    return [
        make_image(
            Modality=("CT", "MR", "PT")[number % 3],
            BodyPartExamined=("CHEST", "head", "Head", "")[number % 4],
            SliceThickness=(0.5, 2.5, 5)[number % 3] if number % 5 else None,
            SeriesDescription=DESCRIPTIONS[number % 6],
            StudyDescription=("Lung screening", "Follow-up, 2nd", "")[number % 3],
            Manufacturer=("ACME", "Acme", "Siemens Healthineers")[number % 3],
            StudyDate=f"20{10 + number % 7}0102",
            patient=f"P{number % 5}",
        )
        for number in range(first, first + count)
    ]


@pytest.fixture(scope="module")
def catalogue(postmaster: Postmaster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """An archive whose columns are held, with things that not everybody may see."""
    admin = postmaster.dsn.replace("dbname=invivo", "dbname=postgres")
    with connect(admin, autocommit=True) as tx:
        tx.execute("create database columns template invivo")
    home = tmp_path_factory.mktemp("columns")
    make_folders(home)
    read_key(home, may_make=True)
    dsn = postmaster.dsn.replace("dbname=invivo", "dbname=columns")
    archive = open_archive(read_settings(home, limits={"free_bytes": 0}), dsn, "invivo_staff")
    publish(archive, make_collection(archive, "OPEN-1"), files_of(0))
    publish(archive, make_collection(archive, "SECRET", access="private"), files_of(5, 4))
    own = make_collection(archive, "OWN", access="private")
    publish(archive, own, files_of(7, 5))
    collections.add_member(archive, SYSTEM, own.id, make_person(archive, "ada").id, "member")
    keeper.read_now(archive)
    yield archive
    archive.database.close()


def in_database(archive: Archive, actor: accounts.Actor, query: search.Query, level: str) -> tuple[list[int], int]:
    """Ask the database alone."""
    found = result._rows(archive, actor, query, level, {"after": 0, "offset": 0, "limit": 1000})
    return [row.place for row in found], len(found)


def in_memory(archive: Archive, actor: accounts.Actor, query: search.Query, level: str) -> tuple[list[int], int]:
    assert keeper.seen_by(archive, actor) is not None
    page = search.find(archive, actor, query, level, limit=1000)
    return [row.place for row in page.rows], page.total


NO_VALUES: st.SearchStrategy[tuple[str, ...]] = st.just(())


def compares(
    names: str, operator: str, values: st.SearchStrategy[tuple[str, ...]] = NO_VALUES
) -> st.SearchStrategy[search.Query]:
    """Comparisons of some fields."""
    fields = st.sampled_from(names.split()).map(search.field_named)
    return st.builds(search.Compare, fields, st.just(operator), values)


def one_of(*values: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.sampled_from(values).map(lambda value: (value,))


def leaf() -> st.SearchStrategy[search.Query]:
    words = st.sampled_from("t1 mprage lung open 2nd über* 5 mm acm* screening p".split())
    phrases = st.sampled_from(["lung screening", "t1 mprage", "follow up", "mprage t1", "up 2n*"])
    ends = st.tuples(st.sampled_from(["", "0.5", "2.5"]), st.sampled_from(["", "2.5", "4"]))
    days = st.tuples(st.sampled_from(["", "2001-01-01", "2012-06-01"]), st.sampled_from(["", "2014-01-01"]))
    return st.one_of(
        compares("modality body-part manufacturer description", "is", one_of("CT", "head", "ACME", "Axial 5.0 mm")),
        compares("body-part description subject model", "like", one_of("*e*", "?e*", "*m", "t1*a*", "*%*", "*", "c?*")),
        compares("body-part slice-thickness study-date description contrast quality accession", "empty"),
        compares("body-part slice-thickness study-date description contrast quality accession", "has"),
        compares("slice-thickness", "range", ends),
        compares("study-date", "range", days),
        compares("time-points", "range", st.sampled_from([("2", ""), ("1", "2"), ("", "1")])),
        compares("accession", "is", one_of("A1", "none")),
        st.lists(words, min_size=1, max_size=2).map(lambda some: search.Text(" ".join(some))),
        phrases.map(lambda text: search.Text(text, is_phrase=True)),
    )


def trees() -> st.SearchStrategy[search.Query]:
    return st.recursive(
        leaf(),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda parts: search.And(tuple(parts))),
            st.lists(inner, max_size=3).map(lambda parts: search.Or(tuple(parts))),
            inner.map(search.Not),
            st.tuples(st.sampled_from(["subject", "study"]), inner).map(lambda one: search.Having(*one)),
        ),
        max_leaves=6,
    )


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=trees(), level=st.sampled_from(LEVELS), who=st.sampled_from(["nobody", "ada", "system"]))
def test_memory_and_database_find_the_same(catalogue: Archive, query: search.Query, level: str, who: str) -> None:
    actor = {"nobody": ANYBODY, "system": SYSTEM}.get(who) or actor_named(catalogue, "ada")
    assert in_memory(catalogue, actor, query, level) == in_database(catalogue, actor, query, level)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=trees())
def test_a_facet_counts_what_a_search_for_its_value_finds(catalogue: Archive, query: search.Query) -> None:
    for facet in search.facets(catalogue, ANYBODY, [("q", query)], limit=100):
        field = search.field_named(facet.name)
        assert list(facet.values) == result._values(catalogue, ANYBODY, field, search.And((query,)), 100)
        for value, number in facet.values:
            exact = replace(field, kind="text")
            chosen = search.And((query, search.Compare(exact, "is", (value,))))
            assert search.count(catalogue, ANYBODY, chosen) == number


def test_pages_follow_each_other_without_gap_or_repeat(catalogue: Archive) -> None:
    for level in LEVELS:
        whole, total = in_memory(catalogue, SYSTEM, search.ALL, level)
        seen: list[int] = []
        after: int | None = 0
        while after is not None:
            page = search.find(catalogue, SYSTEM, search.ALL, level, after=after, limit=4)
            assert page.total == total
            seen, after = seen + [row.place for row in page.rows], page.after
        assert seen == whole


def test_nothing_hidden_is_counted_for_who_may_not_see_it(catalogue: Archive) -> None:
    counted = {
        who: search.count(catalogue, actor, search.ALL)
        for who, actor in (("nobody", ANYBODY), ("ada", actor_named(catalogue, "ada")), ("system", SYSTEM))
    }
    assert counted == {"nobody": 12, "ada": 17, "system": 21}
    hidden = search.Having("subject", search.parse_pairs([("collection", "SECRET")]))
    assert search.count(catalogue, ANYBODY, hidden) == 0


def first_uid(archive: Archive, one: collections.Collection) -> str:
    query = search.parse_pairs([("collection", one.short_name)])
    return str(search.find(archive, SYSTEM, query, limit=1).rows[0].series_uid)


def changed_policy(archive: Archive, one: collections.Collection) -> None:
    draft = collections.Draft(one.short_name, "Another title", access="private")
    collections.edit(archive, SYSTEM, one.id, draft)


CHANGES: list[Callable[[Archive, collections.Collection], object]] = [
    lambda archive, one: publish(archive, one, files_of(30, 3)),
    lambda archive, one: releases.withdraw(archive, SYSTEM, one.id, first_uid(archive, one), "other", "It is wrong."),
    lambda archive, one: images.mark_series(
        archive, SYSTEM, one.id, [images.Wanted(first_uid(archive, one), "usable")]
    ),
    changed_policy,
]


@pytest.mark.parametrize("query", [search.ALL, search.Text("acme")])
def test_an_answer_is_never_older_than_the_question(archive: Archive, query: search.Query) -> None:
    one = make_collection(archive, "MOVING")
    publish(archive, one, files_of(0, 4))
    keeper.read_now(archive)
    for change in CHANGES:
        change(archive, one)
        for actor in (ANYBODY, SYSTEM):
            assert in_memory(archive, actor, query, "series") == in_database(archive, actor, query, "series")


def test_what_many_changes_make_old_is_read_anew_on_the_side(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "MOST_AT_ONCE", 3)
    publish(archive, make_collection(archive, "FIRST"), files_of(0, 2))
    keeper.read_now(archive)
    publish(archive, make_collection(archive, "MANY"), files_of(0, 8))
    assert search.count(archive, ANYBODY, search.ALL) == 10  # by the database, or by what was read meanwhile


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("*a*", "cat", True),
        ("a*", "cat", False),
        ("*t", "cat", True),
        ("c?t", "cat", True),
        ("c?t", "cast", False),
        ("c*?t", "cat", True),
        ("a.c", "abc", False),
        ("*a*b*c", "xaybzc", True),
        ("*a*b*c", "xaybzcd", False),
        ("ab*b", "ab", False),
        ("?*", "", False),
        ("*" + "a*" * 60 + "b", "a" * 400, False),
        ("*" + "?a*" * 60 + "b", "a" * 400, False),
    ],
)
@pytest.mark.timeout(5)
def test_wildcards_fit_in_a_time_that_grows_with_the_text(pattern: str, text: str, fits: bool) -> None:
    assert bool(column.like(pattern)(text)) is fits


@pytest.mark.parametrize("who", ["nobody", "ada", "system"])
def test_totals_are_those_of_the_database(catalogue: Archive, who: str) -> None:
    actor = {"nobody": ANYBODY, "system": SYSTEM}.get(who) or actor_named(catalogue, "ada")
    counted = search.totals_by_collection(catalogue, actor)
    for one in collections.listed(catalogue, SYSTEM):
        told = images.totals(catalogue, actor, one.id)
        found = counted.get(one.id, search.Totals())
        assert (found.subjects, found.studies, found.series) == (told.subjects, told.studies, told.series)
        assert (found.instances, found.size_bytes) == (told.instances, told.size_bytes)
        assert list(found.modalities) == sorted(told.modalities)
        assert search.totals_of(catalogue, actor, one.id) == found
        shares = releases.licence_shares(catalogue, actor, one.id)
        assert list(found.licences) == [(share.licence.id, share.series, share.size_bytes) for share in shares]
    everything = images.totals(catalogue, actor)
    together = search.whole(counted.values())
    assert (together.subjects, together.series, together.size_bytes) == (
        everything.subjects,
        everything.series,
        everything.size_bytes,
    )
