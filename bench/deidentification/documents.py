"""Objects about images: SR, KOS, PR, encapsulated PDF, RTSTRUCT, RTPLAN, SEG; their references follow the study's UIDs."""

import zlib

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import pack_bits
from pydicom.uid import (
    ComprehensiveSRStorage,
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    RTPlanStorage,
    RTStructureSetStorage,
    SegmentationStorage,
)

from bench.deidentification.people import name_groups
from bench.deidentification.phrases import finding
from bench.deidentification.study import Made, Study, begin, code, content, reference, sequence, study_of


def _item(relation: str, kind: str, name: Dataset | None, **values: object) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = relation, kind
    if name is not None:
        item.ConceptNameCodeSequence = sequence(name)
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _evidence(study: Study) -> Dataset:
    evidence, series = Dataset(), []
    for image in study.images:
        one = Dataset()
        one.SeriesInstanceUID, one.ReferencedSOPSequence = image.SeriesInstanceUID, sequence(reference(image))
        series.append(one)
    evidence.StudyInstanceUID, evidence.ReferencedSeriesSequence = study.study_uid, sequence(*series)
    return evidence


def _measurements(study: Study, made: Made) -> Dataset:
    number = Dataset()
    number.NumericValue, number.MeasurementUnitsCodeSequence = "8.4", sequence(code("mm", "UCUM", "millimeter"))
    image = _item("INFERRED FROM", "IMAGE", None, ReferencedSOPSequence=sequence(reference(study.images[0])))
    length = _item("CONTAINS", "NUM", code("410668003", "SCT", "Length"), MeasuredValueSequence=sequence(number))
    length.ContentSequence = sequence(image)
    local = code("L-77", "99HOSP", study.text(made, "CT"))
    group = _item("CONTAINS", "CONTAINER", code("125007", "DCM", "Measurement Group"), ContinuityOfContent="SEPARATE")
    tracked = _item("HAS OBS CONTEXT", "UIDREF", code("112040", "DCM", "Tracking Unique Identifier"), UID=study.uid())
    where = _item("CONTAINS", "CODE", code("363698007", "SCT", "Finding Site"), ConceptCodeSequence=sequence(local))
    group.ContentSequence = sequence(tracked, where, length)
    return group


def sr(study: Study) -> Made:
    """A report: observer, narrative, measurements in groups, local codes."""
    made = begin(study, "SR", ComprehensiveSRStorage, "SR")
    one, dataset = study.person, made.dataset
    content(study, made)
    dataset.CompletionFlag, dataset.VerificationFlag, dataset.PreliminaryFlag = "COMPLETE", "VERIFIED", "FINAL"
    observer = Dataset()
    observer.VerifyingObserverName, observer.VerifyingOrganization = one.physician, one.institution
    observer.VerificationDateTime, observer.VerifyingObserverIdentificationCodeSequence = (
        study.day() + study.time(),
        sequence(),
    )
    dataset.VerifyingObserverSequence, dataset.PerformedProcedureCodeSequence = sequence(observer), sequence()
    dataset.ReferencedPerformedProcedureStepSequence = sequence()
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.ConceptNameCodeSequence = sequence(code("126000", "DCM", "Imaging Measurement Report"))
    dataset.CurrentRequestedProcedureEvidenceSequence = sequence(_evidence(study))
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "1500"
    dataset.ContentTemplateSequence = sequence(template)
    context = "HAS OBS CONTEXT"
    narrative = [
        _item("CONTAINS", "TEXT", code("121071", "DCM", "Finding"), TextValue=study.text(made, "CT", 1024))
        for _ in range(3)
    ]
    dataset.ContentSequence = sequence(
        _item(context, "PNAME", code("121008", "DCM", "Person Observer Name"), PersonName=one.physician),
        _item(context, "TEXT", code("121009", "DCM", "Person Observer's Organization Name"), TextValue=one.institution),
        _item(context, "PNAME", code("121029", "DCM", "Subject Name"), PersonName=one.name),
        _item(context, "TEXT", code("121030", "DCM", "Subject ID"), TextValue=one.patient_id),
        _item(context, "DATE", code("121031", "DCM", "Subject Birth Date"), Date=one.birth.strftime("%Y%m%d")),
        _item(context, "UIDREF", code("121028", "DCM", "Subject UID"), UID=study.uid()),
        _item("CONTAINS", "DATETIME", code("111526", "DCM", "DateTime Started"), DateTime=study.day() + study.time()),
        *narrative,
        _measurements(study, made),
    )
    return made


