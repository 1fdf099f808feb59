"""`invivo accounts`."""

import sys
from pathlib import Path
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


@application.command("reopen")
@answering
def reopen(name: Annotated[str, typer.Argument(help="Account name.")], home: Home = None) -> None:
    """Open a closed account again."""
    with installation(home) as archive:
        accounts.deactivate(archive, SYSTEM, accounts.person_named(archive, name).id, is_active=True)
    console.print(f"Account {name} is open.", highlight=False)


@application.command("registrations")
@answering
def list_registrations(home: Home = None, as_json: AsJson = False) -> None:
    """List who waits for an account."""
    with installation(home) as archive:
        waiting = accounts.registrations(archive, SYSTEM)
    show(waiting, ("id", "name", "display_name", "email", "affiliation", "asked_at"), as_json=as_json)


@application.command("approve")
@answering
def approve(number: Annotated[int, typer.Argument(help="Number of the registration.")], home: Home = None) -> None:
    """Make the account of somebody who waits."""
    with installation(home) as archive:
        person_id = accounts.approve_registration(archive, SYSTEM, number)
    console.print(f"The account has the number {person_id}.", highlight=False)


@application.command("decline")
@answering
def decline(
    number: Annotated[int, typer.Argument(help="Number of the registration.")],
    reason: Annotated[str, typer.Option(help="Mailed to the person.")],
    home: Home = None,
) -> None:
    """Send somebody who waits away, with a reason."""
    with installation(home) as archive:
        accounts.decline_registration(archive, SYSTEM, number, reason)
    console.print(f"Registration {number} is declined.", highlight=False)


@application.command("invite")
@answering
def invite(email: Annotated[str, typer.Argument(help="Mail address.")], home: Home = None) -> None:
    """Mail somebody a link that makes an account."""
    with installation(home) as archive:
        made = accounts.invite(archive, SYSTEM, email)
    console.print(f"The invitation is in the outbox; it ends on {made.expires_at.date()}.", highlight=False)


@application.command("password-link")
@answering
def password_link(name: Annotated[str, typer.Argument(help="Account name.")], home: Home = None) -> None:
    """Print a link with which somebody sets a new password, to hand it on where no mail leaves."""
    with installation(home) as archive:
        path = accounts.password_link(archive, SYSTEM, accounts.person_named(archive, name).id)
        address = archive.settings.public_url + path
    console.print(address, highlight=False, soft_wrap=True)


@application.command("unlock")
@answering
def unlock(name: Annotated[str, typer.Argument(help="Account name.")], home: Home = None) -> None:
    """Let an account try to sign in again after too many wrong passwords."""
    with installation(home) as archive:
        accounts.lift(archive, SYSTEM, f"name:{name.lower()}")
    console.print(f"Nothing holds {name} back.", highlight=False)


@application.command("reset-factors")
@answering
def reset_factors(name: Annotated[str, typer.Argument(help="Account name.")], home: Home = None) -> None:
    """Take the second factors off somebody who lost them."""
    with installation(home) as archive:
        accounts.reset_factors(archive, SYSTEM, accounts.person_named(archive, name).id)
    console.print(f"{name} signs in with the password alone, until a second factor is set up again.", highlight=False)


@application.command("terms")
@answering
def publish_terms(
    version: Annotated[str, typer.Argument(help="Name of the version, such as 2026-1.")],
    text: Annotated[Path, typer.Argument(help="File with the text, Markdown.", exists=True, dir_okay=False)],
    home: Home = None,
) -> None:
    """Put a new version of the terms of use into force; everybody accepts it at their next sign-in."""
    with installation(home) as archive:
        accounts.publish_terms(archive, SYSTEM, version, text.read_text("utf-8"))
    console.print(f"Terms {version} are in force.", highlight=False)


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
