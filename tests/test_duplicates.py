"""Near-duplicate clusters: which pairs count, and that a cluster is a cluster."""

import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.data.base import Dataset, DatasetInfo, Sample
from core.data.quality.duplicates import (
    SIDE,
    digest,
    duplicate_groups,
    in_parallel,
    near_duplicates,
    thumbnail,
    unit,
)
from core.errors import InputError

Images = NDArray[np.float32]


def scenes(count: int, seed: int = 0) -> Images:
    """Unrelated thumbnails with coarse structure, shape (count, 48, 48)."""
    coarse = np.random.default_rng(seed).normal(128, 40, (count, 12, 12))
    return np.kron(coarse, np.ones((4, 4))).astype(np.float32)


def noisy(picture: Images, sigma: float, seed: int = 1) -> Images:
    noise = np.random.default_rng(seed).normal(0, sigma, picture.shape)
    return (picture + noise).astype(np.float32)


def test_a_brighter_and_steeper_copy_is_a_near_duplicate() -> None:
    pictures = scenes(6)
    pictures[4] = 0.5 * pictures[1] + 30
    assert near_duplicates(pictures) == [[1, 4]]


def test_unrelated_images_are_not() -> None:
    assert near_duplicates(scenes(300)) == []


def test_flat_images_are_never_near_duplicates() -> None:
    pictures = np.zeros((4, SIDE, SIDE), np.float32)
    pictures[1] = 7
    digests = [digest(picture) for picture in pictures]
    assert near_duplicates(pictures, digests=digests) == []
    assert not unit(pictures).any()


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_to_compare(count: int) -> None:
    assert near_duplicates(scenes(count)) == []


def test_slices_of_one_stack_are_not_duplicates_of_each_other() -> None:
    pictures = scenes(4)
    pictures[1] = noisy(pictures[0], 1)
    assert near_duplicates(pictures) == [[0, 1]]
    assert near_duplicates(pictures, groups=["a", "a", "b", "c"]) == []
    same = [digest(pictures[n]) for n in (0, 0, 2, 3)]
    assert near_duplicates(pictures, groups=["a", "a", "b", "c"], digests=same) == [[0, 1]]


def test_a_looser_copy_counts_where_it_stands_out() -> None:
    pictures = scenes(40)
    pictures[7] = noisy(pictures[3], 12)
    vectors = unit(pictures)
    assert 0.93 < vectors[3] @ vectors[7] < 0.98
    assert near_duplicates(pictures) == [[3, 7]]
    paired = [f"patient-{n // 2}" for n in range(40)]
    assert near_duplicates(pictures, groups=paired) == [], "their patients are known"


def test_data_that_all_look_alike_are_not_duplicates() -> None:
    pose = scenes(1) * 4
    alike = np.stack([noisy(pose[0], 40, seed) for seed in range(40)])
    vectors = unit(alike)
    assert (vectors @ vectors.T).min() > 0.9
    assert near_duplicates(alike) == []


def test_the_chain_is_one_cluster() -> None:
    pictures = scenes(30)
    pictures[10], pictures[20] = noisy(pictures[5], 11, 1), noisy(pictures[5], 11, 2)
    vectors = unit(pictures)
    assert vectors[10] @ vectors[20] < 0.93 < vectors[5] @ vectors[10]
    assert near_duplicates(pictures) == [[5, 10, 20]]


@given(st.lists(st.integers(0, 5), min_size=2, max_size=25), st.randoms(use_true_random=False))
def test_clusters_are_the_copies_in_any_order(which: list[int], random: Any) -> None:
    pictures = noisy(scenes(6)[which], 0.5)
    clusters = near_duplicates(pictures)
    expected = {
        frozenset(n for n, scene in enumerate(which) if scene == wanted)
        for wanted in set(which)
        if which.count(wanted) > 1
    }
    assert {frozenset(members) for members in clusters} == expected
    order = list(range(len(which)))
    random.shuffle(order)
    shuffled = near_duplicates(pictures[order])
    assert {frozenset(order[n] for n in members) for members in shuffled} == expected


def test_thousands_take_seconds_and_blocks_agree() -> None:
    pictures = scenes(2500)
    pictures[2400] = noisy(pictures[3], 1)
    pictures[600] = noisy(pictures[599], 1)
    started = time.perf_counter()
    assert near_duplicates(pictures) == [[3, 2400], [599, 600]]
    assert time.perf_counter() - started < 30


def test_a_thumbnail_averages_boxes_and_channels() -> None:
    picture = np.zeros((96, 192, 2), np.uint8)
    picture[:2, :4, 0] = 100
    small = thumbnail(picture)
    assert small.shape == (SIDE, SIDE)
    assert small[0, 0] == 50
    assert small.sum() == 50


def test_results_come_in_order_and_only_a_few_wait() -> None:
    started: list[int] = []

    def work(n: int) -> int:
        started.append(n)
        return n * n

    results = in_parallel(work, range(100), 2)
    assert next(results) == 0
    assert len(started) <= 6
    assert list(results) == [n * n for n in range(1, 100)]


class Scenes(Dataset):
    """Six scenes, the last a copy of the first; the fourth cannot be read."""

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="scenes", title="", modality="", foreground="", license="", citation="", homepage="",
        layout="",
    )  # fmt: skip
    read = 0

    @classmethod
    def open(cls, path: Path | None) -> "Scenes":
        return cls(path, [Sample(id=f"s{n}", group=f"s{n}") for n in range(6)])

    def image(self, sample: Sample) -> NDArray[np.uint8]:
        type(self).read += 1
        if sample.id == "s3":
            raise InputError("s3: damaged")
        scene: NDArray[np.uint8] = scenes(5)[int(sample.id[1]) % 5].clip(0, 255).astype(np.uint8)
        return scene

    def truth(self, sample: Sample) -> NDArray[np.uint8]:
        return np.zeros(self.image(sample).shape, np.uint8)


def test_groups_for_the_split_are_kept_by_content(home: Path) -> None:
    Scenes.read = 0
    assert duplicate_groups(Scenes.open(None)) == {"s0": "like s0", "s5": "like s0"}
    assert Scenes.read > 0
    Scenes.read = 0
    assert duplicate_groups(Scenes.open(None)) == {"s0": "like s0", "s5": "like s0"}
    assert Scenes.read == 0
    assert len(list((home / "prepared").glob("scenes-duplicates-*.json"))) == 1
