"""Bytes by SHA-256, written once, fsynced before anybody is told that they are kept.

An object has a place: today a file ``ab/cd/<sha256>`` under a root; a backend may later keep many objects in one blob and
give key, offset and length. There are two roots, so that what is held is never beside what is public.
"""

from invivo.storage.disk import DiskFull, DiskStore
from invivo.storage.store import Missing, Place, Spooled, Store, TooManyBytes

__all__ = ["DiskFull", "DiskStore", "Missing", "Place", "Spooled", "Store", "TooManyBytes"]
