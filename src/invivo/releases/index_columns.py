"""The tables of the published index and what their columns mean: one row here is a column there and a line of its dictionary."""

import re
from dataclasses import dataclass

import pyarrow

TYPES: dict[str, pyarrow.DataType] = {
    "text": pyarrow.string(),
    "integer": pyarrow.int64(),
    "number": pyarrow.float64(),
    "date": pyarrow.date32(),
    "time": pyarrow.timestamp("us", "UTC"),
    "truth": pyarrow.bool_(),
    "list": pyarrow.list_(pyarrow.string()),
}


@dataclass(frozen=True, slots=True)
class IndexColumn:
    """A column.

    Attributes
    ----------
    type : str
        One of `TYPES`.
    sql : str
        Where it comes from, our own text; empty where it is read from headers or files.
    source : str
        For people: the DICOM attribute, or what of the archive.
    """

    table: str
    name: str
    type: str
    unit: str
    meaning: str
    source: str
    sql: str = ""


_BAR = re.compile(r"(?<!\|)\|(?!\|)")  # one that is no concatenation of SQL
# name | type | unit | meaning | source | SQL
_TOLD = {
    "series": """
series_uid | text | | UID of the series, the key of this table | SeriesInstanceUID | s.uid
study_uid | text | | UID of its study | StudyInstanceUID | t.uid
subject | text | | label of the subject within the collection | PatientID | p.label
collection | text | | short name of the collection | archive | c.short_name
modality | text | | kind of the images | Modality | s.modality
series_number | integer | | number within the study | SeriesNumber | s.number
series_description | text | | description | SeriesDescription | s.description
study_date | date | | date of the study, as shifted by de-identification | StudyDate | t.study_date
series_date | date | | date of the series, as shifted | SeriesDate | s.series_date
study_description | text | | description of the study | StudyDescription | t.description
body_part | text | | part of the body | BodyPartExamined | s.body_part
laterality | text | | R, L or B | Laterality | s.laterality
protocol | text | | name of the protocol | ProtocolName | s.protocol
manufacturer | text | | who made the device | Manufacturer | s.manufacturer
model | text | | model of the device | ManufacturerModelName | s.model
software | text | | software of the device | SoftwareVersions | s.software
contrast | text | | contrast agent; empty: none is told | ContrastBolusAgent | s.contrast
sex | text | | sex of the subject | PatientSex | p.sex
age_years | number | y | age at the study | PatientAge | images.years(t.patient_age)
slice_thickness_mm | number | mm | thickness | SliceThickness | s.slice_thickness_mm
spacing_between_slices_mm | number | mm | as the header says | SpacingBetweenSlices | s.spacing_between_slices_mm
pixel_spacing_mm | number | mm | between rows | PixelSpacing | s.pixel_spacing_mm
kvp | number | kV | tube voltage | KVP | s.kvp
rows | integer | | rows of an image | Rows | s.rows
columns | integer | | columns of an image | Columns | s.columns
patient_position | text | | how the patient lay | PatientPosition | s.patient_position
frame_of_reference_uid | text | | what is comparable in space | FrameOfReferenceUID | s.frame_of_reference_uid
sop_classes | list | | SOP class UIDs | SOPClassUID | array_to_string(s.sop_classes, ' ')
transfer_syntaxes | list | | how pixels are encoded | TransferSyntaxUID | array_to_string(s.transfer_syntaxes, ' ')
instance_count | integer | | files | archive | s.instance_count
frame_count | integer | | frames of all files | NumberOfFrames | s.frame_count
size_bytes | integer | bytes | size of all files | archive | s.size_bytes
licence | text | | SPDX identifier of the licence | archive | coalesce(s.licence, c.licence)
commercial_use | text | | whether the licence allows it: yes, no, unknown | archive | search.commercial(coalesce(s.licence, c.licence))
access | text | | open, registered (an account) or controlled (an approval) | archive | {access}
quality | text | | mark of the curators: usable, questionable, unusable | archive | s.quality
third_party | truth | | made by others of data of the archive | archive | c.is_derived
revision | integer | | counts the revisions of the series from 1 | archive | s.revision
first_release | integer | | release that brought this revision | archive | lower(s.releases)
entered_at | time | UTC | when it was released | archive | to_char(s.entered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
url | text | | package, or the folder of a public store | archive | coalesce(l.url, %(site)s || '/series/' || s.uid || '/package.zip')
""",
    "study": """
study_uid | text | | UID of the study, the key of this table | StudyInstanceUID | t.uid
subject | text | | label of the subject | PatientID | min(p.label)
collection | text | | short name of the collection | archive | min(c.short_name)
study_date | date | | date, as shifted by de-identification | StudyDate | min(t.study_date)
study_description | text | | description | StudyDescription | min(t.description)
sex | text | | sex of the subject | PatientSex | min(p.sex)
age_years | number | y | age at the study | PatientAge | min(images.years(t.patient_age))
modalities | list | | kinds of its series | Modality | string_agg(distinct s.modality, ' ' order by s.modality)
series_count | integer | | series | archive | count(*)
instance_count | integer | | files | archive | sum(s.instance_count)
size_bytes | integer | bytes | size of all files | archive | sum(s.size_bytes)
""",
    "subject": """
subject | text | | label of the subject; with the collection the key of this table | PatientID | p.label
collection | text | | short name of the collection | archive | min(c.short_name)
sex | text | | sex | PatientSex | p.sex
species | text | | species | PatientSpeciesDescription | p.species
modalities | list | | kinds of its series | Modality | string_agg(distinct s.modality, ' ' order by s.modality)
study_count | integer | | studies | archive | count(distinct s.study_id)
series_count | integer | | series | archive | count(*)
first_date | date | | date of the first study | StudyDate | min(t.study_date)
last_date | date | | date of the last study | StudyDate | max(t.study_date)
size_bytes | integer | bytes | size of all files | archive | sum(s.size_bytes)
""",
    "collection": """
collection | text | | short name, the key of this table | archive
title | text | | title | archive
summary | text | | what it is | archive
species | list | | species | archive
sites | list | | sites of the body | archive
licence | text | | SPDX identifier of its licence; of a series see there | archive
access | text | | open, registered, controlled or embargoed | archive
third_party | truth | | made by others of data of the archive | archive
subject_count | integer | | subjects | archive
study_count | integer | | studies | archive
series_count | integer | | series | archive
size_bytes | integer | bytes | size of all files | archive
release | integer | | number of the newest release | archive
published_at | time | UTC | when that was | archive
citation | text | | how to cite it | archive
url | text | | its page | archive
""",
    "geometry": """
series_uid | text | | UID of the series | SeriesInstanceUID | s.uid
geometry | text | | regular, irregular, or unknown where positions are not told | ImagePositionPatient | m.geometry
slices | integer | | different positions along the normal | ImagePositionPatient | m.slices
slice_spacing_mm | number | mm | usual distance of neighbours | ImagePositionPatient | m.slice_spacing_mm
volume_ml | number | ml | volume of the block of voxels | computed | m.volume_ml
plane | text | | axial, coronal or sagittal, the nearest | ImageOrientationPatient | m.detail->>'plane'
missing_slices | integer | | slices that are missing | computed | (m.detail->>'missing')::bigint
per_position | integer | | images at one position at most: phases, echoes | computed | (m.detail->>'per_position')::bigint
is_derived | truth | | most images are derived ones | ImageType | m.is_derived
is_phantom | truth | | a phantom, no patient | QualityControlImage | m.is_phantom
reasons | text | | why it is not regular | computed | (select string_agg(r, ' ') from jsonb_array_elements_text(m.detail->'reasons') r)
""",
    "reference": """
series_uid | text | | the series that refers, such as a segmentation | SeriesInstanceUID | s.uid
referred_series_uid | text | | the series it refers to, of the archive or not | ReferencedSeriesSequence | r.uid
""",
    "seg": """
series_uid | text | | UID of the segmentation's series; one row a segment | SeriesInstanceUID
segment_number | integer | | number of the segment, the value of its label | SegmentNumber
label | text | | name | SegmentLabel
algorithm_type | text | | AUTOMATIC, SEMIAUTOMATIC or MANUAL | SegmentAlgorithmType
algorithm_name | text | | name of the algorithm | SegmentAlgorithmName
category | text | | meaning of the category's code | SegmentedPropertyCategoryCodeSequence
category_code | text | | scheme and value of that code, as SCT:123037004 | SegmentedPropertyCategoryCodeSequence
type | text | | meaning of the type's code | SegmentedPropertyTypeCodeSequence
type_code | text | | scheme and value of that code | SegmentedPropertyTypeCodeSequence
region | text | | meaning of the anatomic region's code | AnatomicRegionSequence
""",
    "sr": """
series_uid | text | | UID of the report's series; one row a numeric value, or one without a value | SeriesInstanceUID
title | text | | meaning of the report's title | ConceptNameCodeSequence
template | text | | template it follows | ContentTemplateSequence
completion | text | | COMPLETE or PARTIAL | CompletionFlag
verification | text | | VERIFIED or UNVERIFIED | VerificationFlag
concept | text | | what was measured | ConceptNameCodeSequence of a NUM item
concept_code | text | | scheme and value of its code | ConceptNameCodeSequence of a NUM item
value | number | see unit | what it is | NumericValue
unit | text | | UCUM unit of the value | MeasurementUnitsCodeSequence
""",
    "rt": """
series_uid | text | | UID of the series; one row a structure, plan or dose | SeriesInstanceUID
kind | text | | structure, plan or dose | Modality
number | integer | | number of the structure | ROINumber
name | text | | name of the structure or label of the plan | ROIName, RTPlanLabel
type | text | | interpreted type, plan intent or summation | RTROIInterpretedType, PlanIntent, DoseSummationType
algorithm | text | | how it was made | ROIGenerationAlgorithm
""",
    "sm": """
series_uid | text | | UID of the slide's series | SeriesInstanceUID
specimen | text | | description of the specimen | SpecimenShortDescription
staining | text | | meanings of the stains | SpecimenPreparationSequence
objective_power | number | x | power of the lens | ObjectiveLensPower
total_columns | integer | | columns of the whole slide, of one object | TotalPixelMatrixColumns
total_rows | integer | | rows of the whole slide, of one object | TotalPixelMatrixRows
width_mm | number | mm | imaged width | ImagedVolumeWidth
height_mm | number | mm | imaged height | ImagedVolumeHeight
optical_paths | list | | their descriptions | OpticalPathDescription
""",
    "clinical": """
collection | text | | short name of the collection; one row a cell of a table beside the images | archive
file | text | | name of the file | archive
row | integer | | row of the table, from 1 | archive
subject | text | | where a column names the subject | archive
column | text | | title of the column | archive
value | text | | what stands in the cell | archive
""",
    "columns": """
table | text | | table of this index; this is the dictionary of all columns | archive
name | text | | name of the column | archive
type | text | | type: text, integer, number, date, time, truth or list | archive
unit | text | | unit | archive
meaning | text | | what it means | archive
source | text | | the DICOM attribute or what of the archive it comes from | archive
""",
}


def _columns() -> dict[str, tuple[IndexColumn, ...]]:
    found = {}
    for table, told in _TOLD.items():
        lines = [[part.strip() for part in _BAR.split(line)] for line in told.strip().splitlines()]
        found[table] = tuple(IndexColumn(table, *line[:5], *line[5:]) for line in lines)
    return found


COLUMNS = _columns()
TABLES = tuple(name for name in COLUMNS if name != "columns")
DICTIONARY = tuple(column for columns in COLUMNS.values() for column in columns)


def schema_of(table: str) -> pyarrow.Schema:
    """Return the Arrow schema of a table; fields carry their unit and meaning as metadata."""
    return pyarrow.schema(
        [
            pyarrow.field(one.name, TYPES[one.type], metadata={"unit": one.unit, "meaning": one.meaning})
            for one in COLUMNS[table]
        ]
    )
