"""`invivo search` and `invivo download`: talking to an archive over HTTP, wherever it is."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from invivo import carts, client, dicom
from invivo.cli.output import answering, console
from invivo.errors import Broken, Invalid

Url = Annotated[str, typer.Option("--from", help="Address of the archive; else INVIVO_URL.", envvar="INVIVO_URL")]
Token = Annotated[str, typer.Option("--token", help="API token; else INVIVO_TOKEN.", envvar="INVIVO_TOKEN")]
HERE = "http://127.0.0.1:8042"


def _pairs(criteria: list[str]) -> list[tuple[str, str]]:
    pairs = []
    for one in criteria:
        name, equals, value = one.partition("=")
        pairs.append((name, value) if equals else ("q", one))
    return pairs


@answering
def search(
    criteria: Annotated[list[str] | None, typer.Argument(help="modality=CT slice-thickness=..2.5, or words.")] = None,
    url: Url = HERE,
    token: Token = "",
    level: Annotated[str, typer.Option(help="series, study or subject.")] = "series",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Search an archive; criteria are those of the search page."""
    found = list(client.Archive(url, token).rows(_pairs(criteria or []), level))
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


def _chosen(archive: client.Archive, what: list[str]) -> list[str]:
    """Resolve manifests, series UIDs and criteria into series UIDs, each once."""
    uids: list[str] = []
    criteria = []
    for one in what:
        path = Path(one)
        if one.startswith(("http://", "https://")):
            uids += _named_by(archive, one)
        elif path.suffix in (".tcia", ".csv", ".txt") or path.is_file():
            if not path.is_file():
                raise Invalid(f"There is no manifest {one}.", code="download.manifest")
            uids += carts.read_manifest(path.read_text("utf-8"))
        elif dicom.is_valid(one):
            uids.append(one)
        else:
            criteria.append(one)
    if criteria:
        uids += archive.search(_pairs(criteria))
    return list(dict.fromkeys(uids))


def _named_by(archive: client.Archive, address: str) -> list[str]:
    """Return the series that an address of the archive's own pages names: a series, study, collection or their package."""
    parts = [part for part in urlsplit(address).path.split("/") if part and part != "package.zip"]
    kinds = {"series": "series", "studies": "study", "collections": "collection"}
    if len(parts) < 2 or parts[-2] not in kinds:
        raise Invalid("The address names no series, study or collection of the archive.", code="download.address")
    name = unquote(parts[-1])
    return [name] if parts[-2] == "series" else archive.search([(kinds[parts[-2]], name)])


def _base_of(what: list[str], url: str) -> str:
    """Return the archive to ask: the one that an address names, else the one of the option."""
    for one in what:
        if one.startswith(("http://", "https://")):
            split = urlsplit(one)
            return f"{split.scheme}://{split.netloc}"
    return url


@answering
def download(
    what: Annotated[
        list[str],
        typer.Argument(
            help="Manifests, series UIDs, addresses of the archive's pages, or criteria such as collection=LUNG-1."
        ),
    ],
    to: Annotated[Path, typer.Option("--to", help="Folder to put the files into.")] = Path(),
    url: Url = HERE,
    token: Token = "",
    workers: Annotated[int, typer.Option(min=1, max=32, help="Series fetched at once.")] = 4,
) -> None:
    """Download series: resumed where it stopped, each file checked by SHA-256, nothing fetched twice."""
    archive = client.Archive(_base_of(what, url), token)
    uids = _chosen(archive, what)
    if not uids:
        raise Invalid("That finds no series; try it with `invivo search` first.", code="download.nothing")
    to.mkdir(parents=True, exist_ok=True)
    results: list[client.Fetched] = []
    columns: tuple[Any, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with (
        Progress(*columns, console=console, transient=True, disable=not sys.stdout.isatty()) as progress,
        ThreadPoolExecutor(workers) as pool,
    ):
        waiting = [pool.submit(_one, archive, uid, to, progress) for uid in uids]
        results.extend(done.result() for done in as_completed(waiting))
    counted = {
        outcome: sum(1 for one in results if one.outcome == outcome) for outcome in ("fetched", "present", "failed")
    }
    size = sum(one.size_bytes for one in results)
    console.print(
        f"{counted['fetched']} series fetched ({size} bytes), {counted['present']} were here, {counted['failed']} failed."
    )
    failed = [one for one in results if one.outcome == "failed"]
    if failed:
        report = to / "failed.txt"
        report.write_text("".join(f"{one.series_uid}\n" for one in failed))
        for one in failed[:10]:
            console.print(f"  {one.series_uid}: {one.reason}", highlight=False, markup=False)
        raise Broken(
            f"Some series failed; try them again with `invivo download {os.fspath(report)}`.", code="download.failed"
        )


def _one(archive: client.Archive, uid: str, to: Path, progress: Progress) -> client.Fetched:
    task = progress.add_task(uid[-12:], total=None)
    try:
        return client.fetch_series(
            archive.http, uid, to, lambda done, total: progress.update(task, completed=done, total=total)
        )
    finally:
        progress.remove_task(task)


def register(root: typer.Typer) -> None:
    """Add these commands to the command line."""
    root.command("search")(search)
    root.command("download")(download)
