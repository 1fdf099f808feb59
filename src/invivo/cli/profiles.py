"""`invivo profiles`: a collection's rules of de-identification, from files."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from invivo import collections, submissions
from invivo.archive import Archive
from invivo.cli.options import SYSTEM, AsJson, Home, installation
from invivo.cli.output import answering, console, show
from invivo.errors import Invalid, TooLarge

application = typer.Typer(no_args_is_help=True)
LARGEST_BYTES = 16 << 20
Kind = Annotated[str, typer.Option(help="toml, ctp, dicomedit or builtin; else by the file's name.")]
Lookup = Annotated[Path | None, typer.Option(help="Lookup table of a script. It holds identifiers.")]
LookupForm = Annotated[str, typer.Option(help="properties, csv or dicomedit; else as usual for the kind.")]
Pixels = Annotated[Path | None, typer.Option(help="CTP pixel script.")]
Filter = Annotated[Path | None, typer.Option(help="CTP filter script.")]
_KINDS = {".toml": "toml", ".das": "dicomedit", ".dicomedit": "dicomedit"}


@dataclass(frozen=True, slots=True)
class _Row:
    """A version as it is listed: without its texts."""

    collection: str
    version: int
    kind: str
    heads: str
    accepted: tuple[str, ...]
    note: str
    made_by: str
    made_at: datetime
    in_force_at: datetime | None

    @classmethod
    def of(cls, rules: collections.Rules, short_name: str) -> "_Row":
        return cls(
            *(short_name, rules.version, rules.kind, rules.head_policy, rules.accepted, rules.note),
            *(rules.made_by, rules.made_at, rules.in_force_at),
        )


def _read(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise TooLarge(f"{path} is larger than {LARGEST_BYTES} bytes.", code="profiles.too-large")
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise Invalid(f"{path} cannot be read ({error.strerror}).", code="profiles.unreadable") from None
    except UnicodeDecodeError:
        raise Invalid(f"{path} is not UTF-8.", code="profiles.unreadable") from None


def _draft(  # noqa: PLR0917 - the files of one version
    file: Path, kind: str, lookup: Path | None, lookup_form: str, pixels: Path | None, object_filter: Path | None
) -> collections.RulesDraft:
    return collections.RulesDraft(
        kind or _KINDS.get(file.suffix.lower(), "ctp"),
        _read(file),
        pixel_text=_read(pixels),
        filter_text=_read(object_filter),
        lookup=_read(lookup),
        lookup_form=lookup_form,
    )


def _tell_warnings(draft: collections.RulesDraft) -> None:
    for one in submissions.warnings_of(draft):
        console.print(f"  line {one.line}, column {one.column}: {one.text}", highlight=False, markup=False)


@application.command("list")
@answering
def list_profiles(
    collection: Annotated[str, typer.Argument(help="The collection's short name; else all collections.")] = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List the versions of a collection's rules, or what is in force in each collection."""
    with installation(home) as archive:
        if collection:
            known = collections.collection_named(archive, SYSTEM, collection)
            rules = collections.rules_history(archive, SYSTEM, known.id)
        else:
            with archive.database.transaction() as tx:
                rules = [collections.rules_in_force(tx, one.id) for one in collections.listed(archive, SYSTEM)]
        names = {one.id: one.short_name for one in collections.listed(archive, SYSTEM)}
    listed = [_Row.of(one, names[one.collection_id]) for one in rules]
    show(
        listed,
        ("collection", "version", "kind", "heads", "accepted", "made_at", "in_force_at", "note"),
        as_json=as_json,
    )


@application.command("show")
@answering
def show_profile(
    collection: Annotated[str, typer.Argument(help="The collection's short name.")],
    version: Annotated[int | None, typer.Argument(help="Version; else the one in force.")] = None,
    home: Home = None,
) -> None:
    """Print the text of a collection's rules. A lookup table is never printed."""
    with installation(home) as archive:
        known = collections.collection_named(archive, SYSTEM, collection)
        with archive.database.transaction() as tx:
            rules = collections.rules_in_force(tx, known.id)
        if version is not None:
            rules = collections.rules_version(archive, SYSTEM, known.id, version)
    typer.echo(rules.text)


