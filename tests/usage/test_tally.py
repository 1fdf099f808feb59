"""Downloads are counted once, by no name, and what is not open is in the journal."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from invivo import accounts, audit, releases, usage
from invivo.archive import Archive
from tests.factories import SYSTEM, actor_named, make_collection, make_person

BROWSER, TOOL = "Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0", "python-requests/2.31"


def visitor(
    address: str = "192.0.2.1", agent: str = BROWSER, actor: accounts.Actor = accounts.ANONYMOUS
) -> usage.Visitor:
    return usage.Visitor(actor, address, agent)


def journal(archive: Archive, collection_id: int) -> list[audit.Entry]:
    with archive.database.transaction() as tx:
        return [one for one in audit.history(tx, f"collection:{collection_id}") if one.verb == "download.begin"]


@pytest.fixture
def collection_id(archive: Archive) -> int:
    return make_collection(archive).id


def test_a_download_counts_once_however_often_it_is_asked_for_at_once(archive: Archive, collection_id: int) -> None:
    for _ in range(3):
        usage.took(archive, visitor(), "web", {(collection_id, "1.2"): 100})
    usage.took(archive, visitor(), "web", {(collection_id, "1.3"): 50})
    usage.flush(archive)
    found = usage.figures(archive, accounts.ANONYMOUS, collection_id)
    assert (found.downloads, found.size_bytes) == (2, 350)


def test_two_visitors_are_two_and_one_is_one_all_month(archive: Archive, collection_id: int) -> None:
    usage.took(archive, visitor("192.0.2.1"), "web", {(collection_id, "1.2"): 1})
    usage.flush(archive)
    usage.took(archive, visitor("192.0.2.1"), "web", {(collection_id, "1.3"): 1})
    usage.took(archive, visitor("192.0.2.2"), "web", {(collection_id, "1.2"): 1})
    usage.flush(archive)
    (month,) = usage.months(archive, accounts.ANONYMOUS, collection_id)
    assert (month.downloads, month.visitors, month.registered) == (3, 2, 0)


def test_robots_do_not_count_and_tools_count_as_machines(archive: Archive, collection_id: int) -> None:
    usage.took(
        archive, visitor(agent="Googlebot/2.1 (+http://www.google.com/bot.html)"), "web", {(collection_id, "1.2"): 1}
    )
    usage.took(archive, visitor(agent=TOOL), "dicomweb", {(collection_id, "1.2"): 1})
    usage.flush(archive)
    (month,) = usage.months(archive, accounts.ANONYMOUS, collection_id)
    assert (month.downloads, month.by_machine) == (1, 1)


def test_what_is_written_names_nobody(archive: Archive, collection_id: int) -> None:
    person = make_person(archive, "rita")
    usage.took(archive, visitor("192.0.2.77", actor=actor_named(archive, "rita")), "web", {(collection_id, "1.2"): 1})
    usage.flush(archive)
    with archive.database.transaction() as tx:
        rows = [
            str(tuple(row))
            for table in ("day", "visitor", "salt")
            for row in tx.execute(f"select * from usage.{table}")
        ]
    assert len(rows) == 4
    assert not [row for row in rows if "192.0.2.77" in row or "rita" in row or f"person:{person}" in row]


def test_a_month_that_is_over_keeps_numbers_and_no_digests(archive: Archive, collection_id: int) -> None:
    october = replace(archive, clock=lambda: datetime(2026, 10, 31, 23, tzinfo=UTC))
    usage.took(october, visitor(), "web", {(collection_id, "1.2"): 1})
    usage.flush(october)
    first = replace(archive, clock=lambda: datetime(2026, 11, 1, 12, tzinfo=UTC))
    assert usage.close_months(first) == 0  # a process may still write what it counted before midnight
    november = replace(archive, clock=lambda: datetime(2026, 11, 2, 0, 1, tzinfo=UTC))
    assert usage.close_months(november) == 1
    assert usage.close_months(november) == 0
    with archive.database.transaction() as tx:
        left = tx.execute("select (select count(*) from usage.visitor) + (select count(*) from usage.salt)").fetchone()
    assert left is not None
    assert left[0] == 0
    (month,) = usage.months(archive, accounts.ANONYMOUS, collection_id)
    assert (month.downloads, month.visitors) == (1, 1)


def test_downloads_of_what_is_not_open_are_in_the_journal_once_a_series(archive: Archive) -> None:
    closed, opened = make_collection(archive, "CLOSED", access="registered").id, make_collection(archive, "OPENED").id
    make_person(archive, "rita")
    rita = visitor(agent=TOOL, actor=actor_named(archive, "rita"))
    for _ in range(3):
        usage.took(archive, rita, "dicomweb", {(closed, "1.2"): 10, (opened, "1.3"): 10})
    usage.took(archive, rita, "dicomweb", {(closed, "1.4"): 10})
    assert [one.detail["door"] for one in journal(archive, closed)] == ["dicomweb", "dicomweb"]
    assert journal(archive, opened) == []


def test_a_robot_that_takes_what_is_not_open_is_in_the_journal_too(archive: Archive) -> None:
    closed = make_collection(archive, "CLOSED", access="registered").id
    usage.took(archive, visitor(agent="crawler"), "web", {(closed, "1.2"): 10})
    assert len(journal(archive, closed)) == 1


def test_pictures_count_as_looks(archive: Archive, collection_id: int) -> None:
    usage.took(archive, visitor(), "dicomweb", {(collection_id, "1.2"): 100}, kind="view")
    usage.saw(archive, visitor(), collection_id, "about")
    usage.saw(archive, visitor(), collection_id, "about")
    usage.flush(archive)
    found = usage.figures(archive, accounts.ANONYMOUS, collection_id)
    assert (found.downloads, found.size_bytes, found.views) == (0, 0, 2)


def test_figures_leave_out_what_the_asker_may_not_know_of(archive: Archive) -> None:
    private = make_collection(archive, "SECRET", access="private").id
    usage.took(archive, visitor(), "web", {(private, "1.2"): 100})
    usage.flush(archive)
    assert usage.figures(archive, accounts.ANONYMOUS).downloads == 0
    assert usage.months(archive, accounts.ANONYMOUS, private) == []
    assert usage.by_collection(archive, accounts.ANONYMOUS) == []
    assert usage.figures(archive, accounts.system()).downloads == 1


def test_the_public_process_counts_with_the_rights_it_has(
    public_archive: Archive, archive: Archive, collection_id: int
) -> None:
    usage.took(public_archive, visitor(), "web", {(collection_id, "1.2"): 100})
    usage.flush(public_archive)
    usage.took(public_archive, visitor("192.0.2.5"), "web", {(collection_id, "1.2"): 100})
    usage.flush(public_archive)
    assert usage.figures(archive, accounts.ANONYMOUS, collection_id).downloads == 2


def test_countries_are_counted_only_where_the_archive_says_so(archive: Archive, collection_id: int) -> None:
    make_person(archive, "rita")
    with archive.database.transaction() as tx:
        tx.execute("update accounts.person set country = 'DE' where name = 'rita'")
    rita = visitor(actor=actor_named(archive, "rita"))
    usage.took(archive, rita, "web", {(collection_id, "1.2"): 1})
    usage.flush(archive)
    assert usage.months(archive, rita.actor, collection_id)[0].countries == 0
    asking = replace(
        archive,
        settings=archive.settings.model_copy(
            update={"usage": archive.settings.usage.model_copy(update={"countries": True})}
        ),
    )
    with archive.database.transaction() as tx:
        tx.execute("delete from usage.visitor")
    usage.took(asking, rita, "web", {(collection_id, "1.9"): 1})
    usage.flush(asking)
    assert usage.months(archive, rita.actor, collection_id)[0].countries == 1


def test_works_that_cite_count_once_in_the_archive_and_for_each_collection(archive: Archive) -> None:
    paper = releases.Related("IsCitedBy", "DOI", "10.1234/PAPER")
    other = releases.Related("IsReferencedBy", "DOI", "10.1234/other")
    source = releases.Related("IsDerivedFrom", "DOI", "10.1234/source")
    for name, related in (("A-1", (paper, other)), ("B-2", (paper, source)), ("C-3", ())):
        made = make_collection(archive, name)
        releases.write_credit(archive, SYSTEM, made.id, releases.Credit(related=related))
    assert usage.figures(archive, SYSTEM).citations == 2
    assert {one.short_name: one.citations for one in usage.by_collection(archive, SYSTEM)} == {"A-1": 2, "B-2": 1}


def test_a_citation_of_what_one_may_not_know_of_is_not_counted(archive: Archive) -> None:
    made = make_collection(archive, access="private", is_listed=False)
    related = (releases.Related("IsCitedBy", "DOI", "10.1234/paper"),)
    releases.write_credit(archive, SYSTEM, made.id, releases.Credit(related=related))
    assert usage.figures(archive, accounts.ANONYMOUS).citations == 0
    assert usage.figures(archive, SYSTEM, made.id).citations == 1
