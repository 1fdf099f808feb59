"""De-identification of one object: a pure function of the object, the profile and the mapping."""

from collections.abc import Sequence

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from invivo import dicom
from invivo.deidentification import element as elements
from invivo.deidentification import pixel, record, script_profile, table, verification
from invivo.deidentification.decision import root
from invivo.deidentification.identifier import Trace, traces_with
from invivo.deidentification.mapping import NO_PATIENT_ID, Mapping
from invivo.deidentification.memory import memory_of
from invivo.deidentification.profile import Profile
from invivo.deidentification.report import Action, CannotDeidentify, Cleaned, Doubt
from invivo.deidentification.script_profile import ScriptProfile
from invivo.deidentification.walk import Walk

_SOP_CLASS, _PATIENT_ID, _ISSUER, _STUDY = 0x00080016, 0x00100020, 0x00100021, 0x0020000D
_COMMITTEE, _APPROVAL = 0x00120081, 0x00120082
_NAME, _BIRTH_DATE = 0x00100010, 0x00100030


def deidentify(
    dataset: Dataset,
    profile: Profile,
    mapping: Mapping,
    known: Sequence[Trace] = (),
    traces: tuple[Trace, ...] | None = None,
) -> Cleaned:
    """Clean an object as a profile says.

    Parameters
    ----------
    dataset : Dataset
        The object as it was read; it is not changed. Pixel data is passed on, not looked at.
    profile : Profile
    mapping : Mapping
        Where UIDs, the subject and dates go.
    known : sequence of Trace
        Identifiers that the patient's other objects have; they are taken out of the texts of this one too.
    traces : tuple of Trace, optional
        All of them with those of the object, where they were gathered already.

    Returns
    -------
    Cleaned
        A copy with its file meta information built anew, every action, and every doubt. No value of the object is in
        either. Parts that need no change are shared with ``dataset``.

    Raises
    ------
    CannotDeidentify
        The object is not understood; nothing of it may pass.
    NotInLookup
        A lookup table that must be complete does not know the patient.

    References
    ----------
    DICOM PS3.15 Annex E.
    """
    sop_class = _text(dataset, _SOP_CLASS)
    if not sop_class:
        raise CannotDeidentify("The object does not say its SOP class.", code="deidentification.no-class")
    if isinstance(profile, ScriptProfile):
        patient, issuer = patient_of(dataset)
        variables = {"project": mapping.project, "subject": mapping.subject_label(patient, issuer)}
        return script_profile.run(dataset, profile, variables)
    if profile.verifies_only:
        return verification.verify(dataset, profile)
    patient, issuer, doubts = _patient_of(dataset)
    label, offset = mapping.subject_label(patient, issuer), mapping.date_offset_days(patient, issuer)
    encodings = elements.encodings_of(dataset, ["iso8859"])
    written = (sop_class, tuple(encodings), *dataset.original_encoding)
    traces = traces_with(dataset, profile, known) if traces is None else traces
    memory = memory_of(profile, mapping, traces, (label, offset), written)
    walk = Walk(profile, mapping, memory.cleaner, label, offset, memory)
    copy = walk.dataset(dataset, root(profile, sop_class), ["iso8859"])
    actions = _without_committee(copy, walk.actions)
    record.write_file_meta(dataset, copy)
    record.write(copy, profile, label)
    record.write_texts(copy, mapping.attributes_of(patient))
    return Cleaned(copy, tuple(actions), (*doubts, *walk.doubts, *pixel.pixel_risks(dataset)), label)


def _without_committee(copy: Dataset, actions: list[Action]) -> list[Action]:
    """Take out an ethics committee whose approval number went: the one may not stand without the other.

    References
    ----------
    DICOM PS3.3 C.7.1.3 (Clinical Trial Subject Module, type 1C).
    """
    stored = elements.stored(copy)
    if dicom.tag_of(_COMMITTEE) in stored and dicom.tag_of(_APPROVAL) not in stored:
        del stored[dicom.tag_of(_COMMITTEE)]
        path = table.name_of(_COMMITTEE)
        return [Action(path, "X", "type 1C") if action.path == path else action for action in actions]
    return actions


def patient_of(dataset: Dataset) -> tuple[str, str]:
    """Tell whose object it is: patient id and issuer, or what stands in for them."""
    patient, issuer, _ = _patient_of(dataset)
    return patient, issuer


def _patient_of(dataset: Dataset) -> tuple[str, str, list[Doubt]]:
    """Patient id and issuer, or what stands in for them, so that two nameless patients never become one."""
    patient = _text(dataset, _PATIENT_ID)
    if patient:
        return patient, _text(dataset, _ISSUER), []
    stand_in = "^".join((_text(dataset, _NAME), _text(dataset, _BIRTH_DATE)))
    text = "The object has no patient id; the subject is told from others by other means."
    doubt = Doubt("subject.without-id", "PatientID", text, "warning")
    return (stand_in if stand_in.strip("^ ") else _text(dataset, _STUDY)), NO_PATIENT_ID, [doubt]


def _text(dataset: Dataset, tag: int) -> str:
    element = elements.stored(dataset).get(BaseTag(tag))
    if element is None:
        return ""
    encodings = elements.encodings_of(dataset, ["iso8859"])
    vr = "PN" if tag == _NAME else "LO"
    return "\\".join(elements.texts_of(element, vr, encodings)).strip(" \0")
