"""Applications for controlled data: their way, who decides, and that an approval holds by its dates alone."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from invivo import accounts, audit, collections, downloads, search
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, InvivoError, NotFound, Refused
from tests.factories import SYSTEM, actor_named, make_collection, make_person, make_series, publish

TODAY = datetime.now(UTC).date()
DRAFT = collections.RequestDraft(
    "Growth", "To measure growth.", "Institute", "Bob", "Prof. Dean", "dean@institute.test"
)


@pytest.fixture
def collection(archive: Archive) -> collections.Collection:
    """A controlled collection with an owner, two of a committee and an applicant."""
    made = make_collection(archive, "CTRL", access="controlled")
    for name, role in (("owner", "owner"), ("cora", "committee"), ("carl", "committee"), ("ada", "")):
        person = make_person(archive, name)
        if role:
            collections.add_member(archive, SYSTEM, made.id, person.id, role)
    return made


def with_policy(archive: Archive, collection: collections.Collection, **fields: Any) -> None:
    collections.set_access_policy(archive, SYSTEM, collection.id, collections.AccessPolicy(**fields))


def mailed_secret(dsn: str) -> str:
    with psycopg.connect(dsn) as tx:
        row = tx.execute(
            "select sealed from notices.message where kind = 'access.official' order by id desc"
        ).fetchone()
    assert row is not None
    return str(row[0]).rpartition("/")[2]


def submitted(
    archive: Archive, dsn: str, collection: collections.Collection, name: str = "ada", renews: int | None = None
) -> collections.Request:
    """Take an application to its committee."""
    actor = actor_named(archive, name)
    draft = collections.RequestDraft(
        "Growth", "p", "Institute", "", "Dean", "dean@institute.test", "done" if renews else ""
    )
    made = collections.write_request(archive, actor, collection.id, draft, renews)
    collections.submit_request(archive, actor, made.id)
    if made.form == "application":
        collections.official_answers(archive, mailed_secret(dsn), confirms=True)
    return collections.request_by_id(archive, actor, made.id)


def vote(archive: Archive, name: str, request: collections.Request, choice: str = "approve", **more: Any) -> str:
    return collections.vote(archive, actor_named(archive, name), request.id, choice, "because", **more).state


def inbox(dsn: str, archive: Archive, name: str) -> list[str]:
    with psycopg.connect(dsn) as tx:
        found = tx.execute(
            "select kind from notices.message where person_id = %s order by id",
            [accounts.person_named(archive, name).id],
        )
        return [row[0] for row in found]


def test_an_application_goes_from_its_writer_over_the_official_to_the_committee(
    archive: Archive, public_archive: Archive, dsn: str, collection: collections.Collection
) -> None:
    ada = actor_named(archive, "ada")
    made = collections.write_request(archive, ada, collection.id, DRAFT)
    assert made.state == "draft"
    assert collections.submit_request(archive, ada, made.id).state == "awaiting-official"
    secret = mailed_secret(dsn)
    assert collections.request_of_link(public_archive, secret).title == "Growth"
    collections.official_answers(public_archive, secret, confirms=True)
    assert collections.request_by_id(archive, ada, made.id).state == "submitted"
    assert inbox(dsn, archive, "cora") == ["access.submitted"]
    assert vote(archive, "cora", made) == "approved"
    assert inbox(dsn, archive, "ada") == ["access.approved"]


def test_an_officials_link_works_once(archive: Archive, dsn: str, collection: collections.Collection) -> None:
    submitted(archive, dsn, collection)
    with pytest.raises(collections.SpentOfficialLink):
        collections.official_answers(archive, mailed_secret(dsn), confirms=True)
    with pytest.raises(collections.SpentOfficialLink):
        collections.request_of_link(archive, mailed_secret(dsn))


def test_a_new_officials_link_ends_the_old_one(archive: Archive, dsn: str, collection: collections.Collection) -> None:
    ada = actor_named(archive, "ada")
    made = collections.submit_request(archive, ada, collections.write_request(archive, ada, collection.id, DRAFT).id)
    old = mailed_secret(dsn)
    collections.send_official_again(archive, ada, made.id)
    with pytest.raises(collections.SpentOfficialLink):
        collections.official_answers(archive, old, confirms=True)
    collections.official_answers(archive, mailed_secret(dsn), confirms=False, reason="Not ours.")
    assert collections.request_by_id(archive, ada, made.id).state == "declined"


@pytest.mark.parametrize(
    ("rule", "votes", "state"),
    [
        ("one", ["approve"], "approved"),
        ("one", ["decline"], "declined"),
        ("majority", ["approve"], "under-review"),
        ("majority", ["decline"], "declined"),
        ("majority", ["approve", "approve"], "approved"),
        ("all", ["approve"], "under-review"),
        ("all", ["approve", "decline"], "declined"),
        ("all", ["approve", "approve"], "approved"),
    ],
)
def test_the_rule_of_the_collection_counts_the_votes(
    archive: Archive, dsn: str, collection: collections.Collection, rule: str, votes: list[str], state: str
) -> None:
    with_policy(archive, collection, vote_rule=rule)
    request = submitted(archive, dsn, collection)
    states = [vote(archive, name, request, choice) for name, choice in zip(("cora", "carl"), votes, strict=False)]
    assert states[-1] == state


def test_nobody_decides_on_an_application_of_their_own(
    archive: Archive, dsn: str, collection: collections.Collection
) -> None:
    request = submitted(archive, dsn, collection, "cora")
    with pytest.raises(Refused, match="their own"):
        vote(archive, "cora", request)
    assert vote(archive, "carl", request) == "approved"


def test_where_the_applicant_is_the_whole_committee_the_owner_decides(
    archive: Archive, dsn: str, collection: collections.Collection
) -> None:
    carl = accounts.person_named(archive, "carl").id
    collections.remove_member(archive, SYSTEM, collection.id, carl, "committee")
    request = submitted(archive, dsn, collection, "cora")
    assert vote(archive, "owner", request) == "approved"


@pytest.mark.parametrize("name", ["stranger", "ada"])
def test_only_the_committee_votes(archive: Archive, dsn: str, collection: collections.Collection, name: str) -> None:
    make_person(archive, "stranger")
    request = submitted(archive, dsn, collection)
    with pytest.raises((NotFound, Refused)):
        vote(archive, name, request)
    with pytest.raises(Refused):
        vote(archive, "owner", request)


def test_of_two_who_decide_at_once_one_wins_and_the_other_is_told(
    archive: Archive, dsn: str, collection: collections.Collection
) -> None:
    request = submitted(archive, dsn, collection)
    outcomes: list[str] = []

    def decide(name: str, choice: str) -> None:
        try:
            outcomes.append(vote(archive, name, request, choice))
        except collections.AlreadyDecided as error:
            outcomes.append(error.message)

    both = [threading.Thread(target=decide, args=one) for one in (("cora", "approve"), ("carl", "decline"))]
    for one in both:
        one.start()
    for one in both:
        one.join()
    told = next(one for one in outcomes if " already, by " in one)
    assert len([one for one in outcomes if one in ("approved", "declined")]) == 1
    assert "your vote was not counted" in told


def test_what_has_waited_too_long_is_not_approved(
    archive: Archive, dsn: str, collection: collections.Collection
) -> None:
    request = submitted(archive, dsn, collection)
    with psycopg.connect(dsn) as tx:
        tx.execute("update collections.request set submitted_at = now() - interval '181 days'")
    with pytest.raises(collections.Lapsed):
        vote(archive, "cora", request)
    assert vote(archive, "cora", request, "decline") == "declined"


def _withdrawn(archive: Archive, request: collections.Request) -> None:
    collections.withdraw_request(archive, actor_named(archive, "ada"), request.id)


def _lapsed(archive: Archive, request: collections.Request) -> None:
    with archive.database.transaction() as tx:
        tx.execute(
            "update collections.request set submitted_at = now() - interval '181 days' where id = %s", [request.id]
        )


def _expired(archive: Archive, request: collections.Request) -> None:
    vote(archive, "carl", request)
    with archive.database.transaction() as tx:
        tx.execute("update collections.request set ends_on = current_date - 1 where id = %s", [request.id])


@pytest.mark.parametrize("ends", [_withdrawn, _lapsed, _expired])
def test_an_approval_that_comes_too_late_is_a_conflict_and_changes_nothing(
    archive: Archive, dsn: str, collection: collections.Collection, ends: Callable[..., None]
) -> None:
    request = submitted(archive, dsn, collection)
    ends(archive, request)
    ada = actor_named(archive, "ada")

    def standing() -> tuple[object, ...]:
        now = collections.request_by_id(archive, ada, request.id)
        with archive.database.transaction() as tx:
            noted = [entry.verb for entry in audit.newest(tx, 500)]
        return now, collections.votes_of(archive, now), inbox(dsn, archive, "ada"), noted

    before = standing()
    with pytest.raises(Conflict):
        vote(archive, "cora", request)
    assert standing() == before


def test_an_open_application_must_end_before_the_next(
    archive: Archive, dsn: str, collection: collections.Collection
) -> None:
    request = submitted(archive, dsn, collection)
    ada = actor_named(archive, "ada")
    with pytest.raises(Conflict):
        collections.write_request(archive, ada, collection.id, DRAFT)
    collections.withdraw_request(archive, ada, request.id)
    assert collections.write_request(archive, ada, collection.id, DRAFT).state == "draft"


def test_others_do_not_know_of_an_application(archive: Archive, dsn: str, collection: collections.Collection) -> None:
    make_person(archive, "eve")
    request = submitted(archive, dsn, collection)
    eve = actor_named(archive, "eve")
    for act in (
        lambda: collections.request_by_id(archive, eve, request.id),
        lambda: collections.withdraw_request(archive, eve, request.id),
        lambda: collections.edit_request(archive, eve, request.id, DRAFT),
        lambda: collections.submit_request(archive, eve, request.id),
        lambda: collections.revoke_request(archive, eve, request.id, "why not"),
        lambda: collections.request_by_id(archive, eve, request.id + 1000),
    ):
        with pytest.raises(collections.UnknownRequest):
            act()
    with pytest.raises(Refused):
        collections.requests_of(archive, eve, collection.id)


def test_a_simple_request_goes_straight_to_the_owner(
    archive: Archive, dsn: str, collection: collections.Collection
) -> None:
    with_policy(archive, collection, request_form="simple", term_months=1)
    ada = actor_named(archive, "ada")
    made = collections.write_request(archive, ada, collection.id, collections.RequestDraft("t", "p", "i"))
    assert collections.submit_request(archive, ada, made.id).state == "submitted"
    assert inbox(dsn, archive, "owner") == ["access.submitted"]
    assert vote(archive, "owner", made) == "approved"
    assert collections.approved_uses(archive, accounts.ANONYMOUS, collection.id) == []


@pytest.mark.parametrize(
    ("draft", "code"),
    [
        (collections.RequestDraft("", "p", "i", "", "o", "o@i.test"), "request.title"),
        (collections.RequestDraft("t", "p", "i"), "request.official_name"),
        (collections.RequestDraft("t", "p", "i", "", "o", "nobody"), "request.official_email"),
        (collections.RequestDraft("t", "x" * 10_001, "i", "", "o", "o@i.test"), "request.purpose"),
    ],
)
def test_a_draft_that_lacks_something_names_it(
    archive: Archive, collection: collections.Collection, draft: collections.RequestDraft, code: str
) -> None:
    with pytest.raises(Invalid) as caught:
        collections.write_request(archive, actor_named(archive, "ada"), collection.id, draft)
    assert caught.value.kind == code


def sees(archive: Archive, actor: accounts.Actor) -> bool:
    return search.count(archive, actor, search.ALL) > 0


def has(archive: Archive, actor: accounts.Actor) -> bool:
    uids = [row.series_uid for row in search.find(archive, SYSTEM, search.ALL).rows]
    try:
        return bool(downloads.select(archive, actor, series_uids=uids).files)
    except NotFound:
        return False


@pytest.fixture
def approved(archive: Archive, dsn: str, collection: collections.Collection) -> collections.Request:
    """An approved application for a released collection that shows its page only."""
    with_policy(archive, collection, hides_metadata=True)
    publish(archive, collection, make_series(1))
    request = submitted(archive, dsn, collection)
    assert not sees(archive, actor_named(archive, "ada"))
    vote(archive, "cora", request, months=2, conditions="Cite us.")
    return collections.request_by_id(archive, actor_named(archive, "ada"), request.id)


def test_who_is_approved_sees_and_has_what_others_do_not(
    archive: Archive, public_archive: Archive, approved: collections.Request
) -> None:
    ada = actor_named(archive, "ada")
    assert (sees(public_archive, ada), has(public_archive, ada)) == (True, True)
    assert approved.starts_on == TODAY
    assert approved.conditions == "Cite us."
    for name in ("cora", None):
        other = actor_named(archive, name) if name else accounts.ANONYMOUS
        assert (sees(public_archive, other), has(public_archive, other)) == (False, False)


def test_an_approval_may_ask_for_a_second_factor(
    archive: Archive, public_archive: Archive, collection: collections.Collection, approved: collections.Request
) -> None:
    with_policy(archive, collection, hides_metadata=True, needs_factor=True)
    ada = actor_named(archive, "ada")
    assert (sees(public_archive, ada), has(public_archive, ada)) == (False, False)
    strong = replace(ada, is_strong=True)
    assert (sees(public_archive, strong), has(public_archive, strong)) == (True, True)
    uid = search.find(archive, SYSTEM, search.ALL).rows[0].series_uid
    (answer,) = collections.why(archive, SYSTEM, ada.person_id, uid)
    (path,) = [one for one in answer.to_have if one.name == "approval"]
    assert [one.name for one in path.reasons if not one.holds] == ["factor"]
    assert approved.state == "approved"


def test_a_registered_collection_may_show_its_page_only_to_visitors(
    archive: Archive, public_archive: Archive, collection: collections.Collection
) -> None:
    publish(archive, collection, make_series(1))
    with archive.database.transaction() as tx:
        tx.execute("update collections.collection set access = 'registered' where id = %s", [collection.id])
    with_policy(archive, collection, hides_metadata=True)
    ada = actor_named(archive, "ada")
    assert (sees(public_archive, accounts.ANONYMOUS), has(public_archive, accounts.ANONYMOUS)) == (False, False)
    assert (sees(public_archive, ada), has(public_archive, ada)) == (True, True)
    assert collection.short_name in {one.short_name for one in collections.listed(public_archive, accounts.ANONYMOUS)}


@pytest.mark.parametrize(
    "statement",
    [
        "update collections.request set starts_on = starts_on - 90, ends_on = current_date - 1",
        "update collections.request set starts_on = current_date + 1",
        "update collections.request set state = 'revoked'",
        "update accounts.person set is_active = false",
    ],
)
def test_an_approval_ends_by_itself(archive: Archive, approved: collections.Request, dsn: str, statement: str) -> None:
    ada = actor_named(archive, "ada")
    with psycopg.connect(dsn) as tx:
        tx.execute(statement.encode())
    assert (sees(archive, ada), has(archive, ada)) == (False, False)


def test_the_last_day_of_an_approval_still_counts(archive: Archive, approved: collections.Request, dsn: str) -> None:
    with psycopg.connect(dsn) as tx:
        tx.execute("update collections.request set ends_on = current_date")
    assert has(archive, actor_named(archive, "ada"))


def test_a_revoked_approval_ends_at_once_and_its_holder_reads_why(
    archive: Archive, dsn: str, approved: collections.Request
) -> None:
    ada = actor_named(archive, "ada")
    with pytest.raises(Invalid):
        collections.revoke_request(archive, actor_named(archive, "owner"), approved.id, " ")
    collections.revoke_request(archive, actor_named(archive, "owner"), approved.id, "Shared with others.")
    assert not has(archive, ada)
    assert collections.request_by_id(archive, ada, approved.id).reason == "Shared with others."
    with pytest.raises(collections.RequestState):
        collections.revoke_request(archive, actor_named(archive, "owner"), approved.id, "again")


def test_a_private_series_of_a_controlled_collection_is_not_approved_along(
    archive: Archive, dsn: str, approved: collections.Request
) -> None:
    with psycopg.connect(dsn) as tx:
        tx.execute("update images.series set access = 'private'")
    assert not sees(archive, actor_named(archive, "ada"))


def test_a_renewal_needs_a_report_and_goes_on_from_the_end(
    archive: Archive, dsn: str, collection: collections.Collection, approved: collections.Request
) -> None:
    ada = actor_named(archive, "ada")
    with pytest.raises(Invalid, match="progress"):
        collections.write_request(archive, ada, collection.id, DRAFT, approved.id)
    renewal = submitted(archive, dsn, collection, renews=approved.id)
    vote(archive, "carl", renewal, months=12)
    ends = collections.request_by_id(archive, ada, renewal.id).ends_on
    assert ends is not None and approved.ends_on is not None
    assert ends > approved.ends_on + timedelta(360)


def test_a_new_agreement_that_must_be_signed_lets_approvals_rest_until_it_is(
    archive: Archive, collection: collections.Collection, approved: collections.Request
) -> None:
    ada = actor_named(archive, "ada")
    version = collections.add_agreement(archive, SYSTEM, collection.id, "Be good.", is_needed_again=True)
    assert not has(archive, ada)
    collections.sign_agreement(archive, ada, collection.id, version, "Ada Lovelace")
    assert has(archive, ada)
    collections.add_agreement(archive, SYSTEM, collection.id, "Be good, please.")
    assert has(archive, ada)
    signed = collections.signatures_of(archive, SYSTEM, collection.id)
    assert [(one.version, one.name, one.account) for one in signed] == [(1, "Ada Lovelace", "ada")]


def test_an_old_version_of_an_agreement_is_not_signed_any_more(
    archive: Archive, collection: collections.Collection
) -> None:
    ada = actor_named(archive, "ada")
    for text in ("one", "two"):
        collections.add_agreement(archive, SYSTEM, collection.id, text)
    with pytest.raises(collections.AgreementChanged):
        collections.sign_agreement(archive, ada, collection.id, 1, "Ada")
    made = collections.write_request(archive, ada, collection.id, DRAFT)
    with pytest.raises(collections.AgreementChanged):
        collections.submit_request(archive, ada, made.id, version=1, name="Ada L")
    assert collections.submit_request(archive, ada, made.id, version=2, name="Ada L").agreement_version == 2


def test_a_country_that_is_left_out_cannot_apply_and_ends_approvals(
    archive: Archive, dsn: str, collection: collections.Collection, approved: collections.Request
) -> None:
    with_policy(archive, collection, denied_countries=("XX",), needs_affiliation=True)
    ada = actor_named(archive, "ada")
    assert has(archive, ada)
    renewal = collections.write_request(
        archive, ada, collection.id, collections.RequestDraft("t", "p", "i", "", "o", "o@i.test", "done"), approved.id
    )
    codes = []
    for change in ("affiliation = affiliation", "affiliation = 'Institute'", "country = 'xx'"):
        with psycopg.connect(dsn) as tx:
            tx.execute(f"update accounts.person set {change} where name = 'ada'".encode())
        with pytest.raises(Refused) as caught:
            collections.submit_request(archive, ada, renewal.id)
        codes.append(caught.value.kind)
    assert codes == ["request.affiliation", "request.country-unknown", "request.country"]
    assert not has(archive, ada)


def test_holders_are_reminded_once_before_each_end(archive: Archive, dsn: str, approved: collections.Request) -> None:
    told = []
    for days in (40, 29, 29, 6, 6):
        with psycopg.connect(dsn) as tx:
            tx.execute("update collections.request set ends_on = current_date + %s::int", [days])
        told.append(collections.remind(archive))
    assert told == [0, 1, 0, 1, 0]
    assert inbox(dsn, archive, "ada")[-2:] == ["access.ends", "access.ends"]


def test_approved_uses_and_figures_are_public_and_name_no_person(
    archive: Archive, public_archive: Archive, collection: collections.Collection, approved: collections.Request
) -> None:
    uses = collections.approved_uses(public_archive, accounts.ANONYMOUS, collection.id)
    assert [(one.institution, one.title, one.is_current) for one in uses] == [("Institute", "Growth", True)]
    figures = collections.request_figures(public_archive, accounts.ANONYMOUS, collection.id)
    assert (figures.decided, figures.rate, figures.open) == (1, 1.0, 0)
    assert figures.median_days is not None and figures.median_days < 1


def test_the_public_role_reads_no_more_of_an_application_than_it_shows(
    archive: Archive, public_archive: Archive, approved: collections.Request
) -> None:
    for column in ("collaborators", "official_email", "reason", "progress"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), public_archive.database.transaction() as tx:
            tx.execute(f"select {column} from collections.request".encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege), public_archive.database.transaction() as tx:
        tx.execute("update collections.request set state = 'approved'")


def test_every_step_stands_in_the_journal(archive: Archive, approved: collections.Request) -> None:
    with archive.database.transaction() as tx:
        verbs = [one.verb for one in audit.history(tx, f"request:{approved.id}")]
    assert verbs[::-1] == [
        "access.request-write",
        "access.request-submit",
        "access.official-confirms",
        "access.vote",
    ]


@pytest.mark.parametrize(
    "policy",
    [
        collections.AccessPolicy(request_form="none"),
        collections.AccessPolicy(vote_rule="dice"),
        collections.AccessPolicy(term_months=0),
        collections.AccessPolicy(denied_countries=("France",)),
    ],
)
def test_a_malformed_policy_is_refused(
    archive: Archive, collection: collections.Collection, policy: collections.AccessPolicy
) -> None:
    with pytest.raises(InvivoError):
        collections.set_access_policy(archive, SYSTEM, collection.id, policy)
    with pytest.raises(Refused):
        collections.set_access_policy(archive, actor_named(archive, "cora"), collection.id, collections.AccessPolicy())
