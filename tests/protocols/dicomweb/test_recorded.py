"""DICOMweb's answers for one known object, whole, as they were recorded."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.factories import make_collection, make_image, publish
from tests.recording import matches_golden

from invivo.archive import Archive, make_folders, open_archive
from invivo.serving import public_application
from invivo.settings import Settings


@pytest.fixture
def archive(dsn: str, settings: Settings) -> Iterator[Archive]:
    """An archive with a known key, so that pseudonyms and UIDs are the same every time."""
    make_folders(settings.home)
    (settings.home / "secrets" / "master.key").write_bytes(bytes(32))
    opened = open_archive(settings, dsn, "invivo_staff")
    image = make_image(study="1.2.3", series="1.2.3.4", SOPInstanceUID="1.2.3.4.5")
    publish(opened, make_collection(opened), [image])
    yield opened
    opened.database.close()


@pytest.mark.parametrize(
    ("name", "path"),
    [
        # What QIDO-RS gives back at each level, and the metadata of the one series (PS3.18 Annex F).
        ("qido-study.json", "/dicom-web/studies"),
        ("qido-series.json", "/dicom-web/studies/{study}/series"),
        ("qido-instance.json", "/dicom-web/studies/{study}/series/{series}/instances"),
        ("metadata.json", "/dicom-web/studies/{study}/series/{series}/metadata"),
    ],
)
def test_answers_are_as_recorded(archive: Archive, tmp_path: Path, name: str, path: str) -> None:
    application = public_application(archive, tmp_path / "no-desk.sock")

    async def go() -> str:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(application), base_url="http://127.0.0.1:8042"
        ) as client:
            first = (await client.get("/dicom-web/series")).json()[0]
            uids = {"study": first["0020000D"]["Value"][0], "series": first["0020000E"]["Value"][0]}
            return (await client.get(path.format(**uids))).text

    text = json.dumps(json.loads(asyncio.run(go())), indent=1, sort_keys=True) + "\n"
    assert matches_golden(name, text)
