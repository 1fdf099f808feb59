"""Trials of rules, runs of the rules in force over what a collection has, and their reports."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from invivo import collections, quarantine, releases, submissions
from invivo.errors import Conflict, InvivoError
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text
from invivo.web.policies import PRIVATE, own_collection
from invivo.web.render import page
from invivo.web.rule_words import CODES
from invivo.web.rules import KIND_WORDS, MOST_ROWS, about, names_of_people, number_of

TRIAL_SIZES = (
    ("50", "50 objects, at once"),
    ("500", "500 objects, by the worker"),
    ("5000", "5,000 objects, by the worker"),
)
AT_ONCE = 50
MOST_COUNTED = 100_000


def _what_is_here(request: Request, collection: collections.Collection) -> dict[str, int]:
    """Count the held series with originals, and tell the last release: what rules can be tried on and run over."""
    archive, actor = request.state.archive, request.state.actor
    with archive.database.transaction() as tx:
        held = quarantine.series_with_originals(tx, collection.id, 0, 1 << 62, MOST_COUNTED)
    published = releases.releases_of(archive, actor, collection.id)
    return {"held_series": len(held), "last_release": published[0].number if published else 0}


def trial_page(request: Request) -> Response:
    """Offer a trial of a version, and list the trials of before."""
    only(request, "version")
    collection = own_collection(request)
    archive, actor = request.state.archive, request.state.actor
    history = collections.rules_history(archive, actor, collection.id)
    asked = number_of(request.query_params.get("version", ""))
    return page(
        request,
        "admin/rules-trial.html",
        headers=PRIVATE,
        collection=collection,
        versions=[(str(one.version), _version_words(one)) for one in history],
        version=str(asked or history[0].version),
        sizes=TRIAL_SIZES,
        here=_what_is_here(request, collection),
        runs=[one for one in submissions.runs_of(archive, actor, collection.id) if one.kind == "trial"],
        names=names_of_people(request, collection),
    )


def _version_words(rules: collections.Rules) -> str:
    state = "draft" if rules.in_force_at is None else f"in force since {rules.in_force_at:%Y-%m-%d}"
    return f"{rules.version}, {KIND_WORDS[rules.kind]}, {state}"


@form_endpoint
def start_trial(request: Request, form: Form) -> Response:
    """Try a version: a few objects at once, many by the worker."""
    collection = own_collection(request)
    archive, actor = request.state.archive, request.state.actor
    base = f"/admin/collections/{collection.short_name}/rules"
    most = number_of(text(form, "most")) or AT_ONCE
    try:
        run = submissions.start_trial(archive, actor, collection.id, number_of(text(form, "version")), most)
    except InvivoError as error:
        return redirect(request, f"{base}/dry-run", message=error.message, kind="danger")
    if most <= AT_ONCE:
        submissions.rerun(archive, run.id, 8.0)
    else:
        submissions.queue_run(archive, run)
    return redirect(request, f"{base}/runs/{run.id}")


def rerun_page(request: Request) -> Response:
    """Offer to run the rules in force over what the collection has."""
    only(request)
    return _rerun_form(request, own_collection(request))


def _rerun_form(request: Request, collection: collections.Collection, status: int = 200, trouble: str = "") -> Response:
    archive, actor = request.state.archive, request.state.actor
    with archive.database.transaction() as tx:
        current = collections.rules_in_force(tx, collection.id)
    runs = [one for one in submissions.runs_of(archive, actor, collection.id) if one.kind == "rerun"]
    return page(
        request,
        "admin/rules-rerun.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        rules=current,
        trouble=trouble,
        here=_what_is_here(request, collection),
        running=next((one for one in runs if one.state == "running"), None),
        runs=runs,
        names=names_of_people(request, collection),
        **about(request, collection),
    )


@form_endpoint
def start_rerun(request: Request, form: Form) -> Response:
    """Run the rules in force over what the collection has."""
    collection = own_collection(request)
    try:
        run = submissions.start_rerun(
            request.state.archive,
            request.state.actor,
            collection.id,
            is_automatic=text(form, "is_automatic") == "yes",
        )
    except Conflict as error:
        return _rerun_form(request, collection, status_of(error), error.message)
    return redirect(request, f"/admin/collections/{collection.short_name}/rules/runs/{run.id}")


def _run(request: Request) -> tuple[collections.Collection, submissions.RulesRun]:
    collection = own_collection(request)
    run = submissions.find_run(request.state.archive, request.state.actor, request.path_params["run"])
    if run.collection_id != collection.id:
        raise submissions.UnknownRun(f"There is no run {run.id} of the rules of {collection.short_name}.")
    return collection, run


def run_page(request: Request) -> Response:
    """Show how far a run is and what it found."""
    only(request)
    collection, run = _run(request)
    attributes = run.report.get("attributes", {})
    rows: list[dict[str, Any]] = []
    for path, labels in attributes.items():
        if run.kind == "trial":
            rows += _pairs(path, dict(labels))
        else:
            rows.append({"path": path, "counts": dict(labels), "count": sum(labels.values())})
    with request.state.archive.database.transaction() as tx:
        current = collections.rules_in_force(tx, collection.id)
    refused = sum(one.get("new", 0) for one in run.report.get("refusals", {}).values()) if run.kind == "trial" else 0
    rows.sort(key=lambda row: (-row["count"], row["path"]))
    return page(
        request,
        "admin/rules-run.html",
        headers=PRIVATE,
        collection=collection,
        run=run,
        current=current,
        refused=refused,
        refuses_all=0 < run.count("looked_at") <= refused,
        rows=rows[:MOST_ROWS],
        row_count=len(rows),
        doubts=_two_sided(run, "doubts"),
        leftovers=_two_sided(run, "leftovers"),
        refusals=_two_sided(run, "refusals"),
        examples=[name.split("/") for name in run.report.get("examples", {})][:20],
        known=_state(run),
        names=names_of_people(request, collection),
        words=CODES,
        **about(request, collection),
    )


def _pairs(path: str, labels: dict[str, int]) -> list[dict[str, Any]]:
    """The differences at one attribute: what the version in force does, what the tried one does, in how many objects."""
    split = [(*label.partition(">")[::2], count) for label, count in labels.items()]
    return [{"path": path, "old": old, "new": new, "count": count} for old, new, count in split if old != new]


def _two_sided(run: submissions.RulesRun, part: str) -> list[tuple[str, list[tuple[str, int]], list[tuple[str, int]]]]:
    """Rows (name, counts under the rules in force, counts under the ones tried or run)."""
    rows = []
    for name, labels in sorted(run.report.get(part, {}).items()):
        sides: dict[str, list[tuple[str, int]]] = {"old": [], "new": []}
        for label, count in sorted(labels.items()):
            side, _, words = label.partition(" ")
            sides.setdefault(side, []).append((words, count))
        rows.append((name, sides["old"], sides["new"]))
    return rows


def _state(run: submissions.RulesRun) -> str:
    return f"{run.state}-{run.series_done}"


def progress(request: Request) -> Response:
    """Say in a few bytes whether a run has moved."""
    only(request)
    _, run = _run(request)
    return JSONResponse({"state": _state(run)}, headers=PRIVATE)


def report(request: Request) -> Response:
    """Give the report of a run as a file: names of attributes and counts, no values."""
    only(request)
    collection, run = _run(request)
    found = {
        **{"collection": collection.short_name, "run": run.id, "kind": run.kind, "version": run.version},
        **{"compared_with": run.compared_with, "state": run.state, "reason": run.reason},
        **{"asked_at": run.asked_at.isoformat(), "ended_at": run.ended_at.isoformat() if run.ended_at else None},
        **{"series": {"total": run.series_total, "done": run.series_done}, "report": run.report},
    }
    name = f'attachment; filename="{collection.short_name}-rules-{run.version}-{run.kind}-{run.id}.json"'
    return JSONResponse(found, headers=PRIVATE | {"Content-Disposition": name})


@form_endpoint
def change_run(request: Request, form: Form) -> Response:
    """Stop a run, or have the worker take it up again."""
    collection, run = _run(request)
    target = f"/admin/collections/{collection.short_name}/rules/runs/{run.id}"
    if text(form, "act") == "stop":
        submissions.stop_run(request.state.archive, request.state.actor, run.id)
        return redirect(request, target, message="The run is stopped. What it did already stays.")
    submissions.queue_run(request.state.archive, run)
    return redirect(request, target, message="The worker takes it up again where it was.")


_BASE = "/admin/collections/{collection}/rules"
routes: list[Route] = [
    Route(f"{_BASE}/dry-run", trial_page, methods=["GET"]),
    Route(f"{_BASE}/dry-run", start_trial, methods=["POST"]),
    Route(f"{_BASE}/rerun", rerun_page, methods=["GET"]),
    Route(f"{_BASE}/rerun", start_rerun, methods=["POST"]),
    Route(f"{_BASE}/runs/{{run:int}}", run_page, methods=["GET"]),
    Route(f"{_BASE}/runs/{{run:int}}", change_run, methods=["POST"]),
    Route(f"{_BASE}/runs/{{run:int}}/progress.json", progress),
    Route(f"{_BASE}/runs/{{run:int}}/report.json", report),
]
