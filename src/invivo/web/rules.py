"""The rules of a collection: what they do to every attribute, their versions, trials of drafts, and runs over what is here."""

import difflib
import re
from typing import Any

from pydicom._dicom_dict import DicomDictionary
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from invivo import accounts, collections, deidentification, submissions
from invivo.errors import Conflict, Invalid
from invivo.web.form import Form, form_endpoint, only, redirect, text, texts
from invivo.web.policies import PRIVATE, own_collection
from invivo.web.render import page
from invivo.web.rule_words import CODES, DOUBTS, MEANINGS, OPTION_WORDS, why

# Attributes of repeating groups and private ones stand in the table as patterns; one tag of each speaks for all.
PATTERNS = {
    0x50000005: "(50xx,xxxx) Curve data",
    0x60003000: "(60xx,3000) Overlay data",
    0x60004000: "(60xx,4000) Overlay comments",
    0x00091001: "Private attributes",
}
KINDS = (
    ("toml", "Profile", "Our own form: begins with a built-in profile and says what is different"),
    ("ctp", "CTP", "A script of CTP's DicomAnonymizer"),
    ("dicomedit", "DicomEdit", "A script in the language of DicomEdit 6, or 4"),
    ("builtin", "Built-in", "Only a name and options: basic, tcia or verify"),
)
KIND_WORDS = {key: words for key, words, _ in KINDS}
HEADS = (
    ("allow", "Let them pass", "A note says that a face may be reconstructed"),
    ("evidence", "Want evidence", "Held, unless the object says that its face was taken off"),
    ("hold", "Hold them all", "A person looks at every one"),
)
HEAD_WORDS = {key: words for key, words, _ in HEADS}
LOOKUP_FORMS = (
    ("", "As usual for the kind"),
    ("properties", "keytype/key=value"),
    ("csv", "CSV: key,value"),
    ("dicomedit", "DicomEdit"),
)
DATED = frozenset({"DA", "DT", "TM"})  # for them "cleaned" means shifted
MOST_ROWS = 1500
STARTER = """name = "{name}"
version = "1"
title = "Rules of {short_name}"
base = "{base}"            # basic, tcia or verify
options = []              # added to those of the base
without = []              # taken off

# A rule stands above the table of PS3.15 Annex E. Actions:
# D dummy, Z empty, X remove, K keep, C clean, U new UID.
# [[rules]]
# attribute = "StationName"
# action = "X"
"""


def attribute_rules(profile: deidentification.Profile) -> list[dict[str, Any]]:
    """List every attribute of the dictionary with what becomes of it where it is optional, type 2 and type 1."""
    listed = []
    for tag in sorted({*DicomDictionary, *PATTERNS}):
        if tag < 0x00080000:
            continue
        found = [deidentification.effective_action(profile, tag, None, kind) for kind in (None, "2", "1")]
        name = PATTERNS.get(tag) or DicomDictionary[tag][4] or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
        listed.append(
            {
                "tag": "" if tag in PATTERNS else f"({tag >> 16:04X},{tag & 0xFFFF:04X})",
                "name": name,
                "codes": [one.code for one in found],
                "is_dated": tag not in PATTERNS and DicomDictionary[tag][0] in DATED,
                "reason": why(found[0].reason),
                "is_named": found[0].reason.startswith(("E.1-1", "rule")) or tag in PATTERNS,
            }
        )
    return listed


def compared(old: deidentification.Profile, new: deidentification.Profile) -> list[dict[str, Any]] | None:
    """List what two profiles do differently, attribute by attribute; None where one of them is a script."""
    scripted = deidentification.ScriptProfile
    if isinstance(old, scripted) or isinstance(new, scripted):
        return None
    rows = [
        {
            **{"name": before["name"], "tag": before["tag"], "is_dated": before["is_dated"]},
            **{"old": before["codes"], "new": after["codes"], "reason": after["reason"]},
        }
        for before, after in zip(attribute_rules(old), attribute_rules(new), strict=True)
        if before["codes"] != after["codes"]
    ]
    inner = [{rule.pattern: rule.code for rule in one.rules if "/" in rule.pattern} for one in (old, new)]
    for pattern in sorted({*inner[0], *inner[1]}):
        pair = [side.get(pattern, "") for side in inner]
        reason = "A rule of this collection" if pair[1] else "No rule any more"
        if pair[0] != pair[1]:
            rows.append(
                {"name": pattern, "tag": "", "is_dated": False, "old": [pair[0]], "new": [pair[1]], "reason": reason}
            )
    return rows


