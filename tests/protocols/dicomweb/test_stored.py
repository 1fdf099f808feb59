"""Stored objects and frames as they lie: the right bytes, whatever comes from memory or disk, and no file left open."""

import asyncio
import contextlib
import os
from pathlib import Path

import orjson
import pytest
from tests.protocols.conftest import Asking, Released

from invivo import accounts, images
from invivo.protocols.dicomweb import retrieval, stored

CONTENT = os.urandom(3000)


def body_of(response):
    sent = []

    async def go():
        async def send(message):
            sent.append(message)

        async def receive():
            await asyncio.sleep(60)

        await response({"type": "http", "method": "GET"}, receive, send)

    asyncio.run(go())
    body = b"".join(one.get("body", b"") for one in sent)
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    assert int(told["content-length"]) == len(body)
    return told, body


def open_files(below):
    """Which files below a folder this process holds open; others come and go with the collector of another test."""
    folder, found = Path("/proc/self/fd"), []
    for descriptor in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(OSError):
            found.append(str(descriptor.readlink()))
    return [path for path in found if path.startswith(str(below))]


def test_open_files_sees_a_file_left_open(tmp_path):
    with (tmp_path / "left").open("wb"):
        assert open_files(tmp_path) == [str(tmp_path / "left")]
    assert open_files(tmp_path) == []


@pytest.fixture(params=["memory", "disk"])
def reading(request, monkeypatch):
    monkeypatch.setattr(stored, "BLOCK", 700)
    monkeypatch.setattr(stored, "LARGE", 900)
    if request.param == "disk":
        monkeypatch.setattr(stored, "_AT_ONCE", 0)


@pytest.mark.parametrize("where", [(0, 3000), (10, 700), (2999, 1), (100, 1401)])
def test_a_part_of_a_file_leaves_as_it_lies(reading, tmp_path, where):
    path = tmp_path / "object"
    path.write_bytes(CONTENT)
    wanted = CONTENT[where[0] : where[0] + where[1]]
    assert body_of(stored.part_response(path, where, "application/octet-stream", {}))[1] == wanted
    _, body = body_of(stored.multipart_of_one(path, where, "application/octet-stream; transfer-syntax=1.2", "b", {}))
    head = f"--b\r\nContent-Type: application/octet-stream; transfer-syntax=1.2\r\nContent-Length: {where[1]}\r\n\r\n"
    assert body == head.encode() + wanted + b"\r\n--b--\r\n"
    assert open_files(tmp_path) == []


def test_a_file_that_ends_too_early_breaks_the_answer_off(reading, tmp_path):
    path = tmp_path / "object"
    path.write_bytes(CONTENT)
    with pytest.raises(OSError, match="shorter"):
        body_of(stored.part_response(path, (2000, 2000), "application/octet-stream", {}))
    assert open_files(tmp_path) == []


def test_a_series_leaves_as_its_objects_lie_in_order(reading, released: Released, monkeypatch):
    monkeypatch.setattr(stored, "OPEN_AT_ONCE", 2)
    row = released.series["SLICES"]
    found = images.files_of(released.archive, accounts.ANONYMOUS, row.study_uid, row.series_uid)
    told, body = body_of(stored.stored_response(released.archive, found, "a-boundary", 200, {}))
    files = [released.archive.objects.place(one.digest).path.read_bytes() for one in found]
    assert len(files) == 5
    assert [body.count(one) for one in files] == [1] * 5
    assert [body.find(one) for one in files] == sorted(body.find(one) for one in files)
    assert body.count(b"--a-boundary") == 6
    assert body.endswith(b"\r\n--a-boundary--\r\n")
    assert told["content-type"] == 'multipart/related; type="application/dicom"; boundary=a-boundary'
    assert open_files(released.archive.objects.root) == []


@pytest.mark.parametrize("accept", ['multipart/related; type="application/dicom"; transfer-syntax=*', "*/*"])
def test_a_large_answer_is_the_same_as_a_small_one(web: Asking, released: Released, monkeypatch, accept):
    small = web.get(released.address("SLICES"), accept)
    monkeypatch.setattr(retrieval, "LARGE", 1000)
    large = web.get(released.address("SLICES"), accept)
    assert (large.status_code, large.content) == (small.status_code, small.content)
    assert {**large.headers} == {**small.headers}


def test_the_metadata_of_a_study_are_those_of_its_instances(web: Asking, released: Released):
    row = released.series["SLICES"]
    study = web.get(f"/dicom-web/studies/{row.study_uid}/metadata").json()
    assert len(study) == 5
    for header in study:
        uid = header["00080018"]["Value"][0]
        assert web.get(f"{released.address('SLICES')}/instances/{uid}/metadata").json() == [header]


def test_no_value_can_look_like_an_address():
    hostile = {"00104000": {"vr": "LT", "Value": ['"BulkDataURI":"', '{"BulkDataURI":"x"}', "BulkDataURI"]}}
    assert retrieval.BULK_ADDRESS not in orjson.dumps(hostile)
    assert retrieval.BULK_ADDRESS in orjson.dumps({"7FE00010": {"vr": "OW", "BulkDataURI": "instances/1"}})
