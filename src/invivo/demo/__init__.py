"""`invivo demo`: a whole archive on real sample data, sent through the real doors and decided by real people's verbs."""

from invivo.demo.run import run

__all__ = ["run"]