def rules_page(request: Request) -> Response:
    """Show the rules in force and, where they are a profile, what becomes of every attribute."""
    only(request, "all", "code", "q")
    collection = own_collection(request)
    with request.state.archive.database.transaction() as tx:
        policy = collections.policy_of(tx, collection.id)
    assert policy.rules is not None
    archive, actor = request.state.archive, request.state.actor
    history = collections.rules_history(archive, actor, collection.id)
    runs = submissions.runs_of(archive, actor, collection.id)
    trouble: submissions.RulesRefused | None = None
    context: dict[str, Any] = {"rows": [], "counts": {}, "total": 0, "profile": None, "options": []}
    try:
        context |= _table(request, submissions.profile_for(policy))
    except submissions.RulesRefused as error:
        trouble = error
    return page(
        request,
        "admin/rules.html",
        headers=PRIVATE,
        collection=collection,
        rules=policy.rules,
        trouble=trouble,
        listing=_listing(policy.rules),
        history=history,
        draft=history[0] if history[0].version > policy.rules.version else None,
        steps=steps_of(policy.rules, policy.rules.version, runs),
        runs=runs[:10],
        names=names_of_people(request, collection),
        code=request.query_params.get("code", ""),
        shows_all=request.query_params.get("all") == "yes",
        asked=request.query_params.get("q", "")[:100],
        words=CODES,
        meanings=MEANINGS,
        **about(request, collection),
        **context,
    )


def _telling_run(runs: list[submissions.RulesRun], kind: str, version: int) -> submissions.RulesRun | None:
    """Return the newest run of a version that ended, or else one that still runs."""
    of_version = [run for run in runs if (run.kind, run.version) == (kind, version)]
    return next((run for state in ("done", "running") for run in of_version if run.state == state), None)


def steps_of(
    rules: collections.Rules, in_force: int, runs: list[submissions.RulesRun]
) -> list[tuple[str, str, str, str]]:
    """List what a version went through and what comes next: step, state, note, and the address below the rules of a run.

    The first version has no steps, since nothing was here before it; neither has one whose time is over.
    """
    if rules.version == 1 or rules.version < in_force:
        return []
    trial, rerun = (_telling_run(runs, kind, rules.version) for kind in ("trial", "rerun"))
    is_draft = rules.version > in_force
    tried = ("Try it", "current" if is_draft else "todo", "on objects that are here", "")
    if trial:
        refused = sum(one.get("new", 0) for one in trial.report.get("refusals", {}).values())
        looked, changed = trial.count("looked_at"), trial.count("changed")
        note = f"{refused:,} of {looked:,} objects refused" if refused else f"{changed:,} of {looked:,} objects differ"
        state = "current" if trial.state == "running" else "failed" if refused else "done"
        tried = ("Tried", state, "is being tried" if trial.state == "running" else note, f"/runs/{trial.id}")
    enforced = ("Put it in force", "current" if tried[1] == "done" else "todo", "for what arrives from then on", "")
    if not is_draft:
        enforced = ("In force", "done", "for what arrives", "")
    again = ("Run it again", "todo" if is_draft or tried[1] == "failed" else "current", "on what is here already", "")
    if rerun:
        note = f"{rerun.count('changed'):,} of {rerun.count('looked_at'):,} objects changed"
        again = ("Run again", "done" if rerun.state == "done" else "current", note, f"/runs/{rerun.id}")
    return [("Written", "done", "", ""), *((tried,) if is_draft or trial else ()), enforced, again]


def _table(request: Request, profile: deidentification.Profile) -> dict[str, Any]:
    if isinstance(profile, deidentification.ScriptProfile):
        return {"profile": profile}
    rows = [row for row in attribute_rules(profile) if request.query_params.get("all") == "yes" or row["is_named"]]
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["codes"][0]] = counts.get(row["codes"][0], 0) + 1
    code = request.query_params.get("code", "")
    return {
        "profile": profile,
        "options": [deidentification.OPTIONS[key] for key in sorted(profile.options)],
        "rows": [row for row in rows if code in ("", row["codes"][0])],
        "counts": counts,
        "total": len(rows),
    }


def about(request: Request, collection: collections.Collection) -> dict[str, Any]:
    return {
        "may_own": request.state.actor.may_own(collection.id),
        "kind_words": KIND_WORDS,
        "head_words": HEAD_WORDS,
        "doubt_words": DOUBTS,
    }


def names_of_people(request: Request, collection: collections.Collection) -> dict[str, str]:
    """Return the names of people by what rules call their authors; who is no administrator knows those of the collection."""
    archive, actor = request.state.archive, request.state.actor
    if actor.is_administrator:
        return {f"person:{one.id}": one.name for one in accounts.list_people(archive, actor)}
    known = {f"person:{one.person_id}": one.name for one in collections.members_of(archive, actor, collection.id)}
    return known | {actor.name: actor.label}


