"""The report of a delivery: what was done to every file, by which rules, without a value and without a name."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from invivo import __version__, deidentification
from invivo.site.ledger import Ledger, Outcome

FORMAT = "invivo-deidentification-report"


def write_report(path: Path, ledger: Ledger, profile: deidentification.Profile, fingerprint: str) -> dict[str, Any]:
    """Write the report of everything a ledger holds, whole or not at all.

    ``files`` are numbered in the order of the ledger's paths, which the site keeps to itself; ``actions`` of a file
    names one of ``action_sets``, lists of place, code (Annex E) and rule.

    Returns
    -------
    dict
        The summary that stands in it.
    """
    outcomes = list(ledger.outcomes())
    summary = _summary(outcomes)
    report = {
        "format": FORMAT,
        "format_version": 1,
        "software": f"invivo {__version__}",
        "profile": _profile(profile),
        "secret_fingerprint": fingerprint,
        "summary": summary,
        "action_sets": {
            digest: [{"path": place, "action": code, "rule": rule} for place, code, rule in actions]
            for digest, actions in ledger.action_sets().items()
        },
        "files": [_file(number, one) for number, one in enumerate(outcomes, 1)],
    }
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")
    part.replace(path)
    return summary


def _profile(profile: deidentification.Profile) -> dict[str, Any]:
    codes = [deidentification.OPTIONS[option][0] for option in sorted(profile.options)]
    rules = [{"attribute": rule.pattern, "action": rule.code} for rule in profile.rules]
    return {"name": profile.name, "version": profile.version, "codes": ["113100", *codes], "rules": rules}


def summary_of(ledger: Ledger) -> dict[str, Any]:
    """How many files became what, and of how many subjects, studies and series."""
    return _summary(list(ledger.outcomes()))


def _summary(outcomes: list[Outcome]) -> dict[str, Any]:
    cleaned = [one for one in outcomes if one.outcome == "cleaned"]
    return {
        "files": len(outcomes),
        **{state: sum(one.outcome == state for one in outcomes) for state in ("cleaned", "held", "repeated")},
        "held_by_reason": dict(sorted(Counter(one.reason for one in outcomes if one.outcome == "held").items())),
        "subjects": len({one.subject for one in cleaned}),
        "studies": len({one.study for one in cleaned}),
        "series": len({one.series for one in cleaned}),
    }


def _file(number: int, one: Outcome) -> dict[str, Any]:
    told = json.loads(one.told)
    doubts = [{"code": code, "severity": severity, "path": path} for code, severity, path in told.get("doubts", [])]
    return {
        "number": number,
        "outcome": one.outcome,
        "reason": one.reason,
        "target": one.target,
        "sha256": one.sha256,
        "actions": told.get("actions", ""),
        "doubts": doubts,
        "leftovers": told.get("leftovers", []),
    }
