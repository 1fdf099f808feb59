"""`invivo init --preset`, run as a person runs it."""

import tomllib
from pathlib import Path

from typer.testing import CliRunner

from invivo import accounts, collections, submissions
from invivo.archive import opened
from invivo.cli.application import application
from invivo.settings import read_settings

COMMAND = application(["init"])


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(COMMAND, ["init", *words], env={"COLUMNS": "1000"})
    assert done.exit_code == code, done.output
    return done.output


def test_inhouse_is_a_plain_dicom_server_for_this_machine(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert "invivo serve" in run("--preset", "inhouse", "--home", str(home))
    assert tomllib.loads((home / "invivo.toml").read_text())["inhouse"] == {"identified": True}
    with opened(read_settings(home)) as archive:
        found = collections.collection_named(archive, accounts.ANONYMOUS, "INHOUSE")
        assert (found.review_rule, found.access) == ("direct", "open")
        with archive.database.transaction() as tx:
            for address in ("127.0.0.1", "127.7.7.7", "::1"):
                origin = submissions.Origin("dimse", called_aet="ANY", calling_aet="ANY", address=address)
                assert submissions.sender.destination_of(tx, origin).direct == found.id


def test_a_preset_does_not_touch_an_installation_that_has_settings(tmp_path: Path) -> None:
    (tmp_path / "invivo.toml").write_text('[site]\nname = "Mine"\n')
    run("--preset", "inhouse", "--home", str(tmp_path), code=2)
    assert "Mine" in (tmp_path / "invivo.toml").read_text()


def test_an_unknown_preset_is_refused_with_those_there_are(tmp_path: Path) -> None:
    assert "inhouse" in run("--preset", "outhouse", "--home", str(tmp_path / "home"), code=2)
    assert not (tmp_path / "home").exists()
