"""Of which kind a file is: by its bytes, never by its name."""

from invivo.deidentification.other_files.nifti import is_nifti
from invivo.deidentification.other_files.outcome import refusal
from invivo.deidentification.other_files.png import SIGNATURE

_REFUSED = (
    (
        b"PK\x03\x04",
        "archive",
        "The file is a ZIP archive or an office document; unpack it or save it as a table first.",
    ),
    (b"PK\x05\x06", "archive", "The file is an empty ZIP archive."),
    (b"\xd0\xcf\x11\xe0", "unknown-kind", "The file is an old office document; save it as a table or a text first."),
    (b"Rar!", "archive", "The file is an archive; unpack it first."),
    (b"7z\xbc\xaf", "archive", "The file is an archive; unpack it first."),
)
_PICTURES = (
    (b"\xff\xd8\xff", "jpeg"),
    (SIGNATURE, "png"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
)


def kind_of(content: bytes) -> str:
    """One of ``gzip nifti jpeg png tiff gif webp bmp pdf``, or ``text`` for everything that has no mark.

    Raises
    ------
    CannotDeidentify
        DICOM, which has an engine of its own, or an archive.
    """
    if content[128:132] == b"DICM":
        raise refusal("The file is DICOM; clean it as DICOM.", "is-dicom")
    for mark, code, message in _REFUSED:
        if content.startswith(mark):
            raise refusal(message, code)
    if content[:2] == b"\x1f\x8b":
        return "gzip"
    if is_nifti(content):
        return "nifti"
    for mark, kind in _PICTURES:
        if content.startswith(mark):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    if content[:2] == b"BM" and content[6:10] == bytes(4):
        return "bmp"
    return "pdf" if b"%PDF-" in content[:1024] else "text"
