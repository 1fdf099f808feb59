"""Sorted answers: memory and database agree row by row, pages leave nothing out, and tokens fit their question only."""

import base64
from collections.abc import Iterator

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import connect

from invivo import accounts, search
from invivo.archive import Archive, make_folders, open_archive, read_key
from invivo.database import Postmaster
from invivo.errors import Invalid
from invivo.search import keeper, result
from invivo.settings import read_settings
from tests.factories import SYSTEM, make_collection, publish
from tests.search.test_columns import files_of

ANYBODY = accounts.ANONYMOUS
QUERIES = ("", "modality:(CT or MR)", "slice-thickness:none", "subject with (modality:PT)", "nothing-like-this", "head")
NAMES = (
    *("slice-thickness", "study-date", "body-part", "description", "modality", "subject", "size", "images", "age"),
    *("collection", "series", "accession", "kvp", "series-date", "contrast", "geometry", "series-count", "study-count"),
)


@pytest.fixture(scope="module")
def catalogue(postmaster: Postmaster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    admin = postmaster.dsn.replace("dbname=invivo", "dbname=postgres")
    with connect(admin, autocommit=True) as tx:
        tx.execute("create database orders template invivo")
    home = tmp_path_factory.mktemp("orders")
    make_folders(home)
    read_key(home, may_make=True)
    dsn = postmaster.dsn.replace("dbname=invivo", "dbname=orders")
    archive = open_archive(read_settings(home, limits={"free_bytes": 0}), dsn, "invivo_staff")
    publish(archive, make_collection(archive, "OPEN-1"), files_of(0, 14))
    publish(archive, make_collection(archive, "open-2", licence="CC0-1.0"), files_of(3, 7))
    publish(archive, make_collection(archive, "SECRET", access="private"), files_of(5, 4))
    yield archive
    archive.database.close()


def pages(archive: Archive, text: str, level: str, order: str, size: int) -> list[int]:
    """Read an answer page by page; what each page says of the whole is right."""
    query, found, token = search.read(text), [], ""
    total = search.count(archive, ANYBODY, query, level)
    while True:
        page = search.find(archive, ANYBODY, query, level, order=order, token=token, limit=size)
        assert page.total == total
        found += [row.place for row in page.rows]
        if not page.token:
            assert len(found) == len(set(found)) == total
            return found
        assert len(page.rows) == size
        token = page.token


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.sampled_from(QUERIES),
    level=st.sampled_from(search.LEVELS),
    name=st.sampled_from(["", *NAMES]),
    down=st.booleans(),
    size=st.sampled_from([1, 3, 5, 100]),
)
def test_memory_and_database_sort_alike_on_every_page(
    catalogue: Archive, text: str, level: str, name: str, down: bool, size: int
) -> None:
    order = f"-{name}" if down and name else name
    if name and name not in search.orders(level):
        with pytest.raises(Invalid, match="cannot be sorted"):
            search.find(catalogue, ANYBODY, search.ALL, level, order=order)
        return
    keeper._of(catalogue).index = None
    by_database = pages(catalogue, text, level, order, size)
    keeper.read_now(catalogue)
    assert keeper.seen_by(catalogue, ANYBODY) is not None
    assert pages(catalogue, text, level, order, size) == by_database


def test_rows_stand_in_the_asked_order_and_those_without_a_value_last(catalogue: Archive) -> None:
    keeper.read_now(catalogue)
    for order, is_down in (("slice-thickness", False), ("-slice-thickness", True)):
        rows = search.find(catalogue, ANYBODY, search.ALL, order=order).rows
        told = [row.slice_thickness_mm for row in rows]
        known = [one for one in told if one is not None]
        assert known == sorted(known, reverse=is_down)
        assert told == known + [None] * (len(told) - len(known))
    down = [row.size_bytes for row in search.find(catalogue, ANYBODY, search.ALL, "study", order="-size").rows]
    assert down == sorted(down, reverse=True)