@application.command("check")
@answering
def check(  # noqa: PLR0917 - the command line's own words
    file: Annotated[Path, typer.Argument(help="Profile in TOML, or a script.")],
    kind: Kind = "",
    lookup: Lookup = None,
    lookup_form: LookupForm = "",
    pixels: Pixels = None,
    object_filter: Filter = None,
) -> None:
    """Check a profile or script without an archive: wrong ones are told with line and column."""
    draft = _draft(file, kind, lookup, lookup_form, pixels, object_filter)
    submissions.check_rules(draft)
    profile = submissions.profile_of_rules(draft)
    console.print(f"{profile.title}: {profile.name} {profile.version} can be carried out.", highlight=False)
    _tell_warnings(draft)


@application.command("set")
@answering
def set_profile(  # noqa: PLR0917 - the command line's own words
    collection: Annotated[str, typer.Argument(help="The collection's short name.")],
    file: Annotated[Path, typer.Argument(help="Profile in TOML, or a script.")],
    home: Home = None,
    kind: Kind = "",
    lookup: Lookup = None,
    lookup_form: LookupForm = "",
    pixels: Pixels = None,
    object_filter: Filter = None,
    accept: Annotated[list[str] | None, typer.Option(help="Code of a doubt that holds nothing; repeatable.")] = None,
    heads: Annotated[str, typer.Option(help="What becomes of heads: allow, hold or evidence.")] = "",
    note: Annotated[str, typer.Option(help="Why, for the history.")] = "",
    draft_only: Annotated[bool, typer.Option("--draft", help="Keep it as a draft, not in force.")] = False,
) -> None:
    """Write a new version of a collection's rules and put it in force for what arrives from now on."""
    draft = _draft(file, kind, lookup, lookup_form, pixels, object_filter)
    with installation(home) as archive:
        known = collections.collection_named(archive, SYSTEM, collection)
        with archive.database.transaction() as tx:
            current = collections.rules_in_force(tx, known.id)
        draft = replace(
            draft,
            accepted=current.accepted if accept is None else tuple(accept),
            head_policy=heads or current.head_policy,
            note=note,
        )
        version = submissions.write_rules(archive, SYSTEM, known.id, draft)
        if not draft_only:
            submissions.enforce_rules(archive, SYSTEM, known.id, version)
    state = "kept as a draft" if draft_only else "in force"
    console.print(f"Version {version} of the rules of {known.short_name} is {state}.", highlight=False)
    _tell_warnings(draft)


@application.command("rerun")
@answering
def rerun(
    collection: Annotated[str, typer.Argument(help="The collection's short name.")],
    home: Home = None,
    automatic: Annotated[
        bool, typer.Option("--automatic", help="Approve by rule what only loses more and is in no doubt.")
    ] = False,
    here: Annotated[
        bool, typer.Option("--here", help="Do it in this process instead of leaving it to the worker.")
    ] = False,
) -> None:
    """Run the rules in force again over what a collection holds and has released."""
    with installation(home) as archive:
        known = collections.collection_named(archive, SYSTEM, collection)
        run = submissions.start_rerun(archive, SYSTEM, known.id, is_automatic=automatic)
        if not here:
            console.print(f"Run {run.id} is queued; the worker does it.", highlight=False)
            return
        run = _followed(archive, run)
    console.print(
        f"Run {run.id} is {run.state}: {run.count('looked_at')} objects looked at, {run.count('changed')} changed.",
        highlight=False,
    )


def _followed(archive: Archive, run: submissions.RulesRun) -> submissions.RulesRun:
    columns = (TextColumn("series"), BarColumn(), TextColumn("{task.completed}/{task.total}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("series", total=run.series_total)
        while run.state == "running":
            submissions.rerun(archive, run.id, 0.0, queues=False)
            run = submissions.find_run(archive, SYSTEM, run.id)
            progress.update(task, completed=run.series_done)
    return run


def register(root: typer.Typer) -> None:
    """Add `invivo profiles` to the command line."""
    root.add_typer(application, name="profiles", help="A collection's rules of de-identification.")
