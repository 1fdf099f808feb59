"""The other side of the wire: talks HTTP to any archive of ours and opens no database.

>>> from invivo.client import Archive
>>> archive = Archive("http://127.0.0.1:8042")  # doctest: +SKIP
>>> archive.table("modality:CT age>60").to_pandas()  # doctest: +SKIP
>>> archive.download(archive.search("modality:CT age>60"), "here")  # doctest: +SKIP
"""

from invivo.client.answer import Unreachable
from invivo.client.archive import Archive
from invivo.client.choice import (
    RESOLVER,
    Barred,
    Choice,
    Weight,
    address_of_doi,
    base_of,
    choose,
    pairs_of,
    read_list,
    weigh,
)
from invivo.client.download import DiskFull, Fetched, NotData, Way, fetch_series
from invivo.client.fetching import fetch_all, has_files, write_report
from invivo.client.guid_asking import Assigned, Guids
from invivo.client.guid_code import Parameters, codes_of, messages_of
from invivo.client.guid_person import COLUMNS, OPTIONAL, REQUIRED, Problem, person_of, plain_name
from invivo.client.guid_table import BadTable, Row, Table, assign_table, read_people, write_guids
from invivo.client.hook import ForgedHook, verify_hook
from invivo.client.index import (
    BadQuestion,
    NoDuckDB,
    columns_of,
    fetch_index,
    query_index,
    tables_of,
)
from invivo.client.layout import Layout, layout_of, read_layout
from invivo.client.nifti import NoConverter, convert, converter, in_form
from invivo.client.pace import Pace, Stopped, read_limit
from invivo.client.store import STORE, StoreDiffers
from invivo.client.upload import send_file
from invivo.client.volume import Irregular, NoVolume, Volume, read_volume

__all__ = [
    "COLUMNS",
    "OPTIONAL",
    "REQUIRED",
    "RESOLVER",
    "STORE",
    "Archive",
    "Assigned",
    "BadQuestion",
    "BadTable",
    "Barred",
    "Choice",
    "DiskFull",
    "Fetched",
    "ForgedHook",
    "Guids",
    "Irregular",
    "Layout",
    "NoConverter",
    "NoDuckDB",
    "NoVolume",
    "NotData",
    "Pace",
    "Parameters",
    "Problem",
    "Row",
    "Stopped",
    "StoreDiffers",
    "Table",
    "Unreachable",
    "Volume",
    "Way",
    "Weight",
    "address_of_doi",
    "assign_table",
    "base_of",
    "choose",
    "codes_of",
    "columns_of",
    "convert",
    "converter",
    "fetch_all",
    "fetch_index",
    "fetch_series",
    "has_files",
    "in_form",
    "layout_of",
    "messages_of",
    "pairs_of",
    "person_of",
    "plain_name",
    "query_index",
    "read_layout",
    "read_limit",
    "read_list",
    "read_people",
    "read_volume",
    "send_file",
    "tables_of",
    "verify_hook",
    "weigh",
    "write_guids",
    "write_report",
]
