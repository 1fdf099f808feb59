"""De-identification scored: objects with planted identifiers, an answer key, and engines beside each other.

python -m bench.deidentification --seed 7 --engine invivo --out scores

The generator and the scores know nothing of the engine that is measured: they read with pydicom and look into raw bytes.
"""

from bench.deidentification.answers import Answers, Burned, Demand, Planted, read_answers, write_answers
from bench.deidentification.engines import Run, by_command, by_library, unchanged
from bench.deidentification.generator import KINDS, generate, generate_series
from bench.deidentification.scores import Scores, score

__all__ = [
    "KINDS",
    "Answers",
    "Burned",
    "Demand",
    "Planted",
    "Run",
    "Scores",
    "by_command",
    "by_library",
    "generate",
    "generate_series",
    "read_answers",
    "score",
    "unchanged",
    "write_answers",
]
