"""Files that belong to a proposal: letters, plans, the signed agreement. Kept beside what is held; only those who see the
proposal read them.

Each is written behind some random bytes, so that its digest is its own: neither can an object with the same content take it
along when it is deleted, nor the other way round. A file that no row names yet, or none any more, stands in a list of what
leaves: if the process ends between row and file, the sweep takes the file away.
"""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import BinaryIO

from invivo import accounts, audit, database, storage
from invivo.archive import Archive
from invivo.errors import Busy, Conflict, Invalid, NotFound, TooLarge
from invivo.submissions.committee import decides
from invivo.submissions.proposal import EDITABLE, Decided, Proposal, find_proposal, locked

AGREEMENT = "agreement"
_SALT = 32
_CHUNK = 1 << 20
_LEAVES = "insert into submissions.leaving (digest) values (%s)"


@dataclass(frozen=True, slots=True)
class ProposalFile:
    """A file of a proposal; ``question`` is the one it answers, ``agreement`` for a signed agreement, or empty."""

    id: int
    question: str
    name: str
    size_bytes: int
    added_by: str
    added_at: datetime


_COLUMNS = "id, question, name, size_bytes, added_by, added_at"


def files_of_proposal(archive: Archive, proposal: Proposal) -> list[ProposalFile]:
    """Return the files of a proposal that the caller found by `find_proposal`."""
    with archive.database.transaction() as tx:
        found = tx.execute(
            f"select {_COLUMNS} from submissions.proposal_file where proposal_id = %s order by id",  # noqa: S608
            [proposal.id],
        )
        return [ProposalFile(*row) for row in found]


def check_attachment_size(archive: Archive, size_bytes: int) -> None:
    """Refuse a file by its announced size, before any of it is read."""
    most = archive.settings.submissions.attachment_bytes
    if not 0 < size_bytes <= most:
        raise TooLarge(
            f"A file of a proposal has 1 to {most} bytes (submissions.attachment_bytes); data come after the decision.",
            code="proposal.file-too-large",
        )


def attach_to_proposal(
    archive: Archive, actor: accounts.Actor, proposal_id: int, question: str, name: str, chunks: Iterable[bytes]
) -> ProposalFile:
    """Attach a file: by the proposer while the proposal is being written, a signed agreement once it was accepted.

    Raises
    ------
    TooLarge
        The file or their number is over the limits; nothing of it was kept.
    Decided
        The proposal takes no files in its state.
    """
    name = name.replace("\\", "/").rpartition("/")[2].strip()[-200:]
    if not name or not name.isprintable():
        raise Invalid("The file needs a name.", code="proposal.file-name")
    _may_attach(actor, find_proposal(archive, actor, proposal_id), question)
    most = archive.settings.submissions.attachment_bytes
    try:
        spooled = archive.held.spool(chain([secrets.token_bytes(_SALT)], chunks), most + _SALT)
    except storage.TooManyBytes:
        check_attachment_size(archive, most + 1)
        raise
    try:
        with archive.database.transaction() as tx:
            _may_attach(actor, locked(tx, actor, proposal_id), question)
            tx.execute(_LEAVES, [spooled.sha256])
        with archive.database.transaction() as tx:
            _may_attach(actor, locked(tx, actor, proposal_id), question)
            _need_place(archive, tx, proposal_id)
            _need_stays(tx, spooled.sha256)
            archive.held.keep([spooled])
            made = tx.execute(
                "insert into submissions.proposal_file (proposal_id, question, name, digest, size_bytes, added_by)"  # noqa: S608
                f" values (%s, %s, %s, %s, %s, %s) returning {_COLUMNS}",
                [proposal_id, question, name, spooled.sha256, spooled.size - _SALT, actor.label or actor.name],
            ).fetchone()
            assert made is not None
            audit.note(tx, actor.name, "proposal.attach", f"proposal:{proposal_id}", file=made.id)
            return ProposalFile(*made)
    finally:
        archive.held.drop(spooled)


