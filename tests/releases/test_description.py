"""What is said of a release: to readers, to machines, and to DataCite."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any
from xml.etree import ElementTree

import pytest
from pydantic import SecretStr

from invivo import accounts, collections, releases
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, Refused
from invivo.settings import DataCite
from tests.factories import SYSTEM, actor_named, make_collection, make_person, make_series, publish
from tests.fakes import datacite
from tests.fakes.datacite import DataCiteServer

ADA = releases.Creator("Lovelace, Ada King", "0000-0002-1825-0097", "University of X", "https://ror.org/03yrm5c26")
LAB = releases.Creator("X & Y Lab", is_organisation=True, ror="https://ror.org/03yrm5c26")
CREDIT = releases.Credit(
    (ADA, LAB),
    (releases.Funder("A Fund", "https://ror.org/03yrm5c26", "R01-1", "https://example.org/R01"),),
    (releases.Related("IsSupplementTo", "DOI", "10.1000/xyz"),),
    ("lung", "50% of <it> & more"),
    "We did\x01 this.",
)
KERNEL = "{http://datacite.org/schema/kernel-4}"


@pytest.fixture
def server() -> Iterator[DataCiteServer]:
    made = DataCiteServer()
    yield made
    made.stop()


@pytest.fixture
def lung(archive: Archive) -> collections.Collection:
    made = make_collection(archive, summary="Computed tomography of the lungs of people who agreed to it.")
    publish(archive, made, make_series(2))
    releases.write_credit(archive, SYSTEM, made.id, CREDIT)
    return made


def at_datacite(archive: Archive, server: DataCiteServer, **changed: Any) -> Archive:
    given = {"url": server.url, "prefix": datacite.PREFIX, "account": datacite.ACCOUNT}
    section = DataCite(**{**given, "password": SecretStr(datacite.PASSWORD), **changed})
    return replace(archive, settings=archive.settings.model_copy(update={"datacite": section}))


def described(archive: Archive, lung: collections.Collection, number: int | None = None) -> releases.Description:
    return releases.describe(archive, accounts.ANONYMOUS, lung.id, number)


def test_a_release_is_counted_and_credited(archive: Archive, lung: collections.Collection) -> None:
    one = described(archive, lung, 1)
    assert (one.series_count, one.subject_count, one.instance_count, one.modalities) == (1, 1, 2, ("CT",))
    assert (one.creators, one.funders, one.number) == (CREDIT.creators, CREDIT.funders, 1)
    assert one.url.endswith("/collections/LUNG-1/releases/1")


def test_who_may_not_know_of_a_collection_gets_no_description(archive: Archive) -> None:
    hidden = make_collection(archive, "HIDDEN", access="private")
    publish(archive, hidden, make_series(1))
    for number in (None, 1, 7):
        with pytest.raises(releases.UnknownRelease):
            releases.describe(archive, accounts.ANONYMOUS, hidden.id, number)


def test_what_may_not_be_seen_yet_is_not_described(archive: Archive) -> None:
    later = make_collection(archive, "LATER", access="embargoed", embargo_until=date(2999, 1, 1))
    publish(archive, later, make_series(2))
    for number in (None, 1):
        with pytest.raises(releases.UnknownRelease):
            releases.describe(archive, accounts.ANONYMOUS, later.id, number)
    assert releases.describe(archive, SYSTEM, later.id, 1).instance_count == 2


def test_a_citation_in_every_form_names_whom_and_where(archive: Archive, lung: collections.Collection) -> None:
    one = described(archive, lung)
    line = releases.apa(one)
    assert line.startswith("Lovelace, A. K., & X & Y Lab. (")
    assert line.endswith(one.url)
    assert r"X \& Y Lab" in releases.bibtex(one)
    assert releases.ris(one).count("\r\nAU  - ") == 2
    assert releases.csl(one)["author"] == [{"family": "Lovelace", "given": "Ada King"}, {"literal": "X & Y Lab"}]


def test_the_short_way_to_a_citation_says_the_same(archive: Archive, lung: collections.Collection) -> None:
    whole = releases.describe(archive, accounts.ANONYMOUS, lung.id)
    hidden = make_collection(archive, "HIDDEN", access="private")
    empty = make_collection(archive, "EMPTY")
    cited = releases.cite(archive, accounts.ANONYMOUS, [lung.id, hidden.id, empty.id])
    assert cited[lung.id] == releases.apa(whole)
    assert hidden.id not in cited
    assert "(unpublished)" in cited[empty.id]
    assert "Version" not in cited[empty.id]


def test_a_blind_reviewer_is_not_told_by_the_citation_who_made_it(
    archive: Archive, lung: collections.Collection
) -> None:
    blind = accounts.Actor(name="reviewer-link", memberships={lung.id: frozenset({"reviewer", "blind"})})
    assert "Lovelace" not in releases.cite(archive, blind, [lung.id])[lung.id]


def test_schema_org_and_croissant_have_what_they_demand(archive: Archive, lung: collections.Collection) -> None:
    one = described(archive, lung)
    about = releases.json_ld(one)
    assert len(about["description"]) >= 50
    assert about["creator"][0]["@id"] == "https://orcid.org/0000-0002-1825-0097"
    assert about["isAccessibleForFree"] is True
    found = releases.croissant(one)
    for name in ("name", "description", "license", "url", "creator", "datePublished"):
        assert found[name]
    assert found["distribution"][1]["containedIn"] == {"@id": found["distribution"][0]["@id"]}
    assert 'rel="describedby"' in releases.signposts(one)


def test_the_xml_of_datacite_is_what_was_said_and_no_wrapper_is_empty(
    archive: Archive, lung: collections.Collection
) -> None:
    root = ElementTree.fromstring(releases.datacite_xml(described(archive, lung, 1)))
    assert [one.text for one in root.iter(f"{KERNEL}creatorName")] == ["Lovelace, Ada King", "X & Y Lab"]
    assert [one.text for one in root.iter(f"{KERNEL}subject")] == ["lung", "50% of <it> & more"]
    assert all(len(one) or (one.text or "").strip() for one in root)
    for name in ("identifier", "creators", "titles", "publisher", "publicationYear", "resourceType"):
        assert len(root.findall(f"{KERNEL}{name}")) == 1


@pytest.mark.parametrize(
    "credit",
    [
        releases.Credit((replace(ADA, orcid="0000-0002-1825-0098"),)),
        releases.Credit((replace(ADA, ror="ror.org/03yrm5c26"),)),
        releases.Credit((replace(ADA, name=""),)),
        releases.Credit(related=(releases.Related("IsFriendOf", "DOI", "10.1000/x"),)),
        releases.Credit(related=(releases.Related("Cites", "DOI", "doi:10.1000/x"),)),
        releases.Credit(related=(releases.Related("Cites", "URL", "javascript:alert(1)"),)),
        releases.Credit(keywords=("x" * 101,)),
    ],
)
def test_malformed_credits_are_refused(archive: Archive, credit: releases.Credit) -> None:
    collection = make_collection(archive)
    with pytest.raises(Invalid):
        releases.write_credit(archive, SYSTEM, collection.id, credit)


def test_only_owners_write_credits_and_make_identifiers(archive: Archive, lung: collections.Collection) -> None:
    make_person(archive, "eve")
    eve = actor_named(archive, "eve")
    with pytest.raises(Refused):
        releases.write_credit(archive, eve, lung.id, CREDIT)
    with pytest.raises(Refused):
        releases.want_identifier(archive, eve, lung.id, 1, "draft")


def test_without_an_account_the_identifier_is_local(archive: Archive, lung: collections.Collection) -> None:
    made = releases.want_identifier(archive, SYSTEM, lung.id, 1, "findable")
    assert (made.state, made.wanted) == ("local", "local")
    one = described(archive, lung, 1)
    assert (one.doi, one.identifier) == ("", one.url)
    assert releases.page_of(archive, accounts.ANONYMOUS, made.name) == "/collections/LUNG-1/releases/1"
    with pytest.raises(releases.UnknownIdentifier):
        releases.page_of(archive, accounts.ANONYMOUS, "00000-00000")


def wanted(archive: Archive, lung: collections.Collection, number: int, state: str) -> releases.Identifier:
    releases.want_identifier(archive, SYSTEM, lung.id, number, state)
    releases.mint(archive, f"{lung.id}/{number}")
    with archive.database.transaction() as tx:
        return next(one for one in releases.identifiers_of(tx, lung.id) if one.number == number)


def test_a_doi_goes_from_draft_to_findable_and_is_hidden_not_withdrawn(
    archive: Archive, lung: collections.Collection, server: DataCiteServer
) -> None:
    here = at_datacite(archive, server)
    for state, at_their_side in (("draft", "draft"), ("findable", "findable"), ("registered", "registered")):
        made = wanted(here, lung, 1, state)
        assert (made.state, made.error) == (state, "")
        assert server.known[made.doi]["state"] == at_their_side
    with pytest.raises(Conflict):
        releases.want_identifier(here, SYSTEM, lung.id, 1, "draft")
    assert len(server.known) == 1


def test_a_release_says_of_which_collection_it_is_a_version(
    archive: Archive, lung: collections.Collection, server: DataCiteServer
) -> None:
    here = at_datacite(archive, server)
    concept, version = wanted(here, lung, 0, "findable"), wanted(here, lung, 1, "findable")
    assert server.known[version.doi]["relatedIdentifiers"][-1] == {
        "relatedIdentifier": concept.doi,
        "relatedIdentifierType": "DOI",
        "relationType": "IsVersionOf",
    }


def test_a_changed_description_is_told_again(
    archive: Archive, lung: collections.Collection, server: DataCiteServer
) -> None:
    here = at_datacite(archive, server)
    made = wanted(here, lung, 1, "findable")
    releases.write_credit(here, SYSTEM, lung.id, replace(CREDIT, creators=(LAB,)))
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select args->>'key' as key from jobs.procrastinate_jobs where task_name = 'mint'"
        ).fetchall()
    assert [row.key for row in found] == [f"{lung.id}/1"]
    releases.mint(here, f"{lung.id}/1")
    assert [one["name"] for one in server.known[made.doi]["creators"]] == ["X & Y Lab"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_datacite_that_is_away_is_asked_again(
    archive: Archive, lung: collections.Collection, server: DataCiteServer, status: int
) -> None:
    here = at_datacite(archive, server)
    server.answers.append(status)
    made = wanted(here, lung, 1, "findable")
    assert (made.state, made.attempts) == ("local", 1)
    assert str(status) in made.error
    releases.mint(here, f"{lung.id}/1")
    with archive.database.transaction() as tx:
        assert releases.identifiers_of(tx, lung.id)[0].state == "findable"


def test_datacite_that_does_not_listen_at_all_is_away(archive: Archive, lung: collections.Collection) -> None:
    server = DataCiteServer()
    server.stop()
    made = wanted(at_datacite(archive, server), lung, 1, "findable")
    assert (made.state, made.attempts) == ("local", 1)


def test_what_it_does_not_take_is_told_to_the_owner_and_not_tried_for_ever(
    archive: Archive, lung: collections.Collection, server: DataCiteServer
) -> None:
    made = wanted(at_datacite(archive, server, password=SecretStr("wrong")), lung, 1, "findable")
    assert (made.state, made.error) == ("local", "DataCite answers 401: Bad credentials.")
    with archive.database.transaction() as tx:
        found = tx.execute("select scheduled_at from jobs.procrastinate_jobs where task_name = 'mint'").fetchall()
    assert [row.scheduled_at for row in found] == [None]
