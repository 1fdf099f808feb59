"""Comparisons: some systems beside each other, row by row, with what differs."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from invivo.survey.entry import Kind, System, UnknownEntry, Value, row_labels, source, system, systems
from invivo.survey.reading import comparable


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a comparison.

    Parameters
    ----------
    values : tuple of Value or None, one a system
        The cells, None where the survey's cell is empty.
    differs : bool
        The systems do not all say the same; an empty cell says something else than a filled one.
    apart : tuple of bool, one a system
        The cell says something else than more than half of the systems say.
    """

    key: str
    label: str
    values: tuple[Value | None, ...]
    differs: bool
    apart: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Systems of one table and the rows chosen of it."""

    kind: Kind
    systems: tuple[System, ...]
    rows: tuple[Row, ...]


def _row(kind: Kind, key: str, chosen: tuple[System, ...]) -> Row:
    values = tuple(entry.values[key] for entry in chosen)
    said = [None if value is None else comparable(value.normalised, value.text) for value in values]
    common, times = Counter(said).most_common(1)[0]
    shared = times > len(said) / 2
    return Row(
        key=key,
        label=row_labels(kind)[key],
        values=values,
        differs=len(set(said)) > 1,
        apart=tuple(shared and one != common for one in said),
    )


def compare(kind: Kind, system_ids: Iterable[str] = (), rows: Iterable[str] = ()) -> Comparison:
    """Compare systems of a table.

    Parameters
    ----------
    kind : {'archives', 'software'}
        The table.
    system_ids : iterable of str
        Which systems, in the order wanted; none means all. A repeated one counts once.
    rows : iterable of str
        Which rows; none means all. They come in the order of the survey.

    Raises
    ------
    UnknownEntry
        A system or a row is not in that table.
    """
    labels = row_labels(kind)
    wanted = set(rows)
    if not wanted <= labels.keys():
        raise UnknownEntry(f"The table of {kind} has no row of that name; its rows are {', '.join(labels)}.")
    chosen = tuple(system(kind, one) for one in dict.fromkeys(system_ids)) or systems(kind)
    return Comparison(kind, chosen, tuple(_row(kind, key, chosen) for key in labels if not wanted or key in wanted))


def as_csv(comparison: Comparison) -> str:
    """Write a comparison as CSV (RFC 4180): a line a row, for each system the text of its cell, then its reading."""
    made = io.StringIO()
    writer = csv.writer(made)
    names = [entry.name for entry in comparison.systems]
    writer.writerow(["row", "label", "differs", *names, *(f"{name}: read as" for name in names)])
    for row in comparison.rows:
        texts = [value.text if value else "" for value in row.values]
        readings = [value.words if value else "" for value in row.values]
        writer.writerow([row.key, row.label, "yes" if row.differs else "no", *texts, *readings])
    return made.getvalue()


def _cell(value: Value | None) -> dict[str, Any] | None:
    if value is None:
        return None
    links = [{"text": link.text, "address": link.address} for link in value.links]
    return {"text": value.text, "links": links, "normalised": value.normalised, "words": value.words}


def as_json(comparison: Comparison) -> str:
    """Write a comparison as JSON: source, systems, and rows whose cells stand under the ids of the systems."""
    told = source(comparison.kind)
    ids = [entry.id for entry in comparison.systems]
    book = {
        "kind": comparison.kind,
        "source": {"title": told.title, "place": told.place, "started": told.started, "latest": told.latest},
        "systems": [{"id": entry.id, "name": entry.name, "address": entry.address} for entry in comparison.systems],
        "rows": [
            {
                "key": row.key,
                "label": row.label,
                "differs": row.differs,
                "cells": {one: _cell(value) for one, value in zip(ids, row.values, strict=True)},
            }
            for row in comparison.rows
        ],
    }
    return json.dumps(book, ensure_ascii=False, indent=1)
