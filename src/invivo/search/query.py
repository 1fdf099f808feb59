"""The query tree."""

from dataclasses import dataclass
from typing import TypeAlias

from invivo.search.field import Field


@dataclass(frozen=True, slots=True)
class Compare:
    """A field against values.

    Attributes
    ----------
    operator : {"is", "like", "range", "empty", "has"}
        ``is``: one of the values. ``like``: DICOM wildcards ``*`` and ``?``. ``range``: two values, either may be empty.
        ``empty``: has no value. ``has``: has any value.
    """

    field: Field
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """All words of a text, anywhere in the series' descriptions; a word ending with ``*`` is a beginning."""

    text: str


@dataclass(frozen=True, slots=True)
class And:
    """Every part is true; with no part, always true."""

    parts: "tuple[Query, ...]" = ()


@dataclass(frozen=True, slots=True)
class Or:
    """Some part is true."""

    parts: "tuple[Query, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """The part is not true."""

    part: "Query"


Query: TypeAlias = Compare | Text | And | Or | Not
ALL = And()
