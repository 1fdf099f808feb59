"""Bytes leaving: what a choice holds, and packages whose length and every byte are known before the first one is read.

A package is a ZIP with stored entries. Sizes and CRCs are in the database, so any byte range can be made at any time: an
interrupted download goes on where it stopped, and the result is the same to the bit.
"""

from invivo.downloads.citation import citation, licence_text, summary
from invivo.downloads.package import Package
from invivo.downloads.selection import File, NothingChosen, Refusal, Selection, select
from invivo.downloads.stored import StoredFile

__all__ = [
    "File",
    "NothingChosen",
    "Package",
    "Refusal",
    "Selection",
    "StoredFile",
    "citation",
    "licence_text",
    "select",
    "summary",
]
