"""`invivo index`: the published index of an archive, fetched and asked offline."""

import csv
import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from invivo import client
from invivo.cli.output import answering, console

HERE = "http://127.0.0.1:8042"
To = Annotated[Path, typer.Option("--to", help="Folder of the index.")]
MOST_SHOWN = 1000


@answering
def fetch(
    context: typer.Context,
    to: To = Path("index"),
    url: Annotated[
        str, typer.Option("--from", help="Address of the archive; else INVIVO_URL.", envvar="INVIVO_URL")
    ] = HERE,
    limit: Annotated[str, typer.Option(help="Bytes a second, such as 10M.")] = "",
) -> None:
    """Fetch the newest index of an archive: Parquet files of all that everybody may see, verified; only what changed."""
    if context.invoked_subcommand is not None:
        return
    pace = client.Pace(client.read_limit(limit))
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with (
        client.Archive(url) as archive,
        Progress(*columns, console=console, transient=True, disable=not sys.stdout.isatty()) as progress,
    ):
        tasks: dict[str, Any] = {}

        def step(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=total)
            progress.update(tasks[name], completed=done)

        tables = client.fetch_index(archive, to, pace=pace, progress=step)
    fresh = [one for one in tables if one.is_new]
    console.print(
        f"{len(fresh)} tables fetched ({sum(one.size_bytes for one in fresh)} bytes), {len(tables) - len(fresh)} were here.",
        highlight=False,
    )
    console.print(client.columns_of(tables), highlight=False, markup=False)


@answering
def query(
    question: Annotated[
        str, typer.Argument(help="SQL over the tables of the index, such as: select count(*) from series")
    ],
    to: To = Path("index"),
    form: Annotated[Literal["table", "csv", "json"], typer.Option(help="How the answer is printed.")] = "table",
) -> None:
    """Ask the index that was fetched, without the network."""
    found = client.query_index(to, question)
    names = found.column_names
    if form == "json":
        sys.stdout.write(json.dumps(found.to_pylist(), default=str, indent=1) + "\n")
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(row.values() for row in found.to_pylist())
    else:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in names:
            table.add_column(name, overflow="fold")
        for row in found.slice(0, MOST_SHOWN).to_pylist():
            table.add_row(*("" if value is None else str(value) for value in row.values()))
        console.print(table)
        if found.num_rows > MOST_SHOWN:
            console.print(f"{found.num_rows} rows; --form csv prints all of them.")


def register(root: typer.Typer) -> None:
    """Add these commands to the command line."""
    index = typer.Typer(
        help="The published index of an archive: fetch it, and ask it offline.", invoke_without_command=True
    )
    index.callback()(fetch)
    index.command("query")(query)
    root.add_typer(index, name="index")
