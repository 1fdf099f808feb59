"""STOW-RS with metadata and bulk values apart, in JSON and in XML."""

import io
import json

import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames
from tests import factories
from tests.protocols.conftest import Asking, bundled

from invivo import collections, submissions
from invivo.protocols.dicomweb import assembling, native_model, routes

BOUNDARY = "x-boundary-of-a-test"


@pytest.fixture
def submission(archive):
    return factories.make_submission(archive, factories.make_collection(archive))


@pytest.fixture
def sender(archive, submission):
    person = factories.make_person(archive, "sender")
    collections.add_member(archive, factories.SYSTEM, submission.collection_id, person.id, "submitter")
    return factories.actor_named(archive, "sender")


@pytest.fixture
def web(public_archive):
    return Asking(public_archive, routes)


def taken_apart(content):
    """Return the metadata of a file in JSON, and its pixels."""
    dataset = pydicom.dcmread(io.BytesIO(content))
    pixels = dataset.PixelData
    del dataset.PixelData
    read = json.loads(json.dumps(dataset.to_json_dict()))
    read["7FE00010"] = {"vr": "OW", "BulkDataURI": f"bulk/{dataset.SOPInstanceUID}"}
    return read, pixels


def framed(*parts):
    pieces = []
    for headers, body in parts:
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        pieces.append(f"--{BOUNDARY}\r\n{head}\r\n".encode() + body + b"\r\n")
    return b"".join(pieces) + f"--{BOUNDARY}--\r\n".encode()


def bulk_part(address, content, media_type="application/octet-stream"):
    return {"Content-Type": media_type, "Content-Location": address}, content


def post(web, sender, inner, *parts, **headers):
    kind = f'multipart/related; type="{inner}"; boundary={BOUNDARY}'
    return web.request(
        "POST",
        "/dicom-web/studies",
        actor=sender,
        content=framed(*parts),
        headers={"Content-Type": kind, **headers},
    )


def held(archive):
    """Return the objects that are held, as data sets."""
    with archive.database.transaction() as tx:
        digests = [row.digest for row in tx.execute("select digest from quarantine.object order by id")]
    return [pydicom.dcmread(archive.held.place(digest).path) for digest in digests]


JSON, XML = "application/dicom+json", "application/dicom+xml"


def metadata_parts(inner, read):
    if inner == JSON:
        return [({"Content-Type": JSON}, json.dumps(read).encode())]
    return [({"Content-Type": XML}, native_model.xml_of(one)) for one in read]


@pytest.mark.parametrize("inner", [JSON, XML])
def test_objects_are_put_together_and_stored(web, archive, submission, sender, inner):
    files = factories.make_series(3)
    apart = [taken_apart(one) for one in files]
    bulk = [bulk_part(read["7FE00010"]["BulkDataURI"], pixels) for read, pixels in apart]
    answer = post(web, sender, inner, *metadata_parts(inner, [read for read, _ in apart]), *bulk)
    assert answer.status_code == 200
    assert len(answer.json()["00081199"]["Value"]) == 3
    assert dict(submissions.progress_of(archive, factories.SYSTEM, submission.id).counts) == {"received": 3}
    sent = {one.SOPInstanceUID: one for one in (pydicom.dcmread(io.BytesIO(file)) for file in files)}
    for stored in held(archive):
        before = sent.pop(stored.SOPInstanceUID)
        assert stored.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
        assert stored.PatientName == before.PatientName
        assert stored.PixelSpacing == before.PixelSpacing
        assert np.array_equal(stored.pixel_array, before.pixel_array)
    assert not sent


def test_compressed_frames_come_as_parts_one_a_frame(web, archive, submission, sender):
    before = pydicom.dcmread(bundled("examples_ybr_color.dcm"))
    frames = list(generate_frames(before.PixelData, number_of_frames=int(before.NumberOfFrames)))
    syntax = before.file_meta.TransferSyntaxUID
    del before.PixelData
    read = json.loads(json.dumps(before.to_json_dict()))
    read["7FE00010"] = {"vr": "OB", "BulkDataURI": "pixels"}
    kind = f"image/jpeg; transfer-syntax={syntax}"
    parts = [bulk_part("pixels", frame, kind) for frame in frames]
    assert post(web, sender, JSON, *metadata_parts(JSON, [read]), *parts).status_code == 200
    (stored,) = held(archive)
    assert stored.file_meta.TransferSyntaxUID == syntax
    again = list(generate_frames(stored.PixelData, number_of_frames=len(frames)))
    assert [one.rstrip(b"\0") for one in again] == [one.rstrip(b"\0") for one in frames]


def test_an_object_without_its_bulk_value_fails_alone(web, archive, submission, sender):
    (first, pixels), (second, _) = map(taken_apart, factories.make_series(2))
    address = first["7FE00010"]["BulkDataURI"]
    answer = post(web, sender, JSON, *metadata_parts(JSON, [first, second]), bulk_part(address, pixels))
    assert answer.status_code == 202
    (failed,) = answer.json()["00081198"]["Value"]
    assert failed["00081197"]["Value"] == [0xC000]
    assert failed["00081155"]["Value"] == second["00080018"]["Value"]


def test_the_answer_is_given_in_xml_to_whoever_asks_that(web, submission, sender):
    read, pixels = taken_apart(factories.make_image())
    part = bulk_part(read["7FE00010"]["BulkDataURI"], pixels)
    answer = post(web, sender, JSON, *metadata_parts(JSON, [read]), part, Accept=XML)
    assert answer.headers["content-type"] == XML
    assert "00081199" in native_model.json_of_xml(answer.content)


@pytest.mark.parametrize(
    ("part", "status"),
    [
        (({"Content-Type": JSON}, b"{no json"), 400),
        (({"Content-Type": JSON}, b"[1]"), 400),
        (({"Content-Type": XML}, b"<a/>"), 400),
        (({"Content-Type": "application/octet-stream"}, b"abc"), 400),
        (({"Content-Type": JSON}, b"[{}]"), 409),
        (({"Content-Type": JSON}, b'[{"00100010": {"vr": "XX", "Value": [1]}}]'), 409),
    ],
)
def test_what_cannot_be_read_is_refused(web, submission, sender, part, status):
    assert post(web, sender, JSON, part).status_code == status


def test_more_than_is_put_together_at_once_is_too_large(web, submission, sender, monkeypatch):
    monkeypatch.setattr(assembling, "LARGEST_BULK", 100)
    read, pixels = taken_apart(factories.make_image())
    part = bulk_part(read["7FE00010"]["BulkDataURI"], pixels)
    assert post(web, sender, JSON, *metadata_parts(JSON, [read]), part).status_code == 413


def test_another_type_is_not_supported(web, submission, sender):
    assert post(web, sender, "text/plain", ({"Content-Type": "text/plain"}, b"")).status_code == 415
