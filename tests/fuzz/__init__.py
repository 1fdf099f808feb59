"""Hostile input by the million: what ``make fuzz`` runs for as long as asked, and what it once found.

Each target is a module with ``seeds``, ``mutated`` and ``check``; ``check`` raises on any finding. The inputs under
``corpus`` are those that once led to one, made small; the tests run them, and a few thousand mutations besides.
"""
