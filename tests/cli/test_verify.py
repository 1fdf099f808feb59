"""`invivo verify`, run as a person runs it: whole, then with a file that changed."""

import json
from pathlib import Path

from typer.testing import CliRunner

from invivo.archive import opened
from invivo.cli.application import application
from invivo.settings import read_settings
from tests.factories import make_collection, make_series, publish


def run(home: Path, *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(application(["verify"]), ["verify", "--home", str(home), *words], env={"COLUMNS": "1000"})
    assert done.exit_code == code, done.output
    return done.output


def test_verify_reads_every_file_and_names_what_changed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with opened(read_settings(home, limits={"free_bytes": 0})) as archive:
        publish(archive, make_collection(archive), make_series(2))
        with archive.database.transaction() as tx:
            row = tx.execute("select digest from images.instance order by id limit 1").fetchone()
        assert row is not None
        path = archive.objects.place(row.digest).path
    told = json.loads(run(home, "--json"))
    assert (told["files"]["objects"], told["damaged"]) == (2, [])
    path.chmod(0o600)
    path.write_bytes(b"something else")
    assert json.loads(run(home, "--no-files", "--json"))["faults"] == []
    assert f"{row.digest} is changed" in " ".join(run(home, code=8).split())
