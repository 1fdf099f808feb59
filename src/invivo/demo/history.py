"""A collection with a history: from a proposal to its third release and the work that waits, by the verbs that people use."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx

from invivo import accounts, client, collections, releases, reviews, submissions
from invivo.demo.phantom import write_series
from invivo.demo.plan import TRIAL
from invivo.demo.stage import HEADS, NORTH, SOUTH, Stage, approve, edit, items_of, publish, record

_DONE = ("done", "")
_ALL_STEPS: Mapping[str, tuple[str, str]] = {
    "import": ("done", "Counted against what the sites announced."),
    "subjects": _DONE,
    "counts": _DONE,
    "duplicates": _DONE,
    "consistency": ("remarks", "South names its building with the scanner; see the values."),
    "iod": _DONE,
    "visual": ("done", "Two readers."),
    "values": _DONE,
    "references": ("not-applicable", "No segmentations in this collection."),
    "removed": ("not-applicable", "Nothing was bad."),
    "compared": _DONE,
}
_DESCRIPTION = (
    "## What it is\n\nT1 and FLAIR of phantoms of the head from two centres, read by two people before each release. "
    "Every picture is drawn by a program; no person is in it.\n\n## What it shows\n\n- a proposal, its agreement, two sites and "
    "their deliveries\n- three releases, with a revised and a withdrawn series\n- work that waits for a curator and a second reader\n"
)


@dataclass(frozen=True, slots=True)
class Trial:
    """Numbers of the collection and of its deliveries, and the secret of the link that South sends by."""

    collection_id: int
    north: int
    south: int
    south_site: int
    upload_secret: str


def propose(stage: Stage) -> Trial:
    """Take the proposal through committee and agreement, then set up sites, people and what is announced."""
    archive, admin = stage.archive, stage.who("admin")
    for name in ("committee", "owner"):
        submissions.appoint(archive, admin, stage.person(name))
    opened = _agreed(stage, _accepted(stage))
    assert opened.collection_id is not None and opened.submission_id is not None
    collection_id = opened.collection_id
    collections.add_member(archive, admin, collection_id, stage.person("owner"), "owner")
    for name, role in (("reader", "curator"), ("editor", "editor")):
        collections.add_member(archive, stage.who("owner"), collection_id, stage.person(name), role)
    edit(
        *(stage, stage.who("owner"), collection_id),
        access="open",
        is_listed=True,
        summary="Two centres, two readers, three releases: a collection with everything that happens to one.",
        description=_DESCRIPTION,
        contacts="trial@example.org",
        funding="None; made for the demonstration of invivo.",
        species=("Phantom",),
        sites=("Brain",),
    )
    return _with_sites(stage, collection_id, opened.submission_id)


def _accepted(stage: Stage) -> submissions.Proposal:
    archive, submitter, member = stage.archive, stage.who("submitter"), stage.who("committee")
    answers = {
        "institution": f"{NORTH} and {SOUTH}; Sam Submitter speaks for both.",
        "purpose": "T1 and FLAIR of the head from two scanners of one model, to compare segmentation between sites.",
        "modalities": "MR",
        "subjects": "6",
        "size_gb": "0.1",
        "species": "Phantoms",
        "consent": "Not needed for these data",
        "faces": "No",
    }
    title = "Two-centre trial of head phantoms"
    proposal = submissions.begin_proposal(archive, submitter, title, answers)
    letter = b"The board has seen the plan of the trial and has no objection.\n"
    submissions.attach_to_proposal(archive, submitter, proposal.id, "approval", "letter-of-the-board.txt", [letter])
    submissions.submit_proposal(archive, submitter, proposal.id)
    submissions.vote(archive, stage.who("owner"), proposal.id, "accept", "Small, well described, useful for teaching.")
    submissions.decide_proposal(
        *(archive, member, proposal.id, "accept", "Fits the archive; both sites have delivered before."),
        message="Welcome. Please announce what each site will send.",
    )
    return proposal


def _agreed(stage: Stage, proposal: submissions.Proposal) -> submissions.Proposal:
    archive = stage.archive
    version = submissions.agreement_in_force(archive).version
    submissions.sign_agreement(archive, stage.who("submitter"), proposal.id, version, "Sam Submitter")
    opening = submissions.Opening(TRIAL, licence="CC-BY-4.0", review_rule="two-persons")
    return submissions.countersign(archive, stage.who("committee"), proposal.id, "Mona Member", opening)


def _with_sites(stage: Stage, collection_id: int, north_id: int) -> Trial:
    archive, owner = stage.archive, stage.who("owner")
    north = submissions.add_site(archive, owner, collection_id, "NORTH", NORTH, "north@example.org")
    south = submissions.add_site(archive, owner, collection_id, "SOUTH", SOUTH, "south@example.org")
    submissions.add_coordinator(archive, owner, collection_id, south.id, stage.person("coordinator"))
    submissions.set_submission_site(archive, owner, north_id, north.id)
    south_id = submissions.open_submission(archive, owner, collection_id, "Everything of South").id
    submissions.set_submission_site(archive, owner, south_id, south.id)
    sender = submissions.add_sender(archive, owner, south_id, calling_aet="SOUTH-MR1")
    submissions.set_sender_site(archive, owner, sender.id, south.id)
    announced = submissions.Expected("MR", subjects=3, studies=3, series=6)
    submissions.announce(archive, stage.who("submitter"), north_id, [announced])
    due = archive.clock().date() + timedelta(days=21)
    coordinator = stage.who("coordinator")
    submissions.announce(archive, coordinator, south_id, [replace(announced, due=due)])
    _, secret = submissions.make_link(
        *(archive, coordinator, south_id, "MR technician of South, without an account"),
        days=30,
        max_bytes=1 << 30,
        site_id=south.id,
    )
    return Trial(collection_id, north_id, south_id, south.id, secret)


def deliver(stage: Stage, trial: Trial) -> None:
    """Let both sites send: North all of it, South five series of six, one of them by the upload link."""
    folder = stage.scratch / "trial"
    north = [path for head in HEADS[:3] for kind in ("T1", "FLAIR") for path in write_series(folder, head, kind)]
    south = [path for head in HEADS[3:5] for kind in ("T1", "FLAIR") for path in _of_south(stage, head.number, kind)]
    stage.send("submitter", trial.north, north)
    stage.send("coordinator", trial.south, south)
    headers = {"Invivo-Deposit": trial.upload_secret}
    with httpx.Client(base_url=stage.archive.settings.public_url, headers=headers, timeout=120) as http:
        for path in _of_south(stage, 6, "T1"):
            client.send_file(http, path)


def _of_south(stage: Stage, number: int, kind: str) -> list[Path]:
    return write_series(stage.scratch / "trial", HEADS[number - 1], kind, word="(south wing)")


def first_release(stage: Stage, trial: Trial) -> None:
    """Read North's delivery by two people, record the checklist, credit, publish and name it."""
    archive, owner, collection_id = stage.archive, stage.who("owner"), trial.collection_id
    reviews.set_checklist(archive, stage.who("curator"), collection_id, reviews.default_steps())
    items = items_of(stage, collection_id, trial.north)
    approve(stage, items, "curator", "reader")
    record(stage, collection_id, _ALL_STEPS)
    _put_off(stage, trial)
    releases.write_credit(archive, owner, collection_id, _credit())
    publish(stage, collection_id, "The six series of North.")
    for number in (0, 1):
        releases.want_identifier(archive, owner, collection_id, number, "findable")
    _put_off(stage, trial, is_over=True)


