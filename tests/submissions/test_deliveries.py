"""What was announced beside what came, letters, sites, links for outsiders, and deliveries that take the place of others."""

import io
import zipfile
from datetime import date
from typing import Any

import pytest
from pydicom.uid import generate_uid

from invivo import accounts, collections, notices, quarantine, releases, reviews, submissions
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, NotFound, Refused, TooLarge
from invivo.settings import read_settings
from tests.factories import (
    SYSTEM,
    actor_named,
    advance_all,
    approve_all,
    make_collection,
    make_image,
    make_series,
    make_submission,
)


@pytest.fixture
def lung(archive: Archive) -> collections.Collection:
    with archive.database.transaction() as tx:
        tx.execute(
            "insert into accounts.person (name, password_hash) select name, '' from unnest(%s::text[]) name",
            [["sam", "berta", "boris", "carla", "eve"]],
        )
    made = make_collection(archive)
    for name, role in (("sam", "submitter"), ("carla", "curator")):
        collections.add_member(archive, SYSTEM, made.id, number(archive, name), role)
    return made


def number(archive: Archive, name: str) -> int:
    return accounts.person_named(archive, name).id


def send(archive: Archive, actor: accounts.Actor, submission_id: int, files: list[bytes]) -> list[str]:
    origin = submissions.Origin("upload", actor, submission_id)
    return [submissions.receive(archive, origin, [content]).outcome for content in files]


def inbox(archive: Archive, name: str) -> list[Any]:
    with archive.database.transaction() as tx:
        return notices.inbox(tx, number(archive, name))


# ---- announced and come --------------------------------------------------------------------------------------------


def test_what_came_stands_beside_what_was_announced(archive: Archive, lung: Any) -> None:
    sam, delivery = actor_named(archive, "sam"), make_submission(archive, lung)
    told = [submissions.Expected("", subjects=3), submissions.Expected("MR", series=2, due=date(2030, 1, 1))]
    submissions.announce(archive, sam, delivery.id, told)
    send(archive, sam, delivery.id, [*make_series(2, patient="A"), *make_series(1, patient="B")])
    advance_all(archive)
    found = {one.modality: one for one in submissions.balance_of(archive, sam, delivery.id)}
    assert (found[""].subjects, found[""].studies, found[""].series, found[""].is_complete) == (2, 2, 2, False)
    assert (found["MR"].series, found["MR"].is_complete) == (0, False)
    assert (found["CT"].series, found["CT"].announced) == (2, None)


@pytest.mark.parametrize(
    "lines",
    [
        [submissions.Expected("CT")],
        [submissions.Expected("CT", series=-1)],
        [submissions.Expected("<b>", series=1)],
        [submissions.Expected("CT", series=1), submissions.Expected("CT", series=2)],
    ],
)
def test_an_announcement_that_says_nothing_is_refused(archive: Archive, lung: Any, lines: Any) -> None:
    with pytest.raises(Invalid):
        submissions.announce(archive, actor_named(archive, "sam"), make_submission(archive, lung).id, lines)


def test_arrivals_name_door_and_sender(archive: Archive, lung: Any) -> None:
    sam, delivery = actor_named(archive, "sam"), make_submission(archive, lung)
    send(archive, sam, delivery.id, make_series(3))
    (way,) = submissions.arrivals_of(archive, sam, delivery.id)
    assert (way.door, way.sender, way.series, way.objects) == ("upload", "sam", 1, 3)


# ---- letters -------------------------------------------------------------------------------------------------------


def test_a_letter_reaches_the_other_side_only(archive: Archive, lung: Any) -> None:
    delivery = make_submission(archive, lung)
    submissions.write_letter(archive, actor_named(archive, "sam"), delivery.id, "Two subjects are missing.")
    submissions.write_letter(archive, actor_named(archive, "carla"), delivery.id, "Then send them.")
    assert "Two subjects" in inbox(archive, "carla")[0].text
    assert "Then send" in inbox(archive, "sam")[0].text
    assert len(inbox(archive, "carla")) == len(inbox(archive, "sam")) == 1
    sides = [one.is_from_curator for one in submissions.letters_of(archive, actor_named(archive, "sam"), delivery.id)]
    assert sides == [False, True]
    with pytest.raises(submissions.UnknownSubmission):
        submissions.letters_of(archive, actor_named(archive, "eve"), delivery.id)


