"""Files that are not DICOM: NIfTI, tables, pictures, JSON, XML, plain text. Bytes in, bytes out.

Each kind is told by its bytes, written anew with what is understood, and proven. Whatever is not understood is refused
(CannotDeidentify). PDF documents, archives and office documents are always refused, with the reason.
"""

from invivo.deidentification.other_files.field import RULES
from invivo.deidentification.other_files.file_name import safe_name
from invivo.deidentification.other_files.front import clean_other
from invivo.deidentification.other_files.outcome import CleanedOther

__all__ = ["RULES", "CleanedOther", "clean_other", "safe_name"]
