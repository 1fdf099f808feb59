"""What the demo holds: people, collections, and which sample goes where."""

from dataclasses import dataclass, field
from pathlib import Path

from invivo import collections
from invivo.demo.sample import Sample

OPEN, REGISTERED, WAITING, IN_HOUSE = "DEMO-ATLAS", "DEMO-BRAIN", "DEMO-INTAKE", "DEMO-WARD"
TRIAL, CLINICAL, SMOOTHED = "DEMO-TRIAL", "DEMO-TRIAL-CLINICAL", "DEMO-TRIAL-SMOOTHED"  # made by `history` and `sister`

PEOPLE = {
    # account: (display name, site roles, {collection: role})
    "visitor": ("Vera Visitor", (), {}),
    "submitter": ("Sam Submitter", (), {OPEN: "submitter", REGISTERED: "submitter", WAITING: "submitter"}),
    "curator": ("Cora Curator", ("curator",), {}),
    "owner": ("Odile Owner", (), {OPEN: "owner", REGISTERED: "owner", WAITING: "owner", IN_HOUSE: "owner"}),
    "admin": ("Ada Admin", ("administrator",), {}),
    "researcher": ("Rhea Researcher", (), {}),
    "coordinator": ("Kim Coordinator", (), {}),
    "reader": ("Rory Reader", (), {}),
    "committee": ("Mona Member", (), {}),
    "editor": ("Eddie Editor", (), {}),
}
SCOPES = {
    "visitor": ("read",),
    "submitter": ("read", "submit"),
    "curator": ("read", "submit", "curate"),
    "owner": ("read", "submit", "curate"),
    "admin": ("read", "submit", "curate", "administer"),
    "researcher": ("read",),
    "coordinator": ("read", "submit"),
    "reader": ("read", "curate"),
    "committee": ("read", "curate"),
    "editor": ("read", "curate"),
}

DRAFTS = (
    collections.Draft(
        OPEN,
        "Atlas of imaging modalities",
        licence="CC-BY-4.0",
        access="open",
        summary="One or more series of each of many modalities, from test objects that open-source packages ship.",
        description=(
            "## What it is\n\nSample objects of **CT, MR, US, CR, NM, SR, SEG, RT** and more, gathered from the test data of "
            "`pydicom`, `pydicom-data` and `nibabel`. They came in by DIMSE, were de-identified with the profile *tcia*, looked at "
            "by a curator, and released.\n\n## What it is for\n\n- trying a viewer or a download\n- seeing how odd objects look here\n"
        ),
        contacts="atlas@example.org",
        funding="None; made for the demonstration of invivo.",
        acknowledgement="The maintainers of pydicom, pydicom-data and nibabel.",
        species=("Human", "Phantom"),
        sites=("Brain", "Chest", "Abdomen", "Heart"),
    ),
    collections.Draft(
        REGISTERED,
        "Brain MR for teaching",
        licence="CC-BY-NC-4.0",
        access="registered",
        summary="Functional and structural MR of the brain; metadata for everybody, downloads with an account.",
        description="A functional run of 24 slices and small structural series. Sent by **STOW-RS**.",
        contacts="brain@example.org",
        species=("Human",),
        sites=("Brain",),
        profile="basic",
        profile_options=("clean_descriptors", "retain_modified_dates", "retain_patient_characteristics"),
    ),
    collections.Draft(
        WAITING,
        "Intake of a multi-centre study",
        licence="CC-BY-4.0",
        access="open",
        summary="A delivery that a curator is just going through: log in as curator and settle it.",
        description="Sent as a ZIP through the upload page. Some series wait for a decision, some files are damaged.",
        contacts="intake@example.org",
        species=("Human",),
        sites=("Various",),
        review_rule="person",
    ),
    collections.Draft(
        IN_HOUSE,
        "Ward archive, released on receipt",
        licence="LicenseRef-in-house",
        access="registered",
        summary="An in-house archive: what any DICOM sender on this machine stores is searchable within a second or so.",
        description="Send something: `storescu 127.0.0.1 11112 FILE` and look here again.",
        contacts="ward@example.org",
        species=("Human",),
        sites=("Various",),
        review_rule="on-receipt",
        profile="tcia",
    ),
)


@dataclass
class Shares:
    """Which files go into which collection."""

    by_collection: dict[str, list[Path]] = field(
        default_factory=lambda: {OPEN: [], REGISTERED: [], WAITING: [], IN_HOUSE: []}
    )


def share(found: list[Sample]) -> Shares:
    """Sort samples into the collections, whole studies together."""
    shares = Shares()
    studies: dict[str, list[Sample]] = {}
    for sample in found:
        studies.setdefault(sample.study_uid, []).append(sample)
    for number, members in enumerate(studies.values()):
        name = _collection_for(members, number)
        shares.by_collection[name] += [sample.path for sample in members]
    return shares


def _collection_for(members: list[Sample], number: int) -> str:
    modalities = {sample.modality for sample in members}
    parts = set(members[0].path.parts)
    if "98892003" in parts or "mr-brain-ge-16" in parts or "nicom" in parts:
        return REGISTERED
    if "77654033" in parts or "mr-epi-ge" in parts:
        return IN_HOUSE
    if modalities <= {"OT", ""} or (modalities <= {"US", "CR", "NM"} and number % 3 == 0):
        return WAITING
    return OPEN
