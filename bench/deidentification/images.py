"""Images: CT, MR, PT, DX, MG, US, SC, NM, each valid by its definition before anything is planted."""

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalXRayImageStorageForPresentation,
    MRImageStorage,
    NuclearMedicineImageStorage,
    PositronEmissionTomographyImageStorage,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
)

from bench.deidentification.burned import burn
from bench.deidentification.study import Made, Study, acquired, begin, code, content, plane, protocol, sequence


def grey(dataset: Dataset, pixels: np.ndarray, bits: int) -> None:
    """Put grey pixels (rows, columns) or (frames, rows, columns) in."""
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    allocated = 8 * pixels.dtype.itemsize
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = (
        allocated,
        bits,
        bits - 1,
        0,
    )
    dataset.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    dataset["PixelData"].VR = "OW" if allocated == 16 else "OB"


def speckle(study: Study, shape: tuple[int, ...], most: int) -> np.ndarray:
    """Give a body on a dark ground with noise over it."""
    numbers = study.numbers()
    rows, columns = shape[-2:]
    y, x = np.mgrid[0:rows, 0:columns]
    body = ((x - columns / 2) / (columns * 0.4)) ** 2 + ((y - rows / 2) / (rows * 0.36)) ** 2 < 1
    base = body * most * 0.3
    noisy = base + np.abs(numbers.normal(0, most * study.chance.choice((0.005, 0.02, 0.05)), shape)) * (0.3 + body)
    return np.clip(noisy, 0, most).astype(np.uint16 if most > 255 else np.uint8)


def ct(study: Study, *, size: int = 128, place: int = 0, text: bool = False) -> Made:
    """One axial CT slice."""
    made = begin(study, "CT", CTImageStorage, "CT")
    acquired(study, made, ["ORIGINAL", "PRIMARY", "AXIAL"])
    protocol(study, made, "CT")
    plane(study, made, place)
    dataset = made.dataset
    dataset.KVP, dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "120", "-1024", "1", "HU"
    dataset.BodyPartExamined, dataset.PatientPosition, dataset.ConvolutionKernel = "CHEST", "HFS", "B30f"
    pixels = speckle(study, (size, size), 4095)
    if text:
        made.kind, made.burned = "CT burned", burn(pixels, study.chance, study.person, most=4095, clinical=3)
    grey(dataset, pixels, 12)
    study.images.append(dataset)
    return made


def mr(study: Study) -> Made:
    """One MR slice."""
    made = begin(study, "MR", MRImageStorage, "MR")
    acquired(study, made, ["ORIGINAL", "PRIMARY", "M"])
    protocol(study, made, "MR")
    plane(study, made)
    dataset = made.dataset
    dataset.ScanningSequence, dataset.SequenceVariant, dataset.ScanOptions, dataset.MRAcquisitionType = (
        "SE",
        "SK",
        "FS",
        "2D",
    )
    dataset.RepetitionTime, dataset.EchoTime, dataset.EchoTrainLength, dataset.FlipAngle = "4200", "92", "15", "150"
    dataset.MagneticFieldStrength, dataset.SequenceName, dataset.ImagedNucleus = "3", "*tse2d1_15", "1H"
    dataset.BodyPartExamined, dataset.PatientPosition = "BRAIN", "HFS"
    grey(dataset, speckle(study, (96, 96), 1023), 12)
    study.images.append(dataset)
    return made


def pt(study: Study) -> Made:
    """One PET slice with everything from which SUV is computed."""
    made = begin(study, "PT", PositronEmissionTomographyImageStorage, "PT")
    acquired(study, made, ["ORIGINAL", "PRIMARY"])
    plane(study, made)
    dataset = made.dataset
    dataset.SeriesTime = dataset.AcquisitionTime = "104512"
    dataset.Units, dataset.CountsSource, dataset.SeriesType = "BQML", "EMISSION", ["WHOLE BODY", "IMAGE"]
    dataset.NumberOfSlices, dataset.DecayCorrection, dataset.CorrectedImage = 1, "START", ["DECY", "ATTN", "SCAT"]
    dataset.CollimatorType, dataset.FrameReferenceTime, dataset.ActualFrameDuration = "NONE", "0", "120000"
    dataset.ImageIndex, dataset.DecayFactor, dataset.RescaleIntercept, dataset.RescaleSlope = 1, "1.02", "0", "2.5"
    dataset.ReconstructionMethod, dataset.AttenuationCorrectionMethod = "OSEM 3i21s", "CT based"
    dataset.PatientOrientationCodeSequence = sequence(code("102538003", "SCT", "recumbent"))
    dataset.PatientOrientationCodeSequence[0].PatientOrientationModifierCodeSequence = sequence(
        code("40199007", "SCT", "supine")
    )
    dataset.PatientGantryRelationshipCodeSequence = sequence(code("102540008", "SCT", "headfirst"))
    drug = Dataset()
    drug.Radiopharmaceutical, drug.RadiopharmaceuticalStartTime = "Fluorodeoxyglucose", "093011"
    drug.RadiopharmaceuticalStartDateTime = study.day() + "093011"
    drug.RadionuclideTotalDose, drug.RadionuclideHalfLife, drug.RadionuclidePositronFraction = (
        "370000000",
        "6586.2",
        "0.97",
    )
    drug.RadionuclideCodeSequence = sequence(code("77004003", "SCT", "^18^Fluorine"))
    drug.RadiopharmaceuticalCodeSequence = sequence(code("35321007", "SCT", "Fluorodeoxyglucose F^18^"))
    dataset.RadiopharmaceuticalInformationSequence = sequence(drug)
    grey(dataset, speckle(study, (64, 64), 32000), 16)
    return made


