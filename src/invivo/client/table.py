"""Answers as tables: one type a column, whatever the rows hold."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow

from invivo.errors import Invalid


def table_of(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> pyarrow.Table:
    """Make a table of rows.

    Parameters
    ----------
    columns : sequence of str, optional
        Only these.

    Raises
    ------
    Invalid
        There is no such column.
    """
    names = list(columns) or list(rows[0] if rows else ())
    unknown = [name for name in names if rows and name not in rows[0]]
    if unknown:
        raise Invalid(f"There is no column {unknown[0]}; there are {', '.join(rows[0])}.", code="client.column")
    return pyarrow.table({name: _column(name, [row.get(name) for row in rows]) for name in names})


def _column(name: str, values: list[Any]) -> pyarrow.Array:
    if name.endswith("_date"):
        return pyarrow.array([date.fromisoformat(one) if one else None for one in values], pyarrow.date32())
    if any(isinstance(one, float) for one in values):
        return pyarrow.array([None if one is None else float(one) for one in values], pyarrow.float64())
    if any(isinstance(one, dict) for one in values):
        return pyarrow.array([None if one is None else str(one) for one in values], pyarrow.string())
    kind = None if any(one is not None for one in values) else pyarrow.string()
    return pyarrow.array(values, kind)
