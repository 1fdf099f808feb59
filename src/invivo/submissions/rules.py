"""By which rules and maps the objects of a collection are de-identified, and what they make of doubts."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from pydicom.dataset import Dataset

from invivo import __version__, accounts, collections, deidentification
from invivo.archive import Archive
from invivo.errors import Invalid, InvivoError

Policy = collections.Collection | collections.Draft
# Doubts that rules may accept: classes of objects in which text is common. That something identifying is left is none of them.
ACCEPTABLE = {
    "pixel.secondary-capture": "Secondary captures and scanned films",
    "pixel.ultrasound": "Ultrasound",
    "pixel.photograph": "Photographs and endoscopy",
    "pixel.screen": "Screens, dose pages and reports",
    "pixel.document": "Encapsulated documents",
    "pixel.burned-in": "Objects that say that text is burned in",
    "pixel.known-region": "Devices known to write into their pictures",
}
_HEADS = frozenset({"pixel.head", "nifti.maybe-head"})
_RECORD = 64 - len(f"invivo {__version__}, PS3.15 Annex E, profile ")  # characters left in (0012,0063), an LO
_TOML_PLACE = re.compile(r"\(at (?:line (\d+), column (\d+)|end of document)\)")
_RULE_NUMBER = re.compile(r"\b[Rr]ule (\d+)\b")
_QUOTED = re.compile(r"'([^']{1,80})'")
_FACELESS = re.compile(
    r"\b(?:de-?fac(?:ed|ing)|face[ -](?:was |has been )?removed|face removal|facial features? (?:were |was )?removed"
    r"|skull[- ]?stripp(?:ed|ing)|brain[- ]extract(?:ed|ion))\b",
    re.IGNORECASE,
)
_NOT = re.compile(r"\b(?:not|no|without|non|before|un)[\s-]+(?:\w+\s+)?$", re.IGNORECASE)
_WHERE_SAID = ("DerivationDescription", "AcquisitionDeviceProcessingDescription", "AcquisitionProtocolDescription")


class RulesRefused(Invalid):
    """Rules that cannot be carried out. It carries ``part`` (which text), ``line``, ``column`` and ``reason``."""

    code = "collection.rules-refused"

    def __init__(self, reason: str, part: str = "text", line: int = 1, column: int = 1) -> None:
        super().__init__(f"Line {line}, column {column}: {reason}", line=line, column=column)
        self.part, self.reason, self.line, self.column = part, reason, line, column


class RulesNotLoaded(Invalid):
    """The collection was not read together with its rules: nothing may pass by rules that are not known."""

    code = "collection.rules-not-loaded"


@dataclass(frozen=True, slots=True)
class Warned:
    """Something legal in rules that their owner should know; ``part`` says in which text."""

    part: str
    line: int
    column: int
    text: str


class KeptMapping(deidentification.Mapping):
    """Maps everything to itself: for objects that have been mapped before."""

    __slots__ = ()

    def uid(self, uid: str) -> str:
        """The same UID."""
        return uid.strip(" \0")

    def subject_label(self, patient_id: str, issuer: str = "") -> str:  # noqa: ARG002 - the parent names it
        """The same label."""
        return patient_id

    def date_offset_days(self, patient_id: str, issuer: str = "") -> int:  # noqa: ARG002 - the parent names it
        """No days: dates were shifted before."""
        return 0

    def pseudonym(self, text: str) -> str:
        """The same code."""
        return text


def profile_for(policy: Policy) -> deidentification.Profile:
    """Return the de-identification profile that is in force in a collection.

    Its version names the collection and the number of the rules: ``1 + LUNG 3``. Of a collection that is only drafted it is
    the built-in profile with its options.

    Raises
    ------
    Invalid
        The rules contradict themselves, or cannot be loaded (any more), or were not read with the collection: nothing may
        pass.
    """
    if isinstance(policy, collections.Draft):
        return deidentification.profile_named(policy.profile).with_options(frozenset(policy.profile_options))
    rules = _rules_of(policy)
    profile = profile_of_rules(rules)
    if rules.kind == "builtin" and len(rules.text.split()) == 1:
        return profile
    return _named(profile, policy.short_name, rules.version)


def _rules_of(policy: collections.Collection) -> collections.Rules:
    if policy.rules is None:
        raise RulesNotLoaded("The collection was read without its rules.")
    return policy.rules


def _named(profile: deidentification.Profile, short_name: str, version: int) -> deidentification.Profile:
    """Write collection and number into the profile's version, so that the whole fits into the object's record."""
    own = f" + {short_name[:12].rstrip('-._')} {version}"
    if isinstance(profile, deidentification.ScriptProfile):
        return replace(profile, version=f"{profile.version}{own}", title=f"{profile.title}{own}")
    room = max(4, _RECORD - len(f" {profile.version}{own}"))
    return replace(profile, name=profile.name[:room], version=f"{profile.version}{own}")


def profile_of_rules(rules: collections.Rules | collections.RulesDraft) -> deidentification.Profile:
    """Load what rules say, wholly or not at all.

    Raises
    ------
    RulesRefused
    """
    try:
        if rules.kind == "builtin":
            name, *options = rules.text.split() or [""]
            return deidentification.profile_named(name).with_options(frozenset(options))
        if rules.kind == "toml":
            return deidentification.profile_of_text(rules.text)
    except InvivoError as error:
        _refuse_text(rules.text, error.message)
    except RecursionError:
        raise RulesRefused("The rules are nested too deep.") from None
    return _script_profile(rules)


def _refuse_text(text: str, message: str) -> NoReturn:
    """Say where in a profile something is wrong: TOML says it itself, of the rest the word or rule is looked up."""
    place = _TOML_PLACE.search(message)
    number, quoted = _RULE_NUMBER.search(message), _QUOTED.search(message)
    word, offset = quoted[1] if quoted else "" if place else _unknown_attribute(text), 0
    if place:
        last = text.rpartition("\n")[2]
        line, column = (int(place[1]), int(place[2])) if place[1] else (text.count("\n") + 1, len(last) + 1)
        raise RulesRefused(_TOML_PLACE.sub("", message).replace(" .", "."), "text", line, column)
    if word and word in text:
        offset = text.index(word)
    elif number:
        starts = [found.start() for found in re.finditer(r"^\s*\[\[\s*rules\s*\]\]", text, re.MULTILINE)]
        offset = starts[min(int(number[1]), len(starts)) - 1] if starts else 0
    line = text.count("\n", 0, offset) + 1
    raise RulesRefused(message, "text", line, offset - (text.rfind("\n", 0, offset) + 1) + 1)


def _unknown_attribute(text: str) -> str:
    """The first attribute of a profile's rules that is none, as it is written."""
    try:
        rules = tomllib.loads(text).get("rules", [])
        for rule in rules:
            for part in str(rule.get("attribute", "")).strip("/").split("/"):
                try:
                    deidentification.effective_action(deidentification.profile_named("basic"), part)
                except InvivoError:
                    return str(rule["attribute"])
    except (tomllib.TOMLDecodeError, AttributeError, TypeError):
        return ""
    return ""


