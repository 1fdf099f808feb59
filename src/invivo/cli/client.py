"""`invivo search` and `invivo download`: talking to an archive over HTTP, wherever it is."""

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from invivo import client
from invivo.cli.output import answering, console
from invivo.errors import Invalid

Url = Annotated[str, typer.Option("--from", help="Address of the archive; else INVIVO_URL.", envvar="INVIVO_URL")]
Token = Annotated[str, typer.Option("--token", help="API token; else INVIVO_TOKEN.", envvar="INVIVO_TOKEN")]
HERE = "http://127.0.0.1:8042"


@answering
def search(
    criteria: Annotated[
        list[str] | None, typer.Argument(help="A query text, such as 'chest modality:CT age>60'; see docs/search.md.")
    ] = None,
    url: Url = HERE,
    token: Token = "",
    level: Annotated[str, typer.Option(help="series, study or subject.")] = "series",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Search an archive with the query language of the search page."""
    found = list(client.Archive(url, token).rows(client.pairs_of(criteria or []), level))
    if as_json:
        console.print_json(data=found)
        return
    columns = {
        "series": (
            "collection",
            "subject",
            "modality",
            "series_description",
            "instance_count",
            "size_bytes",
            "series_uid",
        ),
        "study": ("collection", "subject", "study_date", "study_description", "series_count", "study_uid"),
        "subject": ("collection", "subject", "sex", "study_count", "series_count"),
    }.get(level, ("collection",))
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in found:
        table.add_row(*("" if row.get(column) is None else str(row[column]) for column in columns))
    console.print(table if found else "Nothing was found.")
    console.print(f"{len(found)} {level if level == 'series' else level + 's' if level == 'subject' else 'studies'}")


@answering
def download(
    what: Annotated[
        list[str],
        typer.Argument(
            help="Manifests, series UIDs, addresses of the archive's pages and carts, DOIs, or a query such as"
            " collection=LUNG-1."
        ),
    ],
    to: Annotated[Path, typer.Option("--to", help="Folder to put the files into.")] = Path(),
    url: Url = HERE,
    token: Token = "",
    workers: Annotated[int, typer.Option(min=1, max=32, help="Series fetched at once.")] = 4,
    limit: Annotated[str, typer.Option(help="Bytes a second over all connections, such as 500k or 10M.")] = "",
    layout: Annotated[
        str,
        typer.Option(help="Folders: archive, uids, bids, or a template; the folder remembers it. See docs/python.md."),
    ] = "",
    form: Annotated[
        Literal["dicom", "nifti", "both"], typer.Option(help="nifti converts with dcm2niix; both keeps the originals.")
    ] = "dicom",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell how much it is, under which licences, and what may not be had.")
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask for series that are here whether they were revised since.")
    ] = False,
    store: Annotated[
        str, typer.Option(help="Address of public stores, with {bucket} in it, for series kept there.")
    ] = client.STORE,
    resolver: Annotated[str, typer.Option(help="Address that resolves DOIs.", hidden=True)] = client.RESOLVER,
) -> None:
    """Download series: resumed where it stopped, each file checked by SHA-256, nothing fetched twice.

    Exit code 0: all is here. 1: some failed, see failed.csv and failed.json in the folder. 2: it was asked wrongly.
    """
    pace = client.Pace(client.read_limit(limit))
    program = client.converter() if form != "dicom" else ""
    named = [client.address_of_doi(one, resolver) or one for one in what]
    archive = client.Archive(client.base_of(named, url), token)
    chosen = archive.choose(named)
    if not chosen.series_uids:
        raise Invalid("That finds no series; try it with `invivo search` first.", code="download.nothing")
    if dry_run:
        _tell_weight(archive.weigh(chosen))
        return
    had_files = client.has_files(to)
    to.mkdir(parents=True, exist_ok=True)
    way = client.Way(client.layout_of(to, layout), pace, store, had_files, refresh)
    results: list[client.Fetched] = []
    with _steps(chosen) as step:
        for one in client.fetch_all(
            archive.http, chosen.series_uids, to, way, workers=workers, step=step, rows=chosen.rows
        ):
            results.append(client.in_form(program, form, to, one) if program else one)
    _tell_results(to, results)


@contextmanager
def _steps(chosen: client.Choice) -> Iterator[Any]:
    """Show how far it is; nothing where nobody looks."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not sys.stdout.isatty()) as progress:
        sizes = {uid: int(row["size_bytes"]) for uid, row in chosen.rows.items()}
        known = sum(sizes.values()) if len(sizes) == len(chosen.series_uids) else None
        task = progress.add_task(f"{len(chosen.series_uids)} series", total=known)
        done: dict[str, int] = {}

        def step(uid: str, size: int, total: int) -> None:
            before, done[uid] = done.get(uid, 0), size
            progress.update(task, advance=size - before)
            if known is None:
                sizes[uid] = total
                progress.update(task, total=max(sum(list(sizes.values())), 1))

        yield step


def _tell_weight(weight: client.Weight) -> None:
    told = {
        "series": weight.series_count,
        "files": weight.instance_count,
        "bytes": weight.size_bytes,
        "licences": dict(weight.licences),
        "collections": dict(weight.collections),
        "not to be had": [{"series": one.series_uid, "reason": one.reason} for one in weight.barred],
    }
    if not sys.stdout.isatty():
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("series", f"{weight.series_count:,}")
    table.add_row("files", f"{weight.instance_count:,}")
    table.add_row("size", f"{weight.size_bytes / 1e6:,.1f} MB")
    for title, counted in (("licence", weight.licences), ("collection", weight.collections)):
        for name, number in counted.items():
            table.add_row(title, f"{name} ({number:,} series)")
    for one in weight.barred[:20]:
        table.add_row("not to be had", f"{one.series_uid}: {one.reason}")
    if len(weight.barred) > 20:
        table.add_row("", f"and {len(weight.barred) - 20:,} more; pipe this command into a file to see all")
    console.print(table, highlight=False)


def _tell_results(to: Path, results: Sequence[client.Fetched]) -> None:
    """Say what became of it, and end with 1 where something failed."""
    counted = {
        outcome: sum(1 for one in results if one.outcome == outcome) for outcome in ("fetched", "present", "failed")
    }
    size = sum(one.size_bytes for one in results if one.outcome == "fetched")
    console.print(
        f"{counted['fetched']} series fetched ({size} bytes), {counted['present']} were here, {counted['failed']} failed."
    )
    for one in (one for one in results if one.outcome != "failed" and one.reason):
        console.print(f"  {one.series_uid}: {one.reason}", highlight=False, markup=False)
    written = client.write_report(to, results)
    if written is None:
        return
    failed = [one for one in results if one.outcome == "failed"]
    for one in failed[:10]:
        console.print(f"  {one.series_uid}: {one.reason}", highlight=False, markup=False)
    sys.stderr.write(
        f"invivo: {len(failed)} series failed; {written[0].name} and {written[1].name} say why."
        f" Try them again: invivo download {written[0]} --to {to}\n"
    )
    if shutil.disk_usage(to).free < 1 << 20:
        sys.stderr.write("invivo: the disk is full.\n")
    raise typer.Exit(1)


def register(root: typer.Typer) -> None:
    """Add these commands to the command line."""
    root.command("search")(search)
    root.command("download")(download)
