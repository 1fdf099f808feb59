"""Questions: one query, one compiler and one answer for pages, REST, DICOMweb and DIMSE.

Counts, facets and rows come from the same statement and the same condition about what the actor may see.
"""

from invivo.search.field import FACETS, FIELDS, Field, UnknownField, field_named, field_of_attribute
from invivo.search.fuzzy import is_alike, names_alike
from invivo.search.match import Page, matches
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
    "Page",
    "Query",
    "Text",
    "UnknownField",
    "count",
    "facets",
    "field_named",
    "field_of_attribute",
    "find",
    "is_alike",
    "matches",
    "names_alike",
    "pairs_of",
    "parse_pairs",
]
