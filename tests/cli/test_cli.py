"""The command line, as a person or a script uses it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from invivo import errors
from invivo.cli.output import EXIT
from tests.factories import make_image, make_series


def run(home: Path, *words: str, given: str = "", code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "invivo", *words, "--home", str(home)],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "home"
    run(folder, "init")
    run(folder, "collections", "create", "LUNG-1", "Lungs", "--review", "person")
    return folder


def test_an_account_is_made_with_a_password_from_standard_input(home: Path) -> None:
    run(home, "accounts", "create", "ada", "--administrator", given="a long enough password\n")
    listed = json.loads(run(home, "accounts", "list", "--json"))
    assert listed[0]["name"] == "ada"
    assert "password_hash" not in listed[0]
    assert run(home, "accounts", "token", "ada", "--scope", "read").startswith("invivo_")


def test_a_folder_is_imported_and_repeating_is_harmless(home: Path, tmp_path: Path) -> None:
    for number, content in enumerate(make_series(3)):
        (tmp_path / f"{number}.dcm").write_bytes(content)
    (tmp_path / "broken.dcm").write_bytes(make_image()[:300])
    assert "3 held" in run(home, "import", str(tmp_path), "--collection", "LUNG-1")
    assert "4 repeated" in run(home, "import", str(tmp_path), "--collection", "LUNG-1")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("import", "/nowhere", "--collection", "LUNG-1"), 2, "There is no"),
        (("collections", "create", "lung-1", "Again"), 5, "already"),
        (("submissions", "open", "NONE", "x"), 4, "no collection named NONE"),
        (("releases", "publish", "NONE"), 4, "no collection named NONE"),
        (("serve", "--role", "cook"), 2, "no role 'cook'"),
        (("serve", "--http", "nonsense"), 2, "HOST:PORT"),
    ],
)
def test_wrong_input_gets_an_exit_code_and_what_to_do(home: Path, words: tuple[str, ...], code: int, said: str) -> None:
    assert said in run(home, *words, code=code)


def test_a_folder_that_is_no_installation_is_said_to_be_none(tmp_path: Path) -> None:
    assert "invivo init" in run(tmp_path / "empty", "collections", "list", code=2)


def test_a_lost_key_is_never_replaced_in_silence(tmp_path: Path) -> None:
    run(tmp_path, "init")
    (tmp_path / "secrets" / "master.key").rename(tmp_path / "key")
    assert "backup" in run(tmp_path, "serve", "--role", "worker", code=8)


def test_every_family_of_errors_has_an_exit_code() -> None:
    assert set(EXIT) == set(errors.FAMILIES)


def test_a_setting_that_does_not_exist_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "invivo.toml").write_text("[http]\nbindd = '127.0.0.1:1'\n")
    assert "http.bindd" in run(tmp_path, "init", code=2)
