"""Licences of series: chosen before a release, the same for ever after."""

import pytest

from invivo import accounts, collections, downloads, images, releases, search
from invivo.archive import Archive
from invivo.errors import Invalid, Refused
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
)

NC = "CC-BY-NC-4.0"


@pytest.fixture
def lung(archive: Archive) -> collections.Collection:
    """A collection with two cleared series of one subject each, a CT and an MR."""
    made = make_collection(archive)
    files = make_series(1, patient="P-1") + make_series(1, patient="P-2", Modality="MR")
    deliver(archive, make_submission(archive, made), files)
    advance_all(archive)
    approve_all(archive)
    return made


def licences(archive: Archive) -> dict[str, str]:
    return {row.modality: row.licence for row in search.find(archive, accounts.ANONYMOUS, search.ALL).rows}


def test_a_modality_has_the_licence_that_was_chosen_everywhere(archive: Archive, lung: collections.Collection) -> None:
    releases.choose_licence(archive, SYSTEM, lung.id, "modality", "MR", NC)
    assert sorted(releases.preview(archive, SYSTEM, lung.id).licences.values()) == ["CC-BY-4.0", NC]
    releases.publish(archive, SYSTEM, lung.id)
    assert licences(archive) == {"CT": "CC-BY-4.0", "MR": NC}
    shares = releases.licence_shares(archive, accounts.ANONYMOUS, lung.id, 1)
    assert [(one.licence.id, one.series) for one in shares] == [("CC-BY-4.0", 1), (NC, 1)]
    told = releases.datacite_attributes(releases.describe(archive, accounts.ANONYMOUS, lung.id, 1))
    assert [one["rightsIdentifier"] for one in told["rightsList"]] == ["CC-BY-4.0", NC]
    selection = downloads.select(archive, accounts.ANONYMOUS, collection="LUNG-1")
    assert selection.licences == ("CC-BY-4.0", NC)
    assert "CC-BY-NC-4.0" in downloads.licence_text(selection)


def test_the_narrower_choice_wins(archive: Archive, lung: collections.Collection) -> None:
    waiting = {one[1]: one for one in releases.preview(archive, SYSTEM, lung.id).series}
    releases.choose_licence(archive, SYSTEM, lung.id, "modality", "MR", NC)
    releases.choose_licence(archive, SYSTEM, lung.id, "subject", waiting["MR"][2], "CC0-1.0")
    releases.choose_licence(archive, SYSTEM, lung.id, "series", waiting["CT"][0], NC)
    releases.publish(archive, SYSTEM, lung.id)
    assert licences(archive) == {"CT": NC, "MR": "CC0-1.0"}


def test_what_is_released_keeps_its_licence_and_a_change_says_what_to_do(
    archive: Archive, lung: collections.Collection
) -> None:
    releases.publish(archive, SYSTEM, lung.id)
    uid = search.find(archive, SYSTEM, search.ALL).rows[0].series_uid
    with pytest.raises(releases.LicenceReleased, match="new release"):
        releases.choose_licence(archive, SYSTEM, lung.id, "series", uid, NC)
    with archive.database.transaction() as tx:
        tx.execute("update collections.collection set licence = 'CC0-1.0' where id = %s", [lung.id])
    assert images.find_series(archive, accounts.ANONYMOUS, uid).licence == "CC-BY-4.0"


@pytest.mark.parametrize(
    ("kind", "value", "licence"), [("colour", "CT", NC), ("modality", "", NC), ("modality", "CT", "WTF")]
)
def test_a_choice_that_means_nothing_is_refused(
    archive: Archive, lung: collections.Collection, kind: str, value: str, licence: str
) -> None:
    with pytest.raises(Invalid):
        releases.choose_licence(archive, SYSTEM, lung.id, kind, value, licence)


def test_only_curators_choose(archive: Archive, lung: collections.Collection) -> None:
    make_person(archive, "eve")
    with pytest.raises(Refused):
        releases.choose_licence(archive, actor_named(archive, "eve"), lung.id, "modality", "CT", NC)
