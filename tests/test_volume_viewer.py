"""The volume viewer in Python: the message is exact, counts are of all voxels, planes lie right."""

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from streamlit.testing.v1 import AppTest

from core.imaging import Window
from core.imaging.planes import PLANES, from_slices, to_slices
from dashboard.components.volume_viewer import (
    VolumeScene,
    pack_volume,
)
from dashboard.components.volume_viewer import scene as scenes
from dashboard.components.volume_viewer.scene import (
    grey_codes,
    plane_documents,
    sizes_along,
    thinning,
)
from dashboard.predict.surface import surface_figure, surface_of
from tests.apps.volume_data import DEPTH, HEIGHT, WIDTH, drawn_volume


def scene(**changes: Any) -> VolumeScene:
    values, levels = drawn_volume()
    return VolumeScene(**{"values": values, "levels": levels, "plane": "axial", **changes})


def opened(packed: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    (length,) = struct.unpack_from("<I", packed)
    header = json.loads(packed[4 : 4 + length])
    body = packed[4 + length :]
    blobs = {
        name: zlib.decompress(body[offset : offset + size])
        for name, (offset, size) in header["blobs"].items()
    }
    return header, blobs


def test_levels_values_and_counts_survive() -> None:
    values, levels = drawn_volume(raw=True)
    header, blobs = opened(pack_volume(scene(values=values)))
    shape = (DEPTH, HEIGHT, WIDTH)
    assert tuple(header["shape"]) == shape
    np.testing.assert_array_equal(np.frombuffer(blobs["levels"], "<u2").reshape(shape), levels)
    codes = np.frombuffer(blobs["grey"], "<u2").reshape(shape)
    np.testing.assert_array_equal(codes * header["grey"]["scale"] + header["grey"]["low"], values)
    for axis, others in enumerate([(1, 2), (0, 2), (0, 1)]):
        sizes = np.frombuffer(blobs[f"sizes{axis}"], "<u4").reshape(shape[axis], 1001)
        for k in (0, 412, 1000):
            np.testing.assert_array_equal(sizes[:, k:].sum(axis=1), (levels >= k).sum(axis=others))


def test_the_same_content_is_the_same_message_and_other_content_another() -> None:
    one, two = opened(pack_volume(scene()))[0], opened(pack_volume(scene()))[0]
    assert one == two
    levels = drawn_volume()[1].copy()
    levels[3, 4, 5] += 1
    other = opened(pack_volume(scene(levels=levels)))[0]
    assert other["map"] != one["map"]
    title = opened(pack_volume(scene(title="b")))[0]
    assert title["map"] == one["map"]
    assert title["token"] != one["token"]


def test_a_large_volume_is_thinned_and_its_counts_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "SHOWN_VOXELS", 10_000)
    header, blobs = opened(pack_volume(scene(spacing_mm=(3, 1, 1))))
    levels = drawn_volume()[1]
    steps = tuple(header["steps"])
    assert max(steps) > 1
    shown = levels[:: steps[0], :: steps[1], :: steps[2]]
    assert shown.size <= 10_000
    np.testing.assert_array_equal(
        np.frombuffer(blobs["levels"], "<u2").reshape(header["shape"]), shown
    )
    assert header["spacing_mm"] == [3 * steps[0], steps[1], steps[2]]
    assert len(blobs["sizes2"]) == WIDTH * 1001 * 4
    assert np.frombuffer(blobs["sizes0"], "<u4").sum() == levels.size


def test_a_brain_of_brats_is_shown_whole() -> None:
    assert thinning((155, 240, 240)) == (1, 1, 1)
    assert thinning((400, 512, 512)) == (2, 2, 2)


def test_every_level_counts() -> None:
    levels = np.arange(1001, dtype=np.uint16).reshape(7, 11, 13)
    for axis in range(3):
        np.testing.assert_array_equal(sizes_along(levels, axis).sum(axis=0), np.ones(1001))


@pytest.mark.parametrize("plane", PLANES)
def test_planes_lie_as_the_slices_of_the_file_do(plane: str) -> None:
    """Extracted by axes and flips, every plane equals what ``to_slices`` makes of the file."""
    file = np.arange(4 * 5 * 6).reshape(4, 5, 6)
    orientation = "RAS"
    slices = to_slices(file, orientation, plane=plane)
    for document in plane_documents(plane, lettered=True):
        turned = slices.transpose(document["axes"])
        flips = tuple(slice(None, None, -1 if flip else 1) for flip in document["flips"])
        expected = to_slices(file, orientation, plane=document["name"])
        np.testing.assert_array_equal(turned[flips], expected)
        assert (
            document["sides"]
            == {"axial": "RLAP", "coronal": "RLSI", "sagittal": "APSI"}[document["name"]]
        )
    assert plane_documents(plane, lettered=False)[0] == {
        "name": plane,
        "axes": (0, 1, 2),
        "flips": [False] * 3,
        "sides": "",
    }


