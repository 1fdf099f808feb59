"""What a person, or a collection's rule, decides."""

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from invivo import accounts, audit, collections, database, jobs, quarantine
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, Refused
from invivo.reviews.item import UnknownItem, label_of
from invivo.reviews.settling import carry_over

VERDICTS = ("approve", "reject", "defer", "reopen")


class NotSettled(Conflict):
    """The series still has objects that must be settled first."""

    code = "review.not-settled"


class Decided(Conflict):
    """Somebody else was first."""

    code = "review.decided"


def decide(
    archive: Archive, actor: accounts.Actor, item_ids: Sequence[int], verdict: str, reason: str = ""
) -> dict[int, str]:
    """Decide on items: all of them or none, however many.

    *approve* clears the series for the next release; *reject* discards it; *defer* leaves it for later without blocking a
    release; *reopen* takes a decision back as long as the series is not released. Of two who decide at once the second is
    told who was first.

    Parameters
    ----------
    reason : str
        Needed to reject, to defer, and to approve what a check wants held.

    Returns
    -------
    dict of int to str
        The state of each item afterwards.

    Raises
    ------
    Refused
        The actor does not curate the collection of an item.
    Invalid
        The verdict is unknown, or a reason is missing.
    Decided
        Somebody decided on one of them already.
    NotSettled
        An object of a series is stuck, in conflict, or not yet processed.
    """
    check_verdict(verdict, reason)
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select * from reviews.item where id = any (%s) order by id for update", [list(item_ids)]
        ).fetchall()
        if len(found) != len(set(item_ids)):
            raise UnknownItem("One of the review items does not exist.")
        if not all(actor.may_curate(one) for one in {item.collection_id for item in found}):
            raise Refused("You do not curate this collection.", code="review.not-curator")
        return decide_locked(tx, actor, found, verdict, reason.strip())


def check_verdict(verdict: str, reason: str) -> None:
    """Refuse a verdict that is not known or lacks its reason."""
    if verdict not in VERDICTS:
        raise Invalid(f"A verdict is one of {', '.join(VERDICTS)}.", code="review.verdict")
    if verdict in ("reject", "defer") and not reason.strip():
        raise Invalid(f"Give a reason to {verdict}.", code="review.reason")


def decide_locked(
    tx: database.Tx, actor: accounts.Actor, items: Sequence[Any], verdict: str, reason: str
) -> dict[int, str]:
    """Decide on rows of items that the caller has locked; see `decide`."""
    if verdict == "reopen":
        return _reopen(tx, actor, items)
    _need_undecided(tx, items)
    everyone = [item.id for item in items]
    read_once = _approve(tx, actor, items, reason) if verdict == "approve" else set()
    state = {"approve": "approved", "reject": "rejected", "defer": "deferred"}[verdict]
    decided = [one for one in everyone if one not in read_once]
    tx.execute(
        "update reviews.item set state = %s, reason = %s, decided_at = now(), decided_by = %s where id = any (%s)",
        [state, reason, actor.name, decided],
    )
    if verdict != "defer":
        carry_over(tx, [item for item in items if item.id not in read_once], state)
    _note(tx, actor, f"review.{verdict}", decided, reason=reason, state=state)
    _note(tx, actor, "review.approve", read_once, reason=reason, state="open")
    return {one: "open" if one in read_once else state for one in everyone}


def _note(tx: database.Tx, actor: accounts.Actor, verb: str, item_ids: Iterable[int], **detail: str) -> None:
    """Journal a decision at each item, with one statement."""
    tx.execute("select audit.note_each(%s, %s, 'review', %s, %s)", [actor.name, verb, sorted(item_ids), Jsonb(detail)])


def _need_undecided(tx: database.Tx, items: Sequence[Any]) -> None:
    decided = [item for item in items if item.state in ("approved", "rejected")]
    if not decided:
        return
    first = decided[0]
    who = label_of(tx, first.decided_by or "")
    most = (
        "It was already"
        if len(items) == 1
        else f"{len(decided):,} of {len(items):,} are decided already; the first was"
    )
    raise Decided(f"{most} {first.state} by {who} at {first.decided_at:%H:%M} UTC; reload the queue.")


