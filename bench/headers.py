"""Headers of synthetic images: what a CT scanner writes, with sequences and private elements, and an enhanced MR."""

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, CTImageStorage, EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage

# What changes from image to image. Each is as long as what takes its place, see `bench.loads`.
STUDY, SERIES, INSTANCE = "2.25.9.900.900000.1", "2.25.9.900.900000.2.900", "2.25.9.900.900000.3.900.900000"
PATIENT, NAME, NUMBER, POSITION = "PATIENT-900000", "Familyname-900000^Given", "900000", "-9000.0"

_TEXTS = {
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "HELIX"],
    "InstanceCreationDate": "20200102",
    "InstanceCreationTime": "101112.123",
    "StudyDate": "20200102",
    "SeriesDate": "20200102",
    "AcquisitionDate": "20200102",
    "ContentDate": "20200102",
    "StudyTime": "101112.000",
    "SeriesTime": "101530.000",
    "AcquisitionTime": "101533.250",
    "ContentTime": "101534.250",
    "AccessionNumber": "A900000",
    "Manufacturer": "ACME Imaging",
    "InstitutionName": "General Hospital of Nowhere",
    "InstitutionAddress": "1 Main Street, Nowhere",
    "ReferringPhysicianName": "Roe^Richard",
    "StationName": "CT-ROOM-4",
    "StudyDescription": "CT CHEST WITH CONTRAST",
    "SeriesDescription": "Axial 1 mm lung",
    "InstitutionalDepartmentName": "Radiology",
    "PerformingPhysicianName": "Poe^Paula",
    "OperatorsName": "Moe^Mary",
    "ManufacturerModelName": "Scan 64",
    "PatientBirthDate": "19600203",
    "PatientSex": "F",
    "PatientAge": "059Y",
    "PatientSize": "1.68",
    "PatientWeight": "71",
    "EthnicGroup": "unknown",
    "AdditionalPatientHistory": "cough for three weeks, smoker",
    "BodyPartExamined": "CHEST",
    "ContrastBolusAgent": "Agent 300",
    "ScanOptions": "HELICAL MODE",
    "SliceThickness": "1.0",
    "KVP": "120",
    "DataCollectionDiameter": "500.0",
    "DeviceSerialNumber": "0004711",
    "SoftwareVersions": ["release 12.1", "patch 7"],
    "ProtocolName": "5.1 Chest with contrast",
    "ReconstructionDiameter": "360.0",
    "DistanceSourceToDetector": "949.075",
    "DistanceSourceToPatient": "541.0",
    "GantryDetectorTilt": "0.0",
    "TableHeight": "157.0",
    "RotationDirection": "CW",
    "ExposureTime": "570",
    "XRayTubeCurrent": "240",
    "Exposure": "136",
    "FilterType": "BODY FILTER",
    "GeneratorPower": "28800",
    "FocalSpots": "0.7",
    "ConvolutionKernel": "LUNG",
    "PatientPosition": "FFS",
    "StudyID": "4711",
    "SeriesNumber": "3",
    "AcquisitionNumber": "1",
    "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
    "FrameOfReferenceUID": "2.25.9.900.1",
    "PositionReferenceIndicator": "SN",
    "SliceLocation": "12.5",
    "WindowCenter": ["40", "-600"],
    "WindowWidth": ["400", "1600"],
    "RescaleIntercept": "-1024",
    "RescaleSlope": "1",
    "RescaleType": "HU",
    "PerformedProcedureStepStartDate": "20200102",
    "PerformedProcedureStepStartTime": "101112",
    "PerformedProcedureStepID": "P4711",
    "PerformedProcedureStepDescription": "CT CHEST",
    "RequestedProcedureDescription": "CT chest with contrast agent",
    "CurrentPatientLocation": "WARD 3",
    "SpecificCharacterSet": "ISO_IR 100",
    "TimezoneOffsetFromUTC": "+0100",
    "PatientComments": "made for measuring",
    "SpacingBetweenSlices": "1.0",
    "TotalCollimationWidth": 40.0,
    "SingleCollimationWidth": 0.625,
    "TableSpeed": 55.0,
    "TableFeedPerRotation": 39.37,
    "SpiralPitchFactor": 0.984375,
    "ExposureModulationType": "XYZ_EC",
    "EstimatedDoseSaving": 12.5,
    "CTDIvol": 9.75,
    "DateOfLastCalibration": "20200101",
    "TimeOfLastCalibration": "060000",
    "ReconstructionTargetCenterPatient": [0.0, -12.5, 0.0],
    "DataCollectionCenterPatient": [0.0, 0.0, 0.0],
    "InstanceCreatorUID": "2.25.9.900.2",
    "ImageComments": "axial",
    "MedicalAlerts": "none known",
    "PregnancyStatus": 4,
}


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodingSchemeVersion, item.CodeMeaning = value, "SCT", "1", meaning
    return item


