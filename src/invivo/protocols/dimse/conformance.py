"""The conformance statement, written from the tables that the server decides by.

References
----------
DICOM PS3.2 Annex A (structure).
"""

from collections.abc import Iterable, Sequence

from pydicom._uid_dict import UID_dictionary

from invivo import dicom
from invivo.protocols.dimse import association, columns, negotiation, pdu, query, retrieval, scu, status, store
from invivo.protocols.dimse.identifier import vr_of
from invivo.settings import Dimse, Settings

_STATUS_WORDS = (
    (status.SUCCESS, "C-STORE", "kept, fsynced and committed; also a repeat, and an object in conflict with another"),
    (status.NOT_AUTHORISED, "C-STORE", "nobody registered this sender, or its submission is closed"),
    (
        status.OUT_OF_RESOURCES,
        "C-STORE",
        "the disk is full, a limit is exceeded or the database is away: try again later",
    ),
    (status.MISMATCH, "C-STORE", "the SOP Instance UIDs of command and data set differ; the object is held"),
    (status.CANNOT_UNDERSTAND, "C-STORE", "the data set is damaged"),
    (status.WRONG_CLASS, "C-STORE", "the class or a UID of the command is none of an object that can be stored"),
    (status.PENDING, "C-FIND", "an answer follows"),
    (status.PENDING, "C-MOVE, C-GET", "after each sub-operation but the last, with the four counters"),
    (status.SUCCESS, "C-FIND, C-MOVE, C-GET", "done"),
    (status.OUT_OF_RESOURCES, "C-FIND", "more answers than dimse.most_answers; the first are given"),
    (status.MISMATCH, "C-FIND, C-MOVE, C-GET", "the identifier lacks its level or a unique key"),
    (status.CANCELLED, "C-FIND, C-MOVE, C-GET", "cancelled"),
    (status.SOME_FAILED, "C-MOVE, C-GET", "some sub-operations failed or ended with a warning; the failed are listed"),
    (status.CANNOT_SEND, "C-MOVE, C-GET", "every sub-operation failed"),
    (status.UNKNOWN_DESTINATION, "C-MOVE", "the destination is not in dimse.peers"),
    (status.NO_SUCH_INSTANCE, "N-ACTION", "another SOP instance than the well-known one"),
    (status.NO_SUCH_ACTION, "N-ACTION", "another action than 1"),
    (status.INVALID_ARGUMENT, "N-ACTION", "no transaction UID or no referenced instance"),
    (status.PROCESSING_FAILURE, "any", "the request could not be answered"),
    (status.UNKNOWN_OPERATION, "any", "the operation is not of the class of its presentation context"),
)
_REJECTIONS = (
    (association.NO_REASON, "the user name and passcode are wrong"),
    (association.NO_APPLICATION_CONTEXT, "another application context name than DICOM's"),
    (association.CALLING_UNKNOWN, "the calling title is not in dimse.calling"),
    (association.CALLED_UNKNOWN, "the called title is not in dimse.called"),
    (association.NO_VERSION, "another protocol version"),
    (association.TOO_MANY, "dimse.max_associations or dimse.max_of_peer are reached"),
    (association.CONGESTED, "who the peer is cannot be found out now"),
)
_LEVEL_COLUMNS = (
    ("PATIENT", {**columns.PATIENT, **columns.PATIENT_TOTALS}),
    ("STUDY", {**columns.STUDY, **columns.STUDY_TOTALS}),
    ("SERIES", columns.SERIES),
    ("IMAGE", columns.IMAGE),
)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows), ""]


def _services() -> list[str]:
    def rows(uids: Iterable[str], user: str, provider: str) -> list[tuple[str, str, str, str]]:
        return [(dicom.name_of(uid) or uid, uid, user, provider) for uid in uids]

    found = rows([negotiation.VERIFICATION], "no", "yes")
    found += rows(negotiation.FINDS, "no", "yes") + rows(negotiation.MOVES, "no", "yes")
    found += rows(negotiation.GETS, "no", "yes") + rows([negotiation.COMMITMENT], "no", "yes")
    return _table(("SOP class", "UID", "as user (SCU)", "as provider (SCP)"), found)


def _storage() -> list[str]:
    known = sorted(uid for uid in UID_dictionary if negotiation.is_storage(uid))
    return _table(("SOP class", "UID"), [(dicom.name_of(uid) or "(unnamed)", uid) for uid in known])


def _keys() -> list[str]:
    rows = []
    for level, known in _LEVEL_COLUMNS:
        for tag in sorted(known):
            number = int(tag, 16)
            kind = (
                "unique" if number == query.UNIQUE[level] else "given only" if columns.is_count(number) else "matched"
            )
            attribute = dicom.attribute(tag)
            rows.append((level, attribute.name, f"({tag[:4]},{tag[4:]})", vr_of(number), kind))
    return _table(("Level", "Attribute", "Tag", "VR", "Use"), rows)


