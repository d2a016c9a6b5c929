"""Files in, masks out: names that say where they come from, and nothing overwritten."""

import csv
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel.nifti1
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image as Pillow
from scipy import ndimage

from core.data.datasets.isbi2012 import IMAGES, UNLABELLED
from core.errors import InputError
from core.levels import mask_at
from core.models import TrainedModel, load_run
from core.predict.batch import ARCHIVE, TABLE, PredictionOptions, predict_files
from core.runs import Run
from core.threshold.postprocessing import PostProcessing, clean


@pytest.fixture(scope="module")
def trained(finished_run: Run) -> TrainedModel:
    return load_run(finished_run)


@pytest.fixture
def png(sections: Path, tmp_path: Path) -> Path:
    path = tmp_path / "cell 1.png"
    Pillow.fromarray(tifffile.imread(sections / IMAGES)[12]).save(path)
    return path


def read_mask(path: str | Path) -> NDArray[np.uint8]:
    with Pillow.open(path) as picture:
        assert picture.mode == "L"
        return np.asarray(picture)


def test_a_png_becomes_a_mask_and_a_row(trained: TrainedModel, png: Path, tmp_path: Path) -> None:
    (row,) = predict_files(trained, [png], tmp_path / "new" / "out")
    assert row["mask"] == str(tmp_path / "new" / "out" / "cell 1_mask.png")
    pixels = np.asarray(Pillow.open(png))
    expected = mask_at(trained.predictor.levels(pixels), trained.operating_point.k)
    mask = read_mask(row["mask"])
    assert np.array_equal(mask, expected * np.uint8(255))
    assert row == {
        "input": str(png),
        "page": 0,
        "mask": row["mask"],
        "threshold": trained.operating_point.threshold,
        "foreground_px": int(expected.sum()),
        "area_mm2": None,
        "components": int(ndimage.label(expected, np.ones((3, 3)))[1]),
        "files": {"mask": row["mask"]},
    }
    assert 0 < row["foreground_px"] < expected.size


def test_the_clean_up_of_the_operating_point_is_done_unless_another_is_asked_for(
    trained: TrainedModel, png: Path, tmp_path: Path
) -> None:
    own = PostProcessing(minimum_area_px=40, largest_component=True)
    frozen = replace(trained, operating_point=replace(trained.operating_point, post_processing=own))
    mask = mask_at(trained.predictor.levels(np.asarray(Pillow.open(png))), frozen.operating_point.k)
    assert not np.array_equal(clean(mask, own), mask)
    for name, wanted, expected in (
        ("own", None, clean(mask, own)),
        ("none", PredictionOptions(post_processing=PostProcessing()), mask),
        (
            "other",
            PredictionOptions(post_processing=PostProcessing(fill_holes=True)),
            clean(mask, PostProcessing(fill_holes=True)),
        ),
    ):
        (row,) = predict_files(frozen, [png], tmp_path / name, wanted=wanted)
        assert np.array_equal(read_mask(row["mask"]) > 0, expected)


def test_the_threshold_asked_for_is_used(trained: TrainedModel, png: Path, tmp_path: Path) -> None:
    areas = []
    for k in (0, 300, 700, 1000):
        (row,) = predict_files(trained, [png], tmp_path / str(k), wanted=PredictionOptions(k=k))
        assert row["threshold"] == k / 1000
        areas.append(row["foreground_px"])
    assert areas == sorted(areas, reverse=True)
    assert areas[0] == 64 * 64


