"""Outlines in small images: once around each class, thin where two classes meet."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data import Sample
from core.errors import InputError
from dashboard.common.thumbnails import SIDE, TRUTH, overlay_image, thumbnail_png
from tests.shapes import Shapes


def test_an_outline_lies_in_the_foreground_and_is_one_pixel_wide() -> None:
    picture, mask = np.zeros((12, 12), np.uint8), np.zeros((12, 12), bool)
    mask[3:9, 3:9] = True
    drawn = (overlay_image(picture, mask) == TRUTH).all(axis=2)
    assert drawn.sum() == 20
    assert not (drawn & ~mask).any()


def test_classes_are_told_apart() -> None:
    """A dark core in a bright square: its border is drawn, once."""
    shapes = Shapes.open(None)
    labels = shapes.truth(shapes.samples[0])
    small = np.array(Image.open(io.BytesIO(thumbnail_png(shapes, shapes.samples[0]))))
    assert small.shape == (SIDE, SIDE, 3)
    drawn = (small == TRUTH).all(axis=2)
    wide = np.asarray(Image.fromarray(labels).resize((SIDE, SIDE), Image.Resampling.NEAREST))
    for value, below in ((1, 0), (2, 1), (3, 0)):
        rows, columns = np.nonzero(wide == value)
        place = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        edge = np.zeros_like(drawn)
        edge[place] = True
        edge[rows.min() + 1 : rows.max(), columns.min() + 1 : columns.max()] = False
        assert drawn[edge].all(), f"class {value} against {below}"
    assert not drawn[wide == 0].any()


def test_a_file_that_cannot_be_read_is_a_grey_field() -> None:
    class Broken(Shapes):
        def image(self, sample: Sample) -> NDArray[np.uint8]:
            raise InputError(f"{sample.id}: damaged")

    broken = Broken.open(None)
    small = np.array(Image.open(io.BytesIO(thumbnail_png(broken, broken.samples[0]))))
    assert np.unique(small).tolist() == [90]
