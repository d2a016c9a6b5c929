"""Tables → Plotly scores; no Streamlit here, so that a chart is tested without a browser."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from dashboard.common.colours import Style, legible

TRAIN, VALIDATION, NEUTRAL = "#C08400", "#5F87A8", "#2BA89B"
"""Readable on paper and on black; none is that of a truth, a prediction or an error."""
EXPORT = {"displaylogo": False, "toImageButtonOptions": {"format": "svg", "filename": "isoline"}}
"""What a chart's own menu offers."""
GREY = "#808495"
"""Of the words beside axes: Streamlit's own, readable on black; ``on`` darkens it on white."""
DIRECT = 4
"""Lines that are labelled at their end; more have a legend."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A number of every epoch, as the page Runs draws it."""

    title: str
    """In a menu."""
    question: str
    """That the chart answers."""
    unit: str = ""
    overlap: bool = False
    """Whether it goes from 0 to 1."""


WATCHED = {
    "val_dice": Watched(
        title="Dice, validation", question="Which run has the best masks?", overlap=True
    ),
    "val_iou": Watched(
        title="IoU, validation", question="Which run has the largest IoU?", overlap=True
    ),
    "val_loss": Watched(title="Loss, validation", question="Whose validation loss is lowest?"),
    "train_loss": Watched(title="Loss, training", question="Whose training loss is lowest?"),
    "learning_rate": Watched(title="Learning rate", question="How did the learning rate go?"),
    "images_per_second": Watched(
        title="Images per second", question="Which run is fastest?", unit=" images/s"
    ),
}


def loss_curve(history: list[dict[str, Any]]) -> go.Figure:
    """Loss of training and validation over the epochs."""
    figure = _figure("Does the loss still fall?", "loss")
    epochs = [row["epoch"] for row in history]
    for key, name, colour, dash in (
        ("train_loss", "training", TRAIN, "dot"),
        ("val_loss", "validation", VALIDATION, "solid"),
    ):
        _line(figure, epochs, [row[key] for row in history], name=name, colour=colour, dash=dash)
    return _whole_epochs(figure, epochs)


def dice_curve(history: list[dict[str, Any]]) -> go.Figure:
    """Pooled validation overlap: Dice at the best threshold and at 0.5, largest IoU."""
    figure = _figure("How good is the mask on validation?", "pooled overlap")
    epochs = [row["epoch"] for row in history]
    for key, name, dash in (
        ("val_dice", "Dice", "solid"),
        ("val_dice_at_half", "Dice at 0.5", "dot"),
        ("val_iou", "IoU", "dash"),
    ):
        if all(key in row for row in history):  # runs of old have no IoU
            values = [row[key] for row in history]
            _line(figure, epochs, values, name=name, colour=VALIDATION, dash=dash)
    figure.update_yaxes(range=[0, 1])
    return _whole_epochs(figure, epochs)


def learning_rate_curve(history: list[dict[str, Any]]) -> go.Figure:
    """Learning rate at the end of every epoch."""
    figure = _figure("How does the learning rate go?", "learning rate")
    epochs = [row["epoch"] for row in history]
    rates = [row["learning_rate"] for row in history]
    _line(figure, epochs, rates, name="", colour=NEUTRAL, dash="solid")
    figure.update_yaxes(rangemode="tozero", tickformat="~g")
    figure.update_layout(margin={"r": 12})
    return _whole_epochs(figure, epochs)


