"""The layer around both web applications: who asks, from which site, and the headers every answer bears.

A browser proves who it is by a cookie, a program by ``Authorization`` (Bearer token, or Basic with a password or token).
A request that changes something on the strength of a cookie must come from a page of ours: its Origin is checked here, and
its form token by the page or, for programs' doors, here.
"""

import hashlib
import hmac
import secrets
import time
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

import anyio.to_thread
import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from invivo import accounts, carts, collections, web
from invivo.archive import Archive
from invivo.errors import Busy, InvivoError, Refused
from invivo.serving.address import address_of, networks_of
from invivo.serving.pace import Pace, asker_of
from invivo.serving.viewer import viewer_folder

SESSION_COOKIE, VISIT_COOKIE, CART_COOKIE = "invivo_session", "invivo_visit", "invivo_cart"
PROGRAM_DOORS = ("/dicom-web", "/wado", "/uploads", "/api")
SAFE = {"GET", "HEAD", "OPTIONS"}
PLAIN_DOORS = ("/dicom-web/", "/wado")
NAMING = {b"cookie", b"authorization", b"origin"}
PLAIN_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
REMEMBER_S = 30.0
_log = structlog.get_logger()


class ForeignOrigin(Refused):
    """A page of another site tries to change something here."""

    code = "request.foreign-origin"


class TooMany(Busy):
    """One account or address asks for more than the archive allows."""

    code = "request.too-many"