def _approve(tx: database.Tx, actor: accounts.Actor, items: Sequence[Any], reason: str) -> set[int]:
    """Clear what may go; return the items that now wait for a second person."""
    weight = quarantine.weigh(tx, {item.series_id: item.newest_object_id for item in items})
    if "received" in weight.unready:
        raise NotSettled("Objects of this series have just arrived and are being processed; look again in a moment.")
    if weight.unready:
        raise NotSettled("Objects of this series are stuck or in conflict; settle each, then approve.")
    if not reason and any(item.worst == "hold" for item in items):
        raise Invalid("A check wants this series held; say why it may go.", code="review.reason")
    needs_two = {
        one
        for one in {item.collection_id for item in items}
        if collections.policy_of(tx, one).review_rule == "two-persons"
    }
    if needs_two and actor.name.startswith("rule:"):
        raise NotSettled("Two persons must approve in this collection; a rule is none.")
    first = [one for one in items if one.collection_id in needs_two and one.approved_once_by is None]
    again = [one for one in items if one.collection_id in needs_two and one.approved_once_by is not None]
    if any(_is_same(actor, one) for one in again):
        raise Refused("You have read this already; a second person must approve it.", code="review.second-person")
    tx.execute(
        "update reviews.item set state = 'open', approved_once_by = %s, approved_once_person = %s, approved_once_at = now(),"
        " assigned_to = null, assigned_at = null where id = any (%s)",
        [actor.name, actor.person_id, [one.id for one in first]],
    )
    if len(first) < len(items):
        quarantine.need_unchanging(weight.changing, weight.objects)
    return {one.id for one in first}


def _is_same(actor: accounts.Actor, item: Any) -> bool:
    """Whether who read an item first is who asks: a person with a token is no second person."""
    if actor.person_id is not None and actor.person_id == item.approved_once_person:
        return True
    return bool(item.approved_once_by == actor.name)


def _reopen(tx: database.Tx, actor: accounts.Actor, items: Sequence[Any]) -> dict[int, str]:
    if any(item.state == "rejected" for item in items):
        raise Conflict("A rejected series is discarded; it must be sent again.", code="review.discarded")
    approved = [item for item in items if item.state == "approved"]
    held = quarantine.with_cleared(tx, [item.series_id for item in approved if not item.is_settling])
    if any(not item.is_settling and item.series_id not in held for item in approved):
        raise Conflict("The series is released already; withdraw it instead.", code="review.released")
    everyone = [item.id for item in items]
    tx.execute(
        "update reviews.item set state = 'open', reason = '', approved_once_by = null, approved_once_person = null,"
        " approved_once_at = null, decided_at = null, decided_by = null where id = any (%s)",
        [everyone],
    )
    carry_over(tx, approved, "open")
    _note(tx, actor, "review.reopen", everyone)
    return dict.fromkeys(everyone, "open")


def settle_object(archive: Archive, actor: accounts.Actor, object_id: int, verdict: str) -> None:
    """Settle one object that is stuck or in conflict.

    ``discard`` throws it away; ``retry`` runs the automatic steps on a stuck one again; ``replace`` lets one in conflict take
    the place of the object that came first.
    """
    with archive.database.transaction() as tx:
        held = quarantine.object_named(tx, object_id, lock=True)
        if not actor.may_curate(held.collection_id):
            raise UnknownItem(f"There is no held object {object_id}, or you may not see it.")
        if verdict == "discard" and held.state in ("stuck", "conflict", "cleaned"):
            quarantine.discard(tx, object_id=object_id)
        elif verdict == "retry" and held.state == "stuck":
            quarantine.retry(tx, object_id)
        elif verdict == "replace" and held.state == "conflict":
            quarantine.replace_first(tx, held)
        else:
            raise Conflict(f"An object that is {held.state} cannot be settled by {verdict[:20]}.", code="review.settle")
        audit.note(tx, actor.name, f"review.object-{verdict}", f"held:{object_id}")
        jobs.enqueue(tx, "advance", held.series_id)
