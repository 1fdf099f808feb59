"""What is accepted of what a peer proposes: the tables of SOP classes, and the choice of a transfer syntax.

The conformance statement is written from these tables.

References
----------
DICOM PS3.7 Annex D (roles, extended negotiation), PS3.4 Annexes A, B, C and J.
"""

from collections.abc import Iterable
from functools import lru_cache

from pydicom.uid import UID

from invivo import dicom
from invivo.protocols.dimse.pdu import Proposal, Role, UserItems, Verdict

IMPLICIT, EXPLICIT, BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
PLAIN_SYNTAXES = (EXPLICIT, IMPLICIT, BIG_ENDIAN)
VERIFICATION = "1.2.840.10008.1.1"
COMMITMENT, COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
_ROOT = "1.2.840.10008.5.1.4.1.2"
_PATIENT_ROOT = ("PATIENT", "STUDY", "SERIES", "IMAGE")
LEVELS = {"1": _PATIENT_ROOT, "2": _PATIENT_ROOT[1:], "3": _PATIENT_ROOT[:2]}
"""Levels of the patient root, study root and patient/study only models, by the number in their UIDs."""
FINDS = {f"{_ROOT}.{model}.1": levels for model, levels in LEVELS.items()}
MOVES = {f"{_ROOT}.{model}.2": levels for model, levels in LEVELS.items()}
GETS = {f"{_ROOT}.{model}.3": levels for model, levels in LEVELS.items()}
SERVICES = {VERIFICATION, COMMITMENT, *FINDS, *MOVES, *GETS}
_NEVER_STORED = {"1.2.840.10008.1.3.10"}  # a DICOMDIR lists files
_STANDARD, _STORED = "1.2.840.10008.", "1.2.840.10008.5.1.4.1.1."

ACCEPTED, NO_ABSTRACT, NO_SYNTAX = 0, 3, 4


@lru_cache(4096)
def is_storage(uid: str) -> bool:
    """Tell whether a SOP class is taken for one of objects: registered ones named so, later ones, and all private ones."""
    if uid in SERVICES or uid in _NEVER_STORED or not dicom.is_valid(uid):
        return False
    if not dicom.well_known(uid):
        return uid.startswith(_STORED) or not uid.startswith(_STANDARD)
    known = UID(uid)
    return known.type == "SOP Class" and ("Storage" in known.name or (uid.startswith(_STORED) and not known.name))


def verdict_of(proposal: Proposal, *, peer_stores: bool) -> Verdict:
    """Decide on a presentation context.

    Parameters
    ----------
    peer_stores : bool
        We shall be the sender in this context, for C-GET: then a syntax that any object can be given in is the best.
    """
    offered = [uid for uid in proposal.syntaxes if dicom.is_valid(uid)]
    if is_storage(proposal.abstract):
        if peer_stores:
            offered.sort(key=lambda uid: PLAIN_SYNTAXES.index(uid) if uid in PLAIN_SYNTAXES[:2] else 9)
    elif proposal.abstract in SERVICES:
        offered = [uid for uid in offered if uid in PLAIN_SYNTAXES]
    else:
        return Verdict(proposal.id, NO_ABSTRACT, proposal.syntaxes[0])
    if not offered:
        return Verdict(proposal.id, NO_SYNTAX, proposal.syntaxes[0])
    return Verdict(proposal.id, ACCEPTED, offered[0])


def verdicts_of(proposals: Iterable[Proposal], user: UserItems) -> tuple[Verdict, ...]:
    """Decide on all presentation contexts of a request."""
    stores = {one.uid for one in user.roles if one.scp}
    return tuple(verdict_of(one, peer_stores=one.abstract in stores) for one in proposals)


def roles_of(asked: Iterable[Role]) -> tuple[Role, ...]:
    """Accept the roles that are asked for, but nobody else answers queries on an association to us."""
    return tuple(
        Role(one.uid, one.scu, one.scp and (is_storage(one.uid) or one.uid == COMMITMENT))
        for one in asked
        if is_storage(one.uid) or one.uid in SERVICES
    )


def extended_of(asked: Iterable[tuple[str, bytes]]) -> tuple[tuple[str, bytes], ...]:
    """Answer SOP class extended negotiation: relational queries and retrievals if asked for, nothing else (PS3.4 C.5)."""
    return tuple(
        (uid, bytes((content[0] == 1,)) + bytes(len(content[:6]) - 1))
        for uid, content in asked
        if content and (uid in FINDS or uid in MOVES or uid in GETS)
    )


def window_of(asked: tuple[int, int] | None, most: int) -> tuple[int, int] | None:
    """Bound the asynchronous operations window; 0 means any number (PS3.7 D.3.3.3)."""
    if asked is None:
        return None
    return (min(asked[0] or most, most), 1)
