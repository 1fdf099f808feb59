"""The home page, and what the archive says about itself."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import collections, releases, search, usage
from invivo.web.charts import charts
from invivo.web.collections import Picture, pictures_of
from invivo.web.form import only
from invivo.web.images import access_badge
from invivo.web.render import page

NEWEST = 6


@dataclass(frozen=True, slots=True)
class News:
    """A release with pictures and the totals of its collection."""

    release: releases.Release
    summary: str
    badge: tuple[str, str]
    pictures: tuple[Picture, ...]


def _news(request: Request, known: dict[int, collections.Collection]) -> list[News]:
    state = request.state
    newest = [one for one in releases.newest(state.archive, state.actor, limit=NEWEST) if one.collection_id in known]
    pictures = pictures_of(request, [one.collection_id for one in newest], 4)
    described = [(one, known[one.collection_id]) for one in newest]
    return [News(one, of.summary, access_badge(of.access), pictures.get(of.id, ())) for one, of in described]


def _sites(known: list[collections.Collection]) -> list[tuple[str, int]]:
    """Count collections by body site, the most frequent first."""
    counted: dict[str, int] = {}
    for one in known:
        for site in set(one.sites):
            counted[site] = counted.get(site, 0) + 1
    return sorted(counted.items(), key=lambda pair: (-pair[1], pair[0].lower()))[:16]


def home_page(request: Request) -> Response:
    """Show what this archive is, and where to begin."""
    only(request)
    state = request.state
    known = list(collections.listed(state.archive, state.actor))
    body_parts = search.facets(state.archive, state.actor, [], ("body-part",))[0]
    return page(
        request,
        "home/home.html",
        site=state.archive.settings.site.name,
        totals=search.whole(search.totals_by_collection(state.archive, state.actor).values()),
        collection_count=len(known),
        news=_news(request, {one.id: one for one in known}),
        modalities=charts(request, ("modality",))["modality"],
        body_parts=body_parts,
        sites=_sites(known),
    )


def about_page(request: Request) -> Response:
    """Show the archive's figures, its software and whom to write to."""
    only(request)
    state = request.state
    known = collections.listed(state.archive, state.actor)
    return page(
        request,
        "home/about.html",
        site=state.archive.settings.site,
        public_url=state.archive.settings.public_url,
        aet=state.archive.settings.dimse.aet if state.archive.settings.dimse.bind else "",
        totals=search.whole(search.totals_by_collection(state.archive, state.actor).values()),
        collection_count=len(known),
        figures=usage.figures(state.archive, state.actor),
    )


routes: list[Route] = [Route("/", home_page), Route("/about", about_page)]
