"""How the texts of one file are cleaned: the engine's cleaner and maps, and the rules of fields."""

import html
import re
from collections.abc import Iterable, Iterator, Sequence

from invivo.deidentification import text_date
from invivo.deidentification.identifier import Trace
from invivo.deidentification.mapping import Mapping
from invivo.deidentification.other_files import field
from invivo.deidentification.text import Cleaner

_BLOB = re.compile(r"[A-Za-z0-9+/_=-]{160,}")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8});")
_ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}")
_TOKENS = (re.compile(r"[^\s,;()\"'.:]+"), re.compile(r"[^\s,;()\"'.:_/\\=-]+"))
_LONGEST_COUNT = 5  # shorter numbers are as well counts and sizes
_MOST_IDS = 40
_INNER = re.compile(r"(?<=\w)['’ʼ`\-](?=\w)")
_MOST_NAMES = 20_000
_INSIDE = re.compile(r"[^\s_-].*[^\s_-]|[^\s_-]", re.DOTALL)


class Wording:
    """Cleans the texts of one file.

    Parameters
    ----------
    known : sequence of Trace
        What identifies the people of whom the file may tell.
    mapping : Mapping
    shift_days : int, days, optional
        Without it dates go.
    keeps_dates : bool
    """

    def __init__(self, known: Sequence[Trace], mapping: Mapping, shift_days: int | None, *, keeps_dates: bool) -> None:
        self.known = tuple(dict.fromkeys(trace for one in known for trace in (one, *_joined(one))))
        self.mapping = mapping
        self.shift_days = shift_days
        self.keeps_dates = keeps_dates
        self.own: tuple[Trace, ...] = ()
        self._looked_for = self.known
        self._many: frozenset[str] = frozenset()
        self.written: set[str] = set()
        self.births = {text_date.read(trace.text) for trace in known if trace.kind == "date"} - {None}
        self.cleaner = Cleaner(self.known, keeps_dates=keeps_dates, shift_days=shift_days)

    def learn(self, traces: Iterable[Trace]) -> bool:
        """Take in what the file itself tells of somebody; False where that is more than can be looked for."""
        found = {(trace.kind, trace.text): trace for trace in traces if len(trace.text.strip()) > 1}
        names = [trace for trace in found.values() if trace.kind == "name"]
        others = [trace for trace in found.values() if trace.kind != "name"]
        others = [trace for trace in others if trace.kind != "id" or _is_own_number(trace.text)]
        if len(others) > _MOST_IDS:
            self._many = frozenset(trace.text.casefold() for trace in others if trace.kind == "id")
        self.own = (*names[:_MOST_NAMES], *others)
        self._looked_for = (*self.known, *names[:_MOST_NAMES], *others[:_MOST_IDS])
        if self.own:
            self.cleaner = self.shifting(self.shift_days)
        return len(names) <= _MOST_NAMES

    def shifting(self, days: int | None) -> Cleaner:
        """A cleaner that moves dates by another number of days."""
        return Cleaner(self._looked_for, keeps_dates=self.keeps_dates, shift_days=days)

    def clean(self, text: str, cleaner: Cleaner | None = None) -> str:
        """Text without identifiers, dates, numbers of one's own, and coded lumps nobody can read."""
        cleaner = cleaner or self.cleaner
        if len(text) > 160:
            text = _BLOB.sub("", text)
        if self._many:
            for pattern in _TOKENS:
                text = pattern.sub(lambda word: "" if word.group().casefold() in self._many else word.group(), text)
        plain = html.unescape(text) if "&" in text and _ENTITY.search(text) else text
        if "%" in plain or "\\u" in plain:
            plain = _unescaped(plain, cleaner)
        cleaned = cleaner.clean(plain)
        return text if cleaned == plain else cleaned

    def technical(self, text: str) -> str:
        """Text without the known identifiers; numbers and dates of versions stay."""
        return self.cleaner.strip(text)

    def subject(self, value: str) -> str:
        """Label of a subject."""
        return self._noted(self.mapping.subject_label(value.strip()))

    def pseudonym(self, value: str) -> str:
        """Code for what must stay distinct from others."""
        return self._noted(self.mapping.pseudonym(value.strip()))

    def uid(self, value: str) -> str:
        """A UID's image, or a code for what is no UID."""
        return self.mapping.uid(value) if field.UID.fullmatch(value.strip()) else self.pseudonym(value)

    def date(self, value: str, days: int | None, cleaner: Cleaner | None = None) -> str:
        """A date moved; empty when it cannot be or is somebody's birth date."""
        if text_date.read(value.strip()) in self.births:
            return ""
        if self.keeps_dates:
            return value if field.moved_date(value, 0) is not None else self.clean(value, cleaner)
        if days is None:
            return ""
        return field.moved_date(value, days) or ""

    def ruled(self, rule: str, value: str, name: str, days: int | None, cleaner: Cleaner | None = None) -> str:
        """A value under one of the rules."""
        if value.strip().casefold() in field.MISSING or rule == "keep":
            return value
        if rule in {"remove", "birthdate"}:
            return ""
        if rule == "date":
            return self.date(value, days, cleaner)
        age = field.capped(value, name) if rule == "age" else None
        if age is not None:
            return age
        changes = {"subject": self.subject, "id": self.pseudonym, "uid": self.uid, "technical": self.technical}
        if field.UID.fullmatch(value.strip()):
            changes.setdefault(rule, self.uid)
        change = changes.get(rule)
        return change(value) if change else self.clean(value, cleaner)

    def line(self, text: str, cleaner: Cleaner | None = None) -> str:
        """A line of text cleaned; what stands before and after its first and last word stays."""
        inner = _INSIDE.search(text)
        if inner is None:
            return text
        return text[: inner.start()] + self.clean(inner.group(), cleaner) + text[inner.end() :]

    def _noted(self, label: str) -> str:
        self.written.add(label.casefold())
        return label


def _joined(trace: Trace) -> Iterator[Trace]:
    """The name without its apostrophes and hyphens: ``OBrien`` beside ``O'Brien``."""
    plain = _INNER.sub("", trace.text)
    if trace.kind == "name" and plain != trace.text:
        yield trace._replace(text=plain)


def _is_own_number(text: str) -> bool:
    """Whether an id can be told from a word, a count and a size."""
    return any(letter.isdigit() for letter in text) and not (text.isdigit() and len(text) <= _LONGEST_COUNT)


def _unescaped(text: str, cleaner: Cleaner) -> str:
    """Text with its percent and backslash codes read, where that shows somebody."""
    raw = _ESCAPED.sub(lambda code: _letters(code.group()), text)
    read = raw.encode("latin-1", "ignore").decode("utf-8", "ignore") if "%" in text else raw
    return next((reading for reading in (raw, read) if cleaner.finds(reading) and not cleaner.finds(text)), text)


def _letters(code: str) -> str:
    return chr(int(code[1:] if code[0] == "%" else code[2:], 16))
