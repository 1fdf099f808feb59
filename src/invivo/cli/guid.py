"""`invivo guid`: pseudonymous identifiers for people, of whom only one-way codes leave this machine."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from invivo import client, subjects
from invivo.cli.output import answering, console
from invivo.errors import Conflict, Invalid

HERE = "http://127.0.0.1:8042"
QUESTIONS = {
    "given_name": "Given name(s) at birth",
    "middle_name": "Middle name (- if there is none)",
    "family_name": "Family name at birth",
    "sex": "Sex at birth (M, F or X)",
    "birth_year": "Year of birth",
    "birth_month": "Month of birth (1 to 12)",
    "birth_day": "Day of birth",
    "birth_city": "City or municipality of birth",
    "birth_country": "Country of birth (two letters, as DE)",
    "government_id": "Number of a government id (Enter to leave out)",
    "government_id_country": "Country that issued it (two letters; Enter to leave out)",
    "mother_given_name": "Mother's given name (Enter to leave out)",
    "mother_family_name": "Mother's family name at birth (Enter to leave out)",
    "mother_birth_month": "Mother's month of birth (Enter to leave out)",
    "mother_birth_day": "Mother's day of birth (Enter to leave out)",
    "father_given_name": "Father's given name (Enter to leave out)",
    "father_family_name": "Father's family name at birth (Enter to leave out)",
    "father_birth_month": "Father's month of birth (Enter to leave out)",
    "father_birth_day": "Father's day of birth (Enter to leave out)",
}
KINDS = {
    "existing": "known already",
    "new": "new",
    "close": "resembles somebody known: a curator decides, until then use this pseudo-GUID",
    "pseudo": "pseudo-GUID",
}


@answering
def guid(
    what: Annotated[
        list[str] | None, typer.Argument(help="A CSV table of people; or the word check and GUIDs to check offline.")
    ] = None,
    to: Annotated[
        str, typer.Option("--to", help="Address of the archive; else INVIVO_URL.", envvar="INVIVO_URL")
    ] = HERE,
    token: Annotated[
        str, typer.Option("--token", help="API token with the scope submit; else INVIVO_TOKEN.", envvar="INVIVO_TOKEN")
    ] = "",
    out: Annotated[Path | None, typer.Option("--out", help="Table to write: row, id, guid, kind.")] = None,
    single: Annotated[bool, typer.Option("--single", help="Ask for the data of one person.")] = False,
    promote: Annotated[
        str, typer.Option("--promote", help="With --single: the pseudo-GUID whose person this is.")
    ] = "",
    pseudo: Annotated[bool, typer.Option("--pseudo", help="Rows with empty required cells get pseudo-GUIDs.")] = False,
    from_row: Annotated[int, typer.Option("--from-row", min=2, help="Row of the table to begin with.")] = 2,
) -> None:
    """Get GUIDs for people. Names, dates and places stay on this machine: only slow one-way codes are sent."""
    words = what or []
    if words[:1] == ["check"] and len(words) > 1:
        _check(words[1:])
    elif single and not words:
        archive = client.Archive(to, token)
        with archive.http:
            _single(client.Guids(archive), promote)
    elif len(words) == 1 and out is not None and not single and not promote:
        archive = client.Archive(to, token)
        with archive.http:
            _table(client.Guids(archive), Path(words[0]), out, pseudo, from_row)
    else:
        raise Invalid(
            "Give a table and --out: `invivo guid people.csv --out guids.csv`; or --single; or check and GUIDs.",
            code="guid.usage",
        )


def _check(labels: list[str]) -> None:
    wrong = 0
    for label in labels:
        try:
            console.print(f"{subjects.read_guid(label)}  well formed", highlight=False, soft_wrap=True)
        except subjects.BadLabel as error:
            wrong += 1
            console.print(f"{label[:60]}  {error.message}", highlight=False, markup=False, soft_wrap=True)
    if wrong:
        raise Invalid(f"{wrong} of {len(labels)} cannot be GUIDs.", code="guid.malformed")


def _single(guids: client.Guids, promote: str) -> None:
    label = subjects.read_guid(promote) if promote else ""
    parameters = guids.parameters()
    cells = {column: typer.prompt(words, default="", show_default=False) for column, words in QUESTIONS.items()}
    fields, problems = client.person_of(cells)
    while problems:
        for one in problems:
            console.print(f"{one.column} {one.text}.", style="yellow", highlight=False, markup=False, soft_wrap=True)
        for column in dict.fromkeys(one.column for one in problems):
            cells[column] = typer.prompt(QUESTIONS[column], default="", show_default=False)
        fields, problems = client.person_of(cells)
    codes = client.codes_of(fields, parameters)
    found = guids.promote(label, codes) if label else guids.assign([(1, codes)])[0]
    console.print(f"{found.guid}  {KINDS.get(found.kind, found.kind)}", highlight=False, soft_wrap=True)


def _table(guids: client.Guids, path: Path, out: Path, pseudo: bool, from_row: int) -> None:
    if out.exists():
        raise Conflict(f"{out} exists; name another output or take it away.", code="guid.output-exists")
    table = client.read_people(path, allow_lacking=pseudo)
    rows = [row for row in table.rows if row.number >= from_row]
    if not rows:
        raise Invalid(f"{path} has no row from {from_row} on.", code="guid.usage")
    if table.ignored:
        console.print(
            f"Columns not looked at: {', '.join(table.ignored)[:500]}.", highlight=False, markup=False, soft_wrap=True
        )
    columns = (TextColumn("people"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not sys.stdout.isatty()) as progress:
        task = progress.add_task("people", total=len(rows))
        parts = client.assign_table(guids, rows, lambda count: progress.advance(task, count))
        counts = client.write_guids(out, rows, parts)
    told = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if kind in counts)
    console.print(f"{len(rows)} people: {told}; in {out}.", highlight=False, markup=False, soft_wrap=True)
    if counts.get("close"):
        console.print(
            "Close ones resemble somebody known: a curator decides; then ask again.", highlight=False, soft_wrap=True
        )


def register(root: typer.Typer) -> None:
    """Add `invivo guid` to the command line."""
    root.command("guid")(guid)