def _script_profile(rules: collections.Rules | collections.RulesDraft) -> deidentification.Profile:
    part = "lookup"
    try:
        form = rules.lookup_form or ("dicomedit" if rules.kind == "dicomedit" else "properties")
        lookup = deidentification.read_lookup(rules.lookup, form=form) if rules.lookup.strip() else None
        part = "text"
        script = deidentification.load_script(rules.text, kind="ctp" if rules.kind == "ctp" else None, lookup=lookup)
        if script.kind.startswith("dicomedit") is not (rules.kind == "dicomedit"):
            raise RulesRefused("This is a script of another kind than the one chosen.")
        part = "pixel_text"
        pixels = deidentification.load_pixel_script(rules.pixel_text) if rules.pixel_text.strip() else None
        part = "filter_text"
        found = deidentification.load_filter(rules.filter_text) if rules.filter_text.strip() else None
    except deidentification.ScriptRefused as error:
        raise RulesRefused(error.reason, part, error.line, error.column) from None
    return deidentification.script_profile(script, pixel_script=pixels, object_filter=found)


def warnings_of(rules: collections.Rules | collections.RulesDraft) -> list[Warned]:
    """Return what the owner of rules should know about them; empty for built-in ones and TOML.

    Raises
    ------
    RulesRefused
    """
    profile = profile_of_rules(rules)
    if not isinstance(profile, deidentification.ScriptProfile) or profile.script is None:
        return []
    return [Warned("text", one.line, one.column, one.text) for one in profile.script.warnings]


