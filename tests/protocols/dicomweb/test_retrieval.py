"""WADO-RS: objects, metadata, frames, bulk values."""

import gzip
import hashlib
import io
import json
from email.parser import BytesHeaderParser

import numpy as np
import pydicom
import pytest
from tests import factories

from invivo import accounts, images

EXPLICIT = "1.2.840.10008.1.2.1"
DICOM = 'multipart/related; type="application/dicom"'


def parts_of(answer):
    """Take a multipart answer apart by the rules of RFC 2046, with nothing of ours."""
    head, _, boundary = answer.headers["content-type"].partition("boundary=")
    assert head.startswith("multipart/related; type=")
    pieces = (b"\r\n" + answer.content).split(b"\r\n--" + boundary.strip('"').encode())
    assert pieces[-1].startswith(b"--")
    found = []
    for piece in pieces[1:-1]:
        raw, _, body = piece[2:].partition(b"\r\n\r\n")
        found.append((BytesHeaderParser().parsebytes(raw), body))
    return found


def stored(released, name):
    row = released.series[name]
    return images.instances_of_series(released.archive, factories.SYSTEM, row.series_uid)


def content_of(released, one):
    return released.archive.objects.place(one.digest).path.read_bytes()


# ---- objects


def test_a_series_leaves_as_it_is_stored_when_any_syntax_is_accepted(web, released):
    answer = web.get(released.address("SLICES"), f"{DICOM}; transfer-syntax=*")
    assert answer.status_code == 200
    bodies = [body for _, body in parts_of(answer)]
    assert bodies == [content_of(released, one) for one in stored(released, "SLICES")]
    assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.parametrize("accept", [DICOM, "multipart/related; type=application/dicom", "*/*", None])
def test_an_instance_leaves_by_default_in_explicit_little_endian(web, released, accept):
    for name in ("IMPLICIT", "BIG", "RLE", "JPEG", "JP2"):
        (one,) = stored(released, name)
        answer = web.get(f"{released.address(name)}/instances/{one.uid}", accept)
        ((headers, body),) = parts_of(answer)
        assert headers["Content-Type"] == f"application/dicom; transfer-syntax={EXPLICIT}"
        dataset = pydicom.dcmread(io.BytesIO(body))
        assert dataset.file_meta.TransferSyntaxUID == EXPLICIT
        assert dataset.SOPInstanceUID == one.uid


def test_decoded_pixels_are_those_of_the_stored_object(web, released):
    (one,) = stored(released, "RLE")
    ((_, body),) = parts_of(web.get(f"{released.address('RLE')}/instances/{one.uid}", DICOM))
    before = pydicom.dcmread(io.BytesIO(content_of(released, one))).pixel_array
    assert np.array_equal(pydicom.dcmread(io.BytesIO(body)).pixel_array, before)


def test_one_instance_may_leave_without_multipart(web, released):
    (one,) = stored(released, "CT")
    answer = web.get(f"{released.address('CT')}/instances/{one.uid}", "application/dicom")
    assert answer.headers["content-type"].startswith("application/dicom")
    assert hashlib.sha256(answer.content).hexdigest() == one.digest


def test_a_part_of_a_file_can_be_asked_for(web, released):
    (one,) = stored(released, "CT")
    url = f"{released.address('CT')}/instances/{one.uid}"
    answer = web.get(url, "application/dicom", headers={"Range": "bytes=128-131"})
    assert (answer.status_code, answer.content) == (206, b"DICM")


def test_a_study_leaves_whole(web, released):
    answer = web.get(f"/dicom-web/studies/{released.series['SLICES'].study_uid}", f"{DICOM}; transfer-syntax=*")
    assert len(parts_of(answer)) == 5


