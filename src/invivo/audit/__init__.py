"""The append-only journal of every change of state: who did what to which thing, when and why.

No verb changes or deletes an entry, and the database refuses to. Entries hold ids and codes, never values of a patient.
Entries are written without a lock and sealed afterwards: a seal is SHA-256 over the seal before it and over what it seals,
so whatever is changed, taken out or put in later is found by `verify`.
"""

from invivo.audit.export import FORMS, write
from invivo.audit.journal import Asked, Entry, history, newest, note, search, verbs
from invivo.audit.seal import Verdict, seal, verify

__all__ = [
    "FORMS",
    "Asked",
    "Entry",
    "Verdict",
    "history",
    "newest",
    "note",
    "seal",
    "search",
    "verbs",
    "verify",
    "write",
]
