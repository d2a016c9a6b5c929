"""Watch it learn: what the network said of fixed validation images as the epochs went by.

Grey image, the probability in the yellow of a prediction, the outline of the truth in blue; made of
the files that the training leaves in ``samples/``.
"""

import io
import re
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from core.runs import Run
from dashboard.common.thumbnails import overlay_image

MOST, TILE_PX = 8, 150
PREDICTION = np.array([0xF0, 0xE4, 0x42], dtype=np.float32)
_NAME = re.compile(r"(\d+)-(\d+)\.png")


def strip(run: Run) -> None:
    """Images of one image from the first epoch to the last; nothing before there are some."""
    folder = run.path / "samples"
    found = [match for file in folder.glob("*-*.png") if (match := _NAME.fullmatch(file.name))]
    if not found:
        return
    epochs = sorted({int(match[1]) for match in found})
    images = sorted({int(match[2]) for match in found})
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Watch it learn**", width="content")
        number = images[0]
        if len(images) > 1:
            number = (
                st.segmented_control(
                    "Validation image",
                    images,
                    default=images[0],
                    key=f"strip-{run.name}",
                    label_visibility="collapsed",
                    required=True,
                )
                or images[0]
            )
        st.caption(
            "Probability in yellow, outline of the truth in blue; validation image "
            f"{number} of {len(images)}"
        )
    with st.container(horizontal=True, gap="small"):
        for epoch in spread(epochs):
            file = folder / f"{epoch}-{number}.png"
            if file.exists():  # an image that is being written comes with the next look
                png = _image(str(folder), number, epoch, file.stat().st_mtime_ns)
                st.image(png, caption=f"Epoch {epoch}", width=TILE_PX)


def spread(epochs: list[int]) -> list[int]:
    """At most ``MOST`` of them: the first, the last, and others evenly between."""
    if len(epochs) <= MOST:
        return epochs
    return [epochs[round(place)] for place in np.linspace(0, len(epochs) - 1, MOST)]


@st.cache_data(max_entries=500, show_spinner=False)
def _image(folder: str, number: int, epoch: int, stamp: int) -> bytes:
    """One tile as PNG."""
    del stamp  # part of the key only
    names = (f"image-{number}", f"{epoch}-{number}", f"truth-{number}")
    image, said, truth = (_read(Path(folder) / f"{name}.png") for name in names)
    grey = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    share = 0.65 * said.astype(np.float32)[..., None] / 255
    mixed = (1 - share) * grey + share * PREDICTION
    example = overlay_image(mixed.round().astype(np.uint8), truth > 0)
    small = Image.fromarray(example)
    small.thumbnail((2 * TILE_PX, 2 * TILE_PX))  # twice, for screens of two pixels per pixel
    buffer = io.BytesIO()
    small.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _read(file: Path) -> NDArray[np.uint8]:
    with Image.open(file) as example:
        return np.asarray(example)
