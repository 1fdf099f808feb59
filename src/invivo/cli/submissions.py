"""`invivo submissions` and `invivo senders`."""

from typing import Annotated

import typer

from invivo import collections, submissions
from invivo.cli.options import SYSTEM, AsJson, Home, installation
from invivo.cli.output import answering, console, show

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


def register(root: typer.Typer) -> None:
    """Add `invivo submissions` and `invivo senders` to the command line."""
    root.add_typer(application, name="submissions", help="Deliveries into collections.")
    root.add_typer(senders, name="senders", help="DICOM peers and the submissions they deliver for.")
