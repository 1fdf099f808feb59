"""All commands, put together."""

import sys
from typing import Annotated

import typer

from invivo import __version__
from invivo.cli import accounts, client, collections, deidentify, releases, server, submissions

application = typer.Typer(
    name="invivo",
    help="A public biomedical imaging archive that anyone can host.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
server.register(application)
client.register(application)
submissions.register(application)
deidentify.register(application)
application.add_typer(accounts.application, name="accounts", help="People, roles and API tokens.")
application.add_typer(collections.application, name="collections", help="Collections and their policy.")
application.add_typer(submissions.application, name="submissions", help="Deliveries into collections.")
application.add_typer(submissions.senders, name="senders", help="DICOM peers and the submissions they deliver for.")
application.add_typer(releases.application, name="releases", help="Releases: preview, publish, withdraw.")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"invivo {__version__}")
        raise typer.Exit


@application.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A public biomedical imaging archive that anyone can host."""


def main() -> int:
    """Run the command line; return the exit code."""
    try:
        application(standalone_mode=True)
    except KeyboardInterrupt:
        sys.stderr.write("invivo: stopped.\n")
        return 130
    except SystemExit as ending:
        return int(ending.code or 0)
    return 0
