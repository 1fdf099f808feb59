"""The REST of GUIDs: codes of people in, labels out. The desk's process serves it, since only that may read the codes."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from invivo import subjects
from invivo.protocols.rest.application import TheActor, TheArchive, new_application

router = APIRouter(tags=["GUIDs"])
Label = Annotated[str, Path(min_length=12, max_length=40, description="such as INV-7K3M-9QXD-Y")]
Code = Annotated[str, Field(min_length=64, max_length=64)]
Codes = Annotated[dict[Annotated[str, Field(max_length=20)], Code], Field(min_length=1, max_length=16)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class GuidPerson(_Asked):
    """The codes of a person by combination, and the number by which the asker knows the answer."""

    row: int = Field(ge=0, le=2**31)
    codes: Codes


class GuidPromotion(_Asked):
    """The codes of the person of a pseudo-GUID."""

    codes: Codes


class GuidCount(_Asked):
    """How many pseudo-GUIDs."""

    count: int = Field(default=1, ge=1, le=subjects.AT_ONCE)


class GuidGiven(BaseModel):
    """A GUID: existing, new, close (a pseudo-GUID until a person decides) or pseudo."""

    model_config = ConfigDict(from_attributes=True)
    guid: str
    kind: str


class GuidRow(GuidGiven):
    """A GUID with the number of the row that it answers."""

    row: int


class GuidKnown(BaseModel):
    """What is known of a GUID."""

    model_config = ConfigDict(from_attributes=True)
    guid: str
    kind: str = Field(description="guid or pseudo")
    alias_of: str | None
    is_waiting: bool = Field(description="a person has to decide whether it is somebody known")
    made_at: datetime


@router.get("/guids/parameters")
def get_parameters(archive: TheArchive, actor: TheActor) -> dict[str, object]:
    """Give the rules and the salt by which codes of people are made for this archive."""
    return subjects.guid_parameters(archive, actor)


@router.post("/guids")
def assign(
    archive: TheArchive,
    actor: TheActor,
    people: Annotated[list[GuidPerson], Field(min_length=1, max_length=subjects.AT_ONCE)],
) -> list[GuidRow]:
    """Give the GUIDs of people by their codes: all of them or none."""
    found = subjects.assign_guids(archive, actor, [one.codes for one in people])
    return [GuidRow(row=asked.row, guid=one.guid, kind=one.kind) for asked, one in zip(people, found, strict=True)]


@router.post("/guids/pseudo", status_code=201)
def make_pseudo(archive: TheArchive, actor: TheActor, asked: GuidCount) -> list[GuidGiven]:
    """Make pseudo-GUIDs for people whose data are lacking."""
    return [GuidGiven.model_validate(one) for one in subjects.pseudo_guids(archive, actor, asked.count)]


@router.post("/guids/{guid}/promotion")
def promote(archive: TheArchive, actor: TheActor, guid: Label, asked: GuidPromotion) -> GuidGiven:
    """Tell the person of a pseudo-GUID by codes; it stays as an alias."""
    return GuidGiven.model_validate(subjects.promote_guid(archive, actor, guid, asked.codes))


@router.get("/guids/{guid}")
def get_guid(archive: TheArchive, actor: TheActor, guid: Label) -> GuidKnown:
    """Say what a GUID is and what it stands for."""
    return GuidKnown.model_validate(subjects.resolve_guid(archive, actor, guid))


_application = new_application("GUIDs", "Pseudonymous identifiers of people. Every operation needs an account.")
_application.include_router(router, prefix="/api")


class ShortAddress:
    """Answer as `/api/desk/guids` and the addresses below it do."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _application(scope, receive, send)
