"""The summary of a delivery for the data owner's signature: what came, what became of it, by which rules. It tells no value."""

import hashlib
import json
import re
from collections import Counter
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import collections, deidentification, quarantine, submissions
from invivo.web.form import only
from invivo.web.render import page
from invivo.web.rule_words import CODES, OPTION_WORDS
from invivo.web.submissions import STATE_WORDS

PRIVATE = {"Cache-Control": "no-store"}
MOST_OBJECTS = 5000  # of which the records are read for one page
A_PAGE = 1000
WITH_RECORD = ("cleaned", "cleared")
_NUMBER_OF_ITEM = re.compile(r"\[\d+\]")


def _told(request: Request, submission: submissions.Submission) -> dict[str, Any]:
    """Gather the summary; the same state of a delivery gives the same summary, so that a signature can name its digest."""
    archive, actor = request.state.archive, request.state.actor
    rows: list[Any] = []
    before: int | None = None
    while len(rows) < MOST_OBJECTS:
        progress = submissions.progress_of(archive, actor, submission.id, before=before, limit=A_PAGE)
        rows += progress.newest
        if len(progress.newest) < A_PAGE:
            break
        before = progress.newest[-1].id
    actions: Counter[tuple[str, str]] = Counter()
    with_record = 0
    with archive.database.transaction() as tx:
        rules = collections.rules_in_force(tx, submission.collection_id)
        for row in rows[:MOST_OBJECTS]:
            done = quarantine.actions_of(tx, row.id) if row.state in WITH_RECORD else []
            with_record += bool(done)
            actions.update({(_NUMBER_OF_ITEM.sub("", path), code) for path, code, _ in done})
    reasons = Counter((row.state, row.reason_code, row.reason) for row in rows if row.reason_code)
    return {
        "format": "invivo-delivery-summary",
        "format_version": 1,
        "collection": submission.collection,
        "submission": submission.id,
        "opened": submission.created_at.date().isoformat(),
        "rules": _rules_told(rules),
        "objects": {"total": sum(progress.counts.values()), **dict(sorted(progress.counts.items()))},
        "reasons": [
            {"state": state, "code": code, "reason": reason, "objects": count}
            for (state, code, reason), count in sorted(reasons.items())
        ],
        "with_record": with_record,
        "actions": [
            {"path": path, "action": code, "objects": count} for (path, code), count in sorted(actions.items())
        ],
    }


def _rules_told(rules: collections.Rules) -> dict[str, Any]:
    """The rules in force: version, name, and the codes that objects get into (0012,0064)."""
    told: dict[str, Any] = {"version": rules.version, "kind": rules.kind}
    try:
        profile = submissions.profile_of_rules(rules)
    except submissions.RulesRefused:
        return told
    told |= {"name": profile.name, "options": []}
    if not isinstance(profile, deidentification.ScriptProfile):
        told["options"] = [deidentification.OPTIONS[key][0] for key in sorted(profile.options)]
    return told


def _digest(told: dict[str, Any]) -> str:
    return hashlib.sha256(_written(told)).hexdigest()


def _written(told: dict[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def summary_page(request: Request) -> Response:
    """Show the summary of a delivery, to be printed and signed."""
    only(request)
    archive, actor = request.state.archive, request.state.actor
    submission = submissions.find_submission(archive, actor, request.path_params["submission"])
    told = _told(request, submission)
    by_code = Counter(one["action"] for one in told["actions"])
    options = {code: OPTION_WORDS[key] for key, (code, _) in deidentification.OPTIONS.items()}
    return page(
        request,
        "submissions/summary.html",
        headers=PRIVATE,
        submission=submission,
        told=told,
        digest=_digest(told),
        attention=told["objects"].get("stuck", 0) + told["objects"].get("conflict", 0),
        by_code=[(code, words, by_code[code]) for code, words in CODES.items() if by_code[code]],
        options=[(code, options[code]) for code in told["rules"].get("options", [])],
        state_words=STATE_WORDS,
        words=CODES,
        most=MOST_OBJECTS,
    )


def summary_json(request: Request) -> Response:
    """Give the summary as a file: its SHA-256 is the one that stands on the page."""
    only(request)
    submission = submissions.find_submission(
        request.state.archive, request.state.actor, request.path_params["submission"]
    )
    name = f'attachment; filename="{submission.collection}-delivery-{submission.id}-summary.json"'
    written = _written(_told(request, submission))
    return Response(written, media_type="application/json", headers=PRIVATE | {"Content-Disposition": name})


routes: list[Route] = [
    Route("/submissions/{submission:int}/summary", summary_page),
    Route("/submissions/{submission:int}/summary.json", summary_json),
]