def test_a_stack_gives_a_mask_per_page(
    trained: TrainedModel, sections: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    rows = predict_files(trained, [sections / IMAGES], tmp_path, report=said.append)
    assert [Path(row["mask"]).name for row in rows] == [
        f"train-volume_p{n:02d}_mask.png" for n in range(1, 16)
    ]
    assert [row["page"] for row in rows] == list(range(15))
    assert len(said) == 15
    levels = trained.predictor.levels(tifffile.imread(sections / IMAGES)[4])
    assert np.array_equal(
        read_mask(rows[4]["mask"]) > 0, mask_at(levels, trained.operating_point.k)
    )


def test_an_area_comes_from_the_spacing_in_the_file(
    trained: TrainedModel, sections: Path, tmp_path: Path
) -> None:
    path = tmp_path / "spaced.tif"
    tifffile.imwrite(
        path,
        tifffile.imread(sections / IMAGES)[0],
        imagej=True,
        resolution=(2, 1),  # pixels per millimetre across and down
        metadata={"unit": "mm"},
    )
    (row,) = predict_files(trained, [path], tmp_path / "out")
    assert row["area_mm2"] == pytest.approx(row["foreground_px"] * 0.5)


def test_colour_is_seen_as_grey(trained: TrainedModel, png: Path, tmp_path: Path) -> None:
    colour = tmp_path / "colour.png"
    Pillow.open(png).convert("RGB").save(colour)
    grey_row, colour_row = predict_files(trained, [png, colour], tmp_path / "out")
    assert np.array_equal(read_mask(grey_row["mask"]), read_mask(colour_row["mask"]))


def test_two_inputs_for_one_mask_are_refused_before_anything_is_written(
    trained: TrainedModel, png: Path, tmp_path: Path
) -> None:
    twin = tmp_path / "other" / "cell 1.tif"
    twin.parent.mkdir()
    tifffile.imwrite(twin, np.zeros((32, 32), np.uint8), photometric="minisblack")
    out = tmp_path / "out"
    for inputs in ([png, twin], [png, png]):
        with pytest.raises(InputError, match=r"several inputs would write cell 1_mask\.png"):
            predict_files(trained, inputs, out)
    assert not out.exists()


def test_a_mask_never_replaces_an_input(trained: TrainedModel, png: Path, tmp_path: Path) -> None:
    reference = png.with_name("cell 1_mask.png")  # the truth beside it, as BUSI has it
    shutil.copy(png, reference)
    before = reference.read_bytes()
    with pytest.raises(InputError, match="a mask would replace this input; give another --out"):
        predict_files(trained, [png, reference], tmp_path)
    assert reference.read_bytes() == before


def test_a_bad_file_is_named_before_anything_is_written(
    trained: TrainedModel, png: Path, tmp_path: Path
) -> None:
    text = tmp_path / "notes.png"
    text.write_text("not an image")
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"notes\.png"):
        predict_files(trained, [png, text], out)
    with pytest.raises(InputError, match=r"missing\.png"):
        predict_files(trained, [png, tmp_path / "missing.png"], out)
    assert not out.exists()


