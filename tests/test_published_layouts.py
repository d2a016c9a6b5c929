"""Well-known sets in the folders they are published in, read by the folder reader.

The names are those of the published archives, a few of each; the images are drawn.
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from core.data import open_dataset
from core.data.datasets.folder import Folder
from core.data.pairing.pairs import Pairing, pair_files
from core.data.splits import make_split
from tests.published import as_folder, encode, picture, square

N = range(1, 5)
SIDES = ("L", "R")


class Layout(NamedTuple):
    """Names of a published set and what must come of them."""

    names: list[str]
    images: int
    masks: int
    """In use, of all images together."""
    pairs: dict[str, str]
    """One image and its first mask, without the folders that all share."""
    left_out: int = 0


def both(image: str, mask: str, keys: object) -> list[str]:
    assert isinstance(keys, (list, range))
    return [text.format(key) for key in keys for text in (image, mask)]


LAYOUTS = {
    "ISIC 2018": Layout(
        [
            name
            for number, part in enumerate(("Training", "Validation", "Test"))
            for name in both(
                f"ISIC2018_Task1-2_{part}_Input/ISIC_00{number}{{}}.jpg",
                f"ISIC2018_Task1_{part}_GroundTruth/ISIC_00{number}{{}}_segmentation.png",
                N,
            )
        ],
        12,
        12,
        {
            "ISIC2018_Task1-2_Test_Input/ISIC_0023.jpg": "ISIC2018_Task1_Test_GroundTruth/"
            "ISIC_0023_segmentation.png"
        },
    ),
    "ISIC 2016": Layout(
        both(
            "ISBI2016_ISIC_Part1_Training_Data/ISIC_000{}.jpg",
            "ISBI2016_ISIC_Part1_Training_GroundTruth/ISIC_000{}_Segmentation.png",
            N,
        ),
        4,
        4,
        {
            "ISBI2016_ISIC_Part1_Training_Data/ISIC_0003.jpg": "ISBI2016_ISIC_Part1_Training_"
            "GroundTruth/ISIC_0003_Segmentation.png"
        },
    ),
    "Kvasir-SEG": Layout(
        both("Kvasir-SEG/images/cju{}.jpg", "Kvasir-SEG/masks/cju{}.jpg", N),
        4,
        4,
        {"images/cju2.jpg": "masks/cju2.jpg"},
    ),
    "CVC-ClinicDB": Layout(
        both("CVC-ClinicDB/Original/{}.tif", "CVC-ClinicDB/Ground Truth/{}.tif", N),
        4,
        4,
        {"Original/3.tif": "Ground Truth/3.tif"},
    ),
    "DRIVE": Layout(
        [
            *both(
                "DRIVE/training/images/{}_training.tif",
                "DRIVE/training/1st_manual/{}_manual1.gif",
                N,
            ),
            *(f"DRIVE/training/mask/{n}_training_mask.gif" for n in N),
            *both("DRIVE/test/images/0{}_test.tif", "DRIVE/test/1st_manual/0{}_manual1.gif", N),
            *both("DRIVE/test/mask/0{}_test_mask.gif", "DRIVE/test/2nd_manual/0{}_manual2.gif", N),
        ],
        8,
        8,
        {
            "training/images/2_training.tif": "training/1st_manual/2_manual1.gif",
            "test/images/03_test.tif": "test/1st_manual/03_manual1.gif",
        },
        left_out=12,
    ),
    "CHASE_DB1": Layout(
        [
            f"CHASEDB1/Image_0{n}{side}{end}"
            for n in N
            for side in SIDES
            for end in (".jpg", "_1stHO.png", "_2ndHO.png")
        ],
        8,
        8,
        {"Image_03R.jpg": "Image_03R_1stHO.png"},
        left_out=8,
    ),
    "HRF": Layout(
        [
            *both("images/0{}_dr.JPG", "manual1/0{}_dr.tif", N),
            *(f"mask/0{n}_dr_mask.tif" for n in N),
        ],
        4,
        4,
        {"images/02_dr.JPG": "manual1/02_dr.tif"},
        left_out=4,
    ),
    "STARE": Layout(
        both("stare-images/im000{}.ppm", "labels-ah/im000{}.ah.ppm", N),
        4,
        4,
        {"stare-images/im0003.ppm": "labels-ah/im0003.ah.ppm"},
    ),
    "GlaS": Layout(
        [
            name
            for part in ("train", "testA", "testB")
            for name in both(
                f"Warwick QU Dataset (Released 2016_07_08)/{part}_{{}}.bmp",
                f"Warwick QU Dataset (Released 2016_07_08)/{part}_{{}}_anno.bmp",
                N,
            )
        ],
        12,
        12,
        {"testB_2.bmp": "testB_2_anno.bmp"},
    ),
    "Montgomery": Layout(
        [
            f"MontgomerySet/{folder}/MCUCXR_000{n}_0.png"
            for folder in ("CXR_png", "ManualMask/leftMask", "ManualMask/rightMask")
            for n in N
        ],
        4,
        8,
        {"CXR_png/MCUCXR_0002_0.png": "ManualMask/leftMask/MCUCXR_0002_0.png"},
    ),
    "Shenzhen": Layout(
        [
            *both("L/CXR_png/CHNCXR_000{}_0.png", "L/masks/CHNCXR_000{}_0_mask.png", N),
            *(f"L/test/CHNCXR_010{n}_0.png" for n in N),
        ],
        8,
        4,
        {"CXR_png/CHNCXR_0002_0.png": "masks/CHNCXR_0002_0_mask.png"},
    ),
    "LGG MRI": Layout(
        both(
            "kaggle_3m/TCGA_CS_494{0}_1996/TCGA_CS_494{0}_1996_1.tif",
            "kaggle_3m/TCGA_CS_494{0}_1996/TCGA_CS_494{0}_1996_1_mask.tif",
            N,
        )
        + both(
            "kaggle_3m/TCGA_CS_494{0}_1996/TCGA_CS_494{0}_1996_2.tif",
            "kaggle_3m/TCGA_CS_494{0}_1996/TCGA_CS_494{0}_1996_2_mask.tif",
            N,
        ),
        8,
        8,
        {"TCGA_CS_4943_1996_2.tif": "TCGA_CS_4943_1996_2_mask.tif"},
    ),
    "PH2": Layout(
        [
            *both(
                "PH2 Dataset images/IMD00{0}/IMD00{0}_Dermoscopic_Image/IMD00{0}.bmp",
                "PH2 Dataset images/IMD00{0}/IMD00{0}_lesion/IMD00{0}_lesion.bmp",
                N,
            ),
            *(f"PH2 Dataset images/IMD00{n}/IMD00{n}_roi/IMD00{n}_R1_Label4.bmp" for n in N),
        ],
        4,
        4,
        {"IMD002/IMD002_Dermoscopic_Image/IMD002.bmp": "IMD002/IMD002_lesion/IMD002_lesion.bmp"},
    ),
    "TNBC": Layout(
        [
            name
            for s in N
            for name in both(f"Slide_0{s}/0{s}_{{}}.png", f"GT_0{s}/0{s}_{{}}.png", N)
        ],
        16,
        16,
        {"Slide_03/03_2.png": "GT_03/03_2.png"},
    ),
    "TNBC, numbered alike": Layout(
        [name for s in N for name in both(f"Slide_0{s}/{{}}.png", f"GT_0{s}/{{}}.png", N)],
        16,
        16,
        {"Slide_03/2.png": "GT_03/2.png"},
    ),
    "REFUGE": Layout(
        [
            name
            for kind in ("Glaucoma", "Non-Glaucoma")
            for name in both(
                f"REFUGE/Training400/{kind}/{kind[0].lower()}000{{}}.jpg",
                f"REFUGE/Annotation-Training400/Disc_Cup_Masks/{kind}/{kind[0].lower()}000{{}}.bmp",
                N,
            )
        ],
        8,
        8,
        {
            "Training400/Non-Glaucoma/n0002.jpg": "Annotation-Training400/Disc_Cup_Masks/"
            "Non-Glaucoma/n0002.bmp"
        },
    ),
    "BUS-BRA": Layout(
        [f"{f}_000{n}-{s}.png" for n in N for s in "lr" for f in ("Images/bus", "Masks/mask")],
        8,
        8,
        {"Images/bus_0002-r.png": "Masks/mask_0002-r.png"},
    ),
    "Cell Tracking Challenge": Layout(
        [
            name
            for run in ("01", "02")
            for name in both(f"{run}/t00{{}}.tif", f"{run}_GT/SEG/man_seg00{{}}.tif", N)
        ],
        8,
        8,
        {"02/t003.tif": "02_GT/SEG/man_seg003.tif"},
    ),
    "TN3K": Layout(
        [
            name
            for part in ("trainval", "test")
            for name in both(f"tn3k/{part}-image/000{{}}.jpg", f"tn3k/{part}-mask/000{{}}.jpg", N)
        ],
        8,
        8,
        {"test-image/0002.jpg": "test-mask/0002.jpg"},
    ),
    "Ultrasound nerve": Layout(
        [*both("train/{}_1.tif", "train/{}_1_mask.tif", N), *(f"test/{n}.tif" for n in N)],
        8,
        4,
        {"train/2_1.tif": "train/2_1_mask.tif"},
    ),
    "HC18": Layout(
        [
            *both("training_set/00{}_HC.png", "training_set/00{}_HC_Annotation.png", N),
            *(f"test_set/00{n}_HC.png" for n in N),
        ],
        8,
        4,
        {"training_set/002_HC.png": "training_set/002_HC_Annotation.png"},
    ),
    "IDRiD": Layout(
        [
            *(f"A. Segmentation/1. Original Images/a. Training Set/IDRiD_0{n}.jpg" for n in N),
            *(
                f"A. Segmentation/2. All Segmentation Groundtruths/a. Training Set/{k}/"
                f"IDRiD_0{n}_{s}.tif"
                for k, s in (("1. Microaneurysms", "MA"), ("2. Haemorrhages", "HE"))
                for n in N
            ),
        ],
        4,
        8,
        {
            "1. Original Images/a. Training Set/IDRiD_02.jpg": "2. All Segmentation Groundtruths/"
            "a. Training Set/1. Microaneurysms/IDRiD_02_MA.tif"
        },
    ),
    "WBC": Layout(
        both("Dataset 1/00{}.bmp", "Dataset 1/00{}.png", N), 4, 4, {"002.bmp": "002.png"}
    ),
    "membranes of Kaggle": Layout(
        [
            *both("membrane/train/image/{}.png", "membrane/train/label/{}.png", N),
            *(f"membrane/test/{n}.png" for n in N),
        ],
        4,
        4,
        {"train/image/2.png": "train/label/2.png"},
    ),
    "Carvana": Layout(
        [
            *both("train/a_0{}.jpg", "train_masks/a_0{}_mask.gif", N),
            *(f"test/x_0{n}.jpg" for n in N),
        ],
        8,
        4,
        {"train/a_02.jpg": "train_masks/a_02_mask.gif"},
    ),
}


@pytest.mark.parametrize("title", LAYOUTS)
def test_masks_find_their_images(title: str) -> None:
    layout = LAYOUTS[title]
    pairing = pair_files(layout.names)
    assert len(pairing.pairs) == layout.images
    assert sum(len(pair.masks) for pair in pairing.pairs) == layout.masks
    assert len(pairing.left_out) == layout.left_out
    assert pairing.share == 1.0
    first = {ended(pair.image, layout.pairs): pair.masks[0] for pair in pairing.pairs if pair.masks}
    for image, mask in layout.pairs.items():
        assert first[image].endswith(mask)


def ended(name: str, known: dict[str, str]) -> str:
    return next((end for end in known if f"/{name}".endswith(f"/{end}")), name)


@pytest.mark.parametrize("title", LAYOUTS)
def test_the_order_of_the_files_does_not_matter(title: str) -> None:
    names = LAYOUTS[title].names
    assert of_images(pair_files(names)) == of_images(pair_files(reversed(names)))


def of_images(pairing: Pairing) -> dict[str, tuple[str, ...]]:
    return {pair.image: pair.masks for pair in pairing.pairs}


def opened(tmp_path: Path, title: str) -> Folder:
    layout, files = LAYOUTS[title], {}
    pairs = of_images(pair_files(layout.names))
    for n, (image, masks) in enumerate(pairs.items()):
        files[image] = drawn(image, picture(n))
        files |= {mask: drawn(mask, square(n)) for mask in masks}
    whole = np.full((20, 24), 255, np.uint8)
    files |= {name: drawn(name, whole) for name in layout.names if name not in files}
    dataset = open_dataset("folder", as_folder(tmp_path / "set", files))
    assert isinstance(dataset, Folder)
    return dataset


def drawn(name: str, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    kinds = {"jpg": "BMP", "JPG": "BMP", "tif": "TIFF", "gif": "GIF", "bmp": "BMP", "ppm": "PPM"}
    return encode(pixels, kind=kinds.get(name.rpartition(".")[2], "PNG"))


def kinds(dataset: Folder) -> Counter[str]:
    return Counter(problem.kind for problem in dataset.problems)


def test_a_field_of_view_is_no_vessel(tmp_path: Path) -> None:
    """DRIVE's folder ``mask`` is nearly all foreground: the camera's circle."""
    dataset = opened(tmp_path, "DRIVE")
    assert max(dataset.truth(sample).mean() for sample in dataset.samples) < 0.5
    assert kinds(dataset) == {"paired_by_affix": 2, "mask_left_out": 3}
    assert Counter(sample.split for sample in dataset.samples) == {"": 4, "test": 4}


def test_parts_in_long_names_fix_the_split(tmp_path: Path) -> None:
    dataset = opened(tmp_path, "ISIC 2018")
    assert Counter(s.split for s in dataset.samples) == {"train": 4, "val": 4, "test": 4}
    assert make_split(dataset.samples).method == "fixed by the data set"
    assert not kinds(dataset)


def test_parts_in_file_names_keep_the_test_apart(tmp_path: Path) -> None:
    dataset = opened(tmp_path, "GlaS")
    assert Counter(sample.split for sample in dataset.samples) == {"": 4, "test": 8}


@pytest.mark.parametrize(
    ("title", "groups"), [("LGG MRI", 4), ("TNBC", 4), ("CHASE_DB1", 4), ("BUS-BRA", 4), ("PH2", 4)]
)
def test_a_patient_stays_on_one_side(title: str, groups: int, tmp_path: Path) -> None:
    dataset = opened(tmp_path, title)
    assert len({sample.group for sample in dataset.samples}) == groups
    assert {sample.label for sample in dataset.samples} == {""}


def test_classes_are_no_patients(tmp_path: Path) -> None:
    for one, two, three in (
        ("0", "1", "2"),
        ("grade1", "grade2", "grade3"),
        ("a", "b", "c"),
        ("C1", "C2", "C3"),
    ):
        names = [
            f"{label}/{kind}/{n}.png"
            for label in (one, two, three)
            for kind in ("images", "masks")
            for n in N
        ]
        files = {name: drawn(name, square(n)) for n, name in enumerate(names)}
        dataset = open_dataset("folder", as_folder(tmp_path / one, files))
        assert len({sample.group for sample in dataset.samples}) == 12
        assert {sample.label for sample in dataset.samples} == {one, two, three}


def test_images_of_a_test_part_without_masks_are_no_problem(tmp_path: Path) -> None:
    dataset = opened(tmp_path, "HC18")
    assert not kinds(dataset)
    assert dataset.confidence == 1.0
    assert sum(sample.has_truth for sample in dataset.samples) == 4


def test_a_mask_never_crosses_to_another_part() -> None:
    """Its image is missing; the image of that name in the test split is another one."""
    pairing = pair_files(
        [
            *("train/images/1.png", "train/masks/1.png", "train/masks/2.png"),
            *("test/images/2.png", "test/images/3.png"),
        ]
    )
    assert pairing.orphans == ("train/masks/2.png",)
    lonely = pair_files(
        ["train/masks/1.png", "train/masks/2.png", "test/images/1.png", "test/images/2.png"]
    )
    assert not any(pair.masks for pair in lonely.pairs)


def test_masks_that_fit_two_places_alike_go_to_neither() -> None:
    names = [f"{place}/{n}.png" for place in ("a", "b") for n in N]
    pairing = pair_files([*names, *(f"masks/{n}.png" for n in N)])
    assert not any(pair.masks for pair in pairing.pairs)
    assert len(pairing.orphans) == 4


def test_plain_images_are_not_taken_for_masks() -> None:
    """Numbers behind a name count images; an ending that one file has says nothing."""
    for names in (
        ["img.png", "img_1.png", "img_2.png"],
        ["scan.png", "scan_left.png", "other.png", "third.png"],
        ["a.png", "a.jpg", "b.png"],
    ):
        assert not any(pair.masks for pair in pair_files(names).pairs), names
