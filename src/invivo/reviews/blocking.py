"""Why a collection's next release waits: required steps of its checklist that nobody has recorded, or not since more came."""

from invivo import collections, database


def blocking(tx: database.Tx, collection_id: int) -> list[str]:
    """Return sentences that say what blocks a release of a collection now, apart from items without a decision.

    These are the required steps of its checklist that are not recorded, or were before more came, and what a large decision
    still has to carry over; `unsettled` counts the items. Where nobody reviews (*on-receipt*, *direct*) nobody is there to
    record steps, and no step blocks. What a held series brings after this was asked waits until the transaction ends, so a
    release that asks first takes along nothing that its checklist has not seen.
    """
    sentences = []
    left = tx.execute(
        "select count(*) as n from reviews.item where collection_id = %s and is_settling", [collection_id]
    ).fetchone()
    if left is not None and left.n:
        went = "1 series is" if left.n == 1 else f"{left.n:,} series are"
        sentences.append(
            f"{went} decided on and still being made ready, which takes a moment; publish when that is done."
        )
    if collections.policy_of(tx, collection_id).review_rule in ("on-receipt", "direct"):
        return sentences
    found = tx.execute(
        "select s.title, r.outcome, c.arrivals - r.arrivals as since from reviews.curation c"
        " join reviews.step s on s.collection_id = c.collection_id and s.is_required"
        " left join lateral (select outcome, arrivals from reviews.record r where r.collection_id = c.collection_id"
        " and r.round = c.round and r.step = s.name order by r.id desc limit 1) r on true"
        " where c.collection_id = %s order by s.place for share of c",
        [collection_id],
    )
    rows = found.fetchall()
    left_out = [row.title for row in rows if row.outcome in (None, "taken-back")]
    since = {row.title: row.since for row in rows if row.outcome not in (None, "taken-back") and row.since}
    if left_out:
        sentences.append(f"{_steps(left_out)} of the checklist {_are(left_out)} not recorded{_names(left_out)}.")
    if since:
        most = max(since.values())
        came = "1 series" if most == 1 else f"{most:,} series"
        sentences.append(
            f"{_steps(list(since))} {'was' if len(since) == 1 else 'were'} recorded before {came} came or grew{_names(list(since))};"
            f" record {'it' if len(since) == 1 else 'them'} again."
        )
    return sentences


def _steps(titles: list[str]) -> str:
    return f"The required step “{titles[0]}”" if len(titles) == 1 else f"{len(titles)} required steps"


def _are(titles: list[str]) -> str:
    return "is" if len(titles) == 1 else "are"


def _names(titles: list[str]) -> str:
    return "" if len(titles) == 1 else ": " + ", ".join(f"“{one}”" for one in titles)