class Identify:
    """An ASGI layer that fills ``request.state`` and guards every request."""

    def __init__(self, application: ASGIApp, archive: Archive, *, is_private: bool = False) -> None:
        self._application = application
        self._archive = archive
        self._is_private = is_private
        self._proxies = networks_of(archive.settings.http.trusted_proxies)
        self._known: dict[bytes, tuple[float, accounts.Actor]] = {}
        limits = archive.settings.limits
        self._pace = Pace(limits.requests_per_minute, limits.bytes_per_day)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._lifespan(receive, send)
            return
        if self._is_private or self._proxies:
            scope["client"] = (address_of(scope, self._proxies, is_private=self._is_private), 0)
        state = scope.setdefault("state", {})
        if _is_plain(scope):
            state.update(archive=self._archive, actor=accounts.ANONYMOUS)
            await self._paced(scope, receive, send, None, _plainly(send))
            return
        headers = Headers(scope=scope)
        visit = _cookies(headers)
        try:
            foreign = self._check_origin(scope, headers)
            if foreign is not None and scope["method"] == "OPTIONS":
                await _preflight(foreign)(scope, receive, send)
                return
            await self._fill(state, scope, headers, visit)
        except InvivoError as error:
            await _refusal(error)(scope, receive, send)
            return
        await self._paced(scope, receive, send, state["actor"].person_id, self._dressed(scope, send, visit, foreign))

    async def _paced(self, scope: Scope, receive: Receive, send: Send, person_id: int | None, answer: Send) -> None:
        """Let a request through to the application, or say when it may be asked again."""
        if not self._pace.is_on:
            await self._application(scope, receive, answer)
            return
        who, path = asker_of(person_id, (scope.get("client") or ("", 0))[0]), scope["path"]
        wait_s = self._pace.wait_s(who, path)
        if wait_s:
            message = f"This is more than one may ask here for now; try again in {wait_s} seconds."
            await _refusal(TooMany(message, retry_after_s=wait_s))(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.body":
                self._pace.took(who, path, len(message.get("body", b"")))
            await answer(message)

        await self._application(scope, receive, counted)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    def _check_origin(self, scope: Scope, headers: Headers) -> str | None:
        """Return the origin of another site that may read us, None for our own pages and for programs.

        Raises
        ------
        ForeignOrigin
            Another site tries to change something.
        """
        origin = headers.get("origin", "")
        if not origin or (origin == "null" and scope["method"] in SAFE):
            return None
        own = {urlsplit(self._archive.settings.public_url).netloc, headers.get("host", "")}
        if _host_of(origin) in own:
            return None
        path = scope["path"]
        if origin in self._archive.settings.http.cors_origins and path.startswith(PROGRAM_DOORS):
            if scope["method"] not in SAFE and headers.get("cookie"):
                raise ForeignOrigin("Another site may not change anything with your cookie; use a token.")
            return origin
        if scope["method"] in SAFE:
            return None
        raise ForeignOrigin("This request comes from another site, which may not change anything here.")

    async def _fill(self, state: dict[str, Any], scope: Scope, headers: Headers, visit: dict[str, str]) -> None:
        session = visit.get(SESSION_COOKIE, "")
        written = headers.get("authorization", "")
        if written:
            actor, session = await self._by_header(written, scope), ""
        elif session:
            actor = await anyio.to_thread.run_sync(accounts.actor_of_session, self._archive, session)
            session = "" if actor.is_anonymous else session
        elif visit.get(web.REVIEWER_COOKIE):
            link = visit[web.REVIEWER_COOKIE]
            actor = await anyio.to_thread.run_sync(collections.actor_of_link, self._archive, link)
        else:
            actor = accounts.ANONYMOUS
        visit.setdefault(VISIT_COOKIE, "")
        if not visit[VISIT_COOKIE]:
            visit[VISIT_COOKIE] = secrets.token_urlsafe(18)
            visit["is_new"] = "yes"
        csrf = accounts.csrf_of(self._archive, session or visit[VISIT_COOKIE])
        is_change = scope["method"] not in SAFE
        if session and is_change and scope["path"].startswith(PROGRAM_DOORS):
            sent = headers.get("x-csrf-token", "")
            if not hmac.compare_digest(sent.encode(), csrf.encode()):
                raise ForeignOrigin(
                    "A change with a cookie needs the header X-CSRF-Token; programs use a token instead."
                )
        cart_id = visit.get(CART_COOKIE, "")[:64]
        wants_page = "text/html" in headers.get("accept", "")
        count = (
            await anyio.to_thread.run_sync(carts.cart_size, self._archive, cart_id, actor)
            if cart_id and wants_page
            else 0
        )
        state.update(
            archive=self._archive,
            actor=actor,
            session=session,
            csrf=csrf,
            cart_id=cart_id,
            cart_count=count,
            archive_name=self._archive.settings.site.name,
            has_ohif=wants_page and viewer_folder(self._archive.settings.home) is not None,
            messages=web.messages_of(Request(scope)) if wants_page else [],
        )

    async def _by_header(self, written: str, scope: Scope) -> accounts.Actor:
        """Read ``Authorization``; what was right is remembered for some seconds, since checking a password is slow on purpose."""
        digest = hashlib.sha256(written.encode()).digest()
        until, actor = self._known.get(digest, (0.0, accounts.ANONYMOUS))
        if until > time.monotonic():
            return actor
        address = (scope.get("client") or ("", 0))[0]
        actor = await anyio.to_thread.run_sync(self._checked, written, address)
        if len(self._known) > 1000:
            self._known.clear()
        self._known[digest] = (time.monotonic() + REMEMBER_S, actor)
        return actor

    def _checked(self, written: str, address: str) -> accounts.Actor:
        kind, _, value = written.partition(" ")
        if kind.lower() == "bearer":
            return accounts.actor_of_token(self._archive, value.strip())
        pair = accounts.basic_credentials(written) if kind.lower() == "basic" else None
        if pair is None:
            raise accounts.WrongCredentials("Authorization is read as Bearer with a token, or as Basic.")
        if pair[1].startswith("invivo_"):
            return accounts.actor_of_token(self._archive, pair[1])
        return accounts.actor_of_password(self._archive, pair[0], pair[1], address)

    def _dressed(self, scope: Scope, send: Send, visit: dict[str, str], foreign: str | None) -> Send:
        """Add the headers that every answer bears."""
        is_ohif = scope["path"].startswith("/viewer/ohif")
        secure = "; Secure" if self._archive.settings.http.secure_cookies else ""

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Referrer-Policy", "same-origin")
                headers.setdefault("Cross-Origin-Resource-Policy", "cross-origin" if foreign else "same-origin")
                if foreign:
                    headers["Access-Control-Allow-Origin"] = foreign
                    headers["Access-Control-Expose-Headers"] = (
                        "Content-Type, Content-Length, ETag, Location, Upload-Offset, Upload-Length, Invivo-Receipt, Warning"
                    )
                    headers.add_vary_header("Origin")
                is_page = headers.get("content-type", "").startswith("text/html")
                if is_page and not is_ohif:
                    headers.setdefault("Content-Security-Policy", web.CONTENT_SECURITY_POLICY)
                    headers.setdefault("Cache-Control", "no-store")
                    if visit.get("is_new"):
                        cookie = f"{VISIT_COOKIE}={visit[VISIT_COOKIE]}; Path=/; HttpOnly; SameSite=Lax{secure}"
                        headers.append("set-cookie", cookie)
                    if visit.get(web.MESSAGE_COOKIE) and message["status"] < 300:
                        headers.append("set-cookie", f"{web.MESSAGE_COOKIE}=; Path=/; Max-Age=0")
            await send(message)

        return dressed


def _is_plain(scope: Scope) -> bool:
    """Whether a program without any name reads images: it needs no session, no form token, no cart."""
    if scope["method"] not in SAFE or not scope["path"].startswith(PLAIN_DOORS):
        return False
    return not any(name in NAMING for name, _ in scope["headers"])


def _plainly(send: Send) -> Send:
    """Add the headers that every answer bears; no page leaves here."""

    async def plainly(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *(one for one in PLAIN_HEADERS if one[0] not in given)]
        await send(message)

    return plainly


def _cookies(headers: Headers) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(headers.get("cookie", "")).items()}
    except CookieError:
        return {}


def _host_of(origin: str) -> str:
    """Host and port of an origin; of what is none, nothing that could be ours."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return "[]"


def _preflight(origin: str) -> Response:
    return PlainTextResponse(
        "",
        204,
        {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": "GET, HEAD, POST, PATCH, DELETE, OPTIONS",
            "Access-Control-Allow-Headers": "authorization, accept, content-type, range, if-none-match, tus-resumable,"
            " upload-length, upload-offset, upload-metadata, invivo-submission, x-http-method-override",
            "Access-Control-Max-Age": "600",
            "Vary": "Origin",
        },
    )


def _refusal(error: InvivoError) -> Response:
    """Answer before any door is reached, so in the form that programs and people can both read."""
    is_credentials = error.kind.startswith("account.")
    status = 503 if isinstance(error, Busy) else 401 if is_credentials else 403
    if error.kind in ("account.too-many-attempts", TooMany.code):
        status = 429
    headers = {"WWW-Authenticate": 'Basic realm="invivo", Bearer'} if status == 401 else {}
    if status in (429, 503):
        headers["Retry-After"] = str(error.facts.get("retry_after_s", 900 if status == 429 else 2))
    body = {"type": f"urn:invivo:{error.kind}", "title": error.message, "status": status, "detail": error.message}
    body["code"] = error.kind
    return JSONResponse(body, status, headers, media_type="application/problem+json")
