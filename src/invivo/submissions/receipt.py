"""The one entrance for bytes."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from invivo import dicom, images, quarantine, storage
from invivo.archive import Archive
from invivo.errors import Invalid, InvivoError, Refused, TooLarge
from invivo.submissions import direct
from invivo.submissions.sender import Destination, Origin, UnknownSender, destination_of, site_for, submission_for

_ASKED_EVERY_S, _MOST_ORIGINS = 1.0, 10_000
Key = tuple[object, ...]
_destinations: dict[tuple[int, Key], tuple[float, Destination]] = {}
ONLY_DICOM = frozenset({"dimse", "stow"})


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an object that was sent.

    Attributes
    ----------
    outcome : {"held", "repeated", "conflict", "attached", "damaged", "refused"}
        All but the last are durable: a power cut does not lose them.
    code, reason : str
        Why it was refused or is damaged.
    """

    outcome: str
    object_id: int | None = None
    sop_class_uid: str = ""
    sop_uid: str = ""
    study_uid: str = ""
    series_uid: str = ""
    code: str = ""
    reason: str = ""

    @property
    def is_durable(self) -> bool:
        return self.outcome != "refused"


@dataclass(frozen=True, slots=True)
class Parcel:
    """An object on its way in: where it comes from, its bytes, and its file's name if it has one."""

    origin: Origin
    spooled: storage.Spooled
    name: str = ""


def spool(archive: Archive, chunks: Iterable[bytes]) -> storage.Spooled:
    """Write a stream to a temporary file; see `DiskStore.spool` for what it raises."""
    return archive.held.spool(chunks, archive.settings.limits.object_bytes)


def receive(archive: Archive, origin: Origin, chunks: Iterable[bytes], name: str = "") -> Receipt:
    """Take in one object: when this returns a durable receipt, it is fsynced and committed.

    Parameters
    ----------
    chunks : iterable of bytes
        The file as it came, DICOM with file meta information or anything else.
    name : str
        The file's name, for what is not DICOM.

    Raises
    ------
    TooManyBytes, DiskFull, UnknownSender, DatabaseAway
        Nothing was kept.
    """
    return receive_spooled(archive, origin, [(name, spool(archive, chunks))])[0]


def receive_spooled(archive: Archive, origin: Origin, spooled: Sequence[tuple[str, storage.Spooled]]) -> list[Receipt]:
    """Take in several objects with one round of fsync and one commit; receipts are in the order of `spooled`.

    Raises
    ------
    UnknownSender, DatabaseAway, DiskFull
        Nothing was kept of any.
    """
    try:
        archive.held.need_room()
        destination = _destination(archive, origin)
        if destination.direct is None:
            return _hold(archive, origin, spooled)
        entries = direct.enter(archive, destination.direct, [one for _, one in spooled])
        others = iter(_hold(archive, origin, [spooled[place] for place, one in enumerate(entries) if one is None]))
        return [next(others) if entry is None else _entered(entry.facts) for entry in entries]
    finally:
        for _, one in spooled:
            archive.held.drop(one)


def _destination(archive: Archive, origin: Origin) -> Destination:
    """Where an origin delivers, looked up once a second: many objects come one after the other."""
    key, now = (id(archive.database), origin.key), time.monotonic()
    known = _destinations.get(key) if origin.actor.is_anonymous else None  # what a person may is asked each time
    if known is None or now - known[0] > _ASKED_EVERY_S:
        with archive.database.transaction() as tx:
            known = now, destination_of(tx, origin)
        if len(_destinations) > _MOST_ORIGINS:
            _destinations.clear()
        _destinations[key] = known
    return known[1]


def _entered(facts: images.Facts) -> Receipt:
    return Receipt("held", None, facts.sop_class_uid, facts.sop_uid, facts.study_uid, facts.series_uid)


def _hold(archive: Archive, origin: Origin, spooled: Sequence[tuple[str, storage.Spooled]]) -> list[Receipt]:
    if not spooled:
        return []
    read = [_read(archive, origin, name, one) for name, one in spooled]
    with archive.database.transaction() as tx:
        submission_id = submission_for(tx, origin)
        accepted = [place for place, found in enumerate(read) if isinstance(found, quarantine.Arrival)]
        archive.held.keep([spooled[place][1] for place in accepted])
        arrivals = [found for found in read if isinstance(found, quarantine.Arrival)]
        sender = origin.calling_aet or origin.actor.name
        held = quarantine.hold(tx, submission_id, origin.door, sender, arrivals) if arrivals else []
        quarantine.mark(tx, submission_id, held, site_for(tx, origin, submission_id))
    outcomes = dict(zip(accepted, held, strict=True))
    return [
        _receipt(found, outcomes[place]) if isinstance(found, quarantine.Arrival) else found
        for place, found in enumerate(read)
    ]


