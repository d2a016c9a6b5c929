"""Every reader on small files in its published layout, as a folder and as a zip, traps included."""

import io
import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.data import DATASETS, open_dataset
from core.data.base import Dataset, Sample
from core.data.datasets.breast_custom import BreastCustom
from core.data.datasets.busi import Busi
from core.data.datasets.dsb2018 import Dsb2018
from core.data.datasets.folder import Folder
from core.data.datasets.lung_ct import LungCt
from core.data.datasets.phantoms.lung import WINDOW_HU
from core.data.datasets.table import Table
from core.data.masks import binary_mask, decode_runs, non_binary, number, unite
from core.data.pairing.pairs import pair_files
from core.data.png_top import png_size, png_top
from core.data.splits import make_split
from core.data.windowing import LUNG_WINDOW_HU, to_window
from core.errors import InputError
from tests.published import (
    Layout,
    Pack,
    as_folder,
    as_zip,
    either_way,
    encode,
    picture,
    square,
    tiff,
)

FILE_DATASETS = (Busi, Dsb2018, LungCt, BreastCustom, Folder, Table)


def by_id(dataset: Dataset) -> dict[str, Sample]:
    return {sample.id: sample for sample in dataset.samples}


def problems(dataset: Dataset) -> list[tuple[str, str]]:
    return [(problem.kind, problem.where) for problem in dataset.problems]


# ---------------------------------------------------------------- masks


def test_any_kind_of_stored_mask_is_the_same_mask() -> None:
    expected = np.array([[0, 1], [1, 0]], np.uint8)
    for top, dtype in (
        (1, np.uint8),
        (255, np.uint8),
        (65535, np.uint16),
        (9, np.int16),
        (2, "f"),
    ):
        stored = (expected.astype(np.int64) * top).astype(dtype)
        assert np.array_equal(binary_mask(stored), expected)
        assert non_binary(stored) == []
    assert np.array_equal(binary_mask(expected == 1), expected)
    coloured = np.stack([expected * 255, expected * 0, expected * 0], axis=-1)  # (2, 2, 3)
    assert np.array_equal(binary_mask(coloured), expected)


def test_values_between_are_cut_at_half_of_the_largest() -> None:
    jpeg = np.array([[0, 3, 120, 126, 127, 252]], np.uint8)
    assert binary_mask(jpeg).tolist() == [[0, 0, 0, 0, 1, 1]]
    assert non_binary(jpeg) == [3, 120, 126, 127]
    assert non_binary(np.array([[0, 1, 2]])) == [1]


def test_masks_without_two_values() -> None:
    assert not binary_mask(np.zeros((2, 2), np.uint8)).any()
    assert binary_mask(np.full((2, 2), 7, np.uint8)).all()
    assert binary_mask(np.array([[np.nan, 1.0, -5.0]])).tolist() == [[0, 1, 0]]
    assert non_binary(np.zeros((2, 2), np.uint8)) == []


def test_masks_unite_and_number() -> None:
    masks = [("a", square(1)), ("b", square(3)), ("c", square(12))]
    united, numbers = unite(masks, (20, 24)), number(masks, (20, 24))
    assert united.sum() == 16 + 16 + 16 - 4
    assert np.array_equal(united > 0, numbers > 0)
    assert [int((numbers == n).sum()) for n in (1, 2, 3)] == [16, 12, 16], "the first keeps it"
    assert not unite([], (2, 3)).any()
    with pytest.raises(InputError, match="d: the mask is 24x10 pixels, its image 24x20"):
        unite([*masks, ("d", square(1, (10, 24)))], (20, 24))


def test_runs_count_from_one_down_the_columns() -> None:
    assert decode_runs("1 2 6 1", (3, 2)).tolist() == [[1, 0], [1, 0], [0, 1]]
    assert not decode_runs("", (3, 2)).any()
    for wrong in ("1", "0 2", "1 0", "6 2", "7 1", "a b", "1 99999999999999999999"):
        with pytest.raises(InputError, match="run lengths"):
            decode_runs(wrong, (3, 2))