def _put_off(stage: Stage, trial: Trial, *, is_over: bool = False) -> None:
    """Defer what is not to block a release; take it up again when it is made."""
    found = items_of(stage, trial.collection_id, trial.south)
    verdict, reason = ("reopen", "") if is_over else ("defer", "Comes with the next release.")
    states = ("deferred",) if is_over else ("open",)
    chosen = [item.id for item in found if item.state in states]
    if chosen:
        reviews.decide(stage.archive, stage.who("curator"), chosen, verdict, reason)


def _credit() -> releases.Credit:
    return releases.Credit(
        creators=(
            releases.Creator("Submitter, Sam", orcid="0000-0002-1825-0097", affiliation=NORTH),
            releases.Creator("Coordinator, Kim", affiliation=SOUTH),
        ),
        funders=(releases.Funder("Fund for Demonstrations", award="DEMO-42"),),
        related=(releases.Related("IsDocumentedBy", "URL", "https://example.org/trial-protocol"),),
        keywords=("phantom", "MR", "multi-centre"),
        methods="Two scanners of one model; T1 and FLAIR, five slices of 5 mm. Read by two people.",
    )


def later_releases(stage: Stage, trial: Trial) -> None:
    """Revise one series of North and add a subject of South; then withdraw a series."""
    archive, collection_id = stage.archive, trial.collection_id
    more = items_of(stage, collection_id, trial.north)
    south = items_of(stage, collection_id, trial.south)
    label = Counter(item.subject_label for item in south).most_common(1)[0][0]  # a subject of whom both series are here
    first = [item for item in south if item.subject_label == label]
    approve(stage, [*more, *first], "curator", "reader")
    releases.choose_licence(archive, stage.who("owner"), collection_id, "subject", label, "CC-BY-NC-4.0")
    record(stage, collection_id, _ALL_STEPS)
    _put_off(stage, trial)
    publish(stage, collection_id, "One series of North has two slices more; the first subject of South.")
    releases.withdraw(
        *(archive, stage.who("owner"), collection_id, stage.series(TRIAL, first_release=1, instance_count=5)[0]),
        reason_class="consent",
        reason="The subject no longer wishes this series to be shared.",
    )
    _put_off(stage, trial, is_over=True)


