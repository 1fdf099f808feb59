"""The decision for an element at its place in an object, remembered: every object of a series has the same places."""

from dataclasses import dataclass, field
from functools import lru_cache

from invivo import dicom
from invivo.deidentification import action, table
from invivo.deidentification.element import CHARACTER_SET
from invivo.deidentification.profile import BINARY_VRS, DATE_VRS, Effective, Profile, effective_action
from invivo.deidentification.report import Action

_FIRST_TAG = 0x00080000
_MOST_DECISIONS = 4096
_STRINGS = action.TEXT_VRS | DATE_VRS | {"CS", "DS", "IS", "AS", "UI", "PN", "UR"}
# Texts in which numbers and dates are versions and codes: only the object's own identifiers are taken out.
_VERSIONS = frozenset(
    {
        *("SoftwareVersions", "ConvolutionKernel", "CodeValue", "LongCodeValue", "CodingSchemeVersion", "SequenceName"),
        *(
            "CodingSchemeDesignator",
            "PulseSequenceName",
            "AlgorithmVersion",
            "ApplicationVersion",
            "DeidentificationMethod",
        ),
        *("TimezoneOffsetFromUTC", "SecondaryCaptureDeviceSoftwareVersions", "MIMETypeOfEncapsulatedDocument"),
    }
)
_CODED = frozenset({"CodeValue", "CodingSchemeDesignator", "CodingSchemeVersion", "LongCodeValue", "CodeMeaning"})
_LABELLED = frozenset({"PatientID", "PatientName", "ClinicalTrialSubjectID", "ClinicalTrialSubjectReadingID"})
_DISTINCT = frozenset({"SpecimenIdentifier", "ContainerIdentifier"})


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done with an element, by which way (a method of the walk), and why.

    ``fallback`` is the code where the value turns out not to be what its VR says; ``value`` is what a rule writes.
    """

    way: str
    code: str
    vr: str
    rule: str
    name: str
    fallback: str
    value: str | None = None
    noted: dict[str, Action] = field(default_factory=dict, compare=False)

    def note(self, prefix: str, code: str | None = None) -> Action:
        """The report's line; shared between objects where the place is the root."""
        letter = code or self.code
        if prefix:
            return Action(prefix + self.name, letter, self.rule)
        known = self.noted.get(letter)
        if known is None:
            known = self.noted[letter] = Action(self.name, letter, self.rule)
        return known


class Place:
    """A data set's place in objects of one SOP class: the root, or inside the sequences ``path``."""

    __slots__ = ("_children", "_decisions", "_profile", "_sop_class", "dummies", "names", "path")

    def __init__(self, profile: Profile, sop_class: str, path: tuple[int, ...], dummies: bool) -> None:
        self._profile = profile
        self._sop_class = sop_class
        self._decisions: dict[tuple[int, str | None], Decision] = {}
        self._children: dict[tuple[int, bool], Place] = {}
        self.path = path
        self.names = tuple(table.name_of(tag) for tag in path)
        self.dummies = dummies

    def decision(self, tag: int, stated: str | None) -> Decision:
        """Decision for a tag with the VR that stands in the file (None: implicit)."""
        known = self._decisions.get((tag, stated))
        if known is None:
            if len(self._decisions) > _MOST_DECISIONS:
                self._decisions.clear()
            known = self._decisions[(tag, stated)] = self._decide(tag, stated)
        return known

    def inside(self, tag: int, *, dummies: bool) -> "Place":
        """The place inside a sequence of this one."""
        key = (tag, dummies or self.dummies)
        known = self._children.get(key)
        if known is None:
            if len(self._children) > _MOST_DECISIONS:
                self._children.clear()
            known = self._children[key] = Place(self._profile, self._sop_class, (*self.path, tag), key[1])
        return known

    def _decide(self, tag: int, stated: str | None) -> Decision:
        name, standard = table.name_of(tag), table.standard_vr(tag)
        vr = standard if stated in {None, "UN"} and standard else stated or "UN"
        if tag < _FIRST_TAG or not tag & 0xFFFF:
            return Decision("remove", "X", vr, "group length or foreign group", name, "X")
        if tag == CHARACTER_SET:
            return Decision("characters", "K", "CS", "character set", name, "X")
        in_iod_type = dicom.attribute_type(self._sop_class, (*self.names, name)) if standard else None
        effective = effective_action(self._profile, tag, vr, in_iod_type, path=self.path)
        row = table.row_of(tag)
        fallback = action.choose(row.basic if row else "X/Z/D", in_iod_type)
        rule = self._profile.rule_for((*self.path, tag))
        if _is_disguised(vr, standard):
            effective, vr = Effective(fallback, "VR does not fit the attribute"), standard or vr
        elif self.dummies and rule is None and vr in action.TEXT_VRS and name not in _CODED and effective.code in "KC":
            effective = Effective("D", "text inside a dummy sequence")
        way = "keep" if rule and effective.code == "K" and vr != "SQ" else _way(effective.code, vr, name)
        value = rule.value if rule else None
        return Decision(way, effective.code, vr, effective.reason, name, fallback, value)


def _is_disguised(vr: str, standard: str | None) -> bool:
    """Whether an attribute of text is stored as numbers or bytes, where no check of text would look."""
    return standard in _STRINGS | {"SQ"} and vr not in _STRINGS and vr != "SQ"


def _way(code: str, vr: str, name: str) -> str:  # noqa: PLR0911 - a table of codes and VRs
    if code in "XZ":
        return {"X": "remove", "Z": "empty"}[code]
    if vr == "SQ":
        return "enter"
    if code == "D":
        special = "label" if name in _LABELLED else "pseudonym" if name in _DISTINCT else "dummy"
        return "uid" if vr == "UI" else special
    if code == "U":
        return "uid" if vr == "UI" else "remove"
    if vr in action.TEXT_VRS:
        if name == "CodeMeaning":
            return "meaning"
        return "strip" if code == "K" or name in _VERSIONS else "clean"
    if vr in DATE_VRS:
        return "date" if code == "K" else "shift"
    if vr in BINARY_VRS:
        return "binary" if code == "K" else "graphics"
    return {"DS": "number", "IS": "number", "CS": "term", "AS": "age", "UI": "kept_uid"}.get(vr, "keep")


@lru_cache(maxsize=256)
def root(profile: Profile, sop_class: str) -> Place:
    """The root of objects of a SOP class under a profile."""
    return Place(profile, sop_class, (), False)
