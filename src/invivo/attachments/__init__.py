"""Released files that are not DICOM: spreadsheets, NIfTI, protocols."""

from invivo.attachments.attachment import Attachment, UnknownAttachment, attach, attachments_of, find_attachment

__all__ = ["Attachment", "UnknownAttachment", "attach", "attachments_of", "find_attachment"]
