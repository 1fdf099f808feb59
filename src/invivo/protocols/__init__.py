"""The doors of other people's protocols: one folder each, which reads their words, asks the rooms' verbs and writes the answer.

Nothing here knows SQL, storage layout or permissions. What the HTTP protocols share is in `wire` and `negotiation`; every
HTTP folder exports ``routes`` with absolute paths; every folder has a README that says which operations it answers.
"""

from invivo.protocols import dicomweb, dimse, rest, tus

__all__ = ["dicomweb", "dimse", "rest", "tus"]
