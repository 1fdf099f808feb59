"""Study, series and instance of what is released; a series has one row a revision, and revisions belong to releases.

A row in this room is public as far as its collection's policy says; nothing held is ever here.
"""

from invivo.images.arrival import Grown, await_staging, collections_with_arrived, enter_arrived, staging
from invivo.images.asking import read_rows
from invivo.images.facts import Facts, date_at, facts_of, json_bytes, pack_header, packed_frames, unpack_header
from invivo.images.instance import (
    Instance,
    StoredObject,
    UnknownInstance,
    files_of,
    find_instance,
    headers_of,
    instances_of,
    instances_of_series,
    packed_headers,
    packed_headers_of,
    sample_headers,
)
from invivo.images.metadata import read_metadata, write_metadata
from invivo.images.registration import Entry, Registered, mark_sites, register, register_all, withdraw
from invivo.images.series import (
    Series,
    Study,
    UnknownSeries,
    UnknownStudy,
    downloadable,
    find_series,
    find_study,
    find_subject,
    series_of_study,
    totals,
)

__all__ = [
    "Entry",
    "Facts",
    "Grown",
    "Instance",
    "Registered",
    "Series",
    "StoredObject",
    "Study",
    "UnknownInstance",
    "UnknownSeries",
    "UnknownStudy",
    "await_staging",
    "collections_with_arrived",
    "date_at",
    "downloadable",
    "enter_arrived",
    "facts_of",
    "files_of",
    "find_instance",
    "find_series",
    "find_study",
    "find_subject",
    "headers_of",
    "instances_of",
    "instances_of_series",
    "json_bytes",
    "mark_sites",
    "pack_header",
    "packed_frames",
    "packed_headers",
    "packed_headers_of",
    "read_metadata",
    "read_rows",
    "register",
    "register_all",
    "sample_headers",
    "series_of_study",
    "staging",
    "totals",
    "unpack_header",
    "withdraw",
    "write_metadata",
]
