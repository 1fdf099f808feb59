"""Numbered, immutable published states of a collection.

A release adds, revises and withdraws series; what it does not touch it shares with the one before. What was published
stays citable: a withdrawn series leaves a tombstone that says when, why and by whose decision.
"""

from invivo.releases.growing import grow, has_grown
from invivo.releases.publication import NothingToPublish, NotSettled, Preview, preview, publish, withdraw
from invivo.releases.release import Release, Tombstone, newest, releases_of, tombstone_of, tombstones_of

__all__ = [
    "NotSettled",
    "NothingToPublish",
    "Preview",
    "Release",
    "Tombstone",
    "grow",
    "has_grown",
    "newest",
    "preview",
    "publish",
    "releases_of",
    "tombstone_of",
    "tombstones_of",
    "withdraw",
]
