"""ISBI 2012 in its published layout: three TIFF stacks, and what people get wrong about them."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from core.data import open_dataset
from core.data.datasets.isbi2012 import IMAGES, LABELS, UNLABELLED
from core.data.splits import make_split
from core.errors import InputError


@pytest.fixture
def copy(sections: Path, tmp_path: Path) -> Path:
    """The published layout, to be spoilt."""
    return shutil.copytree(sections, tmp_path / "isbi")


def write(path: Path, stack: NDArray[np.generic]) -> None:
    tifffile.imwrite(path, stack, photometric="minisblack")


def test_pages_become_samples_in_order(sections: Path) -> None:
    dataset = open_dataset("isbi2012", sections)
    labelled = [sample for sample in dataset.samples if sample.has_truth]
    assert [sample.id for sample in labelled] == [f"section-{n:02d}" for n in range(15)]
    stack, labels = tifffile.imread(sections / IMAGES), tifffile.imread(sections / LABELS)
    for n, sample in enumerate(labelled):
        assert np.array_equal(dataset.image(sample), stack[n])
        truth = dataset.truth(sample)
        assert truth.dtype == np.uint8
        assert np.array_equal(truth, labels[n] // 255), "1 is the interior, 0 the membrane"


def test_the_split_is_in_blocks_with_validation_between(sections: Path) -> None:
    split = make_split(open_dataset("isbi2012", sections).samples)
    assert split.method == "fixed by the data set"
    assert split.train == tuple(f"section-{n:02d}" for n in range(10))
    assert split.val == ("section-10", "section-11")
    assert split.test == ("section-12", "section-13", "section-14")


def test_the_test_stack_has_images_and_no_truth(sections: Path) -> None:
    dataset = open_dataset("isbi2012", sections)
    unlabelled = [sample for sample in dataset.samples if not sample.has_truth]
    assert [sample.id for sample in unlabelled] == ["unlabelled-00", "unlabelled-01"]
    stack = tifffile.imread(sections / UNLABELLED)
    assert np.array_equal(dataset.image(unlabelled[1]), stack[1])
    with pytest.raises(ValueError, match="unlabelled-00 has no published label"):
        dataset.truth(unlabelled[0])


def test_the_test_stack_may_be_missing(copy: Path) -> None:
    (copy / UNLABELLED).unlink()
    assert len(open_dataset("isbi2012", copy).samples) == 15


def test_no_path_names_the_layout() -> None:
    with pytest.raises(InputError, match=f"needs --data PATH: a folder with {IMAGES}"):
        open_dataset("isbi2012")


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder; expected a folder with"):
        open_dataset("isbi2012", tmp_path / "nowhere")


@pytest.mark.parametrize("name", [IMAGES, LABELS])
def test_a_missing_stack_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(InputError, match=name):
        open_dataset("isbi2012", copy)


@pytest.mark.parametrize("shape", [(14, 64, 64), (15, 64, 48)])
def test_labels_of_another_size_are_refused(copy: Path, shape: tuple[int, ...]) -> None:
    write(copy / LABELS, np.zeros(shape, np.uint8))
    with pytest.raises(InputError) as refused:
        open_dataset("isbi2012", copy)
    count, height, width = shape
    assert f"{count} pages of {width}x{height} do not match the 15 pages of 64x64" in str(
        refused.value
    )


def test_labels_that_are_not_two_valued_are_refused(copy: Path) -> None:
    labels = tifffile.imread(copy / LABELS)
    labels[3, 5, 5] = 7
    write(copy / LABELS, labels)
    with pytest.raises(InputError, match=r"must be 0 \(membrane\) or 255 .*found \[7\]"):
        open_dataset("isbi2012", copy)


def test_images_of_another_kind_are_refused(copy: Path) -> None:
    write(copy / IMAGES, np.zeros((15, 64, 64), np.uint16))
    with pytest.raises(InputError, match=r"page 1 is uint16 .*expected 8-bit grey pages"):
        open_dataset("isbi2012", copy)


@pytest.mark.parametrize("name", [IMAGES, LABELS, UNLABELLED])
def test_a_truncated_stack_is_refused(copy: Path, name: str) -> None:
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=name):
        open_dataset("isbi2012", copy)


@pytest.mark.realdata
def test_the_published_stacks(realdata: Path) -> None:
    dataset = open_dataset("isbi2012", realdata / "isbi2012_em")
    labelled = [sample for sample in dataset.samples if sample.has_truth]
    assert (len(labelled), len(dataset.samples)) == (30, 60)
    assert {dataset.image(sample).shape for sample in dataset.samples} == {(512, 512)}
    interior = np.mean([dataset.truth(sample).mean() for sample in labelled])
    assert 0.215 < 1 - interior < 0.225, "22 % membrane"
    split = make_split(dataset.samples)
    assert (len(split.train), len(split.val), len(split.test)) == (20, 4, 6)
