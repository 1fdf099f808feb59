"""Figures, goals, and the table they are printed in."""

import csv
import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ANCHORS = Path(__file__).parent / "anchors.csv"
Key = tuple[str, str]
ALONE = {"found after s", "buffers MB"}  # whose ratio says nothing


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number: which row, what of it with its unit, and the value."""

    row: str
    figure: str
    value: float

    @property
    def key(self) -> Key:
        """What it is a figure of."""
        return self.row, self.figure


@dataclass(frozen=True, slots=True)
class Anchor:
    """What is known of a figure: the best that others did elsewhere, who, and what we aim at.

    Attributes
    ----------
    goal : str
        `3x`: three times as good as the rival; `<=0.8` or `>=0.9`: a bound of its own; empty: none.
    """

    value: float | None
    whose: str
    goal: str


@cache
def anchors() -> dict[Key, Anchor]:
    """Read the anchors."""
    with ANCHORS.open(encoding="utf-8", newline="") as lines:
        return {
            (row["row"], row["figure"]): Anchor(
                float(row["anchor"]) if row["anchor"] else None, row["whose"], row["goal"]
            )
            for row in csv.DictReader(lines)
        }


def machine() -> str:
    """Return what was measured on: cores, memory, system, Python."""
    try:
        memory = f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB memory"
    except (ValueError, AttributeError, OSError):
        memory = "memory not known"
    return f"{os.cpu_count()} cores, {memory}, {platform.system()}, Python {platform.python_version()}"


def load_of_machine() -> str:
    """Return the mean load of the last minute, of five and of fifteen."""
    return " ".join(f"{one:.1f}" for one in os.getloadavg()) if hasattr(os, "getloadavg") else "not known"


def is_better_small(figure: str) -> bool:
    """Tell whether less of a figure is better: times and memory, not rates."""
    return figure.endswith((" ms", " s", " MB"))


def ratio_of(figure: str, ours: float, theirs: float) -> float:
    """Return how many times as good ours is."""
    good, other = (theirs, ours) if is_better_small(figure) else (ours, theirs)
    return good / other if other else float("inf")


def reached(goal: str, ours: float, ratio: float | None) -> str:
    """Return whether a goal is reached: yes, no, or nothing where there is none or nothing to compare with."""
    if not goal:
        return ""
    if goal.endswith("x"):
        return "" if ratio is None else "yes" if ratio >= float(goal[:-1]) else "no"
    bound = float(goal[2:])
    return "yes" if (ours <= bound if goal.startswith("<=") else ours >= bound) else "no"


def order(key: Key) -> tuple[bool, float]:
    """Return where a figure stands in the table: starts first, then as the anchors are listed, then the rest."""
    known = list(anchors())
    return not key[0].startswith("start"), known.index(key) if key in known else float("inf")


def _text(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}"


def header(rival: str) -> str:
    """Return the head of the table, as Markdown."""
    head = f"| {'row':<27} | {'figure':<13} | {'invivo':>7} | {rival:>8} | {'ratio':>6} | {'goal':>6} | reached |"
    return f"{head}\n| --- | --- | --: | --: | --: | --: | --- |"


def line(key: Key, ours: float | None, theirs: float | None) -> str:
    """Return one line of the table; an anchor of another machine, marked with a star, where the rival has no figure."""
    anchor = anchors().get(key, Anchor(None, "", ""))
    other, mark = (anchor.value, "*") if theirs is None and anchor.value is not None else (theirs, "")
    ratio = ratio_of(key[1], ours, other) if ours is not None and other is not None else None
    if key[1] in ALONE:
        ratio = None
    met = "" if ours is None else reached(anchor.goal, ours, ratio)
    told = f"{ratio:.2f}" if ratio is not None and ratio < 10 else f"{ratio:.0f}" if ratio is not None else ""
    return (
        f"| {key[0]:<27} | {key[1]:<13} | {_text(ours):>7} | {_text(other) + mark:>8} | {told:>6} | {anchor.goal:>6} |"
        f" {met:<7} |"
    )
