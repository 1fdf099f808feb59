"""One process of the tree: what it opens and what it runs."""

import asyncio
import ctypes
import hashlib
import io
import json
import logging
import os
import signal
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO, cast

import structlog
from granian.constants import Interfaces
from granian.server.embed import Server

from invivo import protocols, search, worker
from invivo.archive import Archive, open_archive
from invivo.errors import Broken, Busy
from invivo.serving.application import desk_application, public_application
from invivo.settings import Settings

ROLES = {"web": "invivo_public", "desk": "invivo_staff", "dimse": "invivo_public", "worker": "invivo_staff"}

# Names and numbers of malloc.h: blocks larger than this are mapped; so much may be free at the top of an arena; so many arenas.
MALLOC = {"M_MMAP_THRESHOLD": (-3, 4 << 20), "M_TRIM_THRESHOLD": (-1, 16 << 20), "M_ARENA_MAX": (-8, 4)}


class _Wordless(logging.Formatter):
    """What a library reports: from where and how bad. Its words, and those of an exception, may quote a patient."""

    def format(self, record: logging.LogRecord) -> str:
        failed = record.exc_info[0] if isinstance(record.exc_info, tuple) else None
        said = {"event": "library", "level": record.levelname, "from": record.name}
        return json.dumps(said | ({"exception": failed.__name__} if failed else {}))


class _Lossy(io.TextIOBase):
    """A stream that forgets what it cannot write: a full disk under the log must not stop those who write to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def configure_log(role: str) -> None:
    """Write log lines as JSON to standard error: an event, codes and ids, never a value of a patient."""
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(_Wordless())
    logging.basicConfig(level=logging.WARNING, handlers=[stream])
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, _Lossy(sys.stderr))),
    )
    structlog.contextvars.bind_contextvars(role=role)


def desk_socket(settings: Settings) -> Path:
    """Return the private socket of the desk, in a folder of mode 0700; short, for a socket's path is limited."""
    folder = settings.home / "run"
    if len(str(folder)) > 80:
        name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"invivo-{os.geteuid()}-run-{name}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
            raise Broken(f"{folder} belongs to somebody else; remove it or set TMPDIR to a folder of your own.")
    return folder / "desk.sock"


def die_with(parent: int) -> None:
    """End this process when the other end of a pipe closes: the supervisor was killed."""

    def watch() -> None:
        os.read(parent, 1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="parent").start()


async def _serve(server: Server) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    await server.serve()


def keep_memory() -> None:
    """Let freed memory of up to some megabytes stay with this process (glibc's ``mallopt``; elsewhere nothing is done).

    A frame or a picture is a block of half a megabyte or more. By itself the allocator gives each back at once, and the
    next answer begins with hundreds of page faults: a third of the time of a frame. Few arenas bound what is kept.
    """
    if sys.platform != "linux":
        return
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        for option, value in MALLOC.values():
            set_option(option, value)


def _run_web(archive: Archive) -> None:
    keep_memory()
    host, port = archive.settings.http_address
    with suppress(Busy):  # who asks first begins it as well
        search.prepare(archive)
    application = public_application(archive, desk_socket(archive.settings))
    asyncio.run(_serve(Server(application, address=host, port=port, **_granian())))


def _run_desk(archive: Archive) -> None:
    socket = desk_socket(archive.settings)
    socket.unlink(missing_ok=True)
    asyncio.run(_serve(Server(desk_application(archive), uds=socket, **_granian())))


def _granian() -> dict[str, Any]:
    return {"interface": Interfaces.ASGI, "log_enabled": False, "websockets": False, "backlog": 1024}


def _run_dimse(archive: Archive) -> None:
    keep_memory()
    protocols.dimse.run(archive)


RUN = {"web": _run_web, "desk": _run_desk, "dimse": _run_dimse, "worker": worker.run_worker}


def run_role(role: str, settings: Settings, dsn: str, parent: int | None = None) -> None:
    """Run one role until it is told to stop.

    Parameters
    ----------
    parent : int, optional
        Reading end of a pipe that closes when the supervisor dies.
    """
    configure_log(role)
    if parent is not None:
        die_with(parent)
    timeout_s = settings.database.statement_timeout_s if role in ("web", "desk") else 0.0
    archive = open_archive(settings, dsn, ROLES[role], timeout_s)
    try:
        RUN[role](archive)
    finally:
        archive.database.close()