def what_waits(stage: Stage, trial: Trial) -> None:
    """Leave something to each: a series to the second reader, a batch to the curator, letters, a release under embargo."""
    archive, collection_id, owner = stage.archive, trial.collection_id, stage.who("owner")
    people = [stage.person("curator")]
    reviews.make_batches(archive, stage.who("curator"), collection_id, name="The rest of South", people=people)
    left = items_of(stage, collection_id, trial.south)
    approve(stage, left[:1], "curator")
    approve(stage, left[1:2], "curator", "reader")
    record(
        stage, collection_id, {"import": ("remarks", "One series of the last subject is missing."), "subjects": _DONE}
    )
    _letters(stage, trial)
    due = archive.clock() + timedelta(days=30)
    releases.schedule(archive, owner, collection_id, due, "The rest of South, with the article.", is_embargo=True)


def _letters(stage: Stage, trial: Trial) -> None:
    archive = stage.archive
    submissions.write_letter(
        *(archive, stage.who("curator"), trial.south),
        "The FLAIR of your last subject has not come; five of six series are here. Is it on its way?",
    )
    submissions.write_letter(
        *(archive, stage.who("coordinator"), trial.south),
        "The scanner was in repair. Our technician sends it by the upload link next week.",
    )
    submissions.write_letter(
        *(archive, stage.who("curator"), trial.south),
        "Thank you. Please take the building out of the name of your scanner, too.",
    )


def send_revision(stage: Stage, trial: Trial) -> None:
    """Send two slices more of a series that is released already."""
    stage.send("submitter", trial.north, write_series(stage.scratch / "trial", HEADS[0], "FLAIR", range(5, 7)))


def editor_link(stage: Stage, trial: Trial) -> str:
    """Make the link by which the journal's editor releases what is scheduled; return its address."""
    owner: accounts.Actor = stage.who("owner")
    return releases.make_editor_link(stage.archive, owner, trial.collection_id, "Journal of Demonstrations", 60)[0]