def test_a_syntax_that_we_do_not_write_is_not_acceptable(web, released):
    answer = web.get(released.address("CT"), f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.4.50")
    assert (answer.status_code, answer.json()["code"]) == (406, "request.not-acceptable")


def test_the_best_of_several_accepted_forms_is_given(web, released):
    (one,) = stored(released, "RLE")
    accept = f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.4.50, {DICOM}; transfer-syntax=*;q=0.5"
    answer = web.get(f"{released.address('RLE')}/instances/{one.uid}", accept)
    assert hashlib.sha256(parts_of(answer)[0][1]).hexdigest() == one.digest


@pytest.mark.parametrize(
    "path", ["", "/series/1.2.3", "/series/1.2.3/instances/1.2.3", "/metadata", "/series/1.2.3/metadata"]
)
def test_an_unknown_uid_is_not_found(web, path):
    answer = web.get(f"/dicom-web/studies/1.2.3.4{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_series_of_another_study_is_not_found(web, released):
    url = f"/dicom-web/studies/{released.series['CT'].study_uid}/series/{released.series['MR'].series_uid}"
    for path in ("", "/metadata", "/thumbnail"):
        assert web.get(url + path).status_code == 404


def test_what_was_given_before_is_not_sent_again(web, released):
    for path in ("", "/metadata", "/thumbnail"):
        url = released.address("SLICES") + path
        etag = web.get(url).headers["etag"]
        again = web.get(url, headers={"If-None-Match": etag})
        assert (again.status_code, again.content) == (304, b"")


# ---- who may have what


def test_a_visitor_is_told_to_sign_in_for_what_only_accounts_may_have(web, released):
    address = released.address("REGISTERED")
    assert web.get(f"{address}/metadata").status_code == 200
    for path in ("", "/thumbnail", "/rendered", f"/instances/{released.series['REGISTERED'].cover_uid}/frames/1"):
        answer = web.get(address + path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Basic realm="invivo", charset="UTF-8", Bearer realm="invivo"'
        assert answer.json()["code"] == "dicomweb.not-yours"


def test_a_page_in_a_browser_does_not_open_its_password_box(web, released):
    answer = web.get(f"{released.address('REGISTERED')}/thumbnail", headers={"Sec-Fetch-Mode": "no-cors"})
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_an_account_may_have_it_and_no_shared_cache_keeps_it(web, released):
    if not any(person.name == "reader" for person in _people(released)):
        factories.make_person(released.archive, "reader")
    reader = factories.actor_named(released.archive, "reader")
    answer = web.get(f"{released.address('REGISTERED')}/thumbnail", actor=reader)
    assert answer.status_code == 200
    assert answer.headers["cache-control"].startswith("private")
    assert "Cookie" in answer.headers["vary"]
    assert web.get(f"{released.address('CT')}/thumbnail").headers["cache-control"].startswith("public")


def _people(released):
    return accounts.list_people(released.archive, factories.SYSTEM)


# ---- metadata


def test_series_metadata_leave_as_they_lie_compressed(web, released):
    address = f"{released.address('SLICES')}/metadata"
    answer = web.get(address, "application/dicom+json", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    plain = web.get(address, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.json() == answer.json()
    assert [row["00200013"]["Value"] for row in answer.json()] == [[1], [2], [3], [4], [5]]


def test_pixels_are_named_by_an_address_that_answers(web, released):
    row = web.get(f"{released.address('SLICES')}/metadata").json()[0]
    pixels = web.get(f"{released.address('SLICES')}/{row['7FE00010']['BulkDataURI']}", "application/octet-stream")
    assert pixels.content == pydicom.dcmread(io.BytesIO(content_of(released, stored(released, "SLICES")[0]))).PixelData


def test_metadata_of_instance_and_study_hold_absolute_addresses(web, released):
    one = stored(released, "SLICES")[2]
    (row,) = web.get(f"{released.address('SLICES')}/instances/{one.uid}/metadata").json()
    assert row["00080018"]["Value"] == [one.uid]
    root = released.archive.settings.public_url
    assert row["7FE00010"]["BulkDataURI"] == f"{root}{released.address('SLICES')}/instances/{one.uid}/bulkdata/7FE00010"
    study = web.get(f"/dicom-web/studies/{one.study_uid}/metadata").json()
    assert study[2] == row
    assert len(study) == 5


# ---- frames


@pytest.mark.parametrize(
    "accept", ['multipart/related; type="*/*"', "multipart/related; type=application/octet-stream; transfer-syntax=*"]
)
@pytest.mark.parametrize(
    ("name", "media_type"), [("JPEG", "image/jpeg"), ("RLE", "image/dicom-rle"), ("JP2", "image/jp2")]
)
def test_frames_leave_as_they_are_stored_for_dicomweb_client_and_ohif(web, released, name, media_type, accept):
    (one,) = stored(released, name)
    ((headers, body),) = parts_of(web.get(f"{released.address(name)}/instances/{one.uid}/frames/1", accept))
    assert headers["Content-Type"] == f"{media_type}; transfer-syntax={one.transfer_syntax_uid}"
    dataset = pydicom.dcmread(io.BytesIO(content_of(released, one)))
    count = int(dataset.get("NumberOfFrames", 1))
    assert body == next(
        pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=count)
    ).rstrip() or body.startswith(next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=count)))


@pytest.mark.parametrize("accept", ['multipart/related; type="application/octet-stream"', "*/*", None])
@pytest.mark.parametrize("name", ["CT", "MR", "BIG", "RLE", "JP2", "IMPLICIT"])
def test_frames_are_uncompressed_by_default(web, released, name, accept):
    (one,) = stored(released, name)
    ((headers, body),) = parts_of(web.get(f"{released.address(name)}/instances/{one.uid}/frames/1", accept))
    assert headers["Content-Type"] == f"application/octet-stream; transfer-syntax={EXPLICIT}"
    array = pydicom.dcmread(io.BytesIO(content_of(released, one))).pixel_array
    first = array[0] if one.frames > 1 else array
    assert body == first.astype(array.dtype.newbyteorder("<")).tobytes()


def test_several_frames_come_in_the_order_asked_for(web, released):
    (one,) = stored(released, "IMPLICIT")
    assert one.frames > 3
    answer = web.get(f"{released.address('IMPLICIT')}/instances/{one.uid}/frames/3,1")
    array = pydicom.dcmread(io.BytesIO(content_of(released, one))).pixel_array
    assert [body for _, body in parts_of(answer)] == [array[2].tobytes(), array[0].tobytes()]


def test_one_frame_may_leave_without_multipart(web, released):
    (one,) = stored(released, "JPEG")
    answer = web.get(
        f"{released.address('JPEG')}/instances/{one.uid}/frames/1", "image/*, multipart/related; type=image/jpeg"
    )
    assert answer.headers["content-type"].startswith("image/jpeg; transfer-syntax=")
    assert answer.content[:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    ("numbers", "status"), [("0", 400), ("1,", 400), ("one", 400), ("1-2", 400), ("2", 404), ("999999999", 404)]
)
def test_frames_that_are_not_there_are_refused(web, released, numbers, status):
    (one,) = stored(released, "CT")
    assert web.get(f"{released.address('CT')}/instances/{one.uid}/frames/{numbers}").status_code == status


def test_an_object_without_pixels_has_no_frames(web, released):
    (one,) = stored(released, "SR")
    assert web.get(f"{released.address('SR')}/instances/{one.uid}/frames/1").status_code == 404


def test_a_form_that_the_frame_does_not_have_is_not_acceptable(web, released):
    (one,) = stored(released, "CT")
    answer = web.get(f"{released.address('CT')}/instances/{one.uid}/frames/1", 'multipart/related; type="image/jpeg"')
    assert answer.status_code == 406


# ---- bulk values


def test_a_range_of_a_bulk_value_is_given(web, released):
    (one,) = stored(released, "CT")
    url = f"{released.address('CT')}/instances/{one.uid}/bulkdata/7FE00010"
    whole = web.get(url, "application/octet-stream").content
    part = web.get(url, "application/octet-stream", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole)}"
    assert web.get(url, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416


def test_a_bulk_value_may_come_as_multipart(web, released):
    (one,) = stored(released, "CT")
    url = f"{released.address('CT')}/instances/{one.uid}/bulkdata/7FE00010"
    ((_, body),) = parts_of(web.get(url, 'multipart/related; type="*/*"'))
    assert body == web.get(url, "application/octet-stream").content


def test_encapsulated_pixels_as_bulk_value_are_their_frames(web, released):
    (one,) = stored(released, "RLE")
    url = f"{released.address('RLE')}/instances/{one.uid}"
    accept = 'multipart/related; type="*/*"'
    assert (
        parts_of(web.get(f"{url}/bulkdata/7FE00010", accept))[0][1]
        == parts_of(web.get(f"{url}/frames/1", accept))[0][1]
    )


@pytest.mark.parametrize(("path", "status"), [("7fe00010", 400), ("00100010/x", 400), ("60003000", 404)])
def test_a_bulk_value_that_is_not_there_is_refused(web, released, path, status):
    (one,) = stored(released, "CT")
    answer = web.get(f"{released.address('CT')}/instances/{one.uid}/bulkdata/{path}")
    assert answer.status_code == status


def test_an_unknown_address_answers_a_problem_and_never_a_page(web):
    for method, path, status in (("GET", "/dicom-web/nothing", 404), ("DELETE", "/dicom-web/studies/1.2", 405)):
        answer = web.request(method, path)
        assert answer.status_code == status
        assert set(answer.json()) >= {"type", "title", "status", "detail", "code"}


def test_the_metadata_file_is_the_one_of_the_revision(released, web):
    row = released.series["SLICES"]
    lying = images.read_metadata(
        released.archive, images.find_series(released.archive, factories.SYSTEM, row.series_uid)
    )
    assert json.loads(gzip.decompress(lying.read_bytes())) == web.get(f"{released.address('SLICES')}/metadata").json()


@pytest.mark.parametrize("accept", ["image/png;q=0", "application/dicom;q=0, */*;q=0", ";;"])
def test_who_accepts_nothing_gets_nothing(web, released, accept):
    assert web.get(released.address("SLICES"), accept).status_code == 406
