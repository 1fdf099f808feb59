"""`invivo guid` against a served desk: what goes out is codes, what is written is labels."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send
from typer.testing import CliRunner

from invivo import accounts, client, collections
from invivo.archive import Archive
from invivo.cli import guid
from invivo.client import guid_code
from invivo.protocols.rest import desk_routes
from invivo.serving.identify import Identify
from tests.client.guid_vectors import ANNA, ANNA_AGAIN, PYOTR
from tests.factories import SYSTEM, actor_named, make_collection, make_person
from tests.protocols.serving import served

COMMAND = typer.Typer()
guid.register(COMMAND)
COMMAND.command("other")(lambda: None)  # with one command alone, typer would drop its name


class Desk:
    """The served doors, which keep what came in."""

    def __init__(self, archive: Archive) -> None:
        self._pages = Identify(Starlette(routes=desk_routes), archive)
        self.address, self.token = "", ""
        self.received = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def kept() -> dict[str, object]:
            message = await receive()
            self.received += message.get("body", b"")
            return dict(message)

        await self._pages(scope, kept, send)

    def run(self, *words: str, given: str = "", code: int = 0) -> str:
        to = ["--to", self.address, "--token", self.token]
        done = CliRunner().invoke(COMMAND, ["guid", *words, *to], input=given, env={"COLUMNS": "1000"})
        assert done.exit_code == code, done.output
        return done.output


@pytest.fixture
def desk(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk whose codes take no time."""
    monkeypatch.setattr("invivo.subjects.guid_rule.ITERATIONS", 10)
    monkeypatch.setitem(guid_code.RULES, "iterations", 10)
    make_person(archive, "sam")
    made = make_collection(archive)
    collections.add_member(archive, SYSTEM, made.id, actor_named(archive, "sam").person_id or 0, "submitter")
    one = Desk(archive)
    one.token = accounts.create_token(archive, actor_named(archive, "sam"), "for tests", ["submit"])[0]
    with served(one) as port:
        one.address = f"http://127.0.0.1:{port}"
        yield one


def people(path: Path, *rows: dict[str, str]) -> str:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, ["id", "ward", *client.COLUMNS], restval="")
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def read(path: Path) -> list[list[str]]:
    with path.open(newline="") as stream:
        return list(csv.reader(stream))


def test_a_table_of_people_becomes_a_table_of_guids(desk: Desk, tmp_path: Path) -> None:
    table = people(tmp_path / "p.csv", ANNA | {"id": "L-1", "ward": "7"}, PYOTR, ANNA_AGAIN | {"id": "L-3"})
    said = desk.run(table, "--out", str(tmp_path / "g.csv"))
    head, anna, pyotr, again = read(tmp_path / "g.csv")
    assert head == ["row", "id", "guid", "kind"]
    assert (anna[:2], anna[3], again[:2], again[3]) == (["2", "L-1"], "new", ["4", "L-3"], "existing")
    assert anna[2] == again[2] != pyotr[2]
    assert "2 new" in said or "1 existing, 2 new" in said
    assert "ward" in said


def test_nothing_personal_is_sent(desk: Desk, tmp_path: Path) -> None:
    desk.run(people(tmp_path / "p.csv", ANNA | {"id": "L-1"}, PYOTR), "--out", str(tmp_path / "g.csv"))
    sent = desk.received.decode().lower()
    fields = [client.person_of(one)[0] for one in (ANNA, PYOTR)]
    values = {*ANNA.values(), *PYOTR.values(), *(value for one in fields for value in one.values()), "l-1"}
    assert sent.count('"full"') == 2
    assert not [one for one in values if len(one) > 2 and one.lower() in sent]


def test_a_table_with_a_fault_is_not_sent(desk: Desk, tmp_path: Path) -> None:
    table = people(tmp_path / "p.csv", ANNA, PYOTR | {"birth_month": "Feb"})
    assert "row 3, birth_month" in desk.run(table, "--out", str(tmp_path / "g.csv"), code=2)
    assert not (tmp_path / "g.csv").exists()
    assert desk.received == b""


def test_rows_whose_data_are_lacking_get_pseudo_guids_when_asked_for(desk: Desk, tmp_path: Path) -> None:
    table = people(tmp_path / "p.csv", PYOTR | {"birth_city": ""}, ANNA)
    desk.run(table, "--out", str(tmp_path / "no.csv"), code=2)
    desk.run(table, "--out", str(tmp_path / "g.csv"), "--pseudo")
    assert [(row[0], row[3]) for row in read(tmp_path / "g.csv")[1:]] == [("2", "pseudo"), ("3", "new")]


def test_an_output_is_never_overwritten(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "g.csv").write_text("mine")
    desk.run(people(tmp_path / "p.csv", ANNA), "--out", str(tmp_path / "g.csv"), code=5)
    assert (tmp_path / "g.csv").read_text() == "mine"


def test_an_exhausted_quota_keeps_what_is_done_and_says_where_to_go_on(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("invivo.subjects.guid_quota.BURST", 1)
    monkeypatch.setattr("invivo.client.guid_table.TOGETHER", 1)
    said = desk.run(people(tmp_path / "p.csv", ANNA, PYOTR), "--out", str(tmp_path / "g.csv"), code=7)
    assert "--from-row 3" in said
    assert len(read(tmp_path / "g.csv")) == 2


def test_one_person_is_asked_for_and_asked_again_where_it_is_wrong(desk: Desk, tmp_path: Path) -> None:
    wrong = PYOTR | {"birth_month": "13"}
    answers = [wrong.get(column, "") for column in guid.QUESTIONS]
    said = desk.run("--single", given="\n".join([*answers, "2", ""]))
    assert "birth_month must be a number from 1 to 12." in said
    assert said.splitlines()[-1].endswith("new")


def test_a_pseudo_guid_is_promoted_by_the_data_of_its_person(desk: Desk) -> None:
    archive = client.Archive(desk.address, desk.token)
    with archive.http:
        pseudo = client.Guids(archive).pseudo([1])[0].guid
    answers = "\n".join([*(ANNA.get(column, "") for column in guid.QUESTIONS), ""])
    assert desk.run("--single", "--promote", pseudo.lower(), given=answers).splitlines()[-1].startswith("INV-")
    assert "stands for a GUID already" in desk.run("--single", "--promote", pseudo, given=answers, code=5)


def test_the_questions_are_the_columns() -> None:
    assert set(guid.QUESTIONS) == set(client.COLUMNS)


def test_a_guid_is_checked_without_an_archive() -> None:
    good = CliRunner().invoke(COMMAND, ["guid", "check", "inv7k3m9qxdy"])
    assert (good.exit_code, good.output) == (0, "INV-7K3M-9QXD-Y  well formed\n")
    bad = CliRunner().invoke(COMMAND, ["guid", "check", "INV-7K3M-9QXD-Y", "INV-7K3M-9QDX-Y"])
    assert bad.exit_code == 2
    assert "two are swapped" in bad.output


@pytest.mark.parametrize("words", [[], ["check"], ["p.csv"], ["a.csv", "b.csv"], ["p.csv", "--single"]])
def test_what_makes_no_sense_says_how_it_is_used(words: list[str]) -> None:
    done = CliRunner().invoke(COMMAND, ["guid", *words])
    assert done.exit_code == 2
    assert "invivo guid people.csv --out" in done.output


def test_a_wrong_token_is_said_to_be_wrong(desk: Desk, tmp_path: Path) -> None:
    desk.token = "invivo_nothing"
    assert "token" in desk.run(people(tmp_path / "p.csv", ANNA), "--out", str(tmp_path / "g.csv"), code=3)
