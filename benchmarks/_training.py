"""What the contestants of ``benchmarks.training`` share: the job, the clocks, the validation."""

import copy
import importlib.util
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from core.config import AugmentationConfig
from core.inference.predictor import Predictor
from core.levels import STEPS
from core.metrics.overlap import dice
from core.metrics.sweep import concatenate, sweep_image

NETWORK: dict[str, Any] = {"base_filters": 16, "normalization": "batch"}
LEARNING_RATE = 1e-3
MOVES = AugmentationConfig(elastic_px=4, elastic_spacing_px=32)
Pair = tuple[NDArray[np.uint8], NDArray[np.bool_]]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is trained."""

    folder: str
    """Holds ``images/`` and ``masks/`` with the same names."""
    train: list[str]
    """File names of the training images."""
    val: list[str]
    """File names of the validation images; none in a trial of the workers."""
    size: int
    """Images are resized to this square."""
    batch: int
    """Images in one step."""
    epochs: int
    """Passes over the training images."""
    workers: int = 0
    """Processes that load, of the peers."""
    precision: str = "auto"
    """Of our loop; the peers train in float32."""


@dataclass
class Course:
    """How a training went; lists have a value for each epoch, times are in seconds."""

    preparation: float = 0.0
    """Before the first step: reading, caching, building."""
    fit: list[float] = field(default_factory=list)
    """The steps of an epoch alone, to the last of them done on the device."""
    epoch: list[float] = field(default_factory=list)
    """All of an epoch, validation and checkpoints too."""
    dice: list[float] = field(default_factory=list)
    """After an epoch, pooled over the validation images at native resolution, at 0.5."""
    whole: float = 0.0
    """From before the preparation to the end."""
    busy: float | None = None
    """Percent of the steps' time that a GPU was busy; None where nothing says so."""
    keeping: list[float] = field(default_factory=list)
    """Ours: writing checkpoints, history, status, log and images, within an epoch."""
    mirror: list[float] = field(default_factory=list)
    """Ours: processor time of the process that writes the tracking store, during an epoch."""
    split: str = ""
    """Ours: hash of the split."""


class Busy:
    """The GPU's own counter, examined every 50 ms where there are a GPU and pynvml."""

    def __init__(self, device: torch.device) -> None:
        self._counts = device.type == "cuda" and importlib.util.find_spec("pynvml") is not None
        self._seen: list[int] = []

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look for as long as the block runs."""
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(0.05):
                self._seen.append(torch.cuda.utilization())

        watcher = threading.Thread(target=look)
        if self._counts:
            watcher.start()
        try:
            yield
        finally:
            ended.set()
            if self._counts:
                watcher.join()

    @property
    def percent(self) -> float | None:
        """Mean of all looks."""
        return statistics.mean(self._seen) if self._seen else None


class Stopwatch:
    """The clocks and the validation of a peer's training, and the course they add up to.

    Args:
        job: What is trained.
        model: The network.
        device: Where it learns.
        began: ``perf_counter`` before the preparation.
    """

    def __init__(self, job: Job, model: nn.Module, device: torch.device, *, began: float) -> None:
        self.course = Course()
        self._job, self._model, self._device, self._began = job, model, device, began
        self._checked = [read(Path(job.folder), name) for name in job.val]
        self._busy = Busy(device)
        self.course.preparation = time.perf_counter() - began

    @contextmanager
    def epoch(self) -> Iterator[None]:
        """Time the steps of an epoch, then validate."""
        started = time.perf_counter()
        with self._busy.watched():
            yield
            if self._device.type == "cuda":
                torch.cuda.synchronize()
        course = self.course
        course.fit.append(time.perf_counter() - started)
        if self._checked:
            course.dice.append(self._dice())
        course.epoch.append(time.perf_counter() - started)
        course.whole, course.busy = time.perf_counter() - self._began, self._busy.percent

    def _dice(self) -> float:
        """With a copy, since the predictor turns the network it is given to channels last."""
        model = copy.deepcopy(self._model)
        predictor = Predictor(model, size=self._job.size, device=self._device)
        counted = [sweep_image(predictor.levels(image), truth) for image, truth in self._checked]
        pooled = concatenate(counted).pooled()
        return float(dice(pooled.tp, pooled.fp, pooled.fn, pooled.tn)[0, STEPS // 2])


def read(folder: Path, name: str) -> Pair:
    """Grey image and mask, shape (H, W), from their files."""
    image = np.asarray(Image.open(folder / "images" / name))
    return image, np.asarray(Image.open(folder / "masks" / name)) > 0
