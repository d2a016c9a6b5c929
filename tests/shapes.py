"""A synthetic data set of three classes, and a training on it that takes seconds."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.config import RunConfig
from core.data.base import Dataset, DatasetInfo, Sample

SIDE = 48


class Shapes(Dataset):
    """Bright squares that hold a dark core, and grey bars."""

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="phantoms_shapes",
        title="Shapes",
        modality="drawn",
        foreground="shape",
        license="none",
        citation="none",
        homepage="",
        layout="none",
        classes=("rim", "core", "bar"),
        regions={"whole": (1, 2), "inner": (2,)},
    )

    @classmethod
    def open(cls, path: Path | None) -> "Shapes":
        return cls(path, [Sample(id=f"s{n:02d}", group=f"g{n:02d}") for n in range(16)])

    def image(self, sample: Sample) -> NDArray[np.uint8]:
        intensities = np.array([90, 230, 20, 150])[self.truth(sample)]
        noise = np.random.default_rng(int(sample.id[1:])).normal(0, 6, intensities.shape)
        return np.clip(intensities + noise, 0, 255).astype(np.uint8)

    def truth(self, sample: Sample) -> NDArray[np.uint8]:
        numbers = np.random.default_rng(100 + int(sample.id[1:]))
        y, x, bar = numbers.integers(2, 20, 3)
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[y : y + 14, x : x + 14] = 1
        mask[y + 4 : y + 10, x + 4 : x + 10] = 2
        mask[38:44, bar : bar + 20] = 3
        return mask


def config(**changes: Any) -> RunConfig:
    settings: dict[str, Any] = {
        "dataset": "phantoms_shapes",
        "model_options": {"base_filters": 8, "depth": 2},
        "epochs": 12,
        "batch_size": 4,
        "learning_rate": 0.02,
        "target": "classes",
        "loss": "ce",
        "augment": False,
        **changes,
    }
    return RunConfig(**settings)