def _need_place(archive: Archive, tx: database.Tx, proposal_id: int) -> None:
    row = tx.execute(
        "select count(*) as n from submissions.proposal_file where proposal_id = %s", [proposal_id]
    ).fetchone()
    if row and row.n >= archive.settings.submissions.attachments:
        raise Conflict(
            "The proposal has as many files as it may have (submissions.attachments).", code="proposal.files"
        )


def _need_stays(tx: database.Tx, digest: str) -> None:
    """Take a file off the list of what leaves, until the transaction ends for it alone."""
    stays = tx.execute("delete from submissions.leaving where digest = %s returning 1", [digest]).fetchone()
    if stays is None:
        raise Busy("Attaching the file took too long; attach it again.", code="proposal.file-late")


def _may_attach(actor: accounts.Actor, proposal: Proposal, question: str) -> None:
    if question == AGREEMENT:
        if proposal.state not in ("accepted", "opened"):
            raise Decided(f"Proposal {proposal.id} is {proposal.state}; a signed agreement comes after its acceptance.")
        return
    if proposal.person_id != actor.person_id or proposal.state not in EDITABLE:
        raise Decided(
            f"Proposal {proposal.id} is {proposal.state}; only its proposer attaches files, while it is written."
        )


def remove_from_proposal(archive: Archive, actor: accounts.Actor, proposal_id: int, file_id: int) -> None:
    """Take a file off a proposal that is being written; its bytes go at once, at the latest with the next sweep."""
    with archive.database.transaction() as tx:
        proposal = locked(tx, actor, proposal_id)
        _may_attach(actor, proposal, "")
        row = tx.execute(
            "delete from submissions.proposal_file where id = %s and proposal_id = %s and question <> %s returning digest",
            [file_id, proposal_id, AGREEMENT],
        ).fetchone()
        if row is None:
            raise NotFound("There is no such file of this proposal.", code="proposal.file-unknown")
        tx.execute(_LEAVES, [row.digest])
        audit.note(tx, actor.name, "proposal.detach", f"proposal:{proposal_id}", file=file_id)
    archive.held.remove(row.digest, age_s=0)


def remove_leaving(archive: Archive) -> None:
    """Delete the files that left their proposals, and those that none took on.

    One that was deleted at once is deleted once more: from a journal that was not emptied yet, a start makes it again.
    """
    with archive.database.transaction() as tx:
        found = tx.execute(
            "select digest from submissions.leaving where at < now() - make_interval(secs => %s)"
            " order by at limit 1000 for update skip locked",
            [archive.settings.work.sweep_s],
        ).fetchall()
        gone = [row.digest for row in found if archive.held.remove(row.digest, age_s=0)]
        tx.execute("delete from submissions.leaving where digest = any (%s)", [gone])


def open_proposal_file(
    archive: Archive, actor: accounts.Actor, proposal_id: int, file_id: int
) -> tuple[ProposalFile, Iterator[bytes]]:
    """Return a file of a proposal that the actor may see, and its content in pieces; whoever decides is journalled."""
    proposal = find_proposal(archive, actor, proposal_id)
    with archive.database.transaction() as tx:
        row = tx.execute(
            f"select digest, {_COLUMNS} from submissions.proposal_file where id = %s and proposal_id = %s",  # noqa: S608
            [file_id, proposal.id],
        ).fetchone()
        if row is None:
            raise NotFound("There is no such file of this proposal.", code="proposal.file-unknown")
        if decides(tx, actor):
            audit.note(tx, actor.name, "proposal.read-file", f"proposal:{proposal_id}", file=file_id)
    return ProposalFile(*row[1:]), _content(archive.held.open(row.digest))


def _content(stream: BinaryIO) -> Iterator[bytes]:
    with stream:
        stream.read(_SALT)
        yield from iter(lambda: stream.read(_CHUNK), b"")
