"""A person's data as everybody writes them alike, whatever accents, capitals, scripts and spreadsheets did to them.

Nothing here leaves the submitter's side, and no error shows a value: only the column it stands in.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from invivo import subjects

RULES = subjects.guid_rules()
REQUIRED = (
    "given_name",
    "middle_name",
    "family_name",
    "sex",
    "birth_day",
    "birth_month",
    "birth_year",
    "birth_city",
    "birth_country",
)
OPTIONAL = (
    "government_id",
    "government_id_country",
    "mother_given_name",
    "mother_family_name",
    "mother_birth_day",
    "mother_birth_month",
    "father_given_name",
    "father_family_name",
    "father_birth_day",
    "father_birth_month",
)
COLUMNS = REQUIRED + OPTIONAL
LONGEST = 200
EARLIEST = 1850
_MARKS = re.compile(RULES["marks"])
_SEQUENCES = [(re.compile(pattern), plain) for pattern, plain in RULES["sequences"]]
_LETTERS = str.maketrans(RULES["letters"])
_COUNTRIES = frozenset(RULES["countries"])


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a cell: its column and what to do, never its value."""

    column: str
    text: str
    is_lacking: bool = False


def _unmarked(text: str) -> str:
    return _MARKS.sub("", unicodedata.normalize("NFKD", text)).lower()


def plain_name(text: str) -> str:
    """Return a name as all its spellings share it.

    In this order: compatibility decomposition (NFKD), marks off, lower case, all but letters, digits and signs of scripts
    off, Greek sequences, letters of other alphabets to Latin, and last ae, oe, ue, aa to a, o, u, a.

    Examples
    --------
    >>> [plain_name(name) for name in ("Müller", "MUELLER", "Muller ", "O’Brien-Núñez", "Γιώργος", "Щербаков")]
    ['muller', 'muller', 'muller', 'obriennunez', 'giorgos', 'shcherbakov']
    """
    plain = "".join(sign for sign in _unmarked(text) if unicodedata.category(sign)[0] in "LNM")
    for pattern, latin in _SEQUENCES:
        plain = pattern.sub(latin, plain)
    plain = plain.translate(_LETTERS)
    for pair, one in RULES["digraphs"]:
        plain = plain.replace(pair, one)
    return plain


def plain_number(text: str) -> str:
    """Return the number of a document: letters and digits only, capitals, without zeros in front."""
    return re.sub(r"[^0-9A-Z]", "", _unmarked(text).translate(_LETTERS).upper()).lstrip("0")


def _country(text: str) -> str:
    code = _unmarked(text).strip().upper()
    return code if code in _COUNTRIES else ""


def _sex(text: str) -> str:
    return str(RULES["sexes"].get(_unmarked(text).strip(), ""))


def _whole(text: str) -> int:
    plain = _unmarked(text).strip()
    return int(plain) if re.fullmatch(r"[0-9]{1,4}", plain) else 0


def _is_none(text: str) -> bool:
    return unicodedata.normalize("NFKC", text).strip() in ("-", "–", "—")


def person_of(cells: Mapping[str, str], today: date | None = None) -> tuple[dict[str, str], list[Problem]]:
    """Read a person's cells into the fields that codes are made of.

    Parameters
    ----------
    cells : mapping of column to text
        `COLUMNS`; others are not looked at. ``-`` as middle name says that there is none.
    today : date, optional
        No birth is after it; by default the date of now.

    Returns
    -------
    (dict of str to str, list of Problem)
        The fields, and what is wrong; with problems the fields are not to be used.
    """
    problems: list[Problem] = []
    fields: dict[str, str] = {}
    read = _Reader(cells, problems)
    fields["given_name"] = read.cell("given_name", plain_name, "has no letter")
    fields["family_name"] = read.cell("family_name", plain_name, "has no letter")
    if not _is_none(cells.get("middle_name", "")):
        fields["middle_name"] = read.cell("middle_name", plain_name, "has no letter; write - if there is none")
    else:
        fields["middle_name"] = ""
    fields["sex"] = read.cell("sex", _sex, "must be M, F or X")
    fields["birth_city"] = read.cell("birth_city", plain_name, "has no letter")
    fields["birth_country"] = read.cell("birth_country", _country, "must be a code of ISO 3166 with two letters")
    fields["birth_date"] = _birth_date(read, today or date.today())  # noqa: DTZ011 - the submitter's own calendar
    fields["birth_year"] = fields["birth_date"][:4]
    _read_optional(read, fields)
    return fields, problems


@dataclass(frozen=True, slots=True)
class _Reader:
    cells: Mapping[str, str]
    problems: list[Problem]

    def cell(self, column: str, plain: Callable[[str], str], wrong: str, *, needed: bool = True) -> str:
        text = self.cells.get(column, "") or ""
        if not text.strip():
            if needed:
                self.problems.append(Problem(column, "is empty", is_lacking=True))
            return ""
        found = plain(text) if len(text) <= LONGEST else ""
        if not found:
            self.problems.append(Problem(column, wrong if len(text) <= LONGEST else "is too long"))
        return found

    def number(self, column: str, least: int, most: int, *, needed: bool = True) -> int:
        def within(text: str) -> str:
            return str(_whole(text)) if least <= _whole(text) <= most else ""

        return int(self.cell(column, within, f"must be a number from {least} to {most}", needed=needed) or 0)


def _birth_date(read: _Reader, today: date) -> str:
    year = read.number("birth_year", EARLIEST, today.year)
    month = read.number("birth_month", 1, 12)
    day = read.number("birth_day", 1, 31)
    if not (year and month and day):
        return ""
    try:
        born = date(year, month, day)
    except ValueError:
        read.problems.append(Problem("birth_day", "is no day of that month"))
        return ""
    if born > today:
        read.problems.append(Problem("birth_year", "is in the future"))
    return born.isoformat()


def _read_optional(read: _Reader, fields: dict[str, str]) -> None:
    for column, plain, wrong in (
        ("government_id", plain_number, "has no letter or digit"),
        ("government_id_country", _country, "must be a code of ISO 3166 with two letters"),
        ("mother_given_name", plain_name, "has no letter"),
        ("mother_family_name", plain_name, "has no letter"),
        ("father_given_name", plain_name, "has no letter"),
        ("father_family_name", plain_name, "has no letter"),
    ):
        fields[column] = read.cell(column, plain, wrong, needed=False)
    for whose in ("mother", "father"):
        month = read.number(f"{whose}_birth_month", 1, 12, needed=False)
        day = read.number(f"{whose}_birth_day", 1, 31, needed=False)
        fields[f"{whose}_birthday"] = f"{month:02}-{day:02}" if month and day else ""
    if bool(fields["government_id"]) != bool(fields["government_id_country"]):
        lacking = "government_id_country" if fields["government_id"] else "government_id"
        read.problems.append(Problem(lacking, "is needed: number and country of a document belong together"))
