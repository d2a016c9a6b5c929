"""A file is shown to a model as its training images were: page, command line and data set agree."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from core.data import open_dataset
from core.data.datasets.phantoms import draw
from core.data.stacks import stack_of
from core.errors import InputError
from core.imaging import Image, Volume, Window, read_any, read_image
from core.imaging.facts import SourceFacts
from core.imaging.intensities import (
    AS_TRAINED,
    CHOICES,
    OPENED,
    IntensityMapping,
    as_trained,
    has_hounsfield,
    shown_as,
)
from core.imaging.window import BodyWindow, body_window
from core.models import load_weights
from core.models.fit import warnings_of
from core.predict.batch import PredictionOptions, predict_files
from tests.pages import run_page

LUNG = IntensityMapping(window_hu=(-1350.0, 150.0))
BODY = IntensityMapping(body=True, outside=0)


def picture(values: NDArray[Any], *, unit: str = "") -> Image:
    return Image(pixels=values, name="a.tif", facts=SourceFacts(unit=unit))


def ramp(dtype: str = "int16") -> NDArray[Any]:
    return np.linspace(-1500, 1500, 400).reshape(20, 20).astype(dtype)


def volume(values: NDArray[Any], **stated: Any) -> Volume:
    return Volume(
        shape=values.shape,
        affine=np.eye(4),
        spacing_mm=(1, 1, 1),
        orientation="RAS",
        name="a.nii",
        source="",
        array=values,
        **stated,
    )


def test_a_ct_is_seen_in_the_window_that_was_learnt() -> None:
    seen = as_trained(picture(ramp()), LUNG).image8()
    assert np.array_equal(seen == 0, ramp() <= -1347)
    assert np.array_equal(seen == 255, ramp() >= 147)
    own = picture(ramp(), unit="HU").windowed((0, 80))  # what the file proposes counts less
    assert np.array_equal(as_trained(own, LUNG).image8(), seen)


@pytest.mark.parametrize(
    "found",
    [
        picture(ramp().astype(np.float32).clip(-400, 400)),  # no air: these are no Hounsfield units
        picture((ramp() + 1500).astype("uint16")),
        picture(np.full((20, 20), 7, np.uint8)),
        picture(np.full((20, 20, 3), 7, np.uint8)),
    ],
)
def test_what_is_no_ct_stays_as_it_is(found: Image) -> None:
    assert not has_hounsfield(found)
    assert as_trained(found, LUNG) is found
    with pytest.raises(InputError, match="lung window is of Hounsfield units"):
        shown_as(found, "lung", IntensityMapping())


def test_a_body_is_seen_between_its_percentiles_and_its_ground_alone_is_black() -> None:
    values = np.zeros((8, 8, 8), np.int16)
    values[2:6, 2:6, 2:6] = np.arange(64).reshape(4, 4, 4) * 10 + 100
    found = as_trained(volume(values), BODY)
    seen = found.to_uint8()
    inside = found.slices() > 0
    assert np.array_equal(seen > 0, inside)
    low, high = np.percentile(values[values > 0], (0.5, 99.5))
    assert found.window == BodyWindow(low, high, 0)
    assert seen[inside].min() == 1
    assert seen.max() == 255
    one = found.image(3).image8()  # a slice has the intensities of its volume
    assert np.array_equal(one, seen[3])
    assert as_trained(volume(np.zeros((8, 8, 8), np.int16)), BODY).window is None


@pytest.mark.parametrize("dtype", ["int16", "uint8", "float32"])
def test_ground_may_have_any_value_and_numbers_may_be_none(dtype: str) -> None:
    values = np.full((6, 6, 6), 9, dtype)
    values[1:5, 1:5, 1:5] = np.arange(64).reshape(4, 4, 4) + 20
    if dtype == "float32":
        values[2, 2, 2] = np.nan
    window = body_window(values)
    assert window is not None
    assert window.outside == 9
    seen = as_trained(volume(values), IntensityMapping(body=True)).to_uint8()
    assert (seen == 0).sum() == 6**3 - 4**3 + (dtype == "float32")


def test_the_choice_is_ones_own() -> None:
    ct = picture(ramp(), unit="HU").windowed((0, 80))
    assert shown_as(ct, OPENED, LUNG) is ct
    assert shown_as(ct, "bone", LUNG).window == Window(-770, 1730)
    assert shown_as(ct, AS_TRAINED, LUNG).window == LUNG.window_hu
    assert shown_as(ct, AS_TRAINED, IntensityMapping()) is ct
    with pytest.raises(InputError, match="unknown intensities 'red'"):
        shown_as(ct, "red", LUNG)
    with pytest.raises(InputError, match="unknown intensities"):
        PredictionOptions(intensities="red")


def hounsfield_file(folder: Path) -> Path:
    """A synthetic chest in Hounsfield units, with a clip of metal."""
    hounsfield = draw("lung", size=256).image * (1500 / 255) - 1350
    hounsfield[:4, :4] = 3000
    path = folder / "chest.tif"
    tifffile.imwrite(path, hounsfield.astype(np.int16))
    return path


def test_the_command_line_shows_the_model_what_it_has_learnt(tmp_path: Path) -> None:
    model, path = load_weights("lung_ct-unet"), hounsfield_file(tmp_path)
    seen = {}
    for intensities in (AS_TRAINED, OPENED, "lung", "bone"):
        wanted = PredictionOptions(intensities=intensities, formats=("probability",))
        (row,) = predict_files(model, [path], tmp_path / intensities, wanted=wanted)
        seen[intensities] = row["foreground_px"]
        pixels = shown_as(read_any(path), intensities, model.intensities)
        assert isinstance(pixels, Image)
        levels = model.predictor.levels(pixels.grey8())
        assert row["foreground_px"] == (levels >= model.operating_point.k).sum()
    assert seen[AS_TRAINED] == seen["lung"]
    assert len(set(seen.values())) > 1


def test_the_page_offers_what_was_learnt_first(tmp_path: Path) -> None:
    """Uploaded to the lung model, the image is the one that the command line predicts."""
    page = run_page("predict", model="weights/lung_ct-unet")
    content = hounsfield_file(tmp_path).read_bytes()
    page.file_uploader[0].upload("chest.tif", content, "image/tiff").run()
    assert not page.exception
    (sees,) = [box for box in page.selectbox if box.label == "The model sees"]
    assert sees.options == [
        *("As in training", "As opened"),
        *(f"{name} window" for name in ("Brain", "Lung", "Bone", "Abdomen")),
    ]
    assert sees.value == AS_TRAINED
    model, read = load_weights("lung_ct-unet"), read_any(hounsfield_file(tmp_path))
    for choice in (AS_TRAINED, OPENED):
        sees.set_value(choice).run()
        assert not page.exception
        said = warnings_of(shown_as(read, choice, model.intensities), model.facts)
        assert [w.value for w in page.warning] == [f"{s[:1].upper()}{s[1:]}" for s in said]


# --- the published files -------------------------------------------------------------------------


def levels_of_file(model: Any, content: bytes, name: str, page: int = 0) -> NDArray[np.uint16]:
    found = as_trained(read_image(content, name=name, page=page), model.intensities)
    grey = model.predictor.in_channels == 1
    levels: NDArray[np.uint16] = model.predictor.levels(found.grey8() if grey else found.rgb8())
    return levels


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "folder", "files"),
    [
        ("lung_ct", "lung_ct", "2d_images/{id}.tif"),
        ("busi", "busi", "Dataset_BUSI_with_GT/{label}/{id}.png"),
    ],
)
def test_a_published_file_has_the_map_of_its_data_set(
    realdata: Path, name: str, folder: str, files: str
) -> None:
    dataset, model = open_dataset(name, realdata / folder), load_weights(f"{name}-unet")
    for sample in model.samples(dataset, "test")[:3]:
        path = realdata / folder / files.format(id=sample.id, label=sample.label)
        found = levels_of_file(model, path.read_bytes(), path.name)
        np.testing.assert_array_equal(found, model.predictor.levels(dataset.image(sample)))


@pytest.mark.realdata
def test_a_published_volume_is_shown_as_its_data_set_shows_it(realdata: Path) -> None:
    """A FLAIR volume as BraTS hands it out, voxel for voxel."""
    dataset = open_dataset("brats_flair", realdata / "brats2018")
    model = load_weights("brats-unet")
    first = model.samples(dataset, "test")[0]
    (path,) = (realdata / "brats2018").rglob(f"{first.facts['case']}_flair.nii.gz")
    read = read_any(path)
    assert isinstance(read, Volume)
    slices = as_trained(read, model.intensities).to_uint8()
    for sample in stack_of(first, dataset.samples):
        np.testing.assert_array_equal(slices[int(sample.facts["slice"])], dataset.image(sample))


def test_a_page_of_a_stack_keeps_its_window() -> None:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.stack([ramp(), ramp() // 2]).astype(np.int16))
    pages = [read_image(buffer.getvalue(), name="a.tif", page=n) for n in (0, 1)]
    seen = [as_trained(page, LUNG) for page in pages]
    assert seen[0].window == seen[1].window == LUNG.window_hu
    assert seen[0].source_files == pages[0].source_files
    assert replace(seen[0], window=pages[0].window).window is pages[0].window
    assert set(CHOICES) == {AS_TRAINED, OPENED, "brain", "lung", "bone", "abdomen"}
