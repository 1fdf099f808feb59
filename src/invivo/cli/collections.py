"""`invivo collections`."""

from datetime import datetime
from typing import Annotated, Any

import typer

from invivo import accounts, collections
from invivo.cli.options import SYSTEM, AsJson, Home, installation
from invivo.cli.output import answering, console, show

application = typer.Typer(no_args_is_help=True)


@application.command("list")
@answering
def list_collections(home: Home = None, as_json: AsJson = False) -> None:
    """List the collections."""
    with installation(home) as archive:
        listed = collections.listed(archive, SYSTEM)
    show(listed, ("id", "short_name", "title", "access", "licence", "review_rule", "profile"), as_json=as_json)


@application.command("create")
@answering
def create(
    short_name: Annotated[str, typer.Argument(help="Short name, such as LUNG-1.")],
    title: Annotated[str, typer.Argument(help="Title.")],
    home: Home = None,
    access: Annotated[str, typer.Option(help="open, registered, controlled, embargoed or private.")] = "",
    licence: Annotated[str, typer.Option(help="SPDX identifier.")] = "",
    review: Annotated[str, typer.Option(help="person, two-persons or on-receipt.")] = "",
    profile: Annotated[str, typer.Option(help="tcia, basic or verify.")] = "",
    embargo_until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Date on which an embargo ends.")
    ] = None,
) -> None:
    """Make a collection; what is not said is as the settings begin collections (section `collections`)."""
    given = {"access": access, "licence": licence, "review_rule": review, "profile": profile}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value}
    if embargo_until:
        chosen["embargo_until"] = embargo_until.date()
    with installation(home) as archive:
        draft = collections.draft_for(archive, short_name, title, **chosen)
        made = collections.create(archive, SYSTEM, draft)
    console.print(f"Collection {made.short_name} has the number {made.id}.", highlight=False)


@application.command("appoint")
@answering
def appoint(
    short_name: Annotated[str, typer.Argument(help="The collection's short name.")],
    name: Annotated[str, typer.Argument(help="Account name.")],
    role: Annotated[str, typer.Argument(help="owner, curator, submitter or member.")],
    home: Home = None,
) -> None:
    """Give a person a role in a collection."""
    with installation(home) as archive:
        collection = collections.collection_named(archive, SYSTEM, short_name)
        collections.add_member(archive, SYSTEM, collection.id, accounts.person_named(archive, name).id, role)
    console.print(f"{name} is {role} of {short_name}.", highlight=False)


def register(root: typer.Typer) -> None:
    """Add `invivo collections` to the command line."""
    root.add_typer(application, name="collections", help="Collections and their policy.")
