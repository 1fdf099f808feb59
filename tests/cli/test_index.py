"""`invivo index`: fetched whole, up to date, verified, and asked without the network."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet
import pytest

from invivo import releases, serving
from invivo.archive import Archive as Installation
from invivo.client import Archive, NoDuckDB, fetch_index, query_index, tables_of
from invivo.client import index as indexes
from invivo.errors import Broken, InvivoError, NotFound
from tests.client.hostile import Proxy, between
from tests.factories import make_collection, make_series, publish
from tests.protocols.serving import served

HAS_DUCKDB = importlib.util.find_spec("duckdb") is not None


@pytest.fixture
def proxy(archive: Installation):
    publish(archive, make_collection(archive), make_series(2, patient="A") + make_series(2, patient="B"))
    releases.write_index(archive)
    with (
        served(serving.public_application(archive, archive.settings.home / "run" / "desk.sock")) as port,
        between(port) as found,
    ):
        yield found


def run(*words: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "invivo", "index", *words], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_it_is_fetched_and_then_only_what_changed(proxy: Proxy, tmp_path: Path, archive: Installation) -> None:
    folder = str(tmp_path / "index")
    assert "12 tables fetched" in run("--from", proxy.url, "--to", folder)
    assert "12 were here" in run("--from", proxy.url, "--to", folder)
    collection = releases.newest_index(archive)["number"]
    assert collection == 1
    with Archive(proxy.url) as asked:
        publish_more(archive)
        fresh = {one.name for one in fetch_index(asked, folder) if one.is_new}
    assert {"series", "study", "collection"} <= fresh
    assert "columns" not in fresh
    assert pyarrow.parquet.read_table(Path(folder) / "series.parquet").num_rows == 3


def publish_more(archive: Installation) -> None:
    publish(archive, make_collection(archive, "MORE"), make_series(1))
    releases.write_index(archive)


@pytest.mark.skipif(not HAS_DUCKDB, reason="DuckDB is an extra")
def test_questions_are_answered_offline(proxy: Proxy, tmp_path: Path) -> None:
    run("--from", proxy.url, "--to", str(tmp_path))
    asked = "select modality, count(*) as n from series group by 1"
    assert json.loads(run("query", asked, "--to", str(tmp_path), "--form", "json")) == [{"modality": "CT", "n": 2}]
    assert run("query", asked, "--to", str(tmp_path), "--form", "csv") == "modality,n\nCT,2\n"
    joined = "select c.title from series s join collection c using (collection) group by 1"
    assert query_index(tmp_path, joined).to_pylist() == [{"title": "Title of LUNG-1"}]
    assert "nonsense" in run("query", "select nonsense", "--to", str(tmp_path), code=2)


def test_without_duckdb_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(NoDuckDB, match="invivo"):
        query_index(tmp_path, "select 1")


def test_a_folder_without_an_index_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="invivo index"):
        tables_of(tmp_path)


def test_a_page_in_place_of_the_archive_is_told(proxy: Proxy, tmp_path: Path) -> None:
    proxy.behaviour.as_page = True
    with Archive(proxy.url) as asked, pytest.raises(Broken):
        fetch_index(asked, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_what_is_not_an_index_is_refused(tmp_path: Path) -> None:
    bad = [{"table": "../x", "rows": 1, "size_bytes": 1, "sha256": "0" * 64}]
    for told in ({"files": bad}, {"files": []}, {"x": 1}, []):
        (tmp_path / "index.json").write_text(json.dumps(told))
        with pytest.raises(InvivoError):
            tables_of(tmp_path)
