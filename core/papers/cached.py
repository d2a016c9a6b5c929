"""The reproduction that comes with the program, for whoever has not run one: ``docs/papers.json``.

It is what ``python -m core papers report --out docs`` wrote. Own runs always come first.
"""

from typing import Any

from core.errors import InputError
from core.system.files import read_json
from core.system.home import ROOT

RESULTS = ROOT / "docs" / "papers.json"
PAPER_METRICS = ("printed", "proper", "data", "epochs", "seeds", "folds", "seconds", "hardware")
"""What of a row is a result; the rest is of the preset."""

Document = dict[str, Any]


def with_cached(rows: list[Document]) -> list[Document]:
    """Rows of presets, with the scores that came along where no own run has any.

    Args:
        rows: From ``core.papers.report.preset_row``.

    Returns:
        The rows; ``made`` is the day of scores that came along, None where they are own ones.
    """
    try:
        report: Document = read_json(RESULTS)
    except InputError:  # none came along
        report = {"presets": []}
    came = {row["name"]: row for row in report["presets"] if row["proper"]}
    found = []
    for row in rows:
        kept = None if row["proper"] else came.get(row["name"])
        results = {key: kept[key] for key in PAPER_METRICS} if kept else {}
        found.append({**row, **results, "made": report["generated"] if kept else None})
    return found
