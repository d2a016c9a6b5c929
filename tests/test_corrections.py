"""A corrected mask becomes a sample that the folder reader opens; nothing escapes its folder."""

from pathlib import Path

import numpy as np
import pytest

from core.data import open_dataset
from core.errors import InputError
from core.imaging import Image
from core.imaging.facts import SourceFacts
from core.system.files import read_json
from dashboard.common.windows import raw_values
from dashboard.predict.corrections import corrections_folder, save_correction, saved_count

FACTS = {"model": "isbi2012-unet", "threshold": 0.412}


def picture(seed: int, *shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, shape or (24, 40), dtype=np.uint8)


def test_saved_samples_are_a_data_set_of_the_folder_reader(home: Path) -> None:
    masks = [picture(seed) > 128 for seed in (1, 2)]
    titles = ("slice 3, page 2 of 9.tif", "../../Größe: <b>.png")
    for seed, (title, mask) in enumerate(zip(titles, masks, strict=True)):
        save_correction("mine", title=title, image=picture(seed), mask=mask, facts=FACTS)
    assert saved_count("mine") == 2
    assert {path.parent.parent for path in home.rglob("*.png")} == {corrections_folder("mine")}
    dataset = open_dataset("folder", corrections_folder("mine"))
    assert len(dataset.samples) == 2
    assert not dataset.problems
    found = {sample.id: dataset.truth(sample) > 0 for sample in dataset.samples}
    for mask in masks:
        assert any(np.array_equal(mask, one) for one in found.values())


@pytest.mark.usefixtures("home")
def test_the_same_picture_again_replaces_its_mask_and_facts() -> None:
    image = picture(0, 20, 20, 3)
    save_correction("mine", title="a", image=image, mask=np.zeros((20, 20), bool), facts={})
    path = save_correction(
        "mine", title="a", image=image, mask=np.ones((20, 20), bool), facts=FACTS
    )
    assert saved_count("mine") == 1
    assert read_json(path.parents[1] / "facts" / f"{path.stem}.json") == FACTS
    dataset = open_dataset("folder", corrections_folder("mine"))
    assert (dataset.truth(dataset.samples[0]) > 0).all()
    np.testing.assert_array_equal(dataset.image(dataset.samples[0]), image)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("name", ["", "..", "a/b", "Mine", "-a", "a" * 41])
def test_a_name_that_is_no_folder_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="cannot name a data set"):
        save_correction(name, title="a", image=picture(0), mask=picture(0) > 9, facts={})


def test_values_of_more_than_8_bits_bring_their_window() -> None:
    values = np.linspace(-1000, 1000, 600).reshape(20, 30).astype(np.int16)
    image = Image(pixels=values, name="a", window=(-160.0, 240.0), facts=SourceFacts(unit="HU"))
    raw = raw_values(image)
    assert raw is not None
    assert (raw.center, raw.width, raw.unit) == (40, 400, "HU")
    assert list(raw.presets["Lung"]) == [-600, 1500]
    plain = raw_values(Image(pixels=values, name="a"))
    assert plain is not None
    assert (plain.center, plain.width, dict(plain.presets)) == (0, 2000, {})


@pytest.mark.parametrize(
    "pixels",
    [picture(0), picture(0, 24, 40, 3), np.full((20, 20), 7, np.int16), np.full((9, 9), np.nan)],
)
def test_where_8_bits_say_it_all_there_is_no_window(
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.generic]],
) -> None:
    assert raw_values(Image(pixels=pixels, name="a")) is None
    assert raw_values(None) is None
