"""Into which folders files go: a template with named places, recorded in the folder so that the next run does the same."""

import json
import os
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from invivo.errors import Conflict, Invalid

VERSION = 1
NAMED = {
    "archive": "",
    "uids": "{collection}/{subject}/{study_uid}/{series_uid}",
    "bids": "{collection}/sub-{subject}/ses-{study_date}-{study}/{modality}_{number}_{series}",
}
PLACES = {
    "collection": "short name of the collection",
    "subject": "label of the subject",
    "study_date": "date of the study, 2020-01-31",
    "study": "the last 12 characters of the study's UID",
    "study_uid": "the study's UID",
    "study_description": "description of the study",
    "modality": "CT, MR, SEG, ...",
    "number": "number of the series, three digits",
    "description": "description of the series",
    "series": "the last 16 characters of the series' UID",
    "series_uid": "the series' UID",
}
_LONGEST = {"description": 40, "study_description": 40}


@dataclass(frozen=True, slots=True)
class Layout:
    """Folders of a download.

    Attributes
    ----------
    template : str
        Parts of a path with places in braces; empty: the folders of the archive's packages (layout 1), which are
        collection / subject / date_study / number_modality_description_series.
    version : int
        Of the meaning of the places.
    """

    template: str = ""
    version: int = VERSION

    def folder(self, facts: Mapping[str, Any]) -> str:
        """Return the folder of a series, parts joined by slashes.

        Parameters
        ----------
        facts : mapping
            A row of a search for series.
        """
        number = facts.get("series_number")
        values = {name: _plain(facts.get(name), _LONGEST.get(name, 64)) for name in PLACES}
        values["description"] = _plain(facts.get("series_description"), _LONGEST["description"])
        values["study"], values["series"] = values["study_uid"][-12:].strip("."), values["series_uid"][-16:].strip(".")
        values["number"] = f"{number:03d}" if isinstance(number, int) and number >= 0 else "000"
        return "/".join(part.format_map(values).strip(". ") or "_" for part in self.template.split("/"))


def read_layout(text: str) -> Layout:
    """Read a template, or the name of one of ours.

    Raises
    ------
    Invalid
        A place that does not exist, a path that leads out of the folder, or nothing that tells series apart.
    """
    template = NAMED.get(text, text).strip("/")
    if not template:
        return Layout()
    try:
        places = {name for _, name, form, turn in string.Formatter().parse(template) if name is not None}
        plain = not any(form or turn for _, _, form, turn in string.Formatter().parse(template))
    except ValueError:
        places, plain = set(), False
    unknown = sorted(places - PLACES.keys())
    if unknown or not plain:
        named = f"there is no place {{{unknown[0]}}}" if unknown else "places are names in braces"
        raise Invalid(f"In the layout {named}; there are {', '.join(PLACES)}.", code="download.layout")
    if not places & {"series", "series_uid"}:
        raise Invalid(
            "A layout needs {series} or {series_uid}, so that no series overwrites another.", code="download.layout"
        )
    if any(part in ("", ".", "..") for part in template.split("/")) or re.search(r'[\\:*?"<>|\x00-\x1f]', template):
        raise Invalid(
            "A layout is a path below the folder, of letters that every system takes.", code="download.layout"
        )
    return Layout(template)


def layout_of(folder: Path, asked: str = "") -> Layout:
    """Return the layout of a folder, and record it there with the first download.

    Raises
    ------
    Invalid
        See `read_layout`; or what is recorded cannot be read.
    Conflict
        The folder was filled with another layout.
    """
    record = folder / ".invivo" / "layout.json"
    wanted = read_layout(asked)
    if not record.exists():
        record.parent.mkdir(parents=True, exist_ok=True)
        write_whole(record, json.dumps({"version": wanted.version, "template": wanted.template}).encode() + b"\n")
        return wanted
    try:
        told = json.loads(record.read_text("utf-8"))
        known, version = read_layout(str(told["template"])), int(told["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise Invalid("What .invivo/layout.json says cannot be read; remove it or take another folder.") from error
    if version != VERSION:
        raise Conflict(
            f"The folder was filled with layout version {version}; take another folder.", code="download.layout"
        )
    if asked and known != wanted:
        told_as = known.template or "archive"
        raise Conflict(
            f"The folder was filled with the layout {told_as}; go on with it or take another folder.",
            code="download.layout",
        )
    return known


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is never seen half."""
    growing = path.with_name(f"{path.name}.part")
    with growing.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    growing.replace(path)


def _plain(value: Any, longest: int) -> str:
    """Return a value that is safe as one part of a path on every system."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", "" if value is None else str(value)).strip("._")[:longest] or "unknown"
