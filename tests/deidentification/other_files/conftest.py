"""One way to clean a file in a test, and a person who must not be found afterwards."""

from collections.abc import Callable

import pytest

from invivo.deidentification import Mapping, Trace
from invivo.deidentification.other_files import CleanedOther, clean_other

PERSON = (
    Trace("PatientName", "name", "Kowalczyk^Bronisława"),
    Trace("PatientID", "id", "ZX9081726"),
    Trace("PatientBirthDate", "date", "19430817"),
    Trace("InstitutionName", "place", "Szpital Wrzeszcz"),
)
PLANTED = ("Kowalczyk", "Bronisława", "ZX9081726", "1943-08-17", "Wrzeszcz")


@pytest.fixture(scope="session")
def clean(mapping: Mapping) -> Callable[..., CleanedOther]:
    def cleaned(content: bytes, name: str = "image.bin", **more: object) -> CleanedOther:
        arguments = {"known": PERSON, "shift_days": -100, **more}
        return clean_other(name, content, mapping=mapping, **arguments)  # type: ignore[arg-type]

    return cleaned


@pytest.fixture(scope="session")
def nothing_left() -> Callable[[bytes], None]:
    """Fails where anything that was planted stands in bytes, in any letters."""

    def check(output: bytes, *more: str) -> None:
        folded = output.lower()
        for value in (*PLANTED, "Bronislawa", *more):
            for spelled in (value, value.upper(), value.lower()):
                for encoding in ("utf-8", "utf-16-le", "utf-16-be", "iso8859-2"):
                    assert spelled.encode(encoding, "ignore").lower() not in folded

    return check
