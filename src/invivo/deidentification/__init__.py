"""PS3.15 Annex E: what becomes of every element of an object, and the proof that nothing identifying is left.

Pure: an object, a profile and a mapping go in; a cleaned copy, the actions and the doubts come out. It keeps nothing,
asks no database, and never decides about doubts: whoever calls holds an object that has some. What it does not
understand it refuses (CannotDeidentify).
"""

from invivo.deidentification.burned_in import Attention, CannotHide, hide
from invivo.deidentification.dataset import deidentify, patient_of
from invivo.deidentification.file import CleanedFile, FileReport, clean_file, deidentify_file
from invivo.deidentification.identifier import Trace, traces_from, traces_of
from invivo.deidentification.mapping import Mapping, NotInLookup
from invivo.deidentification.other_files import CleanedOther, clean_other
from invivo.deidentification.pixel import known_regions, pixel_risks
from invivo.deidentification.profile import OPTIONS, Effective, Profile, Rule, effective_action, profile_named, profiles
from invivo.deidentification.profile_file import profile_of_text
from invivo.deidentification.proof import leftovers
from invivo.deidentification.report import Action, CannotDeidentify, Cleaned, Doubt
from invivo.deidentification.script_profile import ScriptProfile, script_profile
from invivo.deidentification.scripts import (
    Lookup,
    MemoryNumbers,
    ScriptRefused,
    load_filter,
    load_pixel_script,
    load_script,
    read_lookup,
)

__all__ = [
    "OPTIONS",
    "Action",
    "Attention",
    "CannotDeidentify",
    "CannotHide",
    "Cleaned",
    "CleanedFile",
    "CleanedOther",
    "Doubt",
    "Effective",
    "FileReport",
    "Lookup",
    "Mapping",
    "MemoryNumbers",
    "NotInLookup",
    "Profile",
    "Rule",
    "ScriptProfile",
    "ScriptRefused",
    "Trace",
    "clean_file",
    "clean_other",
    "deidentify",
    "deidentify_file",
    "effective_action",
    "hide",
    "known_regions",
    "leftovers",
    "load_filter",
    "load_pixel_script",
    "load_script",
    "patient_of",
    "pixel_risks",
    "profile_named",
    "profile_of_text",
    "profiles",
    "read_lookup",
    "script_profile",
    "traces_from",
    "traces_of",
]
