"""BraTS as published, year by year, and what is wrong with some of its files."""

import pickle
import shutil
import threading
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

from core.data import open_dataset
from core.data.datasets.brats import BraTS, regions
from core.data.slices import Recent
from core.data.volumes import scaled_8bit
from core.errors import InputError

nib: Any = nibabel  # its types are half there

SHAPE = (20, 24, 12)  # X to the left, Y to the back, Z to the head
LPS = np.diag([-1.0, -1.0, 2.0, 1.0])
KINDS = ("flair", "t1", "t1ce", "t2")


def brain(seed: int = 0) -> NDArray[np.int16]:
    """Nothing outside, 100 to 1099 inside; the front of the head is brighter."""
    values = np.zeros(SHAPE, np.int16)
    inside = values[3:17, 4:20, 1:11]
    inside[:] = np.random.default_rng(seed).integers(100, 600, inside.shape)
    inside[:, :4] += 500
    return values


def lesion(*, enhancing: int = 4) -> NDArray[np.uint8]:
    labels = np.zeros(SHAPE, np.uint8)
    labels[5:9, 6:12, 5:9] = 2
    labels[6:8, 7:10, 5:9] = 1
    labels[6, 7, 5:9] = enhancing
    return labels


def save(path: Path, array: NDArray[Any], affine: NDArray[Any] = LPS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, affine), path)


