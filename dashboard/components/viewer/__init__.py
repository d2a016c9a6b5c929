"""The threshold viewer: an image, its level map and a mask that follows the hand.

The browser receives the level map once (the grid index of every pixel, see ``core.levels``) and
from then on paints, cleans, corrects, measures and counts by itself; Python hears of a decision
only when the hand lets go, and makes the same mask of it, pixel for pixel.

How to use it on a page::

    packed = pack(Scene(image=image, levels=levels, operating_point=412))  # worth caching
    decision = threshold_viewer(packed, key="predict", threshold=412)
    mask = decision.mask(levels)
"""

from pathlib import Path

import streamlit as st

from core.threshold.postprocessing import PostProcessing
from dashboard.components.shared import markup, read, style
from dashboard.components.viewer.decision import Decision, decided
from dashboard.components.viewer.scene import (
    RawValues,
    Scene,
    check_index,
    join,
    pack,
    split,
    unpack,
)

__all__ = [
    "HERE",
    "STAGE_HEIGHT_PX",
    "Decision",
    "RawValues",
    "Scene",
    "pack",
    "threshold_viewer",
    "unpack",
]

HERE = Path(__file__).parent
STAGE_HEIGHT_PX = 560


def threshold_viewer(
    packed: bytes, *, key: str, threshold: int, height: int = STAGE_HEIGHT_PX, link: str = ""
) -> Decision:
    """Show a packed scene and return what was decided in it.

    The page runs again only when the hand lets go. Zoom, position and switches live in the browser
    and survive reruns, and so do corrections; a new map begins at ``threshold``, and so does the
    same one when ``threshold`` itself changes.

    Args:
        packed: A message of ``pack``.
        key: Names this viewer on the page, as for any widget.
        threshold: The k to begin at, 0…1000.
        height: Height of the image area in CSS pixels; narrow screens make it smaller.
        link: Viewers of one name zoom and pan together, where their images are of one size.

    Returns:
        The decision made manually; while there is none for this map, ``threshold`` with the scene's
        post-processing.
    """
    check_index("threshold", threshold)
    header, body = split(packed)
    mount = {"key": key, "start": threshold, "stage_height": height, "link": link}
    result = _COMPONENT(
        key=key, data=join(header | mount, body), on_choice_change=_heard, default={"choice": None}
    )
    post_processing = PostProcessing(
        minimum_area_px=header["minimum_area_px"], fill_holes=header["fill_holes"]
    )
    return decided(
        result.get("choice"),
        map_digest=header["map"],
        start=Decision(k=threshold, post_processing=post_processing),
        pixels=header["width"] * header["height"],
    )


def _heard() -> None:
    """Streamlit keeps a component's state only where it has a callback; the rerun is enough."""


_COMPONENT = st.components.v2.component(
    "isoline.threshold_viewer",
    html=markup(HERE / "viewer.html"),
    css=style(),
    js=read(HERE / "bundle.js"),
)
