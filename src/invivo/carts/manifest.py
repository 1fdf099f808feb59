"""Manifests: lists of series to fetch, read and written."""

import csv
import io
import re
from collections.abc import Iterable, Iterator

from invivo import dicom
from invivo.carts.line import Line
from invivo.errors import Invalid

FORMS = {
    "tcia": ("manifest.tcia", "text/plain"),
    "csv": ("manifest.csv", "text/csv"),
    "urls": ("manifest.txt", "text/plain"),
    "s5cmd": ("manifest.s5cmd", "text/plain"),
}
_NAMED = "# series "
_COLUMNS = (
    ("Series UID", "series_uid"),
    ("Study UID", "study_uid"),
    ("Collection", "collection"),
    ("Subject ID", "subject"),
    ("Modality", "modality"),
    ("Series Description", "description"),
    ("Number of Images", "instance_count"),
    ("File Size (Bytes)", "size_bytes"),
    ("License", "licence"),
)


def manifest(lines: Iterable[Line], form: str, public_url: str = "") -> str:
    """Write a manifest whole; see `manifest_pieces`."""
    return "".join(manifest_pieces(lines, form, public_url))


def manifest_pieces(lines: Iterable[Line], form: str, public_url: str = "") -> Iterator[str]:
    """Write a manifest piece by piece, so that one of a million series takes no more memory than one of ten.

    The addresses of series whose files are not in the archive are folders of a public store; those of the others are packages
    of the archive, which s5cmd cannot fetch and its form names in a remark.

    Parameters
    ----------
    form : {"tcia", "csv", "urls", "s5cmd"}
        The NBIA Data Retriever's form, a table, one address a line, or commands for ``s5cmd run``.
    public_url : str
        Where the archive is reached, without a slash at the end.
    """
    if form not in FORMS:
        raise Invalid(f"A manifest is written as one of {', '.join(FORMS)}.", code="manifest.form")
    return {"tcia": _tcia, "urls": _urls, "s5cmd": _commands, "csv": _table}[form](lines, public_url)


def _tcia(lines: Iterable[Line], public_url: str) -> Iterator[str]:
    yield (
        f"downloadServerUrl={public_url}/nbia-download/servlet/DownloadServlet\nincludeAnnotation=true\nnoOfrRetry=4\n"
        "databasketId=manifest.tcia\nmanifestVersion=3.0\nListOfSeriesToDownload=\n"
    )
    for line in lines:
        yield f"{line.series_uid}\n"


def _urls(lines: Iterable[Line], public_url: str) -> Iterator[str]:
    for line in lines:
        yield f"{_address(line, public_url)}\n"


def _table(lines: Iterable[Line], public_url: str) -> Iterator[str]:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*(title for title, _ in _COLUMNS), "URL"])
    for line in lines:
        writer.writerow([*(_plain(getattr(line, name)) for _, name in _COLUMNS), _address(line, public_url)])
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def _plain(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _address(line: Line, public_url: str) -> str:
    return f"{line.url}*" if line.url else f"{public_url}/series/{line.series_uid}/package.zip"


def _commands(lines: Iterable[Line], public_url: str) -> Iterator[str]:
    """Write commands for s5cmd, each after a remark with the series' UID; what is here is only remarked."""
    yield "# s5cmd --no-sign-request run manifest.s5cmd\n"
    for line in lines:
        if line.url:
            parts = (line.collection, line.subject, line.study_uid, f"{line.modality}_{line.series_uid}")
            folder = "/".join(re.sub(r"[^A-Za-z0-9._-]+", "_", part).strip(".") or "_" for part in parts)
            yield f"{_NAMED}{line.series_uid}\ncp {_address(line, public_url)} {folder}/\n"
        else:
            yield f"{_NAMED}{line.series_uid}\n# kept in the archive: {_address(line, public_url)}\n"


def read_manifest(text: str) -> list[str]:
    """Return the series UIDs of a manifest in any of our forms, in order, each once.

    Raises
    ------
    Invalid
        A line that should be a series UID is none; the message gives its number.
    """
    lines = text.splitlines()
    if "ListOfSeriesToDownload=" in text:
        begin = next(i for i, line in enumerate(lines) if line.startswith("ListOfSeriesToDownload=")) + 1
        found = [(i, line.strip()) for i, line in enumerate(lines[begin:], begin + 1) if line.strip()]
    elif any(line.startswith(_NAMED) for line in lines):
        found = [(i, line.removeprefix(_NAMED).strip()) for i, line in enumerate(lines, 1) if line.startswith(_NAMED)]
    elif lines and "Series UID" in lines[0]:
        table = csv.DictReader(io.StringIO(text))
        found = [(i, str(row["Series UID"]).strip()) for i, row in enumerate(table, 2)]
    else:
        found = [
            (i, line.strip().removesuffix("/package.zip").rpartition("/")[2])
            for i, line in enumerate(lines, 1)
            if line.strip()
        ]
    for number, uid in found:
        if uid == "*":
            raise Invalid(
                f"Line {number} is a folder of a public store and names no series; take the manifest as .csv or .s5cmd.",
                code="manifest.line",
            )
        if not dicom.is_valid(uid):
            raise Invalid(f"Line {number} of the manifest is not a series UID.", code="manifest.line")
    return list(dict.fromkeys(uid for _, uid in found))
