"""Charts of a comparison: tables → Plotly scores, no Streamlit here.

Every model has the colour and the mark it has on all pages, and its name stands beside it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.common.colours import Style

Document = dict[str, Any]
Scores = Mapping[str, Sequence[float | None]]
MANY_IMAGES = 40
"""From so many on the shape of a distribution says more than a box."""
ROW_PX = 74
QUIET = "#8C8C8C"
CHOSEN = {"size": 15, "color": "rgba(0,0,0,0)", "line": {"width": 2.5, "color": QUIET}}


def score_distribution(
    scores: Scores, images: Sequence[str], styles: Mapping[str, Style], *, metric: str, chosen: str
) -> go.Figure:
    """A point for every image and the spread over all of them, a row for each model.

    Args:
        scores: Metric of every image by model; None where it is undefined.
        images: Their ids, which the points carry.
        styles: Of the models.
        metric: Title of the metric.
        chosen: Id of the image that is ringed.
    """
    chart = plain_chart(f"How does {metric} spread over the images?", x=metric, y="")
    rows = list(scores)[::-1]
    for place, name in enumerate(rows):
        values = [(n, value) for n, value in enumerate(scores[name]) if value is not None]
        style, x = styles[name], [value for _, value in values]
        kind: Any = go.Violin if len(x) >= MANY_IMAGES else go.Box
        further = {"points": False, "spanmode": "hard"} if kind is go.Violin else {}
        further = further or {"boxpoints": False}
        chart.add_trace(
            kind(
                x=x,
                y=[place] * len(x),
                orientation="h",
                width=0.42,
                line={"color": style.colour, "width": 1.5},
                fillcolor=_faint(style.colour),
                hoverinfo="skip",
                **further,
            )
        )
        chart.add_scatter(
            x=x,
            y=[place + jitter for jitter in _jitter(len(x))],
            mode="markers",
            marker={"color": style.colour, "symbol": style.symbol, "size": 7, "opacity": 0.85},
            customdata=[images[n] for n, _ in values],
            name=name,
            hovertemplate=f"%{{customdata}}: {metric} %{{x:.3f}} by {name}<extra></extra>",
        )
        at = next((n for n, (image, _) in enumerate(values) if images[image] == chosen), None)
        if at is not None:
            ring = [place + _jitter(len(x))[at]]
            chart.add_scatter(x=[x[at]], y=ring, mode="markers", marker=CHOSEN, hoverinfo="skip")
        chart.add_annotation(
            x=0, y=place + 0.42, text=name, showarrow=False, xanchor="left", xref="paper",
            font={"color": style.colour, "size": 13},
        )  # fmt: skip
    chart.update_yaxes(range=[-0.45, len(rows) - 0.4], visible=False)
    chart.update_xaxes(range=unit_range(scores.values()))
    return chart.update_layout(height=max(380, 110 + ROW_PX * len(rows)))


def score_pairs(
    scores: Scores, images: Sequence[str], styles: Mapping[str, Style], *, metric: str, chosen: str
) -> go.Figure:
    """Each image by two models; above the line the second is better. Arguments as above."""
    a, b = scores
    pairs = [
        (x, y, image)
        for x, y, image in zip(scores[a], scores[b], images, strict=True)
        if x is not None and y is not None
    ]
    chart = plain_chart(f"On which images is {b} better?", x=" ", y=" ")
    low, high = unit_range(scores.values())
    chart.add_scatter(
        x=[low, high], y=[low, high], mode="lines", hoverinfo="skip",
        line={"color": QUIET, "width": 1, "dash": "dot"},
    )  # fmt: skip
    better = [b if y > x else a for x, y, _ in pairs]
    chart.add_scatter(
        x=[x for x, _, _ in pairs],
        y=[y for _, y, _ in pairs],
        mode="markers",
        marker={
            "color": [styles[name].colour for name in better],
            "symbol": [styles[name].symbol for name in better],
            "size": 9,
        },
        customdata=[image for _, _, image in pairs],
        hovertemplate=f"%{{customdata}}: %{{x:.3f}} by {a}, %{{y:.3f}} by {b}<extra></extra>",
    )
    ring = [(x, y) for x, y, image in pairs if image == chosen]
    chart.add_scatter(
        x=[x for x, _ in ring], y=[y for _, y in ring], mode="markers", marker=CHOSEN,
        hoverinfo="skip",
    )  # fmt: skip
    words = {name: f"{metric} of {name}" for name in (a, b)}
    chart.update_xaxes(range=[low, high], title=_title(words[a], styles[a]))
    chart.update_yaxes(range=[low, high], title=_title(words[b], styles[b]))
    return chart.update_layout(height=380)


def differences(comparison: Document, *, metric: str) -> go.Figure:
    """Mean difference of every pair with its interval; an interval off the zero line is one."""
    pairs = [pair for pair in comparison["pairs"] if pair["difference"] is not None][::-1]
    chart = plain_chart(
        "Which difference is more than chance?", x=f"difference of {metric}, a − b", y=""
    )
    chart.add_vline(x=0, line={"color": QUIET, "width": 1, "dash": "dot"})
    for place, pair in enumerate(pairs):
        low, high = pair["ci95"] or (pair["difference"],) * 2
        words = f"{pair['a']} − {pair['b']}"
        sure = low > 0 or high < 0
        chart.add_scatter(
            x=[pair["difference"]],
            y=[place],
            mode="markers",
            marker={"size": 9, "color": QUIET, "symbol": "circle" if sure else "circle-open"},
            error_x=error_bars([pair["difference"]], [[low, high]]),
            hovertemplate=f"{words}: {pair['difference']:+.3f} ({low:+.3f} to {high:+.3f}), "
            f"n = {pair['n']}<extra></extra>",
        )
        chart.add_annotation(
            x=0, xref="paper", y=place + 0.34, text=words, showarrow=False, xanchor="left"
        )
    chart.update_yaxes(range=[-0.5, len(pairs) - 0.3], visible=False)
    return chart.update_layout(height=130 + 46 * len(pairs))


def subgroup_bars(
    subgroups: Sequence[Document],
    styles: Mapping[str, Style],
    *,
    by: str,
    metric: str,
    words: str = "",
) -> go.Figure:
    """Mean of each model in each subgroup of one kind, with intervals.

    Args:
        subgroups: Of ``core.evaluation.comparison.compare``.
        styles: Of the models.
        by: The kind, as ``label``.
        metric: Title of the metric.
        words: What people call the kind.
    """
    parts = [part for part in subgroups if part["by"] == by]
    ticks = [f"{part['value']}<br>n = {part['n_images']}" for part in parts]
    chart = plain_chart(f"Does the order hold for every {words or by}?", x="", y=f"mean {metric}")
    for place, name in enumerate(row["model"] for row in parts[0]["models"]):
        known = [
            (tick, part["models"][place])
            for tick, part in zip(ticks, parts, strict=True)
            if part["models"][place]["mean"] is not None
        ]
        means = [row["mean"] for _, row in known]
        bands = [row["ci95"] or [row["mean"]] * 2 for _, row in known]
        chart.add_bar(
            x=[tick for tick, _ in known],
            y=means,
            name=name,
            marker={"color": styles[name].colour},
            error_y=error_bars(means, bands) | {"color": QUIET},
            customdata=bands,
            hovertemplate=f"{name}, %{{x}}: mean {metric} %{{y:.3f}} "
            "(%{customdata[0]:.3f}–%{customdata[1]:.3f})<extra></extra>",
        )
    lowest = [band[0] for trace in chart.data for band in trace.customdata]
    chart.update_yaxes(range=[min(0.0, *lowest), 1])
    return with_legend(chart, height=340).update_layout(bargap=0.25, bargroupgap=0.06)


def reliability(documents: Sequence[Document], styles: Mapping[str, Style]) -> go.Figure:
    """Share of foreground against probability; on the diagonal a probability can be believed.

    Args:
        documents: Evaluations, whose calibration is drawn.
        styles: Of the models.
    """
    chart = plain_chart(
        "Can the probabilities be believed?", x="probability", y="share of foreground"
    )
    chart.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", hoverinfo="skip", showlegend=False,
        line={"color": QUIET, "width": 1, "dash": "dot"},
    )  # fmt: skip
    for document in documents:
        name, found = document["model"], document["calibration"]
        style = styles[name]
        bins = [
            point
            for point in zip(found["predicted"], found["observed"], found["pixels"], strict=True)
            if point[0] is not None and point[1] is not None
        ]
        chart.add_scatter(
            x=[x for x, _, _ in bins],
            y=[y for _, y, _ in bins],
            mode="lines+markers",
            name=name,
            line={"color": style.colour, "dash": style.dash, "width": 2},
            marker={"symbol": style.symbol, "size": 8},
            customdata=[pixels for _, _, pixels in bins],
            hovertemplate=f"{name}: of %{{customdata:,}} pixels at %{{x:.2f}}, %{{y:.0%}} are "
            "foreground<extra></extra>",
        )
    chart.update_xaxes(range=[0, 1.02]).update_yaxes(range=[0, 1.02])
    return with_legend(chart, height=420)


def cost_and_quality(
    rows: Sequence[Document], styles: Mapping[str, Style], *, metric: str
) -> go.Figure:
    """Time per image against quality; the line joins those that no other beats in both.

    Args:
        rows: ``model``, ``milliseconds``, ``mean``, ``ci95`` and ``parameters`` of each.
        styles: Of the models.
        metric: Title of the metric.
    """
    chart = plain_chart("What does quality cost?", x="milliseconds per image", y=f"mean {metric}")
    front = pareto(rows)
    chart.add_scatter(
        x=[row["milliseconds"] for row in front], y=[row["mean"] for row in front], mode="lines",
        line={"color": QUIET, "width": 1, "dash": "dot", "shape": "hv"}, hoverinfo="skip",
    )  # fmt: skip
    for row in rows:
        style, band = styles[row["model"]], row["ci95"] or [row["mean"]] * 2
        chart.add_scatter(
            x=[row["milliseconds"]],
            y=[row["mean"]],
            mode="markers",
            marker={
                "color": style.colour,
                "symbol": style.symbol,
                "size": 10 + 3 * np.log10(1 + row["parameters"] / 1e4),
            },
            error_y=error_bars([row["mean"]], [band]) | {"color": style.colour},
            hovertemplate=f"{row['model']}: %{{x:.1f}} ms, mean {metric} %{{y:.3f}}, "
            f"{row['parameters']:,} weights<extra></extra>",
        )
        # Nearer the right edge than the left: the name goes to the left.
        later = sum(other["milliseconds"] > row["milliseconds"] for other in rows)
        left = later < len(rows) / 2
        chart.add_annotation(
            x=np.log10(row["milliseconds"]), y=row["mean"], text=row["model"], showarrow=False,
            xanchor="right" if left else "left", xshift=-12 if left else 12, yshift=12,
            font={"color": style.colour},
        )  # fmt: skip
    ends = [np.log10(row["milliseconds"]) for row in rows]
    chart.update_xaxes(type="log", range=[min(ends) - 0.35, max(ends) + 0.35], dtick=1)
    chart.update_yaxes(range=unit_range([[row["mean"] for row in rows]]))
    return chart.update_layout(height=400)


def pareto(rows: Sequence[Document]) -> list[Document]:
    """Those that no other beats in both time and quality, fastest first."""
    front: list[Document] = []
    for row in sorted(rows, key=lambda row: (row["milliseconds"], -row["mean"])):
        if not front or row["mean"] > front[-1]["mean"]:
            front.append(row)
    return front


def plain_chart(title: str, *, x: str, y: str) -> go.Figure:
    """An empty metric as the charts of a comparison are: title, thin axes, no legend."""
    chart = go.Figure()
    chart.update_layout(
        title={"text": title, "font": {"size": 15}},
        margin={"l": 52 if y else 14, "r": 16, "t": 44, "b": 44},
        showlegend=False,
        hovermode="closest",
    )
    chart.update_xaxes(title=x, showgrid=bool(x), zeroline=False)
    return chart.update_yaxes(title=y, zeroline=False)


def _title(words: str, style: Style) -> Document:
    """Of an axis that belongs to a model."""
    return {"text": words, "font": {"color": style.colour}}


def with_legend(chart: go.Figure, *, height: int) -> go.Figure:
    """Names in one line under the title, for curves that would cross labels at their ends."""
    chart.update_layout(
        showlegend=True,
        height=height,
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "title": None},
        margin={"t": 84},
    )
    return chart.update_layout(title={"y": 0.97, "yanchor": "top"})


def unit_range(columns: Any) -> list[float]:  # noqa: ANN401 - any nesting of numbers
    """From 0 to 1, and a little room for the marks; below 0 where a metric goes there."""
    values = [value for column in columns for value in column if value is not None]
    return [float(min(0.0, *values)) - 0.03, 1.03]


def error_bars(values: Sequence[float], bands: Sequence[Sequence[float]]) -> Document:
    """Error bars of Plotly from intervals."""
    pairs = list(zip(values, bands, strict=True))
    return {
        "type": "data",
        "symmetric": False,
        "array": [band[1] - value for value, band in pairs],
        "arrayminus": [value - band[0] for value, band in pairs],
        "thickness": 1.5,
        "width": 4,
    }


def _jitter(count: int) -> list[float]:
    """Small heights that part equal scores, the same at every look."""
    heights: list[float] = (0.13 * np.sin(2.4 * np.arange(count))).tolist()
    return heights


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"
