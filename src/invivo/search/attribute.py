"""Any attribute of DICOM as something that may be asked: public or private, nested in sequences.

A path is written in one way: keywords joined by dots; a public tag that no dictionary knows as eight hexadecimal digits;
a private one as its creator, ``|`` and its tag with ``xx`` for the block, ``GEMS_ACQU_01|0019xx04``.

References
----------
DICOM PS3.5 6.2 (value representations), 7.8.1 (private blocks); PS3.6.
"""

import re
from dataclasses import dataclass

from pydicom import datadict

from invivo import dicom
from invivo.errors import Invalid

LONGEST_NAME = 400
DEEPEST = 12
_HEX = "[0-9A-Fa-f]"
_PRIVATE_TAG = rf"{_HEX}{{4}},?(?:[Xx]{{2}}|{_HEX}{{2}}){_HEX}{{2}}"
_IN_BRACKETS = rf"\({_HEX}{{4}},\s?{_HEX}{{4}}\)"
# One step of a path as people write it; the query language finds names with it.
STEP = rf'(?:"[^"\\|]{{1,64}}"\.?(?:\({_PRIVATE_TAG}\)|{_PRIVATE_TAG})|{_IN_BRACKETS}|[^\W_][\w-]*+)'
_END = r"(?=\.|$)"
_QUOTED = re.compile(rf'"([^"\\|]{{1,64}})"\.?\(?({_PRIVATE_TAG})\)?{_END}')
_TAG = re.compile(rf"\(?({_HEX}{{4}}),?\s?({_HEX}{{4}})\)?{_END}")
_WORD = re.compile(rf"([A-Za-z][A-Za-z0-9]*+){_END}")
_CANONICAL = re.compile(rf'([^"\\|]{{1,64}})\|({_PRIVATE_TAG}){_END}')
_KINDS = {
    **dict.fromkeys("DS IS FD FL US UL SS SL UV SV AS".split(), "number"),
    **dict.fromkeys("DA DT".split(), "date"),
    **dict.fromkeys("PN LO SH LT ST UT UC CS".split(), "name"),
    **dict.fromkeys("TM AE AT UR".split(), "text"),
    "UI": "uid",
    "SQ": "sequence",
}
_UNITS = {
    **dict.fromkeys(
        (
            *("SliceThickness", "SpacingBetweenSlices", "PixelSpacing", "ImagerPixelSpacing", "SliceLocation"),
            *("NominalScannedPixelSpacing", "DetectorElementSpacing", "ReconstructionDiameter", "FocalSpots"),
            *("DataCollectionDiameter", "DistanceSourceToDetector", "DistanceSourceToPatient", "TableHeight"),
            *("SingleCollimationWidth", "TotalCollimationWidth", "TableFeedPerRotation", "BodyPartThickness"),
            *("ImagePositionPatient", "PixelSpacingInSequence", "ImagedVolumeWidth", "ImagedVolumeHeight"),
        ),
        "mm",
    ),
    **dict.fromkeys(
        (
            *("EchoTime", "RepetitionTime", "InversionTime", "TriggerTime", "FrameTime", "ExposureTime", "FrameDelay"),
            *("ActualFrameDuration", "FrameReferenceTime", "ExposureTimeInms", "EffectiveEchoTime"),
            "TriggerDelayTime",
        ),
        "ms",
    ),
    **dict.fromkeys(("EffectiveDuration", "RadionuclideHalfLife", "AcquisitionDuration"), "s"),
    **dict.fromkeys(("XRayTubeCurrent", "XRayTubeCurrentInmA"), "mA"),
    **dict.fromkeys(("Exposure", "ExposureInmAs"), "mAs"),
    **dict.fromkeys(("CTDIvol", "EntranceDoseInmGy"), "mGy"),
    **dict.fromkeys(("FlipAngle", "GantryDetectorTilt", "PositionerPrimaryAngle", "PositionerSecondaryAngle"), "deg"),
    **dict.fromkeys(("ContrastBolusVolume", "RadiopharmaceuticalVolume"), "ml"),
    **{"KVP": "kV", "PatientWeight": "kg", "PatientSize": "m", "PatientAge": "y", "MagneticFieldStrength": "T"},
    **{"ImagingFrequency": "MHz", "PixelBandwidth": "Hz", "RadionuclideTotalDose": "Bq", "DiffusionBValue": "s/mm2"},
}


class NotAskable(Invalid):
    """There is no such attribute, or it holds nothing that can be searched."""

    code = "search.unknown-field"

    def __init__(self, message: str, *, is_certain: bool = True) -> None:
        super().__init__(message)
        # The name is understood, so that no other need be proposed.
        self.is_certain = is_certain


@dataclass(frozen=True, slots=True)
class AskedAttribute:
    """An attribute that may be asked.

    Attributes
    ----------
    path : str
        As the head of this file tells.
    kind : {"number", "date", "name", "text", "uid", "sequence"}
        How values compare. Of a ``sequence`` one asks only whether it has items.
    keyword : str
        Empty for a nested or private attribute.
    is_known : bool
        A dictionary has it. Of another one the values are compared as text.
    """

    path: str
    title: str
    kind: str
    unit: str
    keyword: str
    is_known: bool