def receive_many(archive: Archive, parcels: Sequence[Parcel]) -> list[Receipt]:
    """Take in objects of several senders at once; receipts are in the order of the parcels, of refused ones too.

    Raises
    ------
    DatabaseAway, DiskFull
        Nothing was kept of any.
    """
    by_origin: dict[Key, list[int]] = {}
    for place, parcel in enumerate(parcels):
        by_origin.setdefault(parcel.origin.key, []).append(place)
    receipts: dict[int, Receipt] = {}
    for places in by_origin.values():
        origin = parcels[places[0]].origin
        try:
            found = receive_spooled(
                archive, origin, [(parcels[place].name, parcels[place].spooled) for place in places]
            )
        except Refused as error:
            found = [Receipt("refused", code=error.kind, reason=error.message)] * len(places)
        receipts.update(zip(places, found, strict=True))
    return [receipts[place] for place in range(len(parcels))]


def kept(archive: Archive, origin: Origin, uids: Sequence[str]) -> dict[str, str]:
    """Tell a sender which of its objects are durable here: SOP class by SOP Instance UID as sent; of others nothing.

    Raises
    ------
    DatabaseAway
    """
    try:
        submission_id = _destination(archive, origin).submission_id
    except UnknownSender:
        return {}
    with archive.database.transaction() as tx:
        found = tx.execute("select uid, sop_class from intake.kept(%s, %s)", [submission_id, list(uids)])
        return {row.uid: row.sop_class for row in found}


def _receipt(arrival: quarantine.Arrival, held: quarantine.Held) -> Receipt:
    return Receipt(
        outcome=held.outcome,
        object_id=held.object_id,
        sop_class_uid=arrival.sop_class_uid,
        sop_uid=arrival.sop_uid,
        study_uid=arrival.study_uid,
        series_uid=arrival.series_uid,
        code=arrival.reason_code,
        reason=arrival.reason,
    )


def _limits(archive: Archive) -> dicom.Limits:
    limits = archive.settings.limits
    return dicom.Limits(header_bytes=limits.header_bytes, depth=limits.nesting)


def _read(archive: Archive, origin: Origin, name: str, spooled: storage.Spooled) -> quarantine.Arrival | Receipt:
    """Look at a spooled object: what it is, or why it is refused."""
    kept: dict[str, Any] = {
        "digest": spooled.sha256,
        "size_bytes": spooled.size,
        "crc32": spooled.crc32,
        "name": name[-300:],
    }
    if spooled.size == 0:
        return Receipt("refused", code="object.empty", reason="The file is empty.")
    try:
        header = dicom.read_header(spooled.source, _limits(archive))
    except dicom.MediaDirectory:
        return Receipt(
            "refused",
            code="dicom.media-directory",
            reason="A DICOMDIR lists files; only the files themselves are taken in.",
        )
    except dicom.NotDicom as error:
        if origin.door in ONLY_DICOM:
            return Receipt("refused", code=error.kind, reason=error.message)
        return quarantine.Arrival(kind="files", **kept)
    except (Invalid, TooLarge) as error:
        return _damaged(origin, error, kept)
    return quarantine.Arrival(
        kind="images",
        study_uid=header.study_uid,
        series_uid=header.series_uid,
        modality=header.modality,
        sop_uid=header.sop_instance_uid,
        sop_class_uid=header.sop_class_uid,
        transfer_syntax_uid=header.transfer_syntax_uid,
        **{**kept, "name": ""},
    )


def _damaged(origin: Origin, error: InvivoError, kept: dict[str, Any]) -> quarantine.Arrival | Receipt:
    """A damaged object is refused where the sender can be told so at once, and held with its reason elsewhere."""
    if origin.door in ONLY_DICOM:
        return Receipt("refused", code=error.kind, reason=error.message)
    return quarantine.Arrival(kind="damaged", reason_code=error.kind, reason=error.message, **kept)
