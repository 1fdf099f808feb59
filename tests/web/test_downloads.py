"""Downloads: exact lengths, byte ranges, and what is said to those who may not."""

import hashlib
import io
import zipfile

import pydicom
import pytest
from tests import factories
from tests.web import visitor
from tests.web.visitor import TABLE, Site

from invivo import accounts, attachments, usage
from invivo.web import downloads

site = visitor.site


def package(site: Site, name: str = "CT") -> str:
    return f"/series/{site.series[name].series_uid}/package.zip"


def test_a_package_has_its_exact_length_and_every_digest_holds(site: Site) -> None:
    answer = site.get(package(site), downloads.routes)
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) == len(answer.content)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
        assert opened.testzip() is None
        lines = opened.read("manifest-sha256.txt").decode().splitlines()
        assert len(lines) == 3
        for line in lines:
            digest, path = line.split("  ", 1)
            assert hashlib.sha256(opened.read(path)).hexdigest() == digest


def test_an_interrupted_download_goes_on_to_the_same_bytes(site: Site) -> None:
    whole = site.get(package(site), downloads.routes)
    first = site.get(package(site), downloads.routes, headers={"Range": "bytes=0-999"})
    assert first.status_code == 206
    assert first.headers["content-range"] == f"bytes 0-999/{len(whole.content)}"
    rest = site.get(
        package(site), downloads.routes, headers={"Range": "bytes=1000-", "If-Range": first.headers["etag"]}
    )
    assert first.content + rest.content == whole.content


def test_the_last_bytes_can_be_asked_for(site: Site) -> None:
    whole = site.get(package(site), downloads.routes).content
    assert site.get(package(site), downloads.routes, headers={"Range": "bytes=-22"}).content == whole[-22:]


@pytest.mark.parametrize("asked", ["bytes=999999999-", "bytes=-0"])
def test_a_range_beyond_the_end_cannot_be_satisfied(site: Site, asked: str) -> None:
    answer = site.get(package(site), downloads.routes, headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"].startswith("bytes */")


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=5-2"},
        {"Range": "lines=1-2"},
        {"Range": "bytes=0-1,4-5"},
        {"Range": "bytes=0-9", "If-Range": '"old"'},
    ],
)
def test_what_is_no_single_fresh_range_gets_the_whole(site: Site, headers: dict[str, str]) -> None:
    assert site.get(package(site), downloads.routes, headers=headers).status_code == 200


def test_head_tells_length_and_tag_without_a_body(site: Site) -> None:
    whole = site.get(package(site), downloads.routes)
    answer = site.request("HEAD", package(site), downloads.routes)
    assert answer.content == b""
    assert {key: answer.headers[key] for key in ("content-length", "etag")} == {
        key: whole.headers[key] for key in ("content-length", "etag")
    }


def test_what_is_already_here_is_not_sent_again(site: Site) -> None:
    tag = site.get(package(site), downloads.routes).headers["etag"]
    assert site.get(package(site), downloads.routes, headers={"If-None-Match": tag}).status_code == 304


def test_a_visitor_is_asked_to_sign_in_where_an_account_is_enough(site: Site) -> None:
    answer = site.get(package(site, "REG"), downloads.routes)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert f"/sign-in?next=%2Fseries%2F{site.series['REG'].series_uid}%2Fpackage.zip" in answer.text


def test_an_account_is_enough_for_a_registered_collection(site: Site) -> None:
    reader = factories.actor_named(site.archive, "reader")
    assert site.get(package(site, "REG"), downloads.routes, reader).status_code == 200


def test_a_controlled_collection_says_whom_to_ask(site: Site) -> None:
    answer = site.get(package(site, "CTRL"), downloads.routes, factories.actor_named(site.archive, "reader"))
    assert answer.status_code == 403
    assert "owner@archive.test" in answer.text


@pytest.mark.parametrize("name", ["PRIVATE", "GONE"])
def test_what_is_private_or_withdrawn_is_not_there(site: Site, name: str) -> None:
    assert site.get(package(site, name), downloads.routes).status_code == 404


