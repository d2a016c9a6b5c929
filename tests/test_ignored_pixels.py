"""Pixels that are not annotated enter no count of a frozen operating point."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.data import open_dataset
from core.data.base import Sample
from core.evaluation import PostProcessedCounts, sweep_samples
from core.evaluation.robustness import count_perturbed
from core.inference.predictor import Images
from core.levels import LevelMap
from core.threshold.operating_point import OperatingPoint
from core.threshold.postprocessing import PostProcessing


class Everything:
    """Marks every pixel."""

    takes_volumes = False

    def sample_levels(self, source: Images, sample: Sample) -> LevelMap:
        """1000 everywhere, shape (H, W)."""
        return np.full(source.image(sample).shape[:2], 1000, np.uint16)


def saved(folder: Path, mask: NDArray[np.uint8]) -> Path:
    for place in ("images", "masks"):
        (folder / place).mkdir(parents=True)
    for n in range(3):
        image = np.random.default_rng(n).integers(0, 255, mask.shape).astype(np.uint8)
        Image.fromarray(image).save(folder / "images" / f"c{n}.png")
        Image.fromarray(mask).save(folder / "masks" / f"c{n}.png")
    return folder


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fill_holes", [False, True])
def test_annotated_pixels_alone_are_counted(tmp_path: Path, seed: int, fill_holes: bool) -> None:
    numbers = np.random.default_rng(seed)
    mask = numbers.integers(0, 2, (32, 32)).astype(np.uint8)
    mask[numbers.random(mask.shape) < 0.2] = 255
    dataset = open_dataset("folder", saved(tmp_path / "set", mask))
    point = OperatingPoint(
        threshold=0.5,
        rule="dice",
        name="fixed",
        value=1.0,
        dataset="folder",
        split="val",
        split_hash="",
        n_images=3,
        post_processing=PostProcessing(fill_holes=fill_holes),
    )
    counts = count_perturbed(Everything(), dataset, dataset.samples, point=point)
    expected = [int((mask == 1).sum()), int((mask == 0).sum()), 0, 0]
    wanted = np.array([expected] * 3).T
    np.testing.assert_array_equal(counts["as_is"], wanted)
    cleaned = PostProcessedCounts(point.k, point.post_processing)
    sweep_samples(Everything(), dataset, dataset.samples, cleaned=cleaned)
    found = cleaned.counts()
    parts = (found.tp, found.fp, found.fn, found.tn)
    np.testing.assert_array_equal(np.stack([part[:, 0] for part in parts]), wanted)
