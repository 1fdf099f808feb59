"""`invivo profiles`, as an administrator uses it: rules come from files, wrong ones are told with their place."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from invivo import collections, submissions
from invivo.archive import Archive
from invivo.cli.application import application
from invivo.cli.options import installation
from tests.factories import SYSTEM, advance_all, deliver, make_collection, make_series, make_submission

COMMAND = application()
TOML = 'name = "lung"\nversion = "1"\nbase = "tcia"\n[[rules]]\nattribute = "SeriesDescription"\naction = "X"\n'
CTP = '<script><e en="T" t="00100010" n="PatientName">@lookup(this,ptid)</e></script>'


def invoke(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(COMMAND, ["profiles", *words], env={"COLUMNS": "1000"})
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("profiles") / "home"
    done = CliRunner().invoke(COMMAND, ["init", "--home", str(folder)])
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="module")
def served(home: Path) -> Iterator[Archive]:
    """The installation as it is being served: each command opens it beside that."""
    with installation(home) as archive:
        make_collection(archive, "LUNG-1")
        make_collection(archive, "BRAIN-1")
        yield archive


@pytest.fixture
def run(home: Path, served: Archive) -> "Run":
    return Run(home)


class Run:
    """Runs `invivo profiles` over the installation."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def __call__(self, *words: str, code: int = 0) -> str:
        return invoke(*words, "--home", str(self._home), code=code)


def put(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_new_collections_have_the_built_in_rules(run: Run) -> None:
    listed = json.loads(run("list", "--json"))
    assert {(one["collection"], one["version"], one["kind"]) for one in listed} >= {("BRAIN-1", 1, "builtin")}
    assert run("show", "BRAIN-1").split()[0] in ("basic", "tcia")


def test_rules_of_a_file_come_into_force_and_keep_their_history(run: Run, tmp_path: Path) -> None:
    file = put(tmp_path, "lung.toml", TOML)
    kept = run("set", "LUNG-1", file, "--draft", "--note", "to be looked at")
    assert "Version 2" in kept and "draft" in kept
    assert run("show", "LUNG-1").strip() != TOML.strip()
    assert run("show", "LUNG-1", "2").strip() == TOML.strip()
    told = run("set", "LUNG-1", file, "--heads", "hold", "--accept", "pixel.photograph")
    assert "Version 3" in told and "in force" in told
    assert run("show", "LUNG-1").strip() == TOML.strip()
    history = {one["version"]: one for one in json.loads(run("list", "LUNG-1", "--json"))}
    assert set(history) == {1, 2, 3}
    assert history[2]["in_force_at"] is None and history[2]["note"] == "to be looked at"
    assert (history[3]["heads"], history[3]["accepted"], history[3]["kind"]) == ("hold", ["pixel.photograph"], "toml")


def test_a_lookup_table_is_never_printed(run: Run, served: Archive, tmp_path: Path) -> None:
    script = put(tmp_path, "rules.xml", CTP)
    table = put(tmp_path, "lookup.properties", "ptid/Kowalczyk=LUNG-001\n")
    run("set", "BRAIN-1", script, "--lookup", table)
    told = run("show", "BRAIN-1") + run("list", "BRAIN-1", "--json")
    assert (
        "Kowalczyk"
        in collections.rules_history(served, SYSTEM, collections.collection_named(served, SYSTEM, "BRAIN-1").id)[
            0
        ].lookup
    )
    assert "Kowalczyk" not in told and "lookup(this" in told


def test_rules_are_run_again_here_over_what_is_held(run: Run, served: Archive, tmp_path: Path) -> None:
    collection = make_collection(served, "AGAIN-1")
    deliver(served, make_submission(served, collection), make_series(2))
    advance_all(served)
    run("set", "AGAIN-1", put(tmp_path, "lung.toml", TOML))
    assert "is done: 2 objects looked at, 2 changed" in run("rerun", "AGAIN-1", "--here")
    assert "is queued" in run("rerun", "AGAIN-1")
    assert "already" in run("rerun", "AGAIN-1", code=5)
    assert [one.kind for one in submissions.runs_of(served, SYSTEM, collection.id)] == ["rerun", "rerun"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("show", "NONE"), 4, "no collection named NONE"),
        (("list", "NONE"), 4, "no collection named NONE"),
        (("show", "BRAIN-1", "99"), 4, "99"),
        (("rerun", "NONE"), 4, "no collection named NONE"),
        (("set", "BRAIN-1", "nowhere.toml"), 2, "nowhere.toml"),
    ],
)
def test_wrong_input_gets_an_exit_code_and_what_to_do(run: Run, words: tuple[str, ...], code: int, said: str) -> None:
    assert said in " ".join(run(*words, code=code).split())


def test_wrong_rules_leave_what_is_in_force(run: Run, tmp_path: Path) -> None:
    before = run("show", "BRAIN-1")
    wrong = put(tmp_path, "wrong.toml", TOML.replace("SeriesDescription", "NoSuchAttribute"))
    assert "Line 5" in run("set", "BRAIN-1", wrong, code=2)
    good = put(tmp_path, "good.toml", TOML)
    run("set", "BRAIN-1", good, "--accept", "no.such-doubt", code=2)
    run("set", "BRAIN-1", good, "--heads", "perhaps", code=2)
    assert run("show", "BRAIN-1") == before


def test_rules_are_checked_without_an_installation(tmp_path: Path) -> None:
    for words in (["lung.toml", TOML], ["named", "tcia", "--kind", "builtin"]):
        said = invoke("check", put(tmp_path, *words[:2]), *words[2:])
        assert "can be carried out" in " ".join(said.split())  # a long path may have broken the line


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("unknown.toml", TOML.replace("SeriesDescription", "NoSuchAttribute"), "Line 5"),
        ("broken.toml", "name = \n", "Line 1"),
        ("script.xml", '<script><e en="T" t="00100010" n="x">@nosuch(this)</e></script>', "nosuch"),
        ("script.das", "(0010,0010) := nosuch[\n", "Line 1"),
        ("latin.toml", "name = \udce4", "UTF-8"),
        ("empty.toml", "", ""),
    ],
)
def test_wrong_rules_are_told_with_their_place(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    told = invoke("check", str(tmp_path / name), code=2)
    assert told.startswith("invivo:") and said in told and "Traceback" not in told


def test_a_file_that_is_far_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "large.toml").open("wb") as stream:
        stream.truncate(17 << 20)
    assert "larger than" in invoke("check", str(tmp_path / "large.toml"), code=6)
