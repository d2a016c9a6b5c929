"""Cells of a CSV that a spreadsheet shows as text and never runs as a formula.

A file name or the name of a model can begin with ``=``; see OWASP, *CSV Injection*.
"""

from collections.abc import Mapping
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(value: Any) -> Any:  # noqa: ANN401 - whatever a table holds
    """A value as a cell; text that would begin a formula gets an apostrophe before it.

    Numbers stay as they are, written as text too.
    """
    if not isinstance(value, str) or not value.startswith(_FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def safe_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """``safe_cell`` of every value."""
    return {name: safe_cell(value) for name, value in row.items()}
