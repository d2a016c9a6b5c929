"""One image by every model of a comparison; the thresholds chosen manually stand in the address."""

import streamlit as st

from core.levels import STEPS
from dashboard.common import cache
from dashboard.common.examples import Example
from dashboard.common.foreign_text import as_text
from dashboard.compare.data import Compared, stamp_of
from dashboard.components.compare_viewer import Side, compare_viewer, pack_sides
from dashboard.components.viewer import Scene, pack

Thresholds = tuple[int, ...]


def side_by_side(found: Compared, image: str) -> None:
    """An image by every model, with linked zoom and a threshold for each."""
    points = tuple(cache.trained_model(key).operating_point.k for key in found.keys)
    with st.spinner("Looking at the image"):
        packed = _packed(found, image)
    chosen = compare_viewer(
        packed,
        key="compare-viewer",
        thresholds=from_address(st.query_params.get("thresholds", ""), image, points),
        metric=found.comparison["metric"],
    )
    if chosen != points:
        st.query_params["thresholds"] = to_address(image, chosen)
    elif "thresholds" in st.query_params:
        del st.query_params["thresholds"]
    cleaned = [
        row["model"] for row in found.comparison["models"] if row["post_processing"] != "none"
    ]
    if cleaned:
        st.caption(
            "Shown before the post-processing that the scores of "
            f"{', '.join(map(as_text, cleaned))} include."
        )


def to_address(image: str, ks: Thresholds) -> str:
    """Thresholds of an image as a link carries them."""
    return f"{image}:{'-'.join(str(k) for k in ks)}"


def from_address(text: str, image: str, points: Thresholds) -> Thresholds:
    """Thresholds that a link carries; ``points`` where it is of another image or of other models.

    Args:
        text: From ``to_address``, or anything at all.
        image: The one on show.
        points: The models' operating points.
    """
    where, _, ks = text.rpartition(":")
    found = tuple(int(k) for k in ks.split("-") if k.isascii() and k.isdecimal() and len(k) < 5)
    fits = where == image and len(found) == len(points) and all(k <= STEPS for k in found)
    return found if fits else points


def _packed(found: Compared, image: str) -> bytes:
    """The viewer's message; a network runs once for each image."""

    def make() -> bytes:
        sample = found.samples[image]
        evaluated = cache.trained_model(found.keys[0]).truths(found.dataset)  # by one truth, all
        pixels, truth = found.dataset.image(sample), evaluated.truth(sample) != 0
        shown = pixels if pixels.ndim == 2 or pixels.shape[2] == 3 else pixels[..., 0]
        example = Example(image, pixels, dataset=found.dataset.info.name, sample=image)
        sides = []
        for key, name in zip(found.keys, found.names, strict=True):
            point = cache.trained_model(key).operating_point
            scene = Scene(
                image=shown,
                levels=cache.level_map(key, example),
                truth=truth,
                operating_point=point.k,
                operating_point_name=point.name,
                spacing_mm=sample.spacing_mm,
                title=image,
            )
            sides.append(Side(name=name, colour=found.styles[name].colour, scene=pack(scene)))
        return pack_sides(sides)

    stamps = tuple(stamp_of(key) for key in found.keys)
    colours = tuple(style.colour for style in found.styles.values())
    packed: bytes = cache.cached(("sides", stamps, colours, found.content, image), make, len)
    return packed
