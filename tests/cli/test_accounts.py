"""`invivo accounts` does at the machine what the administrator's pages do."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from invivo import accounts
from invivo.archive import opened
from invivo.cli.application import application
from invivo.settings import read_settings
from tests.factories import SYSTEM


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("accounts") / "home"
    ask(folder, "init", whole=True)
    (folder / "invivo.toml").write_text('[accounts]\nregistration = "moderated"\n')
    ask(folder, "create", "ada", given="a long enough password\n")
    return folder


def ask(home: Path, *words: str, given: str = "", code: int = 0, whole: bool = False) -> str:
    command = [*words] if whole else ["accounts", *words]
    done = CliRunner().invoke(application(command), [*command, "--home", str(home)], input=given)
    assert done.exit_code == code, done.output
    return done.output


def test_who_waits_is_approved_or_declined(home: Path) -> None:
    with opened(read_settings(home)) as archive:
        for name in ("olga", "mona"):
            known = accounts.Asking(name, f"{name}@example.org")
            secret = accounts.ask_for_account(archive, known, is_mail_checked=True)
            accounts.finish_registration(archive, secret, name, "four words are better")
    waiting = json.loads(ask(home, "registrations", "--json"))
    assert [one["name"] for one in waiting] == ["olga", "mona"]
    ask(home, "approve", str(waiting[0]["id"]))
    ask(home, "decline", str(waiting[1]["id"]), "--reason", "Who are you?")
    names = [one["name"] for one in json.loads(ask(home, "list", "--json"))]
    assert "olga" in names
    assert "mona" not in names


def test_a_printed_link_sets_a_new_password(home: Path) -> None:
    secret = ask(home, "password-link", "ada").strip().rpartition("/")[2]
    with opened(read_settings(home)) as archive:
        assert accounts.whose_password_link(archive, secret) == "ada"


def test_an_account_is_closed_and_opened_again(home: Path) -> None:
    ask(home, "create", "root", "--administrator", given="a long enough password\n")
    ask(home, "close", "ada")
    ask(home, "reopen", "ada")
    with opened(read_settings(home)) as archive:
        assert accounts.person_named(archive, "ada").is_active


def test_terms_come_out_of_a_file(home: Path, tmp_path: Path) -> None:
    text = tmp_path / "terms.md"
    text.write_text("Be kind.")
    ask(home, "terms", "2026-1", str(text))
    with opened(read_settings(home)) as archive:
        shown = accounts.current_terms(archive)
    assert shown
    assert shown.text == "Be kind."


def test_invitations_factors_and_locks_are_at_hand(home: Path) -> None:
    assert "outbox" in ask(home, "invite", "eve@example.org")
    ask(home, "reset-factors", "ada")
    ask(home, "unlock", "ada", code=4)  # nothing holds it back
    with opened(read_settings(home)) as archive:
        assert [one.email for one in accounts.invitations(archive, SYSTEM)] == ["eve@example.org"]
