"""The append-only journal of every change of state: who did what to which thing, when and why.

No verb changes or deletes an entry, and the database refuses to. Entries hold ids and codes, never values of a patient.
"""

from invivo.audit.journal import Entry, history, newest, note

__all__ = ["Entry", "history", "newest", "note"]