# ---- sites ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def sites(archive: Archive, lung: Any) -> tuple[submissions.Site, submissions.Site]:
    berlin = submissions.add_site(archive, SYSTEM, lung.id, "B01", "Berlin")
    boston = submissions.add_site(archive, SYSTEM, lung.id, "B02", "Boston")
    submissions.add_coordinator(archive, SYSTEM, lung.id, berlin.id, number(archive, "berta"))
    submissions.add_coordinator(archive, SYSTEM, lung.id, boston.id, number(archive, "boris"))
    return berlin, boston


def test_a_coordinator_sees_what_their_site_sent_and_nothing_else(archive: Archive, lung: Any, sites: Any) -> None:
    berta, boris = actor_named(archive, "berta"), actor_named(archive, "boris")
    shared = make_submission(archive, lung)
    send(archive, berta, shared.id, make_series(2))
    send(archive, boris, shared.id, make_series(3))
    assert sum(submissions.progress_of(archive, berta, shared.id).counts.values()) == 2
    assert len(submissions.progress_of(archive, boris, shared.id).newest) == 3
    assert sum(submissions.progress_of(archive, actor_named(archive, "sam"), shared.id).counts.values()) == 5
    assert [one.site for one in submissions.arrivals_of(archive, berta, shared.id)] == ["B01"]
    assert [one.code for one in submissions.sites_of(archive, berta, lung.id)] == ["B01"]


def test_a_delivery_of_a_site_is_hidden_from_the_others(archive: Archive, lung: Any, sites: Any) -> None:
    berta, boris = actor_named(archive, "berta"), actor_named(archive, "boris")
    own = submissions.open_submission(archive, berta, lung.id, "Berlin, first")
    assert own.site == "B01"
    assert submissions.list_submissions(archive, boris) == []
    with pytest.raises(submissions.UnknownSubmission):
        submissions.progress_of(archive, boris, own.id)
    with pytest.raises(submissions.UnknownSender):
        send(archive, boris, own.id, make_series(1))


def test_a_released_series_still_knows_its_site(archive: Archive, lung: Any, sites: Any) -> None:
    shared = make_submission(archive, lung)
    send(archive, actor_named(archive, "berta"), shared.id, make_series(2))
    send(archive, actor_named(archive, "sam"), shared.id, make_series(1))
    advance_all(archive)
    approve_all(archive)
    releases.publish(archive, SYSTEM, lung.id)
    with archive.database.transaction() as tx:
        found = tx.execute("select instance_count, site from images.series order by 1").fetchall()
    assert found == [(1, None), (2, "B01")]


def test_an_object_knows_its_site_by_its_sender(
    archive: Archive, public_archive: Archive, lung: Any, sites: Any
) -> None:
    delivery = make_submission(archive, lung)
    one = submissions.add_sender(archive, SYSTEM, delivery.id, calling_aet="BERLIN")
    submissions.set_sender_site(archive, SYSTEM, one.id, sites[0].id)
    submissions.add_sender(archive, SYSTEM, delivery.id, calling_aet="ELSEWHERE")
    for title in ("BERLIN", "ELSEWHERE"):
        peer = submissions.Origin("dimse", called_aet="INVIVO", calling_aet=title, address="127.0.0.1")
        submissions.receive(public_archive, peer, [make_image()])
    ways = submissions.arrivals_of(archive, SYSTEM, delivery.id)
    assert [(way.sender, way.site) for way in ways] == [("BERLIN", "B01"), ("ELSEWHERE", "")]
    advance_all(archive)
    with archive.database.transaction() as tx:
        ids = [row.id for row in tx.execute("select id from quarantine.series")]
        assert list(quarantine.sites_of_series(tx, ids).values()) == ["B01"]


def test_who_leaves_the_last_site_does_not_see_all_of_them(archive: Archive, lung: Any, sites: Any) -> None:
    submissions.remove_coordinator(archive, SYSTEM, lung.id, sites[0].id, number(archive, "berta"))
    assert not actor_named(archive, "berta").may_submit(lung.id)