@pytest.mark.parametrize("how", ["files", "folder", "zip"])
def test_a_damaged_file_stops_no_other(
    trained: TrainedModel, png: Path, tmp_path: Path, how: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, content in (("a", png.read_bytes()[:1500]), ("b", png.read_bytes())):
        (folder / f"{name}.png").write_bytes(content)
    inputs = [folder]
    if how == "files":
        inputs = sorted(folder.iterdir())
    elif how == "zip":
        inputs = [Path(shutil.make_archive(str(tmp_path / "in"), "zip", folder))]
    said: list[str] = []
    out = tmp_path / "out"
    wanted = PredictionOptions(formats=("mask", "csv"), archive=True)
    bad, good = predict_files(trained, inputs, out, wanted=wanted, report=said.append)
    assert (bad["mask"], bad["threshold"], bad["foreground_px"], bad["files"]) == (
        *(None, None, None),
        {},
    )
    (problem,) = bad["problems"]
    assert "a.png: the PNG data are damaged or cut short" in problem
    assert f"left out: {problem}" in said
    assert "problems" not in good
    assert Path(good["mask"]).name == "b_mask.png"
    first, second = csv.DictReader((out / TABLE).read_text().splitlines())
    assert (first["mask"], first["problems"]) == ("", problem)
    assert (second["mask"], second["problems"]) == ("b_mask.png", "")
    assert {path.name for path in out.iterdir()} == {
        *("b_mask.png", "b_measurements.csv", TABLE),
        "predictions.zip",
    }


def test_damaged_files_alone_are_an_error_and_leave_no_half_mask(
    trained: TrainedModel, png: Path, tmp_path: Path
) -> None:
    damaged = [tmp_path / f"damaged {n}.png" for n in (1, 2)]
    for file in damaged:
        file.write_bytes(png.read_bytes()[:1500])
    for inputs in (damaged, damaged[:1]):
        with pytest.raises(InputError, match=r"damaged 1\.png"):
            predict_files(trained, inputs, tmp_path / "out")
    assert not any((tmp_path / "out").iterdir())


def test_a_file_in_the_way_of_the_folder_is_refused(
    trained: TrainedModel, png: Path, tmp_path: Path
) -> None:
    way = tmp_path / "way"
    way.write_text("")
    with pytest.raises(InputError, match="a file is in the way; give a folder with --out"):
        predict_files(trained, [png], way)


def test_several_files_and_pages_keep_their_order(
    trained: TrainedModel, png: Path, sections: Path, tmp_path: Path
) -> None:
    rows = predict_files(trained, [sections / UNLABELLED, png], tmp_path / "out")
    assert [(Path(row["input"]).name, row["page"]) for row in rows] == [
        (UNLABELLED, 0),
        (UNLABELLED, 1),
        ("cell 1.png", 0),
    ]
    assert [Path(row["mask"]).name for row in rows[:2]] == [
        "test-volume_p1_mask.png",
        "test-volume_p2_mask.png",
    ]


def test_folders_and_zips_are_read_and_what_is_no_picture_is_left_out(
    trained: TrainedModel, png: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(png, folder / "a.png")
    (folder / "notes.txt").write_text("not an image")
    packed = tmp_path / "more.zip"
    with zipfile.ZipFile(packed, "w") as container:
        container.write(png, "deep/b.png")
    said: list[str] = []
    out = tmp_path / "out"
    rows = predict_files(trained, [folder, packed], out, report=said.append)
    assert sorted(Path(row["mask"]).name for row in rows) == ["a_mask.png", "b_mask.png"]
    assert any("left out: notes.txt" in line for line in said)
    assert len((out / TABLE).read_text().splitlines()) == 3


def test_everything_is_written_and_packed(trained: TrainedModel, png: Path, tmp_path: Path) -> None:
    formats = ("mask", "label", "overlay", "probability", "nifti", "coco", "csv", "report")
    wanted = PredictionOptions(formats=formats, measurements=True, archive=True)
    (row,) = predict_files(trained, [png], tmp_path / "out", wanted=wanted)
    assert list(row["files"]) == list(formats)
    assert len(row["measurements"]) == row["components"]
    with zipfile.ZipFile(tmp_path / "out" / ARCHIVE) as container:
        packed = {name: container.read(name) for name in container.namelist()}
        methods = {entry.compress_type for entry in container.infolist()}
        sizes = {entry.filename: entry.compress_size for entry in container.infolist()}
    assert methods == {zipfile.ZIP_DEFLATED}
    text = [name for name in packed if name.endswith((".csv", ".json"))]
    assert text
    assert all(sizes[name] < len(packed[name]) for name in text)
    written = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert packed == {name: data for name, data in written.items() if name != ARCHIVE}


def test_a_clean_up_is_applied(trained: TrainedModel, png: Path, tmp_path: Path) -> None:
    wanted = PredictionOptions(post_processing=PostProcessing(largest_component=True))
    (row,) = predict_files(trained, [png], tmp_path / "out", wanted=wanted)
    assert row["components"] == 1


def test_a_volume_is_predicted_slice_by_slice(trained: TrainedModel, tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).integers(0, 255, (20, 24, 3), dtype=np.uint8)
    path = tmp_path / "head.nii.gz"
    library: Any = nibabel.nifti1  # it has no types
    library.Nifti1Image(voxels, np.diag([0.5, 0.5, 3, 1])).to_filename(path)
    said: list[str] = []
    (row,) = predict_files(trained, [path], tmp_path / "out", report=said.append)
    assert Path(row["mask"]).name == "head_mask.nii.gz"
    mask = library.load(row["mask"])
    assert mask.shape == voxels.shape
    assert int(np.asarray(mask.dataobj).sum()) == row["foreground_px"]
    assert row["volume_ml"] == pytest.approx(row["foreground_px"] * 0.75 / 1000)
    assert row["area_mm2"] is None
    assert "  slice 3 of 3" in said


def test_a_format_that_fits_no_picture_is_an_error(
    trained: TrainedModel, png: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="refers to DICOM images"):
        predict_files(
            trained, [png], tmp_path / "out", wanted=PredictionOptions(formats=("dicom-seg",))
        )
    with pytest.raises(InputError, match="unknown format 'gif'; choose one of mask"):
        PredictionOptions(formats=("gif",))
