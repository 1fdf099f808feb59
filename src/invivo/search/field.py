"""What may be asked, and where the answer lives."""

from dataclasses import dataclass
from functools import cache

from invivo.errors import Invalid
from invivo.search.attribute import NotAskable, attribute_at, known_keywords
from invivo.search.nearness import Nearness


class UnknownField(Invalid):
    """The query names something that cannot be asked."""

    code = "search.unknown-field"


@dataclass(frozen=True, slots=True)
class Field:
    """A thing that may be asked.

    Attributes
    ----------
    name : str
        As it stands in an address: ``slice-thickness``.
    title : str
        For people.
    column : str
        SQL expression over the tables that `statement` joins.
    kind : {"text", "uid", "number", "date", "name", "list", "count", "day", "words", "referred", "mine", "site"}
        How values compare; a ``name`` ignores case, a ``list`` holds several texts of which one must be asked, a ``count``
        is the number of different values that the subject has over all its series, a ``day`` counts from the subject's
        first one. Of ``words`` the asked ones follow each other in one of the texts at `paths`. What is ``referred`` is
        asked of the series that refer to this one, see `meaning`; what is ``mine`` depends on who asks, and a
        ``site`` is told to curators and owners of the collection only.
    keyword : str
        DICOM keyword, empty if there is none.
    unit : str
    path : str
        Of an attribute that is asked of the headers as a whole; empty where there is a column.
    paths : tuple of str
        Of attributes that are asked together.
    choices : tuple of str
        All values that there are, where they are few and known.
    """

    name: str
    title: str
    column: str
    kind: str
    keyword: str = ""
    unit: str = ""
    path: str = ""
    paths: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()

    @property
    def is_many(self) -> bool:
        """Whether a series may have several values, of which some must meet what is asked."""
        return bool(self.path) or self.column.startswith("i.")


_YES_NO = ("yes", "no")
_CODES = ("CodeMeaning", "CodeValue")
_PROPERTY = "SegmentSequence.SegmentedPropertyTypeCodeSequence"
SEGMENT_PATHS = (
    *("SegmentSequence.SegmentLabel", "SegmentSequence.SegmentDescription"),
    *(f"SegmentSequence.SegmentedPropertyCategoryCodeSequence.{code}" for code in _CODES),
    *(f"{_PROPERTY}.{code}" for code in _CODES),
    *(f"{_PROPERTY}.SegmentedPropertyTypeModifierCodeSequence.{code}" for code in _CODES),
    *(f"SegmentSequence.AnatomicRegionSequence.{code}" for code in _CODES),
    *("StructureSetROISequence.ROIName", "StructureSetROISequence.ROIDescription"),
    *("RTROIObservationsSequence.ROIObservationLabel", "RTROIObservationsSequence.RTROIInterpretedType"),
    *(f"RTROIObservationsSequence.RTROIIdentificationCodeSequence.{code}" for code in _CODES),
)
ALGORITHM_PATHS = (
    *("SegmentSequence.SegmentAlgorithmType", "SegmentSequence.SegmentAlgorithmName"),
    *("SegmentSequence.SegmentationAlgorithmIdentificationSequence.AlgorithmName",),
    *("StructureSetROISequence.ROIGenerationAlgorithm", "StructureSetROISequence.ROIGenerationDescription"),
)
_LICENCE = "coalesce(s.licence, c.licence)"
_OTHERS = "c.is_derived or coalesce(d.is_result, false)"
_PHANTOM = (
    "coalesce(m.is_phantom, false) or position('phantom' in lower(coalesce(p.species, ''))) > 0"
    " or (cardinality(c.species) > 0 and c.species <@ array['Phantom', 'Phantoms', 'phantom'])"
)
_FIRST_ENTERED = (
    "case when s.revision = 1 then s.entered_at"
    " else (select min(e.entered_at) from images.series e where e.key = s.key) end"
)


def _either(condition: str) -> str:
    return f"case when {condition} then 'yes' else 'no' end"


