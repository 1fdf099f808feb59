"""Proposals: names by any piece of them, values with the count that a search finds, nothing that is hidden."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import connect

from invivo import accounts, search
from invivo.archive import Archive, make_folders, open_archive, read_key
from invivo.database import Postmaster
from invivo.search import keeper
from invivo.settings import read_settings
from tests.factories import SYSTEM, make_collection, make_image, publish
from tests.search.objects import segmentation, stack
from tests.search.test_columns import files_of
from tests.search.test_derived import describe_all

ANYBODY = accounts.ANONYMOUS
NAMES = (
    *("modality", "body-part", "manufacturer", "description", "slice-thickness", "study-date", "subject", "collection"),
    *("geometry", "has-segmentation", "segment", "segmented", "EchoTime", "SequenceName", "accession", "commercial"),
    "ImageType",
)


@pytest.fixture(scope="module")
def catalogue(postmaster: Postmaster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    admin = postmaster.dsn.replace("dbname=invivo", "dbname=postgres")
    with connect(admin, autocommit=True) as tx:
        tx.execute("create database suggested template invivo")
    home = tmp_path_factory.mktemp("suggested")
    make_folders(home)
    read_key(home, may_make=True)
    dsn = postmaster.dsn.replace("dbname=invivo", "dbname=suggested")
    archive = open_archive(read_settings(home, limits={"free_bytes": 0}), dsn, "invivo_staff")
    images = stack([0, 1, 2], patient="P-7")
    publish(archive, make_collection(archive, "OPEN-1"), [*files_of(0), *images, segmentation(images)])
    hidden = make_image(SequenceName="SECRET", Modality="MR", EchoTime=77, BodyPartExamined="HIDDENPART")
    publish(archive, make_collection(archive, "HIDDEN", access="private"), [hidden])
    describe_all(archive)
    yield archive
    archive.database.close()


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("slice th", "slice-thickness"),
        ("thick", "slice-thickness"),
        ("SliceThick", "slice-thickness"),
        ("modal", "modality"),
        ("segmentations", "has-segmentation"),
        ("imaget", "ImageType"),
        ("echonum", "EchoNumbers"),
        ("SegmentLabel", "SegmentSequence.SegmentLabel"),
    ],
)
def test_attributes_are_found_by_a_piece_of_name_or_title(catalogue: Archive, text: str, first: str) -> None:
    assert search.suggest_attributes(catalogue, ANYBODY, text)[0].name == first


def test_every_example_can_be_asked(catalogue: Archive) -> None:
    for text in ("", "a", "s", "e", "thickness", "code", "date"):
        for proposal in search.suggest_attributes(catalogue, ANYBODY, text, 50):
            search.read(proposal.example)


def test_the_example_of_an_attribute_is_never_of_a_hidden_series(catalogue: Archive) -> None:
    for actor, is_told in ((ANYBODY, False), (SYSTEM, True)):
        told = search.suggest_attributes(catalogue, actor, "SequenceName")
        assert any("SECRET" in one.example for one in told) is is_told


@pytest.mark.parametrize("is_held", [False, True])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rest", ["", "modality:CT", "not modality:CT", "lung"])
def test_values_come_with_the_count_that_a_search_finds(
    catalogue: Archive, name: str, rest: str, is_held: bool
) -> None:
    if is_held:
        keeper.read_now(catalogue)
    else:
        keeper._of(catalogue).index = None
    query = search.read(rest)
    field = search.field_named(name)
    for value, number in search.suggest_values(catalogue, ANYBODY, name, "", query):
        chosen = search.And((query, search.Compare(field, "is", (value,))))
        assert search.count(catalogue, ANYBODY, chosen) == number > 0
        assert "HIDDEN" not in value


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("modality", "c", [("CT", 5)]),
        ("body-part", "HEA", [("Head", 6)]),
        ("description", "mprage", [("t1 mprage", 2), ("T1_MPRAGE-sag", 2)]),
        ("segment", "lun", [("Left Lung", 1), ("Lung", 1)]),
        ("segmented", "lung", [("Left Lung", 1), ("Lung", 1)]),
        ("geometry", "reg", [("regular", 2)]),
        ("slice-thickness", "2", [("2.5", 3)]),
        ("time-points", "", []),
        ("downloaded", "", []),
    ],
)
@pytest.mark.parametrize("is_held", [False, True])
def test_a_piece_of_a_value_is_enough(
    catalogue: Archive, name: str, text: str, expected: list[tuple[str, int]], is_held: bool
) -> None:
    if is_held:
        keeper.read_now(catalogue)
    else:
        keeper._of(catalogue).index = None
    assert sorted(search.suggest_values(catalogue, ANYBODY, name, text)) == sorted(expected)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=30), name=st.sampled_from(NAMES))
def test_any_text_may_be_typed(catalogue: Archive, text: str, name: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    search.suggest_attributes(catalogue, ANYBODY, text)
    search.suggest_values(catalogue, ANYBODY, name, text)
