"""`invivo submissions`, `invivo senders` and `invivo import`."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from invivo import collections, submissions
from invivo.archive import Archive
from invivo.cli.options import SYSTEM, AsJson, Home, installation
from invivo.cli.output import answering, console, show
from invivo.errors import Invalid

application = typer.Typer(no_args_is_help=True)
senders = typer.Typer(no_args_is_help=True)


@application.command("list")
@answering
def list_submissions(home: Home = None, as_json: AsJson = False) -> None:
    """List the submissions."""
    with installation(home) as archive:
        listed = submissions.list_submissions(archive, SYSTEM)
    show(listed, ("id", "collection", "title", "state", "created_at"), as_json=as_json)


@application.command("open")
@answering
def open_submission(
    collection: Annotated[str, typer.Argument(help="The collection's short name.")],
    title: Annotated[str, typer.Argument(help="Title of the submission.")],
    home: Home = None,
) -> None:
    """Open a submission into a collection."""
    with installation(home) as archive:
        known = collections.collection_named(archive, SYSTEM, collection)
        made = submissions.open_submission(archive, SYSTEM, known.id, title)
    console.print(f"Submission {made.id} is open.", highlight=False)


@application.command("close")
@answering
def close(number: Annotated[int, typer.Argument(help="Number of the submission.")], home: Home = None) -> None:
    """Close a submission: nothing more is taken in for it."""
    with installation(home) as archive:
        submissions.close_submission(archive, SYSTEM, number)
    console.print(f"Submission {number} is closed.", highlight=False)


@senders.command("list")
@answering
def list_senders(home: Home = None, as_json: AsJson = False) -> None:
    """List the DICOM peers that may send."""
    with installation(home) as archive:
        listed = [
            sender
            for submission in submissions.list_submissions(archive, SYSTEM)
            for sender in submissions.senders_of(archive, SYSTEM, submission.id)
        ]
    show(listed, ("id", "submission_id", "called_aet", "calling_aet", "address"), as_json=as_json)


@senders.command("add")
@answering
def add_sender(
    submission: Annotated[int, typer.Argument(help="Number of the submission.")],
    home: Home = None,
    called: Annotated[str, typer.Option(help="Title that the peer calls; empty: any.")] = "",
    calling: Annotated[str, typer.Option(help="The peer's own title; empty: any.")] = "",
    address: Annotated[str, typer.Option(help="The peer's address or network; empty: any.")] = "",
) -> None:
    """Register a DICOM peer under a submission."""
    with installation(home) as archive:
        made = submissions.add_sender(
            archive, SYSTEM, submission, called_aet=called, calling_aet=calling, address=address
        )
    console.print(f"Sender {made.id} delivers for submission {submission}.", highlight=False)


@senders.command("remove")
@answering
def remove_sender(number: Annotated[int, typer.Argument(help="Number of the sender.")], home: Home = None) -> None:
    """Take a DICOM peer off its submission."""
    with installation(home) as archive:
        submissions.remove_sender(archive, SYSTEM, number)
    console.print(f"Sender {number} is removed.", highlight=False)


def _submission(archive: Archive, collection: str) -> int:
    """Return the newest open submission of a collection, a new one if there is none."""
    known = collections.collection_named(archive, SYSTEM, collection)
    for submission in submissions.list_submissions(archive, SYSTEM, state="open"):
        if submission.collection_id == known.id:
            return submission.id
    return submissions.open_submission(archive, SYSTEM, known.id, "Import at the server").id


@answering
def import_paths(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders, ZIPs, media with a DICOMDIR.")],
    collection: Annotated[str, typer.Option(help="The collection's short name.")],
    home: Home = None,
    submission: Annotated[int | None, typer.Option(help="Number of the submission; else the newest open one.")] = None,
) -> None:
    """Receive files of the server's own disk into a collection; repeating it is harmless."""
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise Invalid(f"There is no {missing[0]}.", code="import.missing")
    counts: Counter[str] = Counter()
    refusals: list[tuple[str, str]] = []
    with installation(home) as archive:
        origin = submissions.Origin("import", SYSTEM, submission or _submission(archive, collection))
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("receiving")
            for path in paths:
                for name, receipt in submissions.receive_path(archive, origin, path):
                    counts[receipt.outcome] += 1
                    if receipt.outcome == "refused":
                        refusals.append((name, receipt.reason))
                    progress.update(task, description=f"{sum(counts.values())} files")
    for name, reason in refusals[:20]:
        console.print(f"  {name}: {reason}", highlight=False, markup=False)
    if len(refusals) > 20:
        console.print(f"  and {len(refusals) - 20} more that were refused")
    console.print(
        ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "Nothing was found.",
        highlight=False,
    )


def register(root: typer.Typer) -> None:
    """Add `invivo import`, `invivo submissions` and `invivo senders` to the command line."""
    root.command("import")(import_paths)
    root.add_typer(application, name="submissions", help="Deliveries into collections.")
    root.add_typer(senders, name="senders", help="DICOM peers and the submissions they deliver for.")
