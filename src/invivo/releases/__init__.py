"""Numbered, immutable published states of a collection.

A release adds, revises and withdraws series; what it does not touch it shares with the one before. What was published
stays citable: a withdrawn series leaves a tombstone that says when, why and by whose decision.
"""

from invivo.releases.change import Change, changes
from invivo.releases.citing import FORMS, apa, bibtex, csl, ris
from invivo.releases.credit import Creator, Credit, Funder, Related, credit_of, is_doi, tell_again, write_credit
from invivo.releases.datacite import attributes as datacite_attributes
from invivo.releases.datacite import xml as datacite_xml
from invivo.releases.description import Description, UnknownRelease, describe
from invivo.releases.difference import Changed, difference
from invivo.releases.growing import grow, has_grown
from invivo.releases.identifier import (
    Findable,
    Identifier,
    UnknownIdentifier,
    identifiers_of,
    mint,
    page_of,
    want_identifier,
)
from invivo.releases.landing import DESCRIBED_BY, croissant, json_ld, signposts
from invivo.releases.publication import NothingToPublish, NotSettled, Preview, preview, publish, withdraw
from invivo.releases.release import Release, Tombstone, newest, releases_of, tombstone_of, tombstones_of

__all__ = [
    "DESCRIBED_BY",
    "FORMS",
    "Change",
    "Changed",
    "Creator",
    "Credit",
    "Description",
    "Findable",
    "Funder",
    "Identifier",
    "NotSettled",
    "NothingToPublish",
    "Preview",
    "Related",
    "Release",
    "Tombstone",
    "UnknownIdentifier",
    "UnknownRelease",
    "apa",
    "bibtex",
    "changes",
    "credit_of",
    "croissant",
    "csl",
    "datacite_attributes",
    "datacite_xml",
    "describe",
    "difference",
    "grow",
    "has_grown",
    "identifiers_of",
    "is_doi",
    "json_ld",
    "mint",
    "newest",
    "page_of",
    "preview",
    "publish",
    "releases_of",
    "ris",
    "signposts",
    "tell_again",
    "tombstone_of",
    "tombstones_of",
    "want_identifier",
    "withdraw",
    "write_credit",
]
