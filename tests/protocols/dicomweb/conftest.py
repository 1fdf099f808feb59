"""DICOMweb over a released collection."""

import pytest
from tests.protocols.conftest import Asking, Released

from invivo.protocols.dicomweb import routes


@pytest.fixture
def web(released: Released) -> Asking:
    return Asking(released.archive, routes)
