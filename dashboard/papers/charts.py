"""Charts of the page Papers; no Streamlit here."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard.common.colours import Style

PAPER, OURS = "#C08400", "#2BA89B"


def side_by_side(rows: Sequence[dict[str, Any]]) -> go.Figure:
    """Printed scores against ours by the same convention, one line each.

    Args:
        rows: Of ``core.papers.report``: ``label``, ``printed``, ``ours``, ``lowest``, ``highest``.
    """
    figure = go.Figure()
    labels = [row["label"] for row in rows]
    for row in rows:
        if row["printed"] is not None and row["ours"] is not None:
            figure.add_scatter(
                x=[row["printed"], row["ours"]],
                y=[row["label"]] * 2,
                mode="lines",
                line={"color": "#8CA0B3", "width": 1},
                hoverinfo="skip",
                showlegend=False,
            )
    figure.add_scatter(
        x=[row["printed"] for row in rows],
        y=labels,
        mode="markers",
        name="paper",
        marker={"color": PAPER, "symbol": "diamond", "size": 11},
        hovertemplate="%{y}: %{x:.3f} in the paper<extra></extra>",
    )
    figure.add_scatter(
        x=[row["ours"] for row in rows],
        y=labels,
        mode="markers",
        name="ours, the same convention",
        marker={"color": OURS, "symbol": "circle", "size": 11},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [_gap(row, "highest") for row in rows],
            "arrayminus": [_gap(row, "lowest") for row in rows],
            "color": OURS,
            "thickness": 1.5,
        },
        hovertemplate="%{y}: %{x:.3f}, ours<extra></extra>",
    )
    figure.update_layout(
        title={"text": "How far are we from the paper?", "font": {"size": 15}},
        height=120 + 34 * len(rows),
        margin={"l": 10, "r": 20, "t": 44, "b": 76},  # ticks, and two lines of legend on a phone
        legend={"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "x": 0},
    )
    figure.update_xaxes(range=[0, 1], title="")
    return figure.update_yaxes(autorange="reversed", automargin=True, title="")


def accuracy_curve(
    histories: dict[str, list[dict[str, Any]]], styles: dict[str, Style]
) -> go.Figure:
    """Share of right pixels on validation over the epochs, a line for each run."""
    figure = go.Figure()
    for name, history in histories.items():
        rows = [row for row in history if row.get("val_accuracy") is not None]
        figure.add_scatter(
            x=[row["epoch"] for row in rows],
            y=[row["val_accuracy"] for row in rows],
            name=name,
            mode="lines" if len(rows) > 1 else "markers",
            line={"color": styles[name].colour, "dash": styles[name].dash},
            hovertemplate=f"{name}: %{{y:.4f}} after epoch %{{x}}<extra></extra>",
        )
    figure.update_layout(
        title={"text": "Is accuracy worth watching?", "font": {"size": 15}},
        height=300,
        margin={"l": 50, "r": 20, "t": 44, "b": 40},
        showlegend=len(histories) > 1,
        legend={"orientation": "h", "y": -0.25},
    )
    figure.update_xaxes(title="epoch", showgrid=False)
    return figure.update_yaxes(title="validation accuracy at 0.5")


def _gap(row: dict[str, Any], end: str) -> float:
    return 0.0 if row[end] is None or row["ours"] is None else abs(float(row[end] - row["ours"]))
