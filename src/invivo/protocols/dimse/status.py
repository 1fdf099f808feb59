"""The one table from outcomes and errors of ours to DIMSE statuses (PS3.4 B.2.3)."""

from pydicom.dataset import Dataset

from invivo import errors, submissions

SUCCESS, NOT_AUTHORISED, OUT_OF_RESOURCES, MISMATCH, CANNOT_UNDERSTAND = 0x0000, 0x0124, 0xA700, 0xA900, 0xC000

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
    return OUT_OF_RESOURCES if receipt.code in ("dicom.over-limit", "dicom.too-deep") else CANNOT_UNDERSTAND


def answer(status: int, comment: str = "") -> Dataset:
    """Return the status elements of a response; the comment is cut to the 64 characters of (0000,0902)."""
    elements = Dataset()
    elements.Status = status
    if comment:
        elements.ErrorComment = comment.encode("ascii", "replace").decode()[:64]
    return elements
