"""Tables → Plotly figures; no Streamlit here, so that a chart is tested without a browser."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

TRAIN, VALIDATION, NEUTRAL = "#E69F00", "#56B4E9", "#2BA89B"


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
    """Pooled validation Dice over the epochs, at the best threshold and at 0.5."""
    figure = _figure("How good is the mask on validation?", "pooled Dice")
    epochs = [row["epoch"] for row in history]
    for key, name, dash in (
        ("val_dice", "best threshold", "solid"),
        ("val_dice_at_half", "threshold 0.5", "dot"),
    ):
        _line(
            figure, epochs, [row[key] for row in history], name=name, colour=VALIDATION, dash=dash
        )
    figure.update_yaxes(range=[0, 1])
    return _whole_epochs(figure, epochs)


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


def _figure(title: str, y: str) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        height=300,
        margin={"l": 50, "r": 90, "t": 44, "b": 40},
        showlegend=False,
        hovermode="x unified",
    )
    figure.update_xaxes(title="epoch", showgrid=False)
    figure.update_yaxes(title=y)
    return figure


def _whole_epochs(figure: go.Figure, epochs: list[int]) -> go.Figure:
    """Ticks at whole epochs, about eight of them; labels apart where lines end together."""
    last = max(epochs, default=1)
    notes = sorted(figure.layout.annotations, key=lambda note: note.y)
    for note, shift in zip(notes, (-7, 7), strict=False):
        note.yshift = shift
    return figure.update_xaxes(tick0=1, dtick=max(1, round(last / 8)), range=[0.5, last + 0.5])


def _line(
    figure: go.Figure, x: list[int], y: list[float], *, name: str, colour: str, dash: str
) -> None:
    line = {"color": colour, "dash": dash, "width": 2}
    mode = "lines" if len(x) > 1 else "markers"
    hover = f"{name} %{{y:.4f}}<extra></extra>"
    figure.add_scatter(x=x, y=y, name=name, mode=mode, line=line, hovertemplate=hover)
    if x:  # the label stands at the end of its line
        figure.add_annotation(
            x=x[-1],
            y=y[-1],
            text=name,
            xanchor="left",
            showarrow=False,
            font={"color": colour},
            xshift=6,
        )
