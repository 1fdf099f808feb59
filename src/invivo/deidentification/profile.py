"""Profiles of de-identification: data that says, with PS3.15 Annex E, what becomes of every attribute."""

import hashlib
from dataclasses import dataclass, field, replace
from functools import cache
from typing import NamedTuple

from invivo.deidentification import action, table
from invivo.errors import Invalid, NotFound

# Option: its code in CID 7050 (scheme DCM) and its meaning there.
OPTIONS: dict[str, tuple[str, str]] = {
    "clean_pixel_data": ("113101", "Clean Pixel Data Option"),
    "clean_visual_features": ("113102", "Clean Recognizable Visual Features Option"),
    "clean_graphics": ("113103", "Clean Graphics Option"),
    "clean_structured_content": ("113104", "Clean Structured Content Option"),
    "clean_descriptors": ("113105", "Clean Descriptors Option"),
    "retain_full_dates": ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    "retain_modified_dates": ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "retain_patient_characteristics": ("113108", "Retain Patient Characteristics Option"),
    "retain_device_identity": ("113109", "Retain Device Identity Option"),
    "retain_uids": ("113110", "Retain UIDs Option"),
    "retain_safe_private": ("113111", "Retain Safe Private Option"),
    "retain_institution": ("113112", "Retain Institution Identity Option"),
}
BASIC = ("113100", "Basic Application Confidentiality Profile")
DATE_VRS = frozenset({"DA", "DT", "TM"})
BINARY_VRS = frozenset({"OB", "OW", "OF", "OD", "OL", "OV", "OB or OW", "UN"})

