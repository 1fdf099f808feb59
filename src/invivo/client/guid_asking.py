"""Asking an archive for GUIDs: codes go out, labels come back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from invivo.client.archive import Archive, Unreachable
from invivo.client.guid_code import Parameters, parameters_of
from invivo.errors import Broken, Busy, Conflict, Invalid, InvivoError, NotFound, Refused

_FAMILIES: dict[int, type[InvivoError]] = {
    401: Refused,
    403: Refused,
    404: NotFound,
    409: Conflict,
    429: Busy,
    503: Busy,
}


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
        return _read(self._post("/api/guids", asked), [row for row, _ in people])

    def pseudo(self, rows: Sequence[int]) -> list[Assigned]:
        """Return a new pseudo-GUID for each row."""
        return _read(self._post("/api/guids/pseudo", {"count": len(rows)}), list(rows))

    def promote(self, guid: str, codes: Mapping[str, str]) -> Assigned:
        """Tell the person of a pseudo-GUID by codes."""
        return _read([self._post(f"/api/guids/{guid}/promotion", {"codes": dict(codes)})], [1])[0]

    def _post(self, path: str, body: Any) -> Any:
        try:
            answer = self._archive.http.post(path, json=body)
        except httpx.TransportError as error:
            raise Unreachable(f"{self._archive.http.base_url} does not answer ({type(error).__name__}).") from None
        if answer.status_code >= 400:
            raise _refusal(answer)
        return answer.json()


def _refusal(answer: httpx.Response) -> InvivoError:
    try:
        text = str(answer.json().get("detail", ""))
    except (ValueError, AttributeError):
        text = ""
    family = _FAMILIES.get(answer.status_code, Broken if answer.status_code >= 500 else Invalid)
    return family(text or f"The archive answered {answer.status_code}.")


def _read(told: Any, rows: list[int]) -> list[Assigned]:
    if not isinstance(told, list) or len(told) != len(rows):
        raise Broken("The archive answered for other people than it was asked about.", code="client.guid-answer")
    return [Assigned(row, str(one["guid"]), str(one["kind"])) for row, one in zip(rows, told, strict=True)]
