"""Letters at the edges of an image: what of the patient lies where, checked by positions."""

import io
from typing import Any

import nibabel
import numpy as np
import pytest

from core.imaging import Image, Volume, read_any
from core.imaging.planes import PLANES, sides_of_directions
from tests.uploads import ct

nib: Any = nibabel  # its types are half there
TOWARDS = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
"""Letter → axis and direction of a position in RAS."""


def nifti(affine: np.ndarray[Any, Any] | None, shape: tuple[int, int, int] = (4, 5, 6)) -> bytes:
    image = nib.Nifti1Image(np.zeros(shape, np.int16), affine if affine is not None else np.eye(4))
    if affine is None:
        image.set_sform(None, 0)
        image.set_qform(None, 0)
    return bytes(image.to_bytes())


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("orientation", ["RAS", "LPS", "SPL", "AIR", "ILA"])
def test_letters_say_where_the_voxels_lie(orientation: str, plane: str) -> None:
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    for axis, letter in enumerate(orientation):
        along, sign = TOWARDS[letter]
        affine[along, axis] = sign * (axis + 1)
    volume = read_any(nifti(affine), name="a.nii")
    assert isinstance(volume, Volume)
    where = np.moveaxis(np.indices(volume.shape), 0, -1) @ affine[:3, :3].T  # (X, Y, Z, 3)
    for_slices = [
        Volume(**{**vars(volume), "array": where[..., n]}).slices(plane)[0] for n in range(3)
    ]
    left, right, top, bottom = list(volume.image(0, plane).sides)
    middle_row, middle_column = (size // 2 for size in for_slices[0].shape)
    for letter, edge, other in (
        (left, (middle_row, 0), (middle_row, -1)),
        (right, (middle_row, -1), (middle_row, 0)),
        (top, (0, middle_column), (-1, middle_column)),
        (bottom, (-1, middle_column), (0, middle_column)),
    ):
        axis, sign = TOWARDS[letter]
        assert sign * (for_slices[axis][edge] - for_slices[axis][other]) > 0


def test_an_orientation_that_is_not_stated_has_no_letters() -> None:
    unstated = read_any(nifti(None), name="a.nii")
    assert isinstance(unstated, Volume)
    assert not unstated.orientation_known
    assert not unstated.image(0).sides
    stream = io.BytesIO()
    np.save(stream, np.zeros((3, 4, 5), np.int16))
    stack = read_any(stream.getvalue(), name="a.npy")
    assert isinstance(stack, Volume)
    assert not stack.image(0).sides


@pytest.mark.parametrize(
    ("directions", "letters"),
    [
        ((1, 0, 0, 0, 1, 0), "RLAP"),
        ((-1, 0, 0, 0, 1, 0), "LRAP"),
        ((1, 0, 0, 0, 0, -1), "RLSI"),
        ((0, 1, 0, 0, 0, -1), "APSI"),
        ((0.96, 0.28, 0, -0.28, 0.96, 0), "RLAP"),
    ],
)
def test_a_dicom_slice_is_lettered_by_its_directions(
    directions: tuple[float, ...], letters: str
) -> None:
    image = read_any(ct(orientation=directions), name="a.dcm")
    assert isinstance(image, Image)
    assert image.sides == letters


@pytest.mark.parametrize(
    ("stated", "letters"),
    [
        (["L", "F"], "RLSI"),
        (["P", "FL"], "APSI"),
        (["AL", "HR"], "PAIS"),
        (["L", "R"], ""),
        (["", ""], ""),
        (["L"], ""),
        (["LE", "X"], ""),
    ],
)
def test_a_radiograph_is_lettered_by_its_words(stated: list[str], letters: str) -> None:
    plain: dict[str, Any] = {"ImageOrientationPatient": None, "ImagePositionPatient": None}
    image = read_any(ct(PatientOrientation=stated, **plain), name="a.dcm")
    assert isinstance(image, Image)
    assert image.sides == letters
    animal = ct(PatientOrientation=stated, AnatomicalOrientationType="QUADRUPED", **plain)
    read = read_any(animal, name="a.dcm")
    assert isinstance(read, Image)
    assert not read.sides


def test_a_slice_between_two_planes_has_letters_only_where_they_differ() -> None:
    aslant = np.sqrt(0.5)
    assert not sides_of_directions((aslant, 0.1, aslant), (aslant, 0.1, -aslant))
