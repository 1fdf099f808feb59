"""A depositor's delivery into one collection, and the one entrance for bytes: `receive`.

A submission is *open* or *closed*. Whatever arrives by whatever door is first kept, fsynced, under its digest, then held in
quarantine, and only then acknowledged; `advance` takes it through the automatic steps.
"""

from invivo.submissions.journey import advance
from invivo.submissions.receipt import Receipt, receive, receive_spooled, spool
from invivo.submissions.rules import mapping_for, profile_for
from invivo.submissions.sender import (
    Origin,
    Sender,
    UnknownSender,
    add_sender,
    remove_sender,
    senders_of,
    submission_for,
)
from invivo.submissions.submission import (
    Progress,
    Submission,
    UnknownSubmission,
    close_submission,
    find_submission,
    list_submissions,
    open_submission,
    progress_of,
    reopen_submission,
)
from invivo.submissions.sweep import sweep
from invivo.submissions.unpacking import BadArchive, receive_path, unpack
from invivo.submissions.upload import UnknownUpload, Upload, abandon_upload, append_upload, create_upload, find_upload

__all__ = [
    "BadArchive",
    "Origin",
    "Progress",
    "Receipt",
    "Sender",
    "Submission",
    "UnknownSender",
    "UnknownSubmission",
    "UnknownUpload",
    "Upload",
    "abandon_upload",
    "add_sender",
    "advance",
    "append_upload",
    "close_submission",
    "create_upload",
    "find_submission",
    "find_upload",
    "list_submissions",
    "mapping_for",
    "open_submission",
    "profile_for",
    "progress_of",
    "receive",
    "receive_path",
    "receive_spooled",
    "remove_sender",
    "reopen_submission",
    "senders_of",
    "spool",
    "submission_for",
    "sweep",
    "unpack",
]
