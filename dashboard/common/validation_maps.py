"""A model on a part of its data set: level maps and counts, made once and kept on disk.

``ISOLINE_HOME/assessments/<key>/`` holds ``sweep.npz`` and ``<n>.npz`` (levels and truth of each
image). The key names the network's weights and settings, the content of the data and the images of
the part, so that nothing old is ever shown; the operating point is no part of it.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.data import Dataset, Sample, info_of
from core.errors import InputError
from core.evaluation import Truth, sweep_samples
from core.inference.predictor import Images
from core.levels import LevelMap
from core.metrics.sweep import Sweep
from core.models import TrainedModel, weights_folder
from core.runs import open_run
from core.system.files import read_json, sha256
from core.system.home import home
from dashboard.common import cache
from dashboard.common.sources import dataset_path, is_synthetic

FORMAT = "1"
"""Raised when what is kept changes its meaning."""
PARTS_KEPT = 12


@dataclass(frozen=True, eq=False)
class SplitMaps:
    """The images of a part, seen by a network."""

    key: str
    """Names the content of all below."""
    model: str
    """Name of the run or the shipped model."""
    split: str
    """``val`` or ``test``."""
    split_hash: str
    """Of the split it belongs to."""
    dataset: Dataset
    """Opened."""
    samples: tuple[Sample, ...]
    """In the order of the sweep."""
    sweep: Sweep
    """Counts at all thresholds, before any post-processing."""
    folder: Path
    """Where the maps are kept."""

    @property
    def groups(self) -> list[str]:
        """Patient of each image."""
        return [sample.group for sample in self.samples]

    takes_volumes = False
    """The maps are there, so none has to be made from a whole volume."""

    def sample_levels(self, _source: Images, sample: Sample) -> LevelMap:
        """The level map of one of the images, as a network would make it, shape (H, W)."""
        n = next(n for n, own in enumerate(self.samples) if own.id == sample.id)
        with np.load(self.folder / f"{n}.npz") as cached:
            levels: LevelMap = cached["levels"]
        return levels

    def maps(self) -> Iterator[tuple[LevelMap, Truth]]:
        """Level map and truth of each image at native resolution, one at a time."""
        for n in range(len(self.samples)):
            with np.load(self.folder / f"{n}.npz") as cached:
                yield cached["levels"], cached["truth"]


def data_folder(trained: TrainedModel) -> Path | None:
    """Where the data of a model lies here; None where it is drawn.

    Raises:
        InputError: It is not on this machine.
    """
    name = trained.config.dataset
    if is_synthetic(name):
        return None
    named = Path(trained.config.data) if trained.config.data else None
    path = named if named and named.exists() else dataset_path(name)
    if path is None:
        raise InputError(
            f"{info_of(name).title} is not on this machine, so neither images nor curves can "
            "be shown; the page Datasets says how to get it"
        )
    return path


def open_split_maps(
    model: str, split: str, *, progress: Callable[[int, int], None] | None = None
) -> SplitMaps:
    """A model on a part; the network runs at the first time only.

    Args:
        model: Key of ``cache.model_names``.
        split: ``val`` or ``test``.
        progress: Called with images done and images in all, where the network runs.

    Raises:
        InputError: The data is not here, or the model was not trained on any.
    """
    trained = cache.trained_model(model)
    if not trained.config.dataset:
        raise InputError(
            f"{trained.name} was not trained, so it has neither a validation nor a test split; "
            "choose a shipped model or a run of your own"
        )
    dataset, content = cache.dataset_at(trained.config.dataset, data_folder(trained))
    samples = trained.samples(dataset, split)
    identities = [sample.id for sample in samples]
    named = (FORMAT, *network_digests(model), trained.of, content, split, *identities)
    key = hashlib.blake2b(repr(named).encode(), digest_size=16).hexdigest()
    folder = home() / "assessments" / key

    def read() -> SplitMaps:
        if not (folder / "sweep.npz").exists():
            with cache.LOCK:  # one network at a time, as everywhere
                _look(trained, dataset, samples, folder, progress)
        folder.touch()
        with np.load(folder / "sweep.npz") as counts:
            sweep = Sweep(**counts)
        return SplitMaps(
            key=key,
            model=trained.name,
            split=split,
            split_hash=trained.split.hash,
            dataset=dataset,
            samples=tuple(samples),
            sweep=sweep,
            folder=folder,
        )

    part: SplitMaps = cache.cached(("part", key), read, lambda part: 2 * part.sweep.tp.nbytes)
    return part if part.folder.exists() else read()


def network_digests(model: str) -> tuple[str, ...]:
    """SHA-256 of the files that decide a network's maps."""
    source, name, _ = cache.split_key(model)
    if source == "weights":
        files: dict[str, str] = read_json(weights_folder() / name / "manifest.json")["files"]
        return files["model.safetensors"], files["config.json"]
    run = open_run(name)
    file = run.checkpoint("best")
    stamp = (str(file), file.stat().st_mtime_ns)
    weights: str = cache.cached(("sha256", *stamp), lambda: sha256(file), len)
    return weights, sha256(run.path / "config.json")


def _look(
    trained: TrainedModel,
    dataset: Dataset,
    samples: list[Sample],
    folder: Path,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Run the network over the part and keep what it says; another reader sees all or nothing."""
    if (folder / "sweep.npz").exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    _make_room(folder.parent)
    partial = Path(tempfile.mkdtemp(prefix=".isoline-tmp-", dir=folder.parent))
    try:
        count = 0

        def keep(levels: LevelMap, truth: Truth) -> None:
            nonlocal count
            np.savez_compressed(partial / f"{count}.npz", levels=levels, truth=truth != 0)
            count += 1

        seen = trained.truths(dataset)
        sweep = sweep_samples(trained.predictor, seen, samples, progress=progress, each=keep)
        counts: dict[str, Any] = vars(sweep)
        np.savez_compressed(partial / "sweep.npz", **counts)
        shutil.rmtree(folder, ignore_errors=True)  # without its counts it is of no use
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _make_room(root: Path) -> None:
    """Drop what was not examined for longest."""
    folders = sorted(
        (folder for folder in root.iterdir() if not folder.name.startswith(".")),
        key=lambda folder: folder.stat().st_mtime,
    )
    for folder in folders[: max(0, len(folders) - PARTS_KEPT + 1)]:
        shutil.rmtree(folder, ignore_errors=True)
