"""NIfTI-1 and -2: every text of the header cleaned or blanked, extensions taken out, voxels as they were."""

import math
import struct
from dataclasses import dataclass

from invivo.deidentification.other_files import field
from invivo.deidentification.other_files.outcome import Written, broken
from invivo.deidentification.other_files.wording import Wording
from invivo.deidentification.other_files.xml_file import clean_xml
from invivo.deidentification.report import Action, CannotDeidentify, Doubt

Range = tuple[int, int]
SHORTEST_HEAD_MM, LONGEST_HEAD_MM = 100.0, 600.0
_BITS = {
    **{2: 8, 4: 16, 8: 32, 16: 32, 32: 64, 64: 64, 128: 24, 256: 8, 512: 16, 768: 32},
    **{1024: 64, 1280: 64, 1536: 128, 1792: 128, 2048: 256, 2304: 32},
}
_MILLIMETRES = {1: 1000.0, 2: 1.0, 3: 0.001}
_COMMENT, _CIFTI = 6, 32
_MOST_EXTENSIONS = 1000
_TOOLS = frozenset(
    "fsl spm spm12 afni ants itk dcm2niix dcm2nii mricron nibabel nifti nifti1 nifti2 freesurfer mrtrix mrtrix3 phase"
    " time slicer elastix simpleitk minc philips siemens canon toshiba bruker analyze float short none".split()
)


@dataclass(frozen=True, slots=True)
class _Form:
    """Where the fields of a header stand: ``texts`` are cleaned, ``blanks`` zeroed."""

    size: int
    texts: tuple[tuple[str, Range], ...]
    blanks: tuple[tuple[str, Range], ...]


_FIRST = _Form(
    348,
    (("descrip", (148, 228)), ("intent_name", (328, 344))),
    (
        *(("data_type", (4, 14)), ("db_name", (14, 32)), ("extents", (32, 36)), ("session_error", (36, 38))),
        *(("glmax", (140, 144)), ("glmin", (144, 148)), ("aux_file", (228, 252))),
    ),
)
_SECOND = _Form(
    540,
    (("descrip", (240, 320)), ("intent_name", (508, 524))),
    (("aux_file", (320, 344)), ("unused_str", (525, 540))),
)


@dataclass(frozen=True, slots=True)
class _Geometry:
    """What the header says about its voxels; ``offset`` is None where they are in another file."""

    form: _Form
    order: str
    dims: tuple[int, ...]
    pixdim: tuple[float, ...]
    units: int
    voxel_bytes: int
    offset: int | None


def is_nifti(content: bytes) -> bool:
    """Tell whether bytes begin with a NIfTI header."""
    first = content[344:348] in {b"n+1\0", b"ni1\0"} and content[:4] in {b"\x5c\1\0\0", b"\0\0\1\x5c"}
    return first or (
        content[4:12] in {b"n+2\0\r\n\x1a\n", b"ni2\0\r\n\x1a\n"} and content[:4] in {b"\x1c\2\0\0", b"\0\0\2\x1c"}
    )


