"""What the training images of a model are like: modality, channels, sizes, spacing, intensities.

A small document that is kept with a model. An image is as unlike as its distance to the nearest
training image (a data set is often several clusters), by Mahalanobis over 13 statistics of the
intensities, with a correlation shrunk part of the way to none, since a training set has tens of
images.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data import Dataset, Sample
from core.imaging import Image
from core.system.files import read_json

FILE = "training_facts.json"
"""In the folder of a shipped model or a run."""
AT_MOST = 100
"""Training images examined, evenly spread."""

STATISTICS = (
    "darkest intensities (1st percentile)",
    "dark intensities (10th percentile)",
    "25th percentile of the intensities",
    "median grey",
    "75th percentile of the intensities",
    "bright intensities (90th percentile)",
    "brightest intensities (99th percentile)",
    "spread of the intensities",
    "fine texture from left to right",
    "fine texture from top to bottom",
    "coarse texture",
    "black pixels (of 255)",
    "white pixels (of 255)",
)
_SHRINKAGE = 0.3
_FLOOR = 3.0  # grey levels: sets of very even images would else refuse their neighbours
_LEAST_LIMIT, _MARGIN = 0.6, 1.5
_FEW = 4.0  # images: of a few the next one may well lie further off
_LARGEST = 2048
_CHROMA, COLOURED = 16, 0.05  # a caption or calliper in colour has less

Vector = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class TrainingFacts:
    """What the training images of a model are like."""

    modality: str
    """In the words of the data set: ``CT, lung window -600 / 1500 HU``."""
    n_images: int
    channels: int
    """Of the images: 1, 3 for colour, or one for each sequence of an MRI."""
    colour_share: float
    """Share of the images with real colour, 0…1."""
    side_px: tuple[float, float]
    """Least and greatest square root of an image's area."""
    spacing_mm: tuple[float, float] | None
    """Least and greatest pixel height or width; None where it is not known."""
    mean: tuple[float, ...]
    """Of each of ``STATISTICS``."""
    spread: tuple[float, ...]
    low: tuple[float, ...]
    """5th percentile over the images, for words."""
    high: tuple[float, ...]
    """95th percentile."""
    directions: tuple[tuple[float, ...], ...]
    """Turns deviations, in spreads, into independent ones of one size, (13, 13)."""
    images: tuple[tuple[float, ...], ...]
    """``STATISTICS`` of each image, (N, 13)."""
    limit: float
    """Distance beyond which an image is called unlike."""

    def document(self) -> dict[str, Any]:
        """For a JSON file."""
        return asdict(self)

    @staticmethod
    def of_document(document: dict[str, Any]) -> "TrainingFacts":
        """The way back."""
        plain: dict[str, Any] = {
            key: _tuples(value) if isinstance(value, list) else value
            for key, value in document.items()
        }
        return TrainingFacts(**plain)


def training_facts(dataset: Dataset, samples: Sequence[Sample]) -> TrainingFacts:
    """Measure the images a model was trained on.

    Args:
        dataset: Its data set.
        samples: The training split of its split; at most ``AT_MOST`` of them are read.

    Raises:
        InputError: An image cannot be read.
        ValueError: There are no samples.
    """
    if not samples:
        raise ValueError("no samples to measure")
    chosen = samples[:: math.ceil(len(samples) / AT_MOST)]
    images = (dataset.image(sample) for sample in chosen)  # one at a time in memory
    spacings = [length for sample in chosen for length in sample.spacing_mm or ()]
    return facts_of_images(images, modality=dataset.info.modality, spacings_mm=spacings)


def read_training_facts(folder: Path) -> TrainingFacts | None:
    """Those of a shipped model or run; None where it has none."""
    file = folder / FILE
    return TrainingFacts.of_document(read_json(file)) if file.exists() else None


