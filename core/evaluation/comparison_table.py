"""A comparison as a table for a paper or a spreadsheet: CSV, Markdown, LaTeX.

Every format has the same cells and ends with the conventions, so no number travels without them.
"""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

from core.errors import choose
from core.metrics.overlap import METRICS
from core.system.csv_cells import safe_cell

Rows = list[list[str]]
_SPECIAL = str.maketrans(
    {
        "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
        "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}",
        "−": r"$-$", "·": r"$\cdot$", "–": "--", "<": r"$<$", ">": r"$>$", "β": r"$\beta$",
    }
)  # fmt: skip


def comparison_table(comparison: dict[str, Any], *, form: str) -> str:
    """Models, then pairs, then subgroups.

    Args:
        comparison: From ``core.evaluation.comparison.compare``.
        form: Key of ``FORMS``.

    Raises:
        InputError: Unknown form.
    """
    write = choose("table format", form, FORMS)
    parts = [("all images", comparison)]
    parts += [(f"{part['by']}: {part['value']}", part) for part in comparison["subgroups"]]
    title = METRICS[comparison["metric"]].title
    models = [[name, *_model_cells(row)] for name, part in parts for row in part["models"]]
    pairs = [[name, *_pair_cells(row)] for name, part in parts for row in part["pairs"]]
    heads = (
        ["images", "model", "n", f"{title}, pooled", "95 %", "mean", "95 %", "median"],
        ["images", "a − b", "n", "mean difference", "95 %", "pooled", "95 %", "p", "p (Holm)"],
    )
    notes = [comparison["label"], *(f"{k}: {v}" for k, v in comparison["conventions"].items())]
    return write([[heads[0], *models], [heads[1], *pairs]], notes)


def _model_cells(row: dict[str, Any]) -> list[str]:
    return [
        row["model"], str(row["n"]), _number(row["pooled"]), _interval(row["pooled_ci95"]),
        _number(row["mean"]), _interval(row["ci95"]), _number(row["median"]),
    ]  # fmt: skip


def _pair_cells(row: dict[str, Any]) -> list[str]:
    return [
        f"{row['a']} − {row['b']}", str(row["n"]), _number(row["difference"], sign=True),
        _interval(row["ci95"], sign=True), _number(row["pooled_difference"], sign=True),
        _interval(row["pooled_ci95"], sign=True), _p(row["p"]), _p(row["p_holm"]),
    ]  # fmt: skip


def _csv(tables: Sequence[Rows], notes: Sequence[str]) -> str:
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    for table in tables:
        writer.writerows([*([safe_cell(cell) for cell in row] for row in table), []])
    writer.writerows([safe_cell(note)] for note in notes)
    return sink.getvalue()


def _markdown(tables: Sequence[Rows], notes: Sequence[str]) -> str:
    lines = []
    for head, *rows in tables:
        lines += [
            "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
            for cells in (head, ["---"] * len(head), *rows)
        ]
        lines.append("")
    return "\n".join([*lines, *(f"- {note}" for note in notes)]) + "\n"


def _latex(tables: Sequence[Rows], notes: Sequence[str]) -> str:
    lines = []
    for head, *rows in tables:
        lines += [rf"\begin{{tabular}}{{{'l' * 2}{'r' * (len(head) - 2)}}}", r"\hline"]
        for n, cells in enumerate((head, *rows)):
            lines.append(" & ".join(cell.translate(_SPECIAL) for cell in cells) + r" \\")
            if n == 0:
                lines.append(r"\hline")
        lines += [r"\hline", r"\end{tabular}", ""]
    return "\n".join([*lines, *(rf"% {note}" for note in notes)]) + "\n"


FORMS: dict[str, Callable[[Sequence[Rows], Sequence[str]], str]] = {
    "csv": _csv,
    "markdown": _markdown,
    "latex": _latex,
}


def _number(value: float | None, *, sign: bool = False) -> str:
    if value is None:
        return "undefined"
    return (f"{value:+.4f}" if sign else f"{value:.4f}").replace("-", "−")


def _interval(pair: list[float] | None, *, sign: bool = False) -> str:
    return "" if pair is None else " to ".join(_number(end, sign=sign) for end in pair)


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"
