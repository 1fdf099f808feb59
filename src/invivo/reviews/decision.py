"""What a person, or a collection's rule, decides."""

from collections.abc import Sequence
from typing import Any

from invivo import accounts, audit, collections, database, jobs, quarantine
from invivo.archive import Archive
from invivo.errors import Conflict, Invalid, Refused
from invivo.reviews.item import UnknownItem

VERDICTS = ("approve", "reject", "defer", "reopen")


class NotSettled(Conflict):
    """The series still has objects that must be settled first."""

    code = "review.not-settled"


def decide(
    archive: Archive, actor: accounts.Actor, item_ids: Sequence[int], verdict: str, reason: str = ""
) -> dict[int, str]:
    """Decide on items: all of them or none.

    *approve* clears the series for the next release; *reject* discards it; *defer* leaves it for later without blocking a
    release; *reopen* takes a decision back as long as the series is not released.

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
    NotSettled
        An object of the series is stuck, in conflict, or not yet processed.
    """
    if verdict not in VERDICTS:
        raise Invalid(f"A verdict is one of {', '.join(VERDICTS)}.", code="review.verdict")
    if verdict in ("reject", "defer") and not reason.strip():
        raise Invalid(f"Give a reason to {verdict}.", code="review.reason")
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select i.*, exists (select 1 from reviews.finding f where f.item_id = i.id and f.severity = 'hold') as is_held"
            " from reviews.item i where i.id = any (%s) order by i.id for update of i",
            [list(item_ids)],
        ).fetchall()
        if len(found) != len(set(item_ids)):
            raise UnknownItem("One of the review items does not exist.")
        states = {}
        for item in found:
            if not actor.may_curate(item.collection_id):
                raise Refused("You do not curate this collection.", code="review.not-curator")
            states[item.id] = _decide_one(tx, actor, item, verdict, reason.strip())
        return states


def _decide_one(tx: database.Tx, actor: accounts.Actor, item: Any, verdict: str, reason: str) -> str:
    is_decided = item.state in ("approved", "rejected")
    if verdict == "reopen":
        return _reopen(tx, actor, item)
    if is_decided:
        raise Conflict("Somebody has decided on this item already; reload the queue.", code="review.decided")
    state = {"approve": "approved", "reject": "rejected", "defer": "deferred"}[verdict]
    if verdict == "approve":
        state = _approve(tx, actor, item, reason)
    elif verdict == "reject":
        quarantine.discard(tx, series_id=item.series_id)
    tx.execute(
        "update reviews.item set state = %s, reason = %s, decided_at = now(), decided_by = %s where id = %s",
        [state, reason, actor.name, item.id],
    )
    audit.note(tx, actor.name, f"review.{verdict}", f"review:{item.id}", reason=reason, state=state)
    return state


def _approve(tx: database.Tx, actor: accounts.Actor, item: Any, reason: str) -> str:
    states = {one.state for one in quarantine.objects_of(tx, item.series_id)}
    if "received" in states:
        raise NotSettled("Objects of this series have just arrived and are being processed; look again in a moment.")
    if states & {"stuck", "conflict"}:
        raise NotSettled("Objects of this series are stuck or in conflict; settle each, then approve.")
    if item.is_held and not reason:
        raise Invalid("A check wants this series held; say why it may go.", code="review.reason")
    policy = collections.policy_of(tx, item.collection_id)
    first = item.approved_once_by
    if policy.review_rule == "two-persons" and first is None:
        tx.execute("update reviews.item set approved_once_by = %s where id = %s", [actor.name, item.id])
        return "open"
    if policy.review_rule == "two-persons" and first == actor.name:
        raise Refused("A second person must approve this item.", code="review.second-person")
    quarantine.clear(tx, item.series_id)
    return "approved"


def _reopen(tx: database.Tx, actor: accounts.Actor, item: Any) -> str:
    if item.state == "approved" and not quarantine.unclear(tx, item.series_id):
        raise Conflict("The series is released already; withdraw it instead.", code="review.released")
    if item.state == "rejected":
        raise Conflict("A rejected series is discarded; it must be sent again.", code="review.discarded")
    tx.execute(
        "update reviews.item set state = 'open', approved_once_by = null, decided_at = null, decided_by = null where id = %s",
        [item.id],
    )
    audit.note(tx, actor.name, "review.reopen", f"review:{item.id}")
    return "open"


def settle_object(archive: Archive, actor: accounts.Actor, object_id: int, verdict: str) -> None:
    """Settle one object that is stuck or in conflict.

    ``discard`` throws it away; ``retry`` runs the automatic steps on a stuck one again; ``replace`` lets one in conflict take
    the place of the object that came first.
    """
    with archive.database.transaction() as tx:
        held = quarantine.object_named(tx, object_id)
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
