"""A small page for the volume viewer's browser tests: a synthetic volume, no model.

Options come from the address: ``?plane=sagittal&raw=1&spacing=0.5``.
"""

import sys
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.imaging import WINDOWS_HU
from dashboard.components.volume_viewer import VolumeScene, pack_volume, volume_viewer
from tests.apps.volume_data import drawn_volume

st.set_page_config(layout="wide")
asked = st.query_params
values, levels = drawn_volume(raw=asked.get("raw") == "1")
spacing = float(asked.get("spacing", "0"))
packed = pack_volume(
    VolumeScene(
        values=values,
        levels=levels,
        plane=asked.get("plane", "axial"),
        spacing_mm=(3 * spacing, spacing, spacing) if spacing else (1, 1, 1),
        voxel_mm3=3 * spacing**3 or None,
        presets=WINDOWS_HU if asked.get("raw") == "1" else {},
        unit="HU" if asked.get("raw") == "1" else "",
        operating_point=412,
        operating_point_name="Best Dice on validation",
        title="drawn.nii",
    )
)
decision = volume_viewer(packed, key="volume", threshold=412)
st.caption(f"Python heard {decision.k}")
