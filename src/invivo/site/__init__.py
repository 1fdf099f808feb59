"""At the submitter's site: a folder is de-identified there, and the secret and the maps stay there.

It uses the same engine as the archive and opens no database of an installation. Everything that tells who somebody is
(the secret, the ledger of a run with the names of its files, the maps of ids) lies in files of the site's own.
"""

from invivo.site.cleaning import Plan, is_label
from invivo.site.folder import Overlapping, Progress, deidentify_folder, keep_apart
from invivo.site.ledger import Ledger, LedgerMismatch, Outcome
from invivo.site.numbers import Numbers
from invivo.site.report import summary_of, write_report
from invivo.site.secret import SecretMissing, SecretUnreadable, fingerprint, read_secret

__all__ = [
    "Ledger",
    "LedgerMismatch",
    "Numbers",
    "Outcome",
    "Overlapping",
    "Plan",
    "Progress",
    "SecretMissing",
    "SecretUnreadable",
    "deidentify_folder",
    "fingerprint",
    "is_label",
    "keep_apart",
    "read_secret",
    "summary_of",
    "write_report",
]
