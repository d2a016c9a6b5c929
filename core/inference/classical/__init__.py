"""``CLASSICAL``: the methods the papers set U-Net against, as models that need no training.

They answer as a trained network does: a probability for every pixel at native resolution, whose
mask at 0.5 is the method's own. Nothing in them was fitted to any data set, and the same image
gives the same map.

    python -m core predict --weights classical/otsu image.png --out masks
    python -m core predict --weights classical/otsu/dark image.png --out masks

To add a method, write a function (float32 pixels with bright objects, shape (H, W, C), to the
probability of the foreground, shape (H, W)) and add one entry to the table.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import choose
from core.inference.classical import regions, thresholds
from core.inference.classical.soft import is_flat, objects_are_dark
from core.inference.predictor import Predictor, Probability, Progress, fit_channels

POLARITIES = {
    "auto": "dark objects where most of the image's frame is bright, else bright ones",
    "bright": "objects are brighter than the ground",
    "dark": "objects are darker than the ground",
}


@dataclass(frozen=True, kw_only=True)
class ClassicalCard:
    """What a method is and where it comes from."""

    method: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    """Pixels with bright objects, shape (H, W, C), to probability, shape (H, W)."""
    title: str
    """Title of the paper."""
    authors: str
    """First author."""
    year: int
    """Year of the paper."""
    link: str
    """Where the paper is to be read."""
    implementation: str
    """Whose code does the work."""
    soft: str
    """What the probability is, in words."""
    use: str
    """Where it does well, in one sentence."""
    in_channels: int = 1
    """1 sees grey, 3 sees colour."""


CLASSICAL: dict[str, ClassicalCard] = {
    "classical/otsu": ClassicalCard(
        method=thresholds.otsu,
        title="A threshold selection method from gray-level histograms",
        authors="Otsu",
        year=1979,
        link="https://doi.org/10.1109/TSMC.1979.4310076",
        implementation="scikit-image",
        soft="logistic of the distance to the threshold in grey levels",
        use="Objects of one brightness on an even ground, as nuclei in fluorescence.",
    ),
    "classical/adaptive": ClassicalCard(
        method=thresholds.adaptive,
        title="Adaptive thresholding using the integral image",
        authors="Bradley",
        year=2007,
        link="https://doi.org/10.1080/2151237X.2007.10129236",
        implementation="scipy, scikit-image",
        soft="logistic of the distance to the local threshold in grey levels",
        use="Small objects under uneven light.",
    ),
    "classical/kmeans": ClassicalCard(
        method=thresholds.kmeans,
        title="Least squares quantization in PCM",
        authors="Lloyd",
        year=1982,
        link="https://doi.org/10.1109/TIT.1982.1056489",
        implementation="scipy",
        soft="membership: logistic of the difference of the squared distances to the two centres",
        use="Stained tissue, where colour parts object and ground.",
        in_channels=3,
    ),
    "classical/watershed": ClassicalCard(
        method=regions.watershed,
        title="Topographic distance and watershed lines",
        authors="Meyer",
        year=1994,
        link="https://doi.org/10.1016/0165-1684(94)90060-4",
        implementation="scikit-image",
        soft="logistic of the distance to the contour in pixels, also that between two objects",
        use="Round objects that touch and have to be counted.",
    ),
    "classical/chan_vese": ClassicalCard(
        method=regions.chan_vese,
        title="Active contours without edges",
        authors="Chan",
        year=2001,
        link="https://doi.org/10.1109/83.902291",
        implementation="scikit-image (morphological snakes, Márquez-Neila 2014)",
        soft="logistic of the distance to the contour in pixels",
        use="Smooth objects of fair contrast in noise.",
    ),
    "classical/graph_cut": ClassicalCard(
        method=regions.graph_cut,
        title="GrabCut: interactive foreground extraction using iterated graph cuts",
        authors="Rother",
        year=2004,
        link="https://doi.org/10.1145/1015706.1015720",
        implementation="ours, on scipy's maximum flow; grey histograms in place of colour mixtures",
        soft="logistic of the distance to the contour in pixels",
        use="Objects with clear edges whose intensities overlap those of the ground.",
    ),
}


class ClassicalPredictor(Predictor):
    """A method with the interface of a network's predictor; any size from 1x1, never tiled.

    Args:
        name: Key of ``CLASSICAL``.
        polarity: Key of ``POLARITIES``.

    Raises:
        InputError: Unknown name or polarity.
    """

    def __init__(self, name: str, *, polarity: str = "auto") -> None:
        card = choose("classical method", name, CLASSICAL)
        choose("polarity", polarity, POLARITIES)
        self.method = card.method
        self.polarity = polarity
        self.in_channels = card.in_channels
        self.size = None
        self.aspect = "stretch"
        self.device = torch.device("cpu")

    def probability_rows(
        self, image: NDArray[np.uint8], *, progress: Progress | None = None
    ) -> Iterator[tuple[int, Probability]]:
        """The whole map as one band: first row, values (H, W); 0 where the image has one grey."""
        pixels = fit_channels(image, self.in_channels).astype(np.float32)
        grey = fit_channels(image, 1)[..., 0].astype(np.float32)
        if is_flat(grey):
            probability = np.zeros_like(grey)
        else:
            dark = self.polarity == "dark" or (self.polarity == "auto" and objects_are_dark(grey))
            probability = self.method(255 - pixels if dark else pixels)
        yield 0, probability.clip(0, 1)  # resizing may round above 1
        if progress:
            progress(1, 1)


def classical_predictor(name: str) -> ClassicalPredictor:
    """The predictor of ``classical/<method>`` or ``classical/<method>/<polarity>``.

    Raises:
        InputError: Unknown method or polarity.
    """
    family, _, rest = name.partition("/")
    method, _, polarity = rest.partition("/")
    return ClassicalPredictor(f"{family}/{method}", polarity=polarity or "auto")


__all__ = ["CLASSICAL", "POLARITIES", "ClassicalCard", "ClassicalPredictor", "classical_predictor"]
