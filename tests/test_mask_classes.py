"""Masks whose values, colours or folders are classes: named by a table, or when imported."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.__main__ import main
from core.data import Dataset, open_dataset
from core.data.importing import import_dataset, imported_path
from core.data.quality.check import check_dataset
from core.errors import InputError
from tests.pages import press, run_page, texts
from tests.published import Layout, Pack, as_folder, as_zip, either_way, encode, picture, tiff

SIZE = (48, 40)
Values = NDArray[np.uint8]


def fundus(n: int, background: int = 255, disc: int = 128, cup: int = 0) -> Values:
    """As REFUGE draws it: the background is the brightest, the cup lies in the disc."""
    mask = np.full(SIZE, background, np.uint8)
    mask[8:32, 6 + n : 26 + n] = disc
    mask[14:24, 12 + n : 20 + n] = cup
    return mask


def meant(n: int) -> Values:
    return fundus(n, background=0, disc=1, cup=2)


def layout(mask: Callable[[int], bytes], *, count: int = 3, ending: str = "png") -> Layout:
    files = {f"Images/g000{n}.png": encode(picture(n, SIZE)) for n in range(count)}
    return files | {f"Masks/g000{n}.{ending}": mask(n) for n in range(count)}


def table(*rows: str, head: str = "name,value") -> bytes:
    return "\n".join((head, *rows, "")).encode()


def truths(dataset: Dataset) -> list[Values]:
    return [dataset.truth(sample) for sample in dataset.samples]


REFUGE = table("disc,128", "cup,0", "Background,255")


@either_way
def test_values_are_classes_and_the_background_may_be_bright(pack: Pack, tmp_path: Path) -> None:
    files = {**layout(lambda n: encode(fundus(n))), "classes.csv": REFUGE}
    dataset = open_dataset("folder", pack(tmp_path / "set", files))
    assert (dataset.info.classes, dataset.info.foreground) == (
        ("disc", "cup"),
        "any of its classes",
    )
    for n, truth in enumerate(truths(dataset)):
        assert truth.dtype == np.uint8
        assert np.array_equal(truth, meant(n))
    check = check_dataset(dataset).document()
    assert check["classes"] == {"disc": 3, "cup": 3}
    kinds = {finding["kind"] for finding in check["findings"]}
    assert not kinds & {"non_binary", "mask_mode", "unreadable"}


def test_without_a_table_the_check_says_what_to_do(tmp_path: Path) -> None:
    dataset = open_dataset(
        "folder", as_folder(tmp_path / "set", layout(lambda n: encode(fundus(n))))
    )
    found = {finding.kind: finding for finding in check_dataset(dataset).findings}
    assert "classes.csv" in found["mask_classes"].advice


def test_one_class_alone_can_be_the_dark_one(tmp_path: Path) -> None:
    files = layout(lambda n: encode(fundus(n, disc=0)))
    files["classes.csv"] = table("vessel,0", "background,255")
    dataset = open_dataset("folder", as_folder(tmp_path / "set", files))
    assert (dataset.info.classes, dataset.info.foreground) == (("vessel",), "vessel")
    assert [int(truth.sum()) for truth in truths(dataset)] == [480] * 3
    assert check_dataset(dataset).document()["foreground_share"]["max"] == 480 / 48 / 40


COLOURS = np.array([[0, 0, 0], [128, 0, 0], [0, 200, 90]], np.uint8)


CVAT = b"""# label:color_rgb:parts:actions
background:0,0,0::
disc:128,0,0::
cup:0,200,90::
"""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("class_dict.csv", table("disc,128,0,0", "cup, 0, 200, 90", head="name, r, g, b")),
        ("class_dict.csv", table("void,0,0,0", "disc,128,0,0", "cup,0,200,90", head="name,r,g,b")),
        ("classes.csv", table("disc,#800000", "cup,#00C85a")),
        ("labelmap.txt", CVAT),
    ],
    ids=["class_dict", "class_dict with void", "own", "CVAT"],
)
def test_colours_are_classes(name: str, content: bytes, tmp_path: Path) -> None:
    files = {**layout(lambda n: encode(COLOURS[meant(n)])), f"about/{name}": content}
    dataset = open_dataset("folder", as_folder(tmp_path / "set", files))
    assert dataset.info.classes == ("disc", "cup")
    assert all(np.array_equal(truth, meant(n)) for n, truth in enumerate(truths(dataset)))


def test_values_name_the_greys_of_a_mask_saved_in_colour_and_the_other_way_round(
    tmp_path: Path,
) -> None:
    """A mask without its coloured class has equal channels, which are read as grey."""
    both = COLOURS[meant(0)]
    both[0, 0] = (9, 9, 9)
    grey = np.where(meant(1) > 0, 9, 0).astype(np.uint8)
    files = layout(lambda n: encode([both, grey][n]), count=2)
    files["classes.csv"] = table("disc,#800000", "cup,#00c85a", "mark,9")
    first, second = truths(open_dataset("folder", as_folder(tmp_path / "set", files)))
    assert (int(first[0, 0]), int(first.max())) == (3, 3)
    assert sorted(np.unique(second).tolist()) == [0, 3]


def test_structures_in_folders_of_their_own(tmp_path: Path) -> None:
    """As IDRiD has them: a mask for each structure that occurs, drawn in red."""
    files = {f"1. Original Images/IDRiD_0{n}.png": encode(picture(n, SIZE)) for n in (1, 2, 3)}
    red = np.zeros((*SIZE, 3), np.uint8)
    red[4:10, 5:9, 0] = 255
    places = {"1. Microaneurysms": "MA", "2. Hard Exudates": "EX"}
    for n in (1, 2, 3):
        for m, (folder, short) in enumerate(places.items()):
            if (n, m) != (3, 0):
                name = f"2. All Segmentation Groundtruths/{folder}/IDRiD_0{n}_{short}.png"
                files[name] = encode(np.roll(red, 2 * m, axis=0))
    root = as_folder(tmp_path / "set", files)
    before = open_dataset("folder", root)
    assert before.info.classes == ("foreground",)
    (root / "classes.csv").write_bytes(table("microaneurysms,1. Micro", "exudates,hard exudates"))
    dataset = open_dataset("folder", root)
    one, two, three = truths(dataset)
    assert np.unique(one, return_counts=True)[1].tolist() == [48 * 40 - 32, 8, 24]
    assert np.array_equal(one, two)
    assert np.unique(three).tolist() == [0, 2]
    assert dataset.fingerprint() != before.fingerprint()
    stored = dataset.fingerprint()
    (root / "classes.csv").write_bytes(table("exudates,hard exudates", "microaneurysms,1. Micro"))
    assert open_dataset("folder", root).fingerprint() != stored


@pytest.mark.parametrize(
    ("mask", "ending", "words"),
    [
        (
            encode(fundus(0, disc=7, cup=1)),
            "png",
            r"Masks/g0000\.png: value 7 not in classes\.csv; add",
        ),
        (encode(COLOURS[meant(0)]), "png", r"colour #000000, #00c85a, #800000 not in"),
        (tiff(np.full(SIZE, 0.5, np.float32)), "tif", "a mask of real numbers"),
        (tiff(np.full(SIZE, np.nan, np.float32)), "tif", "Masks/g0000.tif"),
        (encode(picture(0, SIZE)), "png", r" and \d+ more not in classes\.csv"),
        (encode(fundus(0)[:-1]), "png", "the mask is 40x47 pixels, its image 40x48"),
    ],
)
def test_a_value_that_is_not_named_is_refused(
    mask: bytes, ending: str, words: str, tmp_path: Path
) -> None:
    files = layout(lambda _n: mask, count=1, ending=ending)
    files["classes.csv"] = table("disc,128", "cup,1", "background,255")
    dataset = open_dataset("folder", as_folder(tmp_path / "set", files))
    with pytest.raises(InputError, match=words):
        dataset.truth(dataset.samples[0])


def test_a_mask_of_one_bit_has_the_values_that_its_table_names(tmp_path: Path) -> None:
    for n, rows in enumerate((("a,255",), ("a,0", "background,255"))):
        files = layout(lambda _n: tiff(meant(0) > 0), count=1, ending="tif")
        files["classes.csv"] = table(*rows)
        (truth,) = truths(open_dataset("folder", as_folder(tmp_path / str(n), files)))
        assert np.array_equal(truth > 0, meant(0) == 0 if n else meant(0) > 0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (table("disc,"), "disc has no value"),
        (table("background,0"), "0 classes; give 1 to 255"),
        (table("disc,1", "cup,1"), "1 stands for two classes"),
        (table("disc,99999999"), "99999999 is no value of a mask"),
    ],
)
def test_tables_that_contradict_themselves(content: bytes, words: str, tmp_path: Path) -> None:
    files = {**layout(lambda n: encode(fundus(n))), "classes.csv": content}
    with pytest.raises(InputError, match=words):
        open_dataset("folder", as_folder(tmp_path / "set", files))


@pytest.mark.parametrize(
    "content",
    [b"id,diagnosis\n1,melanoma\n", b"", b"name,r,g,b\ndisc,red,0,0\n", b"\xff\xfe\0\0", b'"'],
)
def test_another_table_of_this_name_is_left_alone_and_said(content: bytes, tmp_path: Path) -> None:
    files = layout(lambda n: encode(fundus(n)))
    for name in ("classes.csv", "class_dict.csv", "labelmap.txt"):
        files[name] = content
    dataset = open_dataset("folder", as_folder(tmp_path / "set", files))
    assert dataset.info.classes == ("foreground",)
    assert [problem.kind for problem in dataset.problems] == ["class_table"] * 3


def test_a_table_of_images_names_classes_too(tmp_path: Path) -> None:
    files = {**layout(lambda n: encode(fundus(n))), "classes.csv": REFUGE}
    rows = (f"Images/g000{n}.png,Masks/g000{n}.png" for n in range(3))
    files["set.csv"] = table(*rows, head="image,mask")
    root = as_folder(tmp_path / "set", files)
    for path in (root, root / "set.csv"):
        dataset = open_dataset("table", path)
        assert dataset.info.classes == ("disc", "cup")
        assert all(np.array_equal(truth, meant(n)) for n, truth in enumerate(truths(dataset)))


NAMED = [("disc", "128"), ("cup", "0"), ("background", "255")]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("pack", [as_folder, as_zip])
def test_classes_named_at_import_go_into_the_copy(pack: Pack, tmp_path: Path) -> None:
    source = pack(tmp_path / "set", layout(lambda n: encode(fundus(n))))
    plain = open_dataset("folder", source).fingerprint()
    facts = import_dataset("folder:refuge", source, classes=NAMED)
    assert facts["classes"] == ["disc", "cup"]
    dataset = open_dataset("folder:refuge", imported_path("folder:refuge"))
    assert dataset.fingerprint() == facts["fingerprint"] != plain
    assert all(np.array_equal(truth, meant(n)) for n, truth in enumerate(truths(dataset)))
    assert open_dataset("folder", source).info.classes == ("foreground",), "as it was given"


def test_classes_that_cannot_be_named_leave_no_import(tmp_path: Path, home: Path) -> None:
    source = as_folder(tmp_path / "set", layout(lambda n: encode(fundus(n))))
    with pytest.raises(InputError, match=r"^Masks/g0000\.png: value 0 not in classes\.csv") as said:
        import_dataset("folder", source, classes=[("disc", "128"), ("background", "255")])
    assert "tmp" not in str(said.value)
    with pytest.raises(InputError, match=r"put a classes\.csv into"):
        import_dataset("folder", source, classes=NAMED, link=True)
    (source / "classes.csv").write_bytes(REFUGE)
    with pytest.raises(InputError, match=r"it has a classes\.csv of its own"):
        import_dataset("folder", source, classes=NAMED)
    assert not any((home / "datasets").iterdir())


def test_the_command_line_imports_and_trains_a_map_for_each_class(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del home

    def run(*words: str, rc: int = 0) -> Any:
        monkeypatch.setattr(sys, "argv", ["core", *words, "--json"])
        assert main() == rc
        said = capsys.readouterr()
        return json.loads(said.out) if rc == 0 else said.err

    source = as_folder(tmp_path / "set", layout(lambda n: encode(fundus(n)), count=9))
    start = ("datasets", "import", "folder", str(source), "--as", "refuge")
    assert "name=value" in run(*start, "--class", "disc", rc=2)
    facts = run(*start, "--class", "disc=128", "--class", "cup=0", "--class", "background=255")
    assert facts["classes"] == ["disc", "cup"]
    settings = ("target=classes", "size=32", "base_filters=4", "depth=2", "epochs=1")
    sets = [word for setting in settings for word in ("--set", setting)]
    run("train", "--dataset", "folder:refuge", "--name", "both", *sets)
    document = run("evaluate", "--run", "both", "--split", "val")
    assert set(document["classes"]) == {"disc", "cup"}


@pytest.mark.usefixtures("home")
def test_the_page_names_classes_and_says_which_one_was_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_folder(tmp_path / "refuge", layout(lambda n: encode(fundus(n)), count=9))
    monkeypatch.setenv("ISOLINE_REALDATA", "/nowhere")
    monkeypatch.setenv("ISOLINE_IMPORT_ROOT", str(tmp_path))
    app = run_page("datasets")
    app.button_group(key="look").set_value("Import").run()
    kind = next(box for box in app.selectbox if box.label == "What is it?")
    assert not app.text_area, "ISBI 2012 says itself what its masks mean"
    kind.set_value("folder").run()
    app.text_input[0].set_value("refuge").run()
    app.text_input[1].set_value("eyes").run()
    app.text_area[0].set_value("disc=128\nbackground=255").run()
    press(app, "Import")
    assert "value 0 not in classes.csv" in app.error[0].value
    app.text_area[0].set_value("disc=128\n\ncup = 0\nbackground=255\n").run()
    press(app, "Import")
    assert "eyes: 9 images imported" in app.success[0].value
    next(box for box in app.selectbox if box.label == "Data set").set_value("folder:eyes").run()
    assert not app.exception
    assert "foreground is any of its classes (disc, cup)" in texts(app)
