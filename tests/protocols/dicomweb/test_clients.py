"""dicomweb-client, and senders that break off, against the real server."""

import io
import socket
import time

import numpy as np
import pydicom
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from pydicom.dataset import Dataset
from tests import factories
from tests.protocols.conftest import Asking
from tests.protocols.dicomweb.test_storing import TYPE, framed
from tests.protocols.serving import served

from invivo import images, submissions
from invivo.protocols import tus
from invivo.protocols.dicomweb import routes


@pytest.fixture(scope="module")
def client(released):
    with served(Asking(released.archive, routes)) as port:
        yield DICOMwebClient(f"http://127.0.0.1:{port}/dicom-web")


def stored(released, name):
    return images.instances_of_series(released.archive, factories.SYSTEM, released.series[name].series_uid)


def dataset_of(released, one):
    return pydicom.dcmread(released.archive.objects.place(one.digest).path)


def test_it_searches_at_every_level(client, released):
    row = released.series["SLICES"]
    found = client.search_for_studies(search_filters={"PatientID": f"{row.subject[:-3]}*"}, get_remaining=True, limit=2)
    assert row.study_uid in [Dataset.from_json(one).StudyInstanceUID for one in found]
    assert [one["0020000E"]["Value"] for one in client.search_for_series(row.study_uid)] == [[row.series_uid]]
    assert len(client.search_for_instances(row.study_uid, row.series_uid, fields=["ImagePositionPatient"])) == 5
    assert len(client.search_for_studies(get_remaining=True, limit=2)) == len(released.series)
    assert client.search_for_studies(search_filters={"PatientID": "nobody"}) == []


def test_it_retrieves_a_series_and_an_instance(client, released):
    row = released.series["SLICES"]
    assert [one.InstanceNumber for one in client.retrieve_series(row.study_uid, row.series_uid)] == [1, 2, 3, 4, 5]
    (one,) = stored(released, "RLE")
    decoded = client.retrieve_instance(one.study_uid, one.series_uid, one.uid)
    assert np.array_equal(decoded.pixel_array, dataset_of(released, one).pixel_array)
    wanted = (("application/dicom", "*"),)
    as_stored = client.retrieve_instance(one.study_uid, one.series_uid, one.uid, media_types=wanted)
    assert as_stored.file_meta.TransferSyntaxUID == one.transfer_syntax_uid


def test_it_streams_a_study(client, released):
    assert len(list(client.iter_study(released.series["SLICES"].study_uid))) == 5


def test_it_reads_metadata_at_every_level(client, released):
    row = released.series["SLICES"]
    series = client.retrieve_series_metadata(row.study_uid, row.series_uid)
    assert len(series) == len(client.retrieve_study_metadata(row.study_uid)) == 5
    one = client.retrieve_instance_metadata(row.study_uid, row.series_uid, stored(released, "SLICES")[0].uid)
    assert Dataset.from_json(one, bulk_data_uri_handler=lambda *_: b"").Rows == 16


@pytest.mark.parametrize("name", ["CT", "RLE", "IMPLICIT"])
def test_it_retrieves_frames(client, released, name):
    (one,) = stored(released, name)
    array = dataset_of(released, one).pixel_array
    wanted = [1, 2, 3] if one.frames > 2 else [1]
    octets = ("application/octet-stream",)
    frames = client.retrieve_instance_frames(one.study_uid, one.series_uid, one.uid, wanted, media_types=octets)
    assert frames == [(array[number - 1] if one.frames > 1 else array).tobytes() for number in wanted]
    assert len(client.retrieve_instance_frames(one.study_uid, one.series_uid, one.uid, wanted)) == len(wanted)


def test_it_retrieves_pictures(client, released):
    (one,) = stored(released, "CT")
    wanted = ("image/png",)
    picture = client.retrieve_instance_rendered(one.study_uid, one.series_uid, one.uid, media_types=wanted)
    assert picture.startswith(b"\x89PNG")
    frame = client.retrieve_instance_frames_rendered(
        one.study_uid, one.series_uid, one.uid, [1], media_types=("image/jpeg",)
    )
    assert frame.startswith(b"\xff\xd8")


def test_it_retrieves_bulk_values_by_the_address_in_the_metadata(client, released):
    (one,) = stored(released, "CT")
    header = client.retrieve_instance_metadata(one.study_uid, one.series_uid, one.uid)
    public = f"{released.archive.settings.public_url}/dicom-web"
    url = header["7FE00010"]["BulkDataURI"].replace(public, client.base_url)
    assert client.retrieve_bulkdata(url) == [dataset_of(released, one).PixelData]


def test_what_is_not_there_is_a_404(client):
    with pytest.raises(requests.HTTPError, match="404"):
        client.retrieve_series("1.2.3", "1.2.4")


# ---- sending


@pytest.fixture
def submission(archive):
    return factories.make_submission(archive, factories.make_collection(archive))


@pytest.fixture
def port(public_archive, submission):
    asking = Asking(public_archive, [*routes, *tus.routes])
    asking.actor = factories.SYSTEM
    with served(asking) as number:
        yield number


def counts(archive, submission):
    return dict(submissions.progress_of(archive, factories.SYSTEM, submission.id).counts)


def waited(archive, submission, expected):
    until = time.monotonic() + 5
    while counts(archive, submission) != expected and time.monotonic() < until:
        time.sleep(0.05)
    return counts(archive, submission)


def test_it_stores_instances(port, archive, submission):
    datasets = [pydicom.dcmread(io.BytesIO(one)) for one in factories.make_series(30, size=128)]
    answer = DICOMwebClient(f"http://127.0.0.1:{port}/dicom-web").store_instances(datasets)
    assert len(answer.ReferencedSOPSequence) == 30
    assert counts(archive, submission) == {"received": 30}


def test_a_sender_that_hangs_up_loses_only_what_was_not_whole(port, archive, submission):
    files = factories.make_series(3, size=128)
    body = framed(*files)
    with socket.create_connection(("127.0.0.1", port)) as wire:
        head = f"POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nContent-Type: {TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
        wire.sendall(head.encode() + body[: -len(files[2]) // 2])
        time.sleep(0.2)
    assert waited(archive, submission, {"received": 2}) == {"received": 2}
    assert not list((archive.held.root / "spool").iterdir())


def test_an_upload_that_hangs_up_goes_on_where_it_stopped(port):
    content = factories.make_image(size=256)
    root, version = f"http://127.0.0.1:{port}", {"Tus-Resumable": "1.0.0"}
    made = requests.post(f"{root}/uploads", headers={**version, "Upload-Length": str(len(content))}, timeout=10)
    url = root + made.headers["location"]
    with socket.create_connection(("127.0.0.1", port)) as wire:
        head = f"PATCH {made.headers['location']} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
        head += f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(content)}\r\n\r\n"
        wire.sendall(head.encode() + content[:50_000])
        time.sleep(0.2)
    until, offset = time.monotonic() + 5, 0
    while not offset and time.monotonic() < until:
        offset = int(requests.head(url, headers=version, timeout=10).headers["upload-offset"])
        time.sleep(0.05)
    assert offset == 50_000
    headers = {**version, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    done = requests.patch(url, content[offset:], headers=headers, timeout=10)
    assert (done.status_code, done.headers["upload-offset"]) == (204, str(len(content)))
