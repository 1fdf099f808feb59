"""A delivery of many patients with planted identifiers, and its answer key."""

from collections.abc import Callable
from pathlib import Path
from random import Random

from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from bench.deidentification import documents, enhanced, images, plantings, writing
from bench.deidentification.answers import PROFILES, Answers, Planted, write_answers
from bench.deidentification.people import COMMON, SCRIPTS, Person, identifiers, name_groups, person
from bench.deidentification.phrases import dates
from bench.deidentification.standard import demands, row_of
from bench.deidentification.study import Made, Study

KINDS: dict[str, Callable[[Study], Made]] = {
    "CT": images.ct,
    "MR": images.mr,
    "PT": images.pt,
    "DX": images.dx,
    "MG": images.mg,
    "US": images.us,
    "US multi-frame": lambda study: images.us(study, frames=3),
    "SC": images.sc,
    "NM": images.nm,
    "enhanced CT": enhanced.enhanced_ct,
    "enhanced MR": enhanced.enhanced_mr,
    "SR": documents.sr,
    "KOS": documents.kos,
    "PR": documents.pr,
    "encapsulated PDF": documents.pdf,
    "RTSTRUCT": documents.rtstruct,
    "RTPLAN": documents.rtplan,
    "SEG": documents.seg,
    "CT burned": lambda study: images.ct(study, size=384, text=True),
    "DX burned": lambda study: images.dx(study, text=True),
    "MG burned": lambda study: images.mg(study, text=True),
}
_PRECEDING = ("CT",)
_SIGNED = 0.25


def generate(
    folder: Path,
    seed: int,
    *,
    patients: int = 3,
    kinds: tuple[str, ...] | None = None,
    level: str = "hostile",
    strangers: bool = True,
) -> list[Planted]:
    """Write objects of every kind for several patients, with ``answers.json`` beside them.

    Parameters
    ----------
    folder : Path
        Gets one folder a patient; folder names hold identifiers, as they do in life.
    seed : int
        The same seed gives the same bytes.
    patients : int
        The scripts of names follow each other, from a place that the seed chooses.
    kinds : tuple of str, optional
        Some of ``KINDS``; a CT comes first always, because others refer to it.
    level : {'hostile', 'plain', 'valid'}
        ``plain`` leaves out what breaks rules of the standard; ``valid`` plants nothing but the ordinary modules.
    strangers : bool
        Whether texts name people whom no header names: relatives, dictating physicians.
    """
    chance = Random(seed)
    first = chance.randrange(len(SCRIPTS))
    planted: list[Planted] = []
    for number in range(patients):
        one = person(chance, SCRIPTS[(first + number) % len(SCRIPTS)])
        study = Study(Random(chance.randrange(2**62)), one, strangers=strangers)
        wanted = [*_PRECEDING, *[kind for kind in kinds or KINDS if kind not in _PRECEDING]]
        place = folder / _folder_of(one, number)
        for kind in wanted:
            made = KINDS[kind](study)
            planted.append(_plant(study, made, folder, place, level))
    write_answers(folder / "answers.json", Answers(seed, tuple(planted)))
    return planted


def generate_series(folder: Path, seed: int, count: int) -> list[Planted]:
    """Write a series of CT slices of 526 kB with as many elements as a scanner's, for the speed."""
    chance = Random(seed)
    study = Study(Random(chance.randrange(2**62)), person(chance, "plain"))
    planted, made = [], images.ct(study, size=512)
    plantings.visit(study, made)
    plantings.private(study, made)
    _fill(study, made.dataset)
    dataset = made.dataset
    for place in range(count):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = study.uid()
        dataset.InstanceNumber, dataset.ImagePositionPatient = str(place + 1), ["-120", "-120", str(5 * place)]
        images.grey(dataset, images.speckle(study, (512, 512), 4095), 12)
        path = folder / f"{place:05d}.dcm"
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(writing.file_of(study, made, around=False))
        planted.append(_key(study, made, path.name))
    write_answers(folder / "answers.json", Answers(seed, tuple(planted)))
    return planted


