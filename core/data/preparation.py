"""Decode once, read many times: labelled samples as memory-mapped uint8 arrays, keyed by content.

The key is a hash of the source files, the size and this module's version, so a changed file, an
edited mask or another size is another entry and nothing stale is ever read.
"""

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from core.data.base import Dataset
from core.errors import InputError
from core.home import home

VERSION = 1


@dataclass(frozen=True)
class Prepared:
    """Labelled samples of a data set, all of one size."""

    ids: tuple[str, ...]
    """Sample ids, N of them."""
    images: NDArray[np.uint8]
    """Shape (N, C, H, W), memory-mapped."""
    masks: NDArray[np.uint8]
    """Values 0 and 1, shape (N, 1, H, W), memory-mapped."""


def prepare(dataset: Dataset, *, size: int | None = None) -> Prepared:
    """Prepare a data set, or find it prepared.

    Args:
        dataset: An opened data set.
        size: Resize to this square; None keeps the native size, which must be the same for all.

    Raises:
        InputError: Images differ in size or channels and no size is given.
    """
    key = hashlib.sha256(f"{VERSION} {dataset.fingerprint()} {size}".encode()).hexdigest()[:20]
    folder = home() / "prepared" / f"{dataset.info.name}-{key}"
    if not (folder / "index.json").exists():
        _build(dataset, size, folder)
    ids = tuple(json.loads((folder / "index.json").read_text(encoding="utf-8"))["ids"])
    images = np.load(folder / "images.npy", mmap_mode="r")
    return Prepared(ids, images, np.load(folder / "masks.npy", mmap_mode="r"))


def _build(dataset: Dataset, size: int | None, folder: Path) -> None:
    """Fill a folder beside the final one, then rename it: half an entry is never seen."""
    samples = [sample for sample in dataset.samples if sample.has_truth]
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".isoline-tmp-", dir=folder.parent))
    try:
        images: NDArray[np.uint8] | None = None
        for n, sample in enumerate(samples):
            image = as_channels(dataset.image(sample))
            mask = dataset.truth(sample)[None]
            if size is not None:
                image, mask = resize(image, size, smooth=True), resize(mask, size, smooth=False)
            if images is None:
                images = _create(partial / "images.npy", (len(samples), *image.shape))
                masks = _create(partial / "masks.npy", (len(samples), *mask.shape))
            if image.shape != images.shape[1:]:
                raise InputError(
                    f"{dataset.info.name}: image {sample.id} is {_shape(image.shape)}, others are "
                    f"{_shape(images.shape[1:])}; give a common size with --set size=256"
                )
            images[n], masks[n] = image, mask
        index = {"ids": [sample.id for sample in samples], "size": size, "version": VERSION}
        (partial / "index.json").write_text(json.dumps(index), encoding="utf-8")
        if images is not None:
            images.flush()  # type: ignore[attr-defined]  # a memmap
            masks.flush()  # type: ignore[attr-defined]
        try:
            partial.rename(folder)
        except OSError:  # somebody else finished the same entry first
            if not (folder / "index.json").exists():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _create(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    free = shutil.disk_usage(path.parent).free
    if np.prod(shape, dtype=np.int64) > free:
        raise InputError(
            f"{path.parent.parent}: {free >> 20} MB free, "
            f"{int(np.prod(shape, dtype=np.int64)) >> 20} MB needed to prepare the data; "
            "free some space or move ISOLINE_HOME"
        )
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)


def as_channels(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shape (H, W) or (H, W, C) to (C, H, W)."""
    return image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0)


def resize(image: NDArray[np.uint8], size: int, *, smooth: bool) -> NDArray[np.uint8]:
    """Resize (C, H, W) to a square; smooth for images (antialiased), nearest for labels."""
    method = PillowImage.Resampling.BILINEAR if smooth else PillowImage.Resampling.NEAREST
    planes = [
        PillowImage.fromarray(np.ascontiguousarray(p)).resize((size, size), method) for p in image
    ]
    return np.stack([np.asarray(plane) for plane in planes])


def _shape(shape: tuple[int, ...]) -> str:
    channels, height, width = shape
    return f"{width}x{height} with {channels} channel{'s' if channels > 1 else ''}"