def overlay(
    histories: Mapping[str, list[dict[str, Any]]],
    styles: Mapping[str, Style],
    *,
    key: str,
    smoothing: float = 0.0,
) -> go.Figure:
    """One number of every epoch of several runs; the unsmoothed line stays, faint.

    Args:
        histories: Name of a run → its epochs; those without the number are left out.
        styles: How each run is drawn everywhere.
        key: Of ``WATCHED``.
        smoothing: Share of the value before that a point keeps, 0 to below 1.
    """
    watched = WATCHED[key]
    figure = _figure(watched.question, watched.title)
    lines = {
        name: ([row["epoch"] for row in rows], [row[key] for row in rows])
        for name, rows in histories.items()
        if rows and all(row.get(key) is not None for row in rows)
    }
    traces: list[dict[str, Any]] = []
    for name, (epochs, values) in lines.items():
        look = {"color": styles[name].colour, "dash": styles[name].dash}
        shared = {"type": "scatter", "x": epochs, "mode": "lines" if len(epochs) > 1 else "markers"}
        if smoothing and len(epochs) > 1:
            faint = {"line": {**look, "width": 1}, "opacity": 0.3, "showlegend": False}
            traces.append({**shared, **faint, "y": values, "hoverinfo": "skip"})
        hover = f"{name}, epoch %{{x}}: %{{y:.4~g}}{watched.unit}<extra></extra>"
        smooth = smoothed(values, smoothing)
        line = {"line": {**look, "width": 2}, "name": name, "hovertemplate": hover}
        traces.append({**shared, **line, "y": smooth})
    figure.add_traces([go.Scatter(trace, skip_invalid=False) for trace in traces])
    few = len(lines) <= DIRECT
    for name, (epochs, values) in lines.items() if few else ():
        end = smoothed(values, smoothing)[-1]
        _label(figure, epochs[-1], end, name=_short(name), colour=styles[name].colour)
    rows = 0 if few else -(-len(lines) // 3)
    figure.update_layout(
        height=380 + 20 * rows,
        hovermode="closest",
        showlegend=not few,
        margin={"r": 18 + 7 * max(map(len, map(_short, lines)), default=0) if few else 12, "b": 44},
        legend={"orientation": "h", "yanchor": "top", "y": -0.14, "x": 0},
        uirevision=key,
    )
    if watched.overlap:
        figure.update_yaxes(range=[0, 1])
    return _whole_epochs(figure, [epoch for epochs, _ in lines.values() for epoch in epochs[-1:]])


def smoothed(values: Sequence[float], smoothing: float) -> list[float]:
    """Exponential moving average without its start at zero; ``values`` where smoothing is 0."""
    total = weight = 0.0
    means = []
    for value in values:
        total = smoothing * total + (1 - smoothing) * value
        weight = smoothing * weight + (1 - smoothing)
        means.append(total / weight)
    return means


def histogram(values: Sequence[float], *, title: str, x: str) -> go.Figure:
    """How often each value occurs among the images."""
    figure = _figure(title, "images")
    figure.add_histogram(
        x=list(values),
        nbinsx=30,
        marker={"color": NEUTRAL},
        hovertemplate=f"{x} %{{x}}: %{{y}} images<extra></extra>",
    )
    figure.update_xaxes(title=x)
    figure.update_layout(height=230, bargap=0.05, margin={"r": 10}, hovermode="closest")
    return figure


def class_bars(counts: dict[str, int], *, title: str) -> go.Figure:
    """Images per class, labelled directly."""
    figure = _figure(title, "images")
    figure.add_bar(
        x=list(counts),
        y=list(counts.values()),
        text=list(counts.values()),
        textposition="outside",
        cliponaxis=False,
        marker={"color": NEUTRAL},
        hovertemplate="%{x}: %{y} images<extra></extra>",
    )
    figure.update_xaxes(title="")
    figure.update_layout(height=230, margin={"r": 10}, hovermode="closest")
    return figure


def on(figure: go.Figure, background: str) -> go.Figure:
    """The metric with words that can be read on this ground: its axes', and those in colours."""
    own = [note.font for note in figure.layout.annotations]
    own += [trace.textfont for trace in figure.data if "textfont" in trace]
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
        for font in (axis.tickfont, axis.title.font):
            font.color = font.color or GREY
            own.append(font)
    for font in own:
        if isinstance(font.color, str) and font.color.startswith("#"):
            font.color = legible(font.color, background)
    # else a saved file would be light words on nothing
    return figure.update_layout(paper_bgcolor=background, plot_bgcolor=background)


def _figure(title: str, y: str) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        height=260,
        margin={"l": 14, "r": 74, "t": 44, "b": 40},
        showlegend=False,
        hovermode="x unified",
    )
    figure.update_xaxes(title="epoch", showgrid=False)
    figure.update_yaxes(title={"text": y, "standoff": 12}, automargin=True)
    return figure


def _whole_epochs(figure: go.Figure, epochs: list[int]) -> go.Figure:
    """Ticks at whole epochs, about eight of them; labels apart where lines end together."""
    last = max(epochs, default=1)
    notes = sorted(figure.layout.annotations, key=lambda note: note.y)
    low, high = _range(figure)
    height = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
    below = -float("inf")
    for note in notes:  # in pixels from below, each at least a line of text above the one before
        at = (note.y - low) / (high - low) * height
        below = max(at, below + 15)
        note.yshift = below - at
    over = max(0.0, below + 7 - height)
    for note in notes:
        note.yshift -= over
    side = 0.03 * (last - 1) or 0.5
    return figure.update_xaxes(
        tick0=1, dtick=max(1, round(last / 8)), range=[1 - side, last + side]
    )


def _range(figure: go.Figure) -> tuple[float, float]:
    """What the y axis will span."""
    if figure.layout.yaxis.range:
        low, high = figure.layout.yaxis.range
        return low, high
    values = [value for trace in figure.data for value in trace.y]
    low, high = min(values, default=0.0), max(values, default=1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _line(
    figure: go.Figure, x: list[int], y: list[float], *, name: str, colour: str, dash: str
) -> None:
    line = {"color": colour, "dash": dash, "width": 2}
    mode = "lines" if len(x) > 1 else "markers"
    hover = f"{name} %{{y:.4~g}}<extra></extra>"
    figure.add_scatter(x=x, y=y, name=name, mode=mode, line=line, hovertemplate=hover)
    if x and name:
        _label(figure, x[-1], y[-1], name=name, colour=colour)


def _label(figure: go.Figure, x: float, y: float, *, name: str, colour: str) -> None:
    """A name in the margin, beside the end of its line."""
    figure.add_annotation(
        x=x,
        y=y,
        text=name,
        xanchor="left",
        yanchor="middle",
        xshift=6,
        showarrow=False,
        font={"color": colour, "size": 12},
    )


def _short(name: str) -> str:
    return name if len(name) <= 18 else f"{name[:8]}…{name[-9:]}"
