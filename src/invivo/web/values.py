"""Distinct values: what stands in the cleaned objects, what a curator found all right, and cleaning a value everywhere.

Values are chosen by number and sent by POST: none of them is in an address, a log or a file's name.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from invivo import collections, quarantine, submissions
from invivo.errors import Conflict, Invalid, NotFound
from invivo.web.errors import status_of
from invivo.web.form import Form, form_endpoint, only, redirect, text, texts
from invivo.web.policies import PRIVATE, own_collection
from invivo.web.render import counted, page
from invivo.web.rules import names_of_people, number_of

PAGE = 100
MOST_TAGS = 400
RISKS = {
    0: "names and free text",
    1: "short text",
    2: "terms",
    3: "dates and times",
    4: "numbers",
    5: "written by this archive",
}
ACTIONS = (
    ("remove", "Remove the attribute", "Where its object's definition requires it, it is emptied or gets a dummy"),
    ("empty", "Empty it", "The attribute stays, without a value"),
    ("replace", "Put another text in its place", "The same one everywhere"),
)
WORD_ACTIONS = (
    ("remove", "Take the word out", "The rest of the text stays"),
    ("replace", "Put another word in its place", "The same one everywhere"),
)
_ASKED = ("submission", "path", "kind", "show", "after")


def _choice(request: Request, collection: collections.Collection, words: str = "") -> quarantine.ValueChoice:
    asked = request.query_params
    submission = number_of(asked.get("submission", ""))
    if submission:
        found = submissions.find_submission(request.state.archive, request.state.actor, submission)
        if found.collection_id != collection.id:
            raise submissions.UnknownSubmission(f"There is no submission {submission} in {collection.short_name}.")
    return quarantine.ValueChoice(
        collection.id,
        submission or None,
        path=asked.get("path", "")[:300],
        words=words,
        most_risk=4 if asked.get("kind", "") == "all" else 1,
        fresh_only=asked.get("show", "") != "all",
    )


def _base(collection: collections.Collection) -> str:
    return f"/admin/collections/{collection.short_name}/values"


def _query(request: Request, **changed: str | None) -> str:
    asked = {name: request.query_params.get(name, "") for name in _ASKED if name != "after"}
    wanted = {name: value for name, value in (asked | changed).items() if value}
    return f"?{urlencode(wanted)}" if wanted else ""


def values_page(request: Request) -> Response:
    """Show the distinct values of a collection's held objects, or of one delivery."""
    only(request, *_ASKED)
    return _show(request)


@form_endpoint
def search(request: Request, form: Form) -> Response:
    """Look for words among the values; what is looked for may be a name, so it stands in no address."""
    only(request, *_ASKED)
    return _show(request, words=text(form, "words")[:100], after=number_of(text(form, "after")))


def _show(
    request: Request, status: int = 200, *, words: str = "", after: int | None = None, error: str = "", word: str = ""
) -> Response:
    collection = own_collection(request)
    archive, actor = request.state.archive, request.state.actor
    choice = _choice(request, collection, words)
    begin = number_of(request.query_params.get("after", "")) if after is None else after
    report = submissions.report_values(archive, actor, choice, after=begin, limit=PAGE)
    tag = next((one for one in report.tags if one.path == choice.path), None)
    return page(
        request,
        "values/report.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        base=_base(collection),
        choice=choice,
        report=report,
        tag=tag,
        total=_total(report, choice),
        facets=_facets(request, collection, choice, report),
        here=_query(request),
        next_url=_base(collection) + _query(request, after=str(report.after)) if report.after and not words else None,
        risks=RISKS,
        rules=submissions.value_rules(archive, actor, collection.id),
        runs=[one for one in submissions.runs_of(archive, actor, collection.id) if one.kind == "clean"][:5],
        may_own=actor.may_own(collection.id),
        names=names_of_people(request, collection),
        error=error,
        word=word,
    )


def _is_asked(one: quarantine.ValueTag, choice: quarantine.ValueChoice) -> bool:
    return choice.most_risk >= 4 or one.risk <= choice.most_risk


def _total(report: submissions.Report, choice: quarantine.ValueChoice) -> int:
    wanted = [one for one in report.tags if _is_asked(one, choice) and choice.path in ("", one.path)]
    return sum(one.fresh if choice.fresh_only else one.values for one in wanted)


def _facets(
    request: Request, collection: collections.Collection, choice: quarantine.ValueChoice, report: submissions.Report
) -> list[dict[str, Any]]:
    base, archive, actor = _base(collection), request.state.archive, request.state.actor

    def value(label: str, count: int | None, selected: bool, **changed: str | None) -> dict[str, Any]:
        return {"label": label, "count": count, "selected": selected, "url": base + _query(request, **changed)}

    fresh, every = sum(one.fresh for one in report.tags), sum(one.values for one in report.tags)
    texts_only = sum(one.values for one in report.tags if one.risk <= 1)
    deliveries = [one for one in submissions.list_submissions(archive, actor) if one.id in report.deliveries]
    shown = [one for one in report.tags if _is_asked(one, choice) and (one.fresh or not choice.fresh_only)]
    return [
        {
            **{"name": "show", "title": "Show", "clear": None},
            "values": [
                value("Not accepted yet", fresh, choice.fresh_only, show=None),
                value("All values", every, not choice.fresh_only, show="all"),
            ],
        },
        {
            **{"name": "kind", "title": "Kind", "clear": None},
            "values": [
                value("Names and text", texts_only, choice.most_risk < 4, kind=None),
                value("Terms, dates and numbers too", every, choice.most_risk == 4, kind="all"),
            ],
        },
        {
            **{"name": "submission", "title": "Delivery"},
            "clear": base + _query(request, submission=None) if choice.submission_id else None,
            "values": [
                value(
                    f"{one.id}: {one.title}"[:60],
                    report.deliveries[one.id],
                    one.id == choice.submission_id,
                    submission=str(one.id),
                )
                for one in deliveries[:50]
            ],
        },
        {
            **{"name": "path", "title": "Attribute"},
            "clear": base + _query(request, path=None) if choice.path else None,
            "values": [
                value(one.path, one.fresh if choice.fresh_only else one.values, one.path == choice.path, path=one.path)
                for one in shown[:MOST_TAGS]
            ],
        },
    ]


