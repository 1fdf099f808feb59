"""`invivo accounts`."""

import sys
from typing import Annotated

import typer

from invivo import accounts
from invivo.cli.options import SYSTEM, AsJson, Home, installation
from invivo.cli.output import answering, console, show

application = typer.Typer(no_args_is_help=True)


@application.command("list")
@answering
def list_accounts(home: Home = None, as_json: AsJson = False) -> None:
    """List the accounts."""
    with installation(home) as archive:
        people = accounts.list_people(archive, SYSTEM)
    show(people, ("id", "name", "display_name", "site_roles", "is_active"), as_json=as_json)


@application.command("create")
@answering
def create(
    name: Annotated[str, typer.Argument(help="Account name.")],
    home: Home = None,
    administrator: Annotated[bool, typer.Option(help="Give the site role administrator.")] = False,
    curator: Annotated[bool, typer.Option(help="Give the site role curator.")] = False,
    display_name: Annotated[str, typer.Option(help="The person's name as pages show it.")] = "",
    email: Annotated[str, typer.Option(help="Address for messages.")] = "",
) -> None:
    """Make an account; the password is asked for, or read from standard input."""
    roles = [role for role, wanted in (("administrator", administrator), ("curator", curator)) if wanted]
    password = (
        typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        if sys.stdin.isatty()
        else sys.stdin.readline().rstrip("\n")
    )
    with installation(home) as archive:
        person = accounts.create_person(
            archive, SYSTEM, name, password, display_name=display_name, email=email, site_roles=roles
        )
    console.print(f"Account {person.name} has the number {person.id}.", highlight=False)


@application.command("close")
@answering
def close(name: Annotated[str, typer.Argument(help="Account name.")], home: Home = None) -> None:
    """Close an account; its sessions and tokens end at once."""
    with installation(home) as archive:
        accounts.deactivate(archive, SYSTEM, accounts.person_named(archive, name).id)
    console.print(f"Account {name} is closed.", highlight=False)


@application.command("token")
@answering
def token(
    name: Annotated[str, typer.Argument(help="Account name.")],
    home: Home = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="read, submit, curate or administer; may be repeated.")
    ] = None,
    days: Annotated[int | None, typer.Option(help="How long it lasts.")] = None,
    title: Annotated[str, typer.Option(help="What it is for.")] = "made at the command line",
) -> None:
    """Make an API token for an account and print its secret, this once."""
    with installation(home) as archive:
        actor = accounts.actor_of_person(archive, accounts.person_named(archive, name).id)
        secret, made = accounts.create_token(archive, actor, title, scope or ["read"], days)
    console.print(secret, highlight=False, soft_wrap=True)
    typer.echo(f"It may {', '.join(made.scopes)} until {made.expires_at.date()}.", err=True)


def register(root: typer.Typer) -> None:
    """Add `invivo accounts` to the command line."""
    root.add_typer(application, name="accounts", help="People, roles and API tokens.")
