"""Tallies of what is downloaded: which collection, how much, when; never by whom."""

from invivo.usage.tally import Figures, count_download, figures

__all__ = ["Figures", "count_download", "figures"]
