"""Licences that data may carry, by SPDX identifier."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from invivo.errors import Invalid


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence.

    Attributes
    ----------
    id : str
        SPDX identifier, or ``LicenseRef-`` and a name for one that SPDX does not list (SPDX 2.3, Annex D).
    name, url : str
    is_commercial : bool
        Whether commercial use is allowed.
    """

    id: str
    name: str
    url: str
    is_commercial: bool


@cache
def licences() -> tuple[Licence, ...]:
    """Return the licences a collection can choose from, the freest first."""
    text = files("invivo.collections").joinpath("licences.csv").read_text("utf-8")
    return tuple(
        Licence(row["id"], row["name"], row["url"], row["commercial"] == "yes")
        for row in csv.DictReader(text.splitlines())
    )


def licence_named(spdx: str) -> Licence:
    """Return a licence by its identifier; raises Invalid."""
    for licence in licences():
        if licence.id == spdx:
            return licence
    raise Invalid(
        f"Licence {spdx[:40]!r} is not in the list; choose one of its SPDX identifiers.", code="collection.licence"
    )