# Binary elements without a row that are numbers by definition. Any other OB, OW, ... has no decision and goes.
_KNOWN_BINARY = frozenset(
    {
        *("PixelData", "FloatPixelData", "DoubleFloatPixelData", "WaveformData", "ChannelMinimumValue"),
        *(
            "ChannelMaximumValue",
            "WaveformPaddingValue",
            "ICCProfile",
            "CoordinateSystemAxisValues",
            "SpectroscopyData",
        ),
        *("RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData", "BluePaletteColorLookupTableData"),
        *("AlphaPaletteColorLookupTableData", "SegmentedRedPaletteColorLookupTableData", "BlendingLookupTableData"),
        *("SegmentedGreenPaletteColorLookupTableData", "SegmentedBluePaletteColorLookupTableData", "VectorGridData"),
        *("SegmentedAlphaPaletteColorLookupTableData", "TrianglePointIndexList", "EdgePointIndexList"),
        *("VertexPointIndexList", "PrimitivePointIndexList", "PointCoordinatesData"),
        *("LongTrianglePointIndexList", "LongEdgePointIndexList", "VectorCoordinateData"),
        *("LongVertexPointIndexList", "LongPrimitivePointIndexList", "TrackPointIndexList"),
        *("DoublePointCoordinatesData", "RecommendedDisplayCIELabValueList", "ExtendedOffsetTable"),
        *("ExtendedOffsetTableLengths", "FillPattern", "BadPixelImage", "DarkCurrentCounts", "AirCounts", "LUTData"),
        *("FirstOrderPhaseCorrectionAngle", "AnnotationIndexList", "FloatingPointValues", "FilterLookupTableData"),
        *("VerticesOfThePolygonalOutline", "TwoDimensionalToThreeDimensionalMapData", "BlockEdgeData"),
        *("VolumetricCurvePoints", "VolumetricCurveUpDirections", "UValueData", "VValueData", "ThreatROIBitmap"),
        *("CompensatorProximalThicknessMap", "CompensatorDistalThicknessMap"),
    }
)
_CLASS_UIDS = frozenset(
    {
        *("SOPClassUID", "ReferencedSOPClassUID", "RelatedGeneralSOPClassUID", "OriginalSpecializedSOPClassUID"),
        *("SOPClassesInStudy", "SOPClassesSupported", "PertinentSOPClassesInStudy", "PertinentSOPClassesInSeries"),
        *("AvailableTransferSyntaxUID", "MACCalculationTransferSyntaxUID", "EncryptedContentTransferSyntaxUID"),
        "StoredInstanceTransferSyntaxUID",
    }
)
_TECHNICAL_TEXT = frozenset(
    {
        *(
            "Manufacturer",
            "ManufacturerModelName",
            "SoftwareVersions",
            "CodeValue",
            "CodeMeaning",
            "CodingSchemeVersion",
        ),
        *("CodingSchemeDesignator", "ConvolutionKernel", "FilterType", "SequenceName", "PulseSequenceName"),
        *("ImagedNucleus", "ReceiveCoilName", "TransmitCoilName", "ContrastBolusRoute", "ImageGeometryType"),
        *("WindowCenterWidthExplanation", "LUTExplanation", "ModalityLUTType", "RescaleType", "ViewName", "StageName"),
        *("PositionReferenceIndicator", "DeidentificationMethod", "Radiopharmaceutical", "RadiopharmaceuticalRoute"),
        *("ReconstructionMethod", "AttenuationCorrectionMethod", "ScatterCorrectionMethod", "SegmentLabel"),
        *("TrackingID",),
        *("DigitalImageFormatAcquired", "AlgorithmName", "AlgorithmVersion", "GraphicLayerDescription", "BeamName"),
    }
)
# Names and numbers of things and people that the table forgot; the object's own definition does not excuse them.
_IDENTIFYING_TEXT = frozenset(
    {
        *("DeviceID", "GridID", "NTPSourceAddress", "PrinterName", "OwnerID", "ContactDisplayName", "ImageID"),
        *("HangingProtocolCreator", "HangingProtocolUserGroupName", "PlacerOrderNumberProcedure", "ItineraryID"),
        *("FillerOrderNumberProcedure", "PlacerOrderNumberImagingServiceRequestRetired", "AssignedLocation"),
        *("FillerOrderNumberImagingServiceRequestRetired", "PatientBirthDateInAlternativeCalendar", "CarrierID"),
        *("PatientDeathDateInAlternativeCalendar", "BreedRegistrationNumber", "SubstanceAdministrationDeviceID"),
        *("ComponentWelderIDs", "BoardingPassID", "RouteOfAdmissions", "ResourceDescription", "StorageMediaFileSetID"),
    }
)
# Value elements of an SR content item are type 1C: a content item without its value is no content item.
_VALUE_OF_ITEM = frozenset({"TextValue"})
_SUBJECT = frozenset({"PatientID", "PatientName"})


class UnknownProfile(NotFound):
    """There is no profile of this name."""

    code = "deidentification.unknown-profile"


class ContradictoryProfile(Invalid):
    """Options or rules of a profile that cannot be: unknown, or excluding one another."""

    code = "deidentification.contradictory-profile"


