"""tus 1.0.0, with the rights of the public process."""

import base64
import io
import json
import zipfile

import anyio
import pytest
from tests import factories
from tests.protocols.conftest import Asking

from invivo import accounts, collections, submissions
from invivo.protocols.tus import routes

VERSION = {"Tus-Resumable": "1.0.0"}
PIECE = {"Content-Type": "application/offset+octet-stream"}


@pytest.fixture
def submission(archive):
    return factories.make_submission(archive, factories.make_collection(archive))


@pytest.fixture
def sender(archive, submission):
    person = factories.make_person(archive, "sender")
    collections.add_member(archive, factories.SYSTEM, submission.collection_id, person.id, "submitter")
    return factories.actor_named(archive, "sender")


@pytest.fixture
def tus(public_archive, sender):
    asking = Asking(public_archive, routes)

    def ask(method, url, content=b"", actor=sender, **headers):
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return asking.request(method, url, actor=actor, content=content, headers={**VERSION, **given})

    ask.asking = asking
    return ask


def metadata(**pairs):
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in pairs.items())


def begin(tus, content, name="a.dcm", **headers):
    return tus("POST", "/uploads", Upload_Length=str(len(content)), Upload_Metadata=metadata(filename=name), **headers)


def patch(tus, url, content, offset, **headers):
    return tus("PATCH", url, content, **{"Upload-Offset": str(offset), **PIECE, **headers})


def counts(archive, submission):
    return dict(submissions.progress_of(archive, factories.SYSTEM, submission.id).counts)


def test_the_server_says_what_it_speaks(tus):
    answer = tus("OPTIONS", "/uploads")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert set(answer.headers["tus-extension"].split(",")) == {"creation", "creation-with-upload", "termination"}
    assert int(answer.headers["tus-max-size"]) > 0


def test_a_file_arrives_in_pieces(tus, archive, submission):
    content = factories.make_image()
    made = begin(tus, content)
    assert made.status_code == 201
    url = made.headers["location"]
    first = patch(tus, url, content[:100], 0)
    assert (first.status_code, first.headers["upload-offset"]) == (204, "100")
    assert "invivo-receipt" not in first.headers
    head = tus("HEAD", url)
    assert (head.headers["upload-offset"], head.headers["upload-length"]) == ("100", str(len(content)))
    assert head.headers["cache-control"] == "no-store"
    last = patch(tus, url, content[100:], 100)
    assert json.loads(last.headers["invivo-receipt"])["outcome"] == "held"
    assert json.loads(tus("HEAD", url).headers["invivo-receipt"])["outcome"] == "held"
    assert counts(archive, submission) == {"received": 1}


def test_a_small_file_arrives_with_its_creation(tus, archive, submission):
    content = factories.make_image()
    asked = {
        "Upload-Length": str(len(content)),
        "Upload-Metadata": metadata(filename="a.dcm", submission=str(submission.id)),
    }
    answer = tus("POST", "/uploads", content, **asked, **PIECE)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, str(len(content)))
    assert json.loads(answer.headers["invivo-receipt"])["outcome"] == "held"


def test_a_piece_that_breaks_off_is_kept_as_far_as_it_came(tus, archive, sender):
    content = factories.make_image()
    url = begin(tus, content).headers["location"]
    messages = [{"type": "http.request", "body": content[:321], "more_body": True}, {"type": "http.disconnect"}]

    async def run():
        async def receive():
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message):
            pass

        tus.asking.actor = sender
        headers = {**VERSION, **PIECE, "Upload-Offset": "0"}
        scope = {
            "type": "http",
            "method": "PATCH",
            "path": url,
            "query_string": b"",
            "root_path": "",
            "http_version": "1.1",
        }
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await tus.asking({**scope, "headers": raw}, receive, send)

    anyio.run(run)
    assert tus("HEAD", url).headers["upload-offset"] == "321"
    assert patch(tus, url, content[321:], 321).status_code == 204


def test_a_wrong_offset_is_a_conflict_and_changes_nothing(tus):
    content = factories.make_image()
    url = begin(tus, content).headers["location"]
    answer = patch(tus, url, content[10:], 10)
    assert (answer.status_code, answer.json()["code"]) == (409, "upload.offset")
    assert tus("HEAD", url).headers["upload-offset"] == "0"


def test_more_bytes_than_announced_are_refused(tus):
    url = begin(tus, b"12345").headers["location"]
    assert patch(tus, url, b"123456", 0).status_code == 413


def test_a_zip_says_that_it_is_being_taken_apart(tus):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("a.dcm", factories.make_image())
    url = begin(tus, out.getvalue(), "cd.zip").headers["location"]
    answer = patch(tus, url, out.getvalue(), 0)
    assert json.loads(answer.headers["invivo-receipt"]) == {"outcome": "unpacking"}


def test_an_abandoned_upload_is_gone(tus):
    url = begin(tus, b"12345").headers["location"]
    assert tus("DELETE", url).status_code == 204
    assert tus("HEAD", url).status_code == 404


def test_clients_that_can_only_post_say_what_they_mean(tus):
    content = factories.make_image()
    url = begin(tus, content).headers["location"]
    answer = tus("POST", url, content, **{"X-HTTP-Method-Override": "PATCH", "Upload-Offset": "0", **PIECE})
    assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(len(content)))
    assert tus("POST", url).status_code == 400


@pytest.mark.parametrize("version", ["0.2.2", ""])
def test_another_version_is_refused_with_ours(tus, version):
    answer = tus("POST", "/uploads", **{"Tus-Resumable": version, "Upload-Length": "1"})
    assert (answer.status_code, answer.headers["tus-version"]) == (412, "1.0.0")


def test_somebody_elses_upload_is_not_found(tus, archive):
    url = begin(tus, b"12345").headers["location"]
    factories.make_person(archive, "other")
    for actor in (accounts.ANONYMOUS, factories.actor_named(archive, "other")):
        for method in ("HEAD", "DELETE"):
            assert tus(method, url, actor=actor).status_code == 404


def test_a_visitor_may_not_begin(tus):
    answer = tus("POST", "/uploads", actor=accounts.ANONYMOUS, **{"Upload-Length": "5"})
    assert answer.status_code == 401
    assert answer.headers["tus-resumable"] == "1.0.0"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),
        ({"Upload-Length": "-1"}, 400),
        ({"Upload-Length": "x"}, 400),
        ({"Upload-Length": "0"}, 413),
        ({"Upload-Length": "9" * 18}, 413),
        ({"Upload-Length": "5", "Upload-Metadata": "filename !!!"}, 400),
        ({"Upload-Length": "5", "Upload-Metadata": metadata(filename="a", submission="x")}, 400),
        ({"Upload-Length": "5", "Upload-Metadata": metadata(filename="a", submission="4711")}, 403),
        ({"Upload-Length": "5", "Upload-Metadata": metadata(filename="a\0b")}, 400),
        ({"Upload-Defer-Length": "1"}, 400),
    ],
)
def test_a_malformed_beginning_is_refused(tus, headers, status):
    answer = tus("POST", "/uploads", **headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_piece_of_another_type_is_refused(tus):
    url = begin(tus, b"12345").headers["location"]
    assert patch(tus, url, b"1", 0, **{"Content-Type": "text/plain"}).status_code == 415
    assert patch(tus, url, b"1", "x").status_code == 400
