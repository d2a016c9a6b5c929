"""A small page for the viewer's browser tests and its benchmark: synthetic data, no model.

Options come from the address: ``?size=256&spacing=0.5&viewers=2&truth=0&title=…``, and
``&unsure=1`` for an uncertainty map, ``&raw=1`` for values of more than 8 bits.
"""

import hashlib
import sys
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from dashboard.components.viewer import (
    STAGE_HEIGHT_PX,
    RawValues,
    Scene,
    pack,
    threshold_viewer,
    unpack,
)
from tests.apps.viewer_data import PRESETS, drawn, drawn_raw, drawn_uncertainty

OPERATING_POINT = 412


@st.cache_data(max_entries=8, show_spinner=False)
def packed_scene(
    size: int, seed: int, spacing: float, title: str, *, truth: bool, unsure: bool, raw: bool
) -> bytes:
    image, levels, reference = drawn(size, seed)
    values = RawValues(values=drawn_raw(image), center=40, width=400, unit="HU", presets=PRESETS)
    return pack(
        Scene(
            image=image,
            levels=levels,
            truth=reference if truth else None,
            operating_point=OPERATING_POINT,
            operating_point_name="Best Dice on validation",
            spacing_mm=(spacing, spacing) if spacing else None,
            uncertainty=drawn_uncertainty(levels) if unsure else None,
            uncertainty_name="Standard deviation over 8 views",
            raw=values if raw else None,
            title=title,
        )
    )


st.set_page_config(page_title="Viewer", layout="wide")
options = st.query_params
st.session_state["runs"] = st.session_state.get("runs", 0) + 1
picture = st.session_state.setdefault("picture", 0)

viewers = 0 if st.session_state.get("away") else int(options.get("viewers", "1"))
for number in range(viewers):
    packed = packed_scene(
        int(options.get("size", "256")),
        int(options.get("seed", "7")) + number + 10 * picture,
        float(options.get("spacing", "0")),
        options.get("title", "case_017.png"),
        truth=options.get("truth", "1") == "1",
        unsure=options.get("unsure") == "1",
        raw=options.get("raw") == "1",
    )
    decision = threshold_viewer(
        packed,
        key=f"viewer{number}",
        threshold=600 if st.session_state.get("later") else OPERATING_POINT,
        height=int(options.get("height", STAGE_HEIGHT_PX)),
    )
    mask = decision.mask(unpack(packed)[1])
    digest = hashlib.blake2b(mask.tobytes(), digest_size=8).hexdigest()
    st.caption(f"k{number}={decision.k}")
    st.caption(f"px{number}={mask.sum()} {digest}")
    st.caption(f"decision{number}: {decision.words}")
st.caption(f"runs={st.session_state['runs']}")
st.button("Run again")
st.checkbox("Away", key="away")
st.checkbox("Begin at 0.600", key="later")
if st.button("Next image"):
    st.session_state["picture"] += 1
    st.rerun()