class Effective(NamedTuple):
    """What becomes of an attribute (D dummy, Z empty, X remove, K keep, C clean or shift, U new UID), and why."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a collection's own, above the table.

    ``pattern`` is a keyword, a tag ``(0008,1030)``, or a path of them with slashes; a path matches at its end,
    one with a leading slash from the top. ``value`` is what D writes.
    """

    pattern: str
    code: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A named, versioned set of options of PS3.15 Annex E, with own rules on top.

    With ``verifies_only`` nothing is changed: what Basic would remove and still has a value becomes a doubt. With
    ``hides_all_text`` clinical text that is burned into pixels goes as well as what identifies.
    """

    name: str
    version: str
    title: str
    options: frozenset[str] = frozenset()
    rules: tuple[Rule, ...] = ()
    verifies_only: bool = False
    hides_all_text: bool = False
    _hash: int = field(init=False, repr=False, compare=False)
    _last_names: dict[int, tuple[tuple[tuple[int, ...], bool, Rule], ...]] = field(
        init=False, repr=False, compare=False, hash=False
    )

    def __post_init__(self) -> None:
        if self.options - OPTIONS.keys():
            raise ContradictoryProfile("A profile names an option that Annex E does not have.")
        if {"retain_full_dates", "retain_modified_dates"} <= self.options:
            raise ContradictoryProfile("A profile keeps dates either full or modified, not both.")
        if any(rule.code not in action.CODES for rule in self.rules):
            raise ContradictoryProfile("A rule of a profile has a code other than D, Z, X, K, C or U.")
        object.__setattr__(self, "_last_names", _indexed(self.rules))
        object.__setattr__(self, "_hash", hash(self.digest))

    def __hash__(self) -> int:
        """Computed once: profiles are keys of what the engine remembers."""
        return self._hash

    @property
    def digest(self) -> str:
        """Sixteen digits that change with anything a profile says."""
        said = (self.name, self.version, sorted(self.options), [(r.pattern, r.code, r.value) for r in self.rules])
        return hashlib.sha256(repr((*said, self.verifies_only, self.hides_all_text)).encode()).hexdigest()[:16]

    def with_options(self, options: frozenset[str]) -> "Profile":
        """The same profile with more options.

        Raises
        ------
        ContradictoryProfile
        """
        return replace(self, options=self.options | options)

    def rule_for(self, path: tuple[int, ...]) -> Rule | None:
        """The profile's own rule for an attribute at a path of tags; of several the last."""
        found = None
        for wanted, from_top, rule in self._last_names.get(path[-1], ()):
            if path == wanted or (not from_top and path[-len(wanted) :] == wanted):
                found = rule
        return found


def _indexed(rules: tuple[Rule, ...]) -> dict[int, tuple[tuple[tuple[int, ...], bool, Rule], ...]]:
    found: dict[int, list[tuple[tuple[int, ...], bool, Rule]]] = {}
    for rule in rules:
        tags = tuple(table.tag_number(part) for part in rule.pattern.strip("/").split("/"))
        found.setdefault(tags[-1], []).append((tags, rule.pattern.startswith("/"), rule))
    return {tag: tuple(entries) for tag, entries in found.items()}


@cache
def _named() -> dict[str, Profile]:
    recursed = tuple(Rule(row.tag, "C") for row in table.rows().values() if row.vr == "SQ" and row.tcia == "recurse")
    tcia = frozenset(
        {
            *("clean_pixel_data", "clean_descriptors", "retain_modified_dates", "retain_patient_characteristics"),
            *("retain_device_identity", "retain_safe_private"),
        }
    )
    return {
        "basic": Profile("basic", "1", "Basic Application Level Confidentiality Profile"),
        "tcia": Profile("tcia", "1", "Research use: text cleaned, dates shifted, characteristics kept", tcia, recursed),
        "verify": Profile("verify", "1", "De-identified at source, verify only", verifies_only=True),
    }


def profile_named(name: str) -> Profile:
    """Give a built-in profile: ``basic``, ``tcia`` or ``verify``.

    Raises
    ------
    UnknownProfile
    """
    try:
        return _named()[name]
    except KeyError:
        raise UnknownProfile("There is no profile of that name; there are basic, tcia and verify.") from None


def profiles() -> list[Profile]:
    """Every built-in profile."""
    return list(_named().values())


def effective_action(
    profile: Profile,
    attribute: int | str,
    vr: str | None = None,
    in_iod_type: str | None = None,
    *,
    path: tuple[int, ...] = (),
) -> Effective:
    """Tell what a profile makes of an attribute, and why.

    Parameters
    ----------
    profile : Profile
    attribute : int or str
        Tag, keyword or ``(gggg,eeee)``.
    vr : str, optional
        VR as it stands in the object; the dictionary's otherwise.
    in_iod_type : {'1', '1C', '2', '2C', '3', None}
        Type in the object's definition, None where it does not belong there.
    path : tuple of int
        Tags of the sequences around it, outermost first.

    Returns
    -------
    Effective
        Never a compound code. A sequence with K or C is kept and entered, with D entered with every text made dummy.

    References
    ----------
    DICOM PS3.15 Annex E, Table E.1-1.
    """
    tag = table.tag_number(attribute)
    standard = table.standard_vr(tag)
    vr = standard if vr in {None, "UN"} and standard else vr or "UN"
    rule = profile.rule_for((*path, tag))
    if rule is not None:
        return Effective(rule.code, f"rule of profile {profile.name}")
    if profile.verifies_only:
        return Effective("K", "verify only")
    row = table.row_of(tag)
    if row is not None:
        return _by_row(profile, row, vr, in_iod_type)
    return _by_vr(profile, tag, vr, in_iod_type) if standard else Effective("X", "not in the dictionary")


