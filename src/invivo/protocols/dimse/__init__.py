"""The DICOM upper layer door: C-ECHO and C-STORE, for any storage SOP class and transfer syntax.

See README.md for the conformance table.
"""

from invivo.protocols.dimse.server import run, start

__all__ = ["run", "start"]
