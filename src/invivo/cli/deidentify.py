"""`invivo deidentify` and `invivo submit`: a folder of the site cleaned there, and what may leave it sent."""

import csv
import os
import signal
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from invivo import client, deidentification, dicom, site
from invivo.cli.output import answering, console
from invivo.cli.site_rules import SiteRules, asking_rules
from invivo.errors import Broken, Invalid, Refused

_LONGEST_TABLE = 1 << 28
_COLUMNS = (
    *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
    *(TimeElapsedColumn(), TimeRemainingColumn()),
)


@dataclass(frozen=True, slots=True)
class Engaged:
    """A run that may start: its plan, its ledger, and the fingerprint of its secret."""

    plan: site.Plan
    ledger: site.Ledger
    mark: str


@answering
@asking_rules()
def deidentify(
    source: Annotated[Path, typer.Argument(help="Folder (or file) with the originals; nothing in it is changed.")],
    destination: Annotated[Path, typer.Argument(help="Folder for the cleaned objects, made if missing.")],
    rules: SiteRules,
    ledger: Annotated[Path | None, typer.Option(help="Folder of the run's ledger; else DESTINATION-private.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do everything but write the cleaned objects.")] = False,
) -> None:
    """De-identify a folder into another and prove it; what is doubtful is held back with a reason.

    The same command goes on where an interrupted one stopped. The secret, the ledger and the maps tell who is who:
    they stay at the site. The destination and the report may leave it.
    """
    private = (ledger or destination.with_name(destination.name + "-private")).expanduser()
    private = private.with_name(private.name + "-dry") if dry_run else private
    engaged = _engaged(rules, source, destination, private, dry_run=dry_run)
    try:
        summary = _cleaned(engaged, rules)
    finally:
        engaged.ledger.close()
    where = "nothing was written (dry run)" if dry_run else f"in {destination}"
    _tell(summary, private, where)


@answering
@asking_rules(profile="tcia")
def submit(
    source: Annotated[Path, typer.Argument(help="Folder (or file) with the originals; nothing in it is changed.")],
    to: Annotated[str, typer.Option("--to", help="Address of the archive; else INVIVO_URL.", envvar="INVIVO_URL")],
    collection: Annotated[str, typer.Option(help="Short name of the collection.")],
    token: Annotated[str, typer.Option(help="API token; else INVIVO_TOKEN.", envvar="INVIVO_TOKEN")] = "",
    submission: Annotated[int | None, typer.Option(help="Number of the submission; else your newest open one.")] = None,
    *,
    rules: SiteRules,
    keep: Annotated[Path | None, typer.Option(help="Folder for the cleaned objects; else SOURCE-submit.")] = None,
) -> None:
    """De-identify a folder here and send what came out clean; secret, ledger and maps stay here.

    The same command goes on where an interrupted one stopped: nothing is cleaned or sent twice. The archive cleans and
    checks again by the collection's own rules; a collection of data de-identified at source keeps them as they are.
    """
    cleaned = keep or source.with_name(source.name + "-submit")
    private = cleaned.with_name(cleaned.name + "-private")
    archive = client.Archive(to, token)
    number = submission or archive.submission_into(collection)
    engaged = _engaged(rules, source, cleaned, private, dry_run=False)
    try:
        summary = _cleaned(engaged, rules)
        _tell(summary, private, f"in {cleaned}")
        sent = _sent(archive, number, engaged)
    finally:
        engaged.ledger.close()
    console.print(
        f"Submission {number} at {to}: "
        + (", ".join(f"{n} {state}" for state, n in sorted(sent.items())) or "nothing new to send")
        + ".",
        highlight=False,
    )
    console.print(f"What the archive makes of it: {to.rstrip('/')}/submissions/{number}", highlight=False)


def _engaged(rules: SiteRules, source: Path, destination: Path, private: Path, *, dry_run: bool) -> Engaged:
    if not source.exists():
        raise Invalid(f"There is no {source}.", code="deidentify.missing")
    site.keep_apart(source, destination, private)
    if not site.is_label(rules.prefix + "X"):
        raise Invalid("The prefix of the labels may have letters, digits, points, dashes and underscores.")
    chosen, numbers = _rules_of(rules)
    key = site.read_secret(rules.secret.expanduser(), may_make=not (private / "ledger.sqlite").exists())
    offsets = _table(rules.offsets, "days")
    mapping = deidentification.Mapping(
        secret=key,
        subject_prefix=rules.prefix,
        project=rules.project,
        subjects=_table(rules.subjects, "id_new"),
        attributes=_attributes(rules.subjects),
        offsets={patient: int(days) for patient, days in offsets.items()} if offsets is not None else None,
        complete=rules.subjects is not None or rules.offsets is not None,
        journal={},
    )
    jobs = 1 if numbers else rules.jobs or os.cpu_count() or 1
    plan = site.Plan(source, destination, chosen, mapping, frozenset(rules.accept or ()), jobs, dry_run)
    mark = site.fingerprint(key, rules.project)
    terms = {"secret": mark, "profile": chosen.digest, "prefix": rules.prefix}
    ledger = site.Ledger(private, terms)
    if numbers is not None:
        numbers.attach(ledger)
    return Engaged(plan, ledger, mark)


def _cleaned(engaged: Engaged, rules: SiteRules) -> dict[str, object]:
    _run(engaged.plan, engaged.ledger)
    _write_map(rules.uid_map, engaged.ledger.uids())
    _write_map(rules.patient_map, engaged.ledger.patients())
    if rules.report is None:
        return site.summary_of(engaged.ledger)
    return site.write_report(rules.report, engaged.ledger, engaged.plan.profile, engaged.mark)