def _projection(study: Study, made: Made, size: tuple[int, int], text: bool) -> None:
    dataset = made.dataset
    acquired(study, made, ["ORIGINAL", "PRIMARY", ""])
    dataset.PresentationIntentType, dataset.PixelIntensityRelationship, dataset.PixelIntensityRelationshipSign = (
        "FOR PRESENTATION",
        "LOG",
        -1,
    )
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType, dataset.PresentationLUTShape = (
        "0",
        "1",
        "US",
        "IDENTITY",
    )
    dataset.LossyImageCompression, dataset.BurnedInAnnotation = (
        "00",
        study.chance.choice(("NO", "YES")) if text else "NO",
    )
    dataset.ImagerPixelSpacing, dataset.DetectorType, dataset.DetectorID = (
        ["0.14", "0.14"],
        "DIRECT",
        f"DET{study.person.serial[2:]}",
    )
    dataset.WindowCenter, dataset.WindowWidth, dataset.AcquisitionContextSequence = "2048", "4096", sequence()
    pixels = speckle(study, size, 4095)
    if text:
        made.burned = burn(pixels, study.chance, study.person, most=4095, clinical=3)
        made.kind += " burned"
    grey(dataset, pixels, 12)


def dx(study: Study, *, text: bool = False) -> Made:
    """A digital radiograph."""
    made = begin(study, "DX", DigitalXRayImageStorageForPresentation, "DX")
    dataset = made.dataset
    _projection(study, made, (480, 400), text)
    dataset.ImageLaterality, dataset.PatientOrientation, dataset.BodyPartExamined = "U", ["L", "F"], "CHEST"
    dataset.AnatomicRegionSequence = sequence(code("43799004", "SCT", "Intra-thoracic structure"))
    dataset.ViewPosition, dataset.PositionerType = "AP", ""
    dataset.ViewCodeSequence = sequence(code("399348003", "SCT", "antero-posterior"))
    dataset.ViewCodeSequence[0].ViewModifierCodeSequence = sequence()
    dataset.AcquisitionDeviceProcessingDescription = study.text(made, "DX")
    return made


def mg(study: Study, *, text: bool = False) -> Made:
    """A digital mammogram."""
    made = begin(study, "MG", DigitalMammographyXRayImageStorageForPresentation, "MG")
    dataset = made.dataset
    _projection(study, made, (480, 360), text)
    dataset.ImageLaterality, dataset.PatientOrientation, dataset.BodyPartExamined = "L", ["A", "R"], "BREAST"
    dataset.AnatomicRegionSequence = sequence(code("76752008", "SCT", "Breast"))
    dataset.ViewPosition, dataset.PositionerType, dataset.OrganExposed = "CC", "MAMMOGRAPHIC", "BREAST"
    dataset.PositionerPrimaryAngle, dataset.BreastImplantPresent, dataset.PartialView = "0", "NO", "NO"
    dataset.ViewCodeSequence = sequence(code("399162004", "SCT", "cranio-caudal"))
    dataset.ViewCodeSequence[0].ViewModifierCodeSequence = sequence()
    dataset.PatientSex = "F"
    return made


def _region(columns: int, rows: int) -> Dataset:
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 40, rows // 5
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = columns - 40, rows - rows // 5
    region.PhysicalUnitsXDirection, region.PhysicalUnitsYDirection = 3, 3
    region.PhysicalDeltaX, region.PhysicalDeltaY = 0.0171, 0.0171
    region.ReferencePixelX0, region.ReferencePixelY0 = 0, 0
    return region