def test_collections_count_what_of_them_is_found(catalogue: Archive) -> None:
    for is_held in (False, True):
        if is_held:
            keeper.read_now(catalogue)
        else:
            keeper._of(catalogue).index = None
        page = search.find(catalogue, ANYBODY, search.read("modality:CT"), "collection", order="-series-count")
        assert [(row.collection, row.modalities) for row in page.rows] == [("OPEN-1", ("CT",)), ("open-2", ("CT",))]
        assert page.total == search.count(catalogue, ANYBODY, search.read("modality:CT"), "collection") == 2
        assert sum(row.series_count for row in page.rows) == search.count(
            catalogue, ANYBODY, search.read("modality:CT")
        )
        everything = search.find(catalogue, SYSTEM, search.ALL, "collection")
        assert len(everything.rows) == 3


def test_a_token_fits_its_question_level_and_order_only(catalogue: Archive) -> None:
    token = search.find(catalogue, ANYBODY, search.read("ct"), order="size", limit=1).token
    arrival = search.find(catalogue, ANYBODY, search.read("ct"), limit=1).token
    for text, level, order, given_token in (
        ("mr", "series", "size", token),
        ("ct", "study", "size", token),
        ("ct", "series", "-size", token),
        ("ct", "series", "", token),
        ("mr", "series", "", arrival),
    ):
        with pytest.raises(Invalid, match="another question") as fault:
            search.find(catalogue, ANYBODY, search.read(text), level, order=order, token=given_token)
        assert fault.value.kind == "search.other-question"


def forged(token: str, **changed: object) -> str:
    digest, value, key = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    told = [digest, changed.get("value", value), changed.get("key", key)]
    return base64.urlsafe_b64encode(orjson.dumps(told)).decode().rstrip("=")


@pytest.mark.parametrize("token", ["x", "....", "é", "W10", "e30", "bnVsbA", "A" * 5000, "[1]"])
def test_what_is_no_token_is_refused(catalogue: Archive, token: str) -> None:
    with pytest.raises(Invalid) as fault:
        search.find(catalogue, ANYBODY, search.ALL, order="size", token=token)
    assert fault.value.kind == "search.token"


@pytest.mark.parametrize(
    "changed",
    [
        {"value": "x"},
        {"value": True},
        {"value": [1]},
        {"key": "1"},
        {"key": -1},
        {"key": 2**63},
        {"key": None},
        {"key": 1.5},
    ],
)
def test_a_forged_token_is_refused(catalogue: Archive, changed: dict[str, object]) -> None:
    token = search.find(catalogue, ANYBODY, search.ALL, order="size", limit=1).token
    with pytest.raises(Invalid) as fault:
        search.find(catalogue, ANYBODY, search.ALL, order="size", token=forged(token, **changed))
    assert fault.value.kind == "search.token"


@pytest.mark.parametrize("value", ["x", "2020-13-01", "20200101", 5, "2020-01-01\0"])
def test_a_forged_day_is_refused(catalogue: Archive, value: object) -> None:
    token = search.find(catalogue, ANYBODY, search.ALL, order="study-date", limit=1).token
    with pytest.raises(Invalid, match="no page token"):
        search.find(catalogue, ANYBODY, search.ALL, order="study-date", token=forged(token, value=value))


def test_an_unknown_order_names_the_nearest(catalogue: Archive) -> None:
    with pytest.raises(Invalid, match="Did you mean study-date"):
        search.find(catalogue, ANYBODY, search.ALL, order="studydate")


def test_a_value_that_is_gone_keeps_its_place(catalogue: Archive) -> None:
    keeper.read_now(catalogue)
    token = search.find(catalogue, ANYBODY, search.ALL, order="body-part", limit=1).token
    page = search.find(catalogue, ANYBODY, search.ALL, order="body-part", token=forged(token, value="d"), limit=100)
    keeper._of(catalogue).index = None
    same = search.find(catalogue, ANYBODY, search.ALL, order="body-part", token=forged(token, value="d"), limit=100)
    assert [row.place for row in page.rows] == [row.place for row in same.rows]
    assert result.LEVELS == ("series", "study", "subject", "collection")
