"""A visitor of the pages in tests: keeps cookies, fills in a page's own form, and needs no server."""

import asyncio
import re
from typing import Any

import httpx
from starlette.applications import Starlette
from tests.factories import PASSWORD

from invivo import web
from invivo.archive import Archive
from invivo.serving.identify import Identify
from invivo.web import (
    accounts,
    admin,
    credits,
    deletions,
    derived,
    hooks,
    images,
    landing,
    quality,
    releases,
    render,
    reviews,
    schedules,
    submissions,
)

PAGES = (
    accounts,
    submissions,
    reviews,
    releases,
    schedules,
    derived,
    hooks,
    credits,
    admin,
    landing,
    deletions,
    quality,
    images,
)


class Browser:
    """Somebody with a browser, signed in or not."""

    def __init__(self, archive: Archive) -> None:
        shown = [route for page in PAGES for route in page.routes]
        routes = [render.static_mount(), *shown, *schedules.public_routes]
        self.pages = Identify(Starlette(routes=routes, exception_handlers=web.HANDLERS), archive)
        self.cookies = httpx.Cookies()

    def ask(self, method: str, address: str, **more: Any) -> httpx.Response:
        async def go() -> httpx.Response:
            wire = httpx.ASGITransport(app=self.pages, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=wire, base_url="http://127.0.0.1:8042", cookies=self.cookies
            ) as client:
                answer = await client.request(method, address, headers={"Accept": "text/html"}, **more)
                self.cookies = client.cookies
                return answer

        return asyncio.run(go())

    def get(self, address: str) -> httpx.Response:
        return self.ask("GET", address)

    def post(self, target: str, /, page: str | None = None, **fields: Any) -> httpx.Response:
        """Send a form with the token that a page gives out: the target itself, or the one named."""
        token = re.search(r'name="csrf" value="(\w+)"', self.get(page or target).text)
        return self.ask("POST", target, data={"csrf": token[1] if token else "", **fields})

    def sign_in(self, name: str) -> "Browser":
        assert self.post("/sign-in", name=name, password=PASSWORD).status_code == 303
        return self
