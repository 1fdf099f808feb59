"""The examples of docs/python.md and docs/published-index.md and the notebook, run against an archive as they stand."""

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from invivo import releases
from invivo.archive import Archive as Installation
from invivo.cli.application import application
from invivo.client import layout, query_index
from tests.factories import make_collection, make_series, publish

DOCS = Path(__file__).parents[2] / "docs"
HAS_DUCKDB = importlib.util.find_spec("duckdb") is not None


@pytest.fixture
def url(archive: Installation, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    publish(archive, make_collection(archive), make_series(3, patient="A") + make_series(3, patient="B"))
    releases.write_index(archive)
    monkeypatch.chdir(tmp_path)
    yield f"http://127.0.0.1:{port}"


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / name).read_text("utf-8"), re.S | re.M)


def test_examples_of_python_run_one_after_the_other(url: str) -> None:
    known = {"url": url}
    for block in blocks("python.md", "python"):
        exec(compile(block, "python.md", "exec"), known)  # noqa: S102
    assert known["volume"].array.shape == (3, 16, 16)
    assert {one.outcome for one in known["done"]} == {"fetched"}


@pytest.mark.skipif(not HAS_DUCKDB, reason="DuckDB is an extra")
def test_examples_of_the_index_run(url: str) -> None:
    known = {"url": url}
    for block in blocks("published-index.md", "python"):
        exec(compile(block, "published-index.md", "exec"), known)  # noqa: S102
    for question in blocks("published-index.md", "sql"):
        assert query_index("index", question).num_columns > 0


@pytest.mark.parametrize("name", ["python.md", "published-index.md"])
def test_examples_of_the_command_line_name_what_exists(name: str) -> None:
    runner = CliRunner()
    for block in blocks(name, "sh"):
        command = block.split()[1]
        helped = runner.invoke(application([command]), [command, "--help"], env={"COLUMNS": "300"}).output
        for option in re.findall(r"--[a-z-]+", block):
            assert option in helped, option


def test_every_place_of_a_layout_is_documented() -> None:
    text = (DOCS / "python.md").read_text("utf-8")
    assert all(f"{{{name}}}" in text for name in layout.PLACES)
    assert all(f"`{template}`" in text for template in layout.NAMED.values() if template)


def test_the_notebook_runs_from_top_to_bottom(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INVIVO_URL", url)
    monkeypatch.setenv("INVIVO_FOLDER", str(tmp_path / "lungs"))
    told = json.loads((DOCS / "notebook" / "lung.ipynb").read_text("utf-8"))
    cells = ["".join(cell["source"]) for cell in told["cells"] if cell["cell_type"] == "code"]
    known: dict[str, object] = {}
    for number, cell in enumerate(cells):
        exec(compile(cell, f"cell {number}", "exec"), known)  # noqa: S102
    assert (tmp_path / "lungs" / "middle.png").stat().st_size > 100
    assert all(cell["outputs"] == [] for cell in told["cells"] if cell["cell_type"] == "code")


def test_the_client_says_nothing_of_pandas() -> None:
    code = "import sys, invivo.client; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
