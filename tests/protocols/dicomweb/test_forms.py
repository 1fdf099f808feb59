"""Other forms than those that are stored: XML, lossless syntaxes, ZIP, videos, and what the service says of itself."""

import io
import struct
import zipfile

import numpy as np
import pydicom
import pytest
from defusedxml import ElementTree
from tests.protocols.dicomweb.test_retrieval import DICOM, content_of, parts_of, stored

from invivo import storage
from invivo.protocols.dicomweb import capabilities, native_model, video
from invivo.protocols.dicomweb.routes import service

XML = 'multipart/related; type="application/dicom+xml"'
NAMESPACE = f"{{{native_model.NAMESPACE}}}"
JPEG_LS, JPEG_2000 = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"

# ---- XML


@pytest.mark.parametrize("path", ["", "/instances/{uid}"])
def test_metadata_as_xml_say_what_metadata_as_json_say(web, released, path):
    for name in ("SLICES", "SR", "JPEG"):
        url = released.address(name) + path.format(uid=stored(released, name)[0].uid) + "/metadata"
        answer = web.get(url, XML)
        documents = [native_model.json_of_xml(body) for _, body in parts_of(answer)]
        assert [headers["Content-Type"] for headers, _ in parts_of(answer)] == ["application/dicom+xml"] * len(
            documents
        )
        expected = web.get(url).json()
        assert [set(one) for one in documents] == [set(one) for one in expected]
        for one, other in zip(documents, expected, strict=True):
            assert _texts(one) == _texts(other)


def _texts(json):
    """Return a data set with its numbers as texts, as XML has them."""
    return {
        tag: {name: _text(value) for name, value in entry.items()}
        for tag, entry in json.items()
        if "BulkDataURI" not in entry  # relative in the file of a series, absolute elsewhere
    }


def _text(value):
    if isinstance(value, list):
        return [_text(one) for one in value if one is not None]
    if isinstance(value, dict) and all(isinstance(one, dict) for one in value.values()):
        return _texts(value)
    return value if isinstance(value, dict) else str(value).removesuffix(".0")


def test_metadata_of_a_study_as_xml_have_a_part_for_each_instance(web, released):
    answer = web.get(f"/dicom-web/studies/{released.series['SLICES'].study_uid}/metadata", XML)
    assert len(parts_of(answer)) == 5


def test_one_instance_is_one_document_where_that_is_asked(web, released):
    (one,) = stored(released, "CT")
    answer = web.get(f"{released.address('CT')}/instances/{one.uid}/metadata", "application/dicom+xml")
    root = ElementTree.fromstring(answer.content)
    keywords = {each.get("tag"): each.get("keyword") for each in root}
    assert keywords["00100020"] == "PatientID"
    again = web.get(
        f"{released.address('CT')}/instances/{one.uid}/metadata",
        "application/dicom+xml",
        headers={"If-None-Match": answer.headers["etag"]},
    )
    assert again.status_code == 304


