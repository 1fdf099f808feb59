"""The DICOM upper layer door: our own PS3.8 and DIMSE services on asyncio, one event loop a process.

See README.md for the table of services, and `statement` for the conformance statement.
"""

from invivo.protocols.dimse.conformance import statement
from invivo.protocols.dimse.server import run, start

__all__ = ["run", "start", "statement"]
