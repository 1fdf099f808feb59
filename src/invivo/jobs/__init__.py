"""Work to do later, in the same database: a job is queued in the transaction that makes it necessary.

Jobs are procrastinate's. A job has a name and a key; while one with the same name and key waits, another is not queued,
and two with the same key never run at once. `worker` holds the table of names and verbs.
"""

from invivo.jobs.queue import Job, enqueue, enqueue_all, enqueue_later, waiting

__all__ = ["Job", "enqueue", "enqueue_all", "enqueue_later", "waiting"]
