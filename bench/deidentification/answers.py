"""The answer key: what is planted in each object, and what must become of it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Category = Literal[
    "tag_retained",
    "text_notnull",
    "text_removed",
    "text_retained",
    "date_shifted",
    "uid_changed",
    "uid_consistent",
    "patid_consistent",
    "pixels_hidden",
    "pixels_retained",
]
CATEGORIES: tuple[Category, ...] = (
    "tag_retained",
    "text_notnull",
    "text_removed",
    "text_retained",
    "date_shifted",
    "uid_changed",
    "uid_consistent",
    "patid_consistent",
    "pixels_hidden",
    "pixels_retained",
)
PROFILES = ("tcia", "basic")


@dataclass(frozen=True, slots=True)
class Demand:
    """One required action.

    ``path`` is tags and item numbers (``0040A730[0]/0040A160``); a private tag has its creator (``0019{CREATOR}23``).
    ``values`` are what must go, stay, shift or change. ``strict`` demands that the element is still there.
    """

    path: str
    category: Category
    values: tuple[str, ...] = ()
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Burned:
    """Text drawn into the pixels: its box (x, y, width, height in pixels), and whether it identifies."""

    text: str
    box: tuple[int, int, int, int]
    identifies: bool


@dataclass(frozen=True, slots=True)
class Planted:
    """One object: where it is, whose it is, what is hidden in it, and the demands of each profile."""

    name: str
    kind: str
    patient: str
    identifiers: tuple[str, ...]
    device: tuple[str, ...]
    dates: tuple[str, ...]
    uids: tuple[str, ...]
    demands: dict[str, tuple[Demand, ...]]
    burned: tuple[Burned, ...] = ()
    must_hold: bool = False


@dataclass(frozen=True, slots=True)
class Answers:
    """The key of a whole delivery."""

    seed: int
    planted: tuple[Planted, ...]


def write_answers(path: Path, answers: Answers) -> None:
    """Write a key as JSON."""
    path.write_text(json.dumps(asdict(answers), ensure_ascii=True, indent=0, sort_keys=True), encoding="utf-8")


def read_answers(path: Path) -> Answers:
    """Read a key."""
    read = json.loads(path.read_text(encoding="utf-8"))
    return Answers(read["seed"], tuple(_planted(one) for one in read["planted"]))


def _planted(read: dict) -> Planted:
    demands = {
        profile: tuple(Demand(one["path"], one["category"], tuple(one["values"]), one["strict"]) for one in those)
        for profile, those in read.pop("demands").items()
    }
    burned = tuple(Burned(one["text"], tuple(one["box"]), one["identifies"]) for one in read.pop("burned"))
    lists = {key: tuple(value) for key, value in read.items() if isinstance(value, list)}
    return Planted(**{**read, **lists}, demands=demands, burned=burned)
