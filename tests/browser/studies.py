"""Studies for the viewers, made here: a phantom in CT with all that can be drawn on it, a slide, a document, a recording."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom.data
from highdicom.sr import CodedConcept
from pydicom import Dataset, Sequence, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sr.codedict import codes
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

SLICES, ROWS, SPACING = 24, 128, 2.0
MADE = "20240102"
RED, GREEN = [230, 40, 40], [40, 220, 90]
MPEG4 = UID("1.2.840.10008.1.2.4.102")
_MAKER = ("invivo", "phantom", "1", "1")


def uid(*words: object) -> str:
    """Return the UID of a thing by its name, the same in every run."""
    return str(generate_uid(entropy_srcs=["invivo browser tests", *map(str, words)]))


@dataclass(frozen=True)
class Studies:
    """Where the objects lie, and the study of each."""

    folder: Path
    phantom: str
    slide: str
    document: str
    recording: str
    plain: str


def write_studies(folder: Path) -> Studies:
    """Write all objects into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    slices = [_slice(number) for number in range(SLICES)]
    objects = [
        *slices,
        _segmentation(slices),
        _structures(slices),
        _measurements(slices),
        *_slide(),
        _document(),
        _recording(),
        _plain_report(),
    ]
    for number, one in enumerate(objects):
        one.save_as(folder / f"{number:03d}.dcm", enforce_file_format=True)
    named = ("phantom", "slide", "document", "recording", "plain")
    return Studies(folder, *(uid("study", name) for name in named))


def _object(study: str, sop_class: str, modality: str, series: str, number: int = 1) -> Dataset:
    """Return a data set with what every object needs."""
    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.SOPClassUID, one.SOPInstanceUID = sop_class, uid(series, number)
    one.file_meta.MediaStorageSOPClassUID, one.file_meta.MediaStorageSOPInstanceUID = sop_class, one.SOPInstanceUID
    one.StudyInstanceUID, one.SeriesInstanceUID = uid("study", study), uid("series", series)
    one.PatientName, one.PatientID, one.PatientBirthDate, one.PatientSex = "Phantom^One", "PHANTOM-1", "", "O"
    one.StudyDate = one.SeriesDate = one.ContentDate = MADE
    one.StudyTime = one.SeriesTime = one.ContentTime = "120000"
    one.StudyID, one.AccessionNumber, one.ReferringPhysicianName = "1", "", ""
    one.StudyDescription, one.SeriesDescription = f"A {study}", f"The {series}"
    one.Modality, one.Manufacturer = modality, "invivo"
    one.SeriesNumber, one.InstanceNumber = 1, number
    return one


def _body() -> np.ndarray:
    """Return a cylinder with a ball and a rod in it, Hounsfield units, shape (slices, rows, columns), int16."""
    z, y, x = np.ogrid[:SLICES, :ROWS, :ROWS]
    volume = np.full((SLICES, ROWS, ROWS), -1000, np.int16)
    volume[np.broadcast_to((x - 64) ** 2 + (y - 64) ** 2 < 55**2, volume.shape)] = 40
    volume[_rod()] = 700
    volume[_ball()] = 150
    volume += ((x * 7 + y * 13 + z * 29) % 17 - 8).astype(np.int16)
    return volume


def _ball() -> np.ndarray:
    z, y, x = np.ogrid[:SLICES, :ROWS, :ROWS]
    return np.asarray((x - 46) ** 2 + (y - 60) ** 2 + (z - 12) ** 2 * 1.0 < 10**2)


def _rod() -> np.ndarray:
    _, y, x = np.ogrid[:SLICES, :ROWS, :ROWS]
    return np.broadcast_to((x - 84) ** 2 + (y - 70) ** 2 < 8**2, (SLICES, ROWS, ROWS))


def _slice(number: int) -> Dataset:
    one = _object("phantom", "1.2.840.10008.5.1.4.1.1.2", "CT", "slices", number + 1)
    one.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    one.FrameOfReferenceUID, one.PositionReferenceIndicator = uid("frame of reference"), ""
    one.ImagePositionPatient, one.ImageOrientationPatient = [-128.0, -128.0, number * SPACING], [1, 0, 0, 0, 1, 0]
    one.PixelSpacing, one.SliceThickness, one.KVP, one.AcquisitionNumber = [SPACING, SPACING], SPACING, 120, 1
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.Rows = one.Columns = ROWS
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 1
    one.RescaleSlope, one.RescaleIntercept, one.RescaleType = 1, 0, "HU"
    one.WindowCenter, one.WindowWidth = 40, 400
    one.PixelData = _body()[number].tobytes()
    return one


