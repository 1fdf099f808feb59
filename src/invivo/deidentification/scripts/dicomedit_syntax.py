"""What a DicomEdit script consists of once it is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from invivo.deidentification.scripts.dicomedit_path import Path
from invivo.deidentification.scripts.refusal import Warned


@dataclass(frozen=True, slots=True)
class Literal:
    """A string or number."""

    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable's value."""

    name: str


@dataclass(frozen=True, slots=True)
class Values:
    """A list in braces."""

    values: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Call:
    """A call; ``run`` is the function's own verb."""

    name: str
    line: int
    run: Callable[..., Any]
    arguments: "tuple[Expression, ...]"


Expression = Literal | Variable | Values | Call | Path


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values compared by ``=``, ``!=``, ``~`` or ``!~``."""

    left: Expression
    sign: str
    right: Expression


Condition = Comparison | Call


@dataclass(frozen=True, slots=True)
class Assign:
    """A value for an element; ``only_existing`` is the form ``?=``."""

    line: int
    path: Path
    value: Expression
    only_existing: bool


@dataclass(frozen=True, slots=True)
class Define:
    """A value for a variable; ``by_host`` when the host's own value goes before this one."""

    line: int
    name: str
    value: Expression
    by_host: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """Deletion of everything that matches."""

    line: int
    path: Path


@dataclass(frozen=True, slots=True)
class Perform:
    """A call for its effect."""

    line: int
    call: Call


@dataclass(frozen=True, slots=True)
class Echo:
    """A line for the log, of which only the number is ever told."""

    line: int
    value: Expression


@dataclass(frozen=True, slots=True)
class Branch:
    """The first block whose condition holds; a last one without condition is ``else``."""

    line: int
    choices: "tuple[tuple[Condition | None, tuple[Statement, ...]], ...]"


@dataclass(frozen=True, slots=True)
class RemovePrivate:
    """Deletion of all private elements at every depth."""

    line: int


Statement = Assign | Define | Delete | Perform | Echo | Branch | RemovePrivate


@dataclass(frozen=True, slots=True)
class Program:
    """A whole script: statements, described variables, exports (variable to field)."""

    version: str
    statements: tuple[Statement, ...]
    described: Mapping[str, str] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[Warned, ...] = ()
    looks_up_at: tuple[int, int] | None = None
