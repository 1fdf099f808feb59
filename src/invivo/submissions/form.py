"""The form of a proposal: questions as data, in versions, so that a proposal stays readable as it was asked."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from invivo import accounts, audit, database
from invivo.archive import Archive
from invivo.errors import Invalid, Refused

KINDS = ("text", "long", "choice", "number", "date", "file")
LONGEST = {"text": 500, "long": 20_000, "number": 40, "date": 10, "choice": 200}
_MOST_QUESTIONS, _MOST_CHOICES = 60, 100
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SHIPPED = Path(__file__).with_name("proposal_form.json")


class BadForm(Invalid):
    """The questions of a form are malformed."""

    code = "proposal.form"


class BadAnswers(Invalid):
    """Answers are missing or malformed; ``facts["problems"]`` names them by question."""

    code = "proposal.answers"


@dataclass(frozen=True, slots=True)
class Question:
    """One question; ``kind`` is text, long, choice, number, date or file."""

    key: str
    text: str
    kind: str
    required: bool = False
    choices: tuple[str, ...] = ()
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """The questions of one version."""

    version: int
    questions: tuple[Question, ...]


def read_questions(given: Any) -> tuple[Question, ...]:
    """Read questions from their JSON; raises BadForm naming the first fault."""
    if not isinstance(given, list) or not 1 <= len(given) <= _MOST_QUESTIONS:
        raise BadForm(f"A form is a list of 1 to {_MOST_QUESTIONS} questions.")
    questions = tuple(_question(place, one) for place, one in enumerate(given, 1))
    if len({one.key for one in questions}) < len(questions):
        raise BadForm("Two questions of the form have the same key.")
    return questions


def _question(place: int, given: Any) -> Question:
    names = {"key", "text", "kind", "required", "choices", "hint"}
    if not isinstance(given, dict) or not set(given) <= names:
        raise BadForm(f"Question {place} has {', '.join(sorted(names))} and nothing else.")
    made = Question(
        str(given.get("key", "")),
        str(given.get("text", "")).strip(),
        str(given.get("kind", "")),
        given.get("required", False) is True,
        tuple(str(one).strip() for one in given.get("choices") or ()),
        str(given.get("hint", "")).strip(),
    )
    if not _KEY.fullmatch(made.key):
        raise BadForm(f"Question {place} needs a key of small letters, digits and underscores.")
    if not 1 <= len(made.text) <= 300 or len(made.hint) > 500:
        raise BadForm(f"Question {made.key} needs a text of 1 to 300 characters.")
    if made.kind not in KINDS:
        raise BadForm(f"The kind of question {made.key} is one of {', '.join(KINDS)}.")
    if (made.kind == "choice") != bool(made.choices) or len(made.choices) > _MOST_CHOICES:
        raise BadForm(f"Question {made.key} has choices if and only if its kind is choice.")
    if any(not 1 <= len(one) <= LONGEST["choice"] for one in made.choices):
        raise BadForm(f"A choice of question {made.key} has 1 to {LONGEST['choice']} characters.")
    return made


def form_of(tx: database.Tx, version: int) -> Form:
    """Return the form of a version that a proposal names."""
    row = tx.execute("select version, questions from submissions.form where version = %s", [version]).fetchone()
    assert row is not None
    return Form(int(row.version), read_questions(row.questions))


def newest_form(tx: database.Tx) -> Form:
    """Return the form that new proposals are asked; the one that is shipped becomes version 1 when there is none."""
    row = tx.execute("select max(version) as newest from submissions.form").fetchone()
    if row is None or row.newest is None:
        questions = read_questions(json.loads(_SHIPPED.read_text("utf-8")))
        tx.execute(
            "insert into submissions.form (version, questions, made_by) values (1, %s, 'system') on conflict do nothing",
            [Jsonb([asdict(one) for one in questions])],
        )
        return form_of(tx, 1)
    return form_of(tx, row.newest)


def form_in_force(archive: Archive) -> Form:
    """Return the form that new proposals are asked."""
    with archive.database.transaction() as tx:
        return newest_form(tx)


def write_form(archive: Archive, actor: accounts.Actor, questions: Sequence[Mapping[str, Any]]) -> Form:
    """Ask other questions from now on; proposals that have begun keep theirs.

    Raises
    ------
    Refused
        The actor is no administrator.
    BadForm
    """
    if not (actor.is_administrator or actor.name == "system"):
        raise Refused("Only an administrator may change the form of proposals.", code="proposal.not-administrator")
    read = read_questions([dict(one) for one in questions])
    with archive.database.transaction() as tx:
        tx.execute("lock table submissions.form in share row exclusive mode")
        version = newest_form(tx).version + 1
        tx.execute(
            "insert into submissions.form (version, questions, made_by) values (%s, %s, %s)",
            [version, Jsonb([asdict(one) for one in read]), actor.name],
        )
        audit.note(tx, actor.name, "proposal.form", f"form:{version}", questions=len(read))
    return Form(version, read)


def checked(
    form: Form, given: Mapping[str, str], *, is_whole: bool, files: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Return the answers to a form's questions; what the form does not ask is left out.

    Parameters
    ----------
    is_whole : bool
        Whether what is required must be there; a draft may have gaps.
    files : frozenset of str
        Keys of the questions that a file is attached to.

    Raises
    ------
    BadAnswers
        With ``facts["problems"]``, a mapping of key to what is wrong.
    """
    answers, problems = {}, {}
    for one in form.questions:
        answer = given.get(one.key, "").replace("\x00", "").strip()
        wrong = _wrong(one, answer, one.key in files, is_whole=is_whole)
        if wrong:
            problems[one.key] = wrong
        elif answer and one.kind != "file":
            answers[one.key] = answer
    if problems:
        raise BadAnswers("Some answers are missing or cannot be read.", problems=problems)
    return answers


def _wrong(question: Question, answer: str, has_file: bool, *, is_whole: bool) -> str:
    if question.kind == "file":
        return "Attach a file." if is_whole and question.required and not has_file else ""
    if not answer:
        return "This is needed." if is_whole and question.required else ""
    if len(answer) > LONGEST[question.kind]:
        return f"At most {LONGEST[question.kind]} characters."
    if question.kind == "choice" and answer not in question.choices:
        return "Choose one of those offered."
    if question.kind == "number" and not _is_number(answer):
        return "This must be a number."
    return "Write a day as YYYY-MM-DD." if question.kind == "date" and not _is_day(answer) else ""


def _is_number(text: str) -> bool:
    try:
        return text.isascii() and math.isfinite(float(text)) and "_" not in text
    except ValueError:
        return False


def _is_day(text: str) -> bool:
    try:
        return len(text) == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False
