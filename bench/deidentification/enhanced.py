"""Enhanced multi-frame CT and MR, with shared and per-frame functional groups."""

from pydicom.dataset import Dataset
from pydicom.uid import EnhancedCTImageStorage, EnhancedMRImageStorage

from bench.deidentification.images import grey, speckle
from bench.deidentification.study import Made, Study, acquired, begin, code, protocol, sequence

FRAMES = 3


def _base(study: Study, kind: str, sop_class: str, modality: str) -> Made:
    made = begin(study, kind, sop_class, modality)
    acquired(study, made, ["DERIVED", "PRIMARY", "VOLUME", "NONE"])
    protocol(study, made, modality)
    dataset = made.dataset
    dataset.AcquisitionDateTime, dataset.AcquisitionDuration = study.day() + study.time(), 4.5
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = study.frame_uid, ""
    dataset.PixelPresentation, dataset.VolumetricProperties, dataset.VolumeBasedCalculationTechnique = (
        "MONOCHROME",
        "VOLUME",
        "NONE",
    )
    dataset.NumberOfFrames, dataset.BurnedInAnnotation, dataset.LossyImageCompression = str(FRAMES), "NO", "00"
    dataset.PresentationLUTShape, dataset.AcquisitionContextSequence, dataset.ContentQualification = (
        "IDENTITY",
        sequence(),
        "PRODUCT",
    )
    dimension, index = Dataset(), Dataset()
    dimension.DimensionOrganizationUID = study.uid()
    index.DimensionIndexPointer, index.FunctionalGroupPointer = 0x00209057, 0x00209111
    index.DimensionOrganizationUID = dimension.DimensionOrganizationUID
    dataset.DimensionOrganizationSequence, dataset.DimensionIndexSequence = sequence(dimension), sequence(index)
    grey(dataset, speckle(study, (FRAMES, 64, 64), 4095), 12)
    return made


def _shared(study: Study, region: Dataset) -> Dataset:
    shared, measures, orientation, anatomy, value, voi = (Dataset() for _ in range(6))
    measures.PixelSpacing, measures.SliceThickness = ["1", "1"], "5"
    shared.PixelMeasuresSequence = sequence(measures)
    orientation.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    shared.PlaneOrientationSequence = sequence(orientation)
    anatomy.FrameLaterality, anatomy.AnatomicRegionSequence = "U", sequence(region)
    shared.FrameAnatomySequence = sequence(anatomy)
    value.RescaleIntercept, value.RescaleSlope, value.RescaleType = "0", "1", "US"
    shared.PixelValueTransformationSequence = sequence(value)
    voi.WindowCenter, voi.WindowWidth = "2048", "4096"
    shared.FrameVOILUTSequence = sequence(voi)
    return shared


def _frame(study: Study, made: Made, number: int, modality: str) -> Dataset:
    frame, what, where, kind = (Dataset() for _ in range(4))
    what.FrameAcquisitionDateTime = what.FrameReferenceDateTime = study.day() + study.time()
    what.FrameAcquisitionNumber, what.FrameAcquisitionDuration = 1, 500.0
    what.StackID, what.InStackPositionNumber, what.DimensionIndexValues = "1", number + 1, number + 1
    what.FrameComments = study.text(made, modality)
    frame.FrameContentSequence = sequence(what)
    where.ImagePositionPatient = ["0", "0", str(5 * number)]
    frame.PlanePositionSequence = sequence(where)
    kind.FrameType, kind.PixelPresentation = ["DERIVED", "PRIMARY", "VOLUME", "NONE"], "MONOCHROME"
    kind.VolumetricProperties, kind.VolumeBasedCalculationTechnique = "VOLUME", "NONE"
    if modality == "MR":
        kind.ComplexImageComponent, kind.AcquisitionContrast = "MAGNITUDE", "T2"
        frame.MRImageFrameTypeSequence = sequence(kind)
    else:
        frame.CTImageFrameTypeSequence = sequence(kind)
    return frame


def enhanced_ct(study: Study) -> Made:
    """An enhanced CT of three frames."""
    made = _base(study, "enhanced CT", EnhancedCTImageStorage, "CT")
    made.dataset.SharedFunctionalGroupsSequence = sequence(
        _shared(study, code("43799004", "SCT", "Intra-thoracic structure"))
    )
    frames = [_frame(study, made, number, "CT") for number in range(FRAMES)]
    made.dataset.PerFrameFunctionalGroupsSequence = sequence(*frames)
    made.dataset.MultienergyCTAcquisition, made.dataset.PatientPosition = "NO", "HFS"
    return made


def enhanced_mr(study: Study) -> Made:
    """An enhanced MR of three frames."""
    made = _base(study, "enhanced MR", EnhancedMRImageStorage, "MR")
    dataset = made.dataset
    dataset.SharedFunctionalGroupsSequence = sequence(_shared(study, code("12738006", "SCT", "Brain")))
    dataset.PerFrameFunctionalGroupsSequence = sequence(
        *[_frame(study, made, number, "MR") for number in range(FRAMES)]
    )
    dataset.ComplexImageComponent, dataset.AcquisitionContrast, dataset.MagneticFieldStrength = "MAGNITUDE", "T2", 3.0
    dataset.ResonantNucleus, dataset.KSpaceFiltering, dataset.ApplicableSafetyStandardAgency = "1H", "NONE", "IEC"
    dataset.PatientPosition = "HFS"
    return made
