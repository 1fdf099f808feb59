"""Series with objects that refer to them, as files: a thin chest CT, a segmentation of highdicom, structures, a report."""

import io
import warnings
from collections.abc import Sequence
from typing import Any

import highdicom
import numpy as np
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentationTypeValues, SegmentDescription
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import ComprehensiveSRStorage, ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

from tests.factories import make_image


def stack(
    places: Sequence[float], *, series: str | None = None, study: str | None = None, **fields: Any
) -> list[bytes]:
    """Slices at some places along z, mm."""
    study, series = study or generate_uid(), series or generate_uid()
    return [
        make_image(study=study, series=series, number=number, ImagePositionPatient=[0, 0, place], **fields)
        for number, place in enumerate(places, 1)
    ]


def segmentation(images: Sequence[bytes], labels: Sequence[str] = ("Left Lung",)) -> bytes:
    """A segmentation of some slices, made by highdicom."""
    sources = [dcmread(io.BytesIO(one)) for one in images]
    described = [
        SegmentDescription(
            segment_number=number,
            segment_label=label,
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=codes.SCT.Lung,
            algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=highdicom.AlgorithmIdentificationSequence(
                name="LungFinder", version="2", family=codes.DCM.ArtificialIntelligence
            ),
            display_color=highdicom.color.CIELabColor(50, 60, 40),
        )
        for number, label in enumerate(labels, 1)
    ]
    mask = np.zeros((len(sources), sources[0].Rows, sources[0].Columns, len(labels)), np.uint8)
    mask[:, 2:5, 2:5, :1] = 1
    mask[:, 6:9, 6:9, 1:] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = Segmentation(
            source_images=sources,
            pixel_array=mask,
            segmentation_type=SegmentationTypeValues.BINARY,
            segment_descriptions=described,
            series_instance_uid=generate_uid(),
            series_number=9,
            sop_instance_uid=generate_uid(),
            instance_number=1,
            manufacturer="ACME",
            manufacturer_model_name="Segmenter",
            software_versions="1",
            device_serial_number="1",
        )
    return written(made)


def structures(images: Sequence[bytes], *, by_frame: bool = False) -> bytes:
    """A structure set of a series; or of its frame of reference only."""
    first = dcmread(io.BytesIO(images[0]))
    made = _of(first, RTStructureSetStorage, "RTSTRUCT")
    made.StructureSetLabel, made.StructureSetDate, made.StructureSetTime = "Plan", "20200101", "101010"
    frame = Dataset()
    frame.FrameOfReferenceUID = first.FrameOfReferenceUID
    if not by_frame:
        image, series, study = Dataset(), Dataset(), Dataset()
        image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = first.SOPClassUID, first.SOPInstanceUID
        series.SeriesInstanceUID, series.ContourImageSequence = first.SeriesInstanceUID, [image]
        study.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
        study.ReferencedSOPInstanceUID, study.RTReferencedSeriesSequence = first.StudyInstanceUID, [series]
        frame.RTReferencedStudySequence = [study]
    made.ReferencedFrameOfReferenceSequence = [frame]
    roi, drawn, seen = Dataset(), Dataset(), Dataset()
    roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = 1, "Heart", first.FrameOfReferenceUID
    roi.ROIGenerationAlgorithm = "MANUAL"
    drawn.ReferencedROINumber, drawn.ROIDisplayColor = 1, [255, 128, 0]
    seen.ObservationNumber, seen.ReferencedROINumber, seen.RTROIInterpretedType, seen.ROIInterpreter = 1, 1, "ORGAN", ""
    made.StructureSetROISequence, made.ROIContourSequence, made.RTROIObservationsSequence = [roi], [drawn], [seen]
    return written(made)


def report(images: Sequence[bytes]) -> bytes:
    """A report that names some slices as its evidence."""
    sources = [dcmread(io.BytesIO(one)) for one in images]
    made = _of(sources[0], ComprehensiveSRStorage, "SR")
    series, study = Dataset(), Dataset()
    series.SeriesInstanceUID, series.ReferencedSOPSequence = sources[0].SeriesInstanceUID, []
    for one in sources:
        image = Dataset()
        image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = one.SOPClassUID, one.SOPInstanceUID
        series.ReferencedSOPSequence.append(image)
    study.StudyInstanceUID, study.ReferencedSeriesSequence = sources[0].StudyInstanceUID, [series]
    made.CurrentRequestedProcedureEvidenceSequence = [study]
    title = Dataset()
    title.CodeValue, title.CodingSchemeDesignator, title.CodeMeaning = "126000", "DCM", "Imaging Measurement Report"
    made.ConceptNameCodeSequence, made.ValueType, made.ContinuityOfContent = [title], "CONTAINER", "SEPARATE"
    made.CompletionFlag, made.VerificationFlag = "COMPLETE", "UNVERIFIED"
    made.ContentDate, made.ContentTime, made.ReferencedPerformedProcedureStepSequence = "20200101", "101010", []
    made.PerformedProcedureCodeSequence, made.ContentSequence = [], []
    return written(made)


def _of(image: Dataset, kind: str, modality: str) -> Dataset:
    made = Dataset()
    for keyword in (
        *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime"),
        *("AccessionNumber", "ReferringPhysicianName", "StudyID", "Manufacturer"),
    ):
        setattr(made, keyword, image.get(keyword, ""))
    made.SOPClassUID, made.SOPInstanceUID, made.SeriesInstanceUID = kind, generate_uid(), generate_uid()
    made.Modality, made.SeriesNumber, made.InstanceNumber = modality, 7, 1
    made.SeriesDescription = f"{modality} of the chest"
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made


def written(dataset: Dataset) -> bytes:
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()
