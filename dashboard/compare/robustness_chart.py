"""How scores hold when images differ, as a chart."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from core.evaluation.robustness import AS_IS
from dashboard.common.colours import Style
from dashboard.compare.charts import error_bars, plain_chart, unit_range, with_legend

ROW_PX = 30


def perturbed(
    documents: Sequence[dict[str, Any]], styles: Mapping[str, Style], *, metric: str
) -> go.Figure:
    """A row for each way by which images differ, a mark for each model.

    Args:
        documents: From ``core.evaluation.robustness``, one for each model, with the same ways.
        styles: Of the models.
        metric: Title of the metric.
    """
    titles = ["As they are", *(row["title"] for row in documents[0]["perturbations"])]
    places = list(range(len(titles)))[::-1]
    chart = plain_chart(f"What is left of {metric}?", x=f"{metric}, pooled", y="")
    apart = min(0.22, 0.6 / len(documents))
    for n, document in enumerate(documents):
        name = document["model"]
        style = styles[name]
        rows = [document[AS_IS], *document["perturbations"]]
        known = [
            (place + ((len(documents) - 1) / 2 - n) * apart, title, row)
            for place, title, row in zip(places, titles, rows, strict=True)
            if row["pooled"] is not None
        ]
        values = [row["pooled"] for _, _, row in known]
        bands = [row["pooled_ci95"] or [row["pooled"]] * 2 for _, _, row in known]
        if rows[0]["pooled"] is not None:
            chart.add_vline(
                x=rows[0]["pooled"], line={"color": style.colour, "width": 1, "dash": "dot"}
            )
        chart.add_scatter(
            x=values,
            y=[place for place, _, _ in known],
            mode="markers",
            name=name,
            marker={"color": style.colour, "symbol": style.symbol, "size": 9},
            error_x=error_bars(values, bands),
            customdata=[[title, *band] for (_, title, _), band in zip(known, bands, strict=True)],
            hovertemplate=f"%{{customdata[0]}}: {metric} %{{x:.3f}} "
            f"(%{{customdata[1]:.3f}}–%{{customdata[2]:.3f}}) by {name}<extra></extra>",
        )
    chart.update_yaxes(
        tickmode="array", tickvals=places, ticktext=titles, range=[-0.6, len(titles) - 0.4]
    )
    ends = [band for trace in chart.data for _, *band in trace.customdata]
    chart.update_xaxes(range=unit_range([*ends, [1.0]]))
    with_legend(chart, height=120 + ROW_PX * len(titles))
    return chart.update_layout(margin={"l": 170})
