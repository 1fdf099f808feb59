"""The query tree."""

from dataclasses import dataclass
from typing import TypeAlias

from invivo.search.field import Field


@dataclass(frozen=True, slots=True)
class Compare:
    """A field against values.

    Attributes
    ----------
    operator : {"is", "like", "range", "empty", "has", "below", "above"}
        ``is``: one of the values. ``like``: DICOM wildcards ``*`` and ``?``. ``range``: two values, either may be empty.
        ``empty``: has no value. ``has``: has any value. ``below``, ``above``: one number, not meant itself, of a field that
        has several values in a series; of others that is a ``range`` without its end.
    """

    field: Field
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """All words of a text, anywhere in what is known of a series; a word ending with ``*`` is a beginning.

    Attributes
    ----------
    is_phrase : bool
        The words follow each other, in one value.
    """

    text: str
    is_phrase: bool = False


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


@dataclass(frozen=True, slots=True)
class Having:
    """The subject, or the study, of the series has some series of which the part is true; or some refers to it.

    Attributes
    ----------
    level : {"subject", "study", "referring", "referred"}
        ``referring``: of a series that refers to this one, such as a segmentation. ``referred``: of one that this refers to.
    """

    level: str
    part: "Query"


Query: TypeAlias = Compare | Text | And | Or | Not | Having
ALL = And()