def _segmentation(slices: list[Dataset]) -> Dataset:
    described = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=label,
            segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
            segmented_property_type=codes.SCT.Neoplasm,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
            display_color=hd.color.CIELabColor.from_rgb(*colour),
        )
        for number, label, colour in ((1, "Ball", RED), (2, "Rod", GREEN))
    ]
    made = hd.seg.Segmentation(
        source_images=slices,
        pixel_array=(_ball().astype(np.uint8) + 2 * _rod().astype(np.uint8)),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=described,
        series_instance_uid=uid("series", "segmentation"),
        series_number=2,
        sop_instance_uid=uid("segmentation"),
        instance_number=1,
        manufacturer=_MAKER[0],
        manufacturer_model_name=_MAKER[1],
        software_versions=_MAKER[2],
        device_serial_number=_MAKER[3],
        series_description="The segmentation",
    )
    return made


def _structures(slices: list[Dataset]) -> Dataset:
    one = _object("phantom", "1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT", "structures")
    one.SeriesNumber = 3
    one.StructureSetLabel, one.StructureSetDate, one.StructureSetTime = "PHANTOM", MADE, "120000"
    frame = slices[0].FrameOfReferenceUID
    series = Dataset()
    series.SeriesInstanceUID = slices[0].SeriesInstanceUID
    series.ContourImageSequence = Sequence([_reference(image) for image in slices])
    study = _reference(slices[0], "1.2.840.10008.3.1.2.3.1", slices[0].StudyInstanceUID)
    study.RTReferencedSeriesSequence = Sequence([series])
    whole = Dataset()
    whole.FrameOfReferenceUID, whole.RTReferencedStudySequence = frame, Sequence([study])
    one.FrameOfReferenceUID = frame
    one.ReferencedFrameOfReferenceSequence = Sequence([whole])
    one.StructureSetROISequence, one.ROIContourSequence, one.RTROIObservationsSequence = (
        Sequence(),
        Sequence(),
        Sequence(),
    )
    for number, (name, colour, x, y, radius) in enumerate(
        (("BODY", [240, 220, 40], 64, 64, 55), ("TARGET", [40, 160, 240], 46, 60, 14)), start=1
    ):
        _structure(one, number, name, colour)
        drawn = slices if name == "BODY" else slices[4:20]
        one.ROIContourSequence[-1].ContourSequence = Sequence([_contour(image, x, y, radius) for image in drawn])
    return one


def _reference(image: Dataset, sop_class: str = "", instance: str = "") -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class or image.SOPClassUID
    item.ReferencedSOPInstanceUID = instance or image.SOPInstanceUID
    return item


def _structure(one: Dataset, number: int, name: str, colour: list[int]) -> None:
    region, drawn, seen = Dataset(), Dataset(), Dataset()
    region.ROINumber, region.ROIName, region.ROIGenerationAlgorithm = number, name, "MANUAL"
    region.ReferencedFrameOfReferenceUID = one.FrameOfReferenceUID
    drawn.ROIDisplayColor, drawn.ReferencedROINumber = colour, number
    seen.ObservationNumber = seen.ReferencedROINumber = number
    seen.RTROIInterpretedType, seen.ROIInterpreter = "ORGAN", ""
    one.StructureSetROISequence.append(region)
    one.ROIContourSequence.append(drawn)
    one.RTROIObservationsSequence.append(seen)


def _contour(image: Dataset, x: float, y: float, radius: float) -> Dataset:
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    height = float(image.ImagePositionPatient[2])
    across, down = -128 + SPACING * (x + radius * np.cos(turn)), -128 + SPACING * (y + radius * np.sin(turn))
    points = np.column_stack([across, down, np.full(48, height)]).round(2)
    item = Dataset()
    item.ContourImageSequence = Sequence([_reference(image)])
    item.ContourGeometricType, item.NumberOfContourPoints = "CLOSED_PLANAR", 48
    item.ContourData = [str(value) for value in points.ravel()]
    return item


