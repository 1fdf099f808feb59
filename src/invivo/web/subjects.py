"""The page of one subject: its studies in time, counted in days from the first."""

from dataclasses import dataclass
from datetime import date
from itertools import groupby
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import images
from invivo.errors import NotFound
from invivo.web.form import only
from invivo.web.images import ACCESS_WORDS, access_badge, subject_address, thumbnail_of
from invivo.web.render import counted, page, size_text


@dataclass(frozen=True, slots=True)
class Visit:
    """A study as the timeline shows it.

    Attributes
    ----------
    day : int or None
        Days from the subject's first study; None without a date.
    count : int
        Frames in all its series.
    """

    day: int | None
    title: str
    url: str
    src: str | None
    modality: str
    count: int
    note: str
    study_uid: str
    series: tuple[images.Series, ...]


def visits_of(series: list[images.Series], pictured: frozenset[str]) -> list[Visit]:
    """Group a subject's series, sorted by study, into its studies with their days; pictures of some series only."""
    dates = [one.study_date for one in series if one.study_date]
    first = min(dates) if dates else None
    return [_visit(list(group), first, pictured) for _, group in groupby(series, key=lambda one: one.study_uid)]


def _visit(series: list[images.Series], first: date | None, pictured: frozenset[str]) -> Visit:
    one = series[0]
    cover = next((each for each in series if each.cover_uid and each.uid in pictured), None)
    modalities = " ".join(sorted({each.modality for each in series}))
    size = size_text(sum(each.size_bytes for each in series))
    files = counted(sum(each.instance_count for each in series), "file")
    return Visit(
        day=(one.study_date - first).days if one.study_date and first else None,
        title=one.study_description or f"{modalities} study",
        url=f"/studies/{one.study_uid}",
        src=thumbnail_of(cover.study_uid, cover.uid) if cover else None,
        modality=cover.modality if cover else one.modality,
        count=sum(each.frame_count for each in series),
        note=f"{modalities}, {counted(len(series), 'series', 'series')}, {files}, {size}",
        study_uid=one.study_uid,
        series=tuple(series),
    )


def subject_page(request: Request) -> Response:
    """Show a subject's studies along time, and the series of each."""
    only(request)
    state, name, label = request.state, request.path_params["short_name"], request.path_params["label"]
    if "\0" in name + label:
        raise NotFound("There is no such subject.", code="subject.unknown")
    subject, series = images.find_subject(state.archive, state.actor, name, label)
    collection = series[0].collection
    pictured = images.downloadable(state.archive, state.actor, [one.uid for one in series])
    return page(
        request,
        "subjects/subject.html",
        subject=subject,
        collection=collection,
        licence=series[0].licence,
        badge=access_badge(max((one.effective_access for one in series), key=list(ACCESS_WORDS).index)),
        visits=visits_of(series, pictured),
        pictured=pictured,
        series=series,
        query=urlencode({"collection": collection, "subject": label}),
        address=subject_address(collection, label),
        size_bytes=sum(one.size_bytes for one in series),
        instance_count=sum(one.instance_count for one in series),
    )


routes: list[Route] = [Route("/collections/{short_name}/subjects/{label:path}", subject_page)]