def _by_row(profile: Profile, row: table.Row, vr: str, in_iod_type: str | None) -> Effective:
    if row.keyword in _SUBJECT:
        return Effective("D", f"E.1-1 {row.basic}, subject label")
    granted = [(code, option) for option, code in row.options if option in profile.options]
    dated = [grant for grant in granted if grant[1] in {"retain_full_dates", "retain_modified_dates"}]
    cleaned = [grant for grant in granted if grant[0] == "C"]
    for code, option in dated or cleaned or granted:
        if code == "K" or _can_clean(vr, row.tag):
            return Effective(code, f"E.1-1 {code} by option {OPTIONS[option][0]}")
    if "x" in row.tag:
        in_iod_type = None  # an overlay goes with all its elements, so that none of them is required any more
    return Effective(action.choose(row.basic, in_iod_type), f"E.1-1 {row.basic}, type {in_iod_type or 'none'}")


def _can_clean(vr: str, tag: str) -> bool:
    """Text, dates and sequences can be cleaned; of binary values only overlays and curves stay, for a person to see."""
    return vr in action.TEXT_VRS | DATE_VRS | {"SQ", "CS", "UR"} or "x" in tag or tag == table.PRIVATE


def _by_vr(  # noqa: PLR0911 - a table of VRs
    profile: Profile, tag: int, vr: str, in_iod_type: str | None
) -> Effective:
    """The allow-list: what happens to a standard attribute of which the table does not speak."""
    name = table.name_of(tag)
    if vr == "PN":
        return Effective("D" if in_iod_type in {"1", "1C"} else "Z", "VR PN")
    if vr in DATE_VRS:
        return _date_by_vr(profile, vr, in_iod_type)
    if vr == "UI":
        keeps = name in _CLASS_UIDS or "retain_uids" in profile.options
        return Effective("K" if keeps else "U", "VR UI, a class" if name in _CLASS_UIDS else "VR UI")
    if vr in {"ST", "LT", "UT", "UC"}:
        if name in _TECHNICAL_TEXT:
            return Effective("C", f"VR {vr}, technical text")
        if "clean_descriptors" in profile.options:
            return Effective("C", f"VR {vr}, option {OPTIONS['clean_descriptors'][0]}")
        return Effective("D" if name in _VALUE_OF_ITEM else action.choose("X/Z/D", in_iod_type), f"VR {vr}")
    if vr in {"LO", "SH", "AE"}:
        belongs = name in _TECHNICAL_TEXT or (in_iod_type is not None and vr != "AE")
        if belongs and name not in _IDENTIFYING_TEXT:
            return Effective("C", f"VR {vr}, technical text")
        return Effective(action.choose("X/Z/D", in_iod_type), f"VR {vr}")
    if vr == "UR" or (vr in BINARY_VRS and name not in _KNOWN_BINARY):
        return Effective(action.choose("X/D", in_iod_type), f"VR {vr}")
    return Effective("K", f"VR {vr}")


def _date_by_vr(profile: Profile, vr: str, in_iod_type: str | None) -> Effective:
    if "retain_full_dates" in profile.options:
        return Effective("K", f"VR {vr}, option {OPTIONS['retain_full_dates'][0]}")
    if "retain_modified_dates" in profile.options:
        return Effective("C", f"VR {vr}, option {OPTIONS['retain_modified_dates'][0]}")
    return Effective(action.choose("X/Z/D", in_iod_type), f"VR {vr}")