def _listing(rules: collections.Rules) -> list[dict[str, Any]]:
    """List the texts of rules line by line, with the warnings at each; nothing of a built-in profile or a lookup table."""
    if rules.kind == "builtin":
        return []
    try:
        warned = submissions.warnings_of(rules)
    except submissions.RulesRefused as error:
        warned = [submissions.Warned(error.part, error.line, error.column, error.reason)]
    parts = (("text", "Rules"), ("pixel_text", "Pixel script"), ("filter_text", "Filter"))
    return [
        {
            "title": title,
            "lines": [
                (number, line, [one for one in warned if (one.part, one.line) == (part, number)])
                for number, line in enumerate(getattr(rules, part).splitlines()[:20_000], 1)
            ],
        }
        for part, title in parts
        if getattr(rules, part).strip()
    ]


def version_page(request: Request) -> Response:
    """Show one version and what it does differently from the one in force."""
    only(request)
    collection = own_collection(request)
    archive, actor = request.state.archive, request.state.actor
    rules = collections.rules_version(archive, actor, collection.id, request.path_params["version"])
    with archive.database.transaction() as tx:
        current = collections.rules_in_force(tx, collection.id)
    return page(
        request,
        "admin/rules-version.html",
        headers=PRIVATE,
        collection=collection,
        rules=rules,
        current=current,
        listing=_listing(rules),
        steps=steps_of(rules, current.version, submissions.runs_of(archive, actor, collection.id)),
        names=names_of_people(request, collection),
        words=CODES,
        **_difference(current, rules),
        **about(request, collection),
    )


def _difference(old: collections.Rules, new: collections.Rules | collections.RulesDraft) -> dict[str, Any]:
    """What one version does differently from another: by attribute, or by line where a script decides."""
    try:
        rows = compared(submissions.profile_of_rules(old), submissions.profile_of_rules(new))
    except submissions.RulesRefused as error:
        return {"differing": None, "differing_count": 0, "lines": [], "settings": [], "trouble": error}
    lines: list[str] = []
    if rows is None:
        lines = list(difflib.unified_diff(old.text.splitlines(), new.text.splitlines(), lineterm="", n=2))[2:2002]
    settings = [
        (words, before, after)
        for words, before, after in (
            ("Doubts that hold nothing", _accepted_words(old), _accepted_words(new)),
            ("Heads", HEAD_WORDS[old.head_policy], HEAD_WORDS[new.head_policy]),
            ("Lookup table", *("changed" if old.lookup != new.lookup else "" for _ in range(2))),
            ("Pixel script", *("changed" if old.pixel_text != new.pixel_text else "" for _ in range(2))),
            ("Filter", *("changed" if old.filter_text != new.filter_text else "" for _ in range(2))),
        )
        if before != after or before == "changed"
    ]
    shown = None if rows is None else rows[:MOST_ROWS]
    return {
        "differing": shown,
        "differing_count": len(rows or ()),
        "lines": lines,
        "settings": settings,
        "trouble": None,
    }


def _accepted_words(rules: collections.Rules | collections.RulesDraft) -> str:
    return ", ".join(submissions.ACCEPTABLE.get(code, code) for code in sorted(rules.accepted)) or "none"


def new_page(request: Request) -> Response:
    """Show the form for a new version, filled with the version in force or one that is named."""
    only(request, "from")
    collection = own_collection(request)
    archive, actor = request.state.archive, request.state.actor
    with archive.database.transaction() as tx:
        start = collections.rules_in_force(tx, collection.id)
    origin = request.query_params.get("from", "")
    if origin.isdecimal():
        start = collections.rules_version(archive, actor, collection.id, int(origin[:9]))
    value: dict[str, Any] = {
        name: getattr(start, name)
        for name in ("kind", "text", "pixel_text", "filter_text", "lookup_form", "accepted", "head_policy")
    }
    if start.kind == "builtin" and not origin:
        name = re.sub(r"[^A-Za-z0-9._-]", "-", collection.short_name)[:40].lower()
        text_of = STARTER.format(name=name, short_name=collection.short_name, base=start.text.split()[0])
        value |= {"kind": "toml", "text": text_of}
    return _form(request, collection, value | {"note": ""}, start)


