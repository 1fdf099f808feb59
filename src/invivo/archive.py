"""The archive: settings, database, storage, secrets and clock, opened once and handed to every verb."""

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from invivo import database, storage
from invivo.errors import Broken, Conflict
from invivo.settings import Settings


class SecretsLost(Broken):
    """The installation's key is missing although data exist that were made with it."""

    code = "archive.secrets-lost"


class NotMigrated(Conflict):
    """The database is older than this invivo."""

    code = "archive.not-migrated"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Archive:
    """What a verb needs to do its work.

    Attributes
    ----------
    settings : Settings
    database : Database
        A pool under the role of this process.
    objects : DiskStore
        What is released.
    held : DiskStore
        What is in quarantine.
    derived : Path
        Folder of what can be made again: series metadata, thumbnails.
    clock : callable
        Returns the time now, with UTC as zone.
    """

    settings: Settings
    database: database.Database
    objects: storage.DiskStore
    held: storage.DiskStore
    derived: Path
    key: bytes
    clock: Callable[[], datetime] = _now

    def secret(self, purpose: str) -> bytes:
        """Return 32 bytes derived from the installation's key for one purpose (RFC 5869's expand step, one block)."""
        return hmac.new(self.key, purpose.encode() + b"\x01", hashlib.sha256).digest()


def make_folders(home: Path) -> None:
    """Make the folders of an installation."""
    home.mkdir(parents=True, exist_ok=True)
    for name in ("postgres", "objects", "quarantine", "derived", "secrets", "run"):
        (home / name).mkdir(mode=0o700, exist_ok=True)


def read_key(home: Path, *, may_make: bool) -> bytes:
    """Return the installation's key; make it for a new installation.

    Raises
    ------
    SecretsLost
        It is missing and may not be made, because data exist already.
    """
    path = home / "secrets" / "master.key"
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        if not may_make:
            raise SecretsLost(
                f"{path} is missing: pseudonyms and UIDs would change. Put it back from a backup of the installation."
            ) from None
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        key = secrets.token_bytes(32)
        with os.fdopen(handle, "wb") as out:
            out.write(key)
            out.flush()
            os.fsync(out.fileno())
    if len(key) != 32:
        raise SecretsLost(f"{path} has {len(key)} bytes instead of 32. Put it back from a backup of the installation.")
    return key


def open_archive(settings: Settings, dsn: str, role: str | None, statement_timeout_s: float = 0.0) -> Archive:
    """Open the archive in a process of the tree, on a database that runs and is migrated."""
    home = settings.home
    pool = database.Database(dsn, role, settings.database.pool_size, statement_timeout_s)
    pool.open()
    reserve = settings.limits.free_bytes
    return Archive(
        settings=settings,
        database=pool,
        objects=storage.DiskStore(home / "objects", reserve),
        held=storage.DiskStore(home / "quarantine", reserve),
        derived=home / "derived",
        key=read_key(home, may_make=False),
    )


def prepare(settings: Settings, dsn: str) -> list[str]:
    """Make folders, key and schema of an installation, and whole what a power cut left; return the migrations applied."""
    make_folders(settings.home)
    for name in ("objects", "quarantine"):
        storage.DiskStore(settings.home / name).replay()
    is_new = "0002_accounts.sql" in database.pending(dsn)
    read_key(settings.home, may_make=is_new)
    return database.migrate(dsn)


@contextmanager
def ground(settings: Settings) -> Iterator[str]:
    """Have a database for a while: the given server, or the embedded one, started here unless it runs already.

    Yields
    ------
    str
        The connection string.
    """
    if settings.database.dsn:
        yield settings.database.dsn
        return
    postmaster = database.Postmaster(settings.home, settings.database.shared_buffers)
    postmaster.start()
    try:
        yield postmaster.dsn
    finally:
        postmaster.stop()


@contextmanager
def opened(settings: Settings, role: str | None = "invivo_staff") -> Iterator[Archive]:
    """Open an installation for one command, whether its servers run or not."""
    make_folders(settings.home)
    with ground(settings) as dsn:
        prepare(settings, dsn)
        archive = open_archive(settings, dsn, role)
        try:
            yield archive
        finally:
            archive.database.close()
