"""What is learnt once from all headers of a series: how it lies in space, what it is and what it refers to.

References
----------
DICOM PS3.3 C.7.6.1.1.2 (Image Type), C.7.6.1 (Quality Control Image), C.8.8.5 (frame of reference of a structure set);
PS3.3 10.3 (references to instances).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from psycopg.types.json import Jsonb

from invivo import database, dicom
from invivo.images.geometry import Planes

MOST_UIDS = 20_000
MOST_UNRESOLVED = 2_000
DEEPEST = 16
# They name studies, people and procedures, not objects; what one of the second kind holds further inside are objects again.
_NO_OBJECTS = frozenset(("00081110", "00081111", "00081120", "00081125", "0040A370"))
_STUDY = "30060012"
_KEPT = {"series": "series", "instance": "instances", "covered": "covered", "frame": "frames"}
_SERIES, _INSTANCE, _FRAME = "0020000E", "00081155", "00200052"


@dataclass(slots=True)
class Measuring:
    """What the headers of a series say together, gathered one by one."""

    planes: Planes = field(default_factory=Planes)
    types: Counter[str] = field(default_factory=Counter)
    is_phantom: bool = False
    series: set[str] = field(default_factory=set)
    instances: set[str] = field(default_factory=set)
    covered: set[str] = field(default_factory=set)
    frames: set[str] = field(default_factory=set)

    def add(self, header: Mapping[str, Any]) -> None:
        """Add one instance, DICOM JSON."""
        self.planes.add(header)
        for kind in _values(header, "00080008")[:1]:
            self.types[str(kind).strip().upper()] += 1
        self.is_phantom |= _values(header, "00280300")[:1] == ["YES"]
        for level, uid in _references(header, 0, is_inside=False):
            found = getattr(self, _KEPT[level])
            if len(found) < MOST_UIDS and dicom.is_valid(uid):
                found.add(uid)

    def keep(self, tx: database.Tx, series_id: int, growth: int) -> None:
        """Keep it for a revision of a series; what was learnt of a later state stays."""
        shape = self.planes.geometry()
        kept = tx.execute(
            "insert into images.measured (series_id, growth, geometry, slices, slice_spacing_mm, volume_ml, is_derived,"
            " is_phantom, detail) select id, %s, %s, %s, %s, %s, %s, %s, %s from images.series where id = %s"
            " on conflict (series_id) do update set growth = excluded.growth, geometry = excluded.geometry,"
            " slices = excluded.slices, slice_spacing_mm = excluded.slice_spacing_mm, volume_ml = excluded.volume_ml,"
            " is_derived = excluded.is_derived, is_phantom = excluded.is_phantom, detail = excluded.detail"
            " where images.measured.growth <= excluded.growth returning series_id",
            [
                *(growth, shape.state, shape.slices, shape.spacing_mm, shape.volume_ml, self._is_derived()),
                *(self.is_phantom, Jsonb(shape.told()), series_id),
            ],
        ).fetchone()
        if kept is not None:
            self._keep_references(tx, series_id)

    def _is_derived(self) -> bool | None:
        """Whether most say DERIVED; None where none says anything."""
        told = self.types["DERIVED"] + self.types["ORIGINAL"]
        return self.types["DERIVED"] * 2 > told if told else None

    def _keep_references(self, tx: database.Tx, series_id: int) -> None:
        tx.execute("delete from images.reference where series_id = %s", [series_id])
        placed = {
            row.uid: row.series_uid
            for row in tx.execute(
                "select i.uid, s.uid as series_uid from images.instance i"
                " join images.series s on s.key = i.series_key and upper_inf(s.releases)"
                " where i.uid = any (%s) and upper_inf(i.releases)",
                [sorted(self.instances - self.covered)],
            )
        }
        lost = sorted(self.instances - self.covered - placed.keys())[:MOST_UNRESOLVED]
        pairs = [("series", uid) for uid in sorted(self.series | set(placed.values()))]
        pairs += [("instance", uid) for uid in lost]
        if not pairs and self.planes.modality == "RTSTRUCT":
            pairs = [("frame", uid) for uid in sorted(self.frames)]
        tx.execute(
            "insert into images.reference (series_id, level, uid) select %s, g.level, g.uid"
            " from unnest(%s::text[], %s::text[]) as g (level, uid)"
            " where not exists (select from images.series s where s.id = %s and s.uid = g.uid) on conflict do nothing",
            [series_id, [level for level, _ in pairs], [uid for _, uid in pairs], series_id],
        )


def _references(
    dataset: Mapping[str, Any], depth: int, *, is_inside: bool, is_study: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield what a header points at; instances below a series that is named are covered by it."""
    for tag, element in dataset.items():
        if tag == _FRAME:
            yield from (("frame", str(uid)) for uid in _values(dataset, tag))
        elif tag == _INSTANCE and depth and not is_study:
            yield from (("covered" if is_inside else "instance", str(uid)) for uid in _values(dataset, tag))
        elif tag == _SERIES and depth:
            yield from (("series", str(uid)) for uid in _values(dataset, tag))
        elif element.get("vr") == "SQ" and depth < DEEPEST and tag not in _NO_OBJECTS:
            for item in _values(dataset, tag):
                if isinstance(item, Mapping):
                    inside = is_inside or bool(_values(item, _SERIES))
                    yield from _references(item, depth + 1, is_inside=inside, is_study=tag == _STUDY)


def _values(header: Mapping[str, Any], tag: str) -> list[Any]:
    found = header.get(tag, {}).get("Value")
    return found if isinstance(found, list) else []
