"""Deleting takes two people and a date; until then all comes back, under a hold nothing goes, and a crash loses nothing."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from invivo import accounts, assessment, audit, images, quarantine, releases, search, storage
from invivo.archive import Archive
from invivo.errors import Refused
from invivo.releases import Named
from tests.factories import SYSTEM, actor_named, make_collection, make_person, make_series, publish

WHOLE = "everywhere"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a minute ago may go too."""
    remove = storage.DiskStore.remove
    monkeypatch.setattr(storage.DiskStore, "remove", lambda store, digest: remove(store, digest, 0.0))


@pytest.fixture
def cora(archive: Archive) -> accounts.Actor:
    make_person(archive, "cora", "curator")
    return actor_named(archive, "cora")


@pytest.fixture
def ada(archive: Archive) -> accounts.Actor:
    make_person(archive, "ada", "administrator")
    return actor_named(archive, "ada")


@pytest.fixture
def lung(archive: Archive) -> int:
    collection = make_collection(archive)
    publish(archive, collection, make_series(2, patient="A"))
    publish(archive, collection, make_series(1, patient="B"))
    return collection.id


def gone_series(archive: Archive, lung: int) -> tuple[str, list[str], int]:
    """Withdraw a series everywhere; return its UID, the digests of its objects and its key."""
    row = search.find(archive, SYSTEM, search.ALL).rows[0]
    digests = [one.digest for one in images.instances_of_series(archive, SYSTEM, row.series_uid)]
    images.write_metadata(archive, row.key)
    picture = archive.derived / "thumbnails" / digests[0][:2] / f"{digests[0]}-256.jpg"
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(b"a picture")
    releases.withdraw_named(archive, SYSTEM, lung, Named(series=(row.series_uid,)), "privacy", "A face.", scope=WHOLE)
    return row.series_uid, digests, row.key


def later(archive: Archive, days: int = 29) -> Archive:
    return replace(archive, clock=lambda: archive.clock() + timedelta(days=days))


def kept(archive: Archive, digests: list[str]) -> list[bool]:
    return [archive.objects.holds(one) for one in digests]


def folder_of(archive: Archive, key: int) -> Path:
    return archive.derived / str(key % 1000) / str(key)


def test_bytes_pictures_and_metadata_go_after_the_date_and_the_tombstone_stays(
    archive: Archive, lung: int, cora: accounts.Actor, ada: accounts.Actor
) -> None:
    uid, digests, key = gone_series(archive, lung)
    deletion = releases.ask_deletion(archive, cora, lung, [uid], "A face can be seen.")
    releases.decide_deletion(archive, ada, deletion, approve=True)
    assert releases.remove_due(archive) == 0
    assert kept(archive, digests) == [True, True]
    assert releases.remove_due(later(archive)) == 3
    assert kept(archive, digests) == [False, False]
    assert not folder_of(archive, key).exists()
    assert not list((archive.derived / "thumbnails").rglob("*.jpg"))
    with archive.database.transaction() as tx:
        left = tx.execute("select count(*) as n from images.instance where series_key = %s", [key]).fetchone()
        assert left is not None and left.n == 0
    stone = releases.tombstone_of(archive, accounts.ANONYMOUS, uid)
    assert stone is not None and stone.deleted_at is not None
    assert [one.state for one in releases.trash_of(archive, cora, lung)] == ["deleted"]
    with archive.database.transaction() as tx:
        verbs = {one.verb for one in audit.newest(tx)}
    assert {"deletion.ask", "deletion.approved", "deletion.remove", "deletion.deleted"} <= verbs
    assert search.find(archive, SYSTEM, search.ALL).total == 1
    assert assessment.check_some(archive, 5.0, now=True) == 1


def test_nobody_approves_their_own_not_even_by_a_token(archive: Archive, lung: int, ada: accounts.Actor) -> None:
    uid, _, _ = gone_series(archive, lung)
    deletion = releases.ask_deletion(archive, replace(ada, name="token:3"), lung, [uid], "A face.")
    for actor in (ada, replace(ada, name="token:4")):
        with pytest.raises(releases.SamePerson):
            releases.decide_deletion(archive, actor, deletion, approve=True)
    with pytest.raises(Refused):
        releases.decide_deletion(archive, SYSTEM, deletion, approve=True)
    assert [one.state for one in releases.trash_of(archive, ada, lung)] == ["asked"]