def kos(study: Study) -> Made:
    """A key object selection with a description."""
    made = begin(study, "KOS", KeyObjectSelectionDocumentStorage, "KO")
    dataset = made.dataset
    content(study, made)
    dataset.ReferencedPerformedProcedureStepSequence = sequence()
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.ConceptNameCodeSequence = sequence(code("113000", "DCM", "Of Interest"))
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "2010"
    dataset.ContentTemplateSequence = sequence(template)
    dataset.CurrentRequestedProcedureEvidenceSequence = sequence(_evidence(study))
    dataset.ContentSequence = sequence(
        _item(
            "CONTAINS", "TEXT", code("113012", "DCM", "Key Object Description"), TextValue=study.text(made, "CT", 1024)
        ),
        *[_item("CONTAINS", "IMAGE", None, ReferencedSOPSequence=sequence(reference(image))) for image in study.images],
    )
    return made


def pr(study: Study) -> Made:
    """A presentation state with a text drawn by its author."""
    made = begin(study, "PR", GrayscaleSoftcopyPresentationStateStorage, "PR")
    dataset = made.dataset
    content(study, made)
    dataset.PresentationCreationDate, dataset.PresentationCreationTime = study.day(), study.time()
    dataset.ContentLabel, dataset.ContentDescription, dataset.ContentCreatorName = (
        "KEY",
        study.text(made, "CT"),
        study.person.physician,
    )
    series, area, layer, note, words, window = (Dataset() for _ in range(6))
    image = study.images[0]
    series.SeriesInstanceUID, series.ReferencedImageSequence = image.SeriesInstanceUID, sequence(reference(image))
    dataset.ReferencedSeriesSequence = sequence(series)
    area.DisplayedAreaTopLeftHandCorner, area.DisplayedAreaBottomRightHandCorner = [1, 1], [image.Columns, image.Rows]
    area.PresentationSizeMode, area.PresentationPixelAspectRatio = "SCALE TO FIT", [1, 1]
    dataset.DisplayedAreaSelectionSequence, dataset.PresentationLUTShape = sequence(area), "IDENTITY"
    window.WindowCenter, window.WindowWidth = "40", "400"
    dataset.SoftcopyVOILUTSequence = sequence(window)
    layer.GraphicLayer, layer.GraphicLayerOrder = "NOTES", "1"
    dataset.GraphicLayerSequence = sequence(layer)
    words.UnformattedTextValue, words.AnchorPoint = study.text(made, "CT", 1024), [10.0, 10.0]
    words.AnchorPointAnnotationUnits, words.AnchorPointVisibility = "PIXEL", "Y"
    note.GraphicLayer, note.TextObjectSequence = "NOTES", sequence(words)
    dataset.GraphicAnnotationSequence = sequence(note)
    return made


