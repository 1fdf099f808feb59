"""An archive behind the real server, and a proxy in front of it."""

from collections.abc import Iterator

import pytest

from invivo import serving
from invivo.archive import Archive as Installation
from tests.client.hostile import Proxy, between
from tests.protocols.serving import served


@pytest.fixture
def port(archive: Installation) -> Iterator[int]:
    with served(serving.public_application(archive, archive.settings.home / "run" / "desk.sock")) as found:
        yield found


@pytest.fixture
def proxy(port: int) -> Iterator[Proxy]:
    with between(port) as found:
        yield found
