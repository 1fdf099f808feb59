"""A foreign script in the place of a profile: it says what becomes of an object, and our proof looks at what it made."""

from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from invivo.deidentification import element as elements
from invivo.deidentification import pixel, record, scripts
from invivo.deidentification.identifier import Trace, traces_of
from invivo.deidentification.profile import Profile, profile_named
from invivo.deidentification.report import CannotDeidentify, Cleaned, Doubt

# What no script may leave in an object: the patient. Of anything else a script that keeps it is taken at its word.
_PATIENT = frozenset(
    {
        *("PatientName", "PatientID", "PatientBirthDate", "OtherPatientIDs", "OtherPatientNames", "PatientBirthName"),
        *("PatientMotherBirthName", "PatientAddress", "PatientTelephoneNumbers", "MedicalRecordLocator"),
        *("PatientTelecomInformation", "ResponsiblePerson", "MilitaryRank"),
    }
)
_PATIENT_ID = 0x00100020


@dataclass(frozen=True, slots=True)
class ScriptProfile(Profile):
    """A profile whose rules stand in a foreign script. Two with the same name and version are the same."""

    script: scripts.Script | None = field(default=None, compare=False)
    pixel_script: scripts.PixelScript | None = field(default=None, compare=False)
    object_filter: scripts.Filter | None = field(default=None, compare=False)
    numbers: scripts.Numbers | None = field(default=None, compare=False)
    __hash__ = Profile.__hash__


def script_profile(
    script: scripts.Script,
    *,
    pixel_script: scripts.PixelScript | None = None,
    object_filter: scripts.Filter | None = None,
    numbers: scripts.Numbers | None = None,
) -> ScriptProfile:
    """Make a profile of a loaded script; its version is the digest of the script's text.

    Objects that ``object_filter`` does not match are held. ``numbers`` keeps what ``@integer`` and ``mapUID`` give out.
    """
    return ScriptProfile(
        name=script.kind,
        version=script.version,
        title=script.title,
        script=script,
        pixel_script=pixel_script,
        object_filter=object_filter,
        numbers=numbers,
    )


def run(dataset: Dataset, profile: ScriptProfile, variables: Table[str, str]) -> Cleaned:
    """Run the script of a profile on an object.

    Raises
    ------
    CannotDeidentify
        A function failed, a key is missing, or the script puts the object aside.
    """
    if profile.script is None:
        raise CannotDeidentify("The profile has no script.", code="deidentification.no-script")
    doubts: list[Doubt] = []
    if profile.object_filter is not None and not profile.object_filter.matches(dataset):
        doubts.append(Doubt("script.filtered", "", "The object filter does not let this object through.", "hold"))
    applied = scripts.apply(profile.script, dataset, variables=variables, numbers=profile.numbers)
    if applied.outcome == "skipped":
        doubts.append(Doubt("script.skipped", "", "The script leaves this object untouched.", "hold"))
    record.write_scripted(applied.dataset, profile)
    label = _text(applied.dataset, _PATIENT_ID)
    regions = tuple(
        (fill.left, fill.top, fill.right - fill.left + 1, fill.bottom - fill.top + 1) for fill in applied.fills
    )
    return Cleaned(applied.dataset, applied.actions, (*doubts, *pixel.pixel_risks(dataset)), label, regions)


def traces_meant_to_go(original: Dataset, fresh: Dataset, known: Sequence[Trace]) -> tuple[Trace, ...]:
    """The identifiers of an object that its script did not keep on purpose, and the patient's in any case."""
    elsewhere = [trace for trace in known if trace.path.rpartition(".")[2] in _PATIENT]
    kept = {(trace.path, trace.text) for trace in traces_of(fresh, profile_named("basic"))}
    here = (
        trace
        for trace in traces_of(original, profile_named("basic"))
        if trace.path.rpartition(".")[2] in _PATIENT or (trace.path, trace.text) not in kept
    )
    return (*here, *elsewhere)


def _text(dataset: Dataset, tag: int) -> str:
    found = [element for key, element in elements.stored(dataset).items() if int(key) == tag]
    return "\\".join(elements.texts_of(found[0], "LO", elements.encodings_of(dataset, ["iso8859"]))) if found else ""