def is_cleaned(table: bytes) -> bool:
    """Whether it is the table that was sent, with the subject's label in the place of the id."""
    sent, came = TABLE.decode().splitlines(), table.decode().splitlines()
    return sent[0] == came[0] and came[1] == f"OPEN-1-{came[1][7:17]},50" and len(sent) == len(came)


def test_a_collection_brings_its_attachments(site: Site) -> None:
    answer = site.get("/collections/OPEN-1/package.zip", downloads.routes)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
        assert is_cleaned(opened.read("data/OPEN-1/files/table.csv"))
        assert sum(name.endswith(".dcm") for name in opened.namelist()) == 6


def test_a_study_and_a_cart_are_packages_too(site: Site) -> None:
    assert site.get(f"/studies/{site.series['CT'].study_uid}/package.zip", downloads.routes).status_code == 200
    answer = site.get(f"/cart/package.zip?cart={site.filled_cart('CT', 'REG')}", downloads.routes)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
        assert sum(name.endswith(".dcm") for name in opened.namelist()) == 3
        assert site.series["REG"].series_uid in opened.read("README.txt").decode()
    assert site.get("/cart/package.zip?cart=unknown", downloads.routes).status_code == 404


def test_one_file_is_the_released_object(site: Site) -> None:
    row = site.series["CT"]
    path = f"/series/{row.series_uid}/instances/{row.cover_uid}.dcm"
    answer = site.get(path, downloads.routes)
    assert answer.headers["content-type"] == "application/dicom"
    assert pydicom.dcmread(io.BytesIO(answer.content)).SOPInstanceUID == row.cover_uid
    assert site.get(path, downloads.routes, headers={"Range": "bytes=128-131"}).content == b"DICM"


def test_one_file_of_a_registered_collection_needs_a_sign_in(site: Site) -> None:
    row = site.series["REG"]
    assert site.get(f"/series/{row.series_uid}/instances/{row.cover_uid}.dcm", downloads.routes).status_code == 401
    assert site.get(f"/series/{row.series_uid}/instances/1.2.3.dcm", downloads.routes).status_code == 404


def test_an_attachment_comes_as_it_is_and_runs_nothing(site: Site) -> None:
    known = site.series["CT"].collection_id
    found = attachments.attachments_of(site.archive, factories.SYSTEM, known)[0]
    answer = site.get(f"/files/{found.id}", downloads.routes)
    assert is_cleaned(answer.content)
    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["content-disposition"].startswith('attachment; filename="table.csv"')
    assert site.get("/files/999999", downloads.routes).status_code == 404


def test_a_download_is_counted_once_however_often_it_is_taken_up(site: Site) -> None:
    usage.flush(site.archive)
    agent = {"User-Agent": "somebody else"}
    before = usage.figures(site.archive, accounts.ANONYMOUS, site.series["MR"].collection_id).downloads
    site.request("HEAD", package(site, "MR"), downloads.routes)
    site.get(package(site, "MR"), downloads.routes, headers={**agent, "Range": "bytes=0-99"})
    site.get(package(site, "MR"), downloads.routes, headers={**agent, "Range": "bytes=100-"})
    usage.flush(site.archive)
    assert usage.figures(site.archive, accounts.ANONYMOUS, site.series["MR"].collection_id).downloads == before + 1


@pytest.mark.parametrize("query", ["series=CT", "study=CT", "collection=OPEN-1"])
def test_the_download_page_gives_size_licence_citation_and_ways_home(site: Site, query: str) -> None:
    kind, _, name = query.partition("=")
    row = site.series.get(name)
    value = name if row is None else row.series_uid if kind == "series" else row.study_uid
    page = site.get(f"/download?{kind}={value}", downloads.routes).text
    assert all(words in page for words in ("curl -C - -o", "invivo download", "Creative Commons", "[Data set]"))


def test_the_download_page_names_what_is_left_out(site: Site) -> None:
    page = site.get(f"/download?cart={site.filled_cart('CT', 'REG')}", downloads.routes).text
    assert "1 series of" in page
    assert "An account is needed" in page


@pytest.mark.parametrize("query", ["", "?series=1.2&study=1.2", "?colour=red"])
def test_the_download_page_wants_to_know_what(site: Site, query: str) -> None:
    assert site.get(f"/download{query}", downloads.routes).status_code == 400
