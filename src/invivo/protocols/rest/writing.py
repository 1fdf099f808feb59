"""The shapes that REST answers with, as the OpenAPI document describes them."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Collection(_Answer):
    """A collection as a list shows it."""

    short_name: str
    title: str
    summary: str
    licence: str
    access: str = Field(description="open, registered, controlled, embargoed or private")
    species: list[str]
    sites: list[str]
    diseases: list[str]
    embargo_until: date | None
    state: str


class Release(_Answer):
    """A numbered release."""

    number: int
    notes: str
    licence: str
    access: str
    published_at: datetime
    series_added: int
    series_revised: int
    series_withdrawn: int
    instance_count: int
    size_bytes: int


class Totals(_Answer):
    """Counts over what you may see."""

    subjects: int
    studies: int
    series: int
    instances: int
    size_bytes: int
    modalities: list[str]


class CollectionPage(Collection):
    """A collection with all that its page says."""

    description: str = Field(description="Markdown")
    contacts: str
    funding: str
    acknowledgement: str
    terms: str
    totals: Totals
    releases: list[Release]
    package: str = Field(description="Address of the whole collection as a ZIP")


class Found(_Answer):
    """A page of a search."""

    total: int = Field(description="Exact number of rows in the whole answer")
    after: int | None = Field(description="Give this as `after` to get the next page; null at the end")
    token: str | None = Field(
        None, description="Give this as `token` to get the next page in any order; null at the end"
    )
    rows: list[dict[str, Any]]


class SavedQuery(_Answer):
    """A query that the asker keeps."""

    name: str
    query: str = Field(description="In the query language: ask /api/search with it as `q`")
    is_shared: bool
    is_subscribed: bool
    link: str = Field(description="Address of the page; whoever has it may open a shared one")
    created_at: datetime


class FacetValue(_Answer):
    """A value of a field and how many series have it."""

    value: str
    series: int


class Facet(_Answer):
    """A field with its most frequent values."""

    name: str
    title: str
    values: list[FacetValue]


class File(_Answer):
    """A DICOM file of a series."""

    name: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    number: int | None
    frames: int
    size_bytes: int
    sha256: str
    url: str


class Series(_Answer):
    """A series."""

    series_uid: str
    study_uid: str
    collection: str
    subject: str
    modality: str
    number: int | None
    description: str | None
    series_date: date | None
    body_part: str | None
    laterality: str | None
    protocol: str | None
    manufacturer: str | None
    model: str | None
    slice_thickness_mm: float | None
    pixel_spacing_mm: float | None
    kvp: float | None
    rows: int | None
    columns: int | None
    instance_count: int
    frame_count: int
    size_bytes: int
    sop_classes: list[str]
    transfer_syntaxes: list[str]
    licence: str
    access: str
    quality: str | None = Field(description="usable, questionable or unusable; null: nobody has said")
    revision: int
    first_release: int
    package: str = Field(description="Address of the series as a ZIP")
    dicomweb: str = Field(description="Address of the series for DICOMweb")


class SeriesPage(Series):
    """A series with its files; without them where you may not have them."""

    files: list[File]


class Study(_Answer):
    """A study with its series."""

    study_uid: str
    collection: str
    subject: str
    study_date: date | None
    study_time: str | None
    study_id: str | None
    accession_number: str | None
    description: str | None
    patient_age: str | None
    series: list[Series]


class Subject(_Answer):
    """A subject with its series."""

    collection: str
    label: str
    sex: str | None
    species: str | None
    series: list[Series]


class Membership(_Answer):
    """Your roles in a collection."""

    collection_id: int
    roles: list[str]


class Me(_Answer):
    """Who you are."""

    name: str
    label: str
    is_anonymous: bool
    site_roles: list[str]
    scopes: list[str] | None = Field(description="What the API token allows; null without a token")
    memberships: list[Membership]


class Submission(_Answer):
    """A delivery into a collection."""

    id: int
    collection: str
    title: str
    state: str
    created_at: datetime
    uploads: str = Field(description="Address for resumable uploads (tus 1.0)")
    store: str = Field(description="Address for STOW-RS")


class NewSubmission(BaseModel):
    """A submission to open."""

    model_config = ConfigDict(extra="forbid")
    collection: str = Field(max_length=64)
    title: str = Field(min_length=1, max_length=200)


class Problem(BaseModel):
    """Problem details (RFC 9457) with a stable code."""

    type: str
    title: str
    status: int
    detail: str
    code: str


# ---- the desk ------------------------------------------------------------------------------------------------------


class HeldObject(_Answer):
    """An object that has arrived."""

    id: int
    state: str
    reason_code: str
    reason: str
    door: str
    kind: str
    modality: str
    received_at: datetime
    name: str
    size_bytes: int


class Progress(_Answer):
    """How far a submission's objects are."""

    counts: dict[str, int]
    uploads_waiting: int
    newest: list[HeldObject]


class Item(_Answer):
    """An item of the review queue."""

    id: int
    collection: str
    submission_id: int
    state: str
    opened_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    reason: str
    kind: str
    modality: str
    subject_label: str
    object_count: int
    stuck_count: int
    conflict_count: int
    worst: str


class Queue(_Answer):
    """A page of the review queue."""

    total: int
    after: int | None
    items: list[Item]


class Finding(_Answer):
    """What a check found."""

    severity: str
    code: str
    path: str
    text: str


class ItemPage(Item):
    """An item with its findings."""

    findings: list[Finding]


class Decision(BaseModel):
    """A decision on items: all of them or none."""

    model_config = ConfigDict(extra="forbid")
    items: list[int] = Field(min_length=1, max_length=1000)
    verdict: str = Field(description="approve, reject, defer or reopen", max_length=20)
    reason: str = Field("", max_length=2000)


class Decided(BaseModel):
    """The state of each item afterwards."""

    states: dict[int, str]


class Change(BaseModel):
    """A change in the archive."""

    seq: int = Field(description="Its number; they grow, with gaps.")
    at: datetime
    kind: str = Field(description="created, revised, withdrawn, released or policy")
    collection: str
    release: int | None = Field(description="Number of the release; none of a policy.")
    series_uid: str | None = Field(description="Of created, revised and withdrawn.")


class Changes(BaseModel):
    """A part of the feed of changes."""

    changes: list[Change]
    after: int = Field(description="Ask with this next, now or later.")
    is_more: bool = Field(description="Whether there are more already.")


class PreviewSeries(BaseModel):
    """A series that the next release would add or revise."""

    series_uid: str
    modality: str
    subject: str
    objects: int
    size_bytes: int
    is_new: bool


class Preview(BaseModel):
    """What publishing now would do."""

    number: int
    blocking: int
    deferred: int
    size_bytes: int
    series: list[PreviewSeries]


class NewRelease(BaseModel):
    """A release to publish."""

    model_config = ConfigDict(extra="forbid")
    notes: str = Field("", max_length=10_000)


class Withdrawal(BaseModel):
    """A series to withdraw; the reason is public."""

    model_config = ConfigDict(extra="forbid")
    collection: str = Field(max_length=64)
    reason_class: str = Field(max_length=20, description="privacy, consent, quality, duplicate, legal or other")
    reason: str = Field(min_length=1, max_length=2000)


class AskedRelease(_Answer):
    """A release that the worker makes: how far it is, what blocks it, and its number when it is made."""

    id: int
    state: str
    due_at: datetime
    blocked: str
    series_total: int
    series_done: int
    number: int | None
    ended_at: datetime | None


class Published(BaseModel):
    """The number of the release."""

    number: int
