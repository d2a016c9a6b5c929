"""One image seen by several models, side by side: linked zoom, a threshold for each.

Decoding, view and overlay are the modules of the threshold viewer, so that a mask here is the mask
there, pixel for pixel.

How to use it on a page::

    packed = pack_sides([Side(name="unet", colour="#8C6BE0", scene=pack(Scene(…))), …])
    thresholds = compare_viewer(packed, key="compare", thresholds=(294, 500), metric="dice")
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.levels import STEPS
from dashboard.components.shared import read, style
from dashboard.components.viewer.scene import MESSAGE_VERSION, check_index, join, split

HERE = Path(__file__).parent
FIGURES = {"dice": "Dice", "iou": "IoU", "precision": "Precision", "recall": "Recall"}
"""Scores that the browser follows while a threshold moves."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """The image as one model sees it."""

    name: str
    """Of the model; shown as plain text whatever it holds."""
    colour: str
    """The model's, as ``#RRGGBB``."""
    scene: bytes
    """From ``dashboard.components.viewer.pack``; all sides show the same image."""


def pack_sides(sides: Sequence[Side]) -> bytes:
    """The message the browser decodes; it depends on the sides alone, so it can be cached."""
    places, at = [], 0
    for side in sides:
        places.append([at, len(side.scene)])
        at += len(side.scene)
    body = b"".join(side.scene for side in sides)
    header = {
        "version": MESSAGE_VERSION,
        "sides": [
            {"name": side.name, "colour": side.colour, "at": place}
            for side, place in zip(sides, places, strict=True)
        ],
        "token": hashlib.blake2b(
            repr([(side.name, side.colour) for side in sides]).encode() + body, digest_size=16
        ).hexdigest(),
    }
    return join(header, body)


def compare_viewer(
    packed: bytes, *, key: str, thresholds: Sequence[int], metric: str = "dice"
) -> tuple[int, ...]:
    """Show an image by several models and return the thresholds that were chosen manually.

    Args:
        packed: A message of ``pack_sides``.
        key: Names this viewer on the page, as for any widget.
        thresholds: The k of each side to begin at, 0…1000.
        metric: Key of ``FIGURES``, shown above each side; any other name shows Dice.
    """
    for k in thresholds:
        check_index("threshold", k)
    header, body = split(packed)
    shown = metric if metric in FIGURES else "dice"
    mount = {
        "key": key,
        "start": list(thresholds),
        "metric": shown,
        "figure_title": FIGURES[shown],
    }
    result = _COMPONENT(
        key=key, data=join(header | mount, body), on_choice_change=_heard, default={"choice": None}
    )
    return chosen(result.get("choice"), token=header["token"], start=tuple(thresholds))


def chosen(choice: object, *, token: str, start: tuple[int, ...]) -> tuple[int, ...]:
    """The thresholds in a browser's answer; ``start`` where it is for other sides or none at all.

    Args:
        choice: What the browser sent; nothing about it is trusted.
        token: Names what is on show.
        start: What the viewer began with.
    """
    if not isinstance(choice, dict) or choice.get("token") != token:
        return start
    ks = choice.get("thresholds")
    if not isinstance(ks, list) or len(ks) != len(start):
        return start
    if not all(isinstance(k, int) and not isinstance(k, bool) and 0 <= k <= STEPS for k in ks):
        return start
    return tuple(ks)


def _heard() -> None:
    """Streamlit keeps a component's state only where it has a callback; the rerun is enough."""


_COMPONENT = st.components.v2.component(
    "isoline.compare_viewer",
    html=read(HERE / "compare.html"),
    css=style(HERE / "compare.css"),
    js=read(HERE / "bundle.js"),
)
