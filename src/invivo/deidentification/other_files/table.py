"""Tables of comma- or tab-separated values: what becomes of each column, and the table written again."""

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping as Rules
from collections.abc import Sequence
from dataclasses import dataclass

from invivo.deidentification.other_files import field
from invivo.deidentification.other_files.encoding import Text
from invivo.deidentification.other_files.outcome import Written, refusal
from invivo.deidentification.other_files.prose import free_text_doubt
from invivo.deidentification.other_files.wording import Wording
from invivo.deidentification.report import Action, CannotDeidentify, Doubt
from invivo.deidentification.text import Cleaner

MOST_COLUMNS = 10_000
MOST_CELLS = 20_000_000
LONGEST_CELL = 1 << 17
_DELIMITERS = ",\t;|"
_SNIFFED = 400
_FORMULA = re.compile(r"[=@]|[+-](?=.*[(!|\[])|[+-](?=[A-Za-z$]{1,4}\$?\d)|[\t\r]")
_PLAIN_NAME = re.compile(r"[^\W\d][\w .'-]{0,40}")
_LONGEST_LISTED = 60
_MOST_CLEANERS_WORK = 300_000


@dataclass(frozen=True, slots=True, repr=False)
class Sheet:
    """The rows of a table and how they were written."""

    rows: list[list[str]]
    delimiter: str
    line_end: str
    ends_open: bool


@dataclass(frozen=True, slots=True)
class _Column:
    number: int
    name: str
    rule: str | None


def read_table(text: str) -> Sheet | None:
    """The table that a text is; None when it is none.

    Raises
    ------
    CannotDeidentify
        It looks like a table and is not whole, or is beyond the limits.
    """
    delimiter = _delimiter(text)
    if delimiter is None and _is_list(text):
        delimiter = ","
    if delimiter is None:
        return None
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        raise refusal("The table has a cell that is too long or not closed.", "broken-table") from None
    width = len(rows[0])
    if any(len(row) > width for row in rows):
        raise refusal("The table has rows that are longer than its header.", "broken-table")
    if width > MOST_COLUMNS or width * len(rows) > MOST_CELLS:
        raise refusal("The table is larger than what can be cleaned at once.", "too-large")
    return Sheet(rows, delimiter, "\r\n" if "\r\n" in text else "\n", not text.endswith(("\n", "\r")))


def clean_table(found: Text, sheet: Sheet, wording: Wording, dictionary: Rules[str, str] | None) -> Written:
    """Clean a table by a dictionary of its columns, and by their names and values where that says nothing.

    Raises
    ------
    CannotDeidentify
        The dictionary has a rule that does not exist.
    """
    header, *body = sheet.rows
    columns, doubts = _columns(header, body, dictionary)
    is_whole = wording.learn(
        trace
        for column in columns
        for value in {row[column.number].strip() for row in body if column.number < len(row)}
        for trace in field.traces_of_field(f"column {column.number + 1}", column.rule, value)
    )
    if not is_whole:
        doubts.append(
            Doubt("table.many-people", "table", "More people than can be looked for in other columns.", "hold")
        )
    doubts += _free_texts(columns, body, wording)
    shifts = _Shifts(columns, wording)
    changed: Counter[int] = Counter()
    rows = [_header(header, columns, wording, changed)]
    for row in body:
        days, cleaner = shifts.of(row)
        new = [_cell(value, column, wording, days, cleaner) for value, column in zip(row, columns, strict=False)]
        changed.update(n for n, (old, now) in enumerate(zip(row, new, strict=True)) if old != now)
        rows.append(new)
    actions = [
        Action(f"column {column.number + 1}", _letter(column.rule), f"table {column.rule or 'clean'}")
        for column in columns
        if changed[column.number]
    ]
    text = _written(rows, sheet)
    doubts += found.doubts()
    return Written(found.bytes_of(text), "table", tuple(actions), tuple(doubts), (), wording.own, text)


def _delimiter(text: str) -> str | None:
    """What stands between the cells: the mark that parts nearly all rows into as many cells as the header."""
    lines = [line for line in text[: 1 << 20].splitlines() if line.strip()][:_SNIFFED]
    best: tuple[float, int, str] | None = None
    for mark in _DELIMITERS:
        if len(lines) < 2 or mark not in lines[0]:
            continue
        try:
            counts = [len(row) for row in csv.reader(lines, delimiter=mark) if row]
        except csv.Error:
            raise refusal("The table has a cell that is too long.", "broken-table") from None
        width = counts[0]
        share = sum(1 for count in counts if count == width) / len(counts)
        if share >= 0.8 and (best is None or (share, width) > best[:2]):
            best = (share, width, mark)
    return best[2] if best else None


def _is_list(text: str) -> bool:
    """Whether a text is a single column under a name that says what it is."""
    lines = text[: 1 << 20].splitlines()
    is_short = len(lines) > 1 and all(len(line) < _LONGEST_LISTED and line.count(" ") < 5 for line in lines)
    return is_short and _PLAIN_NAME.fullmatch(lines[0]) is not None and field.rule_of(lines[0]) is not None


