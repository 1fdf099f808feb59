"""Forms that come from elsewhere, sessions that somebody else chose, and bodies that lie about their size."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.routing import Mount

from invivo import protocols, web
from tests.permissions.test_matrix import addresses
from tests.permissions.world import PASSWORD, World

pytestmark = pytest.mark.slow
SESSION = "invivo_session"
NO_FORM = ("/sign-in/oidc",)  # what another site sends us back to


def _posted(routes: Any, before: str = "") -> Iterator[str]:
    for route in routes:
        path = before + str(getattr(route, "path", ""))
        application = getattr(route, "app", None)
        if hasattr(application, "openapi"):
            yield from (path + one for one, verbs in application.openapi()["paths"].items() if "post" in verbs)
        elif isinstance(route, Mount) and route.routes:
            yield from _posted(route.routes, path)
        elif "POST" in (getattr(route, "methods", None) or ()):
            yield path


def posted() -> list[str]:
    """Return every address that takes a form."""
    public = [*protocols.dicomweb.routes, *protocols.rest.routes, *web.public_routes()]
    desk = [*protocols.rest.desk_routes, *web.desk_routes()]
    return sorted(set(_posted(public)) | set(_posted(desk)))


def sign_in(who: httpx.Client, name: str) -> httpx.Response:
    token = re.search(r'name="csrf" value="(\w+)"', who.get("/sign-in", headers={"Accept": "text/html"}).text)
    assert token
    return who.post("/sign-in", data={"csrf": token[1], "name": name, "password": PASSWORD}, follow_redirects=False)


@pytest.fixture(scope="module")
def administrator(world: World) -> Iterator[httpx.Client]:
    """Somebody who may do everything, with a browser's cookies."""
    with httpx.Client(base_url=world.url, timeout=60) as who:
        assert sign_in(who, "administrator").status_code == 303
        yield who


def test_there_are_forms_to_try() -> None:
    assert len(posted()) > 90


@pytest.mark.parametrize("token", [None, "forged", ""], ids=["none", "forged", "empty"])
def test_no_form_is_taken_without_the_token_of_a_page(
    world: World, administrator: httpx.Client, token: str | None
) -> None:
    wrong = []
    fields = {"name": "x"} if token is None else {"name": "x", "csrf": token}
    for path in posted():
        if path in NO_FORM:
            continue
        answer = administrator.post(addresses(path, world.samples["open"]), data=fields, follow_redirects=False)
        if answer.status_code != 403:
            wrong.append((path, answer.status_code, answer.text[:80]))
    assert wrong == []
    assert administrator.get("/account", follow_redirects=False).status_code == 200  # nobody was signed out


def test_no_form_is_taken_from_a_page_of_another_site(world: World, administrator: httpx.Client) -> None:
    page = administrator.get("/account", headers={"Accept": "text/html"}).text
    token = re.search(r'name="csrf" value="(\w+)"', page)
    assert token
    for origin in ("https://evil.example", "null", world.url + ".evil.example"):
        answer = administrator.post(
            "/sign-out", data={"csrf": token[1]}, headers={"Origin": origin}, follow_redirects=False
        )
        assert answer.status_code == 403, origin


def test_a_session_that_somebody_planted_is_not_the_one_that_is_opened(world: World) -> None:
    with httpx.Client(base_url=world.url, timeout=60) as thief:
        thief.get("/sign-in")
        planted = dict(thief.cookies)
    with httpx.Client(base_url=world.url, timeout=60, cookies={**planted, SESSION: "planted" * 6}) as victim:
        assert sign_in(victim, "registered").status_code == 303
        opened = [one.value for one in victim.cookies.jar if one.name == SESSION]
    assert [one for one in opened if one != "planted" * 6]
    with httpx.Client(base_url=world.url, timeout=60, cookies={**planted, SESSION: "planted" * 6}) as thief:
        assert thief.get("/account", follow_redirects=False).status_code != 200


def test_an_attachment_that_announces_two_gigabytes_is_refused_unread(administrator: httpx.Client) -> None:
    sent: list[int] = []

    def body() -> Iterator[bytes]:
        for _ in range(2048):
            sent.append(1 << 20)
            yield bytes(1 << 20)

    size = {"Content-Length": str(2 << 30), "Content-Type": "multipart/form-data; boundary=x"}
    try:
        answer = administrator.post("/proposals/1/files", content=body(), headers=size)
        assert answer.status_code == 413
    except httpx.TransportError:  # the door closed while we were still sending
        pass
    assert sum(sent) < 64 << 20


def test_an_attachment_that_does_not_say_how_large_it_is_is_refused(administrator: httpx.Client) -> None:
    answer = administrator.post(
        "/proposals/1/files", content=iter([b"x" * 100]), headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert answer.status_code in (411, 413)
