"""`invivo releases`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from invivo import collections, releases
from invivo.cli.options import SYSTEM, AsJson, Home, installation
from invivo.cli.output import answering, console, show
from invivo.errors import NotFound

application = typer.Typer(no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The collection's short name.")]


@application.command("list")
@answering
def list_releases(collection: Name, home: Home = None, as_json: AsJson = False) -> None:
    """List the releases of a collection, newest first."""
    with installation(home) as archive:
        known = collections.collection_named(archive, SYSTEM, collection)
        listed = releases.releases_of(archive, SYSTEM, known.id)
    columns = (
        "number",
        "published_at",
        "series_added",
        "series_revised",
        "series_withdrawn",
        "instance_count",
        "size_bytes",
        "notes",
    )
    show(listed, columns, as_json=as_json)


@application.command("preview")
@answering
def preview(collection: Name, home: Home = None) -> None:
    """Show what publishing now would do."""
    with installation(home) as archive:
        known = collections.collection_named(archive, SYSTEM, collection)
        found = releases.preview(archive, SYSTEM, known.id)
    console.print(
        f"Release {found.number}: {len(found.series)} series, {len(found.files)} other files, {found.size_bytes} bytes."
    )
    console.print(f"{found.blocking} review items block it, {found.deferred} deferred ones stay behind.")
    for sentence in found.steps:
        console.print(sentence, highlight=False)


@application.command("publish")
@answering
def publish(collection: Name, home: Home = None, notes: Annotated[str, typer.Option(help="What is new.")] = "") -> None:
    """Publish all that is cleared as the collection's next release."""
    with installation(home) as archive:
        known = collections.collection_named(archive, SYSTEM, collection)
        number = releases.publish(archive, SYSTEM, known.id, notes)
    console.print(f"Release {number} of {collection} is published.", highlight=False)


@application.command("schedule")
@answering
def schedule(
    collection: Name,
    at: Annotated[datetime, typer.Argument(formats=["%Y-%m-%dT%H:%M"], help="When, UTC, such as 2027-01-31T09:00.")],
    home: Home = None,
    notes: Annotated[str, typer.Option(help="What is new.")] = "",
    embargo: Annotated[bool, typer.Option("--embargo", help="Nothing that is cleared is published before.")] = False,
) -> None:
    """Have the worker publish the collection's next release at a time."""
    with installation(home) as archive:
        known = collections.collection_named(archive, SYSTEM, collection)
        made = releases.schedule(archive, SYSTEM, known.id, at.replace(tzinfo=UTC), notes, is_embargo=embargo)
    console.print(f"The next release of {collection} is made on {made.due_at:%Y-%m-%d %H:%M} UTC.", highlight=False)


@application.command("cancel")
@answering
def cancel(collection: Name, home: Home = None) -> None:
    """Cancel the collection's scheduled release."""
    with installation(home) as archive:
        known = collections.collection_named(archive, SYSTEM, collection)
        due = releases.due_of(archive, SYSTEM, known.id)
        if due is not None:
            releases.cancel(archive, SYSTEM, due.id)
    console.print("It is cancelled." if due else f"Nothing of {collection} is scheduled.", highlight=False)


@application.command("withdraw")
@answering
def withdraw(
    collection: Name,
    series: Annotated[list[str] | None, typer.Argument(help="Series Instance UIDs.")] = None,
    *,
    reason: Annotated[str, typer.Option(help="Why; public, so without anything that identifies somebody.")] = "",
    reason_class: Annotated[str, typer.Option(help="privacy, consent, quality, duplicate, legal or other.")] = "other",
    subject: Annotated[list[str] | None, typer.Option(help="All series of a subject; several times for more.")] = None,
    study: Annotated[list[str] | None, typer.Option(help="All series of a study; several times for more.")] = None,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="Out of older releases too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
    home: Home = None,
) -> None:
    """Take series, or all of a subject or study, out of the current release; tombstones stay."""
    named = releases.Named(tuple(subject or ()), tuple(study or ()), tuple(series or ()))
    scope = "everywhere" if everywhere else "onward"
    with installation(home) as archive:
        known = collections.collection_named(archive, SYSTEM, collection)
        plan = releases.plan_withdrawal(archive, SYSTEM, known.id, named, scope)
        if plan.unknown:
            raise NotFound(f"There is no {plan.unknown[0]} to withdraw.", code="release.withdrawal-unknown")
        if dry_run:
            show(plan.series, ("subject", "study_uid", "uid", "modality", "instance_count"), as_json=False)
            return
        shown = len(plan.series)
        number = releases.withdraw_named(
            archive, SYSTEM, known.id, named, reason_class, reason, scope=scope, expected=shown
        )
    console.print(f"{shown} series gone from release {number} on.", highlight=False)


def register(root: typer.Typer) -> None:
    """Add `invivo releases` to the command line."""
    root.add_typer(application, name="releases", help="Releases: preview, publish, schedule, withdraw.")
