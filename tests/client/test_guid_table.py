"""A table of people is read within limits, and errors name rows and columns, never values."""

import csv
from pathlib import Path

import pytest

from invivo import client
from invivo.client.guid_table import MOST_ROWS
from invivo.errors import Busy, Invalid, TooLarge
from tests.client.guid_vectors import ANNA, PYOTR

HEAD = ["id", "note", *client.COLUMNS]


def write(path: Path, *people: dict[str, str], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.DictWriter(stream, HEAD, restval="", delimiter=delimiter)
        writer.writeheader()
        writer.writerows(people)
    return path


@pytest.mark.parametrize(("delimiter", "encoding"), [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-8")])
def test_the_tables_of_spreadsheets_are_read(tmp_path: Path, delimiter: str, encoding: str) -> None:
    path = write(tmp_path / "p.csv", ANNA | {"id": "A-1"}, {}, PYOTR, delimiter=delimiter, encoding=encoding)
    table = client.read_people(path)
    assert [(row.number, row.local_id) for row in table.rows] == [(2, "A-1"), (4, "")]
    assert table.ignored == ("note",)


def test_all_that_is_wrong_is_named_by_row_and_column_without_values(tmp_path: Path) -> None:
    path = write(
        tmp_path / "p.csv", ANNA, ANNA | {"birth_country": "Gallia"}, PYOTR | {"birth_day": "30", "family_name": ""}
    )
    with pytest.raises(Invalid) as refused:
        client.read_people(path)
    said = str(refused.value)
    assert "row 3, birth_country" in said
    assert "row 4, birth_day" in said
    assert "row 4, family_name" in said
    assert not any(value in said for value in ("Gallia", "Anna", "Щербаков", "1988"))


def test_lacking_data_may_be_allowed_but_nonsense_may_not(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", ANNA, PYOTR | {"birth_city": ""})
    assert [row.fields is None for row in client.read_people(path, allow_lacking=True).rows] == [False, True]
    with pytest.raises(Invalid, match="row 2, sex"):
        client.read_people(write(tmp_path / "q.csv", PYOTR | {"birth_city": "", "sex": "q"}), allow_lacking=True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "lacks the columns"),
        (b"id,given_name\n", "lacks the columns"),
        (",".join(HEAD).encode() + b"\n", "no row"),
        (",".join([*HEAD, "id"]).encode() + b"\n", "twice"),
        (",".join(HEAD).encode() + b"\n" + b"x," * 40 + b"\n", "more cells"),
        (",".join(HEAD).encode() + b"\nM\xfcller\n", "UTF-8"),
        (",".join(HEAD).encode() + b'\n"never closed', "CSV"),
        (",".join(HEAD).encode() + b"\n" + b"x" * 200_000, "CSV"),
    ],
)
def test_what_is_no_such_table_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(content)
    with pytest.raises(Invalid, match=said):
        client.read_people(path)


def test_a_table_that_is_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_ROWS >= 100_000
    monkeypatch.setattr("invivo.client.guid_table.MOST_ROWS", 1)
    with pytest.raises(TooLarge):
        client.read_people(write(tmp_path / "p.csv", ANNA, PYOTR))


def test_what_is_done_stays_when_the_archive_wants_no_more(tmp_path: Path) -> None:
    rows = [client.Row(number, f"L-{number}", {}) for number in (2, 3, 5)]

    def parts():
        yield [client.Assigned(2, "INV-7K3M-9QXD-Y", "new")]
        raise Busy("Try again after noon.")

    with pytest.raises(Busy, match=r"1 of 3 rows .* --from-row 3 "):
        client.write_guids(tmp_path / "out.csv", rows, parts())
    assert (tmp_path / "out.csv").read_bytes() == b"row,id,guid,kind\r\n2,L-2,INV-7K3M-9QXD-Y,new\r\n"
