"""The offline report and the notebook display: both only arrange scenes."""

from pellucid.report.notebook import display, mimebundle
from pellucid.report.page import write_report
from pellucid.report.report import Edition, Finding, Report, Section

__all__ = ["Edition", "Finding", "Report", "Section", "display", "mimebundle", "write_report"]
