"""All commands, put together; of a command that is named only its own module is loaded, since importing is most of a start."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from invivo import __version__

# Module of this room: the commands that its `register` adds.
_MODULES: dict[str, tuple[str, ...]] = {
    "server": ("init", "migrate", "serve", "demo", "doctor", "verify", "viewer", "jobs", "settings"),
    "client": ("search", "download"),
    "index": ("index",),
    "imports": ("import",),
    "submissions": ("submissions", "senders"),
    "deidentify": ("deidentify", "submit"),
    "guid": ("guid",),
    "profiles": ("profiles",),
    "accounts": ("accounts",),
    "collections": ("collections",),
    "releases": ("releases",),
}


def application(words: Sequence[str] = ()) -> typer.Typer:
    """Build the command line, for some words of it only the part that they need.

    Parameters
    ----------
    words : sequence of str
        What was typed. Where the first word is no command (``--help``, a slip of the pen) everything is there.
    """
    root = typer.Typer(
        name="invivo",
        help="A public biomedical imaging archive that anyone can host.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    root.callback()(_root)
    needed = [module for module, commands in _MODULES.items() if words and words[0] in commands]
    for module in needed or _MODULES:
        import_module(f"invivo.cli.{module}").register(root)
    return root


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"invivo {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A public biomedical imaging archive that anyone can host."""


def main() -> int:
    """Run the command line; return the exit code."""
    try:
        application(sys.argv[1:])(standalone_mode=True)
    except KeyboardInterrupt:
        sys.stderr.write("invivo: stopped.\n")
        return 130
    except SystemExit as ending:
        return int(ending.code or 0)
    return 0
