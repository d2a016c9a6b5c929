"""Folders of nnU-Net, old and new, and of the Decathlon: volumes and images."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from core.data import open_dataset
from core.data.datasets.nnunet import NnUNet
from core.errors import InputError
from tests.uploads import mha, nrrd

nib: Any = nibabel  # its types are half there

SHAPE = (20, 24, 6)  # X to the right, Y to the front, Z to the head: as the Decathlon's
RAS = np.diag([1.0, 2.0, 5.0, 1.0])
RANDOM = np.random.default_rng(0)
BINARY = {"labels": {"background": 0, "tumour": 1}, "channel_names": {"0": "CT"}}


def save(path: Path, array: NDArray[Any], affine: NDArray[Any] = RAS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in {".png", ".tif"}:
        Pillow.fromarray(array).save(path)
    else:
        nib.save(nib.Nifti1Image(array, affine), path)


def describe(root: Path, document: object) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "dataset.json").write_text(json.dumps(document), encoding="utf-8")


def values(*shape: int) -> NDArray[np.int16]:
    return RANDOM.integers(-1000, 1000, shape or SHAPE).astype(np.int16)


def labels(high: int = 1) -> NDArray[np.uint8]:
    return RANDOM.integers(0, high, SHAPE, endpoint=True).astype(np.uint8)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two training cases of one channel and one to predict, as of nnU-Net 2."""
    root = tmp_path / "Dataset001_Tumour"
    describe(root, {**BINARY, "numTraining": 2, "file_ending": ".nii.gz", "name": "Tumour"})
    for case in ("case_001", "case_002"):
        save(root / "imagesTr" / f"{case}_0000.nii.gz", values())
        save(root / "labelsTr" / f"{case}.nii.gz", labels())
    save(root / "imagesTs" / "case_003_0000.nii.gz", values())
    return root


def only(dataset: Any) -> tuple[str, str, str]:
    (problem,) = dataset.problems
    return problem.kind, problem.where, problem.detail


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("above", [False, True])
def test_volumes_become_slices(root: Path, *, packed: bool, above: bool) -> None:
    path = root.parent if above else root
    if packed:
        path = Path(shutil.make_archive(str(root.parent / "z"), "zip", path))
    dataset = open_dataset("nnunet", path)
    assert not dataset.problems
    assert (dataset.info.title, dataset.info.classes) == ("Tumour", ("tumour",))
    assert dataset.info.name == "nnunet"
    assert len(dataset.samples) == 3 * 6
    sample = dataset.samples[2]
    assert (sample.id, sample.group, sample.split) == ("case_001-z002", "case_001", "")
    assert sample.spacing_mm == (2.0, 1.0)
    expected: Any = nib.load(root / "labelsTr" / "case_001.nii.gz")
    stored = np.asarray(expected.dataobj)[::-1, ::-1, 2].T  # RAS: the face is at the end
    assert np.array_equal(dataset.truth(sample), stored)
    assert dataset.image(sample).shape == (24, 20)
    unlabelled = dataset.samples[-1]
    assert (unlabelled.id, unlabelled.split) == ("case_003-z005", "test")
    assert not unlabelled.has_truth
    assert dataset.image(unlabelled).any()


@pytest.mark.parametrize(("ending", "write"), [(".mha", mha), (".nrrd", nrrd)])
def test_volumes_of_other_formats_than_nifti(
    tmp_path: Path, ending: str, write: Callable[[NDArray[Any]], bytes]
) -> None:
    """nnU-Net takes what SimpleITK reads; ``file_ending`` says which."""
    describe(tmp_path, {**BINARY, "file_ending": ending})
    stored, marked = values(8, 6, 4), np.zeros((8, 6, 4), np.uint8)
    marked[2:4, 3, 1] = 1
    for name, array in (("imagesTr/a_0000", stored), ("labelsTr/a", marked)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / f"{name}{ending}").write_bytes(write(array))
    dataset = open_dataset("nnunet", tmp_path)
    assert (len(dataset.samples), list(dataset.problems)) == (4, [])
    assert dataset.truth(dataset.samples[1]).tolist() == marked[..., 1].T.tolist()


