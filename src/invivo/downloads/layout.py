"""How the files of a package are named: plain on every system, the same for the same choice, never two of one name.

``folders``
    ``COLLECTION/SUBJECT/DATE_STUDY/NUMBER_MODALITY_DESCRIPTION_SERIES/NUMBER_INSTANCE.dcm``.
``flat``
    ``SUBJECT_DATE_MODALITY_NUMBER_SERIES_NUMBER_INSTANCE.dcm``, all in one folder.
``bids``
    ``COLLECTION/sub-LABEL/ses-01/KIND/sub-LABEL_ses-01_acq-DESCRIPTION_run-NUMBER_MODALITY/NUMBER_INSTANCE.dcm``: folders as BIDS
    has them, with the DICOM files that a converter to BIDS begins with. Sessions are the studies of a subject by date.

Dates are those of the released files. Of UIDs the last letters stand; what would then have one name is numbered.
"""

import re
from collections.abc import Sequence
from typing import Any

from invivo.errors import Invalid

LAYOUTS = ("folders", "flat", "bids")
_KINDS = {"MR": "anat", "PT": "pet", "SM": "micr", "NM": "nm"}


def plain(text: str, longest: int = 60) -> str:
    """Return a text that is safe as one part of a path on every system."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", text).strip("._-")[:longest].strip("._-") or "unnamed"


def names_of(rows: Sequence[Any], layout: str) -> list[str]:
    """Name the files of a package, in their order.

    Parameters
    ----------
    rows : sequence of named tuples
        Of one file each: collection, subject, study_uid, study_date, series_uid, series_number, modality, description, uid, number.
    layout : {"folders", "flat", "bids"}
    """
    if layout not in LAYOUTS:
        raise Invalid(f"A layout is one of {', '.join(LAYOUTS)}.", code="download.layout")
    if layout == "bids":
        return _bids(rows)
    return [_flat(row) if layout == "flat" else _foldered(row) for row in rows]


def folder(row: Any, series_uid: str, series_number: int | None) -> str:
    """Return the folder of a series in the layout ``folders``."""
    study = "_".join(part for part in (str(row.study_date or ""), _tail(row.study_uid, 12)) if part)
    series = f"{_number(series_number, 3)}_{plain(row.modality, 8)}_{plain(row.description or 'series', 40)}_{_tail(series_uid)}"
    return f"{plain(row.collection)}/{plain(row.subject)}/{study}/{series}"


def _foldered(row: Any) -> str:
    return f"{folder(row, row.series_uid, row.series_number)}/{_instance(row)}"


def _flat(row: Any) -> str:
    date = str(row.study_date or "").replace("-", "")
    parts = (plain(row.subject, 40), date, plain(row.modality, 8), _number(row.series_number, 3), _tail(row.series_uid))
    return "_".join(part for part in (*parts, _instance(row)) if part)


def _bids(rows: Sequence[Any]) -> list[str]:
    """Name files as BIDS does; a session is a study, numbered by date among those of its subject that are in the package."""
    studies: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for row in rows:
        studies.setdefault((row.collection, row.subject), set()).add((str(row.study_date or ""), row.study_uid))
    numbers = {
        (*key, study): number for key, own in studies.items() for number, (_, study) in enumerate(sorted(own), 1)
    }
    named = []
    for row in rows:
        subject = f"sub-{_letters(row.subject) or 'unnamed'}"
        session = f"ses-{numbers[row.collection, row.subject, row.study_uid]:02d}"
        modality = _letters(row.modality)[:8] or "OT"
        kind = _KINDS.get(modality.upper(), modality.lower())
        about = _letters(row.description or "")[:40]
        words = (subject, session, f"acq-{about}" if about else "", f"run-{_number(row.series_number, 3)}", modality)
        series = "_".join(word for word in words if word) + f"-{_letters(_tail(row.series_uid))}"
        named.append(f"{plain(row.collection)}/{subject}/{session}/{kind}/{series}/{_instance(row)}")
    return named


def _letters(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "", text)


def _tail(uid: str, length: int = 8) -> str:
    return str(uid[-length:].strip("."))


def _number(number: int | None, digits: int) -> str:
    return f"{number:0{digits}d}" if number is not None and number >= 0 else "0" * digits


def _instance(row: Any) -> str:
    return f"{_number(row.number, 5)}_{_tail(row.uid)}.dcm"


def unique(paths: Sequence[str]) -> list[str]:
    """Number paths that would be one file on a system that does not tell capitals from small letters."""
    taken: set[str] = set()
    found = []
    for path in paths:
        stem, dot, ending = path.rpartition(".") if "." in path.rpartition("/")[2] else (path, "", "")
        name, times = path, 1
        while name.lower() in taken:
            times += 1
            name = f"{stem}_{times}{dot}{ending}"
        taken.add(name.lower())
        found.append(name)
    return found
