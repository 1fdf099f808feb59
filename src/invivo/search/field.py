"""What may be asked, and where the answer lives."""

from dataclasses import dataclass
from difflib import get_close_matches

from invivo.errors import Invalid


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
    kind : {"text", "uid", "number", "date", "name", "list"}
        How values compare; a ``name`` ignores case, a ``list`` holds several texts of which one must be asked.
    keyword : str
        DICOM keyword, empty if there is none.
    unit : str
    """

    name: str
    title: str
    column: str
    kind: str
    keyword: str = ""
    unit: str = ""


FIELDS = (
    Field("collection", "Collection", "c.short_name", "name", "ClinicalTrialProtocolID"),
    Field("modality", "Modality", "s.modality", "text", "Modality"),
    Field("body-part", "Body part", "s.body_part", "name", "BodyPartExamined"),
    Field("subject", "Subject", "p.label", "text", "PatientID"),
    Field("sex", "Sex", "p.sex", "text", "PatientSex"),
    Field("species", "Species", "p.species", "name", "PatientSpeciesDescription"),
    Field("age", "Age", "t.patient_age", "text", "PatientAge"),
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
    Field("kvp", "Tube voltage", "s.kvp", "number", "KVP", "kV"),
    Field("rows", "Rows", "s.rows", "number", "Rows"),
    Field("columns", "Columns", "s.columns", "number", "Columns"),
    Field("images", "Images", "s.instance_count", "number", "NumberOfSeriesRelatedInstances"),
    Field("size", "Size", "s.size_bytes", "number", "", "bytes"),
    Field("licence", "Licence", "coalesce(s.licence, c.licence)", "text"),
    Field("access", "Access", "c.access", "text"),
    Field("quality", "Quality", "s.quality", "text"),
    Field("third-party", "Derived by others", "case when c.is_derived then 'yes' else 'no' end", "text"),
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
    Field("patient-name", "Patient's name", "coalesce(p.name, p.label)", "name", "PatientName"),
    Field("birth-date", "Date of birth", "p.birth_date", "date", "PatientBirthDate"),
    Field("series-time", "Series time", "s.series_time", "text", "SeriesTime"),
    Field("spacing", "Spacing between slices", "s.spacing_between_slices_mm", "number", "SpacingBetweenSlices", "mm"),
    Field("classes", "SOP classes", "s.sop_classes", "list", "SOPClassesInStudy"),
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
FACETS = ("collection", "modality", "body-part", "manufacturer", "sex", "access", "licence", "third-party", "quality")
_BY_NAME = {field.name: field for field in FIELDS}
_BY_KEYWORD = {field.keyword: field for field in (*FIELDS, *_ATTRIBUTES) if field.keyword}
_BY_KEYWORD["ModalitiesInStudy"] = _BY_NAME["modality"]
_BY_INSTANCE_KEYWORD = {field.keyword: field for field in _OF_INSTANCES}


def field_named(name: str) -> Field:
    """Return a field by its name or DICOM keyword.

    Raises
    ------
    UnknownField
        With the nearest names in the message.
    """
    found = _BY_NAME.get(name) or _BY_KEYWORD.get(name)
    if found is None:
        near = get_close_matches(name, [*_BY_NAME, *_BY_KEYWORD], n=3)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise UnknownField(f"There is no field {name[:60]!r} to search.{hint}", field=name[:60])
    return found


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
