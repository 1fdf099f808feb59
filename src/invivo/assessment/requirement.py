"""What is asked of a repository, by whom, and which evidence of ours answers it.

References
----------
CoreTrustSeal Requirements 2023-2025 (the titles; V04.00 of 2026 was not at hand). NIH, Supplemental Policy Information:
Selecting a Repository for Data Resulting from NIH-Supported Research (NOT-OD-21-016), desirable characteristics.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from invivo.errors import NotFound

_FILE = Path(__file__).with_name("requirements.toml")


class UnknownRequirement(NotFound):
    """No framework of ours has such a requirement."""

    code = "assessment.unknown-requirement"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement.

    Attributes
    ----------
    asks : str
        What it asks, in a sentence of ours.
    shows : tuple of str
        Names of the evidence that answers it; empty where only people can.
    """

    name: str
    title: str
    asks: str
    shows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Framework:
    """A list of requirements, such as CoreTrustSeal's."""

    name: str
    title: str
    source: str
    requirements: tuple[Requirement, ...]


@cache
def frameworks() -> tuple[Framework, ...]:
    """Return the frameworks, in order."""
    written = tomllib.loads(_FILE.read_text("utf-8"))["framework"]
    return tuple(
        Framework(
            one["name"],
            one["title"],
            one["source"],
            tuple(Requirement(r["name"], r["title"], r["asks"], tuple(r.get("shows", ()))) for r in one["requirement"]),
        )
        for one in written
    )


def requirement_named(framework: str, name: str) -> Requirement:
    """Return a requirement; raises UnknownRequirement."""
    for one in frameworks():
        for requirement in one.requirements if one.name == framework else ():
            if requirement.name == name:
                return requirement
    raise UnknownRequirement("There is no such requirement.")