def test_the_lung_window_is_that_of_the_phantoms() -> None:
    assert LUNG_WINDOW_HU == WINDOW_HU
    hu = np.array([-3000, -1350, -600, 0, 150, 3000], np.int16)
    assert to_window(hu, LUNG_WINDOW_HU).tolist() == [0, 0, 128, 230, 255, 255]


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "1", "I;16"])
def test_the_top_of_a_png_is_read_from_its_first_bytes(mode: str) -> None:
    pixels = picture(1, (60, 40))
    wide = pixels.astype(np.uint16) * 257
    content = encode(wide) if mode == "I;16" else encode(pixels, mode)
    whole = np.asarray(Image.open(io.BytesIO(content)).convert("L" if mode != "I;16" else mode))
    for count, rows in ((len(content), 16), (1000, None)):
        top = png_top(content[:count])
        assert top is not None
        assert len(top) == rows or rows is None
        assert np.array_equal(top if top.ndim == 2 else top[..., 0], whole[: len(top)])
    assert png_size(content) == (60, 40)
    assert png_top(content[:45]) is None


def test_no_top_of_other_files() -> None:
    for content in (b"no png" * 20, encode(picture(1), kind="JPEG"), b""):
        assert png_size(content) is None
        assert png_top(content) is None
    assert png_top(encode(picture(1, (60, 40)), "P")) is None, "a palette"


# ---------------------------------------------------------------- what all readers share