def clean_nifti(content: bytes, wording: Wording) -> Written:
    """Clean a NIfTI file, or the header of a pair.

    Raises
    ------
    CannotDeidentify
        Truncated, or with dimensions or a data type that do not fit.
    """
    geometry = _geometry_of(content)
    form, actions = geometry.form, [Action("extender", "Z", "nifti")]
    header = bytearray(content[: form.size])
    for name, span in form.texts:
        actions += _clean_field(header, name, span, wording)
    for name, (start, end) in form.blanks:
        if any(header[start:end]):
            actions.append(Action(name, "Z", "nifti"))
        header[start:end] = bytes(end - start)
    if form is _FIRST and header[38] not in b"r\0":
        header[38] = 0
    kept, more, doubts = _extensions(content, geometry, wording)
    front = bytes([1, 0, 0, 0]) if kept else bytes(4)
    extensions = b"".join(kept)
    if geometry.offset is None:
        output = bytes(header) + front + extensions
        return Written(output, "nifti", (*actions, *more), (*doubts, *_heads(geometry)))
    start = form.size + 4 + len(extensions)
    begin = -(-start // 16) * 16
    place, letter = (108, "f") if form is _FIRST else (168, "q")
    struct.pack_into(geometry.order + letter, header, place, begin)
    voxels = content[geometry.offset : geometry.offset + geometry.voxel_bytes]
    output = b"".join((bytes(header), front, extensions, bytes(begin - start), voxels))
    return Written(output, "nifti", (*actions, *more), (*doubts, *_heads(geometry)), ((begin, len(output)),))


def _geometry_of(content: bytes) -> _Geometry:
    form = _FIRST if content[:4] in {b"\x5c\1\0\0", b"\0\0\1\x5c"} else _SECOND
    order = "<" if content[0] else ">"
    if len(content) < form.size:
        raise broken("it ends inside its header")
    if form is _FIRST:
        dim = struct.unpack_from(order + "8h", content, 40)
        code, bits = struct.unpack_from(order + "2h", content, 70)
        pixdim = struct.unpack_from(order + "8f", content, 76)
        (offset,) = struct.unpack_from(order + "f", content, 108)
        units, is_single = content[123], content[344:348] == b"n+1\0"
    else:
        dim = struct.unpack_from(order + "8q", content, 16)
        code, bits = struct.unpack_from(order + "2h", content, 12)
        pixdim = struct.unpack_from(order + "8d", content, 104)
        (offset,) = struct.unpack_from(order + "q", content, 168)
        (units,) = struct.unpack_from(order + "i", content, 500)
        is_single = content[4:7] == b"n+2"
    if _BITS.get(code) != bits or not 1 <= dim[0] <= 7 or any(not 1 <= size < 1 << 40 for size in dim[1 : dim[0] + 1]):
        raise broken("its dimensions or its data type do not fit")
    dims = tuple(dim[1 : dim[0] + 1])
    voxel_bytes = math.prod(dims) * bits // 8
    where = None
    if is_single:
        if not (math.isfinite(offset) and form.size <= offset <= len(content) and offset == int(offset)):
            raise broken("its voxels begin where they cannot")
        where = int(offset)
        if where + voxel_bytes > len(content):
            raise broken("it ends inside its voxels")
    return _Geometry(form, order, dims, tuple(pixdim[1:4]), units & 7, voxel_bytes, where)


def _clean_field(header: bytearray, name: str, span: Range, wording: Wording) -> list[Action]:
    start, end = span
    raw = bytes(header[start:end])
    value = raw.split(b"\0", 1)[0]
    new = _cleaned_text(value, wording).encode("ascii", "ignore")[: end - start]
    header[start:end] = new.ljust(end - start, b"\0")
    return [Action(name, "C" if new else "Z", "nifti")] if bytes(header[start:end]) != raw else []


def _cleaned_text(value: bytes, wording: Wording) -> str:
    """What may stay of a short text: only common words, names of programs, numbers."""
    try:
        text = value.decode("ascii")
    except UnicodeDecodeError:
        return ""
    cleaned = wording.clean(text) if text.isprintable() else ""
    return "" if field.strange_words(cleaned, _TOOLS) or wording.cleaner.finds(cleaned) else cleaned


def _extensions(content: bytes, geometry: _Geometry, wording: Wording) -> tuple[list[bytes], list[Action], list[Doubt]]:
    """The extensions that stay, what was done to each, and what is doubtful."""
    kept: list[bytes] = []
    actions: list[Action] = []
    doubts: list[Doubt] = []
    place = geometry.form.size + 4
    end = len(content) if geometry.offset is None else geometry.offset
    if end < place or not content[geometry.form.size : geometry.form.size + 1].strip(b"\0"):
        return kept, actions, doubts
    while place + 8 <= end and len(actions) < _MOST_EXTENSIONS:
        size, code = struct.unpack_from(geometry.order + "2i", content, place)
        if size < 16 or place + size > end:
            break
        value = content[place + 8 : place + size].rstrip(b"\0")
        new = b""
        if code == _COMMENT:
            cleaned = _cleaned_text(value, wording)
            new = value if cleaned.encode() == value else b""
        elif code == _CIFTI:
            new, doubt = _cifti(value, wording)
            doubts.append(doubt)
        if new:
            whole = -(-(len(new) + 8) // 16) * 16
            kept.append(struct.pack(geometry.order + "2i", whole, code) + new.ljust(whole - 8, b"\0"))
        actions.append(Action(f"extension[{len(actions)}]", "C" if new else "X", f"nifti ecode {code}"))
        place += size
    return kept, actions, doubts


def _cifti(value: bytes, wording: Wording) -> tuple[bytes, Doubt]:
    try:
        output = clean_xml(value, wording).output
    except CannotDeidentify:
        return b"", Doubt(
            "nifti.no-axes", "extension", "The axes of a CIFTI file could not be cleaned and are gone.", "hold"
        )
    return output, Doubt("nifti.cifti", "extension", "The XML of a CIFTI file was cleaned; its names are free text.")


def _heads(geometry: _Geometry) -> tuple[Doubt, ...]:
    """A volume of the size of a head may show a face; whether it does is not looked at."""
    if len(geometry.dims) < 3 or min(geometry.dims[:3]) < 16:
        return ()
    scale = _MILLIMETRES.get(geometry.units, 1.0)
    extents = [abs(size * scale * step) for size, step in zip(geometry.dims, geometry.pixdim, strict=False)]
    if not all(SHORTEST_HEAD_MM <= extent <= LONGEST_HEAD_MM for extent in extents):
        return ()
    text = "The volume is as large as a head; whether it shows a face was not looked at."
    return (Doubt("nifti.maybe-head", "voxels", text, "warning"),)
