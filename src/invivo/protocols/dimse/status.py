"""The one table from outcomes and errors of ours to DIMSE statuses.

References
----------
DICOM PS3.7 Annex C; PS3.4 B.2.3 (storage), C.4 (query and retrieve), J.3 (storage commitment).
"""

from invivo import errors, submissions

SUCCESS, PROCESSING_FAILURE, NOT_AUTHORISED, UNKNOWN_OPERATION = 0x0000, 0x0110, 0x0124, 0x0211
NO_SUCH_INSTANCE, NO_SUCH_CLASS, NO_SUCH_ACTION, INVALID_ARGUMENT, WRONG_CLASS = 0x0112, 0x0118, 0x0123, 0x0115, 0x0119
OUT_OF_RESOURCES, CANNOT_COUNT, CANNOT_SEND, UNKNOWN_DESTINATION = 0xA700, 0xA701, 0xA702, 0xA801
MISMATCH, SOME_FAILED, CANNOT_UNDERSTAND, CANCELLED = 0xA900, 0xB000, 0xC000, 0xFE00
PENDING, PENDING_WITHOUT_SOME = 0xFF00, 0xFF01

STATUS: dict[type[errors.InvivoError], int] = {
    errors.Invalid: CANNOT_UNDERSTAND,
    errors.Refused: NOT_AUTHORISED,
    errors.NotFound: NOT_AUTHORISED,
    errors.Conflict: OUT_OF_RESOURCES,
    errors.TooLarge: OUT_OF_RESOURCES,
    errors.Busy: OUT_OF_RESOURCES,
    errors.Broken: OUT_OF_RESOURCES,
}


def status_of_error(error: errors.InvivoError) -> int:
    """Return the status of an error's family."""
    return next(status for family, status in STATUS.items() if isinstance(error, family))


def status_of(receipt: submissions.Receipt) -> int:
    """Return the status of what became of an object."""
    if receipt.is_durable:
        return SUCCESS
    if receipt.code.startswith("sender."):
        return NOT_AUTHORISED
    return OUT_OF_RESOURCES if receipt.code in ("dicom.over-limit", "dicom.too-deep") else CANNOT_UNDERSTAND
