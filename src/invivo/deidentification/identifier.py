"""Which values of an object identify somebody: gathered before anything is cleaned, at every depth."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from invivo.deidentification import element as elements
from invivo.deidentification import table
from invivo.deidentification.profile import Profile, effective_action
from invivo.deidentification.report import CannotDeidentify

Kind = Literal["name", "id", "place", "date"]
DEEPEST = 32
_KEYWORDS: dict[Kind, tuple[str, ...]] = {
    "id": (
        *("PatientID", "OtherPatientIDs", "AccessionNumber", "AdmissionID", "ServiceEpisodeID", "MedicalRecordLocator"),
        *("InsurancePlanIdentification", "StudyID", "FillerOrderNumberImagingServiceRequest", "RequestedProcedureID"),
        *("PlacerOrderNumberImagingServiceRequest", "ScheduledProcedureStepID", "PerformedProcedureStepID"),
        *("SpecimenAccessionNumber", "SpecimenIdentifier", "ContainerIdentifier", "SlideIdentifier", "ResultsID"),
        *("PatientTelephoneNumbers", "ReferringPhysicianTelephoneNumbers", "PersonTelephoneNumbers", "DetectorID"),
        *("OrderCallbackPhoneNumber", "DeviceSerialNumber", "InterpretationID", "PatientTelecomInformation"),
        *("ClinicalTrialSubjectID", "ClinicalTrialSubjectReadingID", "PlacerOrderNumberProcedure", "PlateID"),
        *("FillerOrderNumberProcedure", "PersonTelecomInformation", "CassetteID", "GantryID", "GeneratorID"),
    ),
    "place": (
        *("InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName", "PatientAddress", "StationName"),
        *(
            "ReferringPhysicianAddress",
            "PersonAddress",
            "IssuerOfPatientID",
            "ResponsibleOrganization",
            "RequestingService",
        ),
        *("ScheduledStationName", "PerformedStationName", "PerformedLocation", "ScheduledProcedureStepLocation"),
        *("CurrentPatientLocation", "PatientInstitutionResidence", "ScheduledStudyLocation", "VerifyingOrganization"),
        *("ClinicalTrialSiteName", "ClinicalTrialCoordinatingCenterName", "HumanPerformerOrganization"),
        *("StationAETitle", "ScheduledStationAETitle", "PerformedStationAETitle", "RegionOfResidence"),
        *("OrderEntererLocation", "CustodialOrganizationName", "TreatmentMachineName"),
    ),
    "date": ("PatientBirthDate",),
}
_KINDS: dict[int, Kind] = {
    tag: kind
    for kind, keywords in _KEYWORDS.items()
    for tag in (tag_for_keyword(keyword) for keyword in keywords)
    if tag is not None
}


class Trace(NamedTuple):
    """A value that identifies somebody, and where it stood."""

    path: str
    kind: Kind
    text: str


def traces_of(dataset: Dataset, profile: Profile) -> tuple[Trace, ...]:
    """Every identifying value of an object that the profile does not mean to keep.

    Raises
    ------
    CannotDeidentify
        Nested too deep, or a broken sequence.
    """
    found: dict[tuple[Kind, str], Trace] = {}
    for trace in _walk(dataset, profile, elements.encodings_of(dataset, ["iso8859"]), "", 0):
        found.setdefault((trace.kind, trace.text), trace)
    return tuple(found.values())


def traces_from(known: Iterable[tuple[str, str]]) -> tuple[Trace, ...]:
    """Traces of pairs (kind, value) that were kept somewhere; of unknown kinds none."""
    kinds: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}
    return tuple(Trace("another object", kinds[kind], value) for kind, value in known if kind in kinds)


def traces_with(dataset: Dataset, profile: Profile, known: Sequence[Trace]) -> tuple[Trace, ...]:
    """The traces of an object and those known of its patient, in an order that is the same for all of them."""
    own = traces_of(dataset, profile)
    if not known:
        return own
    found = {(trace.kind, trace.text): trace for trace in (*own, *known)}
    return tuple(found[key] for key in sorted(found))


def _walk(dataset: Dataset, profile: Profile, encodings: list[str], prefix: str, depth: int) -> Iterator[Trace]:
    if depth > DEEPEST:
        raise CannotDeidentify("Sequences are nested too deep.", code="deidentification.too-deep")
    for tag, element in elements.stored(dataset).items():
        vr = element.VR
        if vr is None or vr == "UN":
            vr = _vr_of(tag)
        kind: Kind | None = "name" if vr == "PN" else _KINDS.get(tag)
        if kind is not None:
            if _goes(profile, int(tag), vr):
                for text in elements.texts_of(element, vr, encodings):
                    if text.strip():
                        yield Trace(prefix + table.name_of(tag), kind, text.strip())
        elif vr == "SQ":
            yield from _inside(dataset, element, profile, encodings, prefix, depth)


def _inside(
    dataset: Dataset, element: elements.Element, profile: Profile, encodings: list[str], prefix: str, depth: int
) -> Iterator[Trace]:
    """The traces in a sequence, remembered by its bytes: the objects of a series have the same ones."""
    value = element.value
    if depth or not isinstance(value, bytes) or len(value) > _LONGEST_REMEMBERED:
        yield from _items(dataset, element, profile, encodings, prefix, depth)
        return
    key = (profile, int(element.tag), value, tuple(encodings), dataset.original_encoding)
    known = _REMEMBERED.get(key)
    if known is None:
        known = tuple(_items(dataset, element, profile, encodings, prefix, depth))
        if len(_REMEMBERED) >= _MOST_REMEMBERED:
            _REMEMBERED.clear()
        _REMEMBERED[key] = known
    yield from known


def _items(
    dataset: Dataset, element: elements.Element, profile: Profile, encodings: list[str], prefix: str, depth: int
) -> Iterator[Trace]:
    for number, item in enumerate(elements.items_of(dataset, element, "SQ") or []):
        inside = f"{prefix}{table.name_of(element.tag)}[{number}]."
        yield from _walk(item, profile, elements.encodings_of(item, encodings), inside, depth + 1)


_REMEMBERED: dict[tuple[object, ...], tuple[Trace, ...]] = {}
_LONGEST_REMEMBERED = 1 << 14
_MOST_REMEMBERED = 1024


@lru_cache(maxsize=4096)
def _goes(profile: Profile, tag: int, vr: str) -> bool:
    return profile.verifies_only or effective_action(profile, tag, vr).code != "K"


@lru_cache(maxsize=20_000)
def _vr_of(tag: int) -> str:
    return table.standard_vr(tag) or "UN"
