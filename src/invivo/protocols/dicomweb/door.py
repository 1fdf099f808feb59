"""The short way of what is asked thousands of times: an address finds its endpoint in a tree, and a thread answers.

Everything else that may come to the service (HEAD, OPTIONS, POST, addresses with a free end, unknown ones) goes through
the routes, which answer the same, only slower.
"""

import threading
from asyncio import AbstractEventLoop, Future, get_running_loop
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from inspect import iscoroutinefunction
from queue import SimpleQueue
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from invivo.protocols.wire import Door, Endpoint, guarded, problem_of

MOST_THREADS = 32
Answering = Callable[[Request], Response]


class Address(Route):
    """A guarded route that also knows its endpoint as it is; without methods it answers GET."""

    def __init__(self, path: str, endpoint: Endpoint, *methods: str) -> None:
        super().__init__(path, guarded(endpoint), methods=list(methods or ("GET",)))
        self.plain = endpoint


class _Work:
    """One question on its way through a thread."""

    __slots__ = ("answer", "context", "error", "future", "loop", "request", "verb")

    def __init__(self, loop: AbstractEventLoop, verb: Answering, request: Request) -> None:
        self.loop, self.verb, self.request = loop, verb, request
        self.future: Future[Response] = loop.create_future()
        self.context: Context = copy_context()
        self.answer: Response | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.answer = self.context.run(self.verb, self.request)
        except BaseException as error:  # because it is raised again where the answer is awaited
            self.error = error
        try:
            self.loop.call_soon_threadsafe(self.end)
        except RuntimeError:
            return  # the loop has ended, nobody waits any more

    def end(self) -> None:
        if self.future.cancelled():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        elif self.answer is not None:
            self.future.set_result(self.answer)


class Threads:
    """Threads that answer, started as they are needed: a queue there, one call back."""

    def __init__(self, most: int = MOST_THREADS) -> None:
        self._most = most
        self._queue: SimpleQueue[_Work] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._count = 0

    def run(self, verb: Answering, request: Request) -> Future[Response]:
        """Let a thread answer a request; called in an event loop."""
        work = _Work(get_running_loop(), verb, request)
        self._queue.put(work)
        if not self._idle.acquire(blocking=False) and self._count < self._most:
            self._count += 1
            threading.Thread(target=self._answer, daemon=True, name=f"dicomweb-{self._count}").start()
        return work.future

    def _answer(self) -> None:
        while True:
            self._queue.get().run()
            self._idle.release()


class _Branch:
    """A step of an address: what follows by name, what follows as a value, and who answers here."""

    __slots__ = ("endpoint", "named", "names", "value")

    def __init__(self) -> None:
        self.named: dict[str, _Branch] = {}
        self.value: _Branch | None = None
        self.endpoint: Answering | None = None
        self.names: tuple[str, ...] = ()


def _tree(addresses: Sequence[Address]) -> _Branch:
    root = _Branch()
    for one in addresses:
        branch, names = root, list[str]()
        for step in one.path.strip("/").split("/"):
            if step.startswith("{"):
                names.append(step[1:-1])
                branch.value = branch.value or _Branch()
                branch = branch.value
            else:
                branch = branch.named.setdefault(step, _Branch())
        branch.endpoint, branch.names = one.plain, tuple(names)
    return root


class Service(Door):
    """A door with a short way to the endpoints that answer GET in a thread."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        super().__init__(routes)
        self._threads = Threads()
        self._tree = _tree([one for one in routes if isinstance(one, Address) and _is_short(one)])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._found(scope) if scope.get("method") == "GET" else None
        if found is None:
            await super().__call__(scope, receive, send)
            return
        endpoint, scope["path_params"] = found
        request = Request(scope, receive)
        try:
            response = await self._threads.run(endpoint, request)
        except Exception as error:  # because no error may leave a protocol as a page; problem_of logs what is ours
            response = problem_of(request, error)
        await response(scope, receive, send)

    def _found(self, scope: Scope) -> tuple[Answering, dict[str, Any]] | None:
        path, root = scope["path"], scope.get("root_path", "")
        if not path.startswith(f"{root}/"):
            return None
        branch, values = self._tree, list[str]()
        for step in path[len(root) + 1 :].split("/"):
            below = branch.named.get(step)
            if below is None:
                below = branch.value
                if below is None or not step:
                    return None
                values.append(step)
            branch = below
        if branch.endpoint is None:
            return None
        return branch.endpoint, dict(zip(branch.names, values, strict=True))


def _is_short(one: Address) -> bool:
    return "GET" in (one.methods or ()) and ":" not in one.path and not iscoroutinefunction(one.plain)
