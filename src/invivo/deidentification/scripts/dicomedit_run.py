"""One object under a DicomEdit script: statements run in order on the same copy, and each sees what others changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from invivo.deidentification.report import CannotDeidentify
from invivo.deidentification.scripts.dicomedit_path import Part, Path
from invivo.deidentification.scripts.dicomedit_syntax import (
    Assign,
    Branch,
    Call,
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
from invivo.deidentification.scripts.dicomedit_tree import Tree
from invivo.deidentification.scripts.lookup import Lookup, Numbers
from invivo.deidentification.scripts.pattern import BadPattern, Pattern, compile_pattern
from invivo.deidentification.scripts.refusal import failed

Value = str | bool | list["Value"] | Path | None
_LONGEST_VALUE = 1_000_000
_MOST_ECHOES = 100_000


@dataclass(frozen=True, slots=True)
class Fill:
    """A rectangle for the pixel stage to fill in every frame: edges in pixels, all inclusive, and one or three samples."""

    left: int
    top: int
    right: int
    bottom: int
    colour: tuple[int, ...]


class Rejected(Exception):
    """The script drops the object."""


@dataclass(slots=True)
class Run:
    """The state of a script while it works on one object."""

    tree: Tree
    variables: dict[str, Value]
    host: Mapping[str, str]
    lookup: Lookup | None
    numbers: Numbers | None
    line: int = 0
    echoes: int = 0
    fills: list[Fill] = field(default_factory=list)

    def program(self, program: Program) -> dict[str, str]:
        """Run a script and give what it exports.

        Raises
        ------
        CannotDeidentify
        Rejected
        """
        self.block(program.statements)
        exports = {}
        for name, label in program.exports.items():
            exports[label] = self.text(self.variable(name))
        return exports

    def block(self, statements: tuple[Statement, ...]) -> None:
        """Run statements."""
        for statement in statements:
            self.line = statement.line
            self._statement(statement)

    def _statement(self, statement: Statement) -> None:
        match statement:
            case Assign():
                self._assign(statement)
            case Define(name=name):
                self.variables[name] = (
                    self.host[name] if statement.by_host and name in self.host else (self.value(statement.value))
                )
            case Delete(path=path):
                for dataset, tag in path.find(self.tree):
                    self.tree.delete(dataset, tag, statement.line)
            case Perform(call=call):
                self.value(call)
            case Echo(value=value):
                self.value(value)
                self.echoes = min(self.echoes + 1, _MOST_ECHOES)
            case Branch(choices=choices):
                for condition, statements in choices:
                    if condition is None or self.holds(condition):
                        self.block(statements)
                        break
            case RemovePrivate():
                for dataset, tag in list(self.tree.everything()):
                    if tag & 0x10000:
                        self.tree.delete(dataset, tag, statement.line)

    def _assign(self, statement: Assign) -> None:
        path = statement.path
        found = path.find(self.tree)
        if not found and (statement.only_existing or not path.is_singular):
            return
        text = self.text(self.value(statement.value))
        if not found:
            found = [self.make(path.parts)]
        for dataset, tag in found:
            self.tree.write(dataset, tag, text, statement.line)

    def make(self, parts: tuple[Part, ...]) -> tuple[Dataset, int]:
        """The place of a singular path, with everything on the way made."""
        dataset = self.tree.dataset
        for part in parts[:-1]:
            dataset = self.tree.item_at(dataset, self._tag(dataset, part), part.item or 0)
        return dataset, self._tag(dataset, parts[-1])

    def _tag(self, dataset: Dataset, part: Part) -> int:
        if part.tag is not None:
            return part.tag
        block = self.tree.block_of(dataset, part.group, part.creator)
        return part.group << 16 | block << 8 | int(part.low, 16)

    def variable(self, name: str) -> Value:
        """A variable's value.

        Raises
        ------
        CannotDeidentify
            The host has not set it.
        """
        if name not in self.variables:
            raise CannotDeidentify(
                f"Line {self.line} of the script: the variable {name} has no value.",
                code="deidentification.script-variable",
            )
        return self.variables[name]

    def value(self, expression: Expression) -> Value:
        """An expression's value; a path means the text of its element."""
        match expression:
            case Literal(text=text):
                return text
            case Variable(name=name):
                return self.variable(name)
            case Values(values=values):
                return [self.value(inner) for inner in values]
            case Call(run=run, arguments=arguments):
                result: Value = run(self, *arguments)
                if isinstance(result, str) and len(result) > _LONGEST_VALUE:
                    raise failed("value", f"Line {self.line} of the script makes a value that is too long.")
                return result
            case Path():
                return self.text_at(expression)

    def text_at(self, path: Path) -> str | None:
        """The text of the one element of a path; None without it."""
        found = path.find(self.tree)
        return self.tree.text(*found[0]) if found else None

    def text(self, value: Value) -> str:
        """A value as text.

        Raises
        ------
        CannotDeidentify
            There is no value.
        """
        if isinstance(value, list):
            return "\\".join(self.text(inner) for inner in value)
        if isinstance(value, bool):
            return "true" if value else "false"
        if not isinstance(value, str):
            raise CannotDeidentify(
                f"Line {self.line} of the script needs a value that this object does not have.",
                code="deidentification.script-no-value",
            )
        return value

    def holds(self, condition: Condition) -> bool:
        """Whether a condition is true of the object as it is now."""
        if isinstance(condition, Call):
            return self.value(condition) in {True, "true"}
        left, right = self.value(condition.left), self.value(condition.right)
        positive = condition.sign in {"=", "~"}
        if left is None or right is None:
            return not positive
        if condition.sign in {"=", "!="}:
            return (self.text(left) == self.text(right)) is positive
        return self.pattern(self.text(right)).matches(self.text(left)) is positive

    def pattern(self, text: str) -> Pattern:
        """A regular expression that is only known now."""
        try:
            return compile_pattern(text)
        except BadPattern:
            raise failed("pattern", f"Line {self.line} of the script has an unusable regular expression.") from None
