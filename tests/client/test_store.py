"""The client at a public store: complete, verified, resumed, and never outside its folder."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from invivo.client import Fetched, Pace, StoreDiffers, Way, fetch_series
from invivo.client.store import place_of
from tests.fakes.bucket import Bucket, served

UID, PREFIX = "1.2.3", "00000000-0000-0000-0000-000000000001/"
FILES = {f"{PREFIX}{number}.dcm": bytes([number]) * (1000 + number) for number in range(1, 6)}
TOLD = {
    "bucket": "idc-open-data",
    "prefix": PREFIX,
    "instance_count": len(FILES),
    "size_bytes": sum(len(content) for content in FILES.values()),
    "folder": "NLST/P-1/2005_1/001_CT_x",
    "collection": "NLST",
    "citation": "Roe, R. (2020). Data.",
    "licence": "CC-BY-4.0",
}


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with served(dict(FILES)) as made:
        yield made


def fetch(bucket: Bucket, folder: Path, **told: Any) -> Fetched:
    """Fetch a series from an archive that has no package of it and says where it is."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("location.json"):
            return httpx.Response(200, content=json.dumps(TOLD | told))
        return httpx.Response(404, json={"code": "download.elsewhere"})

    with httpx.Client(base_url="http://archive.test", transport=httpx.MockTransport(answer)) as http:
        return fetch_series(http, UID, folder, way=Way(pace=Pace(first_pause_s=0.01), store=bucket.store))


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*.dcm")}


def test_all_files_come_with_the_right_bytes(bucket: Bucket, tmp_path: Path) -> None:
    done = fetch(bucket, tmp_path)
    assert (done.outcome, done.files, done.size_bytes) == ("fetched", 5, TOLD["size_bytes"])
    assert files(tmp_path / "NLST" / "P-1") == {key.rpartition("/")[2]: content for key, content in FILES.items()}
    assert "Roe, R. (2020)" in (tmp_path / "CITATIONS.txt").read_text()


def test_a_second_run_fetches_nothing(bucket: Bucket, tmp_path: Path) -> None:
    fetch(bucket, tmp_path)
    bucket.asked.clear()
    assert fetch(bucket, tmp_path).outcome == "present"
    assert not bucket.asked


def test_a_list_of_many_pages_is_read_to_its_end(bucket: Bucket, tmp_path: Path) -> None:
    bucket.page = 2
    assert fetch(bucket, tmp_path).files == 5


def test_what_breaks_off_goes_on_where_it_stopped(bucket: Bucket, tmp_path: Path) -> None:
    bucket.broken = [400, 0]
    assert fetch(bucket, tmp_path).outcome == "fetched"
    assert f"{PREFIX}1.dcm bytes=400-" in bucket.asked


def test_files_that_are_here_are_not_fetched_again(bucket: Bucket, tmp_path: Path) -> None:
    fetch(bucket, tmp_path)
    (tmp_path / ".invivo" / f"{UID}.done").unlink()
    next(tmp_path.rglob("3.dcm")).write_bytes(b"broken")
    bucket.asked.clear()
    assert fetch(bucket, tmp_path).outcome == "fetched"
    assert bucket.asked == [f"{PREFIX}3.dcm"]


def test_wrong_bytes_never_get_their_name(bucket: Bucket, tmp_path: Path) -> None:
    bucket.spoiled = {f"{PREFIX}3.dcm"}
    done = fetch(bucket, tmp_path)
    assert done.outcome == "failed"
    assert "3.dcm" not in files(tmp_path)
    assert not list(tmp_path.rglob("3.dcm.part"))


def test_a_tag_of_several_pieces_is_no_digest(bucket: Bucket, tmp_path: Path) -> None:
    bucket.tags = {f"{PREFIX}2.dcm": "0" * 32 + "-2"}
    assert fetch(bucket, tmp_path).outcome == "fetched"


def test_a_store_that_lacks_a_file_is_told_of(bucket: Bucket, tmp_path: Path) -> None:
    bucket.unlisted = {f"{PREFIX}3.dcm"}
    done = fetch(bucket, tmp_path)
    assert done.outcome == "failed"
    assert "4 files" in done.reason
    assert files(tmp_path) == {}


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>Sign in</html>",
        b"no list",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><ListBucketResult/>",
        b"<ListBucketResult><Contents><Key>%s../../x</Key><Size>1</Size></Contents></ListBucketResult>"
        % PREFIX.encode(),
        b"<ListBucketResult><Contents><Key>elsewhere/x</Key><Size>1</Size></Contents></ListBucketResult>",
    ],
)
def test_an_answer_that_is_no_list_of_the_folder_fails(bucket: Bucket, tmp_path: Path, answer: bytes) -> None:
    bucket.answer = answer
    assert fetch(bucket, tmp_path).outcome == "failed"
    assert files(tmp_path) == {}


@pytest.mark.parametrize(
    "told",
    [
        {"folder": "../x"},
        {"folder": "/tmp/x"},
        {"folder": ""},
        {"bucket": "a.example/x?"},
        {"prefix": "../x/"},
        {"prefix": ""},
        {"instance_count": "many"},
    ],
)
def test_a_place_that_leads_elsewhere_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(StoreDiffers):
        place_of(TOLD | told)
