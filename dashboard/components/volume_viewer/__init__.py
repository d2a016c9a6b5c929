"""The volume viewer: three linked planes of a volume and a mask that follows the hand.

The browser receives levels and intensities once and paints every plane by itself, in the look of
``dashboard.components.viewer``, with the modules of ``shared``. Python hears of the threshold when
the hand lets go.

How to use it on a page::

    packed = pack_volume(VolumeScene(values=slices, levels=levels, plane="axial"))  # worth caching
    decision = volume_viewer(packed, key="volume", threshold=412)
    mask = decision.mask(levels)
"""

from pathlib import Path

import streamlit as st

from core.levels import STEPS
from dashboard.components.shared import markup, read, style
from dashboard.components.viewer import Decision
from dashboard.components.viewer.decision import decided
from dashboard.components.viewer.scene import check_index, join, split
from dashboard.components.volume_viewer.scene import VolumeScene, pack_volume

__all__ = ["STAGE_HEIGHT_PX", "VolumeScene", "pack_volume", "volume_viewer"]

HERE = Path(__file__).parent
STAGE_HEIGHT_PX = 600


def volume_viewer(
    packed: bytes, *, key: str, threshold: int, height: int = STAGE_HEIGHT_PX
) -> Decision:
    """Show a packed volume and return the threshold chosen in it.

    Position, zoom and switches live in the browser and survive reruns.

    Args:
        packed: A message of ``pack_volume``.
        key: Names this viewer on the page.
        threshold: The k to begin at, 0…1000.
        height: Of the large plane in CSS pixels; narrow screens make it smaller.

    Returns:
        The decision made manually; while there is none for this map, ``threshold``.
    """
    check_index("threshold", threshold)
    header, body = split(packed)
    mount = {"key": key, "start": threshold, "stage_height": height}
    result = _COMPONENT(
        key=key, data=join(header | mount, body), on_choice_change=_heard, default={"choice": None}
    )
    return decided(
        result.get("choice"), map_digest=header["map"], start=Decision(k=threshold), pixels=STEPS
    )


def _heard() -> None:
    """Streamlit keeps a component's state only where it has a callback; the rerun is enough."""


_COMPONENT = st.components.v2.component(
    "isoline.volume_viewer",
    html=markup(HERE / "volume.html"),
    css=style(HERE / "volume.css"),
    js=read(HERE / "bundle.js"),
)
