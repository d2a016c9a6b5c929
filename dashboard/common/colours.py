"""A colour, a mark and a line for every model, the same on all pages and on every day.

First come, first served: the order in which models were first shown is kept in
``ISOLINE_HOME/colours.json``, so a model that is deleted does not change the others.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock

from core.system.files import read_json, write_json
from core.system.home import home

COLOURS = (
    "#8C6BE0", "#C08400", "#0E8F83", "#9A5A3C", "#A3458C", "#5F87A8", "#7F8A2E", "#8C8C8C",
)  # fmt: skip
"""At least 3 to 1 with the paper of both themes; none is that of a prediction, a truth or an error.

Neighbours differ for the colour-blind too (CIELAB distance 20 and more).
"""
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star", "hexagon")
"""Seven, so that 56 models differ in colour or mark."""
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
LOCK = Lock()


LEGIBLE = 4.5
"""Contrast of small words with what they stand on (WCAG AA)."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a model is drawn in every chart."""

    colour: str
    """As ``#RRGGBB``."""
    symbol: str
    """A marker of Plotly."""
    dash: str
    """A line of Plotly."""


def styles(models: Sequence[str]) -> dict[str, Style]:
    """The style of each model; one that was never shown takes the next free.

    Args:
        models: Names of runs and shipped models.
    """
    file = home() / "colours.json"
    with LOCK:
        known: list[str] = read_json(file) if file.exists() else []
        new = [name for name in dict.fromkeys(models) if name not in known]
        if new:
            known += new
            with suppress(OSError):  # a read-only workspace: the order of today has to do
                file.parent.mkdir(parents=True, exist_ok=True)
                write_json(file, known)
    return {name: style_at(known.index(name)) for name in models}


def style_at(place: int) -> Style:
    """The style of the model that was shown as number ``place``, from 0."""
    return Style(
        colour=COLOURS[place % len(COLOURS)],
        symbol=SYMBOLS[place % len(SYMBOLS)],
        dash=DASHES[place % len(DASHES)],
    )


def legible(colour: str, background: str) -> str:
    """The colour for words, as little darker or lighter as it takes to read them.

    Args:
        colour: As ``#RRGGBB``.
        background: What it stands on.
    """
    end = max(("#000000", "#FFFFFF"), key=lambda end: contrast(end, background))
    for step in range(101):
        mixed = zip(_parts(colour), _parts(end), strict=True)
        shade = "#" + "".join(f"{round(own + (far - own) * step / 100):02X}" for own, far in mixed)
        if contrast(shade, background) >= LEGIBLE:
            return shade
    return end


def contrast(one: str, other: str) -> float:
    """Of two colours, 1 to 21 (WCAG 2.2)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in _parts(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
