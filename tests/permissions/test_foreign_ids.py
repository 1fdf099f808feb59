"""Who curates one collection changes nothing of another by writing its numbers into a form."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from invivo import accounts, collections, releases, reviews, search, submissions
from invivo.archive import Archive
from invivo.errors import InvivoError
from tests.factories import (
    PASSWORD,
    SYSTEM,
    actor_named,
    advance_all,
    approve_all,
    deliver,
    make_collection,
    make_image,
    make_person,
    make_submission,
)

pytestmark = pytest.mark.slow
SOON = datetime.now(UTC) + timedelta(days=3)


@dataclass(frozen=True)
class Other:
    """What there is in the collection of others, and who tries to reach it from her own."""

    olga: accounts.Actor
    own: int
    own_item: int
    collection: int
    submission: int
    item: int
    held: int
    batch: int
    schedule: int
    editor_link: int
    reviewer_link: int
    hook: int
    series: str
    move: int


@pytest.fixture
def other(archive: Archive) -> Other:
    own, foreign = make_collection(archive, "OWN"), make_collection(archive, "FOREIGN")
    collections.add_member(archive, SYSTEM, own.id, make_person(archive, "olga").id, "owner")
    submission = make_submission(archive, foreign)
    deliver(archive, submission, [make_image(patient="P-1")])
    advance_all(archive)
    approve_all(archive)
    releases.publish(archive, SYSTEM, foreign.id, "first")
    uid = search.find(archive, SYSTEM, search.ALL).rows[0].series_uid
    deliver(archive, submission, [make_image(patient="P-2"), make_image(patient="P-3")])
    deliver(archive, make_submission(archive, own), [make_image(patient="P-4")])
    advance_all(archive)
    items = {one.collection_id: one.id for one in reviews.queue(archive, SYSTEM).items}
    movable = sorted(submissions.movable_of(archive, SYSTEM, foreign.id), key=lambda one: one.id)
    wanted = submissions.Wanted("subject", (movable[0].id,), subject_label=movable[1].subject_label)
    move = submissions.move(archive, SYSTEM, foreign.id, wanted)
    (batch,) = reviews.make_batches(archive, SYSTEM, foreign.id, name="All", size=10)
    return Other(
        actor_named(archive, "olga"),
        own.id,
        items[own.id],
        foreign.id,
        submission.id,
        items[foreign.id],
        movable[1].id,
        batch,
        releases.schedule(archive, SYSTEM, foreign.id, SOON, "later").id,
        releases.make_editor_link(archive, SYSTEM, foreign.id, "Editor", 30)[1].id,
        collections.make_link(archive, SYSTEM, foreign.id, "Reviewer", 30)[1].id,
        releases.add_hook(archive, SYSTEM, foreign.id, "https://example.org/hook")[0].id,
        uid,
        move,
    )


Tried = Callable[[Archive, Other], Any]
TRIED: dict[str, Tried] = {
    "decide": lambda a, o: reviews.decide(a, o.olga, [o.item], "approve", "x"),
    "decide-both": lambda a, o: reviews.decide(a, o.olga, [o.own_item, o.item], "approve", "x"),
    "assign": lambda a, o: reviews.assign(a, o.olga, [o.own_item, o.item], o.olga.person_id),
    "give-batch": lambda a, o: reviews.give_batch(a, o.olga, o.batch, o.olga.person_id),
    "dissolve-batch": lambda a, o: reviews.dissolve_batch(a, o.olga, o.batch),
    "move": lambda a, o: submissions.move(
        a, o.olga, o.own, submissions.Wanted("subject", (o.held,), subject_label="OWN-9")
    ),
    "undo-move": lambda a, o: submissions.undo_move(a, o.olga, o.own, o.move),
    "cancel": lambda a, o: releases.cancel(a, o.olga, o.schedule),
    "reschedule": lambda a, o: releases.reschedule(
        a, o.olga, o.schedule, SOON + timedelta(days=1), "mine", is_embargo=False
    ),
    "editor-link": lambda a, o: releases.revoke_editor_link(a, o.olga, o.own, o.editor_link),
    "reviewer-link": lambda a, o: collections.revoke_link(a, o.olga, o.own, o.reviewer_link),
    "remove-hook": lambda a, o: releases.remove_hook(a, o.olga, o.hook),
    "revive-hook": lambda a, o: releases.revive_hook(a, o.olga, o.hook),
    "read-hook": lambda a, o: releases.hook_with_deliveries(a, o.olga, o.hook),
    "withdraw": lambda a, o: releases.withdraw(a, o.olga, o.own, o.series, "consent", "because"),
    "licence": lambda a, o: releases.choose_licence(a, o.olga, o.collection, "modality", "CT", "CC0-1.0"),
    "open-now": lambda a, o: releases.open_now(a, o.olga, o.collection),
    "close": lambda a, o: submissions.close_submission(a, o.olga, o.submission),
    "add-sender": lambda a, o: submissions.add_sender(a, o.olga, o.submission, address="127.0.0.1"),
    "appoint": lambda a, o: collections.add_member(a, o.olga, o.collection, o.olga.person_id or 0, "owner"),
    "policy": lambda a, o: collections.set_access_policy(a, o.olga, o.collection, collections.AccessPolicy()),
    "embargo": lambda a, o: collections.set_embargo(a, o.olga, o.collection, SOON.date(), "open"),
    "checklist": lambda a, o: reviews.set_checklist(a, o.olga, o.collection, reviews.default_steps()),
    "identifier": lambda a, o: releases.want_identifier(a, o.olga, o.collection, 1, "local"),
    "credit": lambda a, o: releases.write_credit(a, o.olga, o.collection, releases.Credit()),
    "invite": lambda a, o: accounts.invite(a, o.olga, "eve@example.org", [(o.collection, "owner")]),
}


def entries(archive: Archive) -> int:
    with archive.database.transaction() as tx:
        row = tx.execute("select count(*) as n from audit.entry").fetchone()
    assert row is not None
    return int(row.n)


@pytest.mark.parametrize("name", TRIED)
def test_numbers_of_others_in_a_form_are_refused_and_change_nothing(archive: Archive, other: Other, name: str) -> None:
    before = entries(archive)
    with pytest.raises(InvivoError) as refused:
        TRIED[name](archive, other)
    assert refused.value.kind.count(".") == 1
    assert entries(archive) == before
    assert reviews.item_named(archive, SYSTEM, other.own_item).state == "open"


def test_sessions_and_tokens_of_others_cannot_be_ended(archive: Archive) -> None:
    make_person(archive, "ada")
    make_person(archive, "eve")
    session, ada = accounts.sign_in(archive, "ada", PASSWORD)
    (mine,) = accounts.list_sessions(archive, ada, session)
    _, token = accounts.create_token(archive, actor_named(archive, "ada"), "mine", ["read"])
    eve = actor_named(archive, "eve")
    for verb in (
        lambda: accounts.end_session(archive, eve, mine.id),
        lambda: accounts.revoke_token(archive, eve, token.id),
    ):
        with pytest.raises(InvivoError):
            verb()
    assert accounts.actor_of_session(archive, session).person_id == ada.person_id
