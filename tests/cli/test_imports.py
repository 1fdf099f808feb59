"""`invivo import --idc-index`, as a person uses it."""

import json
from pathlib import Path

import pytest

from tests.cli.test_cli import run
from tests.fakes.idc_index import about, row, write_index


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imports") / "home"
    run(folder, "init")
    return folder


def test_a_catalogue_is_announced_loaded_and_left_alone(home: Path, tmp_path: Path) -> None:
    folder = str(write_index(tmp_path, [row(1), row(2)], [about("nlst", "NLST")]))
    assert "nothing was written" in run(home, "import", "--idc-index", folder, "--dry-run")
    (done,) = json.loads(run(home, "import", "--idc-index", folder, "--json"))
    assert (done["collection"], done["outcome"], done["added"]) == ("NLST", "new", 2)
    assert "1 unchanged" in run(home, "import", "--idc-index", folder)
    newer = str(write_index(tmp_path / "newer", [row(2, "lidc_idri")], [about("lidc_idri", "LIDC-IDRI")], 26))
    announced = json.loads(run(home, "import", "--idc-index", newer, "--dry-run", "--json"))
    assert {(one["outcome"]) for one in announced} == {"new", "ended"}
    done = json.loads(run(home, "import", "--idc-index", newer, "--json"))
    assert {(one["collection"], one["added"], one["withdrawn"]) for one in done} == {
        ("LIDC-IDRI", 1, 0),
        ("NLST", 0, 2),
    }


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("import",), 2, "one --collection"),
        (("import", "--idc-index", "/nowhere"), 4, "idc-index-data"),
        (("import", "a", "b", "--idc-index"), 2, "one folder"),
        (("import", "a", "--collection", "A", "--limit", "3"), 2, "one --collection"),
    ],
)
def test_wrong_words_are_answered(home: Path, words: tuple[str, ...], code: int, said: str) -> None:
    assert said in run(home, *words, code=code)
