"""What the archive can show of itself: whether its files are whole, and how it meets what is asked of a repository."""

from invivo.assessment.evidence import Evidence, evidence
from invivo.assessment.fixity import Damage, Fixity, check_some, damages, fixity
from invivo.assessment.requirement import Framework, Requirement, UnknownRequirement, frameworks
from invivo.assessment.statement import Statement, statements, write_statement

__all__ = [
    "Damage",
    "Evidence",
    "Fixity",
    "Framework",
    "Requirement",
    "Statement",
    "UnknownRequirement",
    "check_some",
    "damages",
    "evidence",
    "fixity",
    "frameworks",
    "statements",
    "write_statement",
]
