"""Who is asking, and from where: cookies, tokens, passwords, foreign origins, headers of every answer."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import httpx
import pytest

from invivo import accounts
from invivo.archive import Archive
from invivo.serving import public_application
from tests.factories import (
    PASSWORD,
    actor_named,
    make_collection,
    make_image,
    make_person,
    make_series,
    make_submission,
    publish,
)

HERE = "http://127.0.0.1:8042"


@pytest.fixture
def ask(public_archive: Archive, tmp_path: Path):
    application = public_application(public_archive, tmp_path / "no-desk.sock")

    def asked(method: str, path: str, **options: Any) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(application, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
                return await client.request(method, path, **options)

        return asyncio.run(go())

    return asked


@pytest.fixture
def token(archive: Archive) -> str:
    make_person(archive, "sam", "curator")
    make_submission(archive, make_collection(archive))
    return accounts.create_token(archive, actor_named(archive, "sam"), "test", ["read", "submit"])[0]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def test_a_token_a_password_and_a_token_as_password_all_say_who_it_is(ask, token: str) -> None:
    for headers in (bearer(token), basic("sam", PASSWORD), basic("x", token)):
        assert "sam" in ask("GET", "/api/me", headers=headers).text


@pytest.mark.parametrize(
    "headers", [bearer("invivo_wrong"), basic("sam", "wrong password"), {"Authorization": "Digest x"}]
)
def test_wrong_credentials_get_401_and_a_problem(ask, token: str, headers: dict[str, str]) -> None:
    answer = ask("GET", "/api/collections", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert "www-authenticate" in answer.headers


def test_an_expired_token_is_refused_with_what_to_do(ask, archive: Archive, token: str) -> None:
    with archive.database.transaction() as tx:
        tx.execute("update accounts.token set expires_at = now() - interval '1 minute'")
    answer = ask("GET", "/api/collections", headers=bearer(token))
    assert answer.status_code == 401
    assert "make a new one" in answer.json()["detail"]


def test_too_many_wrong_passwords_get_429_and_when_to_come_back(ask, archive: Archive, token: str) -> None:
    statuses = [ask("GET", "/api/me", headers=basic("sam", f"wrong number {n}")).status_code for n in range(12)]
    assert statuses[0] == 401
    assert statuses[-1] == 429


def test_another_site_may_not_change_anything(ask, token: str) -> None:
    headers = {**bearer(token), "Origin": "https://evil.example"}
    assert ask("POST", "/cart/add", headers=headers).status_code == 403
    assert ask("POST", "/dicom-web/studies", headers=headers, content=b"x").status_code == 403


def test_a_cookie_alone_may_not_store(ask, archive: Archive, token: str) -> None:
    session, _ = accounts.sign_in(archive, "sam", PASSWORD)
    cookie = {"Cookie": f"invivo_session={session}", "Content-Type": "application/dicom"}
    assert ask("POST", "/dicom-web/studies", headers=cookie, content=make_image()).status_code == 403
    with_proof = {**cookie, "X-CSRF-Token": accounts.csrf_of(archive, session)}
    assert ask("POST", "/dicom-web/studies", headers=with_proof, content=make_image()).status_code == 200


def test_a_form_without_its_token_is_refused(ask) -> None:
    answer = ask("POST", "/sign-in", data={"name": "sam", "password": PASSWORD})
    assert answer.status_code == 403
    assert "reload the page" in answer.text


def test_pages_have_the_headers_that_keep_browsers_safe(ask) -> None:
    answer = ask("GET", "/", headers={"Accept": "text/html"})
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_desk_being_away_is_said_plainly(ask) -> None:
    answer = ask("GET", "/reviews")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


def test_an_allowed_origin_may_read_dicomweb_and_no_other(ask) -> None:
    answer = ask("GET", "/dicom-web/studies", headers={"Origin": "https://other.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_visitors_find_and_fetch_without_any_account(ask, archive: Archive) -> None:
    publish(archive, make_collection(archive, "OPEN-1"), make_series(3))
    found = ask("GET", "/dicom-web/series").json()
    uid = found[0]["0020000E"]["Value"][0]
    package = ask("GET", f"/series/{uid}/package.zip")
    assert package.status_code == 200
    rest = ask(
        "GET", f"/series/{uid}/package.zip", headers={"Range": "bytes=100-", "If-Range": package.headers["etag"]}
    )
    assert rest.status_code == 206
    assert package.content[100:] == rest.content


@pytest.mark.parametrize(
    "page", ["/", "/search?q=script", "/series/{uid}", "/collections/OPEN-1", "/collections/OPEN-1/data"]
)
def test_markup_in_a_header_stays_text(ask, archive: Archive, page: str) -> None:
    hostile = {
        "SeriesDescription": "<script>x</script>",
        "Manufacturer": '"><img src=x onerror=y>',
        "BodyPartExamined": "<B>",
    }
    publish(
        archive, make_collection(archive, "OPEN-1", description="<script>z</script> **bold**"), [make_image(**hostile)]
    )
    uid = ask("GET", "/dicom-web/series").json()[0]["0020000E"]["Value"][0]
    answer = ask("GET", page.format(uid=uid), headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert "<script>" not in answer.text.replace("<script src", "").replace('<script type="module" src', "")
    assert "<img src=x" not in answer.text


# ---- the short way of programs that read images and say no name ---------------------------------------------------------

BORNE = ("x-content-type-options", "referrer-policy", "cross-origin-resource-policy")


def test_images_read_without_a_name_bear_the_headers_that_every_answer_bears(ask, archive: Archive) -> None:
    publish(archive, make_collection(archive), make_series(1))
    plain = ask("GET", "/dicom-web/studies")
    named = ask("GET", "/dicom-web/studies", headers={"Cookie": "other=1"})
    assert len(plain.json()) == 1
    assert plain.content == named.content
    assert {**plain.headers} == {**named.headers}
    assert [plain.headers[name] for name in BORNE] == ["nosniff", "same-origin", "same-origin"]
    assert "set-cookie" not in plain.headers


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer invivo_wrong"}, basic("sam", "wrong password")])
def test_a_wrong_name_is_refused_where_none_is_needed(ask, archive: Archive, headers: dict[str, str]) -> None:
    assert ask("GET", "/dicom-web/studies", headers=headers).status_code == 401


def test_a_name_counts_at_the_doors_of_images(ask, archive: Archive, token: str) -> None:
    publish(archive, make_collection(archive, "CLOSED-7", access="private"), make_series(1))
    assert ask("GET", "/dicom-web/studies").json() == []
    assert len(ask("GET", "/dicom-web/studies", headers=bearer(token)).json()) == 1


def test_an_origin_of_another_site_takes_the_long_way(ask) -> None:
    answer = ask("GET", "/dicom-web/studies", headers={"Origin": "https://elsewhere.test"})
    assert "access-control-allow-origin" not in answer.headers
    assert ask("POST", "/dicom-web/studies", headers={"Origin": "https://elsewhere.test"}).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Origin", "http://[")], {200}),
        ([(b"Authorization", b"Basic eDp\x9d")], {401}),
        ([("Authorization", "Basic ====")], {401}),
        ([("Accept", "image/png;q=0")], {200, 406}),
    ],
)
def test_headers_that_nobody_can_read_are_no_fault_of_ours(ask, headers, status: set[int]) -> None:
    assert ask("GET", "/dicom-web/studies", headers=headers).status_code in {*status, 204}


def test_a_form_from_an_origin_that_is_none_is_refused(ask) -> None:
    assert ask("POST", "/sign-in", headers={"Origin": "http://["}, content=b"").status_code == 403
