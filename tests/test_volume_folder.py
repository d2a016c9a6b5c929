"""Published folders of NIfTI volumes without a description, read as ``volumes``."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

from core.data import open_dataset
from core.data.datasets.volume_folder import VolumeFolder
from core.data.importing import import_dataset, imported_path
from core.data.quality.check import check_dataset
from core.data.splits import make_split
from core.errors import InputError
from tests.uploads import mha, nrrd, zipped

nib: Any = nibabel  # its types are half there

SHAPE = (20, 24, 6)
RAS = np.diag([1.0, 2.0, 5.0, 1.0])


def values(seed: int, shape: tuple[int, ...] = SHAPE) -> NDArray[np.int16]:
    return np.random.default_rng(seed).integers(-1000, 1000, shape).astype(np.int16)


def box(at: int, value: int = 1, shape: tuple[int, ...] = SHAPE) -> NDArray[np.uint8]:
    mask = np.zeros(shape, np.uint8)
    mask[at : at + 4, at : at + 4, 2:4] = value
    return mask


def save(root: Path, files: dict[str, NDArray[Any]], affine: NDArray[Any] = RAS) -> Path:
    for name, array in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(array, affine), root / name)
    return root


LAYOUTS = {
    "LiTS": ("Training Batch 1/volume-{}.nii", "Training Batch 1/segmentation-{}.nii"),
    "LiTS of Kaggle": ("volume_pt1/volume-{}.nii", "segmentations/segmentation-{}.nii"),
    "ACDC": ("p00{}/p00{}_frame01.nii.gz", "p00{}/p00{}_frame01_gt.nii.gz"),
    "KiTS": ("case_0000{}/imaging.nii.gz", "case_0000{}/segmentation.nii.gz"),
    "lungs of Kaggle": ("3d_images/IMG_000{}.nii.gz", "3d_images/MASK_000{}.nii.gz"),
    "BTCV": ("Training/img/img000{}.nii.gz", "Training/label/label000{}.nii.gz"),
    "Decathlon without its description": ("imagesTr/s_{}.nii.gz", "labelsTr/s_{}.nii.gz"),
    "two folders": ("images/{}.nii.gz", "masks/{}.nii.gz"),
}


@pytest.mark.parametrize("title", LAYOUTS)
def test_volumes_find_their_masks(title: str, tmp_path: Path) -> None:
    image, mask = LAYOUTS[title]
    files: dict[str, NDArray[Any]] = {}
    for n in (1, 2, 3):
        files[image.format(n, n)], files[mask.format(n, n)] = values(n), box(n, value=n)
    dataset = open_dataset("volumes", save(tmp_path / "set", files))
    assert isinstance(dataset, VolumeFolder)
    assert len(dataset.samples) == 18
    guessed = {"paired_by_affix"} if "LiTS" in title else set()
    assert {problem.kind for problem in dataset.problems} == guessed
    assert len({sample.group for sample in dataset.samples}) == 3
    for n, case in enumerate(sorted({s.facts["case"] for s in dataset.samples}), 1):
        (slice_2,) = (
            s for s in dataset.samples if (s.facts["case"], s.facts["slice"]) == (case, "2")
        )
        truth = dataset.truth(slice_2)
        assert truth.sum() == 16, "each value above 0 is foreground"
        assert truth.shape == dataset.image(slice_2).shape == (24, 20)
        assert slice_2.spacing_mm == (2.0, 1.0)
        upright = box(n)[..., 2][:, ::-1].T[
            :, ::-1
        ]  # front on top, the patient's right at the left
        assert np.array_equal(truth, upright)


def test_frames_of_a_patient_stay_together_and_series_over_time_are_left_out(
    tmp_path: Path,
) -> None:
    files: dict[str, NDArray[Any]] = {}
    for patient in [f"patient00{n}" for n in range(1, 10)]:
        files[f"{patient}/{patient}_4d.nii.gz"] = values(0, (*SHAPE, 3))
        for frame in ("01", "12"):
            files[f"{patient}/{patient}_frame{frame}.nii.gz"] = values(1)
            files[f"{patient}/{patient}_frame{frame}_gt.nii.gz"] = box(3)
    dataset = open_dataset("volumes", save(tmp_path / "set", files))
    assert (len(dataset.samples), list(dataset.problems)) == (108, [])
    assert len({sample.group for sample in dataset.samples}) == 9
    split = make_split(dataset.samples)
    sides = [{name.split("_")[0] for name in part} for part in (split.train, split.val, split.test)]
    assert sum(map(len, sides)) == len(set().union(*sides)) == 9


def test_masks_of_several_structures_unite_and_count_in_the_fingerprint(tmp_path: Path) -> None:
    files: dict[str, NDArray[Any]] = {}
    for n in (1, 2):
        files[f"ct/{n}.nii.gz"] = values(n)
        files[f"leftMask/{n}.nii.gz"], files[f"rightMask/{n}.nii.gz"] = box(1), box(10)
    root = save(tmp_path / "set", files)
    dataset = open_dataset("volumes", root)
    assert max(int(dataset.truth(sample).sum()) for sample in dataset.samples) == 32
    before = dataset.fingerprint()
    save(root, {"rightMask/2.nii.gz": box(12)})
    assert open_dataset("volumes", root).fingerprint() != before


def test_what_does_not_fit_is_said_and_left_out(tmp_path: Path) -> None:
    files = {f"images/{n}.nii.gz": values(n) for n in range(4)}
    files |= {f"masks/{n}.nii.gz": box(n).astype(np.int16) for n in range(2)}
    files["masks/2.nii.gz"] = box(1, shape=(20, 24, 5)).astype(np.int16)
    files["masks/left.nii.gz"] = box(1).astype(np.int16)
    dataset = open_dataset("volumes", save(tmp_path / "set", files))
    found = {(problem.kind, problem.where) for problem in dataset.problems}
    assert found == {
        ("orphan_mask", "masks/left.nii.gz"),
        ("wrong_size", "masks/2.nii.gz"),
        ("missing_mask", "images/3.nii.gz"),
    }
    assert len(dataset.samples) == 18
    assert sum(sample.has_truth for sample in dataset.samples) == 12


def test_a_flat_picture_as_nifti_is_one_slice(tmp_path: Path) -> None:
    """CAMUS publishes single ultrasound frames."""
    files: dict[str, NDArray[Any]] = {}
    for n in (1, 2):
        files[f"p{n}/p{n}_2CH_ED.nii.gz"] = values(n, (20, 24))
        files[f"p{n}/p{n}_2CH_ED_gt.nii.gz"] = box(3)[..., 2]
    dataset = open_dataset("volumes", save(tmp_path / "set", files))
    assert [dataset.truth(sample).sum() for sample in dataset.samples] == [16, 16]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a.nii.gz", "b.nii.gz"], "2 volumes and not one with a mask; expected volumes and masks"),
        ([], "expected volumes and masks"),
    ],
)
def test_paths_without_pairs(names: list[str], words: str, tmp_path: Path) -> None:
    root = tmp_path / "set"
    root.mkdir()
    (root / "read.txt").write_text("nothing")
    with pytest.raises(InputError, match=words):
        open_dataset("volumes", save(root, {name: values(1) for name in names}))


def test_a_window_of_hounsfield_units(tmp_path: Path) -> None:
    files = {"images/a.nii.gz": values(1), "masks/a.nii.gz": box(2).astype(np.int16)}
    root = save(tmp_path / "set", files)
    dataset = VolumeFolder.open(root, window=(-100.0, 100.0))
    stored = values(1)[..., 0][:, ::-1].T[:, ::-1]
    grey = dataset.image(dataset.samples[0])
    assert (grey[stored >= 100] == 255).all()
    assert (grey[(stored <= -100) & (stored > stored.min())] == 1).all()
    with pytest.raises(InputError, match="give the lower value first"):
        VolumeFolder.open(root, window=(100.0, -100.0))


def as_files(name: str, array: NDArray[Any], ending: str) -> dict[str, bytes]:
    """A volume of 1 x 2 x 3 mm in one of the formats beside NIfTI, with all its files."""
    if ending == ".nrrd":
        return {f"{name}.nrrd": nrrd(array, encoding="gzip")}
    if ending == ".mha":
        return {f"{name}.mha": mha(array, packed=True)}
    # PROMISE12 writes the second file's name as it lies beside the first
    raw = f"{name.rpartition('/')[2]}.raw"
    head = mha(array, file=raw)
    return {f"{name}.mhd": head, f"{name}.raw": array.tobytes(order="F")}


@pytest.mark.parametrize("ending", [".nrrd", ".mha", ".mhd"])
@pytest.mark.parametrize("pack", [True, False], ids=["zip", "folder"])
def test_volumes_of_other_formats(ending: str, tmp_path: Path, *, pack: bool) -> None:
    """PROMISE12 publishes .mhd with .raw, 3D Slicer writes .nrrd, ITK-SNAP .mha."""
    files: dict[str, bytes] = {}
    for n in (1, 2, 3):
        files |= as_files(f"Training_data/Case0{n}", values(n), ending)
        files |= as_files(f"Training_data/Case0{n}_segmentation", box(n), ending)
    root = tmp_path / "set.zip"
    if pack:
        root.write_bytes(zipped(files))
    else:
        root = tmp_path / "set"
        for name, data in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)
    dataset = open_dataset("volumes", root)
    assert (len(dataset.samples), list(dataset.problems)) == (18, [])
    assert {sample.spacing_mm for sample in dataset.samples} == {(2.0, 1.0)}
    sample = dataset.samples[2]
    assert np.array_equal(dataset.truth(sample), box(1)[..., 2].T)
    stored = values(1)[..., 2].T
    assert np.corrcoef(dataset.image(sample).ravel(), stored.ravel())[0, 1] > 0.99


def test_the_second_file_counts_and_its_absence_is_said(tmp_path: Path) -> None:
    root = tmp_path / "set"
    root.mkdir()
    for n in (1, 2):
        for name, array in ((f"{n}", values(n)), (f"{n}_mask", box(n))):
            for file, data in as_files(name, array, ".mhd").items():
                (root / file).write_bytes(data)
    dataset = open_dataset("volumes", root)
    before = dataset.fingerprint()
    (root / "1.raw").write_bytes(values(9).tobytes(order="F"))
    assert open_dataset("volumes", root).fingerprint() != before
    (root / "1.raw").unlink()
    (problem,) = open_dataset("volumes", root).problems
    assert (problem.kind, problem.where) == ("unreadable", "1.mhd")
    assert problem.detail == "its second file 1.raw is not beside it; put both into one folder"
    (root / "2.raw").write_bytes(b"short")
    cut = open_dataset("volumes", root)
    with pytest.raises(InputError, match=r"2\.mhd: .*claims 20 x 24 x 6 voxels, more than"):
        cut.image(cut.samples[0])


def test_labels_get_names(tmp_path: Path, home: Path) -> None:
    """As KiTS numbers them, and as CHAOS or a clinic keeps each structure in a file of its own."""
    files: dict[str, NDArray[Any]] = {}
    for n in (1, 2, 3):
        both = box(2, value=1)
        both[3:5, 3:5, 3] = 2
        files[f"case_{n}/imaging.nii.gz"] = values(n)
        files[f"case_{n}/segmentation.nii.gz"] = both
    root = save(tmp_path / "set", files)
    plain = open_dataset("volumes", root)
    assert plain.info.classes == ("foreground",)
    facts = import_dataset("volumes:kits", root, classes=[("kidney", "1"), ("tumour", "2")])
    assert facts["classes"] == ["kidney", "tumour"]
    dataset = open_dataset("volumes:kits", imported_path("volumes:kits"))
    marked = [np.unique(dataset.truth(sample)).tolist() for sample in dataset.samples[:6]]
    assert marked == [[0], [0], [0, 1], [0, 1, 2], [0], [0]]
    assert check_dataset(dataset).document()["classes"] == {"kidney": 6, "tumour": 3}
    with pytest.raises(InputError, match=r"segmentation\.nii\.gz: value 2 not in classes\.csv"):
        import_dataset("volumes:kits", root, classes=[("kidney", "1")])
    assert imported_path("volumes:kits"), "the older import stays"
    assert home.exists()


def test_structures_in_volumes_of_their_own_get_names(tmp_path: Path) -> None:
    files: dict[str, NDArray[Any]] = {}
    for n in (1, 2):
        files[f"ct/{n}.nii.gz"] = values(n)
        files[f"leftMask/{n}.nii.gz"], files[f"rightMask/{n}.nii.gz"] = box(1, 7), box(10, 7)
    root = save(tmp_path / "set", files)
    before = open_dataset("volumes", root).fingerprint()
    (root / "classes.csv").write_text("name,value\nleft lung,leftmask\nright lung,rightmask\n")
    dataset = open_dataset("volumes", root)
    assert dataset.info.classes == ("left lung", "right lung")
    assert np.unique(dataset.truth(dataset.samples[2])).tolist() == [0, 1, 2]
    assert dataset.fingerprint() != before