def test_values_that_xml_cannot_hold_are_escaped_or_left_out():
    json = {"00081030": {"vr": "LO", "Value": ['a<b>&"\x1b', None]}, "00090010": {"vr": "LO", "Value": ['"A&B"']}}
    json["00091001"] = {"vr": "UN", "InlineBinary": "AAAA"}
    json["00100010"] = {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane^^Dr", "Phonetic": "d<o"}]}
    read = native_model.json_of_xml(native_model.xml_of(json))
    assert read["00081030"]["Value"] == ['a<b>&"']
    assert read["00100010"]["Value"] == [{"Alphabetic": "Doe^Jane^^Dr", "Phonetic": "d<o"}]
    assert read["00091001"] == {"vr": "UN", "InlineBinary": "AAAA"}
    assert ElementTree.fromstring(native_model.xml_of(json))[2].get("privateCreator") == '"A&B"'


@pytest.mark.parametrize(
    "text",
    [
        "<a/>",
        "no xml",
        '<!DOCTYPE a [<!ENTITY b "c">]><NativeDicomModel>&b;</NativeDicomModel>',
        "<NativeDicomModel><DicomAttribute tag='x'/></NativeDicomModel>",
        "<NativeDicomModel><DicomAttribute tag='00100010' vr='PN'><Other/></DicomAttribute></NativeDicomModel>",
        "<NativeDicomModel>"
        + "<DicomAttribute tag='00081140' vr='SQ'><Item>" * 40
        + "</Item></DicomAttribute>" * 40
        + "</NativeDicomModel>",
    ],
)
def test_what_is_no_native_model_is_refused(text):
    with pytest.raises(native_model.BadXml):
        native_model.json_of_xml(text.encode())


# ---- transcoding


@pytest.mark.parametrize("syntax", [JPEG_LS, JPEG_2000])
@pytest.mark.parametrize("name", ["CT", "MR", "RLE", "JPEG", "SLICES", "IMPLICIT", "BIG"])
def test_an_object_is_compressed_without_loss_for_a_client_that_takes_only_that(web, released, name, syntax):
    one = stored(released, name)[0]
    url = f"{released.address(name)}/instances/{one.uid}"
    answer = web.get(url, f"{DICOM}; transfer-syntax={syntax}")
    if name == "IMPLICIT":
        assert answer.status_code == 406  # doses of 32 bits
        return
    ((headers, body),) = parts_of(answer)
    assert headers["Content-Type"] == f"application/dicom; transfer-syntax={syntax}"
    dataset = pydicom.dcmread(io.BytesIO(body))
    assert dataset.file_meta.TransferSyntaxUID == syntax
    ((_, plain),) = parts_of(web.get(url, DICOM))
    assert np.array_equal(dataset.pixel_array, pydicom.dcmread(io.BytesIO(plain)).pixel_array)


@pytest.mark.parametrize(("media_type", "syntax"), [("image/jls", JPEG_LS), ("image/jp2", JPEG_2000)])
def test_a_frame_is_compressed_for_a_client_that_takes_only_that(web, released, media_type, syntax):
    (one,) = stored(released, "CT")
    url = f"{released.address('CT')}/instances/{one.uid}/frames/1"
    ((headers, body),) = parts_of(web.get(url, f'multipart/related; type="{media_type}"'))
    assert headers["Content-Type"] == f"{media_type}; transfer-syntax={syntax}"
    ((_, plain),) = parts_of(web.get(url, 'multipart/related; type="application/octet-stream"'))
    assert len(body) < len(plain)
    alone = web.get(url, media_type)
    assert alone.content == body
    assert alone.headers["content-type"] == f"{media_type}; transfer-syntax={syntax}"


def test_a_lossy_form_of_what_is_stored_without_loss_is_not_made(web, released):
    (one,) = stored(released, "CT")
    url = f"{released.address('CT')}/instances/{one.uid}/frames/1"
    assert web.get(url, "image/jpeg").status_code == 406


# ---- ZIP


@pytest.mark.parametrize("level", ["study", "series", "instance"])
def test_what_stands_below_an_address_is_given_as_a_zip(web, released, level):
    found = stored(released, "SLICES")
    url = released.address("SLICES")
    url = {"study": url.partition("/series")[0], "series": url, "instance": f"{url}/instances/{found[0].uid}"}[level]
    answer = web.get(url, "application/zip")
    assert answer.headers["content-type"] == "application/zip"
    packed = zipfile.ZipFile(io.BytesIO(answer.content))
    assert packed.testzip() is None
    objects = [packed.read(name) for name in packed.namelist() if name.endswith(".dcm")]
    assert sorted(objects) == sorted(content_of(released, one) for one in (found[:1] if level == "instance" else found))
    part = web.get(url, "application/zip", headers={"Range": "bytes=100-199", "If-Range": answer.headers["etag"]})
    assert (part.status_code, part.content) == (206, answer.content[100:200])
    changed = web.get(url, "application/zip", headers={"Range": "bytes=100-199", "If-Range": '"another"'})
    assert changed.status_code == 200
    assert web.get(url, "application/zip", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


def test_a_zip_of_what_may_only_be_known_of_is_refused(web, released):
    assert web.get(released.address("REGISTERED"), "application/zip").status_code == 401
    assert web.get(f"/dicom-web/studies/1.2.3?accept={'application/zip'}").status_code == 404


# ---- video


def test_a_video_is_its_fragments_one_after_the_other(tmp_path):
    pieces = [b"", b"abcd", b"efgh", b"ij"]
    items = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(one)) + one for one in pieces)
    path = tmp_path / "video"
    path.write_bytes(b"head" + items + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))
    found = video._fragments(storage.Place(path, 0, 100), 4)
    assert b"".join(video._stream(path, found, 0, 10)) == b"abcdefghij"
    assert b"".join(video._stream(path, found, 3, 9)) == b"defghi"