def facts_of_images(
    images: Iterable[NDArray[np.uint8]], *, modality: str, spacings_mm: Sequence[float] = ()
) -> TrainingFacts:
    """Measure images.

    Args:
        images: Shape (H, W) or (H, W, C), 0…255, as the model sees them before resizing.
        modality: How they were made.
        spacings_mm: Pixel heights and widths, where known.
    """
    rows, sides, coloured, channels = [], [], 0, 1
    for image in images:
        rows.append(statistics_of(_grey(image)))
        sides.append(math.sqrt(image.shape[0] * image.shape[1]))
        coloured += is_coloured(image)
        channels = image.shape[2] if image.ndim == 3 else 1
    found = np.array(rows)  # (N, 13)
    mean, spread, directions = _fitted(found)
    margin = _MARGIN * (1 + _FEW / len(found))
    limit = max(_LEAST_LIMIT, margin * _typical_distance((found - mean) / spread @ directions))
    low, high = np.percentile(found, (5, 95), axis=0)
    return TrainingFacts(
        modality=modality,
        n_images=len(found),
        channels=channels,
        colour_share=round(coloured / len(found), 4),
        side_px=(min(sides), max(sides)),
        spacing_mm=(min(spacings_mm), max(spacings_mm)) if spacings_mm else None,
        mean=_rounded(mean),
        spread=_rounded(spread),
        low=_rounded(low),
        high=_rounded(high),
        directions=tuple(_rounded(row) for row in directions),
        images=tuple(_rounded(row, 1) for row in found),
        limit=round(limit, 4),
    )


def distance(grey: NDArray[np.uint8], facts: TrainingFacts) -> float:
    """Distance of an image to the most similar training image; see ``TrainingFacts.limit``.

    Args:
        grey: Shape (H, W).
        facts: Of the training images.
    """
    apart = (np.asarray(facts.images) - statistics_of(grey)) / np.asarray(facts.spread)
    turned = apart @ np.asarray(facts.directions)  # (N, 13)
    return float(np.sqrt((turned**2).mean(axis=1)).min())


def is_coloured(image: NDArray[np.uint8]) -> bool:
    """Whether 5 % of the pixels have hue; shape (H, W) or (H, W, C)."""
    if image.ndim == 2 or image.shape[2] != 3:
        return False
    step = max(min(image.shape[:2]) // 128, 1)  # enough pixels for a share
    return bool((np.ptp(image[::step, ::step], axis=2) > _CHROMA).mean() >= COLOURED)


def _grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if image.ndim == 3 and image.shape[2] == 3:
        return Image(pixels=image, name="").grey8()
    return image if image.ndim == 2 else image[..., 0]


def statistics_of(grey: NDArray[np.uint8]) -> Vector:
    """``STATISTICS`` of an image (H, W), in grey levels; of a large one those of its middle."""
    top, left = (max(0, (side - _LARGEST) // 2) for side in grey.shape)
    part = grey[top : top + _LARGEST, left : left + _LARGEST].astype(np.float32)
    rows, columns = (side // 4 * 4 for side in part.shape)
    coarse = part[:rows, :columns].reshape(rows // 4, 4, columns // 4, 4).mean(axis=(1, 3))
    return np.array([
        *np.percentile(part, (1, 10, 25, 50, 75, 90, 99)),
        part.std(),
        np.abs(np.diff(part, axis=1)).mean(),
        np.abs(np.diff(part, axis=0)).mean(),
        np.abs(np.diff(coarse, axis=1)).mean(),
        (part <= 2).mean() * 255,
        (part >= 253).mean() * 255,
    ])  # fmt: skip


def _fitted(found: Vector) -> tuple[Vector, Vector, Vector]:
    """Mean, spread and directions of statistics (N, 13)."""
    mean, spread = found.mean(axis=0), np.maximum(found.std(axis=0), _FLOOR)
    scaled = (found - mean) / spread
    correlation = scaled.T @ scaled / len(found)
    shrunk = (1 - _SHRINKAGE) * correlation + _SHRINKAGE * np.eye(len(mean))
    lengths, vectors = np.linalg.eigh(shrunk)
    return mean, spread, vectors / np.sqrt(lengths)


def _typical_distance(turned: Vector) -> float:
    """95th percentile of the distance of each image (N, 13) to the most similar other one."""
    if len(turned) < 2:
        return 0.0
    apart = np.sqrt(((turned[:, None] - turned[None]) ** 2).mean(axis=2))  # (N, N)
    np.fill_diagonal(apart, np.inf)
    return float(np.percentile(apart.min(axis=1), 95))


def _rounded(values: Vector, digits: int = 4) -> tuple[float, ...]:
    return tuple(round(float(value), digits) for value in values)


def _tuples(value: Any) -> Any:  # noqa: ANN401 - lists of numbers or of lists
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
