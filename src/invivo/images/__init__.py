"""Study, series and instance of what is released; a series has one row a revision, and revisions belong to releases.

A row in this room is public as far as its collection's policy says; nothing held is ever here.
"""

from invivo.images.arrival import Grown, await_staging, collections_with_arrived, enter_arrived, staging
from invivo.images.asking import read_rows
from invivo.images.catalogue import ARRIVING, Catalogued, enter_catalogued, settle_catalogued
from invivo.images.elsewhere import Location, locations_of
from invivo.images.facts import Facts, date_at, facts_of, json_bytes, pack_header, packed_frames, unpack_header
from invivo.images.geometry import Geometry
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
from invivo.images.leaving import (
    drop_derived,
    drop_pictures,
    end_all,
    hide,
    is_released,
    purge,
    put_back,
    show_again,
)
from invivo.images.measuring import Measuring
from invivo.images.metadata import read_metadata, write_metadata
from invivo.images.quality import (
    MARKS,
    MOST_MARKS,
    PARTS,
    REASONS,
    Mark,
    Marking,
    Wanted,
    mark_series,
    marks_of,
    read_marks,
    shown_mark,
    weigh_marks,
)
from invivo.images.reference import Missing, References, Related, references_of
from invivo.images.registration import Entry, Registered, mark_sites, register, register_all
from invivo.images.retelling import retell
from invivo.images.segment import Code, Segment, segments_in
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
from invivo.images.shape import geometry_of
from invivo.images.showcase import Shown, showcase

__all__ = [
    "ARRIVING",
    "MARKS",
    "MOST_MARKS",
    "PARTS",
    "REASONS",
    "Catalogued",
    "Code",
    "Entry",
    "Facts",
    "Geometry",
    "Grown",
    "Instance",
    "Location",
    "Mark",
    "Marking",
    "Measuring",
    "Missing",
    "References",
    "Registered",
    "Related",
    "Segment",
    "Series",
    "Shown",
    "StoredObject",
    "Study",
    "UnknownInstance",
    "UnknownSeries",
    "UnknownStudy",
    "Wanted",
    "await_staging",
    "collections_with_arrived",
    "date_at",
    "downloadable",
    "drop_derived",
    "drop_pictures",
    "end_all",
    "enter_arrived",
    "enter_catalogued",
    "facts_of",
    "files_of",
    "find_instance",
    "find_series",
    "find_study",
    "find_subject",
    "geometry_of",
    "headers_of",
    "hide",
    "instances_of",
    "instances_of_series",
    "is_released",
    "json_bytes",
    "locations_of",
    "mark_series",
    "mark_sites",
    "marks_of",
    "pack_header",
    "packed_frames",
    "packed_headers",
    "packed_headers_of",
    "purge",
    "put_back",
    "read_marks",
    "read_metadata",
    "read_rows",
    "references_of",
    "register",
    "register_all",
    "retell",
    "sample_headers",
    "segments_in",
    "series_of_study",
    "settle_catalogued",
    "show_again",
    "showcase",
    "shown_mark",
    "staging",
    "totals",
    "unpack_header",
    "weigh_marks",
    "write_metadata",
]
