"""Printing: tables for people, JSON for programs, errors with an exit code a family."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from invivo import errors

EXIT: dict[type[errors.InvivoError], int] = {
    errors.Invalid: 2,
    errors.Refused: 3,
    errors.NotFound: 4,
    errors.Conflict: 5,
    errors.TooLarge: 6,
    errors.Busy: 7,
    errors.Broken: 8,
}
console = Console()
_complaints = Console(stderr=True)
P = ParamSpec("P")
R = TypeVar("R")


def exit_code(error: errors.InvivoError) -> int:
    """Return the exit code of an error's family."""
    return next(code for family, code in EXIT.items() if isinstance(error, family))


def answering(command: Callable[P, R]) -> Callable[P, R]:
    """Turn errors of ours into one line on standard error and an exit code."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except errors.InvivoError as error:
            _complaints.print(f"[bold red]invivo:[/] {error.message}", highlight=False)
            sys.exit(exit_code(error))
        except OSError as error:  # a file or folder that was named, or a disk
            named = f"{error.filename}: " if error.filename else ""
            reason = error.strerror or type(error).__name__
            _complaints.print(f"[bold red]invivo:[/] {escape(named)}{reason}.", highlight=False)
            sys.exit(EXIT[errors.Invalid])

    return run


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, tuple | list | frozenset | set):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value


def show(rows: Iterable[Any], columns: Sequence[str], *, as_json: bool, title: str = "") -> None:
    """Print values or named tuples as a table, or as one JSON array with all of their fields."""
    listed = [asdict(row) if is_dataclass(row) and not isinstance(row, type) else row._asdict() for row in rows]
    if as_json:
        sys.stdout.write(
            json.dumps([{key: _plain(value) for key, value in row.items()} for row in listed], default=str, indent=1)
            + "\n"
        )
        return
    if not listed:
        console.print("Nothing.")
        return
    table = Table(title=title or None, box=None, header_style="bold", pad_edge=False)
    for column in columns:
        is_number = all(isinstance(row[column], int) for row in listed)
        table.add_column(column.replace("_", " "), justify="right" if is_number else "left", overflow="fold")
    for row in listed:
        table.add_row(*(_cell(row[column]) for column in columns))
    console.print(table)


def _cell(value: Any) -> str:
    plain = _plain(value)
    return ", ".join(map(str, plain)) if isinstance(plain, list) else "" if plain is None else str(plain)
