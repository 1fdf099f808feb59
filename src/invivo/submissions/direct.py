"""The short way of a house's own collection: an object is kept as it comes, and waits for nobody."""

from collections.abc import Sequence
from typing import Any

from invivo import dicom, images, storage
from invivo.archive import Archive
from invivo.errors import Invalid, TooLarge
from invivo.submissions.output import frames_of, with_bulk

_LONGEST_LABEL, _LONGEST_NAME = 64, 324


def enter(archive: Archive, collection_id: int, spooled: Sequence[storage.Spooled]) -> list[images.Entry | None]:
    """Keep objects under their digests and put them where the worker enters them from; durable when it returns.

    Returns
    -------
    list of Entry or None
        None for what cannot be read as an object; nothing was done with it.
    """
    limits = archive.settings.limits
    read = [_entry(one, dicom.Limits(header_bytes=limits.header_bytes, depth=limits.nesting)) for one in spooled]
    entries = [one for one in read if one is not None]
    if entries:
        whole = [one for one, entry in zip(spooled, read, strict=True) if entry is not None]
        # The database and the disk work at the same time; nothing is committed before both are done.
        with archive.database.transaction() as tx, images.staging(tx, collection_id, entries):
            archive.objects.keep(whole)
    return read


def _entry(spooled: storage.Spooled, limits: dicom.Limits) -> images.Entry | None:
    try:
        scan = dicom.scan(spooled.source, limits)
    except (Invalid, TooLarge):
        return None
    facts = images.facts_of(scan.json, scan.header.transfer_syntax_uid)
    if not (facts.study_uid and facts.series_uid and facts.sop_uid):
        return None
    name = _text(scan.json, "00100010")
    pixels = scan.pixels
    return images.Entry(
        facts=facts,
        subject_label=(_text(scan.json, "00100020") or name or "unknown")[:_LONGEST_LABEL],
        digest=spooled.sha256,
        size_bytes=spooled.size,
        crc32=spooled.crc32,
        header=images.pack_header(with_bulk(scan)),
        pixel_offset=None if pixels is None else pixels.offset,
        pixel_length=None if pixels is None else pixels.length,
        frame_offsets=None if pixels is None else images.packed_frames(*frames_of(pixels)),
        subject_name=name[:_LONGEST_NAME] or None,
        birth_date=images.date_at(scan.json, "00100030"),
    )


def _text(json: dict[str, Any], tag: str) -> str:
    value = (json.get(tag, {}).get("Value") or [""])[0]
    if isinstance(value, dict):
        value = "=".join(value.get(part, "") for part in ("Alphabetic", "Ideographic", "Phonetic")).rstrip("=")
    return str(value).replace("\0", "").strip()
