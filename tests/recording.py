"""Recorded answers: compared as they lie in ``tests/golden``, written anew by ``make golden`` and reviewed as a diff."""

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def matches_golden(name: str, text: str) -> bool:
    """Return whether a text is what was recorded; with ``INVIVO_GOLDEN=write`` record it instead."""
    path = FOLDER / name
    if os.environ.get("INVIVO_GOLDEN") == "write":
        path.write_text(text, "utf-8")
    return path.read_text("utf-8") == text