def test_a_curator_who_owns_nothing_cannot_approve(archive: Archive, lung: int, cora: accounts.Actor) -> None:
    uid, _, _ = gone_series(archive, lung)
    deletion = releases.ask_deletion(archive, cora, lung, [uid], "A face.")
    make_person(archive, "dora", "curator")
    with pytest.raises(Refused, match="owner"):
        releases.decide_deletion(archive, actor_named(archive, "dora"), deletion, approve=True)


def test_what_is_not_approved_is_never_deleted(archive: Archive, lung: int, cora: accounts.Actor) -> None:
    uid, digests, _ = gone_series(archive, lung)
    releases.ask_deletion(archive, cora, lung, [uid], "A face.")
    assert releases.remove_due(later(archive, 900)) == 0
    assert kept(archive, digests) == [True, True]


def test_restored_it_is_published_again_in_a_new_release_and_in_the_older_ones(
    archive: Archive, lung: int, cora: accounts.Actor, ada: accounts.Actor
) -> None:
    uid, digests, _ = gone_series(archive, lung)
    deletion = releases.ask_deletion(archive, cora, lung, [uid], "A face.")
    releases.decide_deletion(archive, ada, deletion, approve=True)
    assert releases.restore(archive, cora, deletion, publish=True) == 4
    again = images.find_series(archive, accounts.ANONYMOUS, uid)
    assert (again.first_release, again.revision, again.instance_count) == (4, 2, 2)
    assert [one.digest for one in images.instances_of_series(archive, accounts.ANONYMOUS, uid)] == digests
    assert images.find_series(archive, SYSTEM, uid, release=2).revision == 1
    with pytest.raises(images.UnknownSeries):
        images.find_series(archive, SYSTEM, uid, release=3)
    newest = releases.releases_of(archive, SYSTEM, lung)[0]
    assert (newest.number, newest.series_added, newest.instance_count) == (4, 1, 3)
    assert releases.remove_due(later(archive)) == 0
    releases.withdraw(archive, SYSTEM, lung, uid, "quality", "Blurred.")
    assert releases.describe(archive, SYSTEM, lung, 4).series_count == 2


def test_a_mark_taken_back_leaves_it_withdrawn_and_it_can_be_marked_again(
    archive: Archive, lung: int, cora: accounts.Actor
) -> None:
    uid, _, _ = gone_series(archive, lung)
    deletion = releases.ask_deletion(archive, cora, lung, [uid], "A face.")
    with pytest.raises(releases.InTrash):
        releases.ask_deletion(archive, cora, lung, [uid], "Again.")
    assert releases.hidden_series(archive, cora, lung) == []
    assert releases.restore(archive, cora, deletion) is None
    assert [one.series_uid for one in releases.hidden_series(archive, cora, lung)] == [uid]
    with pytest.raises(releases.DeletionDecided):
        releases.restore(archive, cora, deletion)
    releases.ask_deletion(archive, cora, lung, [uid], "Again.")


def test_the_second_of_two_deciders_is_told(
    archive: Archive, lung: int, cora: accounts.Actor, ada: accounts.Actor
) -> None:
    uid, _, _ = gone_series(archive, lung)
    deletion = releases.ask_deletion(archive, cora, lung, [uid], "A face.")
    releases.decide_deletion(archive, ada, deletion, approve=False, remark="Keep it.")
    with pytest.raises(releases.DeletionDecided, match="declined already"):
        releases.decide_deletion(archive, ada, deletion, approve=True)


def test_a_shared_file_stays_for_who_else_has_it(
    archive: Archive, lung: int, cora: accounts.Actor, ada: accounts.Actor
) -> None:
    uid, digests, _ = gone_series(archive, lung)
    with archive.database.transaction() as tx:
        tx.execute(
            "update images.instance set digest = %s where id = (select id from images.instance where upper_inf(releases) limit 1)",
            [digests[0]],
        )
    deletion = releases.ask_deletion(archive, cora, lung, [uid], "A face.")
    releases.decide_deletion(archive, ada, deletion, approve=True)
    releases.remove_due(later(archive))
    assert kept(archive, digests) == [True, False]