@pytest.mark.parametrize("kind", FILE_DATASETS, ids=lambda kind: kind.info.name)
def test_wrong_paths_say_what_is_expected(kind: type[Dataset], tmp_path: Path) -> None:
    name = kind.info.name
    assert DATASETS[name] is kind
    assert all((kind.info.license, kind.info.layout, kind.info.title, kind.info.modality))
    with pytest.raises(InputError, match=f"{name} needs --data PATH: "):
        open_dataset(name)
    with pytest.raises(InputError, match="no such file or folder"):
        open_dataset(name, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(encode(picture(0)))
    for folder in ("empty", "pictures"):
        with pytest.raises(InputError) as refused:
            open_dataset(name, tmp_path / folder)
        assert "\n" not in str(refused.value)
        assert str(tmp_path) in str(refused.value)


@either_way
def test_a_data_set_can_be_sent_to_another_process(pack: Pack, tmp_path: Path) -> None:
    dataset = open_dataset("busi", pack(tmp_path / "busi", busi_files()))
    copy = pickle.loads(pickle.dumps(dataset))  # noqa: S301 - our own bytes
    assert np.array_equal(copy.image(copy.samples[0]), dataset.image(dataset.samples[0]))
    assert copy.fingerprint() == dataset.fingerprint()


def test_a_folder_of_zips_says_which_to_give(tmp_path: Path) -> None:
    folder = as_folder(tmp_path / "kaggle", {"stage1_train.zip": b"", "stage1_test.zip": b""})
    with pytest.raises(InputError, match=r"zips \(stage1_test\.zip, stage1_train\.zip\): give"):
        open_dataset("dsb2018", folder)


# ---------------------------------------------------------------- BUSI


def busi_files() -> Layout:
    opaque = np.dstack([square(12)] * 3 + [np.full((20, 24), 255, np.uint8)])
    colour = np.repeat(picture(1)[..., None], 3, axis=2)
    top = "Dataset_BUSI_with_GT"
    return {
        f"{top}/benign/benign (1).png": encode(colour),
        f"{top}/benign/benign (1)_mask.png": encode(square(1) > 0),
        f"{top}/benign/benign (10).png": encode(colour),
        f"{top}/benign/benign (10)_mask.png": encode(square(1) > 0),
        f"{top}/benign/benign (2).png": encode(colour),
        f"{top}/benign/benign (2)_mask.png": encode(square(1) > 0),
        f"{top}/benign/benign (2)_mask_1.png": encode(opaque),
        f"{top}/malignant/malignant (1).PNG": encode(picture(2)),
        f"{top}/malignant/malignant (1)_MASK.PNG": encode(square(5)),
        f"{top}/normal/normal (1).png": encode(picture(3)),
        f"{top}/normal/normal (1)_mask.png": encode(square(30), "RGB"),
    }


@either_way
def test_busi(pack: Pack, tmp_path: Path) -> None:
    dataset = open_dataset("busi", pack(tmp_path / "busi", busi_files()))
    samples = by_id(dataset)
    assert list(samples) == [
        "benign (1)",
        "benign (2)",
        "benign (10)",
        "malignant (1)",
        "normal (1)",
    ]
    assert [s.label for s in samples.values()] == ["benign"] * 3 + ["malignant", "normal"]
    assert [s.masks for s in samples.values()] == [1, 2, 1, 1, 1]
    assert not dataset.problems
    image = dataset.image(samples["benign (2)"])
    assert image.dtype == np.uint8
    assert np.array_equal(image, picture(1))
    truth = dataset.truth(samples["benign (2)"])
    assert np.array_equal(truth, (square(1) | square(12)) // 255), "the opaque alpha is no mask"
    assert [name for name, _ in dataset.stored_masks(samples["benign (2)"])] == [
        "benign/benign (2)_mask.png",
        "benign/benign (2)_mask_1.png",
    ]
    assert not dataset.truth(samples["normal (1)"]).any()
    assert dataset.instances(samples["benign (2)"]) is None


def test_busi_with_masks_missing_and_left_over(tmp_path: Path) -> None:
    files = busi_files()
    del files["Dataset_BUSI_with_GT/benign/benign (1)_mask.png"]
    del files["Dataset_BUSI_with_GT/benign/benign (2).png"]
    dataset = open_dataset("busi", as_folder(tmp_path / "busi", files))
    assert problems(dataset) == [
        ("missing_mask", "benign/benign (1).png"),
        ("orphan_mask", "benign/benign (2)_mask.png"),
        ("orphan_mask", "benign/benign (2)_mask_1.png"),
    ]
    sample = by_id(dataset)["benign (1)"]
    assert (sample.has_truth, sample.masks) == (False, 0)
    with pytest.raises(ValueError, match=r"benign \(1\) has no published mask"):
        dataset.truth(sample)


def test_busi_with_masks_only(tmp_path: Path) -> None:
    files = {name: content for name, content in busi_files().items() if "mask" in name.lower()}
    with pytest.raises(InputError, match="no images found; expected Dataset_BUSI_with_GT"):
        open_dataset("busi", as_folder(tmp_path / "busi", files))


def test_masks_of_two_sizes_for_one_image_are_refused_by_name(tmp_path: Path) -> None:
    files = busi_files()
    files["Dataset_BUSI_with_GT/benign/benign (2)_mask_1.png"] = encode(square(1, (30, 24)))
    dataset = open_dataset("busi", as_zip(tmp_path / "busi", files))
    with pytest.raises(InputError, match=r"\(2\)_mask_1\.png: the mask is 24x30 .*image 24x20"):
        dataset.truth(by_id(dataset)["benign (2)"])
    assert [mask.shape for _, mask in dataset.stored_masks(by_id(dataset)["benign (2)"])] == [
        (20, 24),
        (30, 24),
    ]


@either_way
def test_a_truncated_image_is_refused_when_read(pack: Pack, tmp_path: Path) -> None:
    files = busi_files()
    name = "Dataset_BUSI_with_GT/malignant/malignant (1).PNG"
    files[name] = files[name][:200]
    path = pack(tmp_path / "busi", files)
    dataset = open_dataset("busi", path)
    with pytest.raises(InputError) as refused:
        dataset.image(by_id(dataset)["malignant (1)"])
    message = str(refused.value)
    assert message.startswith(str(path))
    assert f"{name}: the PNG data are damaged" in message


# ---------------------------------------------------------------- Data Science Bowl 2018


def rgba(pixels: NDArray[np.uint8]) -> bytes:
    return encode(pixels, "RGBA")


def dsb_files(root: str = "stage1_train/") -> Layout:
    stained = np.full((20, 24, 3), (200, 120, 180), np.uint8)
    kinds = {"dark": picture(1) // 8, "bright": 255 - picture(2) // 8, "stain": stained}
    files = {f"{root}{name}/images/{name}.png": rgba(image) for name, image in kinds.items()}
    for name in kinds:
        for n in range(3):
            files[f"{root}{name}/masks/{n}f{n}.png"] = encode(square(6 * n))
    return files


@either_way
@pytest.mark.parametrize("root", ["stage1_train/", "kaggle/stage1_train/", ""])
def test_dsb2018(pack: Pack, root: str, tmp_path: Path) -> None:
    dataset = open_dataset("dsb2018", pack(tmp_path / "dsb", dsb_files(root)))
    samples = by_id(dataset)
    assert {name: s.label for name, s in samples.items()} == {
        "bright": "bright background",
        "dark": "dark background",
        "stain": "colour",
    }
    assert {s.facts["size"] for s in dataset.samples} == {"24x20"}
    assert {s.masks for s in dataset.samples} == {3}
    assert {s.split for s in dataset.samples} == {""}
    assert np.array_equal(dataset.image(samples["dark"]), picture(1) // 8)
    assert set(dataset.image(samples["stain"]).ravel()) == {151}, "luma"
    assert dataset.stored_image(samples["stain"]).shape == (20, 24, 3)
    numbers = dataset.instances(samples["dark"])
    assert numbers is not None
    assert numbers.dtype == np.int32
    assert [int((numbers == n).sum()) for n in range(1, 5)] == [16, 16, 16, 0]
    assert np.array_equal(dataset.truth(samples["dark"]), numbers > 0)
    assert len(dataset.stored_masks(samples["dark"])) == 3


RUNS = "ImageId,EncodedPixels\ndark,1 2 21 2\ndark,100 5\nbright,\nstain,1 1\n"


@either_way
def test_dsb2018_with_run_lengths(pack: Pack, tmp_path: Path) -> None:
    files = {name: c for name, c in dsb_files("stage1_test/").items() if "/masks/" not in name}
    files["stage1_solution.csv"] = RUNS.replace("stain,1 1\n", "stain,1 1").encode()
    files["stage1_sample_submission.csv"] = b"ImageId,EncodedPixels\nbright,1 1\n"
    dataset = open_dataset("dsb2018", pack(tmp_path / "dsb", files))
    samples = by_id(dataset)
    assert {name: s.masks for name, s in samples.items()} == {"bright": 0, "dark": 2, "stain": 1}
    assert all(s.has_truth and s.split == "test" for s in dataset.samples)
    truth = dataset.truth(samples["dark"])
    assert truth[:2, :2].all()
    assert truth.sum() == 9
    assert [int(mask.sum()) for _, mask in dataset.stored_masks(samples["dark"])] == [4, 5]
    assert not dataset.truth(samples["bright"]).any()
    numbers = dataset.instances(samples["dark"])
    assert numbers is not None
    assert numbers.max() == 2


def test_dsb2018_test_images_without_truth(tmp_path: Path) -> None:
    files = dsb_files() | {"stage1_test/blind/images/blind.png": rgba(picture(5))}
    files |= {"stage1_train/lost/masks/1.png": encode(square(1))}
    dataset = open_dataset("dsb2018", as_folder(tmp_path / "dsb", files))
    blind = by_id(dataset)["blind"]
    assert (blind.has_truth, blind.facts["part"]) == (False, "stage1_test")
    assert problems(dataset) == [("orphan_mask", "stage1_train/lost/masks/1.png")]
    assert isinstance(dataset, Dsb2018)
    for read in (dataset.truth, dataset.instances):
        with pytest.raises(ValueError, match="blind has no published mask"):
            read(blind)


def test_dsb2018_masks_win_over_the_table_and_ignored_rows_are_no_truth(tmp_path: Path) -> None:
    files = dsb_files()
    for n in range(3):
        del files[f"stage1_train/stain/masks/{n}f{n}.png"]
    header = "ImageId,EncodedPixels,Height,Width,Usage\n"
    table = header + "dark,1 1,20,24,Public\nstain,1 1,20,24,Ignored\n"
    files["stage1_train_labels.csv"] = table.encode()
    dataset = open_dataset("dsb2018", as_folder(tmp_path / "dsb", files))
    assert by_id(dataset)["dark"].masks == 3
    assert not by_id(dataset)["stain"].has_truth
    assert problems(dataset) == [("missing_mask", "stage1_train/stain/images/stain.png")]


def test_dsb2018_refuses_bad_tables_and_doubles(tmp_path: Path) -> None:
    files = {"stage1_test/dark/images/dark.png": rgba(picture(1))}
    wrong = as_folder(tmp_path / "a", files | {"stage1_solution.csv": b"a,b\n1,2\n"})
    with pytest.raises(InputError, match=r"solution\.csv: needs the columns ImageId and Enc"):
        open_dataset("dsb2018", wrong)
    table = b"ImageId,EncodedPixels\ndark,479 9\n"
    dataset = open_dataset("dsb2018", as_folder(tmp_path / "b", files | {"labels.csv": table}))
    with pytest.raises(InputError, match="dark nucleus 1: run lengths go beyond the image"):
        dataset.truth(dataset.samples[0])
    twice = as_folder(tmp_path / "c", dsb_files() | dsb_files("fixed/"))
    with pytest.raises(InputError, match="is in fixed/ and in stage1_train/; give one"):
        open_dataset("dsb2018", twice)


# ---------------------------------------------------------------- lung CT


def lung_files() -> Layout:
    hu = (picture(1).astype(np.int16) * 8 - 2000).astype(np.int16)
    names = ("ID_0010_Z_0259", "ID_0010_Z_0300", "ID_0011_Z_0001")
    files = {f"2d_images/{name}.tif": tiff(hu) for name in names}
    files |= {f"2d_masks/{name}.tif": tiff(square(3)) for name in names}
    files["lung_stats.csv"] = b"img_id,lung_area_px,lung_mean_hu\nID_0010_Z_0259.tif,16,-700.5\n"
    return files


@either_way
def test_lung_ct(pack: Pack, tmp_path: Path) -> None:
    dataset = open_dataset("lung_ct", pack(tmp_path / "lung", lung_files()))
    first, second, third = dataset.samples
    assert [s.group for s in dataset.samples] == ["ID_0010", "ID_0010", "ID_0011"]
    assert first.facts == {"slice": "0259", "lung_area_px": "16", "lung_mean_hu": "-700.5"}
    assert (second.facts, third.id) == ({"slice": "0300"}, "ID_0011_Z_0001")
    hu = dataset.stored_image(first)
    assert hu.dtype == np.int16
    assert hu.min() == -2000
    image = dataset.image(first)
    assert image.dtype == np.uint8
    assert np.array_equal(image, to_window(hu, LUNG_WINDOW_HU))
    assert np.array_equal(dataset.truth(first), square(3) // 255)
    assert not dataset.problems


def test_lung_ct_with_files_missing_and_of_another_kind(tmp_path: Path) -> None:
    files = lung_files()
    del files["2d_images/ID_0011_Z_0001.tif"], files["2d_masks/ID_0010_Z_0300.tif"]
    files["2d_images/ID_0010_Z_0259.tif"] = tiff(picture(1))
    del files["lung_stats.csv"]
    dataset = open_dataset("lung_ct", as_folder(tmp_path / "lung", files))
    assert problems(dataset) == [
        ("missing_mask", "2d_images/ID_0010_Z_0300.tif"),
        ("orphan_mask", "2d_masks/ID_0011_Z_0001.tif"),
    ]
    with pytest.raises(InputError, match=r"0259\.tif: 8-bit or colour, not Hounsfield units"):
        dataset.image(dataset.samples[0])


# ---------------------------------------------------------------- folders


@pytest.mark.parametrize("name", ["folder", "breast_custom"])
@pytest.mark.parametrize(
    ("image", "mask", "method"),
    [
        ("images/{}.png", "masks/{}.png", "stem"),
        ("Image/{}.JPG", "Mask/{}.png", "stem"),
        ("original/{}.png", "ground truth/{}.png", "stem"),
        ("2d_images/{}.png", "2d_masks/{}.png", "stem"),
        ("images/{}.png", "masks/{}_mask.png", "suffix"),
        ("IMAGES/{}.png", "MASKS/{}_GT.PNG", "suffix"),
        ("images/{}.png", "masks/{}_segmentation.png", "suffix"),
        ("images/img_{}.png", "masks/mask_{}.png", "suffix"),
        ("Breast US GT set/{}.png", "Breast US GT set/{}_mask.png", "suffix"),
        ("{}.png", "{} mask.png", "suffix"),
        ("image{}.png", "label{}.png", "suffix"),
        ("{}.png", "masks/{}.png", "stem"),
        ("{}/images/x.png", "{}/masks/y.png", "folder"),
        ("images/a{}.png", "masks/b{}.png", "affix"),
        ("images/a{}.png", "masks/{}b{}.png", "order"),
    ],
)
@either_way
def test_pairs_by_name(  # noqa: PLR0917 - two tables of cases
    pack: Pack, image: str, mask: str, method: str, name: str, tmp_path: Path
) -> None:
    keys = ("1", "2", "10", "é 3")
    files = {}
    for n, key in enumerate(keys):
        kind = "JPEG" if image.endswith("JPG") else "PNG"
        files[image.format(key)] = encode(picture(n), kind=kind)
        files[mask.format(key, n)] = encode(square(n))
    dataset = open_dataset(name, pack(tmp_path / "set", files))
    assert isinstance(dataset, Folder)
    assert (dataset.pairing.method, dataset.confidence) == (method, 1.0)
    assert len(dataset.samples) == len({s.id for s in dataset.samples}) == 4
    for sample in dataset.samples:
        found = dataset.files[sample.id]
        n = next(n for n in range(4) if found.image.endswith(image.format(keys[n])))
        assert np.array_equal(dataset.truth(sample), square(n) // 255)
        assert sample.facts["pairing"] == method
        assert sample.facts["pairing_confidence"] == "1.00"
    guessed = [p for p in dataset.problems if p.kind == f"paired_by_{method}"]
    assert len(guessed) == len(dataset.problems) == int(method in {"affix", "order"})


def test_several_masks_belong_to_one_image(tmp_path: Path) -> None:
    masks = {f"masks/a_mask{end}.png": encode(square(n)) for n, end in ((1, ""), (12, "_1"))}
    files = {"images/a.png": encode(picture(1)), **masks}
    dataset = open_dataset("folder", as_folder(tmp_path / "set", files))
    assert dataset.samples[0].masks == 2
    assert dataset.truth(dataset.samples[0]).sum() == 32


def test_problems_and_confidence_of_a_pairing(tmp_path: Path) -> None:
    files = {f"images/{n}.png": encode(picture(n)) for n in range(4)}
    files |= {f"masks/{n}.png": encode(square(n)) for n in (0, 1)}
    files["masks/2.png"] = encode(square(1, (30, 30)))
    files["masks/left.png"] = encode(square(1))
    dataset = open_dataset("folder", as_folder(tmp_path / "set", files))
    assert problems(dataset) == [
        ("missing_mask", "images/3.png"),
        ("orphan_mask", "masks/left.png"),
        ("mask_size", "masks/2.png"),
    ]
    assert isinstance(dataset, Folder)
    assert dataset.confidence == pytest.approx(3 / 4 * 2 / 3)
    assert "30x30 pixels, its image images/2.png 24x20" in dataset.problems[2].detail


def test_unequal_counts_are_never_paired_by_order(tmp_path: Path) -> None:
    files = {f"images/a{n}.png": encode(picture(n)) for n in range(3)}
    files |= {f"masks/{name}.png": encode(square(n)) for n, name in enumerate(("in", "out"))}
    with pytest.raises(InputError, match="3 images and 2 masks, and not one pair; expected images"):
        open_dataset("folder", as_folder(tmp_path / "set", files))


def test_folders_give_split_and_label(tmp_path: Path) -> None:
    files = {}
    for part in ("Train", "valid", "test"):
        for label in ("benign", "malignant"):
            for n in range(2):
                files[f"{part}/{label}/images/{n}.png"] = encode(picture(n))
                files[f"{part}/{label}/masks/{n}.png"] = encode(square(n))
    dataset = open_dataset("folder", as_folder(tmp_path / "whole", files))
    assert Counter((s.split, s.label) for s in dataset.samples) == {
        (part, label): 2 for part in ("train", "val", "test") for label in ("benign", "malignant")
    }
    assert "Train-benign-0" in by_id(dataset)
    assert make_split(dataset.samples).method == "fixed by the data set"
    some = {name: content for name, content in files.items() if not name.startswith("valid")}
    dataset = open_dataset("folder", as_folder(tmp_path / "some", some))
    assert {s.split for s in dataset.samples} == {"", "test"}, "no val: train is still to be split"


def test_colour_is_kept_only_where_most_images_have_it(tmp_path: Path) -> None:
    stained = np.full((20, 24, 3), (200, 120, 180), np.uint8)
    caption = np.repeat(picture(1)[..., None], 3, axis=2)
    caption[:1, :8] = (255, 255, 0)
    for title, images, colour in (
        ("stained", (stained, stained, picture(1)), True),
        ("grey", (stained, picture(1), picture(2)), False),
        ("caption", (caption, caption, caption), False),
    ):
        files = {f"images/{n}.png": encode(image) for n, image in enumerate(images)}
        files |= {f"masks/{n}.png": encode(square(n)) for n in range(3)}
        dataset = open_dataset("folder", as_folder(tmp_path / title, files))
        shapes = {dataset.image(sample).shape for sample in dataset.samples}
        assert shapes == {(20, 24, 3) if colour else (20, 24)}


def test_one_image_and_images_of_one_name(tmp_path: Path) -> None:
    one = {"images/a.png": encode(picture(1)), "masks/a.png": encode(square(1))}
    assert len(open_dataset("folder", as_folder(tmp_path / "one", one)).samples) == 1
    names = ("x/images/a.png", "x/images/A.jpg", "x-images/a.png")
    pairing = pair_files([*names, "x/masks/a.png", "masks/x/a.png"])
    assert len(pairing.pairs) == 3
    files = dict.fromkeys(
        ["i/images/a.png", "i/images/a.bmp", "images/i-a.png"], encode(picture(1))
    )
    files |= dict.fromkeys(["i/masks/a.png", "masks/i-a.png"], encode(square(1)))
    dataset = open_dataset("folder", as_folder(tmp_path / "doubles", files))
    assert len({s.id.casefold() for s in dataset.samples}) == 3


def test_the_fingerprint_follows_what_is_used(tmp_path: Path) -> None:
    files = {"images/a.png": encode(picture(1)), "masks/a.png": encode(square(1))}
    cases: tuple[tuple[str, str, Layout], ...] = (
        ("plain", "folder", {}),
        ("readme", "folder", {"notes.md": b"seen"}),
        ("edited", "folder", {"masks/a.png": encode(square(2))}),
        ("other", "breast_custom", {}),
    )
    prints = [
        open_dataset(kind, as_folder(tmp_path / title, files | more)).fingerprint()
        for title, kind, more in cases
    ]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


# ---------------------------------------------------------------- tables


def table_files(text: str, name: str = "list.csv") -> Layout:
    files = {f"pics/p {n}.PNG": encode(picture(n)) for n in range(3)}
    files |= {f"truth/{n}.png": encode(square(n)) for n in range(3)}
    return files | {name: text.encode("utf-8-sig")}


PLAIN = (
    "Image_Path,MASK,Patient,Class,Split\n"
    "pics/p 0.PNG,truth/0.png,ann,benign,Train\n"
    "pics\\p 1.PNG,truth/1.png,bob,,valid\n"
    "pics/p 1.PNG,truth/2.png,bob,,valid\n"
    "\n"
    "pics/p 2.PNG,,,benign,test\n"
)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("where", ["file", "folder", "zip"])
def test_table(where: str, delimiter: str, tmp_path: Path) -> None:
    files = table_files(PLAIN.replace(",", delimiter))
    path = (as_zip if where == "zip" else as_folder)(tmp_path / "set", files)
    dataset = open_dataset("table", path / "list.csv" if where == "file" else path)
    first, second, third = dataset.samples
    assert [s.id for s in dataset.samples] == ["p 0", "p 1", "p 2"]
    assert [s.group for s in dataset.samples] == ["ann", "bob", "p 2"]
    assert [s.label for s in dataset.samples] == ["benign", "", "benign"]
    assert [s.split for s in dataset.samples] == ["train", "val", "test"]
    assert [s.masks for s in dataset.samples] == [1, 2, 0]
    assert not third.has_truth
    assert np.array_equal(dataset.image(first), picture(0))
    assert np.array_equal(dataset.truth(second), (square(1) | square(2)) // 255)
    assert [kind for kind, _ in problems(dataset)] == ["missing_mask"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("picture,mask\na,b\n", "row 1: no column image, found picture, mask"),
        ("a,b\n", "row 1: no column image and no column mask, found a, b"),
        ("", "row 1: no column image .*found nothing"),
        ("image,mask\n", "no images found"),
        ("image,mask\npics/p 0.PNG,truth/9.png\n", r"row 2, column mask: there is no file truth/9"),
        ("image,mask\n\npics/9.PNG,\n", r"row 3, column image: there is no file pics/9\.PNG"),
        ("image,mask\n,truth/1.png\n", "row 2, column image: empty"),
        ("image,mask\n../../p.png,\n", r"row 2, column image: \.\./\.\./p\.png leads outside"),
        (
            "image,mask,patient\npics/p 0.PNG,truth/0.png,ann\npics/p 0.PNG,truth/1.png,bob\n",
            "row 3, column group: 'bob' for an image that has 'ann' in row 2",
        ),
        ("image,mask\n/etc/passwd,\n", "leads outside"),
        ("image,mask\nC:\\a.png,\n", "leads outside"),
        ("image,mask,split\npics/p 0.PNG,,first\n", "row 2, column split: 'first'; write train"),
        ('image,mask\n"' + "x" * 200_000 + '",\n', "not a table"),
    ],
)
@pytest.mark.parametrize("where", ["file", "zip"])
def test_bad_tables_name_row_and_column(
    where: str, text: str, message: str, tmp_path: Path
) -> None:
    path = (as_zip if where == "zip" else as_folder)(tmp_path / "set", table_files(text))
    with pytest.raises(InputError, match=message) as refused:
        open_dataset("table", path / "list.csv" if where == "file" else path)
    assert "\n" not in str(refused.value)


def test_a_table_in_another_encoding_or_among_others(tmp_path: Path) -> None:
    files = table_files("") | {"list.csv": "image,mask\n\xe9.png,\n".encode("latin-1")}
    with pytest.raises(InputError, match="row 2: not UTF-8 text; save it as CSV UTF-8"):
        open_dataset("table", as_folder(tmp_path / "latin", files) / "list.csv")
    files = table_files(PLAIN) | {"stats.csv": b"a,b\n", "old.csv": PLAIN.encode()}
    with pytest.raises(InputError, match=r"several tables \(list\.csv, old\.csv\); give one"):
        open_dataset("table", as_folder(tmp_path / "two", files))
    del files["old.csv"]
    assert len(open_dataset("table", as_folder(tmp_path / "one", files)).samples) == 3


def test_a_table_reads_nothing_else_in_its_folder(tmp_path: Path) -> None:
    path = as_folder(tmp_path / "set", table_files(PLAIN))
    (path / "outside").symlink_to(tmp_path)
    dataset = open_dataset("table", path / "list.csv")
    before = dataset.fingerprint()
    (path / "pics" / "more.png").write_bytes(b"")
    assert open_dataset("table", path / "list.csv").fingerprint() == before
    (path / "truth" / "0.png").write_bytes(encode(square(9)))
    assert open_dataset("table", path / "list.csv").fingerprint() != before


# ---------------------------------------------------------------- the published files


@pytest.mark.realdata
def test_the_published_busi(realdata: Path) -> None:
    dataset = open_dataset("busi", realdata / "busi")
    assert (len(dataset.samples), sum(s.masks for s in dataset.samples)) == (250, 262)
    assert Counter(s.label for s in dataset.samples) == {
        "benign": 140,
        "malignant": 67,
        "normal": 43,
    }
    assert not dataset.problems
    assert sum(s.masks > 1 for s in dataset.samples) == 11
    samples = by_id(dataset)
    for name in ("benign (4)", "benign (54)"):
        assert 0.005 < dataset.truth(samples[name]).mean() < 0.1, "RGBA, alpha 255 everywhere"
    for sample in dataset.samples:
        image, truth = dataset.image(sample), dataset.truth(sample)
        assert image.shape == truth.shape
        assert truth.any() == (sample.label != "normal")
        assert not any(non_binary(mask) for _, mask in dataset.stored_masks(sample))


@pytest.mark.realdata
def test_the_published_nuclei(realdata: Path) -> None:
    dataset = open_dataset("dsb2018", realdata / "dsb2018" / "stage1_train.zip")
    assert (len(dataset.samples), sum(s.masks for s in dataset.samples)) == (670, 29_461)
    assert Counter(s.label for s in dataset.samples) == {
        "dark background": 546,
        "bright background": 16,
        "colour": 108,
    }
    sizes = Counter(s.facts["size"] for s in dataset.samples)
    assert (sizes["256x256"], sizes["320x256"], sizes["1388x1040"]) == (334, 112, 1)
    assert (min(s.masks for s in dataset.samples), max(s.masks for s in dataset.samples)) == (
        1,
        375,
    )
    assert not dataset.problems
    for sample in dataset.samples[::40]:
        image, numbers = dataset.image(sample), dataset.instances(sample)
        assert numbers is not None
        assert image.shape == numbers.shape
        assert image.dtype == np.uint8
        assert np.array_equal(np.unique(numbers), np.arange(sample.masks + 1)), "no overlap"
        assert np.array_equal(dataset.truth(sample), numbers > 0)


@pytest.mark.realdata
def test_the_published_lungs(realdata: Path) -> None:
    dataset = open_dataset("lung_ct", realdata / "lung_ct")
    assert len(dataset.samples) == 48
    assert not dataset.problems
    for sample in dataset.samples:
        hu, truth = dataset.stored_image(sample), dataset.truth(sample)
        assert hu.dtype == np.int16
        assert hu.min() <= -932
        assert hu.shape == truth.shape == (512, 512)
        assert truth.sum() == int(sample.facts["lung_area_px"])
        assert hu[truth == 1].mean() == pytest.approx(float(sample.facts["lung_mean_hu"]))
        assert sample.group == sample.id[:7]


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("folder", "images", "masks", "method"),
    [("lung_ct", 48, 48, "stem"), ("busi", 250, 262, "suffix"), ("dsb2018", 670, 29_461, "folder")],
)
def test_published_sets_read_as_any_folder(
    realdata: Path, folder: str, images: int, masks: int, method: str
) -> None:
    dataset = open_dataset("folder", realdata / folder)
    assert isinstance(dataset, Folder)
    assert (len(dataset.samples), sum(s.masks for s in dataset.samples)) == (images, masks)
    assert (dataset.pairing.method, dataset.confidence) == (method, 1.0)
