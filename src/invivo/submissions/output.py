"""A cleaned object as it is kept: its bytes under their digest, and what inspection and registration need of them."""

import hashlib
import io
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import zstandard

from invivo import deidentification, dicom, images, quarantine
from invivo.archive import Archive

LEFTOVER = "A value that identifies somebody is still in the cleaned object."
MOST_FRAMES_LISTED = 100_000
_GRAVE = ("missing", "empty")


def keep_output(
    archive: Archive,
    output: bytes,
    doubts: Sequence[Sequence[str]],
    subject_label: str,
    actions: Iterable[Sequence[str]],
    *,
    known_to: int = 0,
) -> quarantine.Clean:
    """Keep a cleaned object durably under its digest, and read from its bytes what must be known of it.

    Parameters
    ----------
    output : bytes
        The whole file.
    doubts : sequence of (severity, code, path, text)
    actions : iterable of (path, code, rule)
    known_to : int
        Number of the newest identifier of the subject that it was cleaned with (`quarantine.Remembered`).

    Raises
    ------
    Invalid, TooLarge
        The file cannot be read; nothing is kept.
    """
    spooled = archive.held.spool([output], 1 << 62)
    try:
        scan = dicom.scan(spooled.source)
        facts = _facts(scan, [list(one) for one in doubts], subject_label)
        facts |= {"pixel_digest": _pixel_digest(output, scan.pixels), "known_to": known_to}
        header = images.pack_header(with_bulk(scan))
    except BaseException:
        archive.held.drop(spooled)
        raise
    archive.held.keep([spooled])
    return quarantine.Clean(
        sop_uid=scan.header.sop_instance_uid,
        digest=spooled.sha256,
        size_bytes=spooled.size,
        crc32=spooled.crc32,
        header=header,
        facts=facts,
        actions=zstandard.compress(orjson.dumps([list(one) for one in actions])),
    )


def actions_of_report(report: deidentification.FileReport) -> list[tuple[str, str, str]]:
    """Path, code and rule of everything that was done to an object."""
    return [(one.path, one.code, one.rule) for one in report.actions]


def doubts_of_report(report: deidentification.FileReport) -> list[list[str]]:
    """Severity, code, path and text of the doubts about a cleaned object; what is left over is one of them."""
    doubts = [[one.severity, one.code, one.path, one.text] for one in report.doubts]
    return doubts + [["hold", "proof.leftover", path, LEFTOVER] for path in report.leftovers]


def faults_of(output: bytes) -> list[list[str]]:
    """What the standard demands of an object and it does not have, as doubts."""
    found = dicom.faults(dicom.read_dataset(io.BytesIO(output), pixels=False))
    return [
        ["warning" if one.kind in _GRAVE else "info", f"conformance.{one.kind}", one.path, one.text] for one in found
    ]


def _pixel_digest(output: bytes, pixels: dicom.PixelLocation | None) -> str | None:
    """Return a digest of the stored pixels, by which twins in a series are found."""
    if pixels is None or pixels.offset < 0 or pixels.length <= 0:
        return None
    return hashlib.sha256(memoryview(output)[pixels.offset : pixels.offset + pixels.length]).hexdigest()


def with_bulk(scan: dicom.Scan) -> dict[str, Any]:
    """Name bulk values by addresses relative to the series (PS3.18 F.2.6); pixel data are fetched as frames."""
    json = scan.json
    for one in scan.bulk:
        level = json
        *steps, last = one.path.split("/")
        for tag, place in zip(steps[::2], steps[1::2], strict=True):
            level = level[tag]["Value"][int(place)]
        level[last] = {"vr": one.vr, "BulkDataURI": f"instances/{scan.header.sop_instance_uid}/bulkdata/{one.path}"}
    return json


def frames_of(pixels: dicom.PixelLocation) -> tuple[Sequence[int], Sequence[int]]:
    """Offsets and lengths of frames, as far as they are listed."""
    return pixels.frame_offsets[:MOST_FRAMES_LISTED], pixels.frame_lengths[:MOST_FRAMES_LISTED]


def _floats(json: dict[str, Any], tag: str) -> list[float]:
    try:
        return [float(value) for value in json.get(tag, {}).get("Value", [])]
    except (TypeError, ValueError):
        return []


def _facts(scan: dicom.Scan, doubts: list[list[str]], subject_label: str) -> dict[str, Any]:
    facts = images.facts_of(scan.json, scan.header.transfer_syntax_uid)
    pixels = scan.pixels
    return {
        "facts": {name: getattr(facts, name) for name in facts.__slots__},
        "subject_label": subject_label,
        "doubts": doubts,
        "position": _floats(scan.json, "00200032"),
        "orientation": _floats(scan.json, "00200037"),
        "pixels": None if pixels is None else [pixels.offset, pixels.length],
        "frames": None if pixels is None else [list(part) for part in frames_of(pixels)],
    }
