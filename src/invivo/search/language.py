"""The query language: one readable text for the page, REST, the command line and Python, and the tree it means.

    chest modality:CT slice-thickness<=1.5mm sex:F age>60 not contrast:* and subject with (modality:SEG)

docs/search.md explains it to people. Reading and writing are inverse: ``read(write(query)) == normalised(query)``.
"""

from invivo.search.field import Field, UnknownField, field_named
from invivo.search.query import ALL, And, Compare, Having, Not, Or, Query, Text
from invivo.search.syntax import LONGEST_VALUE, BadValue
from invivo.search.term import NUMBERS, comparison
from invivo.search.token import BadQuery, Scanner, Token, Value
from invivo.search.unit import WrongUnit, units_of
from invivo.search.wording import DEEPEST, KEYWORDS, LEVELS, RELATIONS, WITH, normalised, write

__all__ = ["BadQuery", "normalised", "read", "write"]

LONGEST_TEXT = 20_000
MOST_TERMS = 2000
_HAD = {
    **dict.fromkeys(("segmentation", "segmentations", "seg"), "segmentation"),
    **dict.fromkeys(("structures", "structure", "rtstruct"), "structures"),
    **dict.fromkeys(("report", "reports", "sr"), "report"),
    **dict.fromkeys(("presentation", "presentations", "pr"), "presentation"),
    **dict.fromkeys(("annotation", "annotations", "ann"), "annotation"),
}


def read(text: str) -> Query:
    """Read a query text.

    Parameters
    ----------
    text : str
        At most 20,000 characters, 2,000 words and values, 60 groups inside each other.

    Returns
    -------
    Query
        In its normal form; an empty text finds everything.

    Raises
    ------
    BadQuery
        With the place of the fault and a code: ``search.syntax``, ``search.unknown-field``, ``search.bad-value``,
        ``search.wrong-unit``, ``search.too-long``, ``search.too-many-terms``, ``search.too-deep``.

    Examples
    --------
    >>> read("lung modality:CT").parts[0]
    Text(text='lung', is_phrase=False)
    """
    if len(text) > LONGEST_TEXT:
        raise BadQuery(
            f"A query has at most {LONGEST_TEXT:,} characters; fetch a list of series by a manifest.",
            LONGEST_TEXT,
            len(text),
            code="search.too-long",
        )
    for place, letter in enumerate(text):
        if letter == "\0" or "\ud800" <= letter <= "\udfff":
            raise BadQuery("This character cannot stand in a query.", place, place + 1)
    reader = _Reader(text)
    if reader.scanner.peek().kind == "end":
        return ALL
    query = reader.alternatives(0)
    rest = reader.scanner.peek()
    if rest.kind != "end":
        raise BadQuery("This bracket closes nothing.", rest.start, rest.end)
    return normalised(query)


