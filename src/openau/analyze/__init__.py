"""The deep door of the instrument: from pictures and video to readings and tables.

`Analyzer` reads in Python; `analyze_paths` is the streaming run behind `openau analyze`.
"""

from openau.analyze.analyzer import Analysis, Analyzer
from openau.analyze.batch import analyze_paths
from openau.analyze.feed import Failure
from openau.analyze.resume import Counts
from openau.analyze.run import Listener, Summary
from openau.analyze.settings import Settings

__all__ = [
    "Analysis",
    "Analyzer",
    "Counts",
    "Failure",
    "Listener",
    "Settings",
    "Summary",
    "analyze_paths",
]
