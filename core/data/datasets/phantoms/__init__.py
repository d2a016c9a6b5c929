"""Phantoms: synthetic images with exact truth, for trying everything without a download.

Four kinds of images, one module each: ``nuclei`` in fluorescence, a breast lesion in
``ultrasound``, the ``lung`` in CT and ``membranes`` in electron microscopy. An image is fixed by
seed, kind, index and size alone, whatever was drawn before it. And one kind of volumes: ``nodules``
among the vessels of the lung in CT.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Self
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from core.data.base import Dataset, DatasetInfo, Sample
from core.data.datasets.phantoms import lung, membranes, nodules, nuclei, ultrasound
from core.data.datasets.phantoms.drawing import Phantom
from core.data.datasets.phantoms.nodules import PhantomVolume
from core.errors import InputError, choose

__all__ = [
    "KINDS",
    "Phantom",
    "PhantomVolume",
    "Phantoms",
    "PhantomsLung",
    "PhantomsMembranes",
    "PhantomsNodules",
    "PhantomsNuclei",
    "PhantomsUltrasound",
    "draw",
    "draw_volume",
]

KINDS: dict[str, Callable[[np.random.Generator, int], Phantom]] = {
    "nuclei": nuclei.draw_nuclei,
    "ultrasound": ultrasound.draw_ultrasound,
    "lung": lung.draw_lung,
    "membranes": membranes.draw_membranes,
}
SMALLEST_PX, LARGEST_PX = 32, 4096
COUNT, SIZE_PX, SEED = 32, 256, 0
CASES = 16


def draw(kind: str, *, seed: int = 0, index: int = 0, size: int = 256) -> Phantom:
    """Draw one phantom; the same arguments give the same bytes.

    Args:
        kind: A key of ``KINDS``.
        seed: Names a series of images, at least 0.
        index: Place in the series, at least 0.
        size: Height and width in pixels, 32…4096.

    Raises:
        InputError: Unknown kind, negative seed or index, or a size out of range.
    """
    paint = choose("phantom", kind, KINDS)
    _check_series(seed, index)
    if not SMALLEST_PX <= size <= LARGEST_PX:
        raise InputError(f"Phantom size {size} is outside {SMALLEST_PX}…{LARGEST_PX} pixels")
    return paint(_generator(kind, seed, index), size)


def draw_volume(*, seed: int = 0, index: int = 0) -> PhantomVolume:
    """Draw one case of lung nodules; the same arguments give the same bytes.

    Args:
        seed: Names a series of cases, at least 0.
        index: Place in the series, at least 0.

    Raises:
        InputError: Negative seed or index.
    """
    _check_series(seed, index)
    return nodules.draw_nodules(_generator("nodules", seed, index))


def _check_series(seed: int, index: int) -> None:
    if seed < 0 or index < 0:
        raise InputError(f"Phantom seed {seed} and index {index} must both be 0 or more")


def _generator(kind: str, seed: int, index: int) -> np.random.Generator:
    """The image's own source of randomness; a kind's checksum outlives the order of ``KINDS``."""
    return np.random.default_rng(np.random.SeedSequence([seed, crc32(kind.encode()), index]))


@lru_cache(maxsize=32)
def _drawn(kind: str, index: int) -> Phantom:
    """A data set's phantom, kept so that image and truth cost one drawing; read-only."""
    phantom = draw(kind, seed=SEED, index=index, size=SIZE_PX)
    for array in (phantom.image, phantom.truth, phantom.instances):
        if array is not None:
            array.flags.writeable = False
    return phantom


@lru_cache(maxsize=CASES)
def _drawn_volume(index: int) -> PhantomVolume:
    """A case, kept while its slices are read, a megabyte each; read-only."""
    volume = draw_volume(seed=SEED, index=index)
    for array in (volume.image, volume.instances, volume.vessels):
        array.flags.writeable = False
    return volume


def _info(
    name: str, title: str, modality: str, foreground: str, *, volumes: bool = False
) -> DatasetInfo:
    return DatasetInfo(
        name=name,
        title=title,
        modality=modality,
        foreground=foreground,
        license="drawn by this project, Apache-2.0",
        citation="",
        homepage="",
        layout="no files: images are drawn on demand and a path is ignored",
        volumes=volumes,
    )


