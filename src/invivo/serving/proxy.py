"""From the public process to the desk: a plain stream both ways over a private socket."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from invivo.serving.address import FORWARDED

# RFC 9110 7.6.1: these belong to one connection and are not passed on.
_HOP = {
    *(
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ),
}


class Desk:
    """An ASGI application that hands requests to the desk process."""

    def __init__(self, socket: Path) -> None:
        transport = httpx.AsyncHTTPTransport(uds=str(socket), limits=httpx.Limits(max_connections=32))
        self._client = httpx.AsyncClient(
            transport=transport, base_url="http://desk", timeout=httpx.Timeout(60, connect=5)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._pass(request)
        except (httpx.TransportError, ClientDisconnect):
            response = PlainTextResponse("The desk is restarting; try again in a moment.", 503, {"Retry-After": "2"})
        await response(scope, receive, send)

    async def _pass(self, request: Request) -> Response:
        headers = [(name, value) for name, value in request.headers.raw if name.decode("latin-1") not in _HOP]
        headers = [one for one in headers if one[0] != FORWARDED]
        if request.client is not None:
            headers.append((FORWARDED, request.client.host.encode()))
        target = request.scope["raw_path"].decode("latin-1").partition("?")[0]
        if request.url.query:
            target += "?" + request.url.query
        has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
        asked = self._client.build_request(
            request.method, target, headers=headers, content=self._body(request) if has_body else None
        )
        answer = await self._client.send(asked, stream=True)
        kept = [
            (name.lower(), value) for name, value in answer.headers.raw if name.decode("latin-1").lower() not in _HOP
        ]
        response = StreamingResponse(self._answer(answer), status_code=answer.status_code)
        response.raw_headers = kept
        return response

    @staticmethod
    async def _body(request: Request) -> AsyncIterator[bytes]:
        async for chunk in request.stream():
            yield chunk

    @staticmethod
    async def _answer(answer: httpx.Response) -> AsyncIterator[bytes]:
        try:
            async for chunk in answer.aiter_raw():
                yield chunk
        finally:
            await answer.aclose()
