"""The columns of the table of results: which there are at a level, and what stands in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from invivo import search
from invivo.errors import Invalid
from invivo.web.images import subject_address


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes
    ----------
    name : str
        Of the field that it shows; one sorts by it if the level can be sorted so.
    attribute : str
        Of a found row.
    form : {"text", "number", "day", "count", "bytes", "uid", "list"}
    is_usual : bool
        It is shown where nobody chose.
    """

    name: str
    title: str
    attribute: str
    form: str = "text"
    is_usual: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A value with its form, and where it leads."""

    value: Any
    form: str
    href: str = ""


_COLLECTION = Column("collection", "Collection", "collection", is_usual=True)
_SUBJECT = Column("subject", "Subject", "subject", is_usual=True)
_MODALITIES = Column("modality", "Modalities", "modalities", "list", True)
_SIZES = (
    Column("images", "Files", "instance_count", "count", True),
    Column("size", "Size", "size_bytes", "bytes", True),
    Column("licence", "Licence", "licence"),
    Column("access", "Access", "access"),
)
_SERIES_COUNT = Column("series-count", "Series", "series_count", "count", True)
_STUDY_COUNT = Column("study-count", "Studies", "study_count", "count", True)
COLUMNS = {
    "series": (
        Column("description", "Description", "series_description", is_usual=True),
        _COLLECTION,
        _SUBJECT,
        Column("modality", "Modality", "modality", is_usual=True),
        Column("body-part", "Body part", "body_part", is_usual=True),
        Column("study-date", "Study date", "study_date", "day", True),
        Column("study-description", "Study", "study_description"),
        Column("sex", "Sex", "sex"),
        Column("age", "Age", "patient_age"),
        Column("series-number", "Number", "series_number", "number"),
        Column("protocol", "Protocol", "protocol"),
        Column("laterality", "Laterality", "laterality"),
        Column("manufacturer", "Manufacturer", "manufacturer"),
        Column("model", "Model", "model"),
        Column("slice-thickness", "Slice thickness, mm", "slice_thickness_mm", "number", True),
        Column("pixel-spacing", "Pixel spacing, mm", "pixel_spacing_mm", "number"),
        Column("kvp", "Tube voltage, kV", "kvp", "number"),
        Column("rows", "Rows", "rows", "number"),
        Column("columns", "Columns", "columns", "number"),
        *_SIZES,
        Column("quality", "Quality", "quality"),
        Column("series", "Series UID", "series_uid", "uid"),
        Column("study", "Study UID", "study_uid", "uid"),
    ),
    "study": (
        Column("study-description", "Description", "study_description", is_usual=True),
        _COLLECTION,
        _SUBJECT,
        Column("study-date", "Date", "study_date", "day", True),
        _MODALITIES,
        Column("age", "Age", "patient_age"),
        Column("sex", "Sex", "sex"),
        _SERIES_COUNT,
        *_SIZES,
        Column("study", "Study UID", "study_uid", "uid"),
    ),
    "subject": (
        _SUBJECT,
        _COLLECTION,
        Column("sex", "Sex", "sex", is_usual=True),
        Column("species", "Species", "species"),
        _MODALITIES,
        Column("study-date", "First study", "first_date", "day", True),
        Column("", "Last study", "last_date", "day"),
        _STUDY_COUNT,
        _SERIES_COUNT,
        *_SIZES,
    ),
    "collection": (
        _COLLECTION,
        Column("", "Title", "collection_title", is_usual=True),
        _MODALITIES,
        Column("subject-count", "Subjects", "subject_count", "count", True),
        _STUDY_COUNT,
        _SERIES_COUNT,
        *_SIZES,
    ),
}


def name_of(column: Column) -> str:
    """Return a column's name in an address."""
    return column.name or column.attribute.replace("_", "-")


def checked_columns(level: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of columns as they were asked.

    Raises
    ------
    Invalid
        The level has no such column; the message names those that it has.
    """
    known = [name_of(column) for column in COLUMNS[level]]
    if wrong := [name for name in names if name not in known]:
        raise Invalid(
            f"There is no column {wrong[0][:60]!r}; show is some of {', '.join(known)}.", code="search.columns"
        )
    return tuple(names)


def columns_of(level: str, names: Sequence[str]) -> list[Column]:
    """Return the columns of these names in their order, the usual ones where there are none."""
    known = {name_of(column): column for column in COLUMNS[level]}
    return [known[name] for name in names] or [column for column in COLUMNS[level] if column.is_usual]


def cells(row: Any, level: str, columns: Sequence[Column]) -> list[Cell]:
    """Return what stands in a row; its first cell leads to what the row is about."""
    shown = [Cell(getattr(row, column.attribute), column.form, _address(row, column)) for column in columns]
    here = address_of(row, level)
    first = shown[0]
    return [Cell(first.value or getattr(row, _FALLBACK[level]), first.form, here), *shown[1:]]


_FALLBACK = {"series": "modality", "study": "study_uid", "subject": "subject", "collection": "collection"}


def _address(row: Any, column: Column) -> str:
    if column.attribute == "collection":
        return f"/collections/{quote(row.collection)}"
    return subject_address(row.collection, row.subject) if column.attribute == "subject" else ""


def address_of(row: Any, level: str) -> str:
    """Return the page of what a row is about."""
    if level == "series":
        return f"/series/{row.series_uid}"
    if level == "study":
        return f"/studies/{row.study_uid}"
    return (
        subject_address(row.collection, row.subject) if level == "subject" else f"/collections/{quote(row.collection)}"
    )


def is_sortable(column: Column, level: str) -> bool:
    """Tell whether an answer can be sorted by a column."""
    return column.name in search.orders(level)
