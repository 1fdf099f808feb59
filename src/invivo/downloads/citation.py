"""Citation and licences of a selection, as texts that go into every package."""

from invivo import collections
from invivo.downloads.selection import Selection, Source


def _cited(source: Source, archive_name: str, public_url: str) -> str:
    year = source.published_at.year if source.published_at else "unpublished"
    return f"{source.title} ({source.short_name}), release {source.release} [Data set]. {archive_name}, {year}. {public_url}/collections/{source.short_name}"


def citation(selection: Selection, archive_name: str, public_url: str) -> str:
    """Return one citation a collection, a line each."""
    return "\n".join(_cited(source, archive_name, public_url) for source in selection.sources)


def licence_text(selection: Selection) -> str:
    """Return which licence each collection has, what it demands, and the owner's terms."""
    parts = []
    for source in selection.sources:
        lines = []
        for spdx, count in source.licences or ((source.licence, source.series_count),):
            licence = collections.licence_named(spdx)
            commercial = "Commercial use is allowed." if licence.is_commercial else "Commercial use is not allowed."
            share = f", {count} series" if len(source.licences) > 1 else ""
            lines += [f"{source.short_name}{share}: {licence.name} ({licence.id})", licence.url, commercial]
        if len(source.licences) > 1:
            lines.append("Which series has which licence stands in licences.csv.")
        lines += [f"Acknowledge: {source.acknowledgement}" if source.acknowledgement else "", source.terms]
        parts.append("\n".join(line for line in lines if line))
    return "\n\n".join(parts) + "\n"


def licence_table(selection: Selection) -> str:
    """Return which series has which licence, as CSV."""
    lines = ("series_uid,collection,licence", *(",".join(one) for one in selection.licensed))
    return "\n".join(lines) + "\n"


def summary(selection: Selection, archive_name: str, public_url: str) -> str:
    """Return the package's README: what it holds, how to cite it, and what was left out and why."""
    newest = max((source.published_at for source in selection.sources if source.published_at), default=None)
    lines = [
        f"Downloaded from {archive_name} ({public_url})",
        "",
        f"{len(selection.files)} files, {selection.size_bytes} bytes. The SHA-256 of every file is in manifest-sha256.txt.",
        f"State of {newest.date().isoformat()}:" if newest else "Contents:",
        *(
            f"  {one.short_name}, release {one.release}: {one.series_count} series, {one.size_bytes} bytes"
            for one in selection.sources
        ),
        "",
        "Please cite:",
        citation(selection, archive_name, public_url),
    ]
    if selection.refused:
        lines += ["", f"Not included ({len(selection.refused)} series):"]
        lines += [f"  {one.series_uid} ({one.collection}): {one.reason}" for one in selection.refused]
    return "\n".join(lines) + "\n"
