"""Which values of an object identify somebody: gathered before anything is cleaned, at every depth."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

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


def _walk(dataset: Dataset, profile: Profile, encodings: list[str], prefix: str, depth: int) -> Iterator[Trace]:
    if depth > DEEPEST:
        raise CannotDeidentify("Sequences are nested too deep.", code="deidentification.too-deep")
    for tag in dataset.keys():  # noqa: SIM118 - tags, not elements
        element = dataset.get_item(tag)
        vr = _vr_of(tag, element.VR)
        kind: Kind | None = "name" if vr == "PN" else _KINDS.get(tag)
        if kind is not None:
            if effective_action(profile, tag, vr).code != "K" or profile.verifies_only:
                path = prefix + table.name_of(tag)
                for text in elements.texts_of(element, vr, encodings):
                    if text.strip():
                        yield Trace(path, kind, text.strip())
        elif vr == "SQ":
            for number, item in enumerate(elements.items_of(dataset, element, vr) or []):
                inside = f"{prefix}{table.name_of(tag)}[{number}]."
                yield from _walk(item, profile, elements.encodings_of(item, encodings), inside, depth + 1)


_VRS: dict[int, str] = {}


def _vr_of(tag: BaseTag, stated: str | None) -> str:
    if stated is not None and stated != "UN":
        return stated
    known = _VRS.get(tag)
    if known is None:
        known = table.standard_vr(tag) or "UN"
        if len(_VRS) < 20_000:
            _VRS[int(tag)] = known
    return known
