"""People, animals and phantoms, by their label inside a collection; never by what identifies them elsewhere."""

from invivo.subjects.subject import Subject, enter

__all__ = ["Subject", "enter"]
