"""STOW-RS, into a real quarantine, with the rights of the public process."""

import io

import anyio
import pydicom
import pytest
from pydicom.dataset import Dataset
from tests import factories
from tests.protocols.conftest import Asking

from invivo import accounts, collections, submissions
from invivo.protocols.dicomweb import routes

BOUNDARY = "0f3cf5c0-70e0-41ef-baef-c6f9f65ec3e1"
TYPE = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'


def framed(*contents, end=True, content_type="application/dicom"):
    """Frame parts as dicomweb-client does."""
    parts = [f"\r\n--{BOUNDARY}\r\nContent-Type: {content_type}\r\n\r\n".encode() + one for one in contents]
    return b"".join(parts) + (f"\r\n--{BOUNDARY}--".encode() if end else b"")


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


def post(web, content, actor, path="/dicom-web/studies", **headers):
    return web.request("POST", path, actor=actor, content=content, headers={"Content-Type": TYPE, **headers})


def counts(archive, submission):
    return dict(submissions.progress_of(archive, factories.SYSTEM, submission.id).counts)


def reasons(answer):
    return [item["00081197"]["Value"][0] for item in answer.json()["00081198"]["Value"]]


def test_instances_are_stored_and_each_is_named(web, archive, submission, sender):
    files = factories.make_series(3)
    answer = post(web, framed(*files), sender)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/dicom+json"
    dataset = Dataset.from_json(answer.json())
    sent = [pydicom.dcmread(io.BytesIO(one)).SOPInstanceUID for one in files]
    assert [item.ReferencedSOPInstanceUID for item in dataset.ReferencedSOPSequence] == sent
    assert "FailedSOPSequence" not in dataset
    assert counts(archive, submission) == {"received": 3}


def test_more_instances_than_a_batch_are_all_stored(web, archive, submission, sender):
    assert post(web, framed(*factories.make_series(45)), sender).status_code == 200
    assert counts(archive, submission) == {"received": 45}


def test_storing_again_is_a_success(web, archive, submission, sender):
    body = framed(*factories.make_series(2))
    assert post(web, body, sender).status_code == 200
    assert post(web, body, sender).status_code == 200
    assert counts(archive, submission) == {"received": 2}


def test_other_bytes_under_a_known_uid_are_stored_with_a_warning(web, archive, submission, sender):
    uid = "1.2.3.4.5"
    first = factories.make_image(study="1.2.1", series="1.2.2", SOPInstanceUID=uid)
    other = factories.make_image(study="1.2.1", series="1.2.2", SOPInstanceUID=uid, number=7)
    answer = post(web, framed(first, other), sender)
    assert answer.status_code == 202
    items = answer.json()["00081199"]["Value"]
    assert [item.get("00081196", {}).get("Value") for item in items] == [None, [0xB000]]
    assert counts(archive, submission) == {"received": 1, "conflict": 1}


def test_what_is_no_dicom_fails_and_stops_nothing(web, archive, submission, sender):
    answer = post(web, framed(b"hello", factories.make_image(), b""), sender)
    assert answer.status_code == 202
    assert reasons(answer) == [0xC000, 0xC000]
    assert len(answer.json()["00081199"]["Value"]) == 1


def test_nothing_stored_is_a_conflict(web, submission, sender):
    answer = post(web, framed(b"hello"), sender)
    assert answer.status_code == 409
    assert reasons(answer) == [0xC000]


def test_an_object_of_another_study_than_the_address_names_fails(web, archive, submission, sender):
    mine, other = factories.make_image(study="1.2.3"), factories.make_image(study="1.2.4")
    answer = post(web, framed(mine, other), sender, "/dicom-web/studies/1.2.3")
    assert answer.status_code == 202
    assert reasons(answer) == [0xA900]
    assert counts(archive, submission) == {"received": 1}


def test_one_object_may_come_without_multipart(web, archive, submission, sender):
    answer = post(web, factories.make_image(), sender, **{"Content-Type": "application/dicom"})
    assert answer.status_code == 200
    assert counts(archive, submission) == {"received": 1}