@pytest.mark.parametrize(
    "values",
    [
        np.array([[[-1024, 3071], [0, 7]]], np.int16),
        np.array([[[0.25, np.nan], [np.inf, -3.5]]], np.float32),
        np.zeros((1, 2, 2), np.float32),
        np.array([[[0, 2**31], [5, 6]]], np.uint32),
    ],
)
def test_grey_codes_read_back(values: NDArray[Any]) -> None:
    codes, coding = grey_codes(values, None)
    read = codes * coding["scale"] + coding["low"]
    finite = np.isfinite(values)
    np.testing.assert_allclose(read[finite], values[finite], atol=coding["scale"] / 2 + 1e-6)
    assert (read[np.isnan(values)] == values[finite].min()).all()
    assert (read[np.isposinf(values)] == values[finite].max()).all()
    assert coding["window"][1] > 0


def test_bytes_stay_bytes() -> None:
    codes, coding = grey_codes(np.array([[[True, False]]]), Window(0, 1))
    assert codes.tolist() == [[[255, 0]]]
    assert coding["window"] is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"levels": np.zeros((2, 2), np.uint16)}, "uint16 \\(D, H, W\\)"),
        ({"levels": np.full((DEPTH, HEIGHT, WIDTH), 1001, np.uint16)}, "found 1001"),
        ({"values": np.zeros((2, 2, 2), np.uint8)}, "values must be"),
        ({"plane": "oblique"}, "plane must be one of axial"),
        ({"spacing_mm": (1, 0, 1)}, "spacing_mm must be positive"),
        ({"voxel_mm3": -1.0}, "voxel_mm3 must be positive"),
        ({"operating_point": 1001}, "0…1000"),
    ],
)
def test_what_cannot_be_shown_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        scene(**changes)


def test_the_page_of_the_viewer_runs() -> None:
    app = AppTest.from_file(str(Path(__file__).parent / "apps" / "volume_app.py"))
    app.run(timeout=60)
    assert not app.exception
    assert app.caption[0].value == "Python heard 412"


def ball(radius: float = 6) -> NDArray[np.uint16]:
    d, h, w = np.ogrid[:20, :24, :28]
    far = np.sqrt((d - 9) ** 2 + (h - 11) ** 2 + (w - 15) ** 2)
    levels: NDArray[np.uint16] = np.clip(500 + (radius - far) * 100, 0, 1000).astype(np.uint16)
    return levels


def test_the_surface_of_a_ball_has_its_size_and_place() -> None:
    found = surface_of(ball(), 500, spacing_mm=(2.0, 1.0, 0.5), plane="axial")
    assert found is not None
    low, high = found.points_mm.min(axis=0), found.points_mm.max(axis=0)
    np.testing.assert_allclose((low + high) / 2, [7.5, 11, 18], atol=0.1)
    np.testing.assert_allclose(high - low, [6, 12, 24], atol=0.2)
    assert surface_figure(found).data[0].i.size == len(found.faces)


def test_the_surface_stays_in_the_patient_whatever_the_plane() -> None:
    axial = ball()
    expected = surface_of(axial, 500, spacing_mm=(2.0, 1.0, 0.5), plane="axial")
    file = from_slices(axial, "LPS", plane="axial")
    sagittal = to_slices(file, "LPS", plane="sagittal")
    found = surface_of(sagittal, 500, spacing_mm=(0.5, 2.0, 1.0), plane="sagittal")
    assert expected is not None
    assert found is not None
    for one, other in zip(found.points_mm.min(axis=0), expected.points_mm.min(axis=0), strict=True):
        assert one == pytest.approx(other, abs=1e-4)
    for one, other in zip(found.points_mm.max(axis=0), expected.points_mm.max(axis=0), strict=True):
        assert one == pytest.approx(other, abs=1e-4)


def test_a_large_surface_is_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.predict.surface.MOST_FACES", 300)
    found = surface_of(ball(), 500, spacing_mm=(1, 1, 1), plane="axial")
    assert found is not None
    assert found.step > 1
    assert len(found.faces) <= 300
    middle = (found.points_mm.min(axis=0) + found.points_mm.max(axis=0)) / 2
    np.testing.assert_allclose(middle, [15, 11, 9], atol=1)


def test_no_voxels_no_surface_and_all_voxels_a_box() -> None:
    levels = np.full((4, 5, 6), 300, np.uint16)
    assert surface_of(levels, 301, spacing_mm=(1, 1, 1), plane="axial") is None
    box = surface_of(levels, 0, spacing_mm=(1, 1, 1), plane="axial")
    assert box is not None
    assert (box.points_mm.max(axis=0) >= [5, 4, 3]).all()
