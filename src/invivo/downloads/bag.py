"""A selection as a bag: the files below ``data/``, and beside them what they are, how to cite them and what is missing.

References
----------
RFC 8493 (BagIt 1.0): 2.1 required elements, 2.2 bag-info.txt and tag manifests.
"""

import csv
import hashlib
import io
import json
from collections.abc import Sequence

from invivo import accounts, releases
from invivo.archive import Archive
from invivo.downloads.citation import citation, licence_table, licence_text, summary
from invivo.downloads.layout import plain
from invivo.downloads.selection import Refusal, Selection

PAYLOAD = "data/"
_BAGIT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


def added_files(selection: Selection) -> list[tuple[str, bytes]]:
    """Return payload that is written for the package: in the layout ``bids`` what each folder of a collection says of itself."""
    if selection.layout != "bids":
        return []
    return [
        (
            f"{PAYLOAD}{plain(one.short_name)}/dataset_description.json",
            json.dumps(
                {
                    "Name": one.title,
                    "BIDSVersion": "1.10.0",
                    "DatasetType": "raw",
                    "License": one.licence,
                    "HowToAcknowledge": one.citation,
                },
                indent=2,
                ensure_ascii=False,
            ).encode()
            + b"\n",
        )
        for one in selection.sources
    ]


def tag_files(archive: Archive, selection: Selection, added: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return the files beside the payload, in their order.

    Parameters
    ----------
    added : sequence of (path, content)
        Payload that `added_files` wrote.
    """
    site = archive.settings.site.name
    differ = [("licences.csv", licence_table(selection).encode())] if len(selection.licences) > 1 else []
    bibtex = _bibtex(archive, selection)
    told = [
        ("bagit.txt", _BAGIT),
        ("bag-info.txt", _bag_info(archive, selection, added)),
        ("README.txt", summary(selection, site, archive.settings.public_url).encode()),
        ("LICENCE.txt", licence_text(selection).encode()),
        ("CITATIONS.txt", f"{citation(selection)}\n".encode()),
        *([("CITATIONS.bib", bibtex.encode())] if bibtex else []),
        ("refused.csv", refused_table(selection.refused).encode()),
        *differ,
        ("manifest-sha256.txt", _manifest(selection, added)),
    ]
    tags = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in told)
    return [*told, ("tagmanifest-sha256.txt", tags.encode())]


def refused_table(refused: Sequence[Refusal]) -> str:
    """Return what may not be had here, with the reasons, as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["series_uid", "collection", "series", "reason", "url"])
    writer.writerows([one.series_uid, one.collection, one.count, one.reason, one.url] for one in refused)
    return out.getvalue()


def _manifest(selection: Selection, added: Sequence[tuple[str, bytes]]) -> bytes:
    lines = [f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in added]
    lines += [f"{file.digest}  {PAYLOAD}{file.path}\n" for file in selection.files]
    return "".join(lines).encode()


def _bag_info(archive: Archive, selection: Selection, added: Sequence[tuple[str, bytes]]) -> bytes:
    """Write what the bag says of itself; its date is that of the newest release in it, so that it never changes alone."""
    newest = max((one.published_at for one in selection.sources if one.published_at), default=None)
    size = selection.size_bytes + sum(len(content) for _, content in added)
    told = [("Source-Organization", archive.settings.site.name)]
    told += [("Contact-Email", archive.settings.site.contact)] if "@" in archive.settings.site.contact else []
    told += [
        ("External-Identifier", f"{archive.settings.public_url}/collections/{one.short_name}/releases/{one.release}")
        for one in selection.sources
    ]
    told += [("Bagging-Date", newest.date().isoformat())] if newest else []
    told += [("Payload-Oxum", f"{size}.{len(selection.files) + len(added)}"), ("Bag-Group-Identifier", selection.name)]
    return "".join(f"{label}: {' '.join(value.split())}\n" for label, value in told).encode()


def _bibtex(archive: Archive, selection: Selection) -> str:
    """Return the collections for BibTeX, described as anybody may know them; those without a release are left out."""
    entries = []
    for one in selection.sources:
        try:
            entries.append(releases.bibtex(releases.describe(archive, accounts.ANONYMOUS, one.id)))
        except releases.UnknownRelease:
            continue
    return "\n".join(entries)