def _ids(form: Form) -> list[int]:
    found = [number_of(one) for one in texts(form, "value")]
    return sorted({one for one in found if one})


@form_endpoint
def chosen(request: Request, form: Form) -> Response:
    """Accept the ticked values, take that back, or go on to clean them everywhere."""
    only(request, *_ASKED)
    collection = own_collection(request)
    archive, actor, act = request.state.archive, request.state.actor, text(form, "act")
    target = _base(collection) + _query(request)
    ids = _ids(form)
    try:
        if act == "accept-all":
            count = submissions.accept_all(archive, actor, _choice(request, collection))
            target = _base(collection) + _query(request, path=None)
        elif not ids:
            return redirect(request, target, message="Tick the values that you mean.", kind="warn")
        elif act == "clean":
            return _preview(request, collection, submissions.Cleaning(tuple(ids)))
        else:
            count = submissions.judge_values(archive, actor, collection.id, ids, is_right=act != "doubt")
    except (NotFound, Invalid) as error:
        return redirect(request, target, message=error.message, kind="danger")
    words = "no longer accepted" if act == "doubt" else "accepted, for later deliveries too"
    return redirect(request, target, message=f"{counted(count, 'value')} {words}.")


def _cleaning(form: Form) -> submissions.Cleaning:
    return submissions.Cleaning(
        tuple(_ids(form)), text(form, "word"), text(form, "action") or "remove", text(form, "replacement")
    )


@form_endpoint
def clean(request: Request, form: Form) -> Response:
    """Show what cleaning values or a word would change; when that was seen, decide it."""
    only(request)
    collection = own_collection(request)
    wanted = _cleaning(form)
    if text(form, "act") != "do":
        return _preview(request, collection, wanted)
    try:
        run = submissions.clean_everywhere(request.state.archive, request.state.actor, collection.id, wanted)
    except (Invalid, Conflict, NotFound) as error:
        return _preview(request, collection, wanted, status_of(error), error.message)
    target = f"/admin/collections/{collection.short_name}/rules/runs/{run.id}"
    return redirect(request, target, message=f"Version {run.version} of the rules cleans it from now on.")


def _preview(
    request: Request,
    collection: collections.Collection,
    wanted: submissions.Cleaning,
    status: int = 200,
    error: str = "",
) -> Response:
    archive, actor = request.state.archive, request.state.actor
    seen = None
    try:
        # Whether there is room for a replacement is asked when it is decided.
        plain = submissions.Cleaning(wanted.value_ids, wanted.word)
        seen = submissions.preview_cleaning(archive, actor, collection.id, plain)
    except (Invalid, NotFound) as refused:
        status, error = status_of(refused), error or refused.message
    if seen is None:
        return _show(request, status, error=error, word=wanted.word)
    return page(
        request,
        "values/clean.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        base=_base(collection),
        wanted=wanted,
        seen=seen,
        actions=WORD_ACTIONS if wanted.word else ACTIONS,
        error=error,
    )


@form_endpoint
def drop_rule(request: Request, form: Form) -> Response:
    """End a rule that cleans a value."""
    only(request)
    collection = own_collection(request)
    rule_id = number_of(text(form, "rule"))
    version = submissions.drop_value_rule(request.state.archive, request.state.actor, collection.id, rule_id)
    words = f"Version {version} of the rules lets it pass again. What is here changes when rules are run again."
    return redirect(request, _base(collection), message=words)


def export(request: Request) -> Response:
    """Give the values of a choice as CSV."""
    only(request, *_ASKED)
    collection = own_collection(request)
    choice = _choice(request, collection)
    found = submissions.every_value(request.state.archive, request.state.actor, choice)
    name = f'attachment; filename="{collection.short_name}-values.csv"'
    return StreamingResponse(_lines(found), media_type="text/csv", headers=PRIVATE | {"Content-Disposition": name})


def _lines(values: Iterator[quarantine.Value]) -> Iterator[str]:
    yield _line(["attribute", "private creator", "vr", "risk", "value", "series", "objects", "accepted"])
    for one in values:
        accepted = "yes" if one.is_accepted else "no"
        yield _line([one.path, one.creator, one.vr, RISKS[one.risk], one.value, one.series, one.objects, accepted])


def _line(cells: Sequence[object]) -> str:
    """A line of CSV; what a spreadsheet would take for a formula gets an apostrophe before it."""
    written = io.StringIO()
    safe = [f"'{one}" if isinstance(one, str) and one[:1] in ("=", "+", "-", "@", "\t", "\r") else one for one in cells]
    csv.writer(written).writerow(safe)
    return written.getvalue()


_BASE = "/admin/collections/{collection}/values"
routes: list[Route] = [
    Route(_BASE, values_page, methods=["GET"]),
    Route(_BASE, search, methods=["POST"]),
    Route(f"{_BASE}/chosen", chosen, methods=["POST"]),
    Route(f"{_BASE}/clean", clean, methods=["POST"]),
    Route(f"{_BASE}/rules", drop_rule, methods=["POST"]),
    Route(f"{_BASE}.csv", export, methods=["GET"]),
]
