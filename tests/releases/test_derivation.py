"""Derived results and what they were made from."""

import pytest

from invivo import accounts, collections, releases, search
from invivo.archive import Archive
from invivo.errors import Invalid, Refused
from tests.factories import SYSTEM, actor_named, make_collection, make_person, make_series, publish


def test_links_go_both_ways_and_searches_tell_derived_from_original(archive: Archive) -> None:
    lung, results = make_collection(archive), make_collection(archive, "LUNG-1-SEG")
    for one in (lung, results):
        publish(archive, one, make_series(1))
    collections.set_sources(archive, SYSTEM, results.id, ["LUNG-1"])
    anybody = accounts.ANONYMOUS
    assert [one.short_name for one in collections.sources_of(archive, anybody, results.id)] == ["LUNG-1"]
    assert [one.short_name for one in collections.results_of(archive, anybody, lung.id)] == ["LUNG-1-SEG"]
    for one, relation in ((results, "IsDerivedFrom"), (lung, "IsSourceOf")):
        told = releases.datacite_attributes(releases.describe(archive, anybody, one.id))
        assert [each["relationType"] for each in told["relatedIdentifiers"]] == [relation]
    found = search.find(archive, anybody, search.parse_pairs([("third-party", "yes")]))
    assert [row.collection for row in found.rows] == ["LUNG-1-SEG"]


def test_a_hidden_source_is_named_to_nobody_outside_nor_to_datacite(archive: Archive) -> None:
    hidden, results = make_collection(archive, "SECRET-9", access="private"), make_collection(archive)
    publish(archive, results, make_series(1))
    collections.set_sources(archive, SYSTEM, results.id, ["SECRET-9"])
    assert collections.sources_of(archive, accounts.ANONYMOUS, results.id) == []
    assert "SECRET-9" not in str(releases.describe(archive, SYSTEM, results.id))
    assert hidden.access == "private"


@pytest.mark.parametrize("circle", [["LUNG-1"], ["LUNG-2"], ["LUNG-3"]])
def test_nothing_is_made_from_itself(archive: Archive, circle: list[str]) -> None:
    one, two, three = (make_collection(archive, f"LUNG-{number}") for number in (1, 2, 3))
    collections.set_sources(archive, SYSTEM, two.id, ["LUNG-1"])
    collections.set_sources(archive, SYSTEM, three.id, ["LUNG-2"])
    with pytest.raises(Invalid):
        collections.set_sources(archive, SYSTEM, one.id, circle)


def test_only_owners_say_it(archive: Archive) -> None:
    lung = make_collection(archive)
    make_person(archive, "eve")
    with pytest.raises(Refused):
        collections.set_sources(archive, actor_named(archive, "eve"), lung.id, [])
