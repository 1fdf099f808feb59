"""SQL text and its parameters, joined safely: text comes from our own code only, values travel as parameters."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Condition:
    """A boolean SQL expression with named parameters.

    Attributes
    ----------
    text : str
        SQL with ``%(name)s`` for each parameter; safe to put between parentheses.
    parameters : mapping of str to value
    """

    text: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __and__(self, other: "Condition") -> "Condition":
        return Condition(f"({self.text}) and ({other.text})", {**self.parameters, **other.parameters})

    def __or__(self, other: "Condition") -> "Condition":
        return Condition(f"({self.text}) or ({other.text})", {**self.parameters, **other.parameters})

    def __invert__(self) -> "Condition":
        return Condition(f"not coalesce(({self.text}), false)", self.parameters)


@dataclass(frozen=True, slots=True)
class Statement:
    """A whole SQL statement with its named parameters."""

    text: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


def fresh(stem: str = "p") -> str:
    """Return a parameter name that no other condition of this process uses."""
    return f"{stem}_{next(_numbers)}"


def compare(column: str, operator: str, value: Any) -> Condition:
    """Return ``column operator value``; column and operator are our own text, never a caller's."""
    name = fresh()
    return Condition(f"{column} {operator} %({name})s", {name: value})


def everything() -> Condition:
    """Return the condition that every row meets."""
    return Condition("true")


def nothing() -> Condition:
    """Return the condition that no row meets."""
    return Condition("false")


def join(template: str, **parts: Condition | Iterable[Condition]) -> Statement:
    """Put conditions into the ``{name}`` places of a statement of ours.

    Several conditions for one place are joined by *and*; none means *true*.
    """
    texts: dict[str, str] = {}
    parameters: dict[str, Any] = {}
    for name, part in parts.items():
        many = [part] if isinstance(part, Condition) else list(part)
        texts[name] = " and ".join(f"({one.text})" for one in many) or "true"
        for one in many:
            parameters.update(one.parameters)
    return Statement(template.format(**texts), parameters)
