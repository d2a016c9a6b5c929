"""Measurements that can be redone with a pencil, and against scikit-image and plain searches."""

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.distance import pdist
from skimage import measure as skimage_measure

from core.export.contours import fill, outlines
from core.export.measure import Component, components, measure, table

reference: Any = skimage_measure  # it has no types


def drawn(*rows: str) -> NDArray[np.bool_]:
    return np.array([[c == "#" for c in row] for row in rows])


def one(mask: NDArray[np.bool_], **known: object) -> Component:
    (found,) = measure(components(mask), **known)  # type: ignore[arg-type]
    return found


def blobs(seed: int, size: int, *, smooth: float = 6) -> NDArray[np.bool_]:
    noise = np.random.default_rng(seed).normal(size=(size, size))
    return np.asarray(ndimage.gaussian_filter(noise, smooth) > 0.3 / smooth)


def test_a_bar_is_as_long_as_its_pixels() -> None:
    found = one(drawn("......", ".####.", "......"))
    assert found.size == 4
    assert found.longest.px == 4
    assert found.longest.ends == ((1.0, 0.5), (1.0, 4.5))
    assert found.perpendicular.px == 1
    assert found.bounding_box == (1, 1, 2, 5)
    assert found.centroid == (1.0, 2.5)
    assert found.border_px == 1
    assert {found.area_mm2, found.longest.mm, found.perimeter_mm, found.border_mm} == {None}


def test_spacing_turns_pixels_into_millimetres() -> None:
    found = one(drawn("......", ".####.", "......", "......"), spacing_mm=(0.5, 2.0))
    assert found.area_mm2 == 4
    assert (found.longest.mm, found.perpendicular.mm) == (8, 0.5)
    assert found.border_mm == 0.5  # the upper edge is nearer than the one at the side
    tall = one(drawn(".#.", ".#.", ".#."), spacing_mm=(2.0, 0.5))
    assert (tall.longest.mm, tall.longest.px, tall.perpendicular.mm) == (6, 3, 0.5)
    assert tall.border_px == 0


def test_the_longest_diameter_depends_on_the_spacing() -> None:
    cross = drawn("..#..", "..#..", "#####", "..#..", "..#..")
    flat = one(cross, spacing_mm=(1.0, 3.0)).longest
    assert flat.ends == ((2.0, -0.5), (2.0, 4.5))
    assert flat.mm == 15
    upright = one(cross, spacing_mm=(3.0, 1.0)).longest
    assert upright.ends == ((-0.5, 2.0), (4.5, 2.0))


def test_mean_probability_is_of_the_component() -> None:
    levels = np.array([[1000, 500, 0], [0, 0, 0], [0, 0, 250]], np.uint16)
    found = measure(components(levels > 0), levels=levels)
    assert [component.mean_probability for component in found] == [0.75, 0.25]


def test_numbers_go_by_size_and_corners_connect() -> None:
    labels = components(drawn("#....", ".....", ".##..", "...#.", "....."))
    assert labels.tolist() == [[2, 0, 0, 0, 0], [0] * 5, [0, 1, 1, 0, 0], [0, 0, 0, 1, 0], [0] * 5]


def test_nothing_has_no_components() -> None:
    assert measure(components(np.zeros((4, 4)))) == []
    assert outlines(components(np.zeros((4, 4)))) == []


def test_shapes_that_do_not_fit_are_refused() -> None:
    labels = components(drawn("##"))
    with pytest.raises(ValueError, match="do not fit"):
        measure(labels, levels=np.zeros((2, 2), np.uint16))
    with pytest.raises(ValueError, match="2 axes and 3 spacings"):
        measure(labels, spacing_mm=(1, 1, 1))


