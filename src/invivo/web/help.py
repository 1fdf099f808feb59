"""Help for visitors, researchers, submitters and curators, and the guide to the query language."""

from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from invivo import search
from invivo.web.form import only
from invivo.web.render import page

_OF_DOCUMENTS = "researcher.md#search"  # where the documentation has the table of fields; the page has it itself


def help_page(request: Request) -> Response:
    """Show how to do what people come for."""
    only(request)
    settings = request.state.archive.settings
    host = settings.public_url.partition("//")[2].partition("/")[0].partition(":")[0]
    return page(
        request,
        "help/help.html",
        site=settings.site,
        url=settings.public_url,
        dicom_host=host,
        dicom_port=settings.dimse_address[1] if settings.dimse.bind else 0,
        aet=settings.dimse.aet,
    )


def _fields() -> list[dict[str, Any]]:
    return [
        {
            **{name: getattr(field, name) for name in ("name", "title", "kind", "unit", "keyword")},
            "choices": list(field.choices),
            "example": search.example_of(field.name, field.choices),
        }
        for field in search.FIELDS
    ]


def _anchor(title: str) -> str:
    return "-".join("".join(letter if letter.isalnum() else " " for letter in title.lower()).split())


def search_page(request: Request) -> Response:
    """Show the guide to the query language; its examples are links, with how many series each finds."""
    only(request)
    passages = [
        (
            _anchor(one.title),
            one,
            one.text.replace(_OF_DOCUMENTS, "#all-fields"),
            one.rest.replace(_OF_DOCUMENTS, "#all-fields"),
        )
        for one in search.guide()
    ]
    return page(
        request,
        "help/search.html",
        passages=passages,
        counts=search.counts_of_examples(request.state.archive, request.state.actor),
        fields=_fields(),
    )


def search_json(request: Request) -> Response:
    """Give the guide for programs: examples with how many series each finds, and all fields."""
    only(request)
    counts = search.counts_of_examples(request.state.archive, request.state.actor)
    url = request.state.archive.settings.public_url
    told = [
        {
            "title": passage.title,
            "text": passage.text,
            "rest": passage.rest,
            "examples": [
                {**asdict(one), "series": counts.get(one.text), "url": f"{url}/search?q={quote(one.text)}"}
                for one in passage.examples
            ],
        }
        for passage in search.guide()
    ]
    return JSONResponse({"passages": told, "fields": _fields()})


routes: list[Route] = [
    Route("/help", help_page),
    Route("/help/search", search_page),
    Route("/help/search.json", search_json),
]
