"""Collections, subjects, studies and series."""

from typing import Annotated, Any

from fastapi import APIRouter, Path

from invivo import accounts, collections, images, releases
from invivo.archive import Archive
from invivo.protocols.rest import writing
from invivo.protocols.rest.application import TheActor, TheArchive
from invivo.protocols.wire import Gone

router = APIRouter(tags=["Catalogue"])
ShortName = Annotated[str, Path(max_length=64)]
Uid = Annotated[str, Path(max_length=64, pattern=r"^[0-9.]+$")]


class Withdrawn(Gone):
    """The series was published once and is withdrawn."""

    code = "series.withdrawn"


@router.get("/collections")
def list_collections(archive: TheArchive, actor: TheActor) -> list[writing.Collection]:
    """List the collections that you may know of."""
    return [writing.Collection.model_validate(one) for one in collections.listed(archive, actor)]


@router.get("/collections/{name}")
def get_collection(archive: TheArchive, actor: TheActor, name: ShortName) -> writing.CollectionPage:
    """Give a collection with its totals and releases."""
    known = collections.collection_named(archive, actor, name)
    totals = images.totals(archive, actor, known.id)
    fields: dict[str, Any] = {
        one: getattr(known, one) for one in writing.CollectionPage.model_fields if hasattr(known, one)
    }
    return writing.CollectionPage(
        **fields,
        totals=writing.Totals.model_validate(totals),
        releases=list_releases(archive, actor, name),
        package=f"{archive.settings.public_url}/collections/{known.short_name}/package.zip",
    )


@router.get("/collections/{name}/releases")
def list_releases(archive: TheArchive, actor: TheActor, name: ShortName) -> list[writing.Release]:
    """List the releases of a collection, newest first."""
    known = collections.collection_named(archive, actor, name)
    return [writing.Release.model_validate(one) for one in releases.releases_of(archive, actor, known.id)]


@router.get("/collections/{name}/subjects/{label}")
def get_subject(
    archive: TheArchive, actor: TheActor, name: ShortName, label: Annotated[str, Path(max_length=200)]
) -> writing.Subject:
    """Give a subject with its series."""
    subject, found = images.find_subject(archive, actor, name, label)
    return writing.Subject(
        collection=found[0].collection,
        label=subject.label,
        sex=subject.sex,
        species=subject.species,
        series=[series_answer(archive, one) for one in found],
    )


@router.get("/studies/{uid}")
def get_study(archive: TheArchive, actor: TheActor, uid: Uid) -> writing.Study:
    """Give a study with its series."""
    study, found = images.find_study(archive, actor, uid)
    fields = {name: getattr(study, name) for name in writing.Study.model_fields if hasattr(study, name)}
    return writing.Study(**fields, study_uid=study.uid, series=[series_answer(archive, one) for one in found])


@router.get("/series/{uid}", responses={410: {"model": writing.Problem, "description": "The series is withdrawn."}})
def get_series(archive: TheArchive, actor: TheActor, uid: Uid) -> writing.SeriesPage:
    """Give a series with its files; a series that was withdrawn answers 410 with the reason."""
    try:
        one = images.find_series(archive, actor, uid)
    except images.UnknownSeries:
        _tell_withdrawn(archive, actor, uid)
        raise
    return writing.SeriesPage(**series_answer(archive, one).model_dump(), files=_files(archive, actor, uid))


@router.get("/series/{uid}/files")
def list_files(archive: TheArchive, actor: TheActor, uid: Uid) -> list[writing.File]:
    """List the files of a series; empty where you may not have them."""
    images.find_series(archive, actor, uid)
    return _files(archive, actor, uid)


def _tell_withdrawn(archive: Archive, actor: accounts.Actor, uid: str) -> None:
    tombstone = releases.tombstone_of(archive, actor, uid)
    if tombstone is not None:
        raise Withdrawn(
            f"The series was withdrawn from {tombstone.collection} with release {tombstone.release_number}"
            f" ({tombstone.reason_class}): {tombstone.reason}"
        )


def series_answer(archive: Archive, one: images.Series) -> writing.Series:
    """Write a series."""
    root = archive.settings.public_url
    fields = {name: getattr(one, name) for name in writing.Series.model_fields if hasattr(one, name)}
    return writing.Series(
        **{**fields, "access": one.effective_access},
        series_uid=one.uid,
        package=f"{root}/series/{one.uid}/package.zip",
        dicomweb=f"{root}/dicom-web/studies/{one.study_uid}/series/{one.uid}",
    )


def _files(archive: Archive, actor: accounts.Actor, uid: str) -> list[writing.File]:
    root = archive.settings.public_url
    return [
        writing.File(
            name=f"{one.uid}.dcm",
            sop_instance_uid=one.uid,
            sop_class_uid=one.sop_class_uid,
            transfer_syntax_uid=one.transfer_syntax_uid,
            number=one.number,
            frames=one.frames,
            size_bytes=one.size_bytes,
            sha256=one.digest,
            url=f"{root}/series/{uid}/instances/{one.uid}.dcm",
        )
        for one in images.instances_of_series(archive, actor, uid)
    ]
