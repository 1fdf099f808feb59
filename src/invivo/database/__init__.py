"""One PostgreSQL: a server given by a DSN or the embedded one, its pool, its migrations, and SQL that is joined safely.

Every room has its own schema and is its only writer. Two database roles separate what a process may touch:
``invivo_public`` (web and DIMSE doors; no table of ``quarantine`` or ``reviews``) and ``invivo_staff`` (desk, worker, CLI).
"""

from invivo.database.compose import Condition, Statement, compare, everything, fresh, join, nothing
from invivo.database.connection import Database, DatabaseAway, Tx, connect, connection_text, rows
from invivo.database.migration import NewerDatabase, migrate, pending
from invivo.database.postmaster import NoServer, Postmaster, PostmasterFailed
from invivo.database.sending import Sent, array, send

__all__ = [
    "Condition",
    "Database",
    "DatabaseAway",
    "NewerDatabase",
    "NoServer",
    "Postmaster",
    "PostmasterFailed",
    "Sent",
    "Statement",
    "Tx",
    "array",
    "compare",
    "connect",
    "connection_text",
    "everything",
    "fresh",
    "join",
    "migrate",
    "nothing",
    "pending",
    "rows",
    "send",
]
