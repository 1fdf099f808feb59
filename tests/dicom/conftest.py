"""Real files for these tests: those bundled with pydicom, and the shared data where present."""

from functools import cache
from pathlib import Path

import data_store
import pydicom.data
import pytest

BUNDLED = Path(pydicom.data.__file__).parent
EXTRA = Path(data_store.__file__).parent / "data"
SHARED = Path(__file__).parents[3] / "shared" / "data"
NOT_DICOM = {".txt", ".json", ".gz", ".icc", ".dump", ".md", ".sh", ".png", ".jpeg", ".jpg", ".nrrd", ".py"}


@cache
def bundled_files() -> tuple[Path, ...]:
    """Every DICOM file that comes with pydicom and pydicom-data."""
    roots = (BUNDLED / "test_files", BUNDLED / "charset_files", EXTRA)
    found = sorted(path for root in roots for path in root.rglob("*") if path.is_file())
    return tuple(path for path in found if path.suffix not in NOT_DICOM and not path.name.startswith("README"))


@cache
def shared_files() -> tuple[Path, ...]:
    """The DICOM files of the shared data folder; none where it is absent. Of long series, every tenth."""
    found = sorted(path for path in (SHARED / "dicom").rglob("*") if path.is_file())
    kept = [path for path in found if path.suffix not in NOT_DICOM and not path.name.startswith("README")]
    return tuple(path for number, path in enumerate(kept) if "series" not in path.parts or number % 10 == 0)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name, files in (("bundled_file", bundled_files), ("shared_file", shared_files)):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, files(), ids=[f"{path.parent.name}/{path.name}" for path in files()])


@pytest.fixture(scope="session")
def real_file():
    """Path of a bundled file by its name, skipping the test where the file is not on this disk."""
    by_name = {path.name: path for path in reversed(bundled_files())}

    def find(name: str) -> Path:
        if name not in by_name:
            pytest.skip(f"{name} is not installed")
        return by_name[name]

    return find


@pytest.fixture(scope="session")
def shared_data():
    """Path below the shared data folder, skipping the test where it is absent."""

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip("the shared data is not here")
        return path

    return find