def _measurements(slices: list[Dataset]) -> Dataset:
    """Return an SR after TID 1500 with one length on the middle slice."""
    image = slices[SLICES // 2]
    source = hd.sr.SourceImageForMeasurement(image.SOPClassUID, image.SOPInstanceUID)
    length = hd.sr.Measurement(
        name=CodedConcept("410668003", "SCT", "Length"),
        value=40.0,
        unit=codes.UCUM.Millimeter,
        tracking_identifier=hd.sr.TrackingIdentifier(uid("length"), "Length of the ball"),
        referenced_images=[source],
    )
    region = hd.sr.ImageRegion(
        hd.sr.GraphicTypeValues.POLYLINE,
        np.array([[36.0, 60.0], [56.0, 60.0]]),
        hd.sr.SourceImageForRegion.from_source_image(image),
    )
    group = hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid("length"), "Length of the ball"),
        referenced_region=region,
        measurements=[length],
    )
    observer = hd.sr.ObserverContext(codes.DCM.Person, hd.sr.PersonObserverIdentifyingAttributes(name="Reader^One"))
    report = hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(observer_person_context=observer),
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
        imaging_measurements=[group],
        title=codes.DCM.ImagingMeasurementReport,
    )
    made = hd.sr.ComprehensiveSR(
        evidence=[image],
        content=report,
        series_number=4,
        series_instance_uid=uid("series", "measurements"),
        sop_instance_uid=uid("measurements"),
        instance_number=1,
        manufacturer="invivo",
        is_complete=True,
        is_final=True,
        series_description="The measurements",
    )
    return made


