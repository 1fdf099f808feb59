"""The command line: one file a noun, every listing also as JSON, every error with what to do next."""

from invivo.cli.application import main

__all__ = ["main"]
