"""From the text of a CTP rule to its compiled pieces: arguments are read and refused here, once, at load."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from invivo.deidentification.scripts.ctp_call import Argument, Call, parse
from invivo.deidentification.scripts.ctp_names import Name, Private, parse_name
from invivo.deidentification.scripts.ctp_rule import Piece, Result, Rule, spelled
from invivo.deidentification.scripts.lookup import Lookup
from invivo.deidentification.scripts.pattern import BadPattern, Pattern, compile_pattern
from invivo.deidentification.scripts.refusal import DEEPEST_CALL, Passage, ScriptRefused, Warned

Maker = Callable[["Reading"], Piece | Result]


@dataclass(slots=True)
class Compiler:
    """What is known while a script is compiled, and what turns up."""

    parameters: Mapping[str, str]
    labels: Mapping[str, Private]
    lookup: Lookup | None
    functions: Mapping[str, tuple[int, int, Maker]]
    warnings: list[Warned] = field(default_factory=list)
    keytypes: set[str] = field(default_factory=set)
    ruled: list[tuple[Name, ScriptRefused]] = field(default_factory=list)
    once: set[str] = field(default_factory=set)

    def rule(self, passage: Passage) -> Rule:
        """Compile a rule.

        Raises
        ------
        ScriptRefused
        """
        parsed = parse(passage)
        names = [node.name for node in parsed if isinstance(node, Call)]
        starts = bool(parsed) and isinstance(parsed[0], Call) and parsed[0].name == "always"
        if "always" in names[1 if starts else 0 :]:
            raise passage.refused(0, "@always() stands at the very beginning of a rule or nowhere.")
        return Rule(
            passage.place(0)[0],
            tuple(self._pieces(passage, parsed, 0)),
            is_always=starts,
            creates_sequence=names == ["always", "require"] and len(parsed) == 2,
        )

    def clause(self, passage: Passage, depth: int) -> Rule:
        """Compile a clause of a call."""
        if depth > DEEPEST_CALL:
            raise passage.refused(0, "clauses are nested too deep.")
        return Rule(passage.place(0)[0], tuple(self._pieces(passage, parse(passage), depth)))

    def _pieces(self, passage: Passage, parsed: list[str | Call], depth: int) -> list[Piece | Result]:
        pieces: list[Piece | Result] = []
        for node in parsed:
            piece = node if isinstance(node, str) else self._call(passage, node, depth)
            if callable(piece) or piece != "" or not isinstance(piece, str):
                pieces.append(piece)
        return pieces

    def _call(self, passage: Passage, call: Call, depth: int) -> Piece | Result:
        known = self.functions.get(call.name)
        if known is None:
            near = next((name for name in self.functions if name.lower() == call.name.lower()), None)
            hint = f"; it is written @{near}" if near else ""
            raise passage.refused(call.offset, f"unknown function @{call.name}{hint}.")
        least, most, make = known
        if not least <= len(call.arguments) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            reason = f"@{call.name} takes {wanted} arguments, not {len(call.arguments)}."
            raise passage.refused(call.offset, reason)
        return make(Reading(self, passage, call, depth))

    def warn(self, passage: Passage, offset: int, text: str) -> None:
        """Note something dangerous, the first time it turns up."""
        if text not in self.once:
            self.once.add(text)
            self.warnings.append(passage.warned(offset, text))


@dataclass(frozen=True, slots=True)
class Reading:
    """One call while it is compiled: its arguments as what they should be."""

    compiler: Compiler
    passage: Passage
    call: Call
    depth: int

    @property
    def count(self) -> int:
        """How many arguments there are."""
        return len(self.call.arguments)

    def refused(self, reason: str, at: int | None = None) -> ScriptRefused:
        """The error for the call or one of its arguments."""
        offset = self.call.offset if at is None else self.call.arguments[at].offset
        return self.passage.refused(offset, reason)

    def warn(self, text: str) -> None:
        """Note something dangerous about the call."""
        self.compiler.warn(self.passage, self.call.offset, text)

    def argument(self, at: int) -> Argument:
        """The argument as it is written."""
        return self.call.arguments[at]

    def name(self, at: int) -> Name:
        """An argument that names an element."""
        return self._named(self.argument(at).plain, at)

    def names(self, at: int) -> list[Name]:
        """An argument that names several elements, joined by vertical bars."""
        return [self._named(part, at) for part in self.argument(at).plain.split("|")]

    def _named(self, text: str, at: int) -> Name:
        name = parse_name(text, self.compiler.labels)
        if name is None:
            raise self.refused(f"{text.strip()} is no known element.", at)
        return name

    def parameter(self, at: int) -> str:
        """An argument that is literal or the name of a parameter."""
        text = self.argument(at).text
        if text[:1] not in {"@", "$"}:
            return self.argument(at).plain
        value = self.compiler.parameters.get(text[1:])
        if value is None:
            raise self.refused(f"unknown parameter {text}.", at)
        return value.strip()

    def whole_number(self, at: int) -> int:
        """An argument that is an integer, literal or by parameter."""
        text = self.parameter(at)
        try:
            if len(text) > 9 or not text.isascii():
                raise ValueError
            return int(text)
        except ValueError:
            raise self.refused("this argument is no whole number.", at) from None

    def positive(self, at: int) -> int:
        """An argument that is an integer above zero."""
        number = self.whole_number(at)
        if number < 1:
            raise self.refused("this argument has to be at least 1.", at)
        return number

    def result(self, at: int) -> Result:
        """An argument that becomes the result: text, a parameter, or a spelled decision."""
        text = self.argument(at).plain
        if text in {"@keep()", "@remove()", "@empty()"}:
            return spelled(text)
        return spelled(self.parameter(at)) if text[:1] in {"@", "$"} else text

    def pattern(self, at: int, text: str | None = None) -> Pattern:
        """An argument that is a regular expression."""
        try:
            return compile_pattern(self.argument(at).plain if text is None else text)
        except BadPattern as error:
            raise self.refused(f"{error}.", at) from None

    def clause(self, at: int) -> Rule:
        """A clause of the call; an empty one where it is left out."""
        clauses = self.call.clauses
        return self.compiler.clause(clauses[at], self.depth + 1) if at < len(clauses) else Rule(0, ())

    def keytype(self, at: int) -> str:
        """An argument that names a kind of entry of the lookup table."""
        keytype = self.parameter(at)
        if not keytype:
            raise self.refused("the keytype is empty.", at)
        if self.compiler.lookup is None:
            raise self.refused("the script looks things up, but there is no lookup table.")
        self.compiler.keytypes.add(keytype)
        if not self.compiler.lookup.has_keytypes and len(self.compiler.keytypes) > 1:
            raise self.refused("a lookup table of two columns cannot serve two keytypes.", at)
        return keytype
