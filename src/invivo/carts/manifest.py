"""Manifests: lists of series to fetch, read and written."""

import csv
import io
from collections.abc import Sequence

from invivo import dicom
from invivo.carts.cart import Line
from invivo.errors import Invalid

FORMS = {
    "tcia": ("manifest.tcia", "text/plain"),
    "csv": ("manifest.csv", "text/csv"),
    "urls": ("manifest.txt", "text/plain"),
}
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


def manifest(lines: Sequence[Line], form: str, public_url: str = "") -> str:
    """Write a manifest.

    Parameters
    ----------
    form : {"tcia", "csv", "urls"}
        The NBIA Data Retriever's form, a table, or one address of a ZIP a line.
    public_url : str
        Where the archive is reached, without a slash at the end.
    """
    if form == "tcia":
        head = (
            f"downloadServerUrl={public_url}/nbia-download/servlet/DownloadServlet\nincludeAnnotation=true\nnoOfrRetry=4\n"
            "databasketId=manifest.tcia\nmanifestVersion=3.0\nListOfSeriesToDownload=\n"
        )
        return head + "".join(f"{line.series_uid}\n" for line in lines)
    if form == "urls":
        return "".join(f"{public_url}/series/{line.series_uid}/package.zip\n" for line in lines)
    if form != "csv":
        raise Invalid(f"A manifest is written as one of {', '.join(FORMS)}.", code="manifest.form")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([title for title, _ in _COLUMNS])
    writer.writerows([getattr(line, name) for _, name in _COLUMNS] for line in lines)
    return out.getvalue()


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
        if not dicom.is_valid(uid):
            raise Invalid(f"Line {number} of the manifest is not a series UID.", code="manifest.line")
    return list(dict.fromkeys(uid for _, uid in found))
