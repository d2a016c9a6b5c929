"""ISBI 2012 EM segmentation challenge: 30 + 30 serial sections of Drosophila ventral nerve cord.

Cardona et al., An Integrated Micro- and Macroarchitectural Analysis of the Drosophila Brain by
Computer-Assisted Serial Section Electron Microscopy, PLoS Biol 8(10): e1000502, 2010.
"""

from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from core.data.base import Dataset, DatasetInfo, Sample
from core.errors import InputError
from core.imaging import page_count, read_image

IMAGES, LABELS, UNLABELLED = "train-volume.tif", "train-labels.tif", "test-volume.tif"


def _read_stack(path: Path) -> NDArray[np.uint8]:
    """All pages of a TIFF stack, shape (N, H, W)."""
    pages = [read_image(path, page=n).pixels for n in range(page_count(path))]
    for n, page in enumerate(pages):
        if page.dtype != np.uint8 or page.shape != pages[0].shape or page.ndim != 2:
            raise InputError(
                f"{path}: page {n + 1} is {page.dtype} {page.shape}; expected 8-bit grey pages of "
                "one size, as published"
            )
    return np.stack(pages)


class Isbi2012(Dataset):
    """Three TIFF stacks; the test stack's labels were never published."""

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="isbi2012",
        title="ISBI 2012 EM segmentation challenge",
        modality="electron microscopy (ssTEM, 4 x 4 x 50 nm)",
        foreground="cell interior",
        license="free for generating or testing non-commercial image segmentation software",
        citation="Cardona A et al., PLoS Biology 8(10): e1000502 (2010); TrakEM2",
        homepage="https://imagej.net/events/isbi-2012-segmentation-challenge",
        access="Register at the challenge page and fetch the three TIFF stacks.",
        # The published labels lie about half a pixel above what they label: a network that saw
        # sections upside down cannot know on which side.
        augmentation={"upside_down": False, "rotation_degrees": 20, "elastic_px": 4, "gamma": 0.2},
        layout=f"a folder with {IMAGES} and {LABELS} (and {UNLABELLED})",
    )

    def __init__(
        self,
        path: Path,
        images: NDArray[np.uint8],
        labels: NDArray[np.uint8],
        unlabelled: NDArray[np.uint8] | None,
    ) -> None:
        # Neighbouring sections look alike, so the split is by contiguous blocks, and validation
        # lies between training and test: no test section touches a training section.
        n = len(images)
        block = ["train"] * (2 * n // 3)
        block += ["val"] * (n - n // 5 - len(block))
        block += ["test"] * (n - len(block))
        samples = [
            Sample(id=f"section-{i:02d}", group=f"sections-{block[i]}", split=block[i])
            for i in range(n)
        ]
        self._images = {sample.id: page for sample, page in zip(samples, images, strict=True)}
        self._labels = {sample.id: page for sample, page in zip(samples, labels, strict=True)}
        for i, page in enumerate(unlabelled if unlabelled is not None else []):
            sample = Sample(id=f"unlabelled-{i:02d}", group="unlabelled", has_truth=False)
            self._images[sample.id] = page
            samples.append(sample)
        super().__init__(path, samples)

    @classmethod
    def open(cls, path: Path | None) -> "Isbi2012":
        """See ``Dataset.open``; the label stack must match the image stack page by page."""
        if path is None:
            raise InputError(f"isbi2012 needs --data PATH: {cls.info.layout}")
        if not path.is_dir():
            raise InputError(f"{path}: no such folder; expected {cls.info.layout}")
        images, labels = _read_stack(path / IMAGES), _read_stack(path / LABELS)
        if images.shape != labels.shape:
            raise InputError(
                f"{path / LABELS}: {_pages(labels)} do not match the {_pages(images)} of "
                f"{IMAGES}; both stacks must come from the same download"
            )
        unexpected = sorted(set(np.unique(labels).tolist()) - {0, 255})
        if unexpected:
            raise InputError(
                f"{path / LABELS}: labels must be 0 (membrane) or 255 (interior), "
                f"found {unexpected[:5]}"
            )
        extra = path / UNLABELLED
        return cls(path, images, labels, _read_stack(extra) if extra.exists() else None)

    def image(self, sample: Sample) -> NDArray[np.uint8]:
        """One section, shape (H, W)."""
        image: NDArray[np.uint8] = self._images[sample.id]
        return image

    def truth(self, sample: Sample) -> NDArray[np.uint8]:
        """1 in the interior of cells, 0 on membranes, shape (H, W)."""
        if not sample.has_truth:
            raise ValueError(f"{sample.id} has no published label")
        truth: NDArray[np.uint8] = (self._labels[sample.id] == 255).astype(np.uint8)
        return truth


def _pages(stack: NDArray[np.uint8]) -> str:
    n, height, width = stack.shape
    return f"{n} pages of {width}x{height}"
