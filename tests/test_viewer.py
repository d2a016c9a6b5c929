"""The viewer in Python: a message survives the round trip; what cannot be shown is refused."""

import io
import json
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.levels import level_map
from core.threshold.postprocessing import PostProcessing
from dashboard.components import viewer
from dashboard.components.viewer import (
    Decision,
    RawValues,
    Scene,
    pack,
    threshold_viewer,
    unpack,
)
from dashboard.components.viewer.decision import decided

HEIGHT, WIDTH = 37, 53  # unusual and unequal, so that a swapped axis shows


def scene(**changes: Any) -> Scene:
    rng = np.random.default_rng(3)
    probability = rng.random((HEIGHT, WIDTH), dtype=np.float32)
    settings: dict[str, Any] = {
        "image": rng.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8),
        "levels": level_map(probability),
        "truth": probability > 0.6,
        "operating_point": 412,
        "operating_point_name": "Best Dice on validation",
        "spacing_mm": (0.5, 0.25),
        "title": 'scan <script>alert("1")</script> é.png',
    }
    return Scene(**(settings | changes))


def test_round_trip_is_exact() -> None:
    sent = scene()
    header, levels, truth = unpack(pack(sent))
    assert levels.dtype == np.uint16
    np.testing.assert_array_equal(levels, sent.levels)
    np.testing.assert_array_equal(truth, sent.truth)
    assert (header["height"], header["width"]) == (HEIGHT, WIDTH)
    assert header["title"] == sent.title
    assert header["operating_point"] == 412
    assert header["pixel_area_mm2"] == 0.125


def test_every_level_survives() -> None:
    levels = np.arange(1001, dtype=np.uint16)[None]
    _, back, truth = unpack(
        pack(scene(image=np.zeros((1, 1001), np.uint8), levels=levels, truth=None))
    )
    np.testing.assert_array_equal(back, levels)
    assert truth is None


@pytest.mark.parametrize("channels", [(), (3,)], ids=["grey", "rgb"])
def test_picture_is_lossless(channels: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, *channels), dtype=np.uint8)
    packed = pack(scene(image=image))
    (length,) = struct.unpack_from("<I", packed)
    offset, size = json.loads(packed[4 : 4 + length])["blobs"]["image"]
    png = packed[4 + length + offset :][:size]
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png))), image)


def test_views_and_slices_pack_like_copies() -> None:
    wide = scene()
    image, levels = wide.image[::2, ::-1], wide.levels[::2, ::-1]
    copies = scene(image=image.copy(), levels=levels.copy(), truth=None)
    assert pack(scene(image=image, levels=levels, truth=None)) == pack(copies)


def test_token_follows_the_content() -> None:
    token = unpack(pack(scene()))[0]["token"]
    assert unpack(pack(scene()))[0]["token"] == token
    levels = scene().levels.copy()
    levels[0, 0] ^= 1
    for changes in ({"levels": levels}, {"truth": None}, {"title": "b"}, {"operating_point": 411}):
        assert unpack(pack(scene(**changes)))[0]["token"] != token


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"levels": np.zeros((HEIGHT, WIDTH), np.int64)}, "levels must be uint16"),
        ({"levels": np.full((HEIGHT, WIDTH), 1001, np.uint16)}, "found 1001"),
        ({"levels": np.zeros((0, WIDTH), np.uint16)}, "levels must be uint16"),
        ({"image": np.zeros((WIDTH, HEIGHT), np.uint8)}, "image must be uint8"),
        ({"image": np.zeros((HEIGHT, WIDTH, 4), np.uint8)}, "image must be uint8"),
        ({"image": np.zeros((HEIGHT, WIDTH))}, "not float64"),
        ({"truth": np.zeros((HEIGHT, WIDTH), np.uint8)}, "truth must be bool"),
        ({"operating_point": 1001}, "operating_point must be a grid index"),
        ({"spacing_mm": (0.0, 1.0)}, "spacing_mm must be positive"),
        ({"spacing_mm": None, "pixel_area_mm2": -1.0}, "pixel_area_mm2 must be positive"),
        ({"pixel_area_mm2": 1.0}, "not the product of the spacing"),
        ({"uncertainty": np.full((HEIGHT, WIDTH), 1001, np.uint16)}, "uncertainty must be uint16"),
        ({"post_processing": PostProcessing(largest_component=True)}, "keeps all components"),
    ],
)
def test_scene_refuses(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        scene(**changes)


@pytest.mark.parametrize("packed", [b"", b"\x02\0\0\0{}", b"\xff\xff\xff\x7f{", b"\x04\0\0\0null"])
def test_strange_bytes_are_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match="not a viewer message"):
        unpack(packed)