def test_a_crash_between_rows_and_files_is_made_good_by_the_next_sweep(
    archive: Archive, lung: int, cora: accounts.Actor, ada: accounts.Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid, digests, _ = gone_series(archive, lung)
    deletion = releases.ask_deletion(archive, cora, lung, [uid], "A face.")
    releases.decide_deletion(archive, ada, deletion, approve=True)

    def killed(_store: storage.DiskStore, _digest: str) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(storage.DiskStore, "remove", killed)
        with pytest.raises(KeyboardInterrupt):
            releases.remove_due(later(archive))
    assert [one.state for one in releases.trash_of(archive, ada, lung)] == ["removing"]
    with pytest.raises(releases.DeletionDecided):
        releases.restore(archive, cora, deletion, publish=True)
    assert releases.remove_due(archive) == 3
    assert kept(archive, digests) == [False, False]
    assert [one.state for one in releases.trash_of(archive, ada, lung)] == ["deleted"]


@pytest.mark.parametrize("of", ["collection", "subject", "series"])
def test_under_a_hold_nothing_is_deleted_until_it_is_lifted(
    archive: Archive, lung: int, cora: accounts.Actor, ada: accounts.Actor, of: str
) -> None:
    subject = search.find(archive, SYSTEM, search.ALL).rows[0].subject
    uid, digests, _ = gone_series(archive, lung)
    deletion = releases.ask_deletion(archive, cora, lung, [uid], "A face.")
    where = {"subject": {"subject_label": subject}, "series": {"series_uid": uid}}.get(of, {})
    hold = releases.set_hold(archive, ada, lung, "Lawsuit 4.", **where)
    with pytest.raises(releases.OnHold):
        releases.decide_deletion(archive, ada, deletion, approve=True)
    assert [one.on_hold for one in releases.trash_of(archive, cora, lung)] == [1]
    releases.lift_hold(archive, ada, hold, "Settled.")
    releases.decide_deletion(archive, ada, deletion, approve=True)
    hold = releases.set_hold(archive, ada, lung, "Lawsuit 5.", **where)
    assert releases.remove_due(later(archive)) == 0
    assert kept(archive, digests) == [True, True]
    releases.lift_hold(archive, ada, hold, "Settled.")
    assert releases.remove_due(later(archive)) == 3


def test_holds_are_set_by_owners_and_lifted_by_administrators(
    archive: Archive, lung: int, cora: accounts.Actor, ada: accounts.Actor
) -> None:
    with pytest.raises(Refused):
        releases.set_hold(archive, cora, lung, "Lawsuit.")
    hold = releases.set_hold(archive, ada, lung, "Lawsuit.")
    with pytest.raises(releases.HoldStands):
        releases.set_hold(archive, ada, lung, "Lawsuit again.")
    with pytest.raises(Refused):
        releases.lift_hold(archive, cora, hold, "No.")
    releases.lift_hold(archive, ada, hold, "Settled.")
    with pytest.raises(releases.HoldLifted):
        releases.lift_hold(archive, ada, hold, "Settled.")
    assert [one.stands for one in releases.holds_of(archive, cora, lung)] == [False]


def test_what_is_on_hold_can_still_be_withdrawn(archive: Archive, lung: int, ada: accounts.Actor) -> None:
    releases.set_hold(archive, ada, lung, "Lawsuit.")
    uid, digests, _ = gone_series(archive, lung)
    assert kept(archive, digests) == [True, True]
    with pytest.raises(releases.OnHold):
        releases.ask_deletion(archive, ada, lung, [uid], "A face.")


def test_the_public_process_reads_neither_trash_nor_reasons_of_holds(public_archive: Archive) -> None:
    for table in ("releases.deletion", "releases.deletion_series", "releases.removal"):
        with pytest.raises(Exception, match="permission denied"), public_archive.database.transaction() as tx:
            tx.execute(f"select * from {table}".encode())
    for column in ("releases.hold", "images.quality_mark"):
        with pytest.raises(Exception, match="permission denied"), public_archive.database.transaction() as tx:
            tx.execute(f"select * from {column}".encode())


def test_originals_of_a_collection_on_hold_stay_in_quarantine(archive: Archive, lung: int, ada: accounts.Actor) -> None:
    hold = releases.set_hold(archive, ada, lung, "Lawsuit.")
    assert quarantine.bury(archive) == 0
    releases.lift_hold(archive, ada, hold, "Settled.")
    assert quarantine.bury(archive) == 3