def us(study: Study, *, frames: int = 1) -> Made:
    """An ultrasound picture in colour, or a loop in grey, with calibrated regions and text burned in."""
    sop_class = UltrasoundImageStorage if frames == 1 else UltrasoundMultiFrameImageStorage
    made = begin(study, "US" if frames == 1 else "US multi-frame", sop_class, "US")
    dataset, rows, columns = made.dataset, 360, 480
    acquired(study, made, ["ORIGINAL", "PRIMARY", "ABDOMINAL", "0001"])
    dataset.LossyImageCompression, dataset.PatientOrientation = "00", ["", ""]
    dataset.SequenceOfUltrasoundRegions = sequence(_region(columns, rows))
    if frames == 1:
        first = speckle(study, (rows, columns), 250)
        colour = np.repeat(first[..., None], 3, axis=2)
        made.burned = burn(colour, study.chance, study.person, most=250, clinical=4)
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
        dataset.Rows, dataset.Columns, dataset.BitsAllocated, dataset.BitsStored = rows, columns, 8, 8
        dataset.HighBit, dataset.PixelRepresentation, dataset.PixelData = 7, 0, colour.tobytes()
        dataset["PixelData"].VR = "OB"
        return made
    overlay = np.zeros((rows, columns), np.uint8)
    made.burned = burn(overlay, study.chance, study.person, most=250, clinical=4)
    loop = speckle(study, (frames, rows, columns), 250)
    loop = np.where(overlay > 0, np.maximum(loop, overlay), loop)
    dataset.NumberOfFrames, dataset.FrameTime, dataset.FrameIncrementPointer = str(frames), "33.3", 0x00181063
    grey(dataset, loop, 8)
    return made


def sc(study: Study) -> Made:
    """A screenshot."""
    made = begin(study, "SC", SecondaryCaptureImageStorage, "OT")
    content(study, made)
    dataset = made.dataset
    dataset.ImageType, dataset.ConversionType, dataset.PatientOrientation = ["DERIVED", "SECONDARY"], "WSD", ["", ""]
    dataset.DateOfSecondaryCapture, dataset.TimeOfSecondaryCapture = study.day(), study.time()
    dataset.SecondaryCaptureDeviceID, dataset.SecondaryCaptureDeviceManufacturer = study.person.station, "ACME Imaging"
    picture = np.full((360, 480), study.chance.choice((0, 30, 60)), np.uint8)
    made.burned = burn(picture, study.chance, study.person, most=250, clinical=3)
    grey(dataset, picture, 8)
    made.must_hold = True
    return made


def nm(study: Study) -> Made:
    """A planar nuclear medicine image with its detector and isotope."""
    made = begin(study, "NM", NuclearMedicineImageStorage, "NM")
    acquired(study, made, ["ORIGINAL", "PRIMARY", "STATIC", "EMISSION"])
    dataset = made.dataset
    dataset.NumberOfFrames, dataset.FrameIncrementPointer = "2", [0x00540010, 0x00540020]
    dataset.EnergyWindowVector, dataset.NumberOfEnergyWindows = [1, 1], 1
    dataset.DetectorVector, dataset.NumberOfDetectors, dataset.PixelSpacing = [1, 2], 2, ["4.8", "4.8"]
    window, span, drug = Dataset(), Dataset(), Dataset()
    span.EnergyWindowLowerLimit, span.EnergyWindowUpperLimit = "130", "150"
    window.EnergyWindowName, window.EnergyWindowRangeSequence = "Tc99m", sequence(span)
    dataset.EnergyWindowInformationSequence = sequence(window)
    drug.RadionuclideCodeSequence = sequence(code("72454007", "SCT", "^99m^Technetium"))
    drug.Radiopharmaceutical, drug.RadiopharmaceuticalStartTime = "MDP", study.time()
    dataset.RadiopharmaceuticalInformationSequence = sequence(drug)
    dataset.PatientOrientationCodeSequence = sequence(code("102538003", "SCT", "recumbent"))
    dataset.PatientOrientationCodeSequence[0].PatientOrientationModifierCodeSequence = sequence(
        code("40199007", "SCT", "supine")
    )
    dataset.PatientGantryRelationshipCodeSequence = sequence(code("102540008", "SCT", "headfirst"))
    detectors = []
    for number in range(2):
        detector = Dataset()
        detector.CollimatorType, detector.FocalDistance, detector.XFocusCenter, detector.YFocusCenter = (
            "PARA",
            "0",
            None,
            None,
        )
        detector.CollimatorGridName, detector.FieldOfViewShape, detector.StartAngle = (
            "LEHR",
            "RECTANGLE",
            str(180 * number),
        )
        detector.ImageOrientationPatient = ["1", "0", "0", "0", "0", "-1"]
        detector.ImagePositionPatient = ["0", "0", "0"]
        detectors.append(detector)
    dataset.DetectorInformationSequence = sequence(*detectors)
    dataset.CountsAccumulated, dataset.ActualFrameDuration = "812000", "300000"
    grey(dataset, speckle(study, (2, 64, 64), 900), 16)
    return made