def attribute_at(name: str) -> AskedAttribute:
    """Find an attribute by keyword in any case, tag, or path of these.

    Parameters
    ----------
    name : str
        ``EchoTime``, ``(0018,0081)``, ``00180081``, ``AnatomicRegionSequence.CodeMeaning``, ``"GEMS_ACQU_01".0019xx04``
        or ``GEMS_ACQU_01|0019xx04``.

    Raises
    ------
    NotAskable

    Examples
    --------
    >>> attribute_at("anatomicregionsequence.(0008,0104)").path, attribute_at("00180081").unit
    ('AnatomicRegionSequence.CodeMeaning', 'ms')
    """
    if len(name) > LONGEST_NAME:
        raise NotAskable("The name of an attribute is too long.")
    steps: list[tuple[str, str, str]] = []
    place, is_known = 0, True
    while place < len(name) and len(steps) < DEEPEST:
        if steps and steps[-1][1] not in ("SQ", ""):
            raise NotAskable(f"{steps[-1][0]} is not a sequence: nothing is inside it.")
        segment, vr, title, end = _step(name, place)
        is_known = is_known and bool(vr)
        steps.append((segment, vr, title))
        place = end + 1  # beyond the dot
    if place <= len(name):
        raise NotAskable(f"A path of attributes has 1 to {DEEPEST} steps, joined by dots.")
    segment, vr, _ = steps[-1]
    kind = _kind(segment, vr)
    unit = "y" if vr == "AS" else _UNITS.get(segment, "") if kind == "number" else ""
    keyword = segment if len(steps) == 1 and segment.isalnum() and not segment[0].isdigit() else ""
    path = ".".join(step for step, _, _ in steps)
    return AskedAttribute(path, ", ".join(title for _, _, title in steps), kind, unit, keyword, is_known)


def segment_of(tag: int, creator: str = "") -> str:
    """Return how a tag is written in a path: what indexes and questions must agree on.

    Examples
    --------
    >>> segment_of(0x00180081), segment_of(0x00191004, "GEMS_ACQU_01"), segment_of(0x00180002)
    ('EchoTime', 'GEMS_ACQU_01|0019xx04', '00180002')
    """
    if creator:
        return f"{creator}|{tag >> 16:04X}xx{tag & 0xFF:02X}"
    try:
        keyword = dicom.attribute(f"{tag:08X}").keyword
        # A repeating group has one keyword for many tags.
        return keyword if keyword and dicom.attribute(keyword).tag == tag else f"{tag:08X}"
    except dicom.UnknownAttribute:
        return f"{tag:08X}"


def known_keywords() -> tuple[str, ...]:
    """Return the keywords of all attributes that can be searched; of the retired ones too, for old objects have them."""
    return tuple(
        keyword
        for keyword, tag in datadict.keyword_dict.items()
        if keyword and all(vr in _KINDS for vr in datadict.dictionary_VR(tag).split(" or "))
    )


def spelled(path: str) -> str:
    """Write a path as the query language reads it: the creator of a private attribute in quotes."""
    steps: list[str] = []
    place = 0
    while place < len(path):
        segment, _, _, end = _step(path, place)
        creator, bar, tag = segment.partition("|")
        steps.append(f'"{creator}".{tag}' if bar else segment)
        place = end + 1
    return ".".join(steps)


def _step(name: str, place: int) -> tuple[str, str, str, int]:
    """Read one step: how it is written, its value representation ('' if unknown), its title and where it ends."""
    if found := _QUOTED.match(name, place):
        return *_private(found.group(1), found.group(2)), found.end()
    if found := _TAG.match(name, place):
        return *_public(int(found.group(1) + found.group(2), 16)), found.end()
    if found := _WORD.match(name, place):
        try:
            known = dicom.attribute(found.group(1))
            return known.keyword, known.vr, known.name, found.end()
        except dicom.UnknownAttribute:
            pass  # because the creator of a private attribute may begin with a word and a dot
    if found := _CANONICAL.match(name, place):
        return *_private(found.group(1), found.group(2)), found.end()
    raise NotAskable("There is no such attribute.", is_certain=False)


def _public(tag: int) -> tuple[str, str, str]:
    if (tag >> 16) % 2:
        raise NotAskable('A private tag is asked with its creator, such as "GEMS_ACQU_01".0019xx04.')
    segment = segment_of(tag)
    try:
        known = dicom.attribute(f"{tag:08X}")
    except dicom.UnknownAttribute:
        return segment, "", f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
    return segment, known.vr, known.name


def _private(creator: str, written: str) -> tuple[str, str, str]:
    digits = written.replace(",", "")
    group, element = int(digits[:4], 16), int(digits[6:], 16)
    if group % 2 == 0:
        raise NotAskable("The group of a private tag is odd; a public tag is asked without a creator.")
    tag = group << 16 | 0x1000 | element
    segment = segment_of(tag, creator.strip())
    try:
        known = dicom.private_attribute(creator.strip(), tag)
    except dicom.UnknownAttribute:
        return segment, "", segment
    # UN in a dictionary only says that its writers did not know.
    return segment, "" if known.vr == "UN" else known.vr, known.name if known.name != "Unknown" else segment


def _kind(segment: str, vr: str) -> str:
    if not vr:
        return "name"
    kinds = {_KINDS.get(one) for one in vr.split(" or ")}
    kind = kinds.pop()
    if kinds or kind is None:
        raise NotAskable(f"{segment[:80]} holds bytes, not text or numbers; it cannot be searched.")
    return kind
