"""Figures, and the table they are printed in."""

import csv
import os
import platform
from dataclasses import dataclass
from pathlib import Path

ANCHORS = Path(__file__).parent / "anchors.csv"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number: which row, what of it with its unit, and the value."""

    row: str
    figure: str
    value: float


def machine() -> str:
    """Return what was measured on: cores, memory, system, Python."""
    try:
        memory = f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB memory"
    except (ValueError, AttributeError, OSError):
        memory = "memory not known"
    return f"{os.cpu_count()} cores, {memory}, {platform.system()}, Python {platform.python_version()}"


def anchors() -> dict[tuple[str, str], tuple[str, str]]:
    """Return {(row, figure): (value, whose)} of the best known anchor."""
    with ANCHORS.open(encoding="utf-8", newline="") as lines:
        return {(row["row"], row["figure"]): (row["anchor"], row["whose"]) for row in csv.DictReader(lines)}


def header() -> str:
    """Return the head of the table, as Markdown."""
    return f"| {'row':<20} | {'figure':<15} | {'invivo':>8} | {'anchor':>8} | {'whose':<13} |\n| --- | --- | --: | --: | --- |"


def line(figure: Figure) -> str:
    """Return one line of the table."""
    anchor, whose = anchors().get((figure.row, figure.figure), ("", ""))
    digits = 2 if figure.value < 10 else 1 if figure.value < 100 else 0
    return f"| {figure.row:<20} | {figure.figure:<15} | {figure.value:>8.{digits}f} | {anchor:>8} | {whose:<13} |"