def test_a_curator_is_not_limited_to_a_site(archive: Archive, lung: Any, sites: Any) -> None:
    with pytest.raises(Conflict):
        submissions.add_coordinator(archive, SYSTEM, lung.id, sites[0].id, number(archive, "carla"))
    with pytest.raises(Refused):
        submissions.add_site(archive, actor_named(archive, "sam"), lung.id, "X", "x")


def test_a_site_of_another_collection_is_not_taken(archive: Archive, lung: Any, sites: Any) -> None:
    other = make_submission(archive, make_collection(archive, "OTHER-1"))
    with pytest.raises(submissions.UnknownSite):
        submissions.set_submission_site(archive, SYSTEM, other.id, sites[0].id)


# ---- links ---------------------------------------------------------------------------------------------------------


def link(archive: Archive, delivery: submissions.Submission, **more: Any) -> tuple[submissions.UploadLink, str]:
    fields = {"days": 7, "max_bytes": 100_000} | more
    return submissions.make_link(archive, actor_named(archive, "sam"), delivery.id, "Dr Outside", **fields)


def upload(
    archive: Archive, actor: accounts.Actor, content: bytes, submission_id: int | None = None
) -> submissions.Upload:
    begun = submissions.create_upload(archive, actor, submission_id, "one.dcm", len(content))
    return submissions.append_upload(archive, actor, begun.id, 0, [content])


def test_an_outsider_delivers_by_a_link(archive: Archive, public_archive: Archive, lung: Any) -> None:
    delivery = make_submission(archive, lung)
    _, secret = link(archive, delivery)
    done = upload(public_archive, submissions.actor_of_link(public_archive, secret), make_image())
    assert (done.submission_id, done.receipt["outcome"]) == (delivery.id, "held")
    assert [one.sender for one in submissions.arrivals_of(archive, SYSTEM, delivery.id)] == ["Dr Outside (link)"]
    assert [one.outcome for one in submissions.uploads_by_link(public_archive, secret)] == ["held"]


def test_a_link_leads_to_its_own_submission_only(archive: Archive, lung: Any) -> None:
    delivery, other = make_submission(archive, lung), make_submission(archive, lung)
    outsider = submissions.actor_of_link(archive, link(archive, delivery)[1])
    with pytest.raises(submissions.SpentUploadLink):
        upload(archive, outsider, make_image(), other.id)
    assert upload(archive, outsider, make_image()).submission_id == delivery.id


def test_two_links_do_not_touch_each_others_uploads(archive: Archive, lung: Any) -> None:
    delivery = make_submission(archive, lung)
    one, two = (submissions.actor_of_link(archive, link(archive, delivery)[1]) for _ in range(2))
    begun = submissions.create_upload(archive, one, None, "x", 10)
    for actor in (two, accounts.ANONYMOUS):
        with pytest.raises(submissions.UnknownUpload):
            submissions.find_upload(archive, actor, begun.id)


def test_a_link_allows_so_many_bytes_and_gives_back_what_was_abandoned(archive: Archive, lung: Any) -> None:
    outsider = submissions.actor_of_link(archive, link(archive, make_submission(archive, lung), max_bytes=100)[1])
    begun = submissions.create_upload(archive, outsider, None, "x", 90)
    with pytest.raises(TooLarge):
        submissions.create_upload(archive, outsider, None, "y", 20)
    submissions.abandon_upload(archive, outsider, begun.id)
    submissions.create_upload(archive, outsider, None, "y", 20)


@pytest.mark.parametrize("way", ["revoked", "over", "closed", "unknown"])
def test_a_link_that_is_spent_opens_nothing(archive: Archive, lung: Any, way: str) -> None:
    sam, delivery = actor_named(archive, "sam"), make_submission(archive, lung)
    made, secret = link(archive, delivery)
    outsider = submissions.actor_of_link(archive, secret)
    if way == "revoked":
        submissions.revoke_link(archive, sam, delivery.id, made.id)
    elif way == "over":
        with archive.database.transaction() as tx:
            tx.execute("update submissions.upload_link set expires_at = now()")
    elif way == "closed":
        submissions.close_submission(archive, sam, delivery.id)
    else:
        secret = "x" * 43
    with pytest.raises(submissions.SpentUploadLink):
        submissions.actor_of_link(archive, secret)
    if way != "unknown":
        with pytest.raises((NotFound, Refused)):
            upload(archive, outsider, make_image())


