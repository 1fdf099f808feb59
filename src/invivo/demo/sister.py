"""Beside the collection with a history: a controlled sister with applications, and results that were made from it."""

import re
from dataclasses import dataclass

from invivo import accounts, collections, notices, submissions
from invivo.demo.phantom import write_series
from invivo.demo.plan import CLINICAL, SMOOTHED, TRIAL
from invivo.demo.stage import HEADS, Stage, approve, items_of, publish
from invivo.errors import Broken

_OFFICIAL = "official@example.org"
_AGREEMENT = (
    "# Terms for the clinical part\n\n1. The data are used for the purpose of the application and nothing else.\n"
    "2. Nobody tries to find out who a subject is.\n3. Copies are deleted when the approval ends.\n"
)
_DRAFTS = {
    CLINICAL: collections.Draft(
        CLINICAL,
        "Two-centre trial, clinical part",
        licence="LicenseRef-restricted",
        access="controlled",
        summary="The subjects of the trial with what was found clinically; for approved research.",
        description="Metadata are public. Apply for the images: a committee decides, after your signing official has confirmed.",
        contacts="trial@example.org",
        species=("Phantom",),
        sites=("Brain",),
    ),
    SMOOTHED: collections.Draft(
        SMOOTHED,
        "Smoothed T1 of the two-centre trial",
        access="open",
        summary="Results that others made from the trial: its T1 after a filter.",
        description="Each slice of T1 was smoothed six times along both axes.",
        contacts="smoothed@example.org",
        species=("Phantom",),
        sites=("Brain",),
    ),
}


@dataclass(frozen=True, slots=True)
class Sisters:
    """Numbers of both collections, and their deliveries."""

    clinical: int
    smoothed: int
    deliveries: tuple[tuple[int, int], ...]


def begin(stage: Stage) -> Sisters:
    """Make both collections and deliver into them."""
    archive, admin = stage.archive, stage.who("admin")
    clinical, smoothed = (collections.create(archive, admin, draft).id for draft in _DRAFTS.values())
    for number in (clinical, smoothed):
        collections.add_member(archive, admin, number, stage.person("owner"), "owner")
    sent = []
    for number, heads, kind in ((clinical, HEADS[6:8], "T1"), (smoothed, HEADS[:1], "T1 smoothed")):
        delivery = submissions.open_submission(archive, stage.who("owner"), number, "First delivery").id
        files = [path for head in heads for path in write_series(stage.scratch / str(number), head, kind)]
        stage.send("owner", delivery, files)
        sent.append((number, delivery))
    return Sisters(clinical, smoothed, tuple(sent))


def publish_both(stage: Stage, sisters: Sisters) -> None:
    """Approve and publish what came, and say what was made from what."""
    for number, delivery in sisters.deliveries:
        approve(stage, items_of(stage, number, delivery), "curator")
        publish(stage, number, "First release.")
    collections.set_sources(stage.archive, stage.who("owner"), sisters.smoothed, [TRIAL])


def apply_for(stage: Stage, sisters: Sisters) -> tuple[str, str]:
    """Let applications be approved, be declined, and wait for a vote or for an official; return the links of a signing official and of a reviewer."""
    archive, owner, number = stage.archive, stage.who("owner"), sisters.clinical
    collections.add_member(archive, owner, number, stage.person("committee"), "committee")
    collections.set_access_policy(archive, owner, number, collections.AccessPolicy(term_months=12))
    collections.add_agreement(archive, owner, number, _AGREEMENT)
    _decided(
        stage,
        number,
        "researcher",
        "Stability of segmentation between scanners",
        "approve",
        "Sound, and well supervised.",
    )
    _decided(
        stage,
        number,
        "visitor",
        "Looking around",
        "decline",
        "The purpose is not said; please apply again with a plan.",
    )
    _submitted(stage, number, "coordinator", "Second opinion on the lesions of South", "Kim Coordinator")
    collections.official_answers(archive, _official_secret(stage), confirms=True)
    _submitted(stage, number, "visitor", "Teaching set of FLAIR lesions", "Vera Visitor")
    reviewer, _ = collections.make_link(
        archive, stage.who("owner"), number, "Reviewers of the article", 60, is_blind=True
    )
    return _official_link(stage), reviewer


def _submitted(stage: Stage, number: int, name: str, title: str, signature: str) -> collections.Request:
    archive, actor = stage.archive, stage.who(name)
    draft = collections.RequestDraft(
        title,
        "We compare methods on images of both centres, and publish code and results.",
        "Institute of Examples",
        collaborators="Two doctoral students of the institute",
        official_name="Olga Official",
        official_email=_OFFICIAL,
    )
    request = collections.write_request(archive, actor, number, draft)
    return collections.submit_request(archive, actor, request.id, version=1, name=signature)


def _decided(stage: Stage, number: int, name: str, title: str, choice: str, reason: str) -> None:  # noqa: PLR0913
    archive, signature = stage.archive, stage.who(name).label or name
    request = _submitted(stage, number, name, title, signature)
    collections.official_answers(archive, _official_secret(stage), confirms=True)
    conditions = "Send the article before it appears." if choice == "approve" else ""
    collections.vote(archive, stage.who("committee"), request.id, choice, reason, conditions=conditions)


def _official_link(stage: Stage) -> str:
    """Read the newest mail to the signing official, as an administrator of an archive without a mail server does."""
    with stage.archive.database.transaction() as tx:
        waiting = [mail for mail in notices.outbox(tx) if mail.address == _OFFICIAL]
    found = re.search(r"\S+/official/\S+", waiting[-1].sealed) if waiting else None
    if found is None:
        raise Broken("The signing official got no link.", code="demo.no-link")
    return found.group()


def _official_secret(stage: Stage) -> str:
    return _official_link(stage).rpartition("/")[2]


def introduce(stage: Stage) -> None:
    """Let the researcher say where they work."""
    actor: accounts.Actor = stage.who("researcher")
    accounts.change_profile(
        *(stage.archive, actor),
        display_name="Rhea Researcher",
        affiliation="Institute of Examples",
        country="CH",
        orcid="0000-0001-5109-3700",
    )