def _sent(archive: client.Archive, number: int, engaged: Engaged) -> Counter[str]:
    """Send every cleaned object that the archive has not acknowledged yet."""
    where = f"{archive.http.base_url}#{number}"
    waiting = engaged.ledger.unsent(where)
    outcomes: Counter[str] = Counter()
    with Progress(*_COLUMNS, console=console, transient=True) as progress:
        task = progress.add_task("sending", total=len(waiting))
        for one in waiting:
            receipt = archive.upload(engaged.plan.destination / one.target, number)
            outcome = str(receipt.get("outcome") or "taken")
            if outcome == "refused":
                reason = str(receipt.get("reason") or "The archive refused an object.")
                raise Refused(reason, code="submit.refused")
            engaged.ledger.mark_sent(where, one.path, outcome)
            outcomes[outcome] += 1
            progress.advance(task)
    return outcomes


def _rules_of(rules: SiteRules) -> tuple[deidentification.Profile, site.Numbers | None]:
    """Read the profile, or the scripts that take its place. A script that gives out numbers gets a book for them."""
    if rules.script is None:
        if rules.lookup or rules.parameter or rules.pixel_script or rules.object_filter:
            raise Invalid("A lookup table, parameters, a pixel script and a filter go with --script.")
        return _profile(rules.profile, rules.options), None
    given = dict(one.partition("=")[::2] for one in rules.parameter or ())
    text = _text_of(rules.script)
    lookup = None
    if rules.lookup is not None:
        form = "csv" if rules.lookup.suffix == ".csv" else "properties"
        lookup = deidentification.read_lookup(_text_of(rules.lookup), form=form)
    loaded = deidentification.load_script(text, parameters=given, lookup=lookup)
    for warned in loaded.warnings:
        console.print(f"Line {warned.line}, column {warned.column}: {warned.text}", highlight=False, markup=False)
    numbers = site.Numbers() if "@integer" in text or "mapUID" in text else None
    profile = deidentification.script_profile(
        loaded,
        pixel_script=deidentification.load_pixel_script(_text_of(rules.pixel_script)) if rules.pixel_script else None,
        object_filter=deidentification.load_filter(_text_of(rules.object_filter)) if rules.object_filter else None,
        numbers=numbers,
    )
    return profile, numbers


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise Invalid(f"{path} cannot be read as text in UTF-8.") from None


def _profile(name: str, options: str) -> deidentification.Profile:
    path = Path(name)
    chosen = (
        deidentification.profile_of_text(_text_of(path))
        if path.suffix == ".toml" or path.is_file()
        else deidentification.profile_named(name)
    )
    wanted = frozenset(option.strip() for option in options.split(",") if option.strip())
    return chosen.with_options(wanted) if wanted else chosen


def _table(path: Path | None, column: str) -> dict[str, str] | None:
    """Read a lookup table; nothing of it is shown in an error but the number of a line."""
    if path is None:
        return None
    if path.stat().st_size > _LONGEST_TABLE:
        raise Invalid(f"{path} is too long for a lookup table.")
    found: dict[str, str] = {}
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        if not {"id_old", column} <= set(reader.fieldnames or ()):
            raise Invalid(f"{path} needs the columns id_old and {column} in its first line.")
        for row in reader:
            old, new = (row["id_old"] or "").strip(), (row[column] or "").strip()
            usable = new.lstrip("-").isdigit() if column == "days" else site.is_label(new)
            if not old or not usable or found.get(old, new) != new:
                raise Invalid(f"Line {reader.line_num} of {path} is empty, unusable or contradicts an earlier one.")
            found[old] = new
    return found


def _attributes(path: Path | None) -> dict[str, dict[str, str]] | None:
    """Read the columns of a lookup table that are attributes."""
    if path is None:
        return None
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        keywords = [name for name in reader.fieldnames or () if name not in {"id_old", "id_new"}]
        for keyword in keywords:
            if dicom.attribute(keyword).vr not in {"LO", "SH", "CS", "ST", "LT"}:
                raise Invalid(f"The column {keyword} of {path} is no attribute that holds text.")
        return {
            (row["id_old"] or "").strip(): {keyword: row[keyword].strip() for keyword in keywords if row[keyword]}
            for row in reader
        }


def _run(plan: site.Plan, kept: site.Ledger) -> None:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    with Progress(*_COLUMNS, console=console, transient=True) as progress:
        tasks = {stage: progress.add_task(stage, total=None) for stage in ("looking", "cleaning")}
        try:
            site.deidentify_folder(
                plan, kept, lambda stage, done, total: progress.update(tasks[stage], completed=done, total=total)
            )
        except OSError as error:
            raise Broken(
                f"The run broke off ({error.strerror or type(error).__name__}); what is done stays. Mend it and run the same "
                "command again: it goes on."
            ) from None


def _write_map(path: Path | None, rows: Iterable[tuple[str, str]]) -> None:
    """Write a map whole or not at all, readable by its owner only."""
    if path is None:
        return
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("id_old", "id_new"))
        writer.writerows(rows)
    part.replace(path)


def _tell(summary: dict[str, object], private: Path, where: str) -> None:
    counts = ", ".join(f"{summary[state]} {state}" for state in ("cleaned", "held", "repeated"))
    console.print(f"{summary['files']} files: {counts}; {where}.", highlight=False)
    reasons = summary["held_by_reason"]
    assert isinstance(reasons, dict)
    for reason, count in reasons.items():
        console.print(f"  {count} held: {reason}", highlight=False)
    console.print(f"The ledger in {private} tells who is who; it stays at the site.", highlight=False)


def register(root: typer.Typer) -> None:
    """Add `invivo deidentify` and `invivo submit` to the command line."""
    root.command("deidentify")(deidentify)
    root.command("submit")(submit)
