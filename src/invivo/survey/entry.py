"""An entry of the survey: one archive or one product, with its cells as they were written and as they are read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, cast

from invivo import errors
from invivo.survey import reading

Kind = Literal["archives", "software"]
KINDS: tuple[Kind, ...] = ("archives", "software")


class UnknownEntry(errors.NotFound):
    """No such table, system or row in the survey."""

    code = "survey.unknown"


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a cell; without an address where the source lost it."""

    text: str
    address: str | None


@dataclass(frozen=True, slots=True)
class Value:
    """A cell: its text, its links, what was read in it (values of the vocabulary), and that reading in words."""

    text: str
    links: tuple[Link, ...]
    normalised: Any
    words: str

    @property
    def parts(self) -> tuple[str | Link, ...]:
        """Cut the text at its links, so that a page can make them links in place."""
        found: list[str | Link] = []
        rest = self.text
        for link in self.links:
            before, seen, after = rest.partition(link.text)
            if not seen or link.address is None:
                continue
            found += [before, link] if before else [link]
            rest = after
        return (*found, rest) if rest else tuple(found)


@dataclass(frozen=True, slots=True)
class System:
    """An archive or a product; `values` has every row of its table, None where the cell is empty."""

    kind: Kind
    id: str
    name: str
    address: str | None
    values: Mapping[str, Value | None]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a table comes from."""

    title: str
    place: str
    started: str
    latest: str
    contacts: tuple[str, ...]
    acknowledged: tuple[str, ...]


def _address(href: str | None) -> str | None:
    """Keep an address that leads somewhere: '#' is what the source left of a lost one."""
    return href if href and href.startswith(("https://", "http://", "mailto:")) else None


@cache
def _book(kind: Kind) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(files("invivo.survey").joinpath(f"{kind}.json").read_text("utf-8")))


@cache
def _fields(kind: Kind) -> dict[str, dict[str, Any]]:
    book = json.loads(files("invivo.survey").joinpath("fields.json").read_text("utf-8"))
    return cast(dict[str, dict[str, Any]], book[kind])


def kind_of(name: str) -> Kind:
    """Check the name of a table.

    Raises
    ------
    UnknownEntry
        It is not one of `KINDS`.
    """
    for kind in KINDS:
        if name == kind:
            return kind
    raise UnknownEntry(f"The survey has no table of that name; it has {' and '.join(KINDS)}.")


def _normalised(system: Mapping[str, Any], key: str) -> Any:
    """Find what was read in a cell; the methods of sending and of fetching are one row and two readings."""
    read = system["normalised"]
    if key != "submission_download_methods":
        return read.get(key)
    both = {name: read[name] for name in ("submission", "download") if read.get(name)}
    return both or None


def _value(kind: Kind, system: Mapping[str, Any], key: str) -> Value | None:
    cell = system["attributes"][key]
    if cell is None:
        return None
    normalised = _normalised(system, key)
    links = tuple(Link(link["text"], _address(link["href"])) for link in cell["links"])
    return Value(cell["text"], links, normalised, reading.words(_fields(kind).get(key, {}), normalised))


@cache
def systems(kind: Kind) -> tuple[System, ...]:
    """List the systems of a table, in the order of the survey."""
    return tuple(
        System(
            kind=kind,
            id=entry["id"],
            name=entry["name"],
            address=_address(entry["href"]),
            values={key: _value(kind, entry, key) for key in row_labels(kind)},
        )
        for entry in _book(kind)["systems"]
    )


def system(kind: Kind, system_id: str) -> System:
    """Find one system.

    Raises
    ------
    UnknownEntry
        The table has no system of that id.
    """
    for entry in systems(kind):
        if entry.id == system_id:
            return entry
    raise UnknownEntry(f"The table of {kind} has no entry of that name; choose one from the comparison.")


@cache
def row_labels(kind: Kind) -> Mapping[str, str]:
    """Give the rows of a table: key and label, in the order of the survey."""
    return cast(dict[str, str], _book(kind)["row_labels"])


@cache
def source(kind: Kind) -> Source:
    """Say where a table comes from and how old it is."""
    told = _book(kind)["survey"]
    return Source(
        title=told["title"],
        place=told["source"],
        started=told["survey_started"],
        latest=told["latest_date_in_table"],
        contacts=tuple(told["contacts"]),
        acknowledged=tuple(told["acknowledged"]),
    )
