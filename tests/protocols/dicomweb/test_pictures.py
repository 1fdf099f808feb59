"""Rendered images, thumbnails and WADO-URI."""

import io

import pytest
from PIL import Image
from tests import factories

from invivo import images


def picture(answer, status=200):
    assert answer.status_code == status, answer.text
    return Image.open(io.BytesIO(answer.content))


def instance(released, name):
    return images.instances_of_series(released.archive, factories.SYSTEM, released.series[name].series_uid)[0]


@pytest.mark.parametrize("name", ["SLICES", "CT", "MR", "JPEG", "RLE", "JP2", "BIG", "IMPLICIT"])
def test_every_image_has_a_thumbnail_at_every_level(web, released, name):
    row = released.series[name]
    study = f"/dicom-web/studies/{row.study_uid}"
    for path in (
        study,
        f"{study}/series/{row.series_uid}",
        f"{study}/series/{row.series_uid}/instances/{row.cover_uid}",
    ):
        answer = web.get(f"{path}/thumbnail?viewport=256,256", "image/jpeg")
        assert answer.headers["content-type"] == "image/jpeg"
        assert max(picture(answer).size) <= 256


def test_a_thumbnail_is_made_once(web, released):
    url = f"{released.address('MR')}/thumbnail?viewport=128,128"
    first = web.get(url).content
    kept = list((released.archive.derived / "thumbnails").rglob(f"{instance(released, 'MR').digest}-128.jpg"))
    assert [path.read_bytes() for path in kept] == [first]
    kept[0].write_bytes(b"kept")
    assert web.get(url).content == b"kept"
    kept[0].unlink()


def test_sizes_that_nobody_usually_asks_leave_nothing_on_the_disk(web, released):
    before = len(list((released.archive.derived / "thumbnails").rglob("*")))
    assert picture(web.get(f"{released.address('MR')}/thumbnail?viewport=77,99")).width <= 77
    assert len(list((released.archive.derived / "thumbnails").rglob("*"))) == before


def test_an_object_without_image_has_no_thumbnail(web, released):
    for path in ("thumbnail", "rendered"):
        answer = web.get(f"{released.address('SR')}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "dicomweb.no-picture")


def test_the_window_asked_for_changes_the_picture(web, released):
    url = f"{released.address('CT')}/instances/{instance(released, 'CT').uid}/frames/1/rendered"
    plain, bright = web.get(url), web.get(f"{url}?window=-1000,10,linear&accept=image/png")
    assert plain.headers["content-type"] == "image/jpeg"
    assert bright.headers["content-type"] == "image/png"
    assert plain.headers["etag"] != bright.headers["etag"]
    assert picture(bright).convert("L").getextrema()[1] == 255
    assert sum(picture(bright).convert("L").histogram()[250:]) > sum(picture(plain).convert("L").histogram()[250:])


def test_the_accept_parameter_goes_before_the_header(web, released):
    answer = web.get(f"{released.address('CT')}/rendered?accept=image/png", "image/jpeg")
    assert picture(answer).format == "PNG"


def test_a_region_and_a_size_are_followed(web, released):
    answer = web.get(f"{released.address('CT')}/rendered?viewport=64,64,0,0,32,32&accept=image/png")
    assert picture(answer).size == (64, 64)


@pytest.mark.parametrize(
    "query",
    [
        "window=1",
        "window=a,b",
        "window=1,2,cubic",
        "window=1,nan",
        "viewport=0,1",
        "viewport=99999,9",
        "viewport=1",
        "quality=0",
        "quality=x",
        "viewport=9,9,0,0,99999,1",
    ],
)
def test_malformed_parameters_are_refused(web, released, query):
    assert web.get(f"{released.address('CT')}/rendered?{query}").status_code == 400


def test_a_form_that_is_not_made_is_not_acceptable(web, released):
    assert web.get(f"{released.address('CT')}/rendered", "image/gif").status_code == 406
    assert web.get(f"{released.address('CT')}/rendered", "image/*").status_code == 200


def test_a_frame_that_is_not_there_is_not_found(web, released):
    url = f"{released.address('CT')}/instances/{instance(released, 'CT').uid}/frames"
    assert web.get(f"{url}/2/rendered").status_code == 404
    assert web.get(f"{url}/0/rendered").status_code == 400
    assert web.get(f"{url}/1/thumbnail").status_code == 200


# ---- WADO-URI


def wado(one, **more):
    asked = {
        "requestType": "WADO",
        "studyUID": one.study_uid,
        "seriesUID": one.series_uid,
        "objectUID": one.uid,
        **more,
    }
    return "/wado?" + "&".join(f"{name}={value}" for name, value in asked.items())


def test_dicomtrolleys_request_gives_the_file(web, released):
    one = instance(released, "CT")
    answer = web.get(wado(one, contentType="application%2Fdicom"), "*/*")
    assert answer.headers["content-type"].startswith("application/dicom")
    assert answer.content == released.archive.objects.place(one.digest).path.read_bytes()


def test_a_compressed_object_leaves_decoded_unless_its_syntax_is_named(web, released):
    one = instance(released, "RLE")
    decoded = web.get(wado(one, contentType="application/dicom"))
    assert decoded.headers["content-type"].endswith("transfer-syntax=1.2.840.10008.1.2.1")
    stored = web.get(wado(one, contentType="application/dicom", transferSyntax=one.transfer_syntax_uid))
    assert len(stored.content) == one.size_bytes
    assert (
        web.get(wado(one, contentType="application/dicom", transferSyntax="1.2.840.10008.1.2.4.50")).status_code == 406
    )


def test_a_picture_is_the_default_and_follows_its_parameters(web, released):
    one = instance(released, "CT")
    assert picture(web.get(wado(one))).format == "JPEG"
    asked = wado(
        one, rows=40, columns=50, windowCenter=40, windowWidth=400, imageQuality=70, frameNumber=1, region="0,0,0.5,0.5"
    )
    assert picture(web.get(asked)).size == (40, 40)


def test_a_report_is_given_as_object_by_default(web, released):
    one = instance(released, "SR")
    assert web.get(wado(one)).headers["content-type"].startswith("application/dicom")
    assert web.get(wado(one, contentType="image/jpeg")).status_code == 406


@pytest.mark.parametrize(
    "change",
    [{"requestType": "WADX"}, {"objectUID": ""}, {"studyUID": "x"}, {"windowCenter": "1"}, {"region": "1,1,0,0"}],
)
def test_malformed_requests_are_refused(web, released, change):
    assert web.get(wado(instance(released, "CT"), **change)).status_code == 400
