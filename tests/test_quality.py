"""The check on a small data set with each defect planted, on a clean one, and on the real ones."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from core.data import DATASETS, open_dataset
from core.data.base import Dataset, DatasetInfo, Problem, Sample
from core.data.quality.check import Check, check_dataset
from core.data.quality.duplicates import near_duplicates, unit
from core.data.quality.kinds import KINDS
from core.errors import InputError

Pixels = NDArray[Any]
COUNT, SIZE = 24, 64


class Planted(Dataset):
    """Images and masks in memory; a test changes what it wants to be wrong."""

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="planted", title="Planted", modality="drawn", foreground="disc", license="none",
        citation="", homepage="", layout="nothing",
    )  # fmt: skip

    def __init__(self) -> None:
        self.images: dict[str, Pixels] = {}
        self.masks: dict[str, list[tuple[str, Pixels]]] = {}
        samples = []
        for n in range(COUNT):
            rng = np.random.default_rng(n)
            y, x = rng.integers(14, SIZE - 14, 2)
            rows, columns = np.ogrid[:SIZE, :SIZE]
            disc = (rows - y) ** 2 + (columns - x) ** 2 < rng.integers(6, 12) ** 2
            texture = np.kron(rng.normal(90, 25, (16, 16)), np.ones((4, 4)))
            id = f"i{n:02d}"
            self.images[id] = (texture + 90 * disc).clip(0, 255).astype(np.uint8)
            self.masks[id] = [(f"{id}.png", disc * np.uint8(255))]
            samples.append(Sample(id=id, group=f"p{n}", label="ab"[n % 2]))
        super().__init__(None, samples)

    @classmethod
    def open(cls, path: Path | None) -> "Planted":
        del path
        return cls()

    def image(self, sample: Sample) -> NDArray[np.uint8]:
        pixels = self.stored_image(sample)
        if pixels.dtype == np.uint8:
            return pixels
        return ((pixels + 1350.0) / 1500 * 255).clip(0, 255).astype(np.uint8)

    def stored_image(self, sample: Sample) -> Pixels:
        if sample.id not in self.images:
            raise InputError(f"{sample.id}.png: the file is truncated; download it again")
        return self.images[sample.id]

    def truth(self, sample: Sample) -> NDArray[np.uint8]:
        return (self.masks[sample.id][0][1] > 0).astype(np.uint8)

    def stored_masks(self, sample: Sample) -> list[tuple[str, Pixels]]:
        return self.masks[sample.id]

    def change(self, n: int, **what: object) -> None:
        samples = list(self.samples)
        samples[n] = replace(samples[n], **what)  # type: ignore[arg-type]
        self.samples = tuple(samples)

    def mask(self, id: str, pixels: Pixels) -> None:
        self.masks[id] = [(f"{id}.png", pixels)]


def findings(check: Check) -> dict[str, tuple[str, ...]]:
    return {finding.kind: finding.places for finding in check.findings}


def test_nothing_is_wrong_with_a_clean_one() -> None:
    seen = []
    document = check_dataset(
        Planted(), progress=lambda done, all_: seen.append((done, all_))
    ).document()
    assert document["findings"] == []
    assert seen == [(n, COUNT) for n in range(1, COUNT + 1)]
    assert {key: document[key] for key in ("dataset", "images", "masks", "instances")} == {
        "dataset": "planted", "images": COUNT, "masks": COUNT, "instances": 0,
    }  # fmt: skip
    assert document["classes"] == {"a": COUNT // 2, "b": COUNT // 2}
    assert document["sizes"] == [{"width": SIZE, "height": SIZE, "images": COUNT}]
    assert document["masks_per_image"]["median"] == 1


@pytest.mark.parametrize("kind", [name for name in DATASETS if "phantoms" in name])
def test_nothing_is_wrong_with_phantoms(kind: str) -> None:
    assert findings(check_dataset(open_dataset(kind))) == {}


def unreadable(data: Planted) -> None:
    del data.images["i03"]


def missing_mask(data: Planted) -> None:
    data.problems = (Problem(kind="missing_mask", where="i99.png", detail="no mask"),)


def orphan_mask(data: Planted) -> None:
    data.problems = (Problem(kind="orphan_mask", where="x_mask.png", detail="no image"),)


def wrong_size_of_a_volume(data: Planted) -> None:
    data.problems = (Problem(kind="wrong_size", where="case_1", detail="240 against 128"),)


def empty_mask(data: Planted) -> None:
    data.mask("i04", np.zeros((SIZE, SIZE), np.uint8))


def mask_size(data: Planted) -> None:
    data.mask("i05", np.full((SIZE, SIZE // 2), 255, np.uint8))


def non_binary(data: Planted) -> None:
    mask = data.masks["i06"][0][1].copy()
    mask[0, 0] = 77
    data.mask("i06", mask)


def with_alpha(data: Planted) -> None:
    grey = data.masks["i07"][0][1]
    alpha = np.full_like(grey, 255)
    data.mask("i07", np.stack([grey, grey, grey, alpha], axis=-1))


def coloured(data: Planted) -> None:
    grey = data.masks["i07"][0][1]
    data.mask("i07", np.stack([grey, 0 * grey, 0 * grey], axis=-1))


def duplicate(data: Planted) -> None:
    data.images["i10"], data.masks["i10"] = data.images["i08"], data.masks["i08"]


def near_duplicate(data: Planted) -> None:
    data.images["i10"] = (data.images["i08"] * 0.9 + 5).astype(np.uint8)
    data.masks["i10"] = data.masks["i08"]


def copied_mask(data: Planted) -> None:
    data.images["i10"] = np.roll(data.images["i10"], 3)
    data.mask("i10", np.ones((SIZE, SIZE), np.uint8) - np.eye(SIZE, dtype=np.uint8))
    data.masks["i12"] = data.masks["i10"]
    half = np.zeros((SIZE, SIZE), np.uint8)
    half[:, ::2] = 1
    data.mask("i10", half)
    data.mask("i12", half)


def group_in_two_classes(data: Planted) -> None:
    data.change(1, group="p0")


def overlap(data: Planted) -> None:
    other = np.zeros((SIZE, SIZE), np.uint8)
    mask = data.masks["i02"][0][1]
    y, x = np.argwhere(mask)[0]
    other[y, x] = 255
    data.masks["i02"].append(("i02_2.png", other))


def too_bright(data: Planted) -> None:
    data.images["i09"] = (data.images["i09"] // 8 + 223).astype(np.uint8)


def too_dark_to_see(data: Planted) -> None:
    data.images["i09"] = (data.images["i09"] // 50 + 80).astype(np.uint8)


def tiny(data: Planted) -> None:
    data.images["i11"] = data.images["i11"][::4, ::4].copy()
    data.mask("i11", data.masks["i11"][0][1][::4, ::4].copy())


PLANTS: list[tuple[Callable[[Planted], None], Mapping[str, list[str]]]] = [
    (unreadable, {"unreadable": ["i03: i03.png: the file is truncated; download it again"]}),
    (missing_mask, {"missing_mask": ["i99.png: no mask"]}),
    (orphan_mask, {"orphan_mask": ["x_mask.png: no image"]}),
    (wrong_size_of_a_volume, {"mask_size": ["case_1: 240 against 128"]}),
    (empty_mask, {"empty_mask": ["i04.png: no pixel is foreground"]}),
    (mask_size, {"mask_size": ["i05.png: the mask is 32x64, its image 64x64"]}),
    (non_binary, {"non_binary": ["i06.png: values 77, 255"]}),
    (with_alpha, {"mask_mode": ["i07.png: has an alpha channel; only its colours are the mask"]}),
    (coloured, {"mask_mode": ["i07.png: is coloured; its strongest channel is read"]}),
    (duplicate, {"duplicate": ["i08 = i10"]}),
    (near_duplicate, {"near_duplicate": ["i08 ~ i10"]}),
    (copied_mask, {"duplicate_mask": ["i10 = i12"]}),
    (group_in_two_classes, {"group_straddles_class": ["p0: in a and b"]}),
    (overlap, {"overlap": ["i02: 1 px"]}),
    (too_bright, {"intensity_outlier": ["i09: mean grey 2"]}),
    (too_dark_to_see, {"low_contrast": ["i09: "]}),
    (tiny, {"size_outlier": ["i11: 16x16"], "mixed_sizes": ["64x64: 23", "16x16: 1"]}),
]


@pytest.mark.parametrize(
    ("plant", "expected"), PLANTS, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_planted_defect_is_the_only_finding(
    plant: Callable[[Planted], None], expected: Mapping[str, list[str]]
) -> None:
    data = Planted()
    plant(data)
    check = check_dataset(data)
    found = findings(check)
    assert found.keys() == expected.keys()
    for kind, places in expected.items():
        assert len(found[kind]) == len(places)
        for place, start in zip(found[kind], places, strict=True):
            assert place.startswith(start)
    for entry in check.document()["findings"]:
        assert entry["count"] == len(found[entry["kind"]])
        assert entry["examples"] == list(found[entry["kind"]][:10])
        assert entry["severity"] in {"error", "warning", "note"}
        assert entry["advice"].endswith(".")


def test_copies_across_classes_and_published_splits() -> None:
    data = Planted()
    data.images["i09"], data.masks["i09"] = data.images["i08"], data.masks["i08"]
    for n in range(COUNT):
        data.change(n, split="test" if n == 9 else "train", group="p8" if n == 9 else f"p{n}")
    found = findings(check_dataset(data))
    assert found == {
        "duplicate_across_splits": ("i08 = i09",),
        "group_straddles_split": ("p8: in test and train",),
        "duplicate": ("i08 = i09",),
        "duplicate_across_classes": ("i08 = i09",),
        "group_straddles_class": ("p8: in a and b",),
    }


def test_swapped_masks_are_misaligned_and_no_other() -> None:
    data = Planted()
    data.masks["i13"], data.masks["i17"] = data.masks["i17"], data.masks["i13"]
    found = findings(check_dataset(data))
    assert found.keys() == {"misaligned"}
    first, second = found["misaligned"]
    assert first.startswith("i13: its mask fits i17 better")
    assert second.startswith("i17: its mask fits i13 better")


def test_masks_that_are_off_by_one_are_all_found() -> None:
    data = Planted()
    ids = list(data.masks)
    before = dict(data.masks)
    for n, id in enumerate(ids):
        data.masks[id] = before[ids[n - 1]]
    assert len(findings(check_dataset(data))["misaligned"]) > 0.8 * COUNT


@pytest.mark.parametrize(
    "excuse",
    [
        {"label": "normal"},
        {"facts": {"finding": "Normal"}},
        {"facts": {"slice": "7"}},
    ],
    ids=["class", "fact", "slice of a volume"],
)
def test_an_empty_mask_is_right_where_there_is_nothing(excuse: dict[str, object]) -> None:
    data = Planted()
    empty_mask(data)
    data.change(4, **excuse)
    check = check_dataset(data)
    assert findings(check) == {}
    assert check.document()["without_foreground"] == 1


def test_a_class_of_empty_masks_needs_no_known_name() -> None:
    data = Planted()
    for n in (4, 6):
        data.mask(f"i{n:02d}", np.zeros((SIZE, SIZE), np.uint8))
        data.change(n, label="control")
    assert findings(check_dataset(data)) == {}


def test_bilevel_and_grey_in_colour_are_fine() -> None:
    data = Planted()
    for id in ("i00", "i01"):
        data.mask(id, data.masks[id][0][1] > 0)
    grey = data.masks["i02"][0][1]
    data.mask("i02", np.stack([grey] * 3, axis=-1))
    data.mask("i03", data.masks["i03"][0][1] // 255)
    assert findings(check_dataset(data)) == {}


def test_padding_and_air_of_a_ct() -> None:
    data = Planted()
    for id in data.images:
        pixels = data.images[id].astype(np.int16) * 4 - 300
        pixels[:8] = -1000  # air around the body
        pixels[8:10] = 60
        data.images[id] = pixels
        mask = data.masks[id][0][1].copy()
        mask[:10] = 0
        pixels[mask > 0] = -650
        data.mask(id, mask)
    data.images["i05"][:2] = -2000
    wrong = data.masks["i06"][0][1].copy()
    wrong[:8] = 255
    data.mask("i06", wrong)
    found = findings(check_dataset(data))
    assert found.keys() == {"padding", "air_labelled"}
    assert found["padding"] == ("i05: 3% of the pixels, down to -2000",)
    assert [place[:4] for place in found["air_labelled"]] == ["i06:"]


def test_everything_unreadable_is_still_a_report() -> None:
    data = Planted()
    data.images.clear()
    document = check_dataset(data).document()
    assert [entry["kind"] for entry in document["findings"]] == ["unreadable"]
    assert document["findings"][0]["count"] == COUNT
    assert len(document["findings"][0]["examples"]) == 10
    assert document["grey"] is None


def test_unknown_problems_of_a_reader_are_passed_on() -> None:
    data = Planted()
    data.problems = (Problem(kind="odd_name", where="a b.png", detail="has a blank"),)
    (entry,) = check_dataset(data).document()["findings"]
    assert entry["kind"] == "odd_name"
    assert entry["examples"] == ["a b.png: has a blank"]


def test_several_masks_of_an_image_with_objects_are_objects() -> None:
    class WithObjects(Planted):
        def instances(self, sample: Sample) -> NDArray[np.int32]:
            assert sample.id != "i00", "two files are two objects; nothing is decoded again"
            return self.truth(sample).astype(np.int32)

    data = WithObjects()
    corner = np.zeros((SIZE, SIZE), np.uint8)
    corner[:3, :3] = 255
    data.masks["i00"].append(("second.png", corner))
    document = check_dataset(data).document()
    assert (document["masks"], document["instances"]) == (COUNT + 1, COUNT + 1)


def test_the_order_of_workers_changes_nothing() -> None:
    data = Planted()
    near_duplicate(data)
    assert check_dataset(data, workers=1).document() == check_dataset(data, workers=4).document()


def test_every_kind_has_a_severity_and_a_way_out() -> None:
    assert {kind.severity for kind in KINDS.values()} == {"error", "warning", "note"}


@pytest.mark.realdata
def test_busi(realdata: Path) -> None:
    check = check_dataset(open_dataset("busi", realdata / "busi"))
    document, found = check.document(), findings(check)
    assert (document["images"], document["masks"]) == (250, 262)
    assert document["classes"] == {"benign": 140, "malignant": 67, "normal": 43}
    assert [place.split(": ")[0] for place in found["mask_mode"]] == ["benign (4)", "benign (54)"]
    assert found["duplicate"] == ("benign (433) = malignant (145)",)
    across = found["duplicate_across_classes"]
    pairs = [
        ("benign (131)", "malignant (51)"), ("benign (42)", "malignant (51)"),
        ("benign (164)", "malignant (52)"), ("benign (85)", "malignant (52)"),
        ("benign (269)", "normal (1)"), ("benign (333)", "malignant (77)"),
        ("benign (399)", "malignant (93)"), ("benign (406)", "malignant (94)"),
        ("benign (433)", "malignant (145)"), ("benign (435)", "malignant (145)"),
        ("benign (437)", "normal (34)"),
    ]  # fmt: skip
    for one, other in pairs:
        assert any(one in place and other in place for place in across), (one, other)
    assert len(across) == 8
    assert not found.keys() & {"empty_mask", "misaligned", "mask_size", "non_binary", "unreadable"}


@pytest.mark.realdata
def test_lung_ct(realdata: Path) -> None:
    check = check_dataset(open_dataset("lung_ct", realdata / "lung_ct"))
    found = findings(check)
    assert check.document()["masks"] == 48
    assert [place.split(": ")[0] for place in found["air_labelled"]] == ["ID_0254_Z_0075"]
    assert len(found["padding"]) == 36
    assert found.keys() == {"air_labelled", "padding"}


@pytest.mark.realdata
@pytest.mark.slow
def test_dsb2018(realdata: Path) -> None:
    path = realdata / "dsb2018" / "stage1_train.zip"
    check = check_dataset(open_dataset("dsb2018", path))
    document, found = check.document(), findings(check)
    assert (document["images"], document["masks"], document["instances"]) == (670, 29461, 29461)
    assert document["masks_per_image"] == {
        "min": 1,
        "q25": 15.25,
        "median": 27,
        "q75": 54,
        "max": 375,
    }
    assert found.keys() == {
        "near_duplicate", "intensity_outlier", "size_outlier", "mixed_sizes", "low_contrast"
    }  # fmt: skip
    assert found["size_outlier"][0].endswith(": 1388x1040")
    thumbnails = np.stack([f.thumbnail for f in check.measured if f.thumbnail is not None])
    vectors = unit(thumbnails)
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, 0)
    assert likeness.max() < 0.98, "nothing is as like as a copy"
    # the same embryo twice, at 0.973 where the next pair has 0.61
    assert len(found["near_duplicate"]) == len(near_duplicates(thumbnails)) == 1
    assert found["near_duplicate"][0].startswith("20b20ab0")


@pytest.mark.realdata
def test_isbi2012_has_nothing_wrong(realdata: Path) -> None:
    check = check_dataset(open_dataset("isbi2012", realdata / "isbi2012_em"))
    assert findings(check) == {}
    assert (check.document()["images"], check.document()["unlabelled"]) == (60, 30)


@pytest.mark.realdata
@pytest.mark.slow
def test_brats_slices_are_not_duplicates(realdata: Path) -> None:
    name = next(name for name in DATASETS if name.startswith("brats"))
    dataset = open_dataset(name, realdata / "brats2018")
    two = {"Brats18_2013_2_1", "Brats18_TCIA05_396_1"}
    others = sorted({sample.group for sample in dataset.samples} - two)
    check = check_dataset(dataset.without(others))
    assert not findings(check).keys() & {
        "near_duplicate", "duplicate", "empty_mask", "non_binary", "misaligned", "unreadable"
    }  # fmt: skip
