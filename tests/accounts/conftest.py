"""An archive whose account policy a test chooses, served by the public role as on the pages."""

import dataclasses
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from invivo import notices
from invivo.archive import Archive, open_archive
from invivo.settings import read_settings

Under = Callable[..., Archive]


@pytest.fixture
def under(archive: Archive, dsn: str) -> Iterator[Under]:
    """Return the archive under some settings of `[accounts]`, by the public role."""
    opened: list[Archive] = []

    def make(role: str = "invivo_public", **policy: Any) -> Archive:
        site = {"public_url": "https://archive.test"}
        settings = read_settings(
            archive.settings.home, limits={"free_bytes": 0}, accounts=policy, site=site, mail={"host": "mail.test"}
        )
        made = open_archive(settings, dsn, role)
        opened.append(made)
        return made

    yield make
    for one in opened:
        one.database.close()


@pytest.fixture
def mails(archive: Archive) -> Callable[[], list[notices.Mail]]:
    """Return the mail that waits, as a function."""

    def waiting() -> list[notices.Mail]:
        with archive.database.transaction() as tx:
            return notices.outbox(tx)

    return waiting


def at(archive: Archive, seconds: float) -> Archive:
    """Return the archive at a later time."""
    fixed = datetime.fromtimestamp(datetime.now(UTC).timestamp() + seconds, UTC)
    return dataclasses.replace(archive, clock=lambda: fixed)
