"""Every answer that is no success becomes an error of ours, with the archive's own words, from one place."""

from pathlib import Path

import httpx
import pytest

from invivo import client, errors
from invivo.client.answer import refusal
from invivo.protocols import wire

PROBLEM = {"type": "urn:invivo:x", "title": "Problem", "detail": "The collection is closed.", "code": "x"}


def archive(status: int, **answer: object) -> client.Archive:
    transport = httpx.MockTransport(lambda _request: httpx.Response(status, **answer))  # type: ignore[arg-type]
    return client.Archive("http://archive.example", transport=transport)


@pytest.mark.parametrize("family", errors.FAMILIES)
def test_a_status_leads_back_to_the_family_that_was_sent(family: type[errors.InvivoError]) -> None:
    assert type(refusal(httpx.Response(wire.STATUS[family], json=PROBLEM))) is family


@pytest.mark.parametrize("status", [401, 403, 404, 409, 410, 413, 429, 500, 503])
def test_reading_and_writing_tell_the_same_of_an_error(status: int) -> None:
    asked = archive(status, json=PROBLEM)
    kinds = set()
    for call in (
        lambda: asked.get("/api/collections"),
        lambda: asked.post("/api/desk/submissions", {}),
        lambda: client.Guids(asked).pseudo([1]),
    ):
        with pytest.raises(errors.InvivoError) as caught:
            call()
        assert caught.value.message == PROBLEM["detail"]
        kinds.add(type(caught.value))
    assert len(kinds) == 1


@pytest.mark.parametrize("body", [b"", b"<html>gateway</html>", b"[1, 2]", b'"no"', b'{"detail": null}'])
def test_an_answer_without_words_of_ours_is_told_by_its_status(body: bytes) -> None:
    with pytest.raises(errors.Broken, match="answered 502"):
        archive(502, content=body).get("/api/search")


def test_a_page_in_the_place_of_json_is_no_archives_answer() -> None:
    with pytest.raises(errors.Broken) as caught:
        archive(200, content=b"<html>please sign in to the hotel</html>").get("/api/search")
    assert caught.value.kind == "client.no-archive"


def test_an_archive_that_does_not_answer_is_unreachable_for_every_verb(tmp_path: Path) -> None:
    def broken(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route")

    asked = client.Archive("http://archive.example", transport=httpx.MockTransport(broken))
    (tmp_path / "a").write_bytes(b"x")
    for call in (lambda: asked.get("/x"), lambda: asked.post("/x", {}), lambda: asked.upload(tmp_path / "a")):
        with pytest.raises(client.Unreachable):
            call()
