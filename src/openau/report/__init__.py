"""One self-contained HTML page about an analysis: no server, no internet, bounded size and memory."""

from openau.report.builder import ReportBuilder

__all__ = ["ReportBuilder"]
