"""The viewer in Python: a message survives the round trip; what cannot be shown is refused."""

import io
import json
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.levels import level_map
from dashboard import viewer
from dashboard.viewer import SCRIPTS, Scene, chosen, pack, threshold_viewer, unpack

HEIGHT, WIDTH = 37, 53  # odd and unequal, so that a swapped axis shows


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
    with pytest.raises(ValueError, match="version 2"):
        unpack(b'\x0d\0\0\0{"version":2}')


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, 500),
        ({"token": "a", "start": 500, "k": 7}, 7),
        ({"token": "b", "start": 500, "k": 7}, 500),  # another picture
        ({"token": "a", "start": 499, "k": 7}, 500),  # Python has moved the start since
        ({"token": "a", "start": 500, "k": 1001}, 500),
        ({"token": "a", "start": 500, "k": "7"}, 500),
        ("7", 500),
    ],
)
def test_choice_counts_only_for_its_scene(choice: object, expected: int) -> None:
    assert chosen(choice, token="a", start=500) == expected  # noqa: S106 (names content)


def test_threshold_off_the_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="threshold must be a grid index"):
        threshold_viewer(pack(scene()), key="v", threshold=-1)


def test_mounts_in_a_page_and_begins_at_the_start() -> None:
    app = Path(__file__).parent / "apps" / "viewer_app.py"
    page = AppTest.from_file(str(app), default_timeout=30)
    page.query_params["size"] = "32"
    page.run()
    assert not page.exception
    assert [caption.value for caption in page.caption] == ["k0=412", "runs=1"]


def test_no_script_puts_data_into_markup() -> None:
    text = "".join((viewer.HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    for risky in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert risky not in text


def test_scripts_name_every_file() -> None:
    assert sorted(SCRIPTS) == sorted(path.name for path in viewer.HERE.glob("*.js"))


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_scripts_are_valid_together(tmp_path: Path) -> None:
    module = tmp_path / "viewer.mjs"
    module.write_text("\n".join((viewer.HERE / name).read_text("utf-8") for name in SCRIPTS))
    subprocess.run(["node", "--check", module], check=True)
