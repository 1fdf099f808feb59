"""The REST of withdrawing: what it would take out, and doing it. A part of the desk."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from invivo import collections, releases
from invivo.errors import NotFound
from invivo.protocols.rest import writing
from invivo.protocols.rest.application import TheActor, TheArchive
from invivo.protocols.rest.catalogue import ShortName, Uid

router = APIRouter()
Scope = Literal["onward", "everywhere"]
Names = Annotated[list[str] | None, Query(max_length=1000)]
_SCOPE = "onward: older releases keep it; everywhere: no release shows it any more"


class Withdrawal(BaseModel):
    """Subjects, studies and series to withdraw; the reason is public."""

    model_config = ConfigDict(extra="forbid")
    subjects: list[str] = Field([], max_length=10_000)
    studies: list[str] = Field([], max_length=10_000)
    series: list[str] = Field([], max_length=10_000)
    reason_class: str = Field(max_length=20, description="privacy, consent, quality, duplicate, legal or other")
    reason: str = Field(min_length=1, max_length=2000)
    scope: Scope = Field("onward", description=_SCOPE)
    expected: int | None = Field(None, ge=1, description="how many series the plan showed; if it is another, 409")


class Leaving(BaseModel):
    """A series that would be withdrawn."""

    model_config = ConfigDict(from_attributes=True)
    uid: str
    study_uid: str
    subject: str
    modality: str
    instance_count: int
    size_bytes: int
    is_current: bool
    is_on_hold: bool


class Plan(BaseModel):
    """What withdrawing would do; ``unknown`` was named and is not there."""

    series: list[Leaving]
    unknown: list[str]
    instance_count: int
    size_bytes: int


@router.get("/collections/{name}/withdrawal", tags=["Curating"])
def plan(
    archive: TheArchive,
    actor: TheActor,
    name: ShortName,
    subject: Names = None,
    study: Names = None,
    series: Names = None,
    scope: Annotated[Scope, Query(description=_SCOPE)] = "onward",
) -> Plan:
    """Say what withdrawing subjects, studies and series would take out; each parameter may come several times."""
    known = collections.collection_named(archive, actor, name)
    named = releases.Named(tuple(subject or ()), tuple(study or ()), tuple(series or ()))
    found = releases.plan_withdrawal(archive, actor, known.id, named, scope)
    return Plan(
        series=[Leaving.model_validate(one) for one in found.series],
        unknown=list(found.unknown),
        instance_count=found.instance_count,
        size_bytes=found.size_bytes,
    )


@router.post("/collections/{name}/withdrawal", status_code=201, tags=["Curating"])
def withdraw(archive: TheArchive, actor: TheActor, name: ShortName, asked: Withdrawal) -> writing.Published:
    """Withdraw subjects, studies and series, all of them or none; a tombstone with the reason stays of each series."""
    known = collections.collection_named(archive, actor, name)
    named = releases.Named(tuple(asked.subjects), tuple(asked.studies), tuple(asked.series))
    found = releases.plan_withdrawal(archive, actor, known.id, named, asked.scope)
    if found.unknown:
        raise NotFound(
            f"{len(found.unknown)} of what is named is not there; nothing was withdrawn.",
            code="release.withdrawal-unknown",
        )
    number = releases.withdraw_named(
        *(archive, actor, known.id, named, asked.reason_class, asked.reason),
        scope=asked.scope,
        expected=len(found.series) if asked.expected is None else asked.expected,
    )
    return writing.Published(number=number)


@router.post("/series/{uid}/withdrawal", status_code=201, tags=["Curating"])
def withdraw_series(archive: TheArchive, actor: TheActor, uid: Uid, asked: writing.Withdrawal) -> writing.Published:
    """Take a series out of the current release; a tombstone with the reason stays."""
    known = collections.collection_named(archive, actor, asked.collection)
    number = releases.withdraw(archive, actor, known.id, uid, asked.reason_class, asked.reason)
    return writing.Published(number=number)
