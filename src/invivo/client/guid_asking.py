"""Asking an archive for GUIDs: codes go out, labels come back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from invivo.client.archive import Archive
from invivo.client.guid_code import Parameters, parameters_of
from invivo.errors import Broken


@dataclass(frozen=True, slots=True)
class Assigned:
    """A GUID for a row: ``existing``, ``new``, ``close`` (a pseudo-GUID until a person decides) or ``pseudo``."""

    row: int
    guid: str
    kind: str


class Guids:
    """The GUIDs of one archive.

    Parameters
    ----------
    archive : Archive
        With the token of somebody who delivers or curates.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def parameters(self) -> Parameters:
        """Ask how codes are made here."""
        return parameters_of(self._archive.get("/api/guids/parameters"))

    def assign(self, people: Sequence[tuple[int, Mapping[str, str]]]) -> list[Assigned]:
        """Return the GUIDs of people, given as pairs of row number and codes."""
        asked = [{"row": row, "codes": dict(codes)} for row, codes in people]
        return _read(self._archive.post("/api/guids", asked), [row for row, _ in people])

    def pseudo(self, rows: Sequence[int]) -> list[Assigned]:
        """Return a new pseudo-GUID for each row."""
        return _read(self._archive.post("/api/guids/pseudo", {"count": len(rows)}), list(rows))

    def promote(self, guid: str, codes: Mapping[str, str]) -> Assigned:
        """Tell the person of a pseudo-GUID by codes."""
        return _read([self._archive.post(f"/api/guids/{guid}/promotion", {"codes": dict(codes)})], [1])[0]


def _read(told: Any, rows: list[int]) -> list[Assigned]:
    if not isinstance(told, list) or len(told) != len(rows):
        raise Broken("The archive answered for other people than it was asked about.", code="client.guid-answer")
    return [Assigned(row, str(one["guid"]), str(one["kind"])) for row, one in zip(rows, told, strict=True)]
