"""The board of the page Threshold: images, curves and numbers that follow one threshold.

Two inline components. ``deliver`` brings the maps and curves of a part once, megabytes that never
change; ``threshold_board`` shows them and hears of every change of rule and scores, a few hundred
bytes each. The browser paints, counts and moves the marks by itself; Python hears of a threshold
when the hand lets go. The modules that read messages, paint and move the track are the viewer's.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.components.shared import markup, read, style
from dashboard.components.viewer.scene import check_index

HERE = Path(__file__).parent
MOST_LINES = 4


def deliver(packed: bytes, *, key: str) -> None:
    """Bring a message of ``dashboard.threshold.message.pack`` to the browser; shows nothing."""
    _DELIVERY(key=key, data=packed)


def threshold_board(
    token: str,
    *,
    key: str,
    context: str,
    k: int,
    points: Sequence[tuple[int, str]],
    block: str,
    scores: Sequence[str],
) -> int | None:
    """Show what was delivered under a token.

    Args:
        token: Of the message.
        key: Names this board on the page, as for any widget.
        context: What the threshold is chosen for; a new one begins at ``k``.
        k: Where to begin, 0…1000.
        points: Index and name of the thresholds that are marked; the first is what *Back* goes to.
        block: ``pooled`` or ``per_image``.
        scores: Keys of ``METRICS``, at most ``MOST_LINES``.

    Returns:
        The k that was chosen manually in this context, None where none was.
    """
    for index, name in ((k, "k"), *points):
        check_index(name, index)
    state = {
        "token": token,
        "key": key,
        "context": context,
        "k": k,
        "points": [{"k": index, "name": name} for index, name in points],
        "block": block,
        "figures": list(scores)[:MOST_LINES],
    }
    result = _BOARD(key=key, data=state, on_choice_change=_heard, default={"choice": None})
    return chosen_manually(result.get("choice"), context=context)


def chosen_manually(choice: object, *, context: str) -> int | None:
    """The k in a browser's answer; None where it is for another context or no k at all."""
    if not isinstance(choice, Mapping) or choice.get("context") != context:
        return None
    k: Any = choice.get("k")
    whole = isinstance(k, int) and not isinstance(k, bool)
    return k if whole and 0 <= k <= 1000 else None


def _heard() -> None:
    """Streamlit keeps a component's state only where it has a callback; the rerun is enough."""


_DELIVERY = st.components.v2.component(
    "isoline.threshold_delivery",
    html="<span hidden></span>",
    js=read(HERE / "delivery.bundle.js"),
)
_BOARD = st.components.v2.component(
    "isoline.threshold_board",
    html=markup(HERE / "board.html"),
    css=style(HERE / "board.css"),
    js=read(HERE / "bundle.js"),
)
