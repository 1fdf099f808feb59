"""Questions: one query, one compiler and one answer for pages, REST, DICOMweb and DIMSE.

Counts, facets and rows come from the same statement and the same condition about what the actor may see.
"""

from invivo.search.address import pairs_of, pairs_of_query, parse_pairs
from invivo.search.age import Ages, ages
from invivo.search.description import describe_forgotten, describe_series
from invivo.search.field import FACETS, FIELDS, Field, UnknownField, column_of, field_named, field_of_attribute
from invivo.search.fuzzy import is_alike, names_alike
from invivo.search.gathered import FoundCollection
from invivo.search.growth import Growth, growth
from invivo.search.guide import TEXT as GUIDE
from invivo.search.guide import Example, Passage, counts_of_examples, example_of, examples, guide
from invivo.search.keeper import Moment, forget_changes, moment_of, prepare
from invivo.search.language import BadQuery, read, write
from invivo.search.match import Page, matches
from invivo.search.order import orders
from invivo.search.outline import Fault, outline, text_of_outline
from invivo.search.query import ALL, And, Compare, Having, Not, Or, Query, Text
from invivo.search.result import LEVELS, Facet, Found, FoundPage, count, facets, find, keys
from invivo.search.saved import Saved, UnknownSaved, change_saved, forget_saved, save, saved_by_token, saved_of
from invivo.search.suggestion import Proposal, suggest_attributes, suggest_values
from invivo.search.taking import note_taken
from invivo.search.telling import tell_subscribers
from invivo.search.total import Totals, totals_by_collection, totals_of, whole

__all__ = [
    "ALL",
    "FACETS",
    "FIELDS",
    "GUIDE",
    "LEVELS",
    "Ages",
    "And",
    "BadQuery",
    "Compare",
    "Example",
    "Facet",
    "Fault",
    "Field",
    "Found",
    "FoundCollection",
    "FoundPage",
    "Growth",
    "Having",
    "Moment",
    "Not",
    "Or",
    "Page",
    "Passage",
    "Proposal",
    "Query",
    "Saved",
    "Text",
    "Totals",
    "UnknownField",
    "UnknownSaved",
    "ages",
    "change_saved",
    "column_of",
    "count",
    "counts_of_examples",
    "describe_forgotten",
    "describe_series",
    "example_of",
    "examples",
    "facets",
    "field_named",
    "field_of_attribute",
    "find",
    "forget_changes",
    "forget_saved",
    "growth",
    "guide",
    "is_alike",
    "keys",
    "matches",
    "moment_of",
    "names_alike",
    "note_taken",
    "orders",
    "outline",
    "pairs_of",
    "pairs_of_query",
    "parse_pairs",
    "prepare",
    "read",
    "save",
    "saved_by_token",
    "saved_of",
    "suggest_attributes",
    "suggest_values",
    "tell_subscribers",
    "text_of_outline",
    "totals_by_collection",
    "totals_of",
    "whole",
    "write",
]
