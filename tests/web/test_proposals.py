"""A proposal is written, decided, signed and opened in the browser; a file that is too large is refused unread."""

import asyncio
import re
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from tests.factories import SYSTEM, actor_named, make_person
from tests.submissions.test_proposal import ANSWERS
from tests.web import desk

from invivo import submissions, web
from invivo.archive import Archive
from invivo.serving.identify import Identify


class Browser(desk.Browser):
    """Somebody with a browser, before all pages of both processes."""

    def __init__(self, archive: Archive) -> None:
        super().__init__(archive)
        routes = [*web.public_routes(), *web.desk_routes()[1:]]
        self.pages = Identify(Starlette(routes=routes, exception_handlers=web.HANDLERS), archive)

    def ask_raw(self, method: str, address: str, headers: dict[str, str], body: Any) -> httpx.Response:
        async def go() -> httpx.Response:
            wire = httpx.ASGITransport(app=self.pages, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=wire, base_url="http://127.0.0.1:8042", cookies=self.cookies
            ) as client:
                return await client.request(method, address, headers=headers, content=body)

        return asyncio.run(go())

    def token(self, page: str) -> str:
        found = re.search(r'name="csrf" value="(\w+)"', self.get(page).text)
        assert found
        return found[1]


@pytest.fixture
def petra(archive: Archive) -> Browser:
    make_person(archive, "petra")
    return Browser(archive).sign_in("petra")


@pytest.fixture
def carl(archive: Archive) -> Browser:
    make_person(archive, "carl")
    submissions.appoint(archive, SYSTEM, actor_named(archive, "carl").person_id or 0)
    return Browser(archive).sign_in("carl")


def proposed(petra: Browser) -> str:
    fields = {f"q-{key}": value for key, value in ANSWERS.items()}
    answer = petra.post("/proposals/new", title="Chest CT", **fields)
    assert answer.status_code == 303
    return str(answer.headers["location"])


def attached(who: Browser, where: str, content: bytes) -> httpx.Response:
    files = {"file": ("a letter.html", content, "text/html")}
    return who.ask("POST", f"{where}/files", data={"csrf": who.token(where), "question": "approval"}, files=files)


def test_the_whole_way_from_a_draft_to_a_submission(archive: Archive, petra: Browser, carl: Browser) -> None:
    where = proposed(petra)
    assert petra.post(f"{where}/submit", where).status_code == 303
    assert "Chest CT" in carl.get("/proposals").text
    decided = carl.post(f"{where}/decision", where, verdict="accept", reason="Good.", message="Welcome!")
    assert decided.status_code == 303
    assert "Welcome!" in petra.get(where).text
    assert petra.post(f"{where}/sign", where, version="1", name="Petra Proposer").status_code == 303
    opened = carl.post(f"{where}/countersign", where, name="Carl Clerk", short_name="CHEST-CT", licence="CC-BY-4.0")
    assert opened.status_code == 303
    assert re.search(r"/submissions/\d+", petra.get(where).text)


def test_what_is_missing_is_named_when_it_is_handed_in(petra: Browser) -> None:
    answer = petra.post("/proposals/new", title="Chest CT")
    refused = petra.post(f"{answer.headers['location']}/submit", answer.headers["location"])
    assert refused.status_code == 400
    assert "Institution and people: This is needed." in refused.text


def test_a_wrong_answer_is_shown_at_its_question_and_nothing_is_lost(petra: Browser) -> None:
    refused = petra.post("/proposals/new", title="Chest CT", **{"q-subjects": "many", "q-purpose": "Chests."})
    assert refused.status_code == 400
    assert "This must be a number." in refused.text
    assert "Chests." in refused.text


def test_of_two_decisions_the_second_reads_who_was_first(petra: Browser, carl: Browser) -> None:
    where = proposed(petra)
    petra.post(f"{where}/submit", where)
    carl.post(f"{where}/decision", where, verdict="decline", reason="No.")
    second = carl.post(f"{where}/decision", where, verdict="accept", reason="Yes.")
    assert second.status_code == 409


def test_a_file_comes_back_as_a_file_and_never_as_a_page(petra: Browser) -> None:
    where = proposed(petra)
    assert attached(petra, where, b"<script>alert(1)</script>").status_code == 303
    address = re.search(rf'href="({where}/files/\d+)"', petra.get(where).text)
    assert address
    answer = petra.get(address[1])
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["content-type"] == "application/octet-stream"


def test_an_attachment_of_two_gigabytes_is_refused_before_it_is_read(petra: Browser) -> None:
    where = proposed(petra)
    read = 0

    async def body() -> Any:
        nonlocal read
        while read < 100:
            read += 1
            yield b"x" * 65536

    headers = {"Content-Length": str(2 << 30), "Content-Type": "multipart/form-data; boundary=b", "Accept": "text/html"}
    answer = petra.ask_raw("POST", f"{where}/files", headers, body())
    assert answer.status_code == 413
    assert "submissions.attachment_bytes" in answer.text
    assert read == 0


def test_others_find_no_proposal_by_its_number(archive: Archive, petra: Browser) -> None:
    where = proposed(petra)
    make_person(archive, "eve")
    eve = Browser(archive).sign_in("eve")
    for path in ("", "/edit", "/files/1"):
        assert eve.get(where + path).status_code == 404
    assert eve.post(f"{where}/withdraw", "/proposals/new").status_code == 404
    assert eve.get("/proposals/rules").status_code == 403


def test_a_form_without_its_token_changes_nothing(petra: Browser) -> None:
    where = proposed(petra)
    assert petra.ask("POST", f"{where}/withdraw", data={"csrf": "x"}).status_code == 403
    assert petra.ask("POST", f"{where}/files", data={"csrf": "x"}, files={"file": ("a", b"b")}).status_code == 403


def test_an_administrator_changes_questions_agreement_and_committee(archive: Archive, carl: Browser) -> None:
    make_person(archive, "root", "administrator")
    root = Browser(archive).sign_in("root")
    page = "/proposals/rules"
    assert (
        root.post(f"{page}/questions", page, questions='[{"key": "why", "text": "Why?", "kind": "long"}]').status_code
        == 303
    )
    assert root.post(f"{page}/questions", page, questions="[" * 50_000).status_code == 400
    assert root.post(f"{page}/agreement", page, text="## Ours").status_code == 303
    assert root.post(f"{page}/committee", page, name="carl", change="dismiss").status_code == 303
    assert "the administrators decide" in root.get(page).text


def test_the_deposit_page_says_how_data_come_in(archive: Archive) -> None:
    assert "Propose a data set" in Browser(archive).get("/deposit").text
