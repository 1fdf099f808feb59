"""What the people who run an archive say to a requirement: mission, governance, staff, money cannot be read from a database."""

from dataclasses import dataclass
from datetime import datetime

from invivo import accounts, audit
from invivo.archive import Archive
from invivo.assessment.requirement import requirement_named
from invivo.errors import Invalid, Refused

LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement, Markdown, and when it was made."""

    text: str
    said_at: datetime


def statements(archive: Archive) -> dict[tuple[str, str], Statement]:
    """Return the statements by framework and requirement."""
    with archive.database.transaction() as tx:
        found = tx.execute("select framework, requirement, text, said_at from assessment.statement")
        return {(row.framework, row.requirement): Statement(row.text, row.said_at) for row in found}


def write_statement(archive: Archive, actor: accounts.Actor, framework: str, requirement: str, text: str) -> None:
    """Say how the archive meets a requirement; an empty text takes it back.

    Raises
    ------
    Refused
        The actor is no administrator.
    UnknownRequirement
    Invalid
        The text is too long.
    """
    if not (actor.is_administrator or actor.name == "system"):
        raise Refused("Only an administrator may speak for the archive.", code="assessment.not-administrator")
    requirement_named(framework, requirement)
    text = text.strip()
    if len(text) > LONGEST:
        raise Invalid(f"A statement has at most {LONGEST} characters.", code="assessment.statement")
    with archive.database.transaction() as tx:
        if text:
            tx.execute(
                "insert into assessment.statement (framework, requirement, text, said_by) values (%s, %s, %s, %s)"
                " on conflict (framework, requirement) do update set text = excluded.text, said_by = excluded.said_by,"
                " said_at = now()",
                [framework, requirement, text, actor.name],
            )
        else:
            tx.execute(
                "delete from assessment.statement where framework = %s and requirement = %s", [framework, requirement]
            )
        audit.note(tx, actor.name, "assessment.state", f"requirement:{framework}/{requirement}")