def test_the_decathlon_has_channels_in_one_file(tmp_path: Path) -> None:
    describe(
        tmp_path,
        {
            "name": "BRATS",
            "licence": "CC-BY-SA 4.0",
            "tensorImageSize": "4D",
            "modality": {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"},
            "labels": {"0": "background", "1": "edema", "2": "non-enhancing", "3": "enhancing"},
            "training": [{"image": "./imagesTr/BRATS_001.nii.gz", "label": "./labelsTr/B"}],
            "test": ["./imagesTs/BRATS_485.nii.gz"],
        },
    )
    image = np.abs(values(*SHAPE, 4))
    image[:3] = 0
    save(tmp_path / "imagesTr" / "BRATS_001.nii.gz", image)
    save(tmp_path / "labelsTr" / "BRATS_001.nii.gz", labels(3))
    save(tmp_path / "imagesTs" / "BRATS_485.nii.gz", image)
    dataset = NnUNet.open(tmp_path)
    assert not dataset.problems
    assert dataset.info.classes == ("edema", "non-enhancing", "enhancing")
    assert (dataset.info.license, dataset.info.modality) == (
        "CC-BY-SA 4.0",
        "FLAIR, T1w, t1gd, T2w",
    )
    sample = dataset.samples[0]
    seen = dataset.image(sample)
    assert seen.shape == (24, 20, 4)
    assert not seen[:, -3:].any(), "the outside stays 0"
    assert (seen[:, :-3] > 0).mean() > 0.99
    assert dataset.truth(sample).max() == 3


def test_channels_in_files_of_their_own(tmp_path: Path) -> None:
    describe(
        tmp_path,
        {"modality": {"0": "T2", "1": "ADC"}, "labels": {"0": "background", "1": "prostate"}},
    )
    for case in ("a_0000_b", "c"):
        for channel in range(2):
            save(tmp_path / "imagesTr" / f"{case}_{channel:04d}.nii", values())
        save(tmp_path / "labelsTr" / f"{case}.nii", labels())
    (tmp_path / "imagesTr" / "c_0001.nii").unlink()
    dataset = NnUNet.open(tmp_path)
    assert {sample.group for sample in dataset.samples} == {"a_0000_b"}
    assert dataset.image(dataset.samples[0]).shape == (24, 20, 2)
    assert only(dataset)[0] == "missing_image"
    assert "1 of the 2 channels" in only(dataset)[2]


def test_a_case_may_end_in_four_digits(tmp_path: Path) -> None:
    describe(tmp_path, BINARY)
    save(tmp_path / "imagesTr" / "study_2023.nii.gz", values())
    save(tmp_path / "labelsTr" / "study_2023.nii.gz", labels())
    dataset = NnUNet.open(tmp_path)
    assert not dataset.problems
    assert dataset.samples[0].group == "study_2023"


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_pictures_are_one_sample_each(tmp_path: Path, ending: str) -> None:
    describe(tmp_path, {**BINARY, "channel_names": {"0": "ultrasound"}, "file_ending": ending})
    picture = RANDOM.integers(0, 255, (30, 40)).astype(np.uint8)
    save(tmp_path / "imagesTr" / f"one_0000{ending}", picture)
    save(tmp_path / "labelsTr" / f"one{ending}", (picture > 99).astype(np.uint8))
    dataset = NnUNet.open(tmp_path)
    (sample,) = dataset.samples
    assert (sample.id, sample.group) == ("one", "one")
    assert np.array_equal(dataset.image(sample), picture)
    assert np.array_equal(dataset.truth(sample), picture > 99)


@pytest.mark.parametrize("grey", [False, True])
def test_a_colour_picture_has_three_channels(tmp_path: Path, *, grey: bool) -> None:
    describe(tmp_path, {**BINARY, "channel_names": {"0": "R", "1": "G", "2": "B"}})
    picture = RANDOM.integers(0, 255, (30, 40, 1 if grey else 3)).astype(np.uint8)
    picture = np.broadcast_to(picture, (30, 40, 3)).copy()
    save(tmp_path / "imagesTr" / "one_0000.png", picture)
    save(tmp_path / "labelsTr" / "one.png", (picture[..., 0] > 99).astype(np.uint8))
    dataset = NnUNet.open(tmp_path)
    assert np.array_equal(dataset.image(dataset.samples[0]), picture)


def test_labels_are_numbered_in_order(root: Path) -> None:
    found = {"background": 0, "late": 7, "early": 2}
    describe(root, {**BINARY, "labels": found})
    stored = labels()
    save(root / "labelsTr" / "case_001.nii.gz", np.where(stored, 7, 2).astype(np.uint8))
    dataset = NnUNet.open(root)
    assert dataset.info.classes == ("early", "late")
    assert set(np.unique(dataset.truth(dataset.samples[0]))) == {1, 2}
    ((name, values_of_file),) = dataset.stored_masks(dataset.samples[0])
    assert name.endswith("labelsTr/case_001.nii.gz")
    assert set(np.unique(values_of_file)) == {2, 7}


def test_regions_become_classes_and_back(root: Path) -> None:
    """KiTS: kidney 1, 2, 3 holds masses 2, 3, of which 2 is tumour."""
    kits = {"background": 0, "kidney": [1, 2, 3], "masses": [2, 3], "tumour": 2}
    describe(root, {**BINARY, "labels": kits, "regions_class_order": [1, 3, 2]})
    save(root / "labelsTr" / "case_001.nii.gz", labels(3))
    dataset = NnUNet.open(root)
    assert dataset.info.classes == ("kidney", "tumour", "masses")
    found = dataset.regions(np.array([[0, 1, 2, 3]], np.uint8))
    assert {name: mask[0].astype(int).tolist() for name, mask in found.items()} == {
        "kidney": [0, 1, 1, 1],
        "masses": [0, 0, 1, 1],
        "tumour": [0, 0, 1, 0],
    }


def test_labels_that_are_only_named_together_are_united(root: Path) -> None:
    describe(root, {**BINARY, "labels": {"background": 0, "lung": [1, 2]}})
    save(root / "labelsTr" / "case_001.nii.gz", labels(2))
    dataset = NnUNet.open(root)
    assert dataset.info.classes == ("lung",)
    assert set(np.unique(dataset.truth(dataset.samples[0]))) == {0, 1}


def test_one_name_for_two_labels_unites_them(root: Path) -> None:
    describe(root, {**BINARY, "labels": {"0": "background", "1": "lung", "2": "lung"}})
    assert NnUNet.open(root).about.class_of_label == {0: 0, 1: 1, 2: 1}


def test_pixels_to_ignore_are_background_and_said(root: Path) -> None:
    describe(root, {**BINARY, "labels": {"background": 0, "tumour": 1, "ignore": 2}})
    save(root / "labelsTr" / "case_001.nii.gz", labels(2))
    dataset = NnUNet.open(root)
    assert dataset.info.classes == ("tumour",)
    assert only(dataset)[0] == "ignore_label"
    assert "label 2" in only(dataset)[2]
    assert set(np.unique(dataset.truth(dataset.samples[0]))) == {0, 1}


def test_a_window_is_chosen_and_part_of_the_fingerprint(root: Path) -> None:
    array = np.full(SHAPE, -1024, np.int16)
    array[5:15] = 40
    array[10, 10, 3] = 3000
    save(root / "imagesTr" / "case_001_0000.nii.gz", array)
    soft = NnUNet.open(root, window=(-160, 240))
    image = soft.image(soft.samples[3])
    assert set(np.unique(image)) == {0, 128, 255}
    assert soft.fingerprint() != NnUNet.open(root).fingerprint()
    assert soft.fingerprint() == NnUNet.open(root, window=(-160, 240)).fingerprint()


def test_wrong_window(root: Path) -> None:
    with pytest.raises(InputError, match="window 5 to 5; give the lower value first"):
        NnUNet.open(root, window=(5, 5))


def test_a_label_that_is_not_described(root: Path) -> None:
    save(root / "labelsTr" / "case_001.nii.gz", labels(3))
    dataset = NnUNet.open(root)
    with pytest.raises(InputError, match=r"labels 2, 3 are not in dataset.json \(0, 1\)"):
        dataset.truth(dataset.samples[0])


@pytest.mark.parametrize(
    ("file", "array", "kind", "words"),
    [
        ("labelsTr/case_001", np.ones((5, 6, 7), np.uint8), "wrong_size", "has 5 x 6 x 7 voxels"),
        ("labelsTr/case_001", np.ones((*SHAPE, 2), np.uint8), "unreadable", "it holds 2 volumes"),
        ("labelsTr/case_009", np.ones(SHAPE, np.uint8), "orphan_mask", "no image belongs"),
        ("imagesTr/case_009_0000", np.ones(SHAPE, np.uint8), "missing_mask", "no mask belongs"),
    ],
)
def test_what_does_not_fit_is_a_problem(
    root: Path, file: str, array: NDArray[Any], kind: str, words: str
) -> None:
    save(root / f"{file}.nii.gz", array)
    dataset = NnUNet.open(root)
    found, where, detail = only(dataset)
    assert (found, where) == (kind, f"{file}.nii.gz")
    assert words in detail
    assert any(sample.group == "case_002" and sample.has_truth for sample in dataset.samples)


def test_damaged_and_foreign_files_are_problems(root: Path) -> None:
    (root / "imagesTr" / "case_001_0000.nii.gz").write_bytes(b"junk" * 200)
    (root / "imagesTr" / "case_005_0000.nrrd").write_bytes(b"NRRD")
    dataset = NnUNet.open(root)
    assert {(p.kind, p.where.rpartition("/")[2]) for p in dataset.problems} == {
        ("unreadable", "case_001_0000.nii.gz"),
        ("unreadable", "case_005_0000.nrrd"),
    }


def test_labels_of_another_size_than_the_picture(tmp_path: Path) -> None:
    describe(tmp_path, BINARY)
    save(tmp_path / "imagesTr" / "one_0000.png", np.zeros((30, 40), np.uint8))
    save(tmp_path / "labelsTr" / "one.png", np.zeros((40, 30), np.uint8))
    dataset = NnUNet.open(tmp_path)
    with pytest.raises(InputError, match=r"labels of shape \(40, 30\) do not fit the image of \(3"):
        dataset.truth(dataset.samples[0])


def test_a_stack_of_pages_is_no_picture(tmp_path: Path) -> None:
    describe(tmp_path, BINARY)
    (tmp_path / "imagesTr").mkdir()
    pages = [Pillow.fromarray(np.zeros((30, 40), np.uint8))] * 3
    pages[0].save(tmp_path / "imagesTr" / "one_0000.tif", save_all=True, append_images=pages[1:])
    dataset = NnUNet.open(tmp_path)
    with pytest.raises(InputError, match=r"one_0000.tif: a stack of 3 pages; save volumes as .nii"):
        dataset.image(dataset.samples[0])


def test_a_test_case_under_a_name_of_training(root: Path) -> None:
    save(root / "imagesTs" / "case_001_0000.nii.gz", values())
    ids = [sample.id for sample in NnUNet.open(root).samples]
    assert len(set(ids)) == len(ids) == 4 * 6
    assert "case_001-test-z000" in ids


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not valid JSON"),
        ("[]", "not as nnU-Net wants it"),
        ("{}", "not as nnU-Net wants it"),
        ('{"labels": 3}', "not as nnU-Net wants it"),
        ('{"labels": {"tumour": "one"}}', "not as nnU-Net wants it"),
        ('{"labels": {"1": "a"}, "channel_names": {"x": "CT"}}', "not as nnU-Net wants it"),
        ('{"labels": {"background": 0}}', "0 labels above 0; expected 1 to 255"),
        ('{"labels": {"background": 0, "x": -1}}', "expected 1 to 255"),
        ("[" * 100000, "not valid JSON"),
    ],
)
def test_a_description_that_says_nothing(root: Path, content: str, words: str) -> None:
    (root / "dataset.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        NnUNet.open(root)


def test_paths_without_the_data_set(tmp_path: Path, root: Path) -> None:
    with pytest.raises(InputError, match=r"nnunet needs --data PATH: a folder with dataset\.json"):
        NnUNet.open(None)
    with pytest.raises(InputError, match="no such file"):
        NnUNet.open(tmp_path / "nowhere")
    shutil.rmtree(root / "imagesTr")
    shutil.rmtree(root / "imagesTs")
    with pytest.raises(InputError, match="none of the cases can be used; the first: labelsTr"):
        NnUNet.open(root)
    (root / "dataset.json").unlink()
    with pytest.raises(InputError, match=r"there is no dataset.json in it"):
        NnUNet.open(root)