def check_rules(draft: collections.RulesDraft) -> None:
    """Check that rules can be carried out and accept no doubt that must hold.

    Raises
    ------
    RulesRefused
    Invalid
    """
    collections.check_rules(draft)
    unknown = sorted(set(draft.accepted) - ACCEPTABLE.keys())
    if unknown:
        raise Invalid(f"{unknown[0]} is no doubt that rules may accept.", code="collection.rules-accepted")
    profile_of_rules(draft)


def write_rules(archive: Archive, actor: accounts.Actor, collection_id: int, draft: collections.RulesDraft) -> int:
    """Keep rules as the next version of a collection's, as a draft; return its number.

    Raises
    ------
    Refused
        The actor does not own the collection.
    RulesRefused
        They cannot be carried out; nothing is kept.
    Invalid
    """
    check_rules(draft)
    with archive.database.transaction() as tx:
        return collections.add_rules(tx, actor, collection_id, draft)


def enforce_rules(archive: Archive, actor: accounts.Actor, collection_id: int, version: int) -> collections.Rules:
    """Put a version of a collection's rules in force for what arrives from now on.

    Raises
    ------
    Refused
    UnknownRules, NotForward
    RulesRefused
        They cannot be carried out any more; what was in force stays.
    """
    profile_of_rules(collections.rules_version(archive, actor, collection_id, version))
    with archive.database.transaction() as tx:
        return collections.put_in_force(tx, actor, collection_id, version)


def mapping_for(archive: Archive, policy: collections.Collection) -> deidentification.Mapping:
    """Return the keyed maps of a collection: the same object sent a year later maps the same."""
    return deidentification.Mapping(
        secret=archive.secret(f"collection:{policy.id}"),
        subject_prefix=f"{policy.short_name[:30]}-",
        project=str(policy.id),
    )


def kept_mapping_for(archive: Archive, policy: collections.Collection) -> KeptMapping:
    """Return the map of a collection's released objects to themselves, for a second pass over them."""
    return KeptMapping(
        secret=archive.secret(f"collection:{policy.id}"),
        subject_prefix=f"{policy.short_name[:30]}-",
        project=str(policy.id),
    )


def weighed(
    rules: collections.Rules | collections.RulesDraft, doubts: Sequence[deidentification.Doubt], *, is_defaced: bool
) -> list[deidentification.Doubt]:
    """Say what rules make of the doubts about an object.

    A doubt whose code is accepted holds nothing any more; a head is held if the rules say so, or if they want evidence of
    defacing and the object as it came shows none (`shows_defacing`).
    """
    wants_head_held = rules.head_policy == "hold" or (rules.head_policy == "evidence" and not is_defaced)
    found = []
    for doubt in doubts:
        if doubt.code in _HEADS and wants_head_held:
            found.append(replace(doubt, severity="hold"))
        elif doubt.severity == "hold" and doubt.code in rules.accepted and doubt.code in ACCEPTABLE:
            found.append(replace(doubt, severity="warning"))
        else:
            found.append(doubt)
    return found


def weighed_for(
    policy: collections.Collection, doubts: Sequence[deidentification.Doubt], original: Dataset
) -> list[deidentification.Doubt]:
    """Say what the rules in force in a collection make of the doubts about an object, given as it came."""
    rules = _rules_of(policy)
    return weighed(rules, doubts, is_defaced=rules.head_policy == "evidence" and shows_defacing(original))


def shows_defacing(dataset: Dataset) -> bool:
    """Tell whether an object, as it came, says that its face was taken off.

    Evidence is Recognizable Visual Features NO, the code of the Clean Recognizable Visual Features Option, or the words of
    a derivation or acquisition. What an object says is no proof: a person who doubts it looks at the pictures.

    References
    ----------
    DICOM PS3.15 E.3.2; PS3.16 CID 7050; PS3.3 C.7.6.1 (0028,0302).
    """
    if str(dataset.get("RecognizableVisualFeatures", "") or "").strip().upper() == "NO":
        return True
    codes = dataset.get("DeidentificationMethodCodeSequence") or []
    if any(str(item.get("CodeValue", "")).strip() == "113102" for item in codes):
        return True
    return any(_says_faceless(str(dataset.get(keyword, "") or "")[:10_240]) for keyword in _WHERE_SAID)


def _says_faceless(text: str) -> bool:
    return any(not _NOT.search(text[: found.start()][-40:]) for found in _FACELESS.finditer(text))
