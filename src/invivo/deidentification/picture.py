"""The pixels of an object in its passage: what its class and device make likely, what was found, and what is left open."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import BaseTag

from invivo.deidentification import element as elements
from invivo.deidentification import pixel, record
from invivo.deidentification.burned_in import (
    Attention,
    CannotHide,
    Known,
    PixelOutcome,
    clean_pixels,
    clear_unused_bits,
)
from invivo.deidentification.identifier import Trace
from invivo.deidentification.profile import Profile
from invivo.deidentification.region import Rectangle
from invivo.deidentification.report import Action, Cleaned, Doubt
from invivo.deidentification.script_profile import ScriptProfile
from invivo.deidentification.text import Cleaner

PIXEL_DATA = BaseTag(0x7FE00010)
_CLEAN_PIXEL_DATA = "113101"
# Classes of objects of which every frame is read, and the doubts that are settled by having read them.
_RISKY = frozenset(
    {
        *("pixel.ultrasound", "pixel.secondary-capture", "pixel.burned-in", "pixel.known-region", "pixel.screen"),
        *("pixel.page", "pixel.photograph"),
    }
)
_SETTLED = frozenset({"pixel.ultrasound", "pixel.burned-in", "pixel.known-region", "pixel.page"})
_KNOWN_REGION = "pixel.known-region"
_OVERLAY = "pixel.overlay-in-bits"


def with_clean_pixels(
    original: Dataset, cleaned: Cleaned, profile: Profile, traces: tuple[Trace, ...], attention: Attention | None
) -> Cleaned:
    """Hide what identifies in the pixels of a cleaned object, and say what stays in doubt.

    Parameters
    ----------
    original : Dataset
        The object as it came: by its header devices and classes are known.
    cleaned : Cleaned
    profile : Profile
    traces : tuple of Trace
        The patient's identifiers, which are looked for in what is read.
    attention : Attention, optional
        Of the series, which learns from this object.

    References
    ----------
    DICOM PS3.15 E.3.1; PS3.3 C.7.6.3 (Burned In Annotation).
    """
    if profile.verifies_only or PIXEL_DATA not in elements.stored(cleaned.dataset):
        return cleaned
    doubts = list(cleaned.doubts)
    dataset = cleaned.dataset
    if any(doubt.code == _OVERLAY for doubt in doubts):
        try:
            dataset = clear_unused_bits(dataset)
        except CannotHide:
            return cleaned
        doubts = [doubt for doubt in doubts if doubt.code != _OVERLAY]
    risky = any(doubt.code in _RISKY for doubt in doubts)
    regions = [*_regions(original, profile, doubts), *cleaned.regions]
    way = _Way(profile.hides_all_text, risky, attention)
    outcome = _looked_at(dataset, regions, traces, way)
    if not any(doubt.severity == "hold" for doubt in outcome.doubts):
        doubts = [doubt for doubt in doubts if doubt.code not in _SETTLED]
    if outcome.touched:
        dataset = _recorded(outcome.dataset)
    hidden = [Action("PixelData", "C", f"burned-in text, {len(outcome.hidden)} rectangles")] if outcome.touched else []
    return replace(cleaned, dataset=dataset, actions=(*cleaned.actions, *hidden), doubts=(*doubts, *outcome.doubts))


def _regions(original: Dataset, profile: Profile, doubts: Sequence[Doubt]) -> list[Rectangle]:
    """Rectangles of the device, and those of a foreign pixel script."""
    found = pixel.known_regions(original) if any(doubt.code == _KNOWN_REGION for doubt in doubts) else []
    if isinstance(profile, ScriptProfile) and profile.pixel_script is not None:
        found += [rectangle for rectangle in profile.pixel_script.rectangles(original) if rectangle not in found]
    return found


class _Way(NamedTuple):
    """How pixels are looked at: does all text go, is every frame read, what is known of the series."""

    everything: bool
    thorough: bool
    attention: Attention | None


def _looked_at(dataset: Dataset, regions: Iterable[Rectangle], traces: tuple[Trace, ...], way: _Way) -> PixelOutcome:
    known, cleaner = _judges(traces)
    try:
        return clean_pixels(
            dataset,
            known=known,
            regions=regions,
            everything=way.everything,
            thorough=way.thorough,
            attention=way.attention,
            identifies=cleaner.finds,
        )
    except Exception:  # because hostile attributes break codecs in ways of their own, and then nobody has looked
        text = "The pixels could not be looked at."
        return PixelOutcome(dataset, doubts=(Doubt("pixel.not-decoded", "PixelData", text, "hold"),))


@lru_cache(maxsize=32)
def _judges(traces: tuple[Trace, ...]) -> tuple[Known, Cleaner]:
    return Known([trace.text for trace in traces]), Cleaner(traces)


def _recorded(dataset: Dataset) -> Dataset:
    """The header of an object whose pixels were changed."""
    dataset.BurnedInAnnotation = "NO"
    if _CLEAN_PIXEL_DATA not in record.declared_codes(dataset):
        codes: Sequence[Dataset] = list(dataset.get("DeidentificationMethodCodeSequence") or [])
        dataset.DeidentificationMethodCodeSequence = Items([*codes, record.coded(_CLEAN_PIXEL_DATA)])
    return dataset