def test_an_object_that_is_too_large_fails_alone(web, archive, submission, sender, monkeypatch):
    small, large = factories.make_image(size=8), factories.make_image(size=128)
    limits = archive.settings.limits.model_copy(update={"object_bytes": len(small) + 100})
    settings = archive.settings.model_copy(update={"limits": limits})
    object.__setattr__(web.archive, "settings", settings)
    answer = post(web, framed(large, small), sender)
    assert answer.status_code == 202
    assert reasons(answer) == [0xA700]
    assert counts(archive, submission) == {"received": 1}
    assert not list((archive.held.root / "spool").iterdir())


def test_a_body_that_breaks_off_keeps_what_came_whole(web, archive, submission, sender):
    files = factories.make_series(3)
    whole = framed(*files)
    answer = post(web, whole[: -len(files[2]) // 2], sender)
    assert (answer.status_code, answer.json()["code"]) == (400, "stow.truncated")
    assert answer.json()["stored"] == 2
    assert counts(archive, submission) == {"received": 2}
    assert not list((archive.held.root / "spool").iterdir())


def test_a_connection_that_breaks_off_keeps_what_came_whole(web, archive, submission, sender):
    files = factories.make_series(2)
    body = framed(*files)[: -len(files[1])]
    messages = [{"type": "http.request", "body": body, "more_body": True}, {"type": "http.disconnect"}]
    sent = []

    async def run():
        async def receive():
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        web.actor = sender
        scope = {"type": "http", "method": "POST", "path": "/dicom-web/studies", "query_string": b"", "root_path": ""}
        await web({**scope, "headers": [(b"content-type", TYPE.encode())], "http_version": "1.1"}, receive, send)

    anyio.run(run)
    assert counts(archive, submission) == {"received": 1}
    assert not list((archive.held.root / "spool").iterdir())


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 415),
        ('multipart/related; type="image/png"; boundary=b', 415),
        ("multipart/form-data; boundary=b", 415),
        ('multipart/related; type="application/dicom"', 400),
        ("", 415),
    ],
)
def test_a_body_of_another_kind_is_refused(web, submission, sender, content_type, status):
    answer = post(web, framed(factories.make_image()), sender, **{"Content-Type": content_type})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_empty_request_is_malformed(web, submission, sender):
    assert post(web, framed(), sender).status_code == 400


def test_a_visitor_may_not_store(web, submission):
    answer = post(web, framed(factories.make_image()), accounts.ANONYMOUS)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_who_delivers_for_several_submissions_names_one(web, archive, submission, sender):
    second = submissions.open_submission(archive, factories.SYSTEM, submission.collection_id, "Another")
    files = [factories.make_image() for _ in range(3)]
    assert post(web, framed(files[0]), sender).json()["code"] == "sender.ambiguous"
    assert post(web, framed(files[1]), sender, f"/dicom-web/submissions/{second.id}/studies").status_code == 200
    assert post(web, framed(files[2]), sender, **{"Invivo-Submission": str(submission.id)}).status_code == 200
    assert counts(archive, second) == counts(archive, submission) == {"received": 1}


@pytest.mark.parametrize("named", ["0", "x", "99999999999", "-1"])
def test_a_malformed_submission_is_refused(web, submission, sender, named):
    assert post(web, framed(factories.make_image()), sender, **{"Invivo-Submission": named}).status_code == 400


def test_an_unknown_submission_is_refused_before_the_body_is_read(web, archive, submission, sender):
    answer = post(web, framed(factories.make_image()), sender, "/dicom-web/submissions/12345/studies")
    assert (answer.status_code, answer.json()["code"]) == (403, "sender.unknown")


def test_too_many_parts_are_refused(web, archive, submission, sender):
    limits = archive.settings.limits.model_copy(update={"archive_entries": 2})
    object.__setattr__(web.archive, "settings", archive.settings.model_copy(update={"limits": limits}))
    assert post(web, framed(*factories.make_series(3)), sender).status_code == 413
