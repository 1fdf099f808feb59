"""The other side of the wire: talks HTTP to any archive of ours and opens no database.

>>> from invivo.client import Archive
>>> archive = Archive("http://127.0.0.1:8042")  # doctest: +SKIP
>>> archive.download(archive.search(modality="CT"), "here")  # doctest: +SKIP
"""

from invivo.client.archive import Archive, Unreachable
from invivo.client.download import Fetched, fetch_series
from invivo.client.upload import send_file

__all__ = ["Archive", "Fetched", "Unreachable", "fetch_series", "send_file"]
