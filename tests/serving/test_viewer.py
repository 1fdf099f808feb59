"""OHIF below a prefix, with a configuration of ours."""

from pathlib import Path

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from invivo.serving import viewer


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An installation with what stands in for OHIF's package."""
    folder = tmp_path / "viewer" / viewer.ADAPTED
    folder.mkdir(parents=True)
    (folder / "index.html").write_text(
        "<script>window.PUBLIC_URL = '/';</script><script src=\"/app.bundle.1.js\"></script>"
    )
    (folder / "app.bundle.1.js").write_text(
        "__webpack_require__.p = \"/\"; load('/dicom-microscopy-viewer/dicomMicroscopyViewer.min.js');"
    )
    (folder / "app.bundle.css").write_text("a { background: url(/assets/a.png) }")
    (folder / "app-config.js").write_text("window.config = { theirs: true }")
    viewer._adapt(folder)
    return tmp_path


def get(home: Path, path: str) -> httpx.Response:
    application = Starlette(routes=[Mount("/viewer/ohif", viewer.OhifFiles(home))])

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(application), base_url="http://archive.test"
        ) as client:
            return await client.get(f"/viewer/ohif/{path}")

    return anyio.run(ask)


def test_all_that_ohif_loads_lies_below_our_prefix(home: Path) -> None:
    assert "PUBLIC_URL = '/viewer/ohif/'" in get(home, "").text
    assert 'src="/viewer/ohif/app.bundle.1.js"' in get(home, "viewer?StudyInstanceUIDs=1.2").text
    script = get(home, "app.bundle.1.js").text
    assert '__webpack_require__.p = "/viewer/ohif/"' in script
    assert "'/viewer/ohif/dicom-microscopy-viewer/dicomMicroscopyViewer.min.js'" in script
    assert "url(/viewer/ohif/assets/a.png)" in get(home, "app.bundle.css").text


def test_the_configuration_is_always_that_of_this_version(home: Path) -> None:
    answer = get(home, "app-config.js")
    assert "sourceName: 'invivo'" in answer.text
    assert answer.headers["cache-control"] == "no-cache"
    assert "theirs" not in answer.text


def test_an_ohif_that_an_earlier_version_adapted_is_fetched_anew(home: Path) -> None:
    (home / "viewer" / viewer.ADAPTED).rename(home / "viewer" / viewer.VERSION)
    assert viewer.viewer_folder(home) is None
    assert get(home, "").status_code == 404
