"""Addresses of DICOMweb and the functions that answer them."""

from starlette.routing import BaseRoute, Mount, Route

from invivo.protocols.dicomweb.capabilities import telling
from invivo.protocols.dicomweb.pictures import rendered, thumbnail
from invivo.protocols.dicomweb.pixels import bulkdata, frames
from invivo.protocols.dicomweb.queries import instances, series, studies
from invivo.protocols.dicomweb.retrieval import metadata, retrieve
from invivo.protocols.dicomweb.storing import store
from invivo.protocols.dicomweb.uri import wado
from invivo.protocols.wire import Door, route

STUDY = "/studies/{study}"
SERIES = f"{STUDY}/series/{{series}}"
INSTANCE = f"{SERIES}/instances/{{instance}}"


searching = [
    route("/studies", studies),
    route("/series", series),
    route("/instances", instances),
    route(f"{STUDY}/series", series),
    route(f"{STUDY}/instances", instances),
    route(f"{SERIES}/instances", instances),
]
pictures = [
    route(f"{INSTANCE}/frames/{{frames}}/rendered", rendered),
    route(f"{INSTANCE}/frames/{{frames}}/thumbnail", thumbnail),
    *(route(f"{place}/rendered", rendered) for place in (INSTANCE, SERIES, STUDY)),
    *(route(f"{place}/thumbnail", thumbnail) for place in (INSTANCE, SERIES, STUDY)),
]
retrieving = [
    route(f"{INSTANCE}/frames/{{frames}}", frames),
    route(f"{INSTANCE}/bulkdata/{{path:path}}", bulkdata),
    *(route(f"{place}/metadata", metadata) for place in (INSTANCE, SERIES, STUDY)),
]
storing: list[Route] = [
    route("/studies", store, "POST"),
    route(STUDY, store, "POST"),
    route("/submissions/{submission}/studies", store, "POST"),
    route("/submissions/{submission}/studies/{study}", store, "POST"),
]
objects = [route(place, retrieve) for place in (INSTANCE, SERIES, STUDY)]

known = [*pictures, *retrieving, *searching, *storing, *objects]

service = Door([*known, *telling(known)])
routes: list[BaseRoute] = [Mount("/dicom-web", app=service, name="dicomweb"), route("/wado", wado)]
