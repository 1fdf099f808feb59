"""Addresses of DICOMweb and the functions that answer them."""

from starlette.routing import BaseRoute, Mount, Route

from invivo.protocols.dicomweb.capabilities import telling
from invivo.protocols.dicomweb.door import Address, Service
from invivo.protocols.dicomweb.pictures import rendered, thumbnail
from invivo.protocols.dicomweb.pixels import bulkdata, frames
from invivo.protocols.dicomweb.queries import instances, series, studies
from invivo.protocols.dicomweb.retrieval import metadata, retrieve
from invivo.protocols.dicomweb.storing import store
from invivo.protocols.dicomweb.uri import wado

STUDY = "/studies/{study}"
SERIES = f"{STUDY}/series/{{series}}"
INSTANCE = f"{SERIES}/instances/{{instance}}"


searching = [
    Address("/studies", studies),
    Address("/series", series),
    Address("/instances", instances),
    Address(f"{STUDY}/series", series),
    Address(f"{STUDY}/instances", instances),
    Address(f"{SERIES}/instances", instances),
]
pictures = [
    Address(f"{INSTANCE}/frames/{{frames}}/rendered", rendered),
    Address(f"{INSTANCE}/frames/{{frames}}/thumbnail", thumbnail),
    *(Address(f"{place}/rendered", rendered) for place in (INSTANCE, SERIES, STUDY)),
    *(Address(f"{place}/thumbnail", thumbnail) for place in (INSTANCE, SERIES, STUDY)),
]
retrieving = [
    Address(f"{INSTANCE}/frames/{{frames}}", frames),
    Address(f"{INSTANCE}/bulkdata/{{path:path}}", bulkdata),
    *(Address(f"{place}/metadata", metadata) for place in (INSTANCE, SERIES, STUDY)),
]
storing: list[Route] = [
    Address("/studies", store, "POST"),
    Address(STUDY, store, "POST"),
    Address("/submissions/{submission}/studies", store, "POST"),
    Address("/submissions/{submission}/studies/{study}", store, "POST"),
]
objects = [Address(place, retrieve) for place in (INSTANCE, SERIES, STUDY)]

known = [*pictures, *retrieving, *searching, *storing, *objects]

service = Service([*known, *telling(known)])
routes: list[BaseRoute] = [Mount("/dicom-web", app=service, name="dicomweb"), Address("/wado", wado)]
