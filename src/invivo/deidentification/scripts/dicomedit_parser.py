"""DicomEdit scripts from their text: a grammar by recursive descent, and every check that needs no object."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from invivo.deidentification.scripts.dicomedit_lexer import Token, tokens
from invivo.deidentification.scripts.dicomedit_path import BadPath, Path, parse_path
from invivo.deidentification.scripts.dicomedit_signature import Signature
from invivo.deidentification.scripts.dicomedit_syntax import (
    Assign,
    Branch,
    Call,
    Comparison,
    Condition,
    Define,
    Delete,
    Echo,
    Expression,
    Literal,
    Perform,
    Program,
    RemovePrivate,
    Statement,
    Values,
    Variable,
)
from invivo.deidentification.scripts.pattern import BadPattern, compile_pattern
from invivo.deidentification.scripts.refusal import DEEPEST_CALL, MOST_RULES, Passage, ScriptRefused, Warned, whole

VERSIONS = tuple(f"6.{minor}" for minor in range(7))
HOST_NAMES = frozenset({"project", "subject", "session"})
_RESERVED = frozenset({"version", "describe", "export", "echo", "if", "elseif", "else", "removeAllPrivateTags"})


@dataclass(slots=True)
class Parser:
    """Reads one script."""

    passage: Passage
    words: list[Token]
    functions: Mapping[str, Signature]
    old: bool
    known: set[str]
    at: int = 0
    depth: int = 0
    statements: int = 0
    assigned: set[str] = field(default_factory=set)
    described: dict[str, str] = field(default_factory=dict)
    exports: dict[str, tuple[str, int]] = field(default_factory=dict)
    looks_up_at: tuple[int, int] | None = None
    warnings: list[Warned] = field(default_factory=list)

    @property
    def word(self) -> Token:
        """The word at hand."""
        return self.words[self.at]

    def refused(self, reason: str, word: Token | None = None) -> ScriptRefused:
        """The error at a word."""
        return self.passage.refused((word or self.word).offset, reason)

    def line(self, word: Token) -> int:
        """The line of a word."""
        return self.passage.place(word.offset)[0]

    def next(self) -> Token:
        """Take the word at hand."""
        word = self.words[self.at]
        self.at = min(self.at + 1, len(self.words) - 1)
        return word

    def sees(self, text: str, ahead: int = 0) -> bool:
        """Whether a sign or name is at hand."""
        word = self.words[min(self.at + ahead, len(self.words) - 1)]
        return word.kind in {"sign", "name"} and word.text == text

    def takes(self, text: str) -> bool:
        """Take a sign or name if it is at hand."""
        if self.sees(text):
            self.next()
            return True
        return False

    def expect(self, text: str) -> None:
        """Take a sign, or refuse the script."""
        if not self.takes(text):
            raise self.refused(f"{text} is expected here.")

    def kind(self, kind: str, what: str) -> Token:
        """Take a word of a kind, or refuse the script."""
        if self.word.kind != kind:
            raise self.refused(f"{what} is expected here.")
        return self.next()

    def skip_ends(self) -> None:
        """Go to the next statement."""
        while self.word.kind == "end":
            self.next()

    def block(self, *, until_brace: bool) -> tuple[Statement, ...]:
        """Statements up to the end of the file or of the block."""
        found: list[Statement] = []
        self.skip_ends()
        while self.word.kind != "stop" and not (until_brace and self.sees("}")):
            found.extend(self.statement())
            self.statements += 1
            if self.statements > MOST_RULES:
                raise self.refused(f"the script has more than {MOST_RULES} statements.")
            if self.word.kind not in {"end", "stop"} and not (until_brace and self.sees("}")):
                raise self.refused("the statement goes on after its end.")
            self.skip_ends()
        return tuple(found)

    def statement(self) -> list[Statement]:
        """One statement; descriptions and exports leave nothing to do for an object."""
        if self.takes("describe"):
            self.describe()
            return []
        if self.takes("export"):
            word = self.kind("name", "a variable")
            self.check_variable(word)
            self.exports[word.text] = (self.kind("string", "the name of a field").text, word.offset)
            return []
        if self.sees("version"):
            raise self.refused("the version stands at the beginning, once.")
        if self.sees("if") and not self.old:
            return [self.choice()]
        return [self.line_of_work()]

    def describe(self) -> None:
        """``describe name "label"``, or a word for what the host may not change."""
        word = self.kind("name", "a variable")
        if self.word.kind == "string":
            self.described[word.text] = self.next().text
            self.known.add(word.text)
            return
        kind = self.kind("name", "a label, hidden, const or immutable")
        if kind.text not in {"hidden", "const", "immutable"}:
            raise self.refused("a label, hidden, const or immutable is expected here.", kind)
        self.described.pop(word.text, None)

    def choice(self) -> Branch:
        """``if (condition) { } elseif (condition) { } else { }``."""
        start = self.next()
        self.deeper()
        choices: list[tuple[Condition | None, tuple[Statement, ...]]] = []
        choices.append(self.conditional_block())
        while True:
            before = self.at
            self.skip_ends()
            if self.takes("elseif"):
                choices.append(self.conditional_block())
                continue
            if self.takes("else"):
                choices.append((None, self.braced()))
            else:
                self.at = before
            break
        self.depth -= 1
        return Branch(self.line(start), tuple(choices))

    def conditional_block(self) -> tuple[Condition, tuple[Statement, ...]]:
        """``(condition) { statements }``."""
        self.expect("(")
        condition = self.condition(self.value())
        self.expect(")")
        return condition, self.braced()

    def braced(self) -> tuple[Statement, ...]:
        """``{ statements }``."""
        self.skip_ends()
        self.expect("{")
        inner = self.block(until_brace=True)
        self.expect("}")
        return inner

    def deeper(self) -> None:
        """Count the nesting."""
        self.depth += 1
        if self.depth > DEEPEST_CALL:
            raise self.refused("the script is nested too deep.")

    def line_of_work(self) -> Statement:
        """An action, or a condition with one or two actions."""
        start = self.word
        if self.sees("-") or self.sees("echo") or self.sees("removeAllPrivateTags"):
            return self.action()
        if self.word.kind in {"path", "name"} and (self.sees(":=", 1) or self.sees("?=", 1)):
            return self.action()
        first = self.value()
        if isinstance(first, Call) and (self.word.kind in {"end", "stop"} or self.sees("}")):
            return Perform(self.line(start), first)
        condition = self.condition(first)
        self.expect(":" if self.old else "?")
        then = self.action()
        choices: list[tuple[Condition | None, tuple[Statement, ...]]] = [(condition, (then,))]
        if not self.old and self.takes(":"):
            choices.append((None, (self.action(),)))
        return Branch(self.line(start), tuple(choices))

    def action(self) -> Statement:
        """One assignment, deletion, definition, call or echo."""
        start = self.word
        line = self.line(start)
        if self.takes("-"):
            word = self.kind("path", "a tag path")
            path = self.path(word)
            if self.old:
                self.check_old(path, word)
            return Delete(line, path)
        if self.takes("echo"):
            return Echo(line, self.value())
        if self.takes("removeAllPrivateTags"):
            return RemovePrivate(line)
        if self.word.kind == "path":
            return self.assignment(self.next())
        if self.word.kind == "name" and self.sees(":=", 1):
            return self.definition(self.next())
        value = self.value()
        if not isinstance(value, Call):
            raise self.refused("an assignment, deletion, call or echo is expected here.", start)
        return Perform(line, value)

    def assignment(self, word: Token) -> Statement:
        """``path := value`` or ``path ?= value``."""
        path = self.path(word)
        only_existing = self.sees("?=")
        if self.old:
            self.check_old(path, word)
            if not path.is_singular or only_existing:
                raise self.refused("version 4 sets single elements with := only.", word)
        if path.parts[-1].depth:
            raise self.refused("an assignment needs a tag at the end of its path.", word)
        if not self.takes(":=") and not self.takes("?="):
            raise self.refused(":= or ?= is expected here.")
        tag = path.parts[-1].tag
        if tag is not None and (tag < 0x00080000 or tag == 0x00080005):
            text = "File meta information and the character set are not changed by scripts; this has no effect."
            self.warnings.append(self.passage.warned(word.offset, text))
        return Assign(self.line(word), path, self.value(), only_existing)

    def definition(self, word: Token) -> Statement:
        """``name := value``."""
        if word.text in _RESERVED:
            raise self.refused(f"{word.text} is no name for a variable.", word)
        self.next()
        value = self.value()
        first = word.text not in self.assigned and self.depth == 0
        self.assigned.add(word.text)
        self.known.add(word.text)
        return Define(self.line(word), word.text, value, first)

    def condition(self, left: Expression) -> Condition:
        """``value op value``, or a call."""
        signs = {"=", "~"} if self.old else {"=", "!=", "~", "!~"}
        if self.word.kind == "sign" and self.word.text in signs:
            sign = self.next().text
            word = self.word
            right = self.value()
            if "~" in sign and isinstance(right, Literal):
                self.check_pattern(right.text, word)
            return Comparison(left, sign, right)
        if not isinstance(left, Call):
            raise self.refused("a comparison is expected here.")
        return left

    def value(self) -> Expression:
        """A number, string, variable, call, list or single path."""
        word = self.word
        if word.kind == "path":
            path = self.path(self.next())
            if not path.is_singular:
                raise self.refused("a path used as a value has to name one element.", word)
            if self.old:
                self.check_old(path, word)
            return path
        return self.plain_value()

    def plain_value(self) -> Expression:
        """A value that is no path."""
        word = self.next()
        if word.kind in {"string", "number"}:
            return Literal(word.text)
        if word.kind == "sign" and word.text == "{" and not self.old:
            return Values(tuple(self.listed(allow_wild=False)))
        if word.kind != "name" or word.text in _RESERVED:
            raise self.refused("a value is expected here.", word)
        if self.old and word.text == "new" and self.takes("UID"):
            return self.made("newUID", word, [])
        if self.sees("["):
            return self.call(word)
        self.check_variable(word)
        return Variable(word.text)

    def listed(self, *, allow_wild: bool) -> list[Expression]:
        """The rest of a list in braces."""
        self.deeper()
        found: list[Expression] = []
        self.skip_ends()
        while not self.takes("}"):
            if found:
                self.expect(",")
                self.skip_ends()
            wild = allow_wild and self.word.kind == "path"
            found.append(self.path(self.next()) if wild else self.value())
            self.skip_ends()
        self.depth -= 1
        return found

    def call(self, word: Token) -> Call:
        """``name[arguments]``."""
        if word.text not in self.functions:
            near = next((name for name in self.functions if name.lower() == word.text.lower()), None)
            raise self.refused(f"unknown function {word.text}" + (f"; it is written {near}." if near else "."), word)
        self.deeper()
        self.expect("[")
        found: list[Expression] = []
        signature = self.functions[word.text]
        while not self.takes("]"):
            if found:
                self.expect(",")
            found.append(self.argument(signature, len(found)))
        self.depth -= 1
        return self.made(word.text, word, found)

    def made(self, name: str, word: Token, arguments: list[Expression]) -> Call:
        """A call with the right number of arguments."""
        signature = self.functions[name]
        if signature.refusal:
            raise self.refused(signature.refusal, word)
        if not signature.least <= len(arguments) <= signature.most:
            raise self.refused(f"{name} takes {signature.wanted}, not {len(arguments)}.", word)
        if signature.warning:
            self.warnings.append(self.passage.warned(word.offset, signature.warning))
        if signature.looks_up:
            self.looks_up_at = self.looks_up_at or self.passage.place(word.offset)
        return Call(name, self.line(word), signature.run, tuple(arguments))

    def argument(self, signature: Signature, at: int) -> Expression:
        """One argument, read as what the function takes at that place."""
        kind, word = signature.kind(at), self.word
        if kind in {"path", "private"}:
            path = self.path(self.kind("path", "a tag path"))
            if kind == "private" and not path.is_private:
                raise self.refused("this path is not private.", word)
            return path
        if kind in {"quoted", "direct"}:
            return self.quoted(kind)
        if kind == "list":
            if not self.takes("{"):
                raise self.refused("a list in braces is expected here.")
            inner = self.listed(allow_wild=True)
            if not all(isinstance(each, Path) for each in inner):
                raise self.refused("a list of tag paths is expected here.", word)
            return Values(tuple(inner))
        if kind == "values" and self.takes("{"):
            return Values(tuple(self.listed(allow_wild=True)))
        value = self.value()
        if kind == "pattern" and isinstance(value, Literal):
            self.check_pattern(value.text, word)
        if kind == "whole" and isinstance(value, Literal) and not value.text.lstrip("-").isdecimal():
            raise self.refused("a whole number is expected here.", word)
        if kind == "single" and not isinstance(value, Path):
            raise self.refused("a tag path is expected here.", word)
        return value

    def quoted(self, kind: str) -> Path:
        """A tag path in a string."""
        word = self.kind("string", "a tag path in quotes")
        path = self.path(word)
        if kind == "direct" and (not path.is_singular or any(part.creator for part in path.parts)):
            raise self.refused("only plain tags and item numbers may stand here.", word)
        return path

    def path(self, word: Token) -> Path:
        """A tag path."""
        try:
            return parse_path(word.text)
        except BadPath as error:
            raise self.refused(f"{error}.", word) from None

    def check_pattern(self, text: str, word: Token) -> None:
        """Refuse a bad regular expression."""
        try:
            compile_pattern(text)
        except BadPattern as error:
            raise self.refused(f"{error}.", word) from None

    def check_variable(self, word: Token) -> None:
        """Refuse an unknown variable."""
        if word.text not in self.known:
            raise self.refused(f"unknown variable {word.text}.", word)

    def check_old(self, path: Path, word: Token) -> None:
        """Version 4 knows single tags only."""
        if len(path.parts) > 1 or path.parts[0].creator or path.parts[0].depth:
            raise self.refused("version 4 knows neither sequences nor private creators.", word)


def parse_program(text: str, host_names: frozenset[str], functions: Mapping[str, Signature], *, old: bool) -> Program:
    """Read a script.

    Parameters
    ----------
    text : str
    host_names : frozenset of str
        Variables that the host will set, besides ``project``, ``subject`` and ``session``.
    functions : mapping of str to Signature
    old : bool
        Version 4.

    Raises
    ------
    ScriptRefused
    """
    passage = whole(text)
    parser = Parser(passage, tokens(passage), functions, old, set(HOST_NAMES | host_names))
    parser.skip_ends()
    version = "4"
    if not old:
        if not parser.takes("version"):
            raise parser.refused('the script has to begin with version "6.x".')
        word = parser.kind("string", "the version in quotes")
        if word.text not in VERSIONS:
            raise parser.refused("this version is not known; 6.0 to 6.6 are.", word)
        version = word.text
        if parser.word.kind not in {"end", "stop"}:
            raise parser.refused("the statement goes on after its end.")
    statements = parser.block(until_brace=False)
    if not statements:
        raise parser.refused("the script does nothing, so everything would pass unchanged.")
    shown = frozenset(parser.described)
    final = tuple(_settled(statement, shown) for statement in statements)
    exports = {name: label for name, (label, _) in parser.exports.items()}
    dangers = _dangers(final)
    warnings = (*parser.warnings, *dangers)
    return Program(version, final, parser.described, exports, warnings, parser.looks_up_at)


def _settled(statement: Statement, shown: frozenset[str]) -> Statement:
    """The first definition of a variable that a form shows is only its default."""
    if isinstance(statement, Define) and statement.by_host and statement.name not in shown:
        return Define(statement.line, statement.name, statement.value)
    return statement


def _dangers(statements: tuple[Statement, ...]) -> list[Warned]:
    """What the script leaves as it is."""
    touched = {statement.path.parts[-1].tag for statement in statements if isinstance(statement, Assign | Delete)}
    wild = any(isinstance(statement, Delete) and statement.path.parts[-1].tag is None for statement in statements)
    dangers = [Warned(1, 1, "Elements that the script does not name stay as they are.")]
    for tag, keyword in ((0x00100010, "PatientName"), (0x00100020, "PatientID"), (0x00100030, "PatientBirthDate")):
        if tag not in touched and not wild:
            dangers.append(Warned(1, 1, f"The script never sets or deletes {keyword}."))
    return dangers
