"""The query builder: groups and conditions on one side, the text that they mean on the other."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from invivo import search
from invivo.errors import Invalid
from invivo.web.form import only
from invivo.web.render import page

LONGEST = 60_000
_SHORT = {"Cache-Control": "private, max-age=30"}
EXAMPLES = (
    ("Thin CT of the chest", "modality:CT body-part:CHEST slice-thickness<1.5mm"),
    ("Subjects with CT and PET", "subject with (modality:CT) and subject with (modality:PT)"),
    ("CT with segmentations that may be used commercially", "modality:CT has-segmentation:yes commercial:yes"),
    ("By any attribute of the headers", "EchoTime<=20ms and not ScanningSequence:SE"),
)


def build_page(request: Request) -> Response:
    """Show a query as groups and conditions."""
    only(request, "q")
    text = request.query_params.get("q", "").replace("\0", "")
    told = _told(request, text)
    return page(
        request,
        "searches/build.html",
        told=told,
        built=orjson.dumps({**told, "fields": _fields()}).decode(),
        text=text,
        examples=EXAMPLES,
    )


def _fields() -> list[dict[str, Any]]:
    return [
        {"name": field.name, "title": field.title, "type": field.kind, "unit": field.unit, "choices": field.choices}
        for field in search.FIELDS
    ]


def outline_json(request: Request) -> Response:
    """Read a text as groups and conditions (``q``), or write such as a text (``outline``), and count what it finds."""
    only(request, "q", "outline")
    given = request.query_params.get("outline")
    if given is None:
        return JSONResponse(_told(request, request.query_params.get("q", "").replace("\0", "")))
    if len(given) > LONGEST:
        raise Invalid(f"An outline has at most {LONGEST:,} characters.", code="search.too-long")
    try:
        node = orjson.loads(given)
    except orjson.JSONDecodeError:
        raise Invalid("The outline is not JSON.", code="search.outline") from None
    text, faults = search.text_of_outline(node)
    told = [{"path": list(one.path), "message": one.message} for one in faults]
    return JSONResponse({**_told(request, text), "faults": told, "outline": None})


def _told(request: Request, text: str) -> dict[str, Any]:
    """Tell a text's outline and how much it finds, or its fault and where that stands."""
    archive, actor = request.state.archive, request.state.actor
    try:
        query = search.read(text)
        series = search.count(archive, actor, query)
        subjects = search.count(archive, actor, query, "subject")
    except search.BadQuery as fault:
        wrong = {"message": fault.message, "start": fault.start, "end": fault.end}
        return {"text": text, "outline": None, "faults": [], "fault": wrong, "series": None, "subjects": None}
    written = search.write(query)
    return {
        **{"text": written, "outline": search.outline(query), "faults": [], "fault": None},
        **{"series": series, "subjects": subjects},
    }


def fields_json(request: Request) -> Response:
    """Propose fields and attributes by a piece of their names."""
    only(request, "q")
    found = search.suggest_attributes(request.state.archive, request.state.actor, request.query_params.get("q", ""))
    shown = [
        {
            **{"value": one.name, "note": f"{one.title}{f', {one.unit}' if one.unit else ''}", "type": one.kind},
            **{"unit": one.unit, "choices": one.choices, "example": one.example},
        }
        for one in found
    ]
    return JSONResponse(shown, headers=_SHORT)


def values_json(request: Request) -> Response:
    """Propose values of a field by a piece of them, with how many series have them."""
    only(request, "field", "q", "rest")
    asked = request.query_params
    found = search.suggest_values(
        *(request.state.archive, request.state.actor, asked.get("field", ""), asked.get("q", "")),
        rest=search.read(asked.get("rest", "")),
    )
    shown = [{"value": value, "note": f"{number:,} series"} for value, number in found]
    return JSONResponse(shown, headers=_SHORT)


routes: list[Route] = [
    Route("/search/build", build_page),
    Route("/search/outline.json", outline_json),
    Route("/search/fields.json", fields_json),
    Route("/search/values.json", values_json),
]
