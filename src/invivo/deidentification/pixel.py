"""What may be written or seen in the pixels, as far as the header tells; BurnedInAnnotation NO is never trusted."""

import re
from functools import lru_cache

from pydicom.dataset import Dataset

from invivo import dicom
from invivo.deidentification import element as elements
from invivo.deidentification import region
from invivo.deidentification.region import Rectangle
from invivo.deidentification.report import Doubt

_SECONDARY = "1.2.840.10008.5.1.4.1.1.7"
_ULTRASOUND = ("1.2.840.10008.5.1.4.1.1.6", "1.2.840.10008.5.1.4.1.1.3")
_VISIBLE_LIGHT = "1.2.840.10008.5.1.4.1.1.77.1"
_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
_DOCUMENT = "1.2.840.10008.5.1.4.1.1.104"
_PHOTOGRAPHED = frozenset({"XC", "ES", "GM", "OP", "DMS", "SM", "OPT", "IVUS", "ECG", "OT", "SC", "DOC"})
_SCREEN = re.compile(
    r"dose ?(?:report|page|summary|info|sheet|record)|exam(?:ination)? ?(?:summary|report|protocol)|patient ?protocol"
    r"|screen ?(?:save|shot|capture)|3d ?saved",
    re.I,
)
_PAGE = re.compile(
    r"\bprint|\bfax|\bscanned\b|\breports?\b|worksheet|\bsummary|\bdoc\b|snapshot|key ?image|\bpaper\b", re.I
)
_HEAD = re.compile(
    r"head|brain|skull|face|facial|orbit|sinus|cranio|crani|neck|schädel|kopf|hirn|hals|whole ?body|neuro|temporal"
    r"|iac|dental|jaw|mandib",
    re.I,
)
_CLASS, _MODALITY, _BURNED_IN, _IMAGE_TYPE, _CONVERSION = 0x00080016, 0x00080060, 0x00280301, 0x00080008, 0x00080064
_DESCRIPTIONS = (0x0008103E, 0x00181030, 0x00081030)
_BODY_PART, _FRAMES = 0x00180015, 0x7FE00010


def known_regions(dataset: Dataset) -> list[Rectangle]:
    """Rectangles (x, y, width, height, in pixels, from the top left) in which the object's device is known to write."""
    return list(dict.fromkeys(region.regions_of(dataset)))


def pixel_risks(dataset: Dataset) -> list[Doubt]:
    """What a person should look at in the pixels of an object, judged by its header as it came.

    Returns
    -------
    list of Doubt
        ``hold`` where identifying text is likely or common in the class, ``warning`` where it happens,
        ``info`` for heads, whose faces can be reconstructed.
    """
    found = []
    planes = [tag for tag in dataset.keys() if tag & 0xFF00FFFF == 0x60000010]  # noqa: SIM118 - tags, not elements
    if any((tag & 0xFFFF0000 | 0x3000) not in dataset for tag in planes):
        found.append(Doubt("pixel.overlay-in-bits", "", "An overlay may be in unused bits of the pixels.", "hold"))
    texts = (_CLASS, _MODALITY, _BURNED_IN, _IMAGE_TYPE, _CONVERSION, *_DESCRIPTIONS, _BODY_PART)
    encodings = elements.encodings_of(dataset, ["iso8859"])
    told = tuple(region.text_at(dataset, tag, encodings) for tag in texts)
    found += _by_header(told, dicom.tag_of(_FRAMES) in elements.stored(dataset))
    if known_regions(dataset):
        found.append(Doubt("pixel.known-region", "", "The device is known to write into its pictures.", "hold"))
    return found


@lru_cache(maxsize=512)
def _by_header(texts: tuple[str, ...], has_pixels: bool) -> tuple[Doubt, ...]:
    sop_class, modality, burned_in, image_type, conversion, *described = texts
    found = []
    if _is_of(sop_class, _DOCUMENT):
        found.append(Doubt("pixel.document", "EncapsulatedDocument", "An encapsulated document is not read.", "hold"))
    if not has_pixels:
        return tuple(found)
    if burned_in.strip().upper() not in {"", "NO"}:
        found.append(Doubt("pixel.burned-in", "BurnedInAnnotation", "The object says that text is burned in.", "hold"))
    if _is_of(sop_class, _SECONDARY) or (conversion and modality in {"XA", "RF"}):
        found.append(Doubt("pixel.secondary-capture", "SOPClassUID", "Captured screens and films carry text.", "hold"))
    if any(_is_of(sop_class, family) for family in _ULTRASOUND) or modality in {"US", "IVUS"}:
        found.append(Doubt("pixel.ultrasound", "SOPClassUID", "Ultrasound pictures carry text.", "hold"))
    elif _is_of(sop_class, _SLIDE):
        found.append(Doubt("pixel.slide-label", "SOPClassUID", "A slide's label may be in the picture.", "warning"))
    elif _is_of(sop_class, _VISIBLE_LIGHT) or modality in _PHOTOGRAPHED:
        found.append(Doubt("pixel.photograph", "SOPClassUID", "Photographs show people and text.", "hold"))
    if any(_SCREEN.search(text) for text in (image_type.replace("_", " "), *described)):
        found.append(Doubt("pixel.screen", "ImageType", "This may be a picture of a screen or a report.", "hold"))
    elif any(_PAGE.search(text) for text in (image_type.replace("_", " "), *described)):
        found.append(Doubt("pixel.page", "SeriesDescription", "Its texts speak of a page or a report.", "hold"))
    if modality in {"CT", "MR"} and any(_HEAD.search(text) for text in described):
        found.append(Doubt("pixel.head", "BodyPartExamined", "A face may be reconstructed from this head.", "info"))
    return tuple(found)


def _is_of(sop_class: str, family: str) -> bool:
    return sop_class == family or sop_class.startswith(family + ".")
