"""Bytes leaving: what a choice holds, and packages whose length and every byte are known before the first one is read.

A package is a bag (RFC 8493) as a ZIP or a tar. Sizes and digests are in the database, so any byte range can be made at any
time: an interrupted download goes on where it stopped, and the result is the same to the bit. What is chosen and may not be had
is listed in it with the reason.
"""

from invivo.downloads.bag import refused_table
from invivo.downloads.citation import citation, licence_text, summary
from invivo.downloads.container import CONTAINERS
from invivo.downloads.conversion import FORMS as CONVERSIONS
from invivo.downloads.conversion import (
    ConversionTooLarge,
    Converted,
    Converting,
    NoConverter,
    NotConvertible,
    convert,
)
from invivo.downloads.layout import LAYOUTS, unique
from invivo.downloads.package import Package
from invivo.downloads.selection import (
    KEPT_ELSEWHERE,
    MOST_BYTES,
    MOST_FILES,
    File,
    KeptElsewhere,
    NothingChosen,
    PackageTooLarge,
    Refusal,
    Selection,
    folder_of,
    need_files,
    select,
)
from invivo.downloads.stored import StoredFile

__all__ = [
    "CONTAINERS",
    "CONVERSIONS",
    "KEPT_ELSEWHERE",
    "LAYOUTS",
    "MOST_BYTES",
    "MOST_FILES",
    "ConversionTooLarge",
    "Converted",
    "Converting",
    "File",
    "KeptElsewhere",
    "NoConverter",
    "NotConvertible",
    "NothingChosen",
    "Package",
    "PackageTooLarge",
    "Refusal",
    "Selection",
    "StoredFile",
    "citation",
    "convert",
    "folder_of",
    "licence_text",
    "need_files",
    "refused_table",
    "select",
    "summary",
    "unique",
]