class _Reader:
    """Reads groups from the loosest to the tightest: or, and, not, terms."""

    def __init__(self, text: str) -> None:
        self.scanner = Scanner(text)
        self._terms = 0

    def alternatives(self, depth: int) -> Query:
        parts = [self._together(depth, None)]
        while (token := self.scanner.peek()).kind == "word" and token.text.casefold() == "or":
            self.scanner.take()
            parts.append(self._together(depth, token))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _together(self, depth: int, before: Token | None) -> Query:
        """Read terms up to an ``or``, a closing bracket or the end; an error points at the word that wants one more."""
        parts: list[Query] = []
        while not self._ends():
            token = self.scanner.peek()
            if token.kind == "word" and token.text.casefold() == "and":
                if not parts:
                    raise BadQuery("and stands between two terms.", token.start, token.end)
                self.scanner.take()
                if self._ends() or self._is_keyword("and"):
                    raise BadQuery("A term is missing behind and.", token.start, token.end)
            parts.append(self._operand(depth))
        if not parts:
            here = before or self.scanner.peek()
            raise BadQuery(f"A term is missing {'behind' if before else 'before'} this.", here.start, here.end)
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _operand(self, depth: int) -> Query:
        is_negated, last = False, None
        while (token := self.scanner.peek()).kind == "minus" or self._is_keyword("not"):
            is_negated, last = not is_negated, self.scanner.take()
        if last is not None and (self._ends() or self._is_keyword("and")):
            raise BadQuery("A term is missing behind this.", last.start, last.end)
        part = self._part(token, depth, is_single=last is not None)
        return Not(part) if is_negated else part

    def _part(self, token: Token, depth: int, is_single: bool) -> Query:
        if token.kind == "(":
            return self._group(depth)
        if token.kind == "term":
            return self._term()
        if token.kind == "phrase":
            return self._phrase()
        return self._having(depth) or self._relation(depth) or self._words(is_single)

    def _group(self, depth: int) -> Query:
        opening = self.scanner.take()
        if depth >= DEEPEST:
            raise BadQuery(
                f"A query has at most {DEEPEST} groups inside each other.",
                opening.start,
                opening.end,
                code="search.too-deep",
            )
        if self.scanner.peek().kind == ")":
            raise BadQuery("A term is missing between these brackets.", opening.start, self.scanner.peek().end)
        query = self.alternatives(depth + 1)
        if self.scanner.peek().kind != ")":
            raise BadQuery("This bracket is not closed.", opening.start, opening.end)
        self.scanner.take()
        return query

    def _having(self, depth: int) -> Query | None:
        """Read ``subject with (...)``; None where the words are only words."""
        word = self.scanner.peek()
        level = LEVELS.get(word.text.casefold())
        if level is None:
            return None
        self.scanner.take()
        joint = self.scanner.peek()
        if joint.kind == "word" and joint.text.casefold() in WITH:
            self.scanner.take()
            following = self.scanner.peek()
            if following.kind == "(":
                part = Having(level, self._group(depth))
                return Not(part) if joint.text.casefold() == "without" else part
            if following.kind == "term":
                message = f"Put brackets around what the {level} has: {level} with (modality:CT)."
                raise BadQuery(message, following.start, following.end)
        self.scanner.go_back(word)
        return None

    def _relation(self, depth: int) -> Query | None:
        """Read ``has (...)`` and ``refers-to (...)``; None where the words are only words."""
        word = self.scanner.peek()
        level = RELATIONS.get(word.text.casefold())
        if level is None:
            return None
        self.scanner.take()
        if self.scanner.peek().kind == "(":
            return Having(level, self._group(depth))
        self.scanner.go_back(word)
        return None

    def _words(self, is_single: bool) -> Query:
        """Read free words up to a term; behind ``not`` only one."""
        words: list[str] = []
        while (token := self.scanner.peek()).kind == "word" and token.text.casefold() not in KEYWORDS:
            is_star = not token.text.strip("*")
            if words and (is_single or is_star or token.text.casefold() in {*LEVELS, *RELATIONS}):
                break
            if is_star:
                self.scanner.take()
                return ALL
            if "*" in token.text[:-1]:
                message = "Among free words * stands at an end, tum*; ask a field for more: description:*tum*r*."
                raise BadQuery(message, token.start, token.end)
            self._count(token)
            words.append(self.scanner.take().text)
        return Text(" ".join(words))

    def _phrase(self) -> Query:
        token = self.scanner.take()
        self._count(token)
        if not token.text.strip() or len(token.text) > LONGEST_VALUE:
            raise BadQuery(f"A phrase has 1 to {LONGEST_VALUE} characters.", token.start, token.end)
        return Text(token.text, is_phrase=True)

    def _term(self) -> Query:
        head = self.scanner.take()
        if head.text.casefold() == "has" and head.operator in (":", "!="):
            return self._possession(head)
        field = self._field(head)
        is_number = field.kind in NUMBERS
        joins = "units" if is_number and units_of(field.unit) else "ranges" if is_number or field.kind == "date" else ""
        values = self.scanner.values(head, joins)
        parts = []
        for value in values:
            self._count(value)
            parts.append(_asked(field, head, value))
        asked = parts[0] if len(parts) == 1 else Or(tuple(parts))
        return Not(asked) if head.operator == "!=" else asked

    def _possession(self, head: Token) -> Query:
        """Read ``has:segmentation``, which says ``has-segmentation:yes``."""
        parts: list[Query] = []
        for value in self.scanner.values(head, ""):
            self._count(value)
            name = _HAD.get(value.text.casefold())
            if name is None:
                known = ", ".join(dict.fromkeys(_HAD.values()))
                raise BadQuery(f"has: is followed by one of {known}.", value.start, value.end, code="search.bad-value")
            parts.append(Compare(field_named(f"has-{name}"), "is", ("yes",)))
        asked = parts[0] if len(parts) == 1 else Or(tuple(parts))
        return Not(asked) if head.operator == "!=" else asked

    def _field(self, head: Token) -> Field:
        try:
            return field_named(head.text)
        except UnknownField as unknown:
            end, near = head.start + len(head.text), unknown.facts.get("near")
            hint = f' Text with {head.operator[0]} in it stands in "quotes".' if near == () else ""
            raise BadQuery(unknown.message + hint, head.start, end, code=unknown.kind, near=near or ()) from None

    def _count(self, token: Token | Value) -> None:
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise BadQuery(
                f"A query has at most {MOST_TERMS:,} words and values; fetch a list of series by a manifest.",
                token.start,
                token.end,
                code="search.too-many-terms",
            )

    def _is_keyword(self, word: str) -> bool:
        token = self.scanner.peek()
        return token.kind == "word" and token.text.casefold() == word

    def _ends(self) -> bool:
        return self.scanner.peek().kind in ("end", ")") or self._is_keyword("or")


def _asked(field: Field, head: Token, value: Value) -> Query:
    try:
        return comparison(field, head.operator, value)
    except (BadValue, WrongUnit) as fault:
        raise BadQuery(fault.message, value.start, value.end, code=fault.kind, field=field.name) from None