def test_a_zip_by_a_link_is_known_by_its_label(archive: Archive, lung: Any) -> None:
    delivery = make_submission(archive, lung)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        out.writestr("a.dcm", make_image())
    begun = upload(archive, submissions.actor_of_link(archive, link(archive, delivery)[1]), packed.getvalue())
    submissions.unpack(archive, begun.id)
    assert [one.sender for one in submissions.arrivals_of(archive, SYSTEM, delivery.id)] == ["Dr Outside (link)"]


def test_a_coordinators_link_is_for_their_site(archive: Archive, lung: Any, sites: Any) -> None:
    berta = actor_named(archive, "berta")
    own = submissions.open_submission(archive, berta, lung.id, "Berlin")
    made, _ = submissions.make_link(archive, berta, own.id, "A colleague", days=1, max_bytes=10, site_id=sites[1].id)
    assert made.site_id == sites[0].id


# ---- replacing -----------------------------------------------------------------------------------------------------


def test_a_delivery_takes_the_place_of_another_and_says_what_it_drops(archive: Archive, lung: Any) -> None:
    sam = actor_named(archive, "sam")
    first, second = make_submission(archive, lung), make_submission(archive, lung)
    same, uid, series = make_image(number=1), generate_uid(), generate_uid()
    old = make_image(number=2, SOPInstanceUID=uid, series=series)
    new = make_image(number=3, SOPInstanceUID=uid, series=series)
    send(archive, sam, first.id, [same, old, *make_series(2)])
    assert send(archive, sam, second.id, [same, new]) == ["repeated", "conflict"]
    advance_all(archive)
    seen = submissions.preview_replacement(archive, sam, second.id, of_submission=first.id)
    assert (seen.replaced, seen.repeated, seen.dropped, seen.stays) == (1, 1, 2, 0)
    assert [one.dropped for one in seen.losses] == [2]
    submissions.replace_delivery(archive, sam, second.id, seen.token, "sent wrongly", of_submission=first.id)
    advance_all(archive)
    counts = submissions.progress_of(archive, sam, first.id).counts
    assert (counts["cleaned"], counts["discarded"]) == (1, 3)
    assert submissions.progress_of(archive, sam, second.id).counts == {"cleaned": 1}
    assert submissions.replacements_of(archive, sam, second.id)[0].dropped == 2
    assert inbox(archive, "carla")[0].kind == "submission.replaced"


def test_nothing_is_dropped_that_was_not_shown(archive: Archive, lung: Any) -> None:
    sam = actor_named(archive, "sam")
    first, second = make_submission(archive, lung), make_submission(archive, lung)
    send(archive, sam, first.id, make_series(1))
    seen = submissions.preview_replacement(archive, sam, second.id, of_submission=first.id)
    send(archive, sam, first.id, make_series(1))
    with pytest.raises(submissions.Changed):
        submissions.replace_delivery(archive, sam, second.id, seen.token, "wrong", of_submission=first.id)
    assert submissions.progress_of(archive, sam, first.id).counts == {"received": 2}


def test_what_is_approved_stays(archive: Archive, lung: Any) -> None:
    sam = actor_named(archive, "sam")
    first, second = make_submission(archive, lung), make_submission(archive, lung)
    send(archive, sam, first.id, make_series(2))
    advance_all(archive)
    approve_all(archive)
    seen = submissions.preview_replacement(archive, sam, second.id, of_submission=first.id)
    assert (seen.dropped, seen.stays) == (0, 2)
    with pytest.raises(Invalid):
        submissions.replace_delivery(archive, sam, second.id, seen.token, "wrong", of_submission=first.id)