# ---- capabilities


def test_every_address_of_the_service_is_described(web):
    answer = web.request("OPTIONS", "/dicom-web/", headers={"Accept": "application/vnd.sun.wadl+xml"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/vnd.sun.wadl+xml")
    root = ElementTree.fromstring(answer.content)
    told = {one.get("path") for one in root.iter() if one.tag.endswith("}resource")}
    assert {one.path.lstrip("/").replace(":path", "") for one in service.routes if hasattr(one, "path")} - told <= {
        "{path}"
    }
    assert web.get("/dicom-web/", "application/json").json()["resources"]


def test_options_at_an_address_tell_what_it_takes(web):
    answer = web.request("OPTIONS", "/dicom-web/studies", headers={"Accept": "application/json"})
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert {one["transaction"] for one in answer.json()["resources"]} == {"SearchForStudies", "Store"}
    assert web.get("/dicom-web/nothing/here").status_code == 404


def test_what_is_described_is_what_is_routed():
    assert set(capabilities.SERVICES) == {one.endpoint.__name__ for one in service.routes}


# ---- pictures


def test_what_a_picture_does_not_show_is_said(web, released):
    (one,) = stored(released, "CT")
    url = f"{released.address('CT')}/instances/{one.uid}/rendered"
    assert "annotation" in web.get(f"{url}?annotation=patient", "image/jpeg").headers["warning"]
    assert web.get(url, "image/gif").status_code == 406
    assert web.get(f"{url}?viewport=64,64,-10,0,20,20", "image/jpeg").status_code == 400
    half = web.get(f"{url}?viewport=64,64,,,64,64", "image/png")
    assert half.content == web.get(f"{url}?viewport=64,64,0,0,64,64", "image/png").content


def test_pictures_of_a_whole_series_are_parts(web, released):
    answer = web.get(f"{released.address('SLICES')}/rendered", 'multipart/related; type="image/jpeg"')
    assert [headers["Content-Type"] for headers, _ in parts_of(answer)] == ["image/jpeg"] * 5


@pytest.mark.parametrize("query", ["anonymize=yes", "presentationUID=1.2.3"])
def test_wado_uri_refuses_what_it_would_have_to_pass_over(web, released, query):
    (one,) = stored(released, "CT")
    url = f"/wado?requestType=WADO&studyUID={one.study_uid}&seriesUID={one.series_uid}&objectUID={one.uid}&{query}"
    assert web.get(url).status_code == 501


def test_wado_uri_gives_an_object_in_a_lossless_syntax(web, released):
    (one,) = stored(released, "CT")
    url = f"/wado?requestType=WADO&studyUID={one.study_uid}&seriesUID={one.series_uid}&objectUID={one.uid}"
    answer = web.get(f"{url}&contentType=application/dicom&transferSyntax={JPEG_LS}")
    assert pydicom.dcmread(io.BytesIO(answer.content)).file_meta.TransferSyntaxUID == JPEG_LS


def test_head_gives_the_headers_and_no_bytes(web, released):
    (one,) = stored(released, "CT")
    for path in ("/metadata", f"/instances/{one.uid}", f"/instances/{one.uid}/frames/1", "/thumbnail"):
        whole = web.get(released.address("CT") + path, "*/*")
        head = web.request("HEAD", released.address("CT") + path, headers={"Accept": "*/*"})
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == whole.headers["content-length"]