def _networking(dimse: Dimse) -> list[str]:
    rows = (
        ("Application context name", pdu.APPLICATION_CONTEXT),
        ("Implementation class UID", pdu.IMPLEMENTATION_UID),
        ("Implementation version name", pdu.IMPLEMENTATION_VERSION),
        ("Own title", f"{dimse.aet} (dimse.aet)"),
        ("Called titles answered", ", ".join(dimse.called) or "any"),
        ("Calling titles answered", ", ".join(dimse.calling) or "any"),
        ("Longest P-DATA-TF received", f"{dimse.max_pdu} bytes"),
        ("Longest P-DATA-TF proposed as requestor", f"{scu.MAX_PDU} bytes"),
        ("Associations at once, a process", f"{dimse.max_associations}; {dimse.max_of_peer} of one address"),
        ("Asynchronous operations", f"up to {association.MOST_WINDOW} invoked by the peer; 1 by us"),
        ("ARTIM timer", f"{association.ARTIM_S:g} s"),
        ("Idle timeout", f"{dimse.idle_timeout_s:g} s"),
        ("Presentation contexts", f"1 to {pdu.MOST_CONTEXTS}"),
    )
    rejections = [(*map(str, code), when) for code, when in _REJECTIONS]
    syntaxes = ", ".join(dicom.name_of(uid) or uid for uid in negotiation.PLAIN_SYNTAXES)
    return [
        "## 2 Networking",
        "",
        "### 2.1 Association policies",
        "",
        *_table(("Subject", "Value"), rows),
        "### 2.2 Rejections",
        "",
        *_table(("Result", "Source", "Reason", "When"), rejections),
        "### 2.3 Negotiation",
        "",
        "- A presentation context for storage is accepted with the first transfer syntax offered, whichever it is.",
        "- In a context whose class the peer provides (role selection, for C-GET), Explicit VR Little Endian is preferred,",
        "  then Implicit VR Little Endian, then the first offered.",
        f"- Other services take the first offered of {syntaxes}.",
        "- Role selection is accepted for storage classes in both roles, and for the peer as user of every other service.",
        "- Extended negotiation: relational queries and retrievals are accepted; date-time, fuzzy and time zone matching are not.",
        "- User identity: a user name with passcode must be that of an account (type 2); other types are ignored.",
        "",
    ]


def _details(settings: Settings) -> list[str]:
    dimse = settings.dimse
    return [
        "## 4 Services",
        "",
        "### 4.1 Query and retrieve",
        "",
        "Matching: single value, wildcard, range of dates and times, list of UIDs, universal, sequence. Names of people are",
        "matched without case. Hierarchical queries need the unique keys of the levels above; relational ones do not.",
        "Attributes that are not in this table are matched and given from the header: of the instance at the image level, of",
        "one instance that stands for the entity above it. Answers are in ISO_IR 192 (UTF-8). What a peer is shown is what the",
        "account may see that it signed in with, or that `dimse.readers` gives it, or else anybody.",
        "",
        *_keys(),
        "Objects are sent as they are stored where the peer takes their transfer syntax, else uncompressed in Explicit or",
        "Implicit VR Little Endian; a sub-operation for which neither is accepted has failed.",
        f"A final response lists at most {retrieval.MOST_FAILED} failed instances.",
        "",
        "### 4.2 Storage",
        "",
        f"Objects have up to {settings.limits.object_bytes} bytes (limits.object_bytes). A response of success means fsynced and",
        f"committed; up to {store.MOST_OBJECTS} objects share a commit. Elements are not coerced on receipt. Private classes and",
        "classes of later editions are stored like these:",
        "",
        *_storage(),
        "### 4.3 Destinations",
        "",
        *_table(("Peer", "Address"), sorted(dimse.peers.items())),
        "## 5 Character sets",
        "",
        "All of the standard are read. Answers are in ISO_IR 192.",
        "",
        "## 6 Security",
        "",
        f"TLS: {dimse.tls_bind or 'closed (dimse.tls_bind)'}; TLS 1.2 and later, ephemeral keys with AEAD ciphers only (BCP 195).",
        f"Client certificates: {'needed' if dimse.tls_client_authority else 'not asked for (dimse.tls_client_authority)'}.",
        "",
    ]


def statement(settings: Settings) -> str:
    """Return the conformance statement of this software with these settings, as Markdown."""
    statuses = [(f"{code:04X}H", name, words) for code, name, words in _STATUS_WORDS]
    lines = [
        "# DICOM conformance statement",
        "",
        "Written by `invivo` from the tables that its DICOM door decides by. Structure: DICOM PS3.2 Annex A.",
        "",
        "## 1 Overview",
        "",
        *_services(),
        "Storage as provider: every standard storage class, later ones of the standard, and every private class (section 4.2).",
        "Storage as user: towards the peers of a C-MOVE, and over the association of a C-GET. Storage commitment reports are",
        "sent over the same association if it is open, else over one to the peer's address in the settings.",
        "",
        *_networking(settings.dimse),
        "## 3 Status codes",
        "",
        *_table(("Status", "Service", "Meaning"), statuses),
        *_details(settings),
    ]
    return "\n".join(lines)
