"""Tables beside the images (clinical data), cell by cell: what their columns mean differs from collection to collection."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LARGEST = 8 << 20
MOST_CELLS, MOST_COLUMNS, LONGEST = 500_000, 1000, 1000
_ENDINGS = {".csv": ",", ".tsv": "\t"}
_SUBJECT = frozenset(
    ("subject", "subjectid", "subjectlabel", "patient", "patientid", "caseid", "case", "participantid", "participant")
)


def cells_of(name: str, path: Path, offset: int, size_bytes: int) -> Iterator[dict[str, Any]]:
    """Yield the cells of a CSV or TSV file with a line of titles; nothing for other files, or too large ones.

    Parameters
    ----------
    path, offset, size_bytes
        Where the bytes are.
    """
    delimiter = _ENDINGS.get(Path(name).suffix.lower())
    if delimiter is None or size_bytes > LARGEST:
        return
    with path.open("rb") as stream:
        stream.seek(offset)
        content = stream.read(size_bytes)
    try:
        lines = csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=delimiter)
        titles = [title.strip()[:LONGEST] for title in next(lines, [])][:MOST_COLUMNS]
        subject = next((i for i, title in enumerate(titles) if _plain(title) in _SUBJECT), None)
        count = 0
        for number, row in enumerate(lines, 1):
            of = row[subject].strip()[:LONGEST] if subject is not None and subject < len(row) else None
            for title, value in zip(titles, row, strict=False):
                count += 1
                if count > MOST_CELLS:
                    return
                yield {"file": name, "row": number, "subject": of, "column": title, "value": value[:LONGEST]}
    except (UnicodeDecodeError, csv.Error):
        return


def _plain(title: str) -> str:
    return "".join(letter for letter in title.lower() if letter.isalnum())