@pytest.mark.parametrize("seed", range(3))
def test_sizes_places_and_perimeters_are_those_of_scikit_image(seed: int) -> None:
    mask = blobs(seed, 128)
    labels = components(mask)
    assert labels.max() == reference.label(mask, connectivity=2).max() > 3
    for ours, theirs in zip(measure(labels), reference.regionprops(labels), strict=True):
        assert ours.size == theirs.area
        assert ours.bounding_box == theirs.bbox
        assert ours.centroid == pytest.approx(theirs.centroid)
        alone = np.pad(theirs.image, 1)
        assert ours.perimeter_px == pytest.approx(reference.perimeter_crofton(alone, directions=4))


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0), (0.4, 1.7)])
def test_the_longest_diameter_is_that_of_a_search_over_all_pairs(
    spacing_mm: tuple[float, float],
) -> None:
    labels = components(blobs(3, 96))
    for found in measure(labels, spacing_mm=spacing_mm):
        rows, columns = np.nonzero(labels == found.number)
        moves = np.array([(0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5)])
        points = (np.stack([rows, columns], 1)[:, None] + moves).reshape(-1, 2) * spacing_mm
        hull = points[np.unique(points, axis=0, return_index=True)[1]]
        assert found.longest.mm == pytest.approx(pdist(hull).max() if len(hull) < 4000 else np.nan)
        along = np.subtract(*found.longest.ends) * spacing_mm
        across = np.subtract(*found.perpendicular.ends) * spacing_mm
        assert abs(along @ across) < 1e-9 * (along @ along)
        assert (found.perpendicular.mm or 0) <= (found.longest.mm or 0) + 1e-9


def test_a_disc_measures_as_a_disc() -> None:
    rows, columns = np.mgrid[:200, :200]
    found = one((rows - 100) ** 2 + (columns - 100) ** 2 < 60**2)
    assert found.perimeter_px == pytest.approx(2 * np.pi * 60, rel=0.02)
    assert found.longest.px == pytest.approx(120, rel=0.01)
    assert found.perpendicular.px == pytest.approx(120, rel=0.01)


def test_a_perimeter_in_millimetres_does_not_depend_on_the_grid() -> None:
    rows, columns = np.mgrid[:400, :200]
    ellipse = ((rows - 200) * 0.5) ** 2 + (columns - 100.0) ** 2 < 60**2
    found = one(ellipse, spacing_mm=(0.5, 1.0))
    assert found.perimeter_mm == pytest.approx(2 * np.pi * 60, rel=0.04)
    assert found.area_mm2 == pytest.approx(np.pi * 60**2, rel=0.01)


def test_a_volume_is_measured_in_millilitres_and_in_its_widest_slice() -> None:
    mask = np.zeros((4, 6, 12), bool)
    mask[1, 2:4, 3:6] = True
    mask[2, 2, 2:10] = True
    levels = mask.astype(np.uint16) * 600
    found = one(mask, levels=levels, spacing_mm=(5.0, 1.0, 2.0))
    assert found.size == 14
    assert found.volume_ml == pytest.approx(0.14)
    assert (found.area_mm2, found.perimeter_px) == (None, None)
    assert found.slice == 2
    assert found.longest.mm == 16
    assert found.bounding_box == (1, 2, 2, 3, 4, 10)
    assert found.mean_probability == 0.6
    assert found.border_px == 2
    assert found.border_mm == 2


def test_rows_name_their_units() -> None:
    (row,) = table(measure(components(drawn(".##"))))
    assert row["area_px"] == 2
    assert row["touches_border"] is True
    assert row["longest_ends_px"] == [[0, 0.5], [0, 2.5]]
    (deep,) = table(measure(components(drawn(".##")[None])))
    assert deep["volume_voxels"] == 2
    assert deep["volume_ml"] is None


@given(
    st.integers(1, 9).flatmap(
        lambda width: st.lists(
            st.lists(st.booleans(), min_size=width, max_size=width), min_size=1, max_size=9
        )
    )
)
def test_outlines_give_the_mask_back(pixels: list[list[bool]]) -> None:
    labels = components(np.array(pixels))
    found = outlines(labels)
    assert [outline.label for outline in found] == list(range(1, labels.max() + 1))
    assert np.array_equal(fill(found, labels.shape), labels)


def test_outlines_run_along_pixel_edges() -> None:
    (ring,) = outlines(components(drawn("###", "#.#", "###")))
    assert ring.outer.tolist() == [[0, 0], [3, 0], [3, 3], [0, 3]]
    assert sorted(ring.holes[0].tolist()) == [[1, 1], [1, 2], [2, 1], [2, 2]]


def test_five_hundred_components_take_less_than_half_a_second() -> None:
    rows, columns = np.mgrid[:1024, :1024]
    mask = ((rows % 44 - 22) ** 2 + (columns % 44 - 22) ** 2) < 15**2
    labels = components(mask)
    assert labels.max() > 500
    start = time.process_time()
    measure(labels, levels=mask.astype(np.uint16), spacing_mm=(0.5, 0.5))
    assert time.process_time() - start < 1.0  # 0.3 s alone; the tests share their cores
