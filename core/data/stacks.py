"""Which slices are neighbours in one volume, for networks that see several of them together.

A sample is a slice where its facts say the ``case`` and the ``slice`` number in it, as those of
``SlicedDataset`` do; whatever else is an image by itself and belongs to no stack.
"""

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from core.data.base import DatasetInfo, Sample
from core.errors import InputError

Place = tuple[Hashable, int]
"""What a slice is of, and its number in it."""


def place_of(sample: Sample) -> Place | None:
    """Volume and slice number of a sample; None for an image by itself."""
    case, number = sample.facts.get("case"), sample.facts.get("slice", "")
    return (case, int(number)) if case and number.isdecimal() else None


def stacks(places: Iterable[Place | None]) -> list[tuple[int, ...]]:
    """Unbroken runs of slices, each in the order of its slices.

    Args:
        places: Of every slice, in any order; what has none is left out.

    Returns:
        Numbers of ``places``, a tuple for each run, in the order in which they first come. A slice
        that is missing ends a run, and the next one begins another.
    """
    volumes: dict[Hashable, list[tuple[int, int]]] = {}
    for n, place in enumerate(places):
        if place is not None:
            volumes.setdefault(place[0], []).append((place[1], n))
    runs = []
    for slices in volumes.values():
        slices.sort()
        numbers = np.array([number for number, _ in slices])
        breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
        runs += [
            tuple(n for _, n in slices[first:last])
            for first, last in zip([0, *breaks], [*breaks, len(slices)], strict=True)
        ]
    return runs


def stack_of(sample: Sample, samples: Sequence[Sample]) -> list[Sample]:
    """The unbroken run of slices that a sample lies in.

    Raises:
        InputError: It is no slice of a volume.
    """
    place = place_of(sample)
    if place is None:
        raise InputError(
            f"{sample.id} is an image by itself, and the network sees volumes; give it one"
        )
    beside = [other for other in samples if other.facts.get("case") == place[0]]
    runs = stacks(place_of(other) for other in beside)
    runs_of_samples = ([beside[n] for n in run] for run in runs)
    return next(run for run in runs_of_samples if any(other.id == sample.id for other in run))


def check_volumes(info: DatasetInfo, samples: Sequence[Sample], *, model: str) -> None:
    """Refuse a data set of images for a network that sees volumes.

    Raises:
        InputError: It has no two slices that follow one another.
    """
    if not any(len(run) > 1 for run in stacks(map(place_of, samples))):
        raise no_volumes(info, model=model)


def no_volumes(info: DatasetInfo, *, model: str) -> InputError:
    """What is reported where a 3-D network is to be trained on images."""
    return InputError(
        f"{model} is a 3-D network, and {info.name} has images by themselves; choose a "
        "data set of volumes (brats2020, volumes, nnunet, phantoms_nodules) or another network"
    )


def neighbours(run: Sequence[int], first: int, count: int) -> NDArray[np.int64]:
    """So many slices of a run that follow one another, mirrored where it ends.

    Args:
        run: Numbers of its slices.
        first: Place in the run of the first one wanted; may lie before its beginning.
        count: How many.
    """
    length = len(run)
    period = max(1, 2 * (length - 1))
    place = np.arange(first, first + count) % period
    mirrored = np.where(place < length, place, period - place)
    return np.asarray(run, np.int64)[mirrored]