def _plain_report() -> Dataset:
    one = _object("plain", "1.2.840.10008.5.1.4.1.1.88.11", "SR", "report")
    one.ValueType, one.ContinuityOfContent, one.CompletionFlag, one.VerificationFlag = (
        "CONTAINER",
        "SEPARATE",
        "COMPLETE",
        "UNVERIFIED",
    )
    one.ConceptNameCodeSequence = Sequence([_code("18748-4", "LN", "Diagnostic imaging report")])
    text = Dataset()
    text.RelationshipType, text.ValueType, text.TextValue = (
        "CONTAINS",
        "TEXT",
        "The ball is round, the rod is straight.",
    )
    text.ConceptNameCodeSequence = Sequence([_code("121071", "DCM", "Finding")])
    one.ContentSequence = Sequence([text])
    one.ReferencedPerformedProcedureStepSequence = Sequence()
    one.PerformedProcedureCodeSequence = Sequence()
    return one


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _slide() -> Iterator[Dataset]:
    """Yield a slide of two levels, 1024 and 256 pixels wide, in tiles of 256."""
    for number, (side, instance) in enumerate(((1024, 1), (256, 2))):
        y, x = np.mgrid[:side, :side] * (1024 // side)
        field = np.stack([200 + 0 * x, 120 + x // 16, 160 + y // 16], axis=-1)
        field[(x - 512) ** 2 + (y - 512) ** 2 < 300**2] = (110, 40, 130)
        field[(x // 64 + y // 64) % 8 == 0] = (60, 60, 90)
        yield _level(instance, field.astype(np.uint8), 0.002 * (1024 // side), number)


def _level(number: int, field: np.ndarray, spacing: float, derived: int) -> Dataset:
    one = _object("slide", "1.2.840.10008.5.1.4.1.1.77.1.6", "SM", "level", number)
    side, tile = field.shape[0], 256
    across = side // tile
    tiles = [field[r * tile : (r + 1) * tile, c * tile : (c + 1) * tile] for r in range(across) for c in range(across)]
    one.ImageType = ["DERIVED" if derived else "ORIGINAL", "PRIMARY", "VOLUME", "RESAMPLED" if derived else "NONE"]
    one.FrameOfReferenceUID, one.PositionReferenceIndicator = uid("slide frame"), "SLIDE_CORNER"
    one.Rows = one.Columns = tile
    one.NumberOfFrames, one.TotalPixelMatrixColumns, one.TotalPixelMatrixRows = len(tiles), side, side
    one.TotalPixelMatrixFocalPlanes, one.NumberOfOpticalPaths, one.DimensionOrganizationType = 1, 1, "TILED_FULL"
    one.ImagedVolumeWidth, one.ImagedVolumeHeight, one.ImagedVolumeDepth = side * spacing, side * spacing, 1.0
    one.ImageOrientationSlide = [0, -1, 0, -1, 0, 0]
    origin = Dataset()
    origin.XOffsetInSlideCoordinateSystem, origin.YOffsetInSlideCoordinateSystem = 20.0, 40.0
    one.TotalPixelMatrixOriginSequence = Sequence([origin])
    one.SamplesPerPixel, one.PhotometricInterpretation, one.PlanarConfiguration = 3, "RGB", 0
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 8, 8, 7, 0
    one.BurnedInAnnotation, one.SpecimenLabelInImage, one.LossyImageCompression = "NO", "NO", "00"
    one.FocusMethod, one.ExtendedDepthOfField, one.VolumetricProperties = "AUTO", "NO", "VOLUME"
    one.ContainerIdentifier, one.AcquisitionDateTime = "SLIDE-1", MADE + "120000"
    one.OpticalPathSequence = Sequence([_optical_path()])
    measures = Dataset()
    measures.PixelSpacing, measures.SliceThickness = [spacing, spacing], 0.001
    kind = Dataset()
    kind.FrameType = one.ImageType
    shared = Dataset()
    shared.PixelMeasuresSequence, shared.WholeSlideMicroscopyImageFrameTypeSequence = (
        Sequence([measures]),
        Sequence([kind]),
    )
    one.SharedFunctionalGroupsSequence = Sequence([shared])
    one.PixelData = b"".join(part.tobytes() for part in tiles)
    return one


def _optical_path() -> Dataset:
    path = Dataset()
    path.OpticalPathIdentifier, path.OpticalPathDescription = "1", "Brightfield"
    path.IlluminationTypeCodeSequence = Sequence([_code("111744", "DCM", "Brightfield illumination")])
    path.IlluminationColorCodeSequence = Sequence([_code("414298005", "SCT", "Full Spectrum")])
    return path


def _pdf() -> bytes:
    """Return a page with a line of text and a filled square."""
    padding = b"% what makes it too large to stand in the metadata\n" * 400
    drawing = b"BT /F1 24 Tf 60 700 Td (A report of the phantom) Tj ET 0.8 0.1 0.1 rg 60 400 200 200 re f"
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    written, places = b"%PDF-1.4\n" + padding, []
    for number, part in enumerate(parts, start=1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(written)
    written += b"xref\n0 6\n0000000000 65535 f \n" + table
    return written + b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start


def _document() -> Dataset:
    one = _object("document", "1.2.840.10008.5.1.4.1.1.104.1", "DOC", "report as PDF")
    one.ConversionType, one.BurnedInAnnotation, one.DocumentTitle = "WSD", "NO", "A report"
    one.MIMETypeOfEncapsulatedDocument = "application/pdf"
    one.ConceptNameCodeSequence = Sequence()
    content = _pdf()
    one.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    one.EncapsulatedDocumentLength = len(content)
    return one


def _recording() -> Dataset:
    """Return the ECG that pydicom brings, as a study of ours."""
    one = dcmread(str(pydicom.data.get_testdata_file("waveform_ecg.dcm", download=False)))
    one.StudyInstanceUID, one.SeriesInstanceUID, one.PatientID = (
        uid("study", "recording"),
        uid("series", "ecg"),
        "PHANTOM-1",
    )
    one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = uid("ecg")
    return one


def film(stream: bytes, rows: int, columns: int, frames: int) -> Dataset:
    """Return an endoscopic video of an MP4 stream."""
    one = _object("film", "1.2.840.10008.5.1.4.1.1.77.1.4.1", "XC", "film")
    one.file_meta.TransferSyntaxUID = MPEG4
    one.ImageType = ["ORIGINAL", "PRIMARY"]
    one.Rows, one.Columns, one.NumberOfFrames, one.FrameTime = rows, columns, frames, 40.0
    one.FrameIncrementPointer = 0x00181063
    one.SamplesPerPixel, one.PhotometricInterpretation, one.PlanarConfiguration = 3, "YBR_PARTIAL_420", 0
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 8, 8, 7, 0
    one.LossyImageCompression, one.AcquisitionDateTime = "01", MADE + "120000"
    one.PixelData = encapsulate([stream + b"\0" * (len(stream) % 2)], has_bot=False)
    one["PixelData"].is_undefined_length = True
    return one
