"""Questions: one query, one compiler and one answer for pages, REST, DICOMweb and DIMSE.

Counts, facets and rows come from the same statement and the same condition about what the actor may see.
"""

from invivo.search.field import FACETS, FIELDS, Field, UnknownField, field_named
from invivo.search.query import ALL, And, Compare, Not, Or, Query, Text
from invivo.search.result import LEVELS, Facet, Found, FoundPage, count, facets, find
from invivo.search.syntax import pairs_of, parse_pairs

__all__ = [
    "ALL",
    "FACETS",
    "FIELDS",
    "LEVELS",
    "And",
    "Compare",
    "Facet",
    "Field",
    "Found",
    "FoundPage",
    "Not",
    "Or",
    "Query",
    "Text",
    "UnknownField",
    "count",
    "exactly",
    "facets",
    "field_named",
    "find",
    "pairs_of",
    "parse_pairs",
]
