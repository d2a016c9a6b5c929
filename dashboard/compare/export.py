"""All of a comparison in one HTML page that needs no network: charts, tables and words."""

import csv
import io
from html import escape

from plotly.graph_objects import Figure

from core.evaluation.comparison_table import comparison_table
from dashboard.common.widgets import RESEARCH_ONLY
from dashboard.compare import charts as charts_compare
from dashboard.compare.data import Compared

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;color:#1b2227;max-width:1000px;margin:2rem auto;"
    "padding:0 1rem}table{border-collapse:collapse;margin:1rem 0;font-variant-numeric:tabular-nums}"
    "td,th{padding:.2rem .7rem;border-bottom:1px solid #cdd4d8;text-align:left}"
    "div.table{overflow-x:auto}small{color:#5b6f82}"
)


def figures(found: Compared) -> list[Figure]:
    """The charts that follow from the numbers alone."""
    comparison, metric = found.comparison, found.metric
    images, styles = list(found.samples), found.styles
    scores = found.scores()
    charts = [
        charts_compare.score_distribution(scores, images, styles, metric=metric, chosen=""),
        charts_compare.differences(comparison, metric=metric),
        charts_compare.reliability(found.documents, styles),
    ]
    charts += [
        charts_compare.subgroup_bars(comparison["subgroups"], styles, by=kind, metric=metric)
        for kind in dict.fromkeys(part["by"] for part in comparison["subgroups"])
    ]
    return charts


def report_html(found: Compared) -> str:
    """A page with everything in it, Plotly's script too, so about 5 MB."""
    title = escape(found.comparison["label"])
    drawn = [
        metric.update_layout(template="plotly_white").to_html(
            full_html=False, include_plotlyjs="inline" if n == 0 else False
        )
        for n, metric in enumerate(figures(found))
    ]
    table = comparison_table(found.comparison, form="csv")
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>"
        f"<style>{STYLE}</style><h1>{escape(' · '.join(found.names))}</h1><p>{title}</p>"
        f"<p><strong>{RESEARCH_ONLY}</strong></p>{''.join(drawn)}{_tables(table)}</html>"
    )


def _tables(text: str) -> str:
    """The blocks of a CSV as tables; lines of one cell are notes."""
    parts: list[str] = []
    rows: list[list[str]] = []
    for row in [*csv.reader(io.StringIO(text)), []]:
        if len(row) > 1:
            rows.append(row)
        elif rows:
            head, *body = rows
            cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
            lines = "".join(
                "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>"
                for line in body
            )
            parts.append(f"<div class=table><table><tr>{cells}</tr>{lines}</table></div>")
            rows = []
        if len(row) == 1:
            parts.append(f"<p><small>{escape(row[0])}</small></p>")
    return "".join(parts)