class Phantoms(Dataset):
    """All kinds mixed, 32 of each at 256 x 256; no path is needed."""

    info: ClassVar[DatasetInfo] = _info(
        "phantoms",
        "Phantoms, all kinds",
        "drawn microscopy, ultrasound, CT and electron microscopy",
        "nuclei, lesion, lung or cell interior",
    )
    kinds: ClassVar[tuple[str, ...]] = tuple(KINDS)
    """Which of ``KINDS`` this data set holds."""

    @classmethod
    def open(cls, path: Path | None = None) -> Self:
        """List the samples; nothing is drawn yet and ``path`` is ignored."""
        samples = [_sample(kind, index) for kind in cls.kinds for index in range(COUNT)]
        del path
        return cls(None, samples)

    def image(self, sample: Sample) -> NDArray[np.uint8]:
        """Grey values, shape (256, 256), 0…255, the caller's to change."""
        return self.phantom(sample).image.copy()

    def truth(self, sample: Sample) -> NDArray[np.uint8]:
        """Exact mask, shape (256, 256), 1 where foreground, the caller's to change."""
        return self.phantom(sample).truth.copy()

    def phantom(self, sample: Sample) -> Phantom:
        """The whole drawing behind a sample, with the nuclei's instances; read-only."""
        return _drawn(sample.label, int(sample.id.rsplit("-", 1)[1]))


def _sample(kind: str, index: int) -> Sample:
    """One entry of the list, made without drawing."""
    name = f"{kind}-{index:03d}"
    facts = {}
    if kind == "ultrasound":
        facts["finding"] = ultrasound.choose_finding(_generator(kind, SEED, index))
    spacing_mm = {
        "ultrasound": (ultrasound.DEPTH_MM / SIZE_PX,) * 2,
        "lung": (lung.FIELD_OF_VIEW_MM / SIZE_PX,) * 2,
        "membranes": membranes.SPACING_MM,
    }.get(kind)
    return Sample(id=name, group=name, label=kind, spacing_mm=spacing_mm, facts=facts)


class PhantomsNuclei(Phantoms):
    """Fluorescent nuclei alone."""

    info = _info("phantoms_nuclei", "Phantom nuclei", "drawn fluorescence microscopy", "nuclei")
    kinds = ("nuclei",)


class PhantomsUltrasound(Phantoms):
    """Breast ultrasound alone, with and without a lesion."""

    info = _info("phantoms_ultrasound", "Phantom ultrasound", "synthetic ultrasound", "lesion")
    kinds = ("ultrasound",)


class PhantomsLung(Phantoms):
    """CT slices of the chest alone."""

    info = _info("phantoms_lung", "Phantom lung CT", "synthetic CT, lung window", "lung")
    kinds = ("lung",)


class PhantomsMembranes(Phantoms):
    """Membranes in electron microscopy alone."""

    info = _info(
        "phantoms_membranes", "Phantom membranes", "drawn electron microscopy", "cell interior"
    )
    kinds = ("membranes",)


class PhantomsNodules(Dataset):
    """Nodules in the lung, 16 volumes of 32 slices of 96 x 96; a sample is a slice."""

    info: ClassVar[DatasetInfo] = _info(
        "phantoms_nodules",
        "Phantom nodules",
        "synthetic chest CT volumes, lung window",
        "nodule",
        volumes=True,
    )

    @classmethod
    def open(cls, path: Path | None = None) -> Self:
        """List the slices; nothing is drawn yet and ``path`` is ignored."""
        samples = [
            Sample(
                id=f"{case}-z{n:03d}",
                group=case,
                spacing_mm=nodules.SPACING_MM[1:],
                facts={"case": case, "slice": str(n)},
            )
            for case in (f"nodules-{index:03d}" for index in range(CASES))
            for n in range(nodules.SHAPE[0])
        ]
        del path
        return cls(None, samples)

    def image(self, sample: Sample) -> NDArray[np.uint8]:
        """Grey values of a slice, shape (96, 96), 0…255, the caller's to change."""
        return np.array(self.volume(sample).image[_slice(sample)])

    def truth(self, sample: Sample) -> NDArray[np.uint8]:
        """Exact mask of a slice, shape (96, 96), 1 where a nodule is, the caller's to change."""
        return np.asarray(self.instances(sample) > 0, np.uint8)

    def instances(self, sample: Sample) -> NDArray[np.int32]:
        """Number of the nodule at each pixel, the same in all slices of its case."""
        return np.array(self.volume(sample).instances[_slice(sample)], np.int32)

    def volume(self, sample: Sample) -> PhantomVolume:
        """The whole case behind a slice; read-only."""
        return _drawn_volume(int(sample.facts["case"].rsplit("-", 1)[1]))


def _slice(sample: Sample) -> int:
    return int(sample.facts["slice"])
