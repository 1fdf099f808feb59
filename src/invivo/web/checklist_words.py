"""What stands beside the steps of a checklist: counts of the archive, in words, with the place to look."""

from dataclasses import dataclass

from invivo import reviews, submissions
from invivo.web.render import counted


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted of a collection's coming release."""

    collection: str
    seen: reviews.Evidence
    balances: dict[int, list[submissions.Balance]]
    review_rule: str

    def series(self, *prefixes: str) -> int:
        """Return at how many series findings stand whose codes begin so; a series counts at each of them."""
        return sum(one.series for code, one in self.seen.findings.items() if code.startswith(prefixes))


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was counted; ``tone`` is good, warn or plain."""

    text: str
    tone: str = "plain"
    url: str = ""


def evidence_lines(step: str, known: Counted) -> list[Line]:
    """Return what is known about a step; nothing for steps that a collection has made up itself."""
    found = _STEPS.get(step)
    return found(known) if found else []


def _queue(known: Counted, **asked: str) -> str:
    return f"/reviews?collection={known.collection}" + "".join(f"&{key}={value}" for key, value in asked.items())


def _import(known: Counted) -> list[Line]:
    objects = known.seen.objects
    pending, stuck = objects.get("received", 0), objects.get("stuck", 0)
    cleaned = objects.get("cleaned", 0) + objects.get("cleared", 0)
    lines = [Line(f"{counted(cleaned, 'object')} de-identified.", "good" if cleaned else "plain")]
    lines.append(
        Line(f"{counted(pending, 'object is', 'objects are')} still being processed.", "warn")
        if pending
        else Line("Nothing is being processed.", "good")
    )
    lines.append(
        Line(f"{counted(stuck, 'object is', 'objects are')} stuck.", "warn", _queue(known, code="object.stuck"))
        if stuck
        else Line("Nothing is stuck.", "good")
    )
    return lines


def _findings(known: Counted, none: str, *prefixes: str) -> list[Line]:
    """List the findings whose codes begin so, each with how many series nobody has decided on."""
    lines = []
    for code, one in known.seen.findings.items():
        if code.startswith(prefixes):
            left = f", {one.undecided:,} undecided" if one.undecided else ", all decided"
            tone = "warn" if one.undecided and one.severity != "info" else "plain"
            url = _queue(known, code=code) if one.undecided else ""
            lines.append(Line(f"{code}: {counted(one.series, 'series', 'series')}{left}.", tone, url))
    return lines or [Line(none, "good")]


def _subjects(known: Counted) -> list[Line]:
    return _findings(known, "Each study has one subject, and each subject an identifier.", "study.mixed", "subject.")


def _counts(known: Counted) -> list[Line]:
    lines = []
    for number, balances in known.balances.items():
        told = [one for one in balances if one.announced is not None]
        url = f"/submissions/{number}/delivery"
        if not told:
            came = sum(one.series for one in balances if not one.modality) or sum(one.series for one in balances)
            lines.append(
                Line(f"Delivery {number}: {counted(came, 'series', 'series')} came; nothing was announced.", url=url)
            )
        for one in told:
            what = one.modality or "all together"
            expected = one.announced
            pairs = [
                (one.subjects, expected.subjects if expected else 0, "subjects"),
                (one.studies, expected.studies if expected else 0, "studies"),
                (one.series, expected.series if expected else 0, "series"),
            ]
            words = ", ".join(f"{came:,} of {due:,} {name}" for came, due, name in pairs if due)
            lines.append(Line(f"Delivery {number}, {what}: {words}.", "good" if one.is_complete else "warn", url))
    return lines or [Line("Nothing has come in this round.")]


def _duplicates(known: Counted) -> list[Line]:
    return _findings(known, "No conflict, and no series with the same pixels.", "object.conflict", "series.same-pixels")


def _consistency(known: Counted) -> list[Line]:
    return _findings(known, "No gap, no mixture.", "geometry.", "series.mixed", "series.number", "study.mixed")


def _iod(known: Counted) -> list[Line]:
    return _findings(known, "The checks found nothing missing or empty.", "conformance.")


def _visual(known: Counted) -> list[Line]:
    items = known.seen.items
    left, done = items.get("open", 0), items.get("approved", 0)
    lines = [
        Line(f"{counted(left, 'series waits', 'series wait')} for a decision.", "warn", _queue(known, state="open"))
        if left
        else Line("No series waits for a decision.", "good")
    ]
    lines.append(Line(f"{counted(done, 'series is', 'series are')} approved in this round."))
    if known.seen.by_rule:
        lines.append(
            Line(f"{counted(known.seen.by_rule, 'series was', 'series were')} approved by a rule, seen by nobody.")
        )
    if known.seen.read_once:
        own = known.seen.read_by_actor
        words = f"{counted(known.seen.read_once, 'series waits', 'series wait')} for a second person"
        words += f", {own:,} of them for another than you." if own else "."
        lines.append(Line(words, "warn", _queue(known, who="second" if own < known.seen.read_once else "read")))
    return lines + [one for one in _findings(known, "", "pixel.") if one.text]


def _values(known: Counted) -> list[Line]:
    return _findings(
        known, "No value of an original was found in a cleaned object.", "proof.", "text.", "identifier.", "table."
    )


def _references(known: Counted) -> list[Line]:
    return _findings(known, "No finding about references.", "reference.", "references.")


def _removed(known: Counted) -> list[Line]:
    gone, later = known.seen.items.get("rejected", 0), known.seen.items.get("deferred", 0)
    lines = [
        Line(
            f"{counted(gone, 'series was', 'series were')} rejected in this round.", url=_queue(known, state="rejected")
        )
    ]
    if later:
        words = f"{counted(later, 'series is', 'series are')} deferred and will stay behind."
        lines.append(Line(words, "warn", _queue(known, state="deferred")))
    return lines


def _compared(known: Counted) -> list[Line]:
    series, objects = known.seen.items.get("approved", 0), known.seen.objects.get("cleared", 0)
    words = f"{counted(series, 'series', 'series')} approved, {counted(objects, 'object')} cleared for the release."
    return [Line(words, "good" if objects else "plain", f"/releases/{known.collection}")]


_STEPS = {
    "import": _import,
    "subjects": _subjects,
    "counts": _counts,
    "duplicates": _duplicates,
    "consistency": _consistency,
    "iod": _iod,
    "visual": _visual,
    "values": _values,
    "references": _references,
    "removed": _removed,
    "compared": _compared,
}
