"""The static report page of a run: one file with everything in it, and its charts as images for slides."""

from demo.report.page import Page, build_page
from demo.report.write import write_report

__all__ = ["Page", "build_page", "write_report"]