def test_named_series_are_replaced_alone_and_their_items_close(archive: Archive, lung: Any) -> None:
    sam, delivery = actor_named(archive, "sam"), make_submission(archive, lung)
    uid = generate_uid()
    send(archive, sam, delivery.id, [*make_series(2, series=uid), *make_series(1)])
    advance_all(archive)
    seen = submissions.preview_replacement(archive, sam, delivery.id, uids=[uid])
    submissions.replace_delivery(archive, sam, delivery.id, seen.token, "wrong patient", uids=[uid])
    advance_all(archive)
    assert submissions.progress_of(archive, sam, delivery.id).counts == {"discarded": 2, "cleaned": 1}
    assert len(reviews.queue(archive, SYSTEM, limit=10).items) == 1


def test_a_delivery_into_another_collection_is_not_replaced(archive: Archive, lung: Any) -> None:
    delivery = make_submission(archive, lung)
    other = make_submission(archive, make_collection(archive, "OTHER-1"))
    with pytest.raises(Invalid):
        submissions.preview_replacement(archive, SYSTEM, delivery.id, of_submission=other.id)
    with pytest.raises(submissions.UnknownSubmission):
        submissions.preview_replacement(archive, actor_named(archive, "sam"), delivery.id, of_submission=other.id)


# ---- ways in -------------------------------------------------------------------------------------------------------


def ruled(archive: Archive, **policy: Any) -> Archive:
    settings = read_settings(archive.settings.home, limits={"free_bytes": 0}, submissions=policy)
    return Archive(settings, archive.database, archive.objects, archive.held, archive.derived, archive.key)


def test_everybody_makes_a_private_project_where_the_archive_says_so(archive: Archive, lung: Any) -> None:
    central = ruled(archive, deposit="own-projects", own_projects=1)
    made = submissions.make_own_project(central, actor_named(archive, "eve"), "EVES", "Pictures of Eve")
    eve = actor_named(archive, "eve")
    assert eve.may_own(made.collection_id)
    assert not eve.is_administrator
    assert "EVES" not in [one.short_name for one in collections.listed(archive, actor_named(archive, "sam"))]
    with pytest.raises(Conflict):
        submissions.make_own_project(central, eve, "EVES-2", "More pictures")
    with pytest.raises(submissions.NotThisWay):
        submissions.make_own_project(archive, eve, "EVES-3", "More pictures")


def test_an_owner_invites_by_name(archive: Archive, lung: Any) -> None:
    collections.add_member(archive, SYSTEM, lung.id, number(archive, "carla"), "owner")
    assert submissions.invite_submitter(archive, actor_named(archive, "carla"), lung.id, "eve") == "appointed"
    assert actor_named(archive, "eve").may_submit(lung.id)
    assert inbox(archive, "eve")[0].kind == "submission.invited"
    with pytest.raises(Refused):
        submissions.invite_submitter(archive, actor_named(archive, "sam"), lung.id, "eve")


def test_an_archived_collection_takes_nothing_and_says_where_it_went(
    archive: Archive, public_archive: Archive, lung: Any
) -> None:
    delivery = make_submission(archive, lung)
    with pytest.raises(Conflict):
        submissions.set_successor(archive, SYSTEM, lung.id, "/collections/NEW-1")
    collections.edit(archive, SYSTEM, lung.id, collections.Draft("LUNG-1", "Lungs", state="archived"))
    submissions.set_successor(archive, SYSTEM, lung.id, "https://archive.test/new", "It moved.")
    found = submissions.successor_of(public_archive, lung.id)
    assert found is not None
    assert found.url == "https://archive.test/new"
    with pytest.raises(submissions.UnknownSender):
        send(archive, actor_named(archive, "sam"), delivery.id, make_series(1))


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "//evil.test", "/collections/../x\\y", "ftp://x.test/", "x" * 600]
)
def test_a_successor_is_an_address_of_the_web(archive: Archive, lung: Any, url: str) -> None:
    collections.edit(archive, SYSTEM, lung.id, collections.Draft("LUNG-1", "Lungs", state="archived"))
    with pytest.raises(Invalid):
        submissions.set_successor(archive, SYSTEM, lung.id, url)
