"""The chart of ``core.papers.ablation.report``: the effect of each change, with intervals."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

LOOKS = (("#8C6BE0", "circle"), ("#C08400", "diamond"), ("#0E8F83", "square"))
"""Colour and mark of the data sets, in their order."""
ROW_PX, SPREAD = 46, 0.34
"""Height of a row, and the share of it that the dots of several data sets take."""


def dots(datasets: Sequence[dict[str, Any]]) -> go.Figure:
    """Difference of test Dice to the baseline, a row for each change, a mark for each data set.

    Args:
        datasets: As ``report`` gives them; a change that a data set lacks has no dot.
    """
    titles = list(dict.fromkeys(row["title"] for one in datasets for row in one["rows"]))
    figure = go.Figure()
    for place, one in enumerate(datasets):
        colour, symbol = LOOKS[place % len(LOOKS)]
        rows = [row for row in one["rows"] if row["test"]["difference"] is not None]
        values = [row["test"]["difference"] for row in rows]
        bands = [row["test"]["ci95"] for row in rows]
        figure.add_scatter(
            x=values,
            y=[titles.index(row["title"]) + _beside(place, len(datasets)) for row in rows],
            mode="markers",
            name=one["title"],
            marker={"color": colour, "symbol": symbol, "size": 10},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [band[1] - value for band, value in zip(bands, values, strict=True)],
                "arrayminus": [value - band[0] for band, value in zip(bands, values, strict=True)],
                "color": colour,
                "thickness": 1.5,
            },
            customdata=[[row["title"], *band] for row, band in zip(rows, bands, strict=True)],
            hovertemplate="%{customdata[0]}: %{x:+.3f} (%{customdata[1]:+.3f} to "
            f"%{{customdata[2]:+.3f}}) on {one['title']}<extra></extra>",
        )
    figure.add_vline(x=0, line={"color": "#8CA0B3", "width": 1, "dash": "dot"})
    height = ROW_PX * len(titles)
    figure.update_layout(
        title={"text": "Which change makes it better?", "font": {"size": 15}},
        height=166 + height,
        margin={"l": 10, "r": 20, "t": 44, "b": 122},
        showlegend=True,
        legend={"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "x": 0},
    )
    figure.update_xaxes(
        title="difference of test Dice,<br>better to the right",
        tickformat="+.2f",
        tickangle=0,
        nticks=5,
    )
    return figure.update_yaxes(
        tickvals=list(range(len(titles))),
        ticktext=[title.replace(": ", ":<br>", 1) for title in titles],  # a phone is narrow
        range=[len(titles) - 0.5, -0.5],
        automargin=True,
        showgrid=False,
        zeroline=False,
        title="",
    )


def _beside(place: int, count: int) -> float:
    """How far below the middle of its row the dot of a data set lies."""
    return SPREAD * (place / (count - 1) - 0.5) if count > 1 else 0.0
