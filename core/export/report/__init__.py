"""One case on one sheet: what was found, at which threshold, by which model, and its limits."""

from core.export.case import Case
from core.export.report.content import Report, report_of
from core.export.report.page import html_of
from core.export.report.sheet import pdf_of


def report_html(case: Case) -> bytes:
    """The report as one HTML file; it prints to A4."""
    return html_of(report_of(case))


def report_pdf(case: Case) -> bytes:
    """The report as PDF, A4; its text can be selected."""
    return pdf_of(report_of(case))


__all__ = ["Report", "report_html", "report_of", "report_pdf"]
