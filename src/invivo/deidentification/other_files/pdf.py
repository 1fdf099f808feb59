"""PDF: not written anew here, and never passed; what stands in it is named for the person who holds it."""

from invivo.deidentification.other_files.outcome import refusal
from invivo.deidentification.report import CannotDeidentify

_PARTS = (
    ("encryption", (b"/Encrypt",)),
    ("metadata", (b"/Metadata", b"/Info")),
    ("attachments", (b"/EmbeddedFile", b"/Filespec")),
    ("scripts", (b"/JavaScript", b"/JS")),
    ("form fields", (b"/AcroForm",)),
    ("annotations", (b"/Annots",)),
    ("a signature", (b"/ByteRange",)),
    ("packed objects that were not looked into", (b"/ObjStm",)),
)


def pdf_refusal(content: bytes) -> CannotDeidentify:
    """Why a PDF is held, and what a person finds in it.

    References
    ----------
    ISO 32000-1 7.5.6 (incremental updates), 14.3 (metadata).
    """
    found = [name for name, marks in _PARTS if any(mark in content for mark in marks)]
    if content.count(b"%%EOF") > 1:
        found.append("earlier revisions")
    listed = f" It holds {', '.join(found)}." if found else ""
    return refusal(
        f"The text of a PDF document is not read and its metadata is not rewritten here.{listed}"
        " Take the text out, or print it to pictures, and send those.",
        "document",
    )