def _fill(study: Study, dataset: Dataset) -> None:
    """Elements of a real scanner's header, until it has about 170."""
    for number in range(60):
        block = dataset.private_block(
            0x0043 if number % 2 else 0x0019, f"GEMS_{'PARM' if number % 2 else 'ACQU'}_01", create=True
        )
        block.add_new(0x80 + number, study.chance.choice(("DS", "SL", "SS")), study.chance.randrange(1, 900))
    dataset.ExposureTime, dataset.XRayTubeCurrent, dataset.Exposure = "600", "240", "12"
    dataset.GantryDetectorTilt, dataset.TableHeight, dataset.RotationDirection = "0", "151.5", "CW"
    dataset.FilterType, dataset.FocalSpots, dataset.WindowCenter, dataset.WindowWidth = "BODY", ["0.7"], "40", "400"
    dataset.DataCollectionDiameter, dataset.ReconstructionDiameter = "500", "360"
    dataset.DistanceSourceToDetector, dataset.DistanceSourceToPatient = "949", "541"
    dataset.SpiralPitchFactor, dataset.SingleCollimationWidth, dataset.TotalCollimationWidth = 1.375, 0.625, 40.0
    dataset.TableSpeed, dataset.TableFeedPerRotation, dataset.RevolutionTime = 110.0, 55.0, 0.5
    dataset.SliceLocation, dataset.SmallestImagePixelValue, dataset.LargestImagePixelValue = "-300", 0, 4095
    dataset.ScanOptions, dataset.GeneratorPower, dataset.CTDIvol, dataset.ExposureModulationType = (
        "HELICAL MODE",
        "34",
        9.1,
        "XYZ_EC",
    )


def _plant(study: Study, made: Made, folder: Path, place: Path, level: str) -> Planted:
    chance = study.chance
    if level != "valid":
        plantings.visit(study, made)
        plantings.nested(study, made)
        plantings.private(study, made)
        plantings.attributes(study, made, 25)
    if level == "hostile":
        _spoil(study, made)
    _encode(study, made, level)
    name = f"{made.kind.replace(' ', '_')}_{len(study.images)}_{study.series:02d}"
    if level != "valid" and chance.random() < 0.3:
        name += f"_{study.person.family}" if study.person.family.isascii() else f"_{study.person.other_id}"
    path = place / f"{name}.dcm"
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        raise FileExistsError("Two objects of one delivery have one name.")
    key = _key(study, made, path.relative_to(folder).as_posix())
    path.write_bytes(writing.file_of(study, made, around=level == "hostile" and chance.random() < 0.5))
    return key


def _spoil(study: Study, made: Made) -> None:
    chance, dataset = study.chance, made.dataset
    if "PixelData" in dataset and dataset.BitsAllocated > 1:
        if chance.random() < 0.3 and "NumberOfFrames" not in dataset:
            plantings.graphics(study, made)
        if chance.random() < 0.3:
            plantings.icon(study, made)
    if chance.random() < _SIGNED:
        plantings.signature(study, made)
    if chance.random() < 0.5:
        plantings.wrong_places(study, made)


def _encode(study: Study, made: Made, level: str) -> None:
    chance, dataset = study.chance, made.dataset
    if "PixelData" in dataset and dataset.BitsAllocated > 1:
        way = chance.choice(("", "", "rle", "jpeg", "jls", "j2k"))
        if way:
            writing.compress(made, way)
            return
    if chance.random() < 0.2 and level != "valid":
        plantings.implicit(made)
    elif chance.random() < 0.15 and not made.patches:
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian


def _in_text(made: Made) -> set[str]:
    """What stands only in the texts of an object, and is long enough not to be met by accident."""
    went = {word for phrase in made.phrases.values() for word in phrase.go}
    return {word for word in went if word.capitalize() not in COMMON and (len(word) >= 6 or not word.isascii())}


def _of_device(tag: int) -> bool:
    """Whether the option to retain the device's identity, which is part of `tcia`, keeps an attribute."""
    return bool((row_of(int(tag)) or {}).get("rtn_device_id"))


def _folder_of(one: Person, number: int) -> str:
    words = name_groups(one.name)[0]
    family = words[0] if words[0].isascii() else one.other_id
    return f"{family}_{''.join(c for c in one.patient_id if c.isalnum())}_{number}"


def _key(study: Study, made: Made, name: str) -> Planted:
    one = study.person
    written = set(dates(one.study)) | set(dates(one.birth))
    uids = {
        str(element.value) for element in made.dataset.iterall() if element.VR == "UI" and not _of_device(element.tag)
    }
    return Planted(
        name=name,
        kind=made.kind,
        patient=one.patient_id,
        identifiers=tuple(sorted({*identifiers(one), *_in_text(made)})),
        device=(one.station, one.serial),
        dates=tuple(sorted(written)),
        uids=tuple(sorted(uid for uid in uids if not uid.startswith("1.2.840.10008."))),
        demands={profile: demands(made, one, profile) for profile in PROFILES},
        burned=made.burned,
        must_hold=made.must_hold,
    )
