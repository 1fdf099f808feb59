"""Statements that only read: the same rows as a cursor gives, prepared once, and whole after whatever happens."""

from datetime import UTC, date, datetime

import psycopg
import pytest

from invivo import database
from invivo.images import asking, read_rows


def ask(archive, text, **values):
    return read_rows(archive, database.Statement(text, values))


def prepared(archive):
    return [row.statement for row in ask(archive, "select statement from pg_prepared_statements order by prepare_time")]


VALUES = {
    "text": ("Müller^Hans", "text"),
    "empty": ("", "text"),
    "none": (None, "text"),
    "number": (-7, "bigint"),
    "real": (2.5, "double precision"),
    "day": (date(2020, 2, 29), "date"),
    "moment": (datetime(2020, 2, 29, 12, 0, 1, tzinfo=UTC), "timestamptz"),
    "numbers": ([1, 2, 2**40], "bigint[]"),
    "nothing": ([], "text[]"),
    "texts": (['a "b"', "c\\d", "{e,f}", "", "null", " g ", "%"], "text[]"),
    "gaps": (["a", None], "text[]"),
    "truth": (True, "boolean"),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_comes_back_as_it_went(archive, name):
    value, kind = VALUES[name]
    for _ in range(2):
        (row,) = ask(archive, f"select %(it)s::{kind} as it, '\\x00ff'::bytea as bytes", it=value)
        assert (row.it, bytes(row.bytes)) == (value, b"\x00\xff")


def test_statements_that_differ_in_names_only_are_prepared_once(archive):
    assert ask(archive, "select %(a_1)s::int + %(b_2)s::int + %(a_1)s::int as sum", a_1=1, b_2=5)[0].sum == 7
    assert ask(archive, "select %(c_9)s::int + %(d_8)s::int + %(c_9)s::int as sum", c_9=2, d_8=5)[0].sum == 9
    assert sum("as sum" in one for one in prepared(archive)) == 1


def test_a_percent_sign_is_one(archive):
    assert ask(archive, "select 'a%%b' like %(it)s as fits", it="a\\%b")[0].fits


def test_a_nul_is_refused_and_never_cuts_a_text(archive):
    with pytest.raises(psycopg.DataError):
        ask(archive, "select %(it)s::text as it", it="a\x00b")


def test_statements_thrown_away_by_the_driver_are_prepared_again(archive):
    ask(archive, "select %(it)s::int as it", it=1)
    with archive.database.transaction() as tx:
        tx.execute("deallocate all")
    assert ask(archive, "select %(it)s::int as it", it=2)[0].it == 2


@pytest.mark.parametrize("text", ["select 1 / %(it)s::int as it", "select nothing from %(it)s"])
def test_an_error_is_raised_and_the_connection_serves_on(archive, text):
    ask(archive, "select 1 / %(it)s::int as it", it=1)
    with pytest.raises(psycopg.Error):
        ask(archive, text, it=0)
    assert ask(archive, "select 1 / %(it)s::int as it", it=1)[0].it == 1


def test_questions_of_many_shapes_do_not_pile_up(archive, monkeypatch):
    monkeypatch.setattr(asking, "MOST_PREPARED", 3)
    for number in range(9):
        assert ask(archive, f"select {number} as it")[0].it == number
    assert sum("as it" in one for one in prepared(archive)) <= 3