def test_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 1"):
        unpack(b'\x0d\0\0\0{"version":1}')


START = Decision(k=500, post_processing=PostProcessing(minimum_area_px=9))
GOOD: dict[str, Any] = {
    "map": "a",
    "start": 500,
    "k": 7,
    "minimum_area_px": 3,
    "fill_holes": True,
    "added": [2, 3],
    "removed": [],
}


def test_a_choice_is_taken_over_whole() -> None:
    found = decided(GOOD, map_digest="a", start=START, pixels=12)
    post_processing = PostProcessing(minimum_area_px=3, fill_holes=True)
    assert found == Decision(k=7, post_processing=post_processing, added=(2, 3))
    assert found.corrected_px == (3, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"map": "b"},  # another image
        {"start": 499},  # Python has moved the start since
        {"k": 1001},
        {"k": "7"},
        {"k": True},
        {"minimum_area_px": -1},
        {"minimum_area_px": 13},
        {"added": [2]},
        {"added": [10, 3]},
        {"added": [-1, 3]},
        {"added": "23"},
        {"added": [1.5, 2]},
        {"removed": None},
    ],
)
def test_a_choice_that_does_not_fit_changes_nothing(changes: dict[str, Any]) -> None:
    assert decided(GOOD | changes, map_digest="a", start=START, pixels=12) is START


@pytest.mark.parametrize("choice", [None, "7", 7, []])
def test_what_is_no_choice_changes_nothing(choice: object) -> None:
    assert decided(choice, map_digest="a", start=START, pixels=12) is START


def test_corrections_come_after_threshold_and_clean_up() -> None:
    levels = np.array([[900, 900, 0, 0, 600], [900, 900, 0, 0, 0], [0, 0, 0, 0, 0]], np.uint16)
    post_processing = PostProcessing(minimum_area_px=2)
    plain = Decision(k=500, post_processing=post_processing)
    assert plain.mask(levels).sum() == 4  # the single pixel is gone
    manual = Decision(k=500, post_processing=post_processing, added=(12, 1), removed=(0, 2))
    expected = np.array([[0, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 1, 0, 0]], bool)
    np.testing.assert_array_equal(manual.mask(levels), expected)
    np.testing.assert_array_equal(replace(manual, k=1000).mask(levels), expected & (levels == 0))
    assert "1 px put in, 2 px taken out" in manual.words


def test_the_map_is_named_apart_from_what_lies_over_it() -> None:
    plain = unpack(pack(scene()))[0]
    levels = scene().levels
    raw = RawValues(values=levels.astype(np.int16) - 500, center=0, width=10, unit="HU")
    richer = unpack(pack(scene(title="b", truth=None, uncertainty=levels, raw=raw)))[0]
    assert richer["token"] != plain["token"]
    assert richer["map"] == plain["map"]
    assert richer["raw"]["low"] == int(levels.min()) - 500
    assert richer["uncertainty"]["most"] == levels.max()
    other = unpack(pack(scene(levels=levels[::-1].copy())))[0]
    assert other["map"] != plain["map"]


def test_raw_values_survive_as_float32_and_are_all_finite() -> None:
    values = np.linspace(-1000, 1000, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
    values[0, 0] = np.nan
    packed = pack(scene(raw=RawValues(values=values, center=0, width=100)))
    (length,) = struct.unpack_from("<I", packed)
    offset, size = json.loads(packed[4 : 4 + length])["blobs"]["raw"]
    back = np.frombuffer(zlib.decompress(packed[4 + length + offset :][:size]), "<f4")
    assert back[0] == np.float32(values[0, 1])
    np.testing.assert_array_equal(back[1:], values.astype(np.float32).ravel()[1:])


def test_threshold_off_the_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="threshold must be a grid index"):
        threshold_viewer(pack(scene()), key="v", threshold=-1)


def test_mounts_in_a_page_and_begins_at_the_start() -> None:
    app = Path(__file__).parent / "apps" / "viewer_app.py"
    page = AppTest.from_file(str(app), default_timeout=30)
    page.query_params["size"] = "32"
    page.run()
    assert not page.exception
    captions = [caption.value for caption in page.caption]
    assert captions[0] == "k0=412"
    assert captions[-1] == "runs=1"


def test_no_script_puts_data_into_markup() -> None:
    text = (viewer.HERE / "bundle.js").read_text(encoding="utf-8")
    for risky in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert risky not in text