def _form(
    request: Request,
    collection: collections.Collection,
    value: dict[str, Any],
    start: collections.Rules,
    status: int = 200,
    **more: Any,
) -> Response:
    shown: dict[str, Any] = {"errors": {}, "place": None, "checked": None, "warned": []}
    return page(
        request,
        "admin/rules-new.html",
        status=status,
        headers=PRIVATE,
        collection=collection,
        value=value,
        start=start,
        kinds=KINDS,
        heads=HEADS,
        lookup_forms=LOOKUP_FORMS,
        acceptable=[(code, words, code) for code, words in submissions.ACCEPTABLE.items()],
        words=CODES,
        meanings=MEANINGS,
        option_words=[(key, *deidentification.OPTIONS[key], told) for key, told in OPTION_WORDS.items()],
        **(shown | more),
        **about(request, collection),
    )


@form_endpoint
def write(request: Request, form: Form) -> Response:
    """Check rules that somebody wrote, and keep them as a draft if asked to; with anything wrong nothing is kept."""
    collection = own_collection(request)
    archive, actor = request.state.archive, request.state.actor
    start = collections.rules_version(archive, actor, collection.id, number_of(text(form, "start")))
    value: dict[str, Any] = {name: text(form, name) for name in ("kind", "lookup_form", "note")}
    value |= {name: _written(form, name) for name in ("text", "pixel_text", "filter_text")}
    value |= {"accepted": texts(form, "accepted"), "head_policy": text(form, "head_policy") or "allow"}
    keeps_lookup = text(form, "keeps_lookup") == "yes"
    lookup = start.lookup if keeps_lookup else _written(form, "lookup")
    draft = collections.RulesDraft(**(value | {"accepted": tuple(value["accepted"])}), lookup=lookup)
    value["keeps_lookup"] = keeps_lookup
    try:
        if text(form, "act") == "check":
            submissions.check_rules(draft)
            return _checked(request, collection, value, start, draft)
        version = submissions.write_rules(archive, actor, collection.id, draft)
    except submissions.RulesRefused as error:
        told = f"Line {error.line}, column {error.column}: {error.reason}"
        place = _place(draft, error)
        return _form(request, collection, value, start, 400, errors={error.part: told}, place=place)
    except Invalid as error:
        field = error.kind.removeprefix("collection.rules-").replace("-", "_")
        return _form(request, collection, value, start, 400, errors={field: error.message})
    target = f"/admin/collections/{collection.short_name}/rules/versions/{version}"
    return redirect(request, target, message=f"Version {version} is kept as a draft. It is not in force yet.")


def _written(form: Form, name: str) -> str:
    """A text as it was written, with its blanks and empty lines, so that lines and columns are what its author counts."""
    value = form.get(name, "")
    return value.replace("\r\n", "\n") if isinstance(value, str) and value.strip() else ""


def _checked(
    request: Request,
    collection: collections.Collection,
    value: dict[str, Any],
    start: collections.Rules,
    draft: collections.RulesDraft,
) -> Response:
    with request.state.archive.database.transaction() as tx:
        current = collections.rules_in_force(tx, collection.id)
    checked = _difference(current, draft) | {"current": current}
    return _form(request, collection, value, start, checked=checked, warned=submissions.warnings_of(draft))


def _place(draft: collections.RulesDraft, error: submissions.RulesRefused) -> dict[str, Any] | None:
    """The line at which rules are wrong; a line of a lookup table is never shown."""
    if error.part == "lookup":
        return None
    lines = getattr(draft, error.part).splitlines()
    if not 1 <= error.line <= len(lines):
        return None
    before = min(max(error.column - 1, 0), len(lines[error.line - 1]))
    start = max(0, before - 60)
    line = lines[error.line - 1][start : before + 60]
    return {"line": error.line, "text": line, "mark": " " * (before - start) + "^"}


@form_endpoint
def enforce(request: Request, _form_sent: Form) -> Response:
    """Put a version in force."""
    collection = own_collection(request)
    version = request.path_params["version"]
    base = f"/admin/collections/{collection.short_name}/rules"
    try:
        submissions.enforce_rules(request.state.archive, request.state.actor, collection.id, version)
    except (Conflict, Invalid) as error:
        return redirect(request, f"{base}/versions/{version}", message=error.message, kind="danger")
    told = f"Version {version} is in force for what arrives from now on. To apply it to what is here, run it again."
    return redirect(request, base, message=told)


def number_of(written: str) -> int:
    return int(written) if written.isdecimal() and len(written) < 10 else 0


_BASE = "/admin/collections/{collection}/rules"
routes: list[Route] = [
    Route(_BASE, rules_page),
    Route(f"{_BASE}/new", new_page, methods=["GET"]),
    Route(f"{_BASE}/new", write, methods=["POST"]),
    Route(f"{_BASE}/versions/{{version:int}}", version_page),
    Route(f"{_BASE}/versions/{{version:int}}/enforce", enforce, methods=["POST"]),
]