def case(
    folder: Path,
    name: str,
    *,
    kinds: tuple[str, ...] = KINDS,
    join: str = "_",
    ending: str = ".nii.gz",
    labels: NDArray[Any] | None = None,
) -> Path:
    for n, kind in enumerate(kinds):
        save(folder / name / f"{name}{join}{kind}{ending}", brain(n))
    save(folder / name / f"{name}{join}seg{ending}", lesion() if labels is None else labels)
    return folder / name


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two cases as of 2020."""
    for name in ("BraTS20_Training_001", "BraTS20_Training_002"):
        case(tmp_path / "data", name, ending=".nii")
    return tmp_path / "data"


LAYOUTS = {
    "2018": ("HGG/Brats18_2013_2_1", "_", KINDS, 4),
    "2018 low grade": ("LGG/Brats18_TCIA10_449_1", "_", KINDS, 4),
    "2018 loose": ("Brats18_TCIA05_396_1", "_", KINDS, 4),
    "2019": ("MICCAI_BraTS_2019_Data_Training/HGG/BraTS19_CBICA_AAB_1", "_", KINDS, 4),
    "2020": ("MICCAI_BraTS2020_TrainingData/BraTS20_Training_001", "_", KINDS, 4),
    "2021": ("BraTS2021_00495", "_", KINDS, 4),
    "2021 remapped": ("BraTS2021_00495", "_", KINDS, 3),
    "2023": ("BraTS-GLI-00000-001", "-", ("t2f", "t1n", "t1c", "t2w"), 3),
}


@pytest.mark.parametrize("year", LAYOUTS)
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_year_is_read(tmp_path: Path, year: str, ending: str, *, packed: bool) -> None:
    where, join, kinds, enhancing = LAYOUTS[year]
    folder, _, name = where.rpartition("/")
    data = tmp_path / "data"
    labels = lesion(enhancing=enhancing)
    case(data / folder, name, kinds=kinds, join=join, ending=ending, labels=labels)
    path = Path(shutil.make_archive(str(tmp_path / "z"), "zip", data)) if packed else data
    dataset = open_dataset("brats2020", path)
    assert not dataset.problems
    assert [sample.id for sample in dataset.samples] == [f"{name}-z{n:03d}" for n in range(5, 12)]
    sample = dataset.samples[1]
    assert sample.group == ("BraTS-GLI-00000" if year == "2023" else name)
    assert sample.facts["modalities"] == "FLAIR, T1Gd"
    assert sample.facts.get("grade", "") == next((g for g in ("HGG", "LGG") if g in where), "")
    assert (sample.has_truth, sample.spacing_mm, sample.label) == (True, (1.0, 1.0), "")
    image, truth = dataset.image(sample), dataset.truth(sample)
    assert image.shape == (24, 20, 2)
    assert image.dtype == truth.dtype == np.uint8
    assert np.array_equal(truth, np.where(labels == 4, 3, labels)[:, :, 6].T)
    assert np.array_equal(image[..., 0] > 0, brain()[:, :, 6].T > 0), "0 outside, and only there"
    (stored,) = dataset.stored_masks(sample)
    assert np.array_equal(stored[1], labels[:, :, 6].T)
    assert image[4:8].mean() > image[12:16].mean(), "the face is on top"


def test_flair_alone_needs_no_other_sequence(root: Path) -> None:
    both, alone = open_dataset("brats2020", root), open_dataset("brats_flair", root)
    for sample, same in zip(both.samples, alone.samples, strict=True):
        assert np.array_equal(alone.image(same), both.image(sample)[..., 0])
        assert np.array_equal(alone.truth(same), both.truth(sample) > 0), "any of the classes"
    assert alone.info.classes == ("whole tumour",)
    assert alone.fingerprint() != both.fingerprint()
    for file in root.rglob("*"):
        if file.is_file() and not any(part in file.name for part in ("flair", "seg")):
            file.unlink()
    assert len(open_dataset("brats_flair", root).samples) == len(alone.samples)
    with pytest.raises(InputError, match="T1Gd missing"):
        open_dataset("brats2020", root)


def test_a_file_in_other_axes_is_seen_the_same(root: Path, tmp_path: Path) -> None:
    for file in root.rglob("*.nii"):
        image: Any = nib.load(file)
        turned = image.as_reoriented(nib.orientations.axcodes2ornt(("S", "A", "L")))
        (tmp_path / "turned" / file.parent.name).mkdir(parents=True, exist_ok=True)
        nib.save(turned, tmp_path / "turned" / file.parent.name / file.name)
    ours, theirs = BraTS.open(root), BraTS.open(tmp_path / "turned")
    for sample, other in zip(ours.samples, theirs.samples, strict=True):
        assert (sample.id, sample.spacing_mm) == (other.id, other.spacing_mm)
        assert np.array_equal(ours.image(sample), theirs.image(other))
        assert np.array_equal(ours.truth(sample), theirs.truth(other))


def test_folders_named_as_files(tmp_path: Path) -> None:
    folder = case(tmp_path, "BraTS2021_00001", ending=".nii")
    for file in sorted(folder.iterdir()):
        content = file.read_bytes()
        file.unlink()
        file.mkdir()
        (file / file.name).write_bytes(content)
    dataset = BraTS.open(tmp_path)
    assert not dataset.problems
    assert dataset.truth(dataset.samples[1]).any()


def test_modalities_slices_and_plane_are_chosen(root: Path) -> None:
    dataset = BraTS.open(root, modalities=["T1Gd", "t2", "t1"], slices=(2, 3), plane="coronal")
    assert len(dataset.samples) == 4
    sample = dataset.samples[0]
    assert sample.id == "BraTS20_Training_001-y002"
    assert sample.facts["modalities"] == "T1Gd, T2, T1"
    assert sample.spacing_mm == (2.0, 1.0)
    assert dataset.image(sample).shape == (12, 20, 3)
    every = BraTS.open(root, modalities=["flair"], slices=None)
    assert len(every.samples) == 24
    assert every.image(every.samples[3]).shape == (24, 20), "one modality is a grey image"


def test_options_are_part_of_the_fingerprint(root: Path, tmp_path: Path) -> None:
    chosen: list[dict[str, Any]] = [
        {},
        {"slices": (5, 9)},
        {"slices": None},
        {"modalities": ("t1ce", "flair")},
        {"plane": "sagittal"},
    ]
    assert len({BraTS.open(root, **options).fingerprint() for options in chosen}) == 5
    moved = shutil.copytree(root, tmp_path / "elsewhere" / "deeper" / "data")
    assert BraTS.open(moved.parents[1]).fingerprint() == BraTS.open(root).fingerprint()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"modalities": ("pet",)}, "unknown modality 'pet'; choose one of flair, t1, t1ce, t2"),
        ({"modalities": ()}, "choose each modality once"),
        ({"modalities": ("t1ce", "t1gd")}, "choose each modality once"),
        ({"slices": (9, 5)}, "slices 9 to 5; give first and last"),
        ({"slices": (-1, 5)}, "slices -1 to 5"),
        ({"slices": (50, 60)}, "no case has a slice 50; the largest has 12"),
        ({"plane": "oblique"}, "unknown plane 'oblique'; choose one of axial"),
    ],
)
def test_options_that_cannot_be(root: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        BraTS.open(root, **options)


def test_regions_are_made_of_classes() -> None:
    found = regions(np.array([[0, 1, 2, 3]], np.uint8))
    assert {name: mask.tolist() for name, mask in found.items()} == {
        "WT": [[False, True, True, True]],
        "TC": [[False, True, False, True]],
        "ET": [[False, False, False, True]],
    }


def only(dataset: Any) -> tuple[str, str, str]:
    (problem,) = dataset.problems
    return problem.kind, problem.where, problem.detail


def test_the_misnamed_segmentation_of_case_355(root: Path) -> None:
    folder = case(root, "BraTS20_Training_355", ending=".nii")
    published = folder / "BraTS20_Training_355_seg.nii"
    published.rename(folder / "W39_1998.09.19_Segm.nii")
    dataset = BraTS.open(root)
    kind, where, detail = only(dataset)
    assert (kind, where) == ("misnamed", "BraTS20_Training_355/W39_1998.09.19_Segm.nii")
    assert "read as the segmentation of BraTS20_Training_355" in detail
    sample = next(s for s in dataset.samples if s.id == "BraTS20_Training_355-z006")
    assert sample.has_truth
    assert dataset.truth(sample).any()


def test_a_missing_modality_leaves_the_case_out(root: Path) -> None:
    (root / "BraTS20_Training_001" / "BraTS20_Training_001_t1ce.nii").unlink()
    dataset = BraTS.open(root)
    assert {sample.group for sample in dataset.samples} == {"BraTS20_Training_002"}
    kind, where, detail = only(dataset)
    assert (kind, where) == ("missing_image", "BraTS20_Training_001")
    assert detail == "T1Gd missing; the case is left out"
    assert len(BraTS.open(root, modalities=["t1"]).problems) == 0, "not asked for, not missed"


def test_no_usable_case_names_the_first_reason(root: Path) -> None:
    for file in root.rglob("*_flair.nii"):
        file.unlink()
    with pytest.raises(InputError, match="none of the cases can be used; the first: BraTS20_Tra"):
        BraTS.open(root)


def test_a_missing_segmentation_is_no_truth(root: Path) -> None:
    (root / "BraTS20_Training_001" / "BraTS20_Training_001_seg.nii").unlink()
    dataset = BraTS.open(root)
    assert only(dataset)[:2] == ("missing_mask", "BraTS20_Training_001")
    sample = dataset.samples[0]
    assert not sample.has_truth
    assert dataset.image(sample).any()
    assert dataset.stored_masks(sample) == []
    with pytest.raises(ValueError, match="BraTS20_Training_001-z005 has no published label"):
        dataset.truth(sample)


def test_validation_cases_come_without_segmentation(tmp_path: Path) -> None:
    folder = case(tmp_path, "BraTS20_Validation_001")
    (folder / "BraTS20_Validation_001_seg.nii.gz").unlink()
    assert not BraTS.open(tmp_path).problems


def test_a_segmentation_alone_is_an_orphan(root: Path) -> None:
    for kind in KINDS:
        (root / "BraTS20_Training_001" / f"BraTS20_Training_001_{kind}.nii").unlink()
    assert only(BraTS.open(root))[0] == "orphan_mask"


def test_a_case_that_is_there_twice_is_read_once(root: Path) -> None:
    case(root / "copy", "BraTS20_Training_001", ending=".nii.gz")
    dataset = BraTS.open(root)
    assert len(dataset.samples) == 14
    assert {problem.kind for problem in dataset.problems} == {"duplicate_case"}


MOVED = LPS.copy()
MOVED[0, 3] = 12


@pytest.mark.parametrize("kind", ["t1ce", "seg"])
@pytest.mark.parametrize(
    ("array", "affine", "problem", "words"),
    [
        (np.ones((20, 24, 11), np.uint8), LPS, "wrong_size", "has 20 x 24 x 11 voxels"),
        (np.ones(SHAPE, np.uint8), MOVED, "misaligned", "lies up to 12.0 mm away from"),
        (np.ones((*SHAPE, 2), np.uint8), LPS, "unreadable", "it holds 2 volumes"),
    ],
)
def test_files_that_do_not_lie_on_each_other(  # noqa: PLR0917
    root: Path, kind: str, array: NDArray[Any], affine: NDArray[Any], problem: str, words: str
) -> None:
    save(root / "BraTS20_Training_001" / f"BraTS20_Training_001_{kind}.nii", array, affine)
    dataset = BraTS.open(root)
    found, where, detail = only(dataset)
    assert (found, where) == (problem, f"BraTS20_Training_001/BraTS20_Training_001_{kind}.nii")
    assert words in detail
    usable = {sample.group for sample in dataset.samples if sample.has_truth}
    assert usable == {"BraTS20_Training_002"}
    assert len(dataset.samples) == (14 if kind == "seg" else 7)


def test_a_hair_between_affines_is_let_pass(root: Path) -> None:
    near = LPS.copy()
    near[0, 3] = 0.01
    save(root / "BraTS20_Training_001" / "BraTS20_Training_001_seg.nii", lesion(), near)
    assert not BraTS.open(root).problems


@pytest.mark.parametrize("content", [b"", b"junk" * 200])
def test_an_unreadable_file_is_a_problem(root: Path, content: bytes) -> None:
    (root / "BraTS20_Training_001" / "BraTS20_Training_001_flair.nii").write_bytes(content)
    kind, where, detail = only(BraTS.open(root))
    assert (kind, where) == (
        "unreadable",
        "BraTS20_Training_001/BraTS20_Training_001_flair.nii",
    )
    assert detail.startswith(("the file is empty", "not a NIfTI file"))


def test_damage_behind_the_header_is_said_when_read(tmp_path: Path) -> None:
    folder = case(tmp_path, "BraTS2021_00001")
    file = folder / "BraTS2021_00001_flair.nii.gz"
    file.write_bytes(file.read_bytes()[:-100])
    dataset = BraTS.open(tmp_path)
    with pytest.raises(InputError, match=r"BraTS2021_00001_flair.nii.gz: the NIfTI data are damag"):
        dataset.image(dataset.samples[0])


@pytest.mark.parametrize(
    ("name", "join", "values"),
    [
        ("BraTS20_Training_001", "_", [0, 1, 2, 7]),
        ("BraTS20_Training_001", "_", [0, 3, 4]),
        ("BraTS-GLI-00000-000", "-", [0, 1, 4]),
    ],
)
def test_unknown_labels_are_refused(
    tmp_path: Path, name: str, join: str, values: list[int]
) -> None:
    labels = np.resize(np.array(values, np.uint8), SHAPE)
    kinds = KINDS if join == "_" else ("t2f", "t1c")
    case(tmp_path, name, join=join, kinds=kinds, labels=labels)
    dataset = BraTS.open(tmp_path)
    said = ", ".join(map(str, values))
    with pytest.raises(InputError, match=rf"seg.nii.gz: labels {said}; expected 0, 1, 2, 4"):
        dataset.truth(dataset.samples[0])
    assert set(np.unique(dataset.stored_masks(dataset.samples[0])[0][1])) <= set(values)


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.5, "not whole numbers"), (-1, "go from -1"), (np.nan, "go from nan"), (70000, "to 70000")],
)
def test_labels_that_are_no_labels(tmp_path: Path, value: float, words: str) -> None:
    labels = np.zeros(SHAPE, np.float32)
    labels[5, 5, 5] = value
    case(tmp_path, "BraTS2021_00001", labels=labels)
    dataset = BraTS.open(tmp_path)
    with pytest.raises(InputError, match=words):
        dataset.truth(dataset.samples[0])


def test_labels_stored_as_float(tmp_path: Path) -> None:
    case(tmp_path, "BraTS2021_00001", labels=lesion().astype(np.float32))
    dataset = BraTS.open(tmp_path)
    assert dataset.truth(dataset.samples[0]).max() == 3


@pytest.mark.parametrize("path", [None, "nowhere", "."])
def test_paths_without_the_data_set(tmp_path: Path, path: str | None) -> None:
    words = {None: "brats2020 needs --data PATH: a folder per case", "nowhere": "no such file"}
    with pytest.raises(InputError, match=words.get(path, "no images found; expected a folder per")):
        BraTS.open(None if path is None else tmp_path / path)


def test_scaling_is_robust_and_keeps_the_background() -> None:
    values = np.zeros((10, 10, 20), np.float32)
    values[:, :, 10:] = np.arange(1000).reshape(10, 10, 10) - 300.5
    values[0, 0, 10], values[0, 0, 11], values[0, 0, 12] = 1e6, np.nan, np.inf
    scaled = scaled_8bit(values, outside=0)
    assert not scaled[:, :, :10].any()
    assert scaled[:, :, 13:].min() == 1, "a negative value inside is not background"
    assert scaled[0, 0, 10] == 255
    assert scaled[0, 0, 11] == scaled[0, 0, 12] == 0
    # 1...255 over the percentiles 0.5 to 99.5 of 0...999: half the way is half the grey
    assert int(scaled[5, 0, 15]) == pytest.approx(128, abs=2)
    windowed = scaled_8bit(values, outside=0, window=(-300, 300))
    assert windowed[9, 9, 19] == 255


@pytest.mark.parametrize("value", [0, 5])
def test_a_volume_of_one_value(value: int) -> None:
    scaled = scaled_8bit(np.full((3, 3, 3), value, np.int16), outside=0)
    assert np.unique(scaled).tolist() == [255 if value else 0]


def test_a_case_is_decoded_once_and_two_are_held() -> None:
    loaded: list[str] = []

    def load(key: str) -> str:
        loaded.append(key)
        return key.upper()

    recent = Recent(load, 2)
    assert [recent.get(key) for key in "aababcb"] == list("AABABCB")
    assert loaded == ["a", "b", "c"]
    recent.get("a")
    assert loaded == ["a", "b", "c", "a"], "the one not asked for longest had gone"


def test_threads_share_one_decoding() -> None:
    started, loaded = threading.Barrier(4), []

    def load(key: str) -> str:
        loaded.append(key)
        return key

    recent = Recent(load, 2)

    def ask() -> None:
        started.wait()
        recent.get("a")

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loaded == ["a"]


def test_another_process_can_have_it(root: Path) -> None:
    dataset = BraTS.open(root)
    copy = pickle.loads(pickle.dumps(dataset))  # noqa: S301 - our own bytes
    sample = copy.samples[1]
    assert np.array_equal(copy.image(sample), dataset.image(sample))


@pytest.mark.realdata
def test_the_published_cases(realdata: Path) -> None:
    dataset = BraTS.open(realdata / "brats2018", slices=None)
    assert not dataset.problems
    counts = {
        group: np.zeros(5, np.int64) for group in ("Brats18_2013_2_1", "Brats18_TCIA05_396_1")
    }
    classes = {group: np.zeros(4, np.int64) for group in counts}
    assert counts.keys() <= {sample.group for sample in dataset.samples}
    for sample in (sample for sample in dataset.samples if sample.group in counts):
        ((_, stored),) = dataset.stored_masks(sample)
        counts[sample.group] += np.bincount(stored.ravel(), minlength=5)
        classes[sample.group] += np.bincount(dataset.truth(sample).ravel(), minlength=4)
    assert counts["Brats18_2013_2_1"][1:].tolist() == [4514, 34894, 0, 21677]
    assert counts["Brats18_TCIA05_396_1"][1:].tolist() == [9487, 135912, 0, 16998]
    assert classes["Brats18_2013_2_1"][1:].tolist() == [4514, 34894, 21677]
    assert classes["Brats18_TCIA05_396_1"][1:].tolist() == [9487, 135912, 16998]


@pytest.mark.realdata
def test_the_slices_of_the_paper(realdata: Path) -> None:
    dataset = open_dataset("brats2020", realdata / "brats2018")
    groups = [sample.group for sample in dataset.samples]
    assert {groups.count(group) for group in groups} == {146}
    assert dataset.samples[0].id == "Brats18_2013_2_1-z005"
    assert dataset.samples[145].id == "Brats18_2013_2_1-z150"
    middle = dataset.samples[75]
    image, truth = dataset.image(middle), dataset.truth(middle)
    assert image.shape == (240, 240, 2)
    assert truth.shape == (240, 240)
    assert image[..., 0][truth == 2].mean() > image[..., 0][image[..., 0] > 0].mean() + 30, (
        "oedema is bright in FLAIR"
    )
    assert image[..., 1][truth == 3].mean() > image[..., 1][image[..., 1] > 0].mean() + 30, (
        "what enhances is bright in T1Gd"
    )
