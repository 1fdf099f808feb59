"""The short way through the door: the same endpoints as the routes name, and threads that answer."""

import asyncio
import threading

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Match
from tests.protocols.conftest import Asking, Released

from invivo import errors
from invivo.protocols.dicomweb.door import Address, Service, Threads
from invivo.protocols.dicomweb.routes import known, service


def scope_of(path, method="GET"):
    return {"type": "http", "method": method, "path": f"/dicom-web{path}", "root_path": "/dicom-web", "headers": []}


@pytest.mark.parametrize("path", sorted({one.path for one in known if "path:path" not in one.path}))
def test_the_short_way_leads_where_the_routes_lead(path):
    address = path.replace("{", "").replace("}", "").replace("frames/frames", "frames/1")
    scope = scope_of(address)
    matching = [one for one in known if one.matches(scope)[0] == Match.FULL]
    found = service._found(scope)
    if not matching:  # only POST
        assert found is None
    else:
        assert found == (matching[0].plain, matching[0].matches(scope)[1]["path_params"])


@pytest.mark.parametrize("path", ["/", "/studies/", "/studies//series", "/nothing", "/studies/1/series/2/x", "studies"])
def test_other_addresses_are_left_to_the_routes(path):
    assert service._found(scope_of(path)) is None


def test_what_no_route_takes_is_answered_by_a_problem(web: Asking, released: Released):
    for path in ("/dicom-web/nothing", "/dicom-web/studies/1.2/nothing"):
        answer = web.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert web.request("DELETE", "/dicom-web/studies").status_code == 405


def failing(request: Request):
    raise errors.NotFound("Nothing is here.") if request.url.path.endswith("/none") else KeyError("secret^name")


@pytest.mark.parametrize(("path", "status"), [("/none", 404), ("/broken", 500)])
def test_whatever_an_endpoint_raises_becomes_a_problem(web: Asking, path, status):
    web.application = Service([Address("/none", failing), Address("/broken", failing)])
    answer = web.get(path)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert "secret" not in answer.text


def test_more_questions_than_threads_are_all_answered_and_threads_are_used_again():
    threads, seen, most = Threads(3), set(), 3

    def answer(request):
        seen.add(threading.get_ident())
        return PlainTextResponse(request)

    async def ask():
        for _ in range(5):
            answers = await asyncio.gather(*(threads.run(answer, str(number)) for number in range(20)))
            assert [one.body for one in answers] == [str(number).encode() for number in range(20)]

    asyncio.run(ask())
    assert 1 <= len(seen) <= most


def test_an_answer_that_nobody_waits_for_harms_nobody():
    threads, go = Threads(1), threading.Event()

    async def leave():
        waiting = threads.run(lambda _: go.wait(5), "first")
        waiting.cancel()

    async def ask():
        return await threads.run(lambda _: PlainTextResponse("second"), "second")

    asyncio.run(leave())
    go.set()
    assert asyncio.run(ask()).body == b"second"