def _reference(number: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, f"2.25.9.900.7.{number}"
    return item


def _add_sequences(dataset: Dataset) -> None:
    dataset.ReferencedStudySequence = Sequence([_reference(1)])
    dataset.ReferencedPerformedProcedureStepSequence = Sequence([_reference(2)])
    dataset.ReferencedImageSequence = Sequence([_reference(3), _reference(4)])
    dataset.SourceImageSequence = Sequence([_reference(5)])
    dataset.ProcedureCodeSequence = Sequence([_code("169069000", "CT of chest")])
    dataset.AnatomicRegionSequence = Sequence([_code("51185008", "Thorax")])
    dataset.CTDIPhantomTypeCodeSequence = Sequence([_code("113691", "Body phantom")])
    request = Dataset()
    request.RequestedProcedureID, request.ScheduledProcedureStepID = "R4711", "S4711"
    request.ScheduledProtocolCodeSequence = Sequence([_code("24627-2", "Chest CT"), _code("418714002", "Contrast")])
    dataset.RequestAttributesSequence = Sequence([request])


def _add_private(dataset: Dataset) -> None:
    """Add what a maker adds: 69 elements of three groups with their creators."""
    for group, creator in ((0x0009, "ACME IDENT 01"), (0x0019, "ACME ACQU 01"), (0x0043, "ACME PARM 01")):
        block = dataset.private_block(group, creator, create=True)
        for number in range(22):
            if number % 4 == 0:
                block.add_new(number + 1, "LO", f"setting {number} of the maker")
            elif number % 4 == 1:
                block.add_new(number + 1, "DS", [f"{number}.25", "0.5", "117.125"])
            elif number % 4 == 2:
                block.add_new(number + 1, "SS", number)
            else:
                block.add_new(number + 1, "OB", bytes(range(88)))


def _add_identity(dataset: Dataset, sop_class: UID, modality: str) -> None:
    dataset.SOPClassUID, dataset.Modality = sop_class, modality
    dataset.PatientID, dataset.PatientName = PATIENT, NAME
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID = STUDY, SERIES, INSTANCE
    dataset.InstanceNumber = NUMBER
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = sop_class, UID(INSTANCE)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian


def _add_form(dataset: Dataset, size: int) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns, dataset.BitsAllocated, dataset.BitsStored = size, size, 16, 12
    dataset.HighBit, dataset.PixelRepresentation = 11, 0


def slice_header(size: int, modality: str = "CT") -> Dataset:
    """Return the header of one slice, about 5.6 kB with 220 elements; without pixels.

    Parameters
    ----------
    size : int
        Rows and columns, 16 bits a pixel; 0 for an object that has no image.
    modality : str
        CT or MR.
    """
    dataset = Dataset()
    for keyword, value in _TEXTS.items():
        setattr(dataset, keyword, value)
    dataset.ImagePositionPatient = ["-180.0", "-180.0", POSITION]
    _add_identity(dataset, CTImageStorage if modality == "CT" else MRImageStorage, modality)
    _add_sequences(dataset)
    _add_private(dataset)
    if size:
        _add_form(dataset, size)
        dataset.PixelSpacing = [0.7, 0.7]
    return dataset


def enhanced_header(size: int, frames: int) -> Dataset:
    """Return the header of an enhanced MR: shared functional groups, and three groups of each frame."""
    dataset = slice_header(size, "MR")
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    dataset.NumberOfFrames = frames
    del dataset.ImagePositionPatient, dataset.ImageOrientationPatient, dataset.PixelSpacing
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [1, 1], 1
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Sequence([measures]), Sequence([orientation])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(_frame_groups(number) for number in range(frames))
    return dataset


def _frame_groups(number: int) -> Dataset:
    groups, content, plane, lut = Dataset(), Dataset(), Dataset(), Dataset()
    content.StackID, content.InStackPositionNumber, content.FrameAcquisitionNumber = "1", number + 1, 1
    content.DimensionIndexValues = [1, number + 1]
    plane.ImagePositionPatient = [0, 0, number]
    lut.WindowCenter, lut.WindowWidth = 2048, 4096
    groups.FrameContentSequence, groups.PlanePositionSequence = Sequence([content]), Sequence([plane])
    groups.FrameVOILUTSequence = Sequence([lut])
    return groups


def picture(size: int, seed: int) -> NDArray[np.uint16]:
    """Return a picture that packs like a CT: a body with organs, and noise; shape (size, size), uint16 below 4096."""
    y, x = np.mgrid[0:size, 0:size] / size - 0.5
    body = 60 + 940.0 * ((x / 0.42) ** 2 + (y / 0.33) ** 2 < 1)
    lungs = ((np.abs(x) - 0.18) / 0.13) ** 2 + (y / 0.22) ** 2 < 1
    body[lungs] = 180 + 60 * np.sin(40 * x[lungs]) * np.cos(31 * y[lungs])
    noise = np.random.default_rng(seed).normal(0, 14, (size, size))
    drawn: NDArray[np.uint16] = np.clip(body + noise, 0, 4095).astype(np.uint16)
    return drawn
