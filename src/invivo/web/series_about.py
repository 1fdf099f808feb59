"""What a series page says beside the pictures: how the slices lie, what refers to what, which segments there are; and as JSON."""

from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from invivo import dicom, images, search
from invivo.errors import NotFound
from invivo.web.form import only
from invivo.web.header import references_of
from invivo.web.render import counted

MOST_REFERENCES = 16
MOST_SEGMENTS = 60
MOST_GAPS = 12
MOST_REVISIONS = 20


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a series beyond its own columns.

    Attributes
    ----------
    geometry : Geometry or None
        None before it was measured.
    by, to : tuple of Related
    missing : tuple of Missing
    segments : tuple of Segment
    """

    geometry: images.Geometry | None
    by: tuple[images.Related, ...]
    to: tuple[images.Related, ...]
    missing: tuple[images.Missing, ...]
    segments: tuple[images.Segment, ...]

    @property
    def related(self) -> list[images.Series]:
        """The series that are shown as references."""
        return [one.series for one in (*self.by[:MOST_REFERENCES], *self.to[:MOST_REFERENCES])]


@dataclass(frozen=True, slots=True)
class Revision:
    """A state of a series in its history."""

    revision: int
    release: int
    instance_count: int
    size_bytes: int


def about(request: Request, series: images.Series, header: dict[str, Any]) -> About:
    """Return what is known of a series; before it was measured, the references that one header tells."""
    archive, actor = request.state.archive, request.state.actor
    geometry = images.geometry_of(archive, series)
    told = images.references_of(archive, actor, series)
    to, missing = told.to, told.missing
    if geometry is None:
        to, missing = _of_header(request, series, header)
    return About(geometry, told.by, to, missing, images.segments_in(header))


def _of_header(
    request: Request, series: images.Series, header: dict[str, Any]
) -> tuple[tuple[images.Related, ...], tuple[images.Missing, ...]]:
    to, missing = [], []
    for uid in islice(references_of(header), MOST_REFERENCES):
        if uid != series.uid:
            try:
                to.append(images.Related("images", images.find_series(request.state.archive, request.state.actor, uid)))
            except images.UnknownSeries:
                missing.append(images.Missing("series", uid))
    return tuple(to), tuple(missing)


def geometry_rows(geometry: images.Geometry) -> list[tuple[Any, ...]]:
    """Return the rows of the section on geometry."""
    extent = " × ".join(f"{one:.4g}" for one in geometry.extent_mm)
    gaps = ", ".join(f"{one:.4g}" for one in geometry.missing_mm[:MOST_GAPS])
    rest = geometry.missing - MOST_GAPS
    has_ends = geometry.first_mm is not None and geometry.last_mm is not None
    volume = geometry.volume_ml
    return [
        ("Geometry", geometry.state.capitalize(), None, f"/search?geometry={geometry.state}"),
        ("Slices", f"{geometry.slices:,}" if geometry.slices is not None else "", "num"),
        ("Spacing along the normal", f"{geometry.spacing_mm:.6g} mm" if geometry.spacing_mm else "", "num"),
        ("Plane", geometry.plane.capitalize()),
        ("Extent", f"{extent} mm" if extent else "", "num"),
        ("Volume", f"{volume:,.4g} ml" if volume else "", "num"),
        ("From, to", f"{geometry.first_mm:.6g} to {geometry.last_mm:.6g} mm" if has_ends else "", "num"),
        ("At each position", counted(geometry.per_position, "frame") if geometry.per_position > 1 else "", "num"),
        ("Missing at", f"{gaps} mm{f' and {rest:,} more' if rest > 0 else ''}" if gaps else "", "num"),
        ("Direction cosines", " ".join(f"{one:.4g}" for one in geometry.orientation), "num"),
    ]


def history(request: Request, series: images.Series) -> list[Revision]:
    """Follow a series back through the releases, newest first."""
    found = [series]
    while found[-1].revision > 1 and found[-1].first_release > 1 and len(found) < MOST_REVISIONS:
        state = request.state
        before = found[-1].first_release - 1
        try:
            found.append(images.find_series(state.archive, state.actor, series.uid, release=before))
        except images.UnknownSeries:
            break
    return [Revision(one.revision, one.first_release, one.instance_count, one.size_bytes) for one in found]


def all_references(series: images.Series) -> str:
    """Return the address of a search for whatever refers to a series."""
    asked = search.Having("referred", search.Compare(search.field_named("series"), "is", (series.uid,)))
    return search.write(asked)


_LEFT_OUT = ("id", "key", "growth", "collection_id", "study_id", "cover_instance_id", "access")


def series_json(request: Request) -> Response:
    """Give what the page of a series says, as JSON."""
    only(request)
    uid, state = str(request.path_params["uid"]), request.state
    if not dicom.is_valid(uid):
        raise NotFound("There is nothing under this address: it does not hold a UID.", code="page.not-a-uid")
    series = images.find_series(state.archive, state.actor, uid)
    header = next(images.headers_of(state.archive, series.key, series.cover_uid), {})
    known = about(request, series, header)
    told = {name: value for name, value in asdict(series).items() if name not in _LEFT_OUT}
    told |= {"access": series.effective_access, "entered_at": series.entered_at.isoformat()}
    told |= {name: str(told[name]) for name in ("series_date", "study_date") if told[name] is not None}
    shape = known.geometry
    return JSONResponse(
        {
            **told,
            "geometry": {**shape.told(), "volume_ml": shape.volume_ml} if shape else None,
            "segments": [asdict(one) for one in known.segments],
            "referred_by": [_short(one) for one in known.by],
            "refers_to": [_short(one) for one in known.to],
            "missing": [asdict(one) for one in known.missing],
            "history": [asdict(one) for one in history(request, series)],
            "page": f"/series/{uid}",
            "metadata": f"/dicom-web/studies/{series.study_uid}/series/{uid}/metadata",
        },
        headers={"Cache-Control": "private, max-age=30"},
    )


def _short(one: images.Related) -> dict[str, Any]:
    series = one.series
    return {
        "kind": one.kind,
        "series_uid": series.uid,
        "modality": series.modality,
        "description": series.description,
        "collection": series.collection,
        "page": f"/series/{series.uid}",
    }


routes: list[Route] = [Route("/series/{uid}.json", series_json)]
