"""What all objects of a study share: the patient, the visit, the device, and the UIDs by which they refer to each other."""

from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

import numpy as np
from numpy.random import Generator
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

from bench.deidentification.answers import Burned
from bench.deidentification.people import Person
from bench.deidentification.phrases import Phrase, phrase, useful


@dataclass(slots=True)
class Made:
    """An object on its way: what is in it grows while it is planted."""

    kind: str
    dataset: Dataset
    burned: tuple[Burned, ...] = ()
    phrases: dict[str, Phrase] = field(default_factory=dict)
    must_hold: bool = False
    patches: list[tuple[bytes, bytes]] = field(default_factory=list)


@dataclass(slots=True)
class Study:
    """One patient's study: chance, person, UIDs, and the images to which later objects refer."""

    chance: Random
    person: Person
    study_uid: str = ""
    frame_uid: str = ""
    images: list[Dataset] = field(default_factory=list)
    series: int = 0
    strangers: bool = True

    def __post_init__(self) -> None:
        self.study_uid, self.frame_uid = self.uid(), self.uid()

    def uid(self) -> str:
        """Give a fresh UID; sites' roots of several shapes."""
        root = self.chance.choice(("1.2.826.0.1.3680043.8.999", "1.3.12.2.1107.5.1.4.77", "1.2.840.113619.2.55.3"))
        return f"{root}.{self.chance.randrange(10**9, 10**10)}.{self.chance.randrange(10**12, 10**13)}"

    def numbers(self) -> Generator:
        """Give a generator of pixels that follows the seed."""
        return np.random.default_rng(self.chance.randrange(2**32))

    def day(self, before: int = 0) -> str:
        """A day of the study, or one of the days before it, as DA."""
        return (self.person.study - timedelta(days=before)).strftime("%Y%m%d")

    def time(self) -> str:
        """A time of day, never midnight."""
        return f"{self.chance.randrange(7, 19):02d}{self.chance.randrange(11, 59)}{self.chance.randrange(11, 59)}"

    def text(self, made: Made, modality: str, longest: int = 64) -> str:
        """Compose free text with identifiers and note its key."""
        composed = phrase(self.chance, self.person, modality, longest, strangers=self.strangers)
        made.phrases[composed.text] = composed
        return composed.text


def begin(study: Study, kind: str, sop_class: UID, modality: str) -> Made:
    """Give an object with patient, study, series and equipment filled as a scanner does."""
    one, made = study.person, Made(kind, Dataset())
    dataset = made.dataset
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, study.uid()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, dataset.SOPInstanceUID
    if one.character_sets:
        dataset.SpecificCharacterSet = (
            list(one.character_sets) if len(one.character_sets) > 1 else one.character_sets[0]
        )
    dataset.PatientName, dataset.PatientID = one.name, one.patient_id
    dataset.PatientBirthDate, dataset.PatientSex = one.birth.strftime("%Y%m%d"), one.sex
    years = int((one.study - one.birth).days / 365.25)
    dataset.PatientAge = f"{years:03d}Y"
    dataset.PatientWeight, dataset.PatientSize = "71.5", "1.74"
    dataset.StudyInstanceUID, dataset.StudyDate, dataset.StudyTime = study.study_uid, study.day(), study.time()
    dataset.StudyID, dataset.AccessionNumber = one.study_id, one.accession
    dataset.ReferringPhysicianName = one.physician
    dataset.StudyDescription = study.text(made, modality)
    study.series += 1
    dataset.Modality, dataset.SeriesInstanceUID, dataset.SeriesNumber = modality, study.uid(), str(study.series)
    dataset.SeriesDate, dataset.SeriesTime = study.day(), study.time()
    dataset.SeriesDescription = study.text(made, modality)
    dataset.OperatorsName = one.operator
    if modality in {"NM", "PR", "PT", "OT", "US"}:
        dataset.Laterality = ""
    _equipment(study, made)
    return made


def _equipment(study: Study, made: Made) -> None:
    one, dataset = study.person, made.dataset
    dataset.Manufacturer, dataset.ManufacturerModelName = "ACME Imaging", study.chance.choice(("Helix 64", "Orion 3T"))
    dataset.InstitutionName, dataset.StationName = one.institution, one.station
    dataset.DeviceSerialNumber, dataset.SoftwareVersions = one.serial, study.chance.choice(("VA44.2", "5.1.0", "B30"))
    dataset.InstitutionAddress, dataset.InstitutionalDepartmentName = one.address, one.department


def content(study: Study, made: Made, number: int = 1) -> None:
    """Date and number of the content."""
    dataset = made.dataset
    dataset.ContentDate, dataset.ContentTime, dataset.InstanceNumber = study.day(), study.time(), str(number)


def acquired(study: Study, made: Made, image_type: list[str]) -> None:
    """The general image: acquisition and type."""
    content(study, made)
    dataset = made.dataset
    dataset.ImageType, dataset.AcquisitionNumber = image_type, "1"
    dataset.AcquisitionDate, dataset.AcquisitionTime = study.day(), study.time()


def protocol(study: Study, made: Made, modality: str) -> None:
    """The protocol's name, in which sites write everything."""
    made.dataset.ProtocolName = study.text(made, modality)


def plane(study: Study, made: Made, place: int = 0) -> None:
    """Frame of reference and image plane."""
    dataset = made.dataset
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = study.frame_uid, ""
    dataset.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    dataset.ImagePositionPatient = ["-120", "-120", str(-300 + 5 * place)]
    dataset.PixelSpacing, dataset.SliceThickness = ["0.9375", "0.9375"], "5"


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """A coded concept."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def sequence(*items: Dataset) -> Sequence:
    """A sequence of items."""
    return Sequence(items)


def reference(image: Dataset) -> Dataset:
    """A reference to an image, as in a sequence of references."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    return item


def study_of(study: Study, modality: str) -> str:
    """A useful text without identifiers."""
    return useful(study.chance, modality)