def pdf(study: Study) -> Made:
    """A report as PDF, its page in a deflated stream."""
    made = begin(study, "encapsulated PDF", EncapsulatedPDFStorage, "DOC")
    dataset, one = made.dataset, study.person
    content(study, made)
    words = " ".join(name_groups(one.name)[0])
    lines = [f"Report for {words if words.isascii() else one.other_id}", f"ID {one.patient_id}", finding(study.chance)]
    page = zlib.compress(
        ("BT /F1 12 Tf 50 700 Td " + " T* ".join(f"({line}) Tj" for line in lines) + " ET").encode("ascii")
    )
    body = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R>>endobj\n"
        b"4 0 obj<</Filter/FlateDecode/Length "
        + str(len(page)).encode()
        + b">>stream\n"
        + page
        + b"\nendstream endobj\n"
        b"5 0 obj<</Author("
        + one.physician.split("^")[0].encode()
        + b")/Title("
        + one.patient_id.encode()
        + b")>>endobj\n"
        b"trailer<</Root 1 0 R/Info 5 0 R>>\n%%EOF\n"
    )
    dataset.ConversionType, dataset.BurnedInAnnotation, dataset.MIMETypeOfEncapsulatedDocument = (
        "WSD",
        "YES",
        "application/pdf",
    )
    dataset.AcquisitionDateTime, dataset.DocumentTitle = study.day() + study.time(), study.text(made, "CT")
    dataset.ConceptNameCodeSequence = sequence(code("18748-4", "LN", "Diagnostic Imaging Report"))
    dataset.EncapsulatedDocument = body + b"\0" * (len(body) % 2)
    made.must_hold = True
    return made


def rtstruct(study: Study) -> Made:
    """Contours on a CT slice; names of structures with a person in one."""
    made = begin(study, "RTSTRUCT", RTStructureSetStorage, "RTSTRUCT")
    dataset, image, one = made.dataset, study.images[0], study.person
    dataset.StructureSetLabel, dataset.StructureSetDate, dataset.StructureSetTime = "PLAN1", study.day(), study.time()
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = study.frame_uid, ""
    dataset.StructureSetName, dataset.InstanceNumber = study.text(made, "CT"), "1"
    frame, parent, series, contour_image = Dataset(), Dataset(), Dataset(), reference(image)
    series.SeriesInstanceUID, series.ContourImageSequence = image.SeriesInstanceUID, sequence(contour_image)
    parent.ReferencedSOPClassUID, parent.ReferencedSOPInstanceUID = "1.2.840.10008.3.1.2.3.1", study.study_uid
    parent.RTReferencedSeriesSequence = sequence(series)
    frame.FrameOfReferenceUID, frame.RTReferencedStudySequence = study.frame_uid, sequence(parent)
    dataset.ReferencedFrameOfReferenceSequence = sequence(frame)
    rois, contours, observations = [], [], []
    for number, name in enumerate(("GTV primary", "Left lung", study.text(made, "CT")), 1):
        roi, outline, shape, seen = (Dataset() for _ in range(4))
        roi.ROINumber, roi.ReferencedFrameOfReferenceUID, roi.ROIName = str(number), study.frame_uid, name
        roi.ROIGenerationAlgorithm = "MANUAL"
        shape.ContourImageSequence, shape.ContourGeometricType = sequence(reference(image)), "CLOSED_PLANAR"
        shape.NumberOfContourPoints, shape.ContourData = "3", ["1", "1", "-300", "9", "1", "-300", "9", "9", "-300"]
        outline.ReferencedROINumber, outline.ROIDisplayColor, outline.ContourSequence = (
            str(number),
            ["255", "0", "0"],
            sequence(shape),
        )
        seen.ObservationNumber, seen.ReferencedROINumber = str(number), str(number)
        seen.RTROIInterpretedType, seen.ROIInterpreter = "GTV", one.physician
        rois, contours, observations = [*rois, roi], [*contours, outline], [*observations, seen]
    dataset.StructureSetROISequence, dataset.ROIContourSequence = sequence(*rois), sequence(*contours)
    dataset.RTROIObservationsSequence, dataset.ApprovalStatus = sequence(*observations), "APPROVED"
    dataset.ReviewDate, dataset.ReviewTime, dataset.ReviewerName = study.day(), study.time(), one.physician
    return made


