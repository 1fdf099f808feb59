"""What the scenes of the demo share: who acts, how something is delivered, and how a curator's work is done."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import httpx

from invivo import accounts, collections, quarantine, releases, reviews
from invivo.archive import Archive
from invivo.demo.delivery import send_by_stow
from invivo.demo.phantom import Head
from invivo.errors import Broken

PATIENCE_S = 600.0
NORTH, SOUTH = "Northern University Hospital", "Southgate Clinic"
HEADS = tuple(
    Head(number, name, f"{'N' if number < 4 else 'S'}-{8000 + number}", NORTH if number < 4 else SOUTH)
    for number, name in enumerate(
        ("Abel^Anna", "Bruno^Ben", "Cramer^Cleo", "Dorn^Dana", "Egger^Emil", "Falk^Fina", "Gruber^Gil", "Huber^Hanna"),
        1,
    )
)


@dataclass(frozen=True, slots=True)
class Stage:
    """The archive, what people sign in with, and a folder for files on their way."""

    archive: Archive
    secrets: Mapping[str, Mapping[str, str]]
    scratch: Path

    def who(self, name: str) -> accounts.Actor:
        """Return somebody with the rights that they have by now."""
        return accounts.actor_of_person(self.archive, self.person(name))

    def person(self, name: str) -> int:
        return accounts.person_named(self.archive, name).id

    def send(self, name: str, submission_id: int, files: Sequence[Path]) -> None:
        """Deliver files by STOW-RS with somebody's token."""
        send_by_stow(self.archive.settings.public_url, self.secrets[name]["token"], submission_id, files)

    def series(self, collection: str, **wanted: object) -> list[str]:
        """Return the UIDs of the released series of a collection, as a search finds them, with some properties."""
        found = httpx.get(
            f"{self.archive.settings.public_url}/api/search",
            params={"collection": collection, "limit": 100},
            timeout=60,
        )
        rows = [row for row in found.json()["rows"] if all(row[name] == value for name, value in wanted.items())]
        return [str(row["series_uid"]) for row in rows]


def await_processed(archive: Archive, submission_ids: Sequence[int]) -> None:
    """Wait until the worker has taken everything that was received to its review item."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with archive.database.transaction() as tx:
            counts = [quarantine.counts_of_submission(tx, number) for number in submission_ids]
        if all(sum(count.values()) and not count.get("received") for count in counts):
            time.sleep(0.3)  # the item of the last series is written just after its last object
            return
        time.sleep(0.2)
    raise Broken("The worker did not finish in time.", code="demo.slow")


def edit(stage: Stage, actor: accounts.Actor, collection_id: int, **changes: object) -> None:
    """Change some of what a collection's page says."""
    known = collections.collection_by_id(stage.archive, actor, collection_id)
    kept = {field.name: getattr(known, field.name) for field in fields(collections.Draft)}
    collections.edit(stage.archive, actor, collection_id, collections.Draft(**kept | changes))


def items_of(stage: Stage, collection_id: int, submission_id: int) -> list[reviews.Item]:
    """Return what waits of a delivery, subject by subject."""
    narrow = reviews.Narrow(submission_id=submission_id)
    page = reviews.queue(stage.archive, stage.who("curator"), collection_id=collection_id, narrow=narrow, limit=200)
    return sorted(page.items, key=lambda item: (item.subject_label, item.id))


def approve(stage: Stage, items: Sequence[reviews.Item], *people: str) -> None:
    """Let people approve items one after the other."""
    for name in people:
        reviews.decide(stage.archive, stage.who(name), [item.id for item in items], "approve", "Every slice looked at.")


def record(stage: Stage, collection_id: int, steps: Mapping[str, tuple[str, str]]) -> None:
    """Record steps of a checklist, by their names: how they went, and a remark."""
    curator = stage.who("curator")
    for standing in _steps(stage, collection_id):
        if standing.step.name in steps:
            outcome, remark = steps[standing.step.name]
            checklist = reviews.checklist_of(stage.archive, curator, collection_id)
            assert checklist is not None
            seen = (checklist.round, standing.record.id if standing.record else 0)
            reviews.record_step(stage.archive, curator, collection_id, standing.step.name, outcome, remark, seen=seen)


def _steps(stage: Stage, collection_id: int) -> Iterator[reviews.Standing]:
    checklist = reviews.checklist_of(stage.archive, stage.who("curator"), collection_id)
    yield from checklist.steps if checklist else ()


def publish(stage: Stage, collection_id: int, notes: str) -> int:
    """Publish what is cleared, as the owner."""
    return releases.publish(stage.archive, stage.who("owner"), collection_id, notes)
