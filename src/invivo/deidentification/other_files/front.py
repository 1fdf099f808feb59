"""Cleaning of one file that is not DICOM: its kind found, cleaned, written anew and proven."""

from collections.abc import Mapping as Rules
from collections.abc import Sequence

from invivo.deidentification.identifier import Trace
from invivo.deidentification.mapping import Mapping
from invivo.deidentification.other_files.compression import deflated, inflated
from invivo.deidentification.other_files.encoding import Text, read_text
from invivo.deidentification.other_files.file_name import safe_name
from invivo.deidentification.other_files.json_file import clean_json
from invivo.deidentification.other_files.kind import kind_of
from invivo.deidentification.other_files.leftover import leftovers_in
from invivo.deidentification.other_files.nifti import clean_nifti
from invivo.deidentification.other_files.outcome import CleanedOther, Written, broken, refusal
from invivo.deidentification.other_files.pdf import pdf_refusal
from invivo.deidentification.other_files.picture import clean_picture
from invivo.deidentification.other_files.prose import clean_prose
from invivo.deidentification.other_files.table import clean_table, read_table
from invivo.deidentification.other_files.wording import Wording
from invivo.deidentification.other_files.xml_file import clean_xml
from invivo.deidentification.report import Action, CannotDeidentify
from invivo.errors import InvivoError

LARGEST_OTHER_BYTES = 2 << 30
_PICTURES = frozenset({"jpeg", "png", "tiff", "gif", "webp", "bmp"})
_COMPRESSIBLE = frozenset({"nifti", "text"})


def clean_other(
    name: str,
    content: bytes,
    *,
    known: Sequence[Trace],
    mapping: Mapping,
    shift_days: int | None,
    dictionary: Rules[str, str] | None = None,
    keeps_dates: bool = False,
) -> CleanedOther:
    """Clean a file that is not DICOM, and prove it: NIfTI, tables, pictures, JSON, XML and plain text.

    Parameters
    ----------
    name : str
        Its name; only for the new name, never for its kind.
    content : bytes
    known : sequence of Trace
        What identifies the people of whom it may tell.
    mapping : Mapping
    shift_days : int, days, or None
        By how much its dates move; without it they go. Dates in a table with a column of subjects move by each subject's
        own offset.
    dictionary : mapping of str to str, optional
        Column of a table to ``subject date birthdate age keep remove clean id uid``.
    keeps_dates : bool
        Whether dates stay. Birth dates always go.

    Returns
    -------
    CleanedOther
        With ``leftovers`` or a doubt of severity ``hold`` it must be held.

    Raises
    ------
    CannotDeidentify
        Damaged, too large, or of a kind that is not understood. Its ``kind`` says which.
    NotInLookup
        A lookup table of the mapping must know every subject and does not know one.
    """
    if len(content) > LARGEST_OTHER_BYTES:
        raise refusal("The file is larger than what can be cleaned at once.", "too-large")
    wording = Wording(known, mapping, shift_days, keeps_dates=keeps_dates)
    try:
        return _cleaned(name, content, wording, dictionary)
    except InvivoError:
        raise
    except RecursionError:
        raise refusal("The file is nested too deep.", "too-deep") from None
    except Exception as error:  # because whatever is not understood must not pass, and no error may show a value
        raise broken(f"it could not be cleaned ({type(error).__name__})") from None


def _cleaned(name: str, content: bytes, wording: Wording, dictionary: Rules[str, str] | None) -> CleanedOther:
    kind = kind_of(content)
    is_compressed = kind == "gzip"
    if is_compressed:
        content = inflated(content)
        kind = kind_of(content)
        if kind not in _COMPRESSIBLE:
            raise refusal(
                "What is compressed in the file is of no kind that can be cleaned; unpack it.", "unknown-kind"
            )
    written = _written(content, kind, wording, dictionary)
    new_name = safe_name(name, wording)
    left = leftovers_in(
        written.output,
        wording.known,
        own=written.traces,
        opaque=written.opaque,
        text=written.text,
        allowed=frozenset(wording.written),
    )
    output, actions = written.output, written.actions
    if is_compressed:
        output, actions = deflated(output), (*actions, Action("gzip header", "Z", "gzip"))
    if new_name != name:
        actions = (*actions, Action("file name", "D", "name"))
    return CleanedOther(output, written.kind, actions, written.doubts, left, new_name)


def _written(content: bytes, kind: str, wording: Wording, dictionary: Rules[str, str] | None) -> Written:
    if kind == "nifti":
        return clean_nifti(content, wording)
    if kind in _PICTURES:
        return clean_picture(content, kind, wording)
    if kind == "pdf":
        raise pdf_refusal(content)
    found = read_text(content)
    start = found.text.lstrip()[:1]
    if start in {"{", "["} and _is_json(found):
        return clean_json(found, wording)
    if start == "<":
        try:
            return clean_xml(content, wording)
        except CannotDeidentify as refused:
            if refused.kind != "deidentification.broken" or not found.text.lstrip().startswith("<!--"):
                raise  # Markdown may begin with a comment; everything else that begins so must be whole
    sheet = read_table(found.text)
    return clean_prose(found, wording) if sheet is None else clean_table(found, sheet, wording, dictionary)


def _is_json(found: Text) -> bool:
    """A text may begin with a bracket too; JSON ends with one and has quotes or numbers after the first."""
    text = found.text.strip()
    return text[-1:] == {"{": "}", "[": "]"}[text[:1]] and text[1:].lstrip()[:1] in set('"}]-[{0123456789tfn')