def rtplan(study: Study) -> Made:
    """A plan without beams, with its approval."""
    made = begin(study, "RTPLAN", RTPlanStorage, "RTPLAN")
    dataset, one = made.dataset, study.person
    dataset.RTPlanLabel, dataset.RTPlanName, dataset.RTPlanGeometry = "P1", study.text(made, "CT"), "TREATMENT_DEVICE"
    dataset.RTPlanDate, dataset.RTPlanTime, dataset.RTPlanDescription = (
        study.day(),
        study.time(),
        study.text(made, "CT", 1024),
    )
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator, dataset.InstanceNumber = study.frame_uid, "", "1"
    setup = Dataset()
    setup.PatientSetupNumber, setup.PatientPosition = "1", "HFS"
    setup.SetupTechniqueDescription = study.text(made, "CT", 1024)
    dataset.PatientSetupSequence, dataset.ApprovalStatus = sequence(setup), "APPROVED"
    dataset.ReviewDate, dataset.ReviewTime, dataset.ReviewerName = study.day(), study.time(), one.physician
    return made


def seg(study: Study) -> Made:
    """A binary segmentation of a CT slice."""
    made = begin(study, "SEG", SegmentationStorage, "SEG")
    dataset, image = made.dataset, study.images[0]
    content(study, made)
    dataset.ImageType, dataset.ContentLabel, dataset.ContentDescription = (
        ["DERIVED", "PRIMARY"],
        "SEG",
        study_of(study, "CT"),
    )
    dataset.ContentCreatorName, dataset.SegmentationType, dataset.LossyImageCompression = (
        study.person.physician,
        "BINARY",
        "00",
    )
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator, dataset.NumberOfFrames = study.frame_uid, "", "1"
    segment, series, dimension, index = (Dataset() for _ in range(4))
    segment.SegmentNumber, segment.SegmentLabel, segment.SegmentAlgorithmType = 1, "Nodule", "MANUAL"
    segment.SegmentDescription, segment.TrackingID, segment.TrackingUID = (
        study.text(made, "CT"),
        "Nodule 1",
        study.uid(),
    )
    segment.SegmentedPropertyCategoryCodeSequence = sequence(
        code("49755003", "SCT", "Morphologically Abnormal Structure")
    )
    segment.SegmentedPropertyTypeCodeSequence = sequence(code("27925004", "SCT", "Nodule"))
    dataset.SegmentSequence = sequence(segment)
    series.SeriesInstanceUID, series.ReferencedInstanceSequence = image.SeriesInstanceUID, sequence(reference(image))
    dataset.ReferencedSeriesSequence = sequence(series)
    dimension.DimensionOrganizationUID = study.uid()
    index.DimensionIndexPointer, index.FunctionalGroupPointer = 0x0062000B, 0x0062000A
    index.DimensionOrganizationUID = dimension.DimensionOrganizationUID
    dataset.DimensionOrganizationSequence, dataset.DimensionIndexSequence = sequence(dimension), sequence(index)
    _segment_frame(study, dataset, image)
    mask = np.zeros((image.Rows, image.Columns), np.uint8)
    mask[30:50, 30:60] = 1
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.Rows, dataset.Columns, dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = *mask.shape, 1, 1, 0
    dataset.PixelData = pack_bits(mask.ravel())
    dataset["PixelData"].VR = "OB"
    return made


def _segment_frame(study: Study, dataset: Dataset, image: Dataset) -> None:
    shared, measures, orientation, frame, what, where, which, derived, source = (Dataset() for _ in range(9))
    measures.PixelSpacing, measures.SliceThickness = image.PixelSpacing, "5"
    orientation.ImageOrientationPatient = image.ImageOrientationPatient
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = sequence(measures), sequence(orientation)
    what.DimensionIndexValues, where.ImagePositionPatient, which.ReferencedSegmentNumber = (
        1,
        image.ImagePositionPatient,
        1,
    )
    source = reference(image)
    source.PurposeOfReferenceCodeSequence = sequence(
        code("121322", "DCM", "Source image for image processing operation")
    )
    derived.SourceImageSequence = sequence(source)
    derived.DerivationCodeSequence = sequence(code("113076", "DCM", "Segmentation"))
    frame.FrameContentSequence, frame.PlanePositionSequence = sequence(what), sequence(where)
    frame.SegmentIdentificationSequence, frame.DerivationImageSequence = sequence(which), sequence(derived)
    dataset.SharedFunctionalGroupsSequence, dataset.PerFrameFunctionalGroupsSequence = sequence(shared), sequence(frame)
