"""Withdrawing several series at once, from now on or everywhere: what stays, and that no door gives the rest."""

import pytest
from pydicom.uid import generate_uid

from invivo import accounts, downloads, images, releases, search
from invivo.archive import Archive
from invivo.errors import Invalid, Refused
from invivo.releases import Named
from tests.factories import (
    SYSTEM,
    actor_named,
    advance_all,
    approve_all,
    deliver,
    make_collection,
    make_person,
    make_series,
    make_submission,
    publish,
)


def rows(archive: Archive) -> list[search.Found]:
    return list(search.find(archive, accounts.ANONYMOUS, search.ALL).rows)


@pytest.fixture
def lung(archive: Archive) -> int:
    """Two studies of one subject, one of another, in release 1."""
    collection = make_collection(archive)
    submission = make_submission(archive, collection)
    study = generate_uid()
    for files in (
        make_series(2, patient="A", study=study),
        make_series(1, patient="A", study=study),
        make_series(1, patient="A"),
        make_series(1, patient="B"),
    ):
        deliver(archive, submission, files)
    advance_all(archive)
    approve_all(archive)
    releases.publish(archive, SYSTEM, collection.id)
    return collection.id


def subject_of_three(archive: Archive) -> str:
    return str(max((row.subject for row in rows(archive)), key=[row.subject for row in rows(archive)].count))


def test_a_subject_is_withdrawn_in_one_release_with_a_tombstone_a_series(archive: Archive, lung: int) -> None:
    named = Named(subjects=(subject_of_three(archive),))
    plan = releases.plan_withdrawal(archive, SYSTEM, lung, named)
    assert (len(plan.series), plan.instance_count, plan.unknown) == (3, 4, ())
    assert releases.withdraw_named(archive, SYSTEM, lung, named, "consent", "Asked for.", expected=3) == 2
    assert len(rows(archive)) == 1
    newest = releases.releases_of(archive, SYSTEM, lung)[0]
    assert (newest.number, newest.series_withdrawn) == (2, 3)
    assert {one.series_uid for one in releases.tombstones_of(archive, SYSTEM, lung)} == {one.uid for one in plan.series}


def test_a_study_and_a_series_go_together(archive: Archive, lung: int) -> None:
    found = rows(archive)
    study = next(row.study_uid for row in found if [one.study_uid for one in found].count(row.study_uid) == 2)
    other = next(row.series_uid for row in found if row.study_uid != study)
    releases.withdraw_named(archive, SYSTEM, lung, Named(studies=(study,), series=(other,)), "quality", "Blurred.")
    assert len(rows(archive)) == 1


def test_onward_keeps_older_releases_and_everywhere_does_not(archive: Archive, lung: int) -> None:
    first, second = (row.series_uid for row in rows(archive)[:2])
    releases.withdraw_named(archive, SYSTEM, lung, Named(series=(first,)), "quality", "Blurred.")
    releases.withdraw_named(archive, SYSTEM, lung, Named(series=(second,)), "privacy", "A face.", scope="everywhere")
    assert images.find_series(archive, accounts.ANONYMOUS, first, release=1).uid == first
    for release in (1, 2, 3, None):
        with pytest.raises(images.UnknownSeries):
            images.find_series(archive, SYSTEM, second, release=release)
    assert releases.describe(archive, SYSTEM, lung, 1).series_count == 3
    assert first in {one.series_uid for one in releases.difference(archive, SYSTEM, lung, 1, 3)}
    assert second not in {one.series_uid for one in releases.difference(archive, SYSTEM, lung, 0, 1)}


def test_what_was_withdrawn_onward_can_be_withdrawn_everywhere_later_without_a_release(
    archive: Archive, lung: int
) -> None:
    uid = rows(archive)[0].series_uid
    releases.withdraw(archive, SYSTEM, lung, uid, "quality", "Blurred.")
    named = Named(series=(uid,))
    assert releases.plan_withdrawal(archive, SYSTEM, lung, named).series == ()
    assert releases.withdraw_named(archive, SYSTEM, lung, named, "privacy", "A face.", scope="everywhere") == 2
    assert len(releases.releases_of(archive, SYSTEM, lung)) == 2
    stones = releases.tombstones_of(archive, SYSTEM, lung)
    assert [(one.scope, one.reason_class) for one in stones] == [("everywhere", "privacy")]
    with pytest.raises(images.UnknownSeries):
        images.find_series(archive, SYSTEM, uid, release=1)


def test_another_number_than_was_shown_is_refused(archive: Archive, lung: int) -> None:
    named = Named(subjects=(subject_of_three(archive),))
    uid = next(one.uid for one in releases.plan_withdrawal(archive, SYSTEM, lung, named).series)
    releases.withdraw(archive, SYSTEM, lung, uid, "quality", "Blurred.")
    with pytest.raises(releases.WithdrawalChanged, match="2 series now, and was 3"):
        releases.withdraw_named(archive, SYSTEM, lung, named, "consent", "Asked for.", expected=3)
    assert len(rows(archive)) == 3


def test_no_download_finds_what_is_withdrawn_everywhere(archive: Archive, lung: int) -> None:
    row = rows(archive)[0]
    releases.withdraw_named(
        archive, SYSTEM, lung, Named(series=(row.series_uid,)), "privacy", "A face.", scope="everywhere"
    )
    with pytest.raises(downloads.NothingChosen):
        downloads.select(archive, SYSTEM, series_uids=[row.series_uid])
    assert images.instances_of_series(archive, SYSTEM, row.series_uid) == []
    assert row.series_uid not in {one for one, _, _ in downloads.select(archive, SYSTEM, collection="LUNG-1").licensed}


def test_only_curators_withdraw_and_unknown_names_are_told(archive: Archive, lung: int) -> None:
    make_person(archive, "bob")
    with pytest.raises(Refused):
        releases.withdraw_named(archive, actor_named(archive, "bob"), lung, Named(subjects=("x",)), "other", "No.")
    with pytest.raises(Refused):
        releases.plan_withdrawal(archive, actor_named(archive, "bob"), lung, Named(subjects=("x",)))
    assert releases.plan_withdrawal(archive, SYSTEM, lung, Named(studies=("1.2.3",))).unknown == ("1.2.3",)
    with pytest.raises(Invalid):
        releases.withdraw_named(archive, SYSTEM, lung, Named(), "other", "Nothing named.")


def test_the_same_series_may_come_again_after_it_was_withdrawn_everywhere(archive: Archive) -> None:
    files = make_series(2)
    collection = make_collection(archive)
    publish(archive, collection, files)
    uid = rows(archive)[0].series_uid
    releases.withdraw_named(
        archive, SYSTEM, collection.id, Named(series=(uid,)), "privacy", "A face.", scope="everywhere"
    )
    assert publish(archive, collection, files) == 3
    assert [row.series_uid for row in rows(archive)] == [uid]
    with pytest.raises(images.UnknownSeries):
        images.find_series(archive, SYSTEM, uid, release=1)
