"""Data sets as people have them: each row of the table of cases with its right value."""

import os
from pathlib import Path

import numpy as np
import pytest

from core.data import Dataset, open_dataset
from core.data.quality.check import check_dataset
from core.data.splits import leaks, make_split
from core.errors import InputError

pytestmark = pytest.mark.realdata
ROOT = Path(os.environ.get("ISOLINE_CASES", Path(__file__).parents[2] / "shared" / "cases"))
SHARE = 0.0685
"""Median foreground share of the sets that are made of the same twelve images."""


def opened(name: str) -> Dataset:
    path = ROOT / name
    if not path.exists():
        pytest.skip(f"{name} is not there")
    return open_dataset("folder", path)


def shares(dataset: Dataset) -> list[float]:
    return [float((dataset.truth(s) > 0).mean()) for s in dataset.samples if s.has_truth]


def kinds(dataset: Dataset) -> set[str]:
    return {finding.kind for finding in check_dataset(dataset).findings}


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("s1_bool_tiff", "binary"),
        ("s3_instances16", "instances"),
        ("s3_instances_tif", "instances"),
        ("s4_ignore255", "binary"),
        ("s5_classes012", "classes"),
        ("s6_palette_white", "classes"),
        ("s6_palette_voc", "classes"),
        ("s7_alpha_black", "binary"),
        ("s7_alpha_white", "binary"),
        ("s8_jpeg", "graded"),
        ("s10_exif3", "binary"),
        ("s24_float_mask", "binary"),
    ],
)
def test_the_foreground_share_is_right_and_what_was_decided_is_said(
    name: str, meaning: str
) -> None:
    dataset = opened(f"sets/{name}")
    assert np.median(shares(dataset)) == pytest.approx(SHARE, abs=1e-4)
    document = check_dataset(dataset).document()["mask_values"]
    assert document["kind"] == meaning
    assert document["decided"]


def test_an_empty_jpeg_mask_stays_empty() -> None:
    assert shares(opened("sets/s8_jpeg"))[3] == 0


def test_the_border_of_255_is_left_out() -> None:
    dataset = opened("sets/s4_ignore255")
    for sample in dataset.samples:
        left = dataset.ignored(sample)
        assert left is not None
        assert left.any()
        assert not (left & (dataset.truth(sample) > 0)).any()


@pytest.mark.parametrize("name", ["e6_255_ignored", "e6_255_multiclass"])
def test_named_classes_leave_255_out(name: str) -> None:
    dataset = opened(f"train/{name}")
    left = dataset.ignored(dataset.samples[0])
    assert left is not None
    assert left.any()
    assert "mask_ignored" in kinds(dataset)


def test_a_stack_is_all_of_its_pages() -> None:
    dataset = opened("sets/s11_stacks")
    assert len(dataset.samples) == 12
    assert np.median(shares(dataset)) == pytest.approx(SHARE, abs=1e-4)
    assert len({dataset.image(sample).tobytes() for sample in dataset.samples}) == 12


def test_pictures_of_masks_are_no_masks() -> None:
    dataset = opened("sets/s12_labelme2voc")
    assert shares(dataset)[0] == pytest.approx(0.0945, abs=1e-4)
    assert {sample.masks for sample in dataset.samples} == {1}


@pytest.mark.parametrize("name", ["train/e9_all_foreground", "sets/s9_inverted"])
def test_nearly_all_foreground_is_a_finding(name: str) -> None:
    assert "mostly_foreground" in kinds(opened(name))


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("g1_patient_in_name", 6),
        ("g3_prefix_numbers", 6),
        ("g4_carvana", 12),
        ("g6_roboflow", 12),
        ("g7_fundus_lr", 12),
    ],
)
def test_patients_in_file_names_are_groups(name: str, groups: int) -> None:
    dataset = opened(f"names/{name}")
    assert len({sample.group for sample in dataset.samples}) == groups
    assert leaks(dataset.samples, make_split(dataset.samples), {}) == []


def test_annotations_as_json_and_dicom_images_are_named() -> None:
    for name, word in (("s13_labelme_json", "JSON"), ("s14_dicom_png", "DICOM")):
        with pytest.raises(InputError, match=word):
            opened(f"sets/{name}")
