"""The worker's door: takes jobs from the queue and calls the verbs they name."""

from invivo.worker.loop import run_worker
from invivo.worker.table import VERBS

__all__ = ["VERBS", "run_worker"]
