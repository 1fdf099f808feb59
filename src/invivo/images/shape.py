"""Reading what was measured of a series."""

from dataclasses import fields
from typing import Any

from invivo import database
from invivo.archive import Archive
from invivo.images.asking import read_rows
from invivo.images.geometry import Geometry
from invivo.images.series import Series

_NAMES = tuple(field.name for field in fields(Geometry))


def geometry_of(archive: Archive, series: Series) -> Geometry | None:
    """Return how the slices of a series lie, that the actor may see as the caller knows; None before it was measured."""
    statement = database.Statement("select detail from images.measured where series_id = %(id)s", {"id": series.id})
    for row in read_rows(archive, statement):
        told: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in row.detail.items()
            if name in _NAMES
        }
        return Geometry(**told)
    return None
