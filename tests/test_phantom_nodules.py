"""Drawn nodules: reproducible, exact, and told from vessels by the neighbouring slices alone."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from core.data import DATASETS, open_dataset
from core.data.datasets.phantoms import KINDS, PhantomsNodules, PhantomVolume, draw_volume
from core.data.datasets.phantoms.nodules import GAP_MM, SHAPE, SPACING_MM
from core.data.splits import make_split
from core.errors import InputError

ROOT = Path(__file__).parents[1]
DEPTH = SHAPE[0]
NEIGHBOURS = np.ones((3, 3, 3))


@pytest.fixture(scope="module")
def volumes() -> list[PhantomVolume]:
    dataset = PhantomsNodules.open()
    return [dataset.volume(sample) for sample in dataset.samples[::DEPTH]]


def digest(volume: PhantomVolume) -> str:
    arrays = (volume.image, volume.instances, volume.vessels)
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def sections(mask: NDArray[np.bool_]) -> list[int]:
    """Areas in pixels of what is connected within a slice."""
    areas: list[int] = []
    for plane in mask:
        areas += np.bincount(ndimage.label(plane)[0].ravel())[1:].tolist()
    return areas


def test_same_bytes_in_another_order_and_another_process() -> None:
    forward = [digest(draw_volume(index=index)) for index in (0, 5)]
    assert [digest(draw_volume(index=index)) for index in (5, 0)] == forward[::-1]
    assert len({*forward, digest(draw_volume(seed=1))}) == 3
    program = (
        "from tests.test_phantom_nodules import digest, draw_volume\n"
        "print(digest(draw_volume(index=5)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == forward[1]


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"index": -1}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="must both be 0 or more"):
        draw_volume(**wrong)


def test_a_nodule_is_one_piece_that_ends_within_a_few_slices(volumes: list[PhantomVolume]) -> None:
    for volume in volumes:
        count = int(volume.instances.max())
        assert 2 <= count <= 5
        for number in range(1, count + 1):
            nodule = volume.instances == number
            assert ndimage.label(nodule)[1] == 1
            inside = np.nonzero(nodule)
            assert 3 <= np.ptp(inside[0]) + 1 <= 10
            assert inside[0].min() >= 2, "it ends before the block does"
            assert inside[0].max() < DEPTH - 2
        assert ndimage.label(volume.instances > 0, NEIGHBOURS)[1] == count, "none touch"


def test_a_vessel_goes_on_to_a_border_of_the_block(volumes: list[PhantomVolume]) -> None:
    for volume in volumes:
        pieces, count = ndimage.label(volume.vessels, NEIGHBOURS)
        depths = []
        for number in range(1, count + 1):
            places = np.nonzero(pieces == number)
            assert any(
                place.min() == 0 or place.max() == side - 1
                for place, side in zip(places, SHAPE, strict=True)
            )
            depths.append(int(np.ptp(places[0])) + 1)
        assert np.median(depths) == DEPTH, "most run through all slices"


def test_nodules_keep_away_from_vessels(volumes: list[PhantomVolume]) -> None:
    for volume in volumes:
        nodules, vessels = (
            np.argwhere(mask) * SPACING_MM for mask in (volume.instances > 0, volume.vessels)
        )
        assert np.min(cKDTree(vessels).query(nodules)[0]) > GAP_MM


def test_one_slice_does_not_tell_a_nodule_from_a_vessel(volumes: list[PhantomVolume]) -> None:
    """Neither grey nor size of what one slice shows; there are many more vessels than nodules."""
    intensities, areas = [], []
    for masks in ([v.instances > 0 for v in volumes], [v.vessels for v in volumes]):
        pixels = [v.image[mask] for v, mask in zip(volumes, masks, strict=True)]
        intensities.append(np.concatenate(pixels).astype(float))
        areas.append(np.concatenate([sections(mask) for mask in masks]))
    assert abs(intensities[0].mean() - intensities[1].mean()) < 4
    assert abs(intensities[0].std() - intensities[1].std()) < 6
    low, high = np.percentile(areas[1], (35, 65))
    assert low < np.median(areas[0]) < high
    assert np.percentile(areas[0], 95) < np.percentile(areas[1], 98)
    assert len(areas[1]) > 10 * len(areas[0])
    for volume in volumes:
        lung = volume.image[(volume.instances == 0) & ~volume.vessels]
        assert 60 < np.median(lung) < 110, "about -1000 … -700 HU in the lung window"


def test_the_slices_above_and_below_do_tell_them_apart(volumes: list[PhantomVolume]) -> None:
    """Beyond its ends a nodule's place is lung; a vessel is near its place five slices on."""
    kept = []
    for volume in volumes:
        near = [ndimage.binary_dilation(plane, iterations=3) for plane in volume.vessels]
        for level in range(DEPTH - 5):
            pieces, count = ndimage.label(volume.vessels[level])
            kept += [near[level + 5][pieces == number].any() for number in range(1, count + 1)]
        for number in range(1, int(volume.instances.max()) + 1):
            z, y, x = np.nonzero(volume.instances == number)
            for beyond in (z.min() - 2, z.max() + 2):
                there = volume.image[beyond, y.min() : y.max() + 1, x.min() : x.max() + 1]
                free = there[~volume.vessels[beyond, y.min() : y.max() + 1, x.min() : x.max() + 1]]
                assert not free.size or np.median(free) < 130
    assert np.mean(kept) > 0.9


def test_the_data_set_lists_slices_as_other_volumes_do() -> None:
    dataset = open_dataset("phantoms_nodules", Path("ignored"))
    assert isinstance(dataset, PhantomsNodules)
    assert len(dataset.samples) == 16 * DEPTH
    assert len({sample.id for sample in dataset.samples}) == 16 * DEPTH
    sample = dataset.samples[3 * DEPTH + 12]
    assert (sample.id, sample.group) == ("nodules-003-z012", "nodules-003")
    assert sample.facts == {"case": "nodules-003", "slice": "12"}
    assert sample.spacing_mm == SPACING_MM[1:]
    volume = draw_volume(index=3)
    numbers = dataset.instances(sample)
    assert np.array_equal(dataset.image(sample), volume.image[12])
    assert np.array_equal(numbers, volume.instances[12])
    assert np.array_equal(dataset.truth(sample), numbers > 0)
    assert dataset.truth(sample).dtype == np.uint8
    assert numbers.dtype == np.int32


def test_what_is_kept_cannot_be_changed() -> None:
    dataset = PhantomsNodules.open()
    first = dataset.image(dataset.samples[0])
    first[:] = 0
    assert dataset.image(dataset.samples[0]).any()
    with pytest.raises(ValueError, match="read-only"):
        dataset.volume(dataset.samples[0]).image[0, 0, 0] = 1


def test_all_parts_of_the_split_have_whole_cases() -> None:
    split = make_split(PhantomsNodules.open().samples)
    cases = [{name.rsplit("-", 1)[0] for name in part} for part in (split.train, split.val)]
    assert not cases[0] & cases[1]
    assert len(split.test) % DEPTH == len(split.val) % DEPTH == 0


def test_the_mixed_phantoms_stay_what_they_were() -> None:
    assert list(KINDS) == ["nuclei", "ultrasound", "lung", "membranes"]
    split = make_split(DATASETS["phantoms"].open(None).samples)
    assert split.hash == "a3088cce95b731f215fb5fa44d8b1371d3746bb3eec2a9cbbdd225590416e27e"
