"""Citation and licences of a selection, as texts that go into every package."""

from invivo import collections
from invivo.downloads.selection import Refusal, Selection


def citation(selection: Selection) -> str:
    """Return one citation a collection, a line each."""
    return "\n".join(source.citation for source in selection.sources)


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
        f"{len(selection.files)} files, {selection.size_bytes} bytes, below data/ in the layout {selection.layout!r}.",
        "This is a BagIt bag (RFC 8493). The SHA-256 of every file is in manifest-sha256.txt: sha256sum -c manifest-sha256.txt",
        f"State of {newest.date().isoformat()}:" if newest else "Contents:",
        *(
            f"  {one.short_name}, release {one.release}: {one.series_count} series, {one.size_bytes} bytes"
            for one in selection.sources
        ),
        "",
        "Please cite:",
        citation(selection),
    ]
    if selection.refused:
        lines += ["", f"Not included ({sum(one.count for one in selection.refused)} series, also in refused.csv):"]
        lines += [f"  {_named(one)} ({one.collection}): {one.reason} {one.url}".rstrip() for one in selection.refused]
    return "\n".join(lines) + "\n"


def _named(refusal: Refusal) -> str:
    return refusal.series_uid or f"and {refusal.count} more series"
