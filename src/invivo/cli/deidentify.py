"""`invivo deidentify`: a folder of the site into a folder that may leave it."""

import csv
import os
import signal
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from invivo import deidentification, site
from invivo.cli.output import answering, console
from invivo.errors import Broken, Invalid

SECRET = Path("~/.config/invivo/deidentification.key")
_LONGEST_TABLE = 1 << 28


@answering
def deidentify(
    source: Annotated[Path, typer.Argument(help="Folder (or file) with the originals; nothing in it is changed.")],
    destination: Annotated[Path, typer.Argument(help="Folder for the cleaned objects, made if missing.")],
    profile: Annotated[str, typer.Option(help="basic, tcia, verify, or a profile's file (TOML).")] = "basic",
    options: Annotated[str, typer.Option(help="Options of PS3.15 Annex E on top, by commas: retain_uids,...")] = "",
    project: Annotated[str, typer.Option(help="Keeps the maps of two projects with one secret apart.")] = "default",
    prefix: Annotated[str, typer.Option(help="Begins every subject's label.")] = "SUBJ-",
    secret: Annotated[Path, typer.Option(help="File of the secret; made at the first run. Back it up.")] = SECRET,
    subjects: Annotated[Path | None, typer.Option(help="Lookup table patient id -> label: id_old,id_new.")] = None,
    offsets: Annotated[Path | None, typer.Option(help="Lookup table patient id -> days: id_old,days.")] = None,
    uid_map: Annotated[Path | None, typer.Option(help="Write the map of UIDs: id_old,id_new.")] = None,
    patient_map: Annotated[Path | None, typer.Option(help="Write the map of patients: id_old,id_new.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the report (JSON, without values).")] = None,
    accept: Annotated[
        list[str] | None, typer.Option(help="A doubt that shall not hold objects, such as pixel.photograph; repeat.")
    ] = None,
    ledger: Annotated[Path | None, typer.Option(help="Folder of the run's ledger; else DESTINATION-private.")] = None,
    jobs: Annotated[int, typer.Option(help="Processes; 0: one a core.", min=0, max=256)] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do everything but write the cleaned objects.")] = False,
) -> None:
    """De-identify a folder into another and prove it; what is doubtful is held back with a reason.

    The same command goes on where an interrupted one stopped. The secret, the ledger and the maps tell who is who:
    they stay at the site. The destination and the report may leave it.
    """
    if not source.exists():
        raise Invalid(f"There is no {source}.", code="deidentify.missing")
    rules = _profile(profile, options)
    private = (ledger or destination.with_name(destination.name + "-private")).expanduser()
    private = private.with_name(private.name + "-dry") if dry_run else private
    key = site.read_secret(secret.expanduser(), may_make=not (private / "ledger.sqlite").exists())
    mapping = deidentification.Mapping(
        secret=key,
        subject_prefix=prefix,
        project=project,
        subjects=_table(subjects, "id_new"),
        offsets={patient: int(days) for patient, days in (_table(offsets, "days") or {}).items()} if offsets else None,
        complete=subjects is not None or offsets is not None,
        journal={},
    )
    plan = site.Plan(
        source, destination, rules, mapping, frozenset(accept or ()), jobs or len(os.sched_getaffinity(0)), dry_run
    )
    mark = site.fingerprint(key, project)
    kept = site.Ledger(private, {"secret": mark, "profile": rules.digest, "prefix": prefix})
    try:
        _run(plan, kept)
        _write_map(uid_map, kept.uids())
        _write_map(patient_map, kept.patients())
        summary = site.write_report(report, kept, rules, mark) if report else site.summary_of(kept)
    finally:
        kept.close()
    _tell(summary, private, destination, dry_run)


def _profile(name: str, options: str) -> deidentification.Profile:
    path = Path(name)
    chosen = (
        deidentification.profile_of_text(path.read_text("utf-8"))
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


def _run(plan: site.Plan, kept: site.Ledger) -> None:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
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


def _tell(summary: dict[str, object], private: Path, destination: Path, dry_run: bool) -> None:
    counts = ", ".join(f"{summary[state]} {state}" for state in ("cleaned", "held", "repeated"))
    where = "nothing was written (dry run)" if dry_run else f"in {destination}"
    console.print(f"{summary['files']} files: {counts}; {where}.", highlight=False)
    reasons = summary["held_by_reason"]
    assert isinstance(reasons, dict)
    for reason, count in reasons.items():
        console.print(f"  {count} held: {reason}", highlight=False)
    console.print(f"The ledger in {private} tells who is who; it stays at the site.", highlight=False)


def register(root: typer.Typer) -> None:
    """Add `invivo deidentify` to the command line."""
    root.command("deidentify")(deidentify)
