"""Ages and growth: the database and the columns tell the same, and each number is that of the list behind it."""

import sys
from collections.abc import Iterator

import pytest
from psycopg import connect

from invivo import accounts, search
from invivo.archive import Archive, make_folders, open_archive, read_key
from invivo.database import Postmaster
from invivo.search import keeper
from invivo.settings import read_settings
from tests.factories import SYSTEM, make_collection, make_image, publish

ANYBODY = accounts.ANONYMOUS
AGES = {
    "P-1": ("064Y", "071Y"),
    "P-2": ("018M",),
    "P-3": ("",),
    "P-4": ("089Y",),
    "P-5": ("095Y",),
    "P-6": ("060Y", "060Y"),
}


@pytest.fixture(scope="module")
def catalogue(postmaster: Postmaster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    admin = postmaster.dsn.replace("dbname=invivo", "dbname=postgres")
    with connect(admin, autocommit=True) as tx:
        tx.execute("create database growing template invivo")
    home = tmp_path_factory.mktemp("growing")
    make_folders(home)
    read_key(home, may_make=True)
    dsn = postmaster.dsn.replace("dbname=invivo", "dbname=growing")
    archive = open_archive(read_settings(home, limits={"free_bytes": 0}), dsn, "invivo_staff")
    files = [
        make_image(patient=patient, PatientAge=years, StudyDate=f"200{place}0101")
        for patient, all_years in AGES.items()
        for place, years in enumerate(all_years)
    ]
    publish(archive, make_collection(archive, "OPEN-1"), files)
    publish(
        archive, make_collection(archive, "SECRET", access="private"), [make_image(patient="P-9", PatientAge="030Y")]
    )
    with archive.database.transaction() as tx:
        tx.execute("update images.series set entered_at = '2019-12-31 12:00+00', size_bytes = 1000 where id % 3 = 0")
        tx.execute("update images.series set entered_at = '2020-02-01 12:00+00', size_bytes = 500 where id % 3 = 1")
    yield archive
    archive.database.close()


def both(archive: Archive, actor: accounts.Actor, monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, object]]:
    """Ask the database, then the columns."""
    told = []
    for is_held in (False, True):
        with monkeypatch.context() as patch:
            if is_held:
                keeper.read_now(archive)
            else:
                for name in ("age", "growth"):  # the room's verbs have the names of their files
                    patch.setattr(sys.modules[f"invivo.search.{name}"], "seen_by", lambda *_: None)
            told.append((search.ages(archive, actor, search.ALL), search.growth(archive, actor, search.ALL)))
    return told


@pytest.mark.parametrize("actor", [ANYBODY, SYSTEM], ids=["anybody", "staff"])
def test_columns_and_database_tell_the_same(
    catalogue: Archive, actor: accounts.Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_database, in_memory = both(catalogue, actor, monkeypatch)
    assert in_database == in_memory


def test_a_subject_counts_in_each_decade_and_those_without_an_age_are_told(catalogue: Archive) -> None:
    told = search.ages(catalogue, ANYBODY, search.ALL)
    assert told.decades == (1, 0, 0, 0, 0, 0, 2, 1, 1, 1)
    assert told.unknown == 1
    assert search.ages(catalogue, SYSTEM, search.ALL).decades[3] == 1


@pytest.mark.parametrize("decade", range(10))
def test_each_decade_is_the_list_behind_it(catalogue: Archive, decade: int) -> None:
    told = search.ages(catalogue, ANYBODY, search.ALL)
    asked = f"age>={decade * 10}" + (f" age<{decade * 10 + 10}" if decade < 9 else "")
    assert told.decades[decade] == search.count(catalogue, ANYBODY, search.read(asked), "subject")
    assert told.unknown == search.count(catalogue, ANYBODY, search.read("age:none"), "subject")


def test_growth_adds_up_to_what_is_there(catalogue: Archive) -> None:
    grown = search.growth(catalogue, ANYBODY, search.ALL)
    assert [f"{one.month:%Y-%m}" for one in grown][:2] == ["2019-12", "2020-02"]
    assert sum(one.series for one in grown) == search.count(catalogue, ANYBODY, search.ALL)
    assert grown[0].size_bytes == 1000 * grown[0].series
    for place, one in enumerate(grown):
        so_far = sum(earlier.series for earlier in grown[: place + 1])
        assert so_far == search.count(catalogue, ANYBODY, search.read(f"released<={one.month:%Y-%m}"))


def test_of_nothing_there_is_no_growth(catalogue: Archive) -> None:
    nothing = search.read("modality:XX")
    assert search.growth(catalogue, ANYBODY, nothing) == ()
    assert search.ages(catalogue, ANYBODY, nothing) == search.Ages((0,) * 10, 0)
