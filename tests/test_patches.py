"""Patches of images of mixed sizes: all pixels are covered, beyond is a reflection."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data import open_dataset
from core.data.patches import cut_patch, patch_corners, patch_side
from core.data.preparation import prepare, prepare_borders


@given(height=st.integers(1, 900), width=st.integers(1, 900), tile=st.integers(16, 300))
def test_patches_cover_the_image_and_are_at_most_a_tile_apart(
    height: int, width: int, tile: int
) -> None:
    side = patch_side(tile)
    covered = np.zeros((height, width), bool)
    corners = patch_corners(height, width, tile=tile)
    for top, left in corners:
        covered[max(0, top) : top + side, max(0, left) : left + side] = True
    assert covered.all()
    for axis in (0, 1):
        starts = sorted({corner[axis] for corner in corners})
        assert all(b - a <= tile for a, b in pairwise(starts))


def test_a_small_image_lies_in_the_middle_of_its_reflection() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(1, 3, 4)
    patch = cut_patch(image, (-2, -1), side=7)
    wanted = np.pad(image, ((0, 0), (2, 2), (1, 2)), mode="reflect")
    np.testing.assert_array_equal(patch, wanted)


def test_reflection_goes_on_where_the_image_is_much_smaller() -> None:
    image = np.array([[[1, 2]]], dtype=np.uint8)
    np.testing.assert_array_equal(
        cut_patch(image, (0, -1), side=5)[0], np.tile([2, 1, 2, 1, 2], (5, 1))
    )


@pytest.mark.realdata
@pytest.mark.usefixtures("home")
def test_nuclei_at_their_own_scale(realdata: Path) -> None:
    archive = realdata / "dsb2018" / "stage1_train.zip"
    nuclei = open_dataset("dsb2018", archive)
    nuclei.samples = tuple(s for s in nuclei.samples if s.facts["size"] in ("256x256", "696x520"))[
        ::40
    ]
    prepared = prepare(nuclei, tile=256)
    samples = {sample.id: sample for sample in nuclei.samples}
    assert prepared.patches is not None
    maps = prepare_borders(nuclei, prepared)
    for identity, corner, image, mask, border in zip(
        prepared.ids, prepared.patches, prepared.images, prepared.masks, maps, strict=True
    ):
        whole, truth = nuclei.image(samples[identity]), nuclei.truth(samples[identity])
        top, left = (max(0, start) for start in corner)
        inside = (slice(top - corner[0], top - corner[0] + 100), slice(left - corner[1], None))
        seen = image[0][inside][:, : whole.shape[1] - left]
        np.testing.assert_array_equal(seen, whole[top : top + 100, left : left + seen.shape[1]])
        seen = mask[0][inside][:, : whole.shape[1] - left]
        np.testing.assert_array_equal(seen, truth[top : top + 100, left : left + seen.shape[1]])
        assert not (border[0] * mask[0]).any()
