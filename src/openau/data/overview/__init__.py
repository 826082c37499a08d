"""A page about a dataset: how often each AU occurs, with which others, people, emotions, examples."""

from openau.data.overview.page import write_overview
from openau.data.overview.statistics import Statistics, label_statistics

__all__ = ["Statistics", "label_statistics", "write_overview"]