FIELDS = (
    Field("collection", "Collection", "c.short_name", "name", "ClinicalTrialProtocolID"),
    Field("modality", "Modality", "s.modality", "text", "Modality"),
    Field("body-part", "Body part", "s.body_part", "name", "BodyPartExamined"),
    Field("subject", "Subject", "p.label", "text", "PatientID"),
    Field("sex", "Sex", "p.sex", "text", "PatientSex"),
    Field("species", "Species", "p.species", "name", "PatientSpeciesDescription"),
    Field("age", "Age", "images.years(t.patient_age)", "number", "", "y"),
    Field("manufacturer", "Manufacturer", "s.manufacturer", "name", "Manufacturer"),
    Field("model", "Model", "s.model", "name", "ManufacturerModelName"),
    Field("software", "Software", "s.software", "name", "SoftwareVersions"),
    Field("description", "Series description", "s.description", "name", "SeriesDescription"),
    Field("study-description", "Study description", "t.description", "name", "StudyDescription"),
    Field("protocol", "Protocol", "s.protocol", "name", "ProtocolName"),
    Field("contrast", "Contrast agent", "s.contrast", "name", "ContrastBolusAgent"),
    Field("laterality", "Laterality", "s.laterality", "text", "Laterality"),
    Field("study-date", "Study date", "t.study_date", "date", "StudyDate"),
    Field("series-date", "Series date", "s.series_date", "date", "SeriesDate"),
    Field("slice-thickness", "Slice thickness", "s.slice_thickness_mm", "number", "SliceThickness", "mm"),
    Field("pixel-spacing", "Pixel spacing", "s.pixel_spacing_mm", "number", "PixelSpacing", "mm"),
    Field("time-points", "Time points", "t.study_date", "count"),
    Field("kvp", "Tube voltage", "s.kvp", "number", "KVP", "kV"),
    Field("rows", "Rows", "s.rows", "number", "Rows"),
    Field("columns", "Columns", "s.columns", "number", "Columns"),
    Field("images", "Images", "s.instance_count", "number", "NumberOfSeriesRelatedInstances"),
    Field("size", "Size", "s.size_bytes", "number", "", "bytes"),
    Field("licence", "Licence", _LICENCE, "text"),
    Field(
        "commercial", "Commercial use allowed", f"search.commercial({_LICENCE})", "name", choices=(*_YES_NO, "unknown")
    ),
    Field("access", "Access", "c.access", "text"),
    Field("quality", "Quality", "s.quality", "text"),
    Field("third-party", "Derived by others", _either(_OTHERS), "name", choices=_YES_NO),
    Field("geometry", "Geometry", "m.geometry", "name", choices=("regular", "irregular", "unknown")),
    Field("slices", "Slices", "m.slices", "number"),
    Field("spacing", "Spacing of slices", "m.slice_spacing_mm", "number", "", "mm"),
    Field("volume", "Volume", "m.volume_ml", "number", "", "ml"),
    Field(
        "derived",
        "Derived image",
        "case when m.is_derived then 'yes' when not m.is_derived then 'no' end",
        "name",
        choices=_YES_NO,
    ),
    Field("phantom", "Phantom", _either(_PHANTOM), "name", choices=_YES_NO),
    Field("has-segmentation", "Has segmentations", "SEG", "referred", choices=_YES_NO),
    Field("has-structures", "Has structure sets", "RTSTRUCT", "referred", choices=_YES_NO),
    Field("has-report", "Has reports", "SR", "referred", choices=_YES_NO),
    Field("has-presentation", "Has presentation states", "PR", "referred", choices=_YES_NO),
    Field("has-annotation", "Has annotations", "ANN", "referred", choices=_YES_NO),
    Field("segment", "Segment in it", "", "words", paths=SEGMENT_PATHS),
    Field("algorithm", "Algorithm of its segments", "", "words", paths=ALGORITHM_PATHS),
    Field("segmented", "Segmented in it by others", "segment", "referred"),
    Field("day", "Days from the first study", "t.study_date", "day", "", "days"),
    Field("released", "Released", f"({_FIRST_ENTERED})::date", "date"),
    Field("changed", "Changed", "s.entered_at::date", "date"),
    Field(
        "files",
        "Files",
        "case when l.series_id is null then 'here' else 'elsewhere' end",
        "name",
        choices=("here", "elsewhere"),
    ),
    Field("downloaded", "Downloaded by me", "", "mine", choices=_YES_NO),
    Field("new", "New since my last download", "", "mine", choices=_YES_NO),
    Field("site", "Contributing site", "", "site"),
    Field("study", "Study UID", "t.uid", "uid", "StudyInstanceUID"),
    Field("series", "Series UID", "s.uid", "uid", "SeriesInstanceUID"),
    Field("study-id", "Study ID", "t.study_id", "text", "StudyID"),
    Field("accession", "Accession number", "t.accession_number", "text", "AccessionNumber"),
    Field("series-number", "Series number", "s.number", "number", "SeriesNumber"),
    Field("study-time", "Study time", "t.study_time", "text", "StudyTime"),
    Field("patient-position", "Patient position", "s.patient_position", "text", "PatientPosition"),
    Field("frame-of-reference", "Frame of reference", "s.frame_of_reference_uid", "uid", "FrameOfReferenceUID"),
    Field("referring-physician", "Referring physician", "t.referring_physician", "name", "ReferringPhysicianName"),
)
# Asked by DICOM keyword only. Columns of i are those of an instance; at the levels above some instance must meet them.
_ATTRIBUTES = (
    Field("PatientName", "Patient's name", "coalesce(p.name, p.label)", "name", "PatientName"),
    Field("PatientAge", "Age", "t.patient_age", "text", "PatientAge"),
    Field("PatientBirthDate", "Date of birth", "p.birth_date", "date", "PatientBirthDate"),
    Field("SeriesTime", "Series time", "s.series_time", "text", "SeriesTime"),
    Field(
        "SpacingBetweenSlices",
        "Spacing between slices",
        "s.spacing_between_slices_mm",
        "number",
        "SpacingBetweenSlices",
        "mm",
    ),
    Field("SOPClassesInStudy", "SOP classes", "s.sop_classes", "list", "SOPClassesInStudy"),
)
_OF_INSTANCES = (
    Field("instance", "Instance UID", "i.uid", "uid", "SOPInstanceUID"),
    Field("class", "SOP class UID", "i.sop_class_uid", "uid", "SOPClassUID"),
    Field("instance-number", "Instance number", "i.number", "number", "InstanceNumber"),
    Field("instance-rows", "Rows", "i.rows", "number", "Rows"),
    Field("instance-columns", "Columns", "i.columns", "number", "Columns"),
    Field("bits", "Bits allocated", "i.bits_allocated", "number", "BitsAllocated"),
    Field("frames", "Frames", "i.frames", "number", "NumberOfFrames"),
    Field("syntax", "Transfer syntax UID", "i.transfer_syntax_uid", "uid", "AvailableTransferSyntaxUID"),
)
# What full text looks into, beside what comes from the headers as a whole.
TEXTS = (
    *(field for field in FIELDS if field.name in (
        *("modality", "description", "study-description", "body-part", "protocol", "manufacturer", "model", "contrast"),
        *("software", "collection", "subject"),
    )),
    Field("collection-title", "Title of the collection", "c.title", "text"),
    Field("patient-name", "Patient's name", "p.name", "text"),
)  # fmt: skip
FACETS = ("collection", "modality", "body-part", "manufacturer", "sex", "access", "licence", "third-party", "quality")
_BY_NAME = {field.name: field for field in FIELDS}
_BY_KEYWORD = {field.keyword: field for field in (*FIELDS, *_ATTRIBUTES) if field.keyword}
_BY_KEYWORD["ModalitiesInStudy"] = _BY_NAME["modality"]
# Protocols compare an Age String to the letter, people as years.
_BY_WORD = {**_BY_KEYWORD, "PatientAge": _BY_NAME["age"]}
_BY_INSTANCE_KEYWORD = {field.keyword: field for field in _OF_INSTANCES}


