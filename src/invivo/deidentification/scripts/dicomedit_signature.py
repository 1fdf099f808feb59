"""What a DicomEdit function takes, as far as it can be checked without an object."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Signature:
    """A function: its verb, how many arguments, and of which kinds (the last kind repeats).

    Kinds are ``value``, ``whole`` (a whole number), ``pattern``, ``single`` (a path of one element), ``path`` (any
    path), ``private`` (a private path), ``quoted`` and ``direct`` (paths in strings), ``list``.
    """

    run: Callable[..., Any]
    least: int
    most: int
    kinds: tuple[str, ...] = ("value",)
    in_old: bool = False
    looks_up: bool = False
    warning: str = ""
    refusal: str = ""

    def kind(self, at: int) -> str:
        """The kind of an argument."""
        return self.kinds[min(at, len(self.kinds) - 1)]

    @property
    def wanted(self) -> str:
        """How many arguments, in words."""
        if self.least == self.most:
            return f"{self.least} arguments"
        return f"{self.least} to {self.most} arguments" if self.most < 1000 else f"at least {self.least} arguments"
