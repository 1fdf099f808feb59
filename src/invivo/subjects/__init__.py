"""Subjects: people, animals and phantoms, by their label inside a collection; never by what identifies them elsewhere.

GUIDs tell that two subjects are one person, across collections and submitters, without telling who it is: the submitter's
side makes one-way codes of personal data, the archive compares them and gives out random labels.
"""

from invivo.subjects.guid import (
    Given,
    Guid,
    assign_guids,
    guid_parameters,
    promote_guid,
    pseudo_guids,
    resolve_guid,
)
from invivo.subjects.guid_label import BadLabel, read_guid
from invivo.subjects.guid_match import GuidMatch, decide_guid_match, guid_matches, may_judge
from invivo.subjects.guid_quota import A_DAY, AT_ONCE, BURST
from invivo.subjects.guid_rule import compared_fields, guid_rules
from invivo.subjects.subject import Subject, enter, enter_all

__all__ = [
    "AT_ONCE",
    "A_DAY",
    "BURST",
    "BadLabel",
    "Given",
    "Guid",
    "GuidMatch",
    "Subject",
    "assign_guids",
    "compared_fields",
    "decide_guid_match",
    "enter",
    "enter_all",
    "guid_matches",
    "guid_parameters",
    "guid_rules",
    "may_judge",
    "promote_guid",
    "pseudo_guids",
    "read_guid",
    "resolve_guid",
]