def field_named(name: str) -> Field:
    """Return a field by its name, or by a DICOM keyword, tag or path: first a column, then any attribute.

    ``Slice_Thickness`` is ``slice-thickness`` too.

    Raises
    ------
    UnknownField
        With the nearest names in the message, and as ``near`` in its facts if nothing of this name is known.
    """
    kept = _BY_NAME.get(name) or _BY_WORD.get(name) or _BY_NAME.get(name.lower().replace("_", "-"))
    return kept or attribute_named(name)


def attribute_named(name: str) -> Field:
    """Return the field of any DICOM attribute: its column where there is one, else its path in the headers.

    Parameters
    ----------
    name : str
        As `attribute_at` takes it.

    Raises
    ------
    UnknownField
    """
    try:
        found = attribute_at(name)
    except NotAskable as fault:
        if fault.is_certain:
            raise UnknownField(fault.message, field=name[:60]) from None
        near = _nearness().of(name)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise UnknownField(f"There is no field {name[:60]!r} to search.{hint}", field=name[:60], near=near) from None
    kept = _BY_WORD.get(found.keyword) if found.keyword else None
    return kept or Field(found.path, found.title, "", found.kind, found.keyword, found.unit, found.path)


@cache
def _nearness() -> Nearness:
    return Nearness([*_BY_NAME, *known_keywords()], len(_BY_NAME))


def column_of(keyword: str) -> Field | None:
    """Return the column that an attribute of subject, study or series has, compared to the letter; None if it has none."""
    return _BY_KEYWORD.get(keyword)


def field_of_attribute(keyword: str, level: str) -> Field | None:
    """Return the field that an attribute is asked by at a level of DICOM; None where the archive has no column of it.

    Parameters
    ----------
    level : {"study", "series", "instance"}
    """
    if level == "instance":
        return _BY_INSTANCE_KEYWORD.get(keyword) or _BY_KEYWORD.get(keyword)
    if keyword == "SOPClassUID":
        return _BY_KEYWORD["SOPClassesInStudy"]
    return _BY_KEYWORD.get(keyword) or _BY_INSTANCE_KEYWORD.get(keyword)
