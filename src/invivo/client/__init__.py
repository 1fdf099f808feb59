"""The other side of the wire: talks HTTP to any archive of ours and opens no database.

>>> from invivo.client import Archive
>>> archive = Archive("http://127.0.0.1:8042")  # doctest: +SKIP
>>> archive.download(archive.search(modality="CT"), "here")  # doctest: +SKIP
"""

from invivo.client.answer import Unreachable
from invivo.client.archive import Archive
from invivo.client.download import Fetched, fetch_series
from invivo.client.guid_asking import Assigned, Guids
from invivo.client.guid_code import Parameters, codes_of, messages_of
from invivo.client.guid_person import COLUMNS, OPTIONAL, REQUIRED, Problem, person_of, plain_name
from invivo.client.guid_table import BadTable, Row, Table, assign_table, read_people, write_guids
from invivo.client.hook import ForgedHook, verify_hook
from invivo.client.upload import send_file

__all__ = [
    "COLUMNS",
    "OPTIONAL",
    "REQUIRED",
    "Archive",
    "Assigned",
    "BadTable",
    "Fetched",
    "ForgedHook",
    "Guids",
    "Parameters",
    "Problem",
    "Row",
    "Table",
    "Unreachable",
    "assign_table",
    "codes_of",
    "fetch_series",
    "messages_of",
    "person_of",
    "plain_name",
    "read_people",
    "send_file",
    "verify_hook",
    "write_guids",
]
