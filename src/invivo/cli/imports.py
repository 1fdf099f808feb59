"""`invivo import`: what is brought in at the server, files of its own disk and the catalogue of another archive."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from invivo import collections, releases, submissions
from invivo.archive import Archive
from invivo.cli.idc_index import CATALOGUE, Index, find_folder, parts_of, read_index
from invivo.cli.options import SYSTEM, AsJson, Home, installation
from invivo.cli.output import answering, console, show
from invivo.errors import Invalid


@answering
def import_paths(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files, folders, ZIPs, media with a DICOMDIR; or the index's folder.")
    ] = None,
    collection: Annotated[
        list[str] | None, typer.Option(help="The collection's short name; of an index, those to load, repeated.")
    ] = None,
    home: Home = None,
    submission: Annotated[int | None, typer.Option(help="Number of the submission; else the newest open one.")] = None,
    idc_index: Annotated[
        bool,
        typer.Option("--idc-index", help="Load the catalogue of the package idc-index-data, or of the folder named."),
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Of an index: so many series, some of each.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Of an index: only say what would be loaded.")] = False,
    as_json: AsJson = False,
) -> None:
    """Receive files of the server's own disk into a collection, or load a catalogue; repeating it is harmless."""
    paths, names = paths or [], collection or []
    if idc_index:
        if len(paths) > 1:
            raise Invalid("Name one folder of the index, or none.", code="import.folders")
        _import_index(paths[0] if paths else None, names, home, limit, dry_run=dry_run, as_json=as_json)
        return
    if not paths or len(names) != 1 or limit is not None or dry_run:
        raise Invalid("Name what to receive, and one --collection.", code="import.collection")
    _import_files(paths, names[0], home, submission, as_json=as_json)


def _import_files(
    paths: list[Path], collection: str, home: Path | None, submission: int | None, *, as_json: bool
) -> None:
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise Invalid(f"There is no {missing[0]}.", code="import.missing")
    counts: Counter[str] = Counter()
    refusals: list[tuple[str, str]] = []
    with installation(home) as archive:
        origin = submissions.Origin("import", SYSTEM, submission or _submission(archive, collection))
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True, disable=as_json) as progress:
            task = progress.add_task("receiving")
            for path in paths:
                for name, receipt in submissions.receive_path(archive, origin, path):
                    counts[receipt.outcome] += 1
                    if receipt.outcome == "refused":
                        refusals.append((name, receipt.reason))
                    progress.update(task, description=f"{sum(counts.values())} files")
    if as_json:
        console.print_json(data={**counts, "refusals": [{"name": one, "reason": why} for one, why in refusals]})
        return
    for name, reason in refusals[:20]:
        console.print(f"  {name}: {reason}", highlight=False, markup=False)
    if len(refusals) > 20:
        console.print(f"  and {len(refusals) - 20} more that were refused")
    console.print(
        ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "Nothing was found.",
        highlight=False,
    )


def _submission(archive: Archive, collection: str) -> int:
    """Return the newest open submission of a collection, a new one if there is none."""
    known = collections.collection_named(archive, SYSTEM, collection)
    for submission in submissions.list_submissions(archive, SYSTEM, state="open"):
        if submission.collection_id == known.id:
            return submission.id
    return submissions.open_submission(archive, SYSTEM, known.id, "Import at the server").id


def _import_index(
    folder: Path | None, names: list[str], home: Path | None, limit: int | None, *, dry_run: bool, as_json: bool
) -> None:
    found = find_folder(folder)
    with installation(home) as archive:
        index = read_index(found)
        loads = _planned(archive, index, names, limit) if dry_run else _loaded(archive, index, names, limit)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        done: list[releases.Loaded] = []
        with Progress(*columns, console=console, transient=True, disable=as_json) as progress:
            task = progress.add_task("series", total=limit)
            for count, one in loads:
                done.append(one)
                progress.update(task, description=one.collection, advance=count)
        if not dry_run:
            releases.settle_catalogue(archive, SYSTEM, CATALOGUE, index.version, len(done))
    if as_json:
        show(done, (), as_json=True)
        return
    changed = [one for one in done if one.outcome != "unchanged"]
    show(changed, ("collection", "outcome", "added", "revised", "withdrawn"), as_json=False)
    counts = Counter(one.outcome for one in done)
    said = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "none"
    made = sum(one.added for one in done)
    console.print(
        f"Version {index.version}{', nothing was written' if dry_run else ''}: collections {said}; {made:,} series new.",
        highlight=False,
    )


def _loaded(
    archive: Archive, index: Index, names: list[str], limit: int | None
) -> Iterator[tuple[int, releases.Loaded]]:
    """Load collection after collection; a whole load ends those that the index has no more."""
    for count, part in parts_of(index, names, limit):
        yield count, releases.load_part(archive, SYSTEM, CATALOGUE, index.version, part)
    if not names and limit is None:
        for name in collections.mirrored_names(archive, CATALOGUE).keys() - index.spans.keys():
            yield 0, releases.end_part(archive, SYSTEM, CATALOGUE, index.version, name)


def _planned(
    archive: Archive, index: Index, names: list[str], limit: int | None
) -> Iterator[tuple[int, releases.Loaded]]:
    """Say what `_loaded` would do, without doing it: of what has changed, only that it has."""
    known = collections.mirrored_names(archive, CATALOGUE)
    for count, part in parts_of(index, names, limit):
        name = part.page.name
        if name not in known:
            yield count, releases.Loaded(part.page.draft.short_name, "new", count)
        else:
            outcome = "unchanged" if known[name] == part.digest else "changed"
            yield count, releases.Loaded(part.page.draft.short_name, outcome)
    if not names and limit is None:
        for name in sorted(known.keys() - index.spans.keys()):
            yield 0, releases.Loaded(name, "ended")


def register(root: typer.Typer) -> None:
    """Add `invivo import` to the command line."""
    root.command("import")(import_paths)