def _columns(
    header: Sequence[str], body: Sequence[Sequence[str]], dictionary: Rules[str, str] | None
) -> tuple[list[_Column], list[Doubt]]:
    rules = {name.strip().casefold(): rule for name, rule in (dictionary or {}).items()}
    if any(rule not in field.RULES for rule in rules.values()):
        raise refusal("The dictionary has a rule that does not exist.", "unknown-rule")
    columns, doubts = [], []
    for number, name in enumerate(header):
        rule = rules.get(name.strip().casefold())
        if rule is None:
            own = field.rule_of(name)
            values = [row[number] for row in body[: field.SAMPLE * 20] if number < len(row)]
            marked = (own is not None and own != "technical") if dictionary is not None else False
            if marked or (own in {None, "technical"} and field.looks_identifying(values)):
                text = "The column looks identifying and has no rule; it was cleaned as far as could be told."
                doubts.append(Doubt("table.undecided-column", f"column {number + 1}", text, "hold"))
            rule = own
        columns.append(_Column(number, name, rule))
    if any(_is_value(name) for name in header):
        doubts.append(Doubt("table.no-header", "row 1", "The first row looks like values, not like names.", "hold"))
    return columns, doubts


def _is_value(name: str) -> bool:
    name = name.strip()
    return bool(name) and (field.is_number(name) or field.moved_date(name, 0) is not None or "@" in name)


def _free_texts(columns: Sequence[_Column], body: Sequence[Sequence[str]], wording: Wording) -> list[Doubt]:
    """One doubt where a column that is cleaned holds sentences with words that are not common."""
    for column in columns:
        if column.rule not in {None, "clean"}:
            continue
        values = [row[column.number] for row in body[: field.SAMPLE * 20] if column.number < len(row)]
        if any(" " in value.strip() and field.strange_words(value) for value in values):
            return [free_text_doubt(wording)]
    return []


class _Shifts:
    """By how much the dates of a row move: as its own subject's, or as the caller says."""

    def __init__(self, columns: Sequence[_Column], wording: Wording) -> None:
        self._subject = next((column.number for column in columns if column.rule == "subject"), None)
        self._texts = [column.number for column in columns if column.rule in {None, "clean"}]
        self._wording = wording
        self._cleaners: dict[int | None, Cleaner] = {}
        self._work = 0

    def of(self, row: Sequence[str]) -> tuple[int | None, Cleaner]:
        wording = self._wording
        if self._subject is None or wording.keeps_dates:
            return wording.shift_days, wording.cleaner
        subject = row[self._subject].strip() if self._subject < len(row) else ""
        if subject.casefold() in field.MISSING:
            return None, self._cleaner(None)
        days = wording.mapping.date_offset_days(subject)
        has_texts = any(self._may_hold_a_date(row[number]) for number in self._texts if number < len(row))
        return days, self._cleaner(days if has_texts else None)

    @staticmethod
    def _may_hold_a_date(value: str) -> bool:
        return len(value) > 5 and any(letter.isdigit() for letter in value) and not field.is_number(value)

    def _cleaner(self, days: int | None) -> Cleaner:
        """A cleaner for a shift; where there are too many shifts, dates in texts go instead."""
        known = self._cleaners.get(days)
        if known is None:
            self._work += len(self._wording.known) + len(self._wording.own) + 1
            if self._work > _MOST_CLEANERS_WORK and days is not None:
                return self._cleaner(None)
            known = self._cleaners[days] = self._wording.shifting(days)
        return known


def _header(header: Sequence[str], columns: Sequence[_Column], wording: Wording, changed: Counter[int]) -> list[str]:
    """The names of the columns; a name that says what a column is stays, whatever words it has."""
    new = []
    for name, column in zip(header, columns, strict=True):
        cleaned = wording.technical(name) if column.rule else wording.line(name)
        if cleaned != name:
            changed[column.number] += 1
        new.append(_safe(cleaned))
    return new


def _cell(value: str, column: _Column, wording: Wording, days: int | None, cleaner: Cleaner) -> str:
    if not value or value.isspace():
        return value
    if len(value) > LONGEST_CELL:
        raise _too_long()
    rule = column.rule
    if rule == "keep":
        return value
    if rule in {None, "clean", "technical"}:
        if field.is_number(value) and not field.is_long_number(value):
            return "" if cleaner.finds(value) else value
        if rule is None and not field.UID.fullmatch(value.strip()):
            return _safe(wording.line(value, cleaner))
    return _safe(wording.ruled(rule or "clean", value, column.name, days, cleaner))


def _safe(value: str) -> str:
    """A text that a spreadsheet would run as a formula is marked as text; numbers stay."""
    return "'" + value if _FORMULA.match(value) and not field.is_number(value) else value


def _letter(rule: str | None) -> str:
    letters = {"remove": "X", "birthdate": "X", "subject": "D", "id": "D", "uid": "U"}
    return letters.get(rule or "", "C")


def _too_long() -> CannotDeidentify:
    return refusal("The table has a cell that is too long or not closed.", "broken-table")


def _written(rows: Sequence[Sequence[str]], sheet: Sheet) -> str:
    target = io.StringIO(newline="")
    csv.writer(target, delimiter=sheet.delimiter, lineterminator=sheet.line_end).writerows(rows)
    text = target.getvalue()
    return text.removesuffix(sheet.line_end) if sheet.ends_open else text
