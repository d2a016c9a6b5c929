"""The phantoms: reproducible to the byte, exact truth, and statistics like the real images'."""

import hashlib
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from core.data.datasets.phantoms import (
    KINDS,
    Phantom,
    Phantoms,
    PhantomsLung,
    PhantomsMembranes,
    PhantomsNuclei,
    PhantomsUltrasound,
    draw,
)
from core.errors import InputError

ROOT = Path(__file__).parents[1]
SERIES = 8
SINGLE: dict[str, type[Phantoms]] = {
    "nuclei": PhantomsNuclei,
    "ultrasound": PhantomsUltrasound,
    "lung": PhantomsLung,
    "membranes": PhantomsMembranes,
}


@cache
def series(kind: str) -> list[Phantom]:
    return [draw(kind, index=index) for index in range(SERIES)]


def digest(phantom: Phantom) -> str:
    seen = hashlib.sha256(phantom.image.tobytes() + phantom.truth.tobytes())
    if phantom.instances is not None:
        seen.update(phantom.instances.tobytes())
    return seen.hexdigest()


def test_same_bytes_in_another_order_and_another_process() -> None:
    forward = {kind: digest(draw(kind, seed=7, index=3, size=96)) for kind in KINDS}
    draw("lung", seed=1, size=64)
    backward = {kind: digest(draw(kind, seed=7, index=3, size=96)) for kind in reversed(KINDS)}
    assert backward == forward
    program = (
        "from tests.test_phantoms import digest, draw\n"
        "for kind in ('membranes', 'lung', 'ultrasound', 'nuclei'):\n"
        "    print(kind, digest(draw(kind, seed=7, index=3, size=96)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert dict(line.split() for line in answer.stdout.splitlines()) == forward


@pytest.mark.parametrize("kind", KINDS)
def test_seed_and_index_change_the_image(kind: str) -> None:
    images = [
        draw(kind, seed=seed, index=index, size=64).image.tobytes()
        for seed, index in ((0, 0), (0, 1), (1, 0))
    ]
    assert len(set(images)) == 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [32, 65, 129])
def test_any_size(kind: str, size: int) -> None:
    for index in range(3):
        phantom = draw(kind, index=index, size=size)
        assert phantom.image.shape == phantom.truth.shape == (size, size)
        assert phantom.image.dtype == phantom.truth.dtype == np.uint8
        assert np.ptp(phantom.image) > 15
        assert set(np.unique(phantom.truth)) <= {0, 1}


@pytest.mark.parametrize(
    ("kind", "each", "mean"),
    [
        ("nuclei", (0.003, 0.5), (0.06, 0.3)),  # DSB 2018: 0.01 … 0.3 in most images
        ("lung", (0.08, 0.4), (0.17, 0.3)),  # published subset: 0.08 … 0.57, median 0.24
        ("membranes", (0.7, 0.87), (0.76, 0.8)),  # ISBI 2012: 0.78
    ],
)
def test_foreground_share(kind: str, each: tuple[float, float], mean: tuple[float, float]) -> None:
    shares = [phantom.truth.mean() for phantom in series(kind)]
    assert each[0] < min(shares)
    assert max(shares) < each[1]
    assert mean[0] < np.mean(shares) < mean[1]


def test_membrane_and_interior_grey_are_those_of_the_real_stack() -> None:
    for phantom in series("membranes"):
        interior = phantom.truth == 1
        assert abs(phantom.image[interior].mean() - 138) < 15
        assert abs(phantom.image[~interior].mean() - 85) < 15


def test_grain_is_correlated_as_in_the_real_images() -> None:
    """Neighbours correlate 0.8 … 0.91 in ISBI 2012, 0.98 along a row of BUSI; white noise has 0."""
    for kind, low, high in (("membranes", 0.75, 0.95), ("ultrasound", 0.93, 0.999)):
        for phantom in series(kind)[:4]:
            image = phantom.image.astype(float)
            assert low < np.corrcoef(image[:, :-1].ravel(), image[:, 1:].ravel())[0, 1] < high


def test_nuclei_instances_and_truth_agree() -> None:
    touching = 0
    for phantom in series("nuclei"):
        assert phantom.instances is not None
        assert phantom.instances.dtype == np.int32
        assert np.array_equal(phantom.instances > 0, phantom.truth == 1)
        numbers, sizes = np.unique(phantom.instances[phantom.truth == 1], return_counts=True)
        assert np.array_equal(numbers, np.arange(1, len(numbers) + 1))
        assert sizes.min() >= 12
        touching += len(numbers) - ndimage.label(phantom.truth)[1]
    assert touching > 3


def test_nuclei_are_brighter_than_the_ground() -> None:
    for phantom in series("nuclei"):
        on, off = phantom.image[phantom.truth == 1], phantom.image[phantom.truth == 0]
        assert on.mean() > off.mean() + 8
        assert off.mean() < 60


def test_lung_is_air_and_its_truth_leaves_the_body_out() -> None:
    for phantom in series("lung"):
        inside = phantom.image[phantom.truth == 1]
        assert 85 < np.median(inside) < 150  # about -850 … -470 HU in the lung window
        rim = np.concatenate([phantom.truth[0], phantom.truth[-1], phantom.truth[:, 0]])
        assert not rim.any()
        big = [n for n in np.bincount(ndimage.label(phantom.truth)[0].ravel())[1:] if n > 1000]
        assert len(big) == 2


def test_ultrasound_normals_are_empty_and_lesions_darker_than_their_surroundings() -> None:
    labels = set()
    for index in range(16):
        phantom = draw("ultrasound", index=index, size=128)
        labels.add(phantom.label)
        lesion = phantom.truth == 1
        assert lesion.any() == (phantom.label != "normal")
        if lesion.any():
            assert 0.003 < lesion.mean() < 0.4
            around = ndimage.binary_dilation(lesion, iterations=8) & ~lesion
            assert phantom.image[lesion].mean() < phantom.image[around].mean()
    assert labels == {"benign", "malignant", "normal"}


def test_unknown_kind_names_the_choices() -> None:
    with pytest.raises(InputError, match="'brain'; choose one of nuclei, ultrasound, lung, membr"):
        draw("brain")


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"index": -1}, {"size": 8}, {"size": 100_000}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="Phantom"):
        draw("nuclei", **wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_dataset_of_one_kind(kind: str) -> None:
    dataset = SINGLE[kind].open(None)
    assert dataset.info.name == f"phantoms_{kind}"
    assert len(dataset.samples) == 32
    sample = dataset.samples[3]
    assert (sample.id, sample.group, sample.label) == (f"{kind}-003", f"{kind}-003", kind)
    expected = draw(kind, index=3)
    assert np.array_equal(dataset.image(sample), expected.image)
    assert np.array_equal(dataset.truth(sample), expected.truth)
    assert sample.spacing_mm == expected.spacing_mm
    if kind == "ultrasound":
        assert sample.facts["finding"] == expected.label


def test_mixed_dataset_ignores_its_path_and_guards_its_cache(tmp_path: Path) -> None:
    dataset = Phantoms.open(tmp_path / "missing")
    assert dataset.info.name == "phantoms"
    assert len({sample.id for sample in dataset.samples}) == 128
    assert {sample.label for sample in dataset.samples} == set(KINDS)
    first = dataset.image(dataset.samples[0])
    first[:] = 0
    assert dataset.image(dataset.samples[0]).any()
    with pytest.raises(ValueError, match="read-only"):
        dataset.phantom(dataset.samples[0]).truth[0, 0] = 1
