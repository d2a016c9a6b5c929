"""Whatever NIfTI a an untrusted source uploads becomes the right voxels or one helpful sentence."""

import gzip
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.errors import InputError
from core.imaging.formats.nifti import read_geometry, read_volume
from core.imaging.planes import PLANES, along, from_slices, to_slices

nib: Any = nibabel  # its types are half there

SHAPE = (7, 6, 5)
LPS = np.diag([-1.0, -2.0, 3.0, 1.0])
RANDOM = np.random.default_rng(0)


def nifti(array: NDArray[Any], affine: NDArray[Any] = LPS, *, version: int = 1) -> bytes:
    kind: Any = nib.Nifti1Image if version == 1 else nib.Nifti2Image
    data: bytes = kind(array, affine, dtype=array.dtype).to_bytes()
    return data


def patched(data: bytes, *fields: tuple[int, str, Any]) -> bytes:
    """Header fields of a NIfTI-1 file overwritten: offset, struct format, value(s)."""
    changed = bytearray(data)
    for offset, form, value in fields:
        struct.pack_into(f"<{form}", changed, offset, *np.atleast_1d(value).tolist())
    return bytes(changed)


COUNTING = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
PLAIN = nifti(COUNTING)
DIM, TYPE, PIXDIM, OFFSET, SLOPE, INTER, UNITS, CODES = 40, 70, 76, 108, 112, 116, 123, 252


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
@pytest.mark.parametrize("packed", [False, True])
def test_voxels_are_as_stored(tmp_path: Path, dtype: str, version: int, *, packed: bool) -> None:
    array = RANDOM.integers(0, 100, SHAPE).astype(dtype)
    data = nifti(array, version=version)
    path = tmp_path / "any name at all"
    path.write_bytes(gzip.compress(data) if packed else data)
    volume = read_volume(path)
    assert np.array_equal(volume.array, array)
    assert volume.array.dtype == (np.float32 if dtype[0] == "f" else np.dtype(dtype))
    assert not volume.array.flags.writeable
    assert (volume.shape, volume.orientation, volume.spacing_mm) == (SHAPE, "LPS", (1.0, 2.0, 3.0))
    assert np.array_equal(volume.affine, LPS)
    assert volume.source.startswith(f"NIfTI-{version}, {np.dtype(dtype).itemsize * 8}-bit")
    assert read_geometry(path).source == volume.source


def test_big_endian() -> None:
    image = nib.Nifti1Image(COUNTING, LPS)
    swapped = nib.Nifti1Image(COUNTING, LPS, image.header.as_byteswapped())
    volume = read_volume(swapped.to_bytes())
    assert np.array_equal(volume.array, COUNTING)
    assert volume.array.dtype.isnative


def test_scaling_gives_float32() -> None:
    volume = read_volume(patched(PLAIN, (SLOPE, "f", 0.5), (INTER, "f", -10)))
    assert volume.array.dtype == np.float32
    assert np.array_equal(volume.array, COUNTING * 0.5 - 10)
    assert "scaled" in volume.source


@pytest.mark.parametrize("slope", [0.0, np.nan, np.inf])
def test_a_slope_of_nothing_means_unscaled(slope: float) -> None:
    volume = read_volume(patched(PLAIN, (SLOPE, "f", slope), (INTER, "f", np.nan)))
    assert np.array_equal(volume.array, COUNTING)


def test_nan_voxels_are_kept() -> None:
    array = RANDOM.normal(size=SHAPE).astype(np.float32)
    array[0, 0, 0], array[1, 1, 1] = np.nan, np.inf
    assert np.array_equal(read_volume(nifti(array)).array, array, equal_nan=True)


def test_beyond_float32_is_infinite() -> None:
    array = np.ones(SHAPE)
    array[0, 0, 0] = 1e300
    assert np.isposinf(read_volume(nifti(array)).array[0, 0, 0])


@pytest.mark.parametrize(("unit", "factor"), [(1, 1000.0), (2, 1.0), (3, 0.001), (0, 1.0)])
def test_units_become_millimetres(unit: int, factor: float) -> None:
    volume = read_volume(patched(PLAIN, (UNITS, "B", unit)))
    assert volume.spacing_mm == pytest.approx((factor, 2 * factor, 3 * factor))
    assert volume.affine[2, 2] == pytest.approx(3 * factor)


def test_several_values_per_voxel_as_asked() -> None:
    array = RANDOM.integers(0, 9, (*SHAPE, 4)).astype(np.uint8)
    volume = read_volume(nifti(array), several=True)
    assert np.array_equal(volume.array, array)
    with pytest.raises(InputError, match=r"four.nii: it holds 4 volumes \(4D\)"):
        read_volume(nifti(array), name="four.nii")


@pytest.mark.parametrize("shape", [(7, 6, 5, 1), (7, 6, 5, 1, 1)])
def test_axes_of_one_say_nothing(shape: tuple[int, ...]) -> None:
    assert read_volume(nifti(COUNTING.reshape(shape))).shape == SHAPE


def test_a_flat_picture_is_one_slice() -> None:
    assert read_volume(nifti(COUNTING[..., 0])).shape == (7, 6, 1)


def test_orientation_that_is_not_stated_is_called_assumed() -> None:
    volume = read_volume(patched(PLAIN, (CODES, "hh", [0, 0])))
    assert "(not stated, assumed)" in volume.source
    assert volume.spacing_mm == (1, 2, 3)


HUGE = patched(nifti(np.zeros((1, 1, 1), np.uint8)), (DIM, "4h", [3, 30000, 30000, 30000]))
AFFINE = 280
BAD = {
    "empty": (b"", "the file is empty"),
    "text": (b"hello, this is no volume" * 20, "not a NIfTI file"),
    "dicom": (b"\0" * 128 + b"DICM" + b"\0" * 400, "not a NIfTI file"),
    "header cut": (PLAIN[:200], "damaged or cut short"),
    "voxels cut": (PLAIN[:-1], r"claims 7 x 6 x 5 voxels, more than the file can hold"),
    "pair": (patched(PLAIN, (344, "4s", b"ni1\0")), r"\.hdr/\.img pair"),
    "analyze": (patched(PLAIN, (344, "4s", b"\0\0\0\0")), "an Analyze file"),
    "lying": (HUGE, "30000 x 30000 x 30000 voxels are more than the 2,048 MB allowed"),
    "lying, packed": (gzip.compress(HUGE), "voxels are more than the 2,048 MB allowed"),
    "lying a little": (
        gzip.compress(patched(PLAIN, (DIM, "4h", [3, 900, 900, 900]))),
        "claims 900 x 900 x 900 voxels, more than the file can hold",
    ),
    "gzip cut": (gzip.compress(PLAIN)[:-30], "damaged or cut short"),
    "gzip cut in header": (gzip.compress(PLAIN)[:40], "damaged or cut short"),
    "gzip checksum": (gzip.compress(PLAIN)[:-8] + b"\1\2\3\4\5\6\7\0", "damaged or cut short"),
    "gzip of nothing": (gzip.compress(b""), "not a NIfTI file"),
    "no axes": (patched(PLAIN, (DIM, "h", 0)), "impossible size"),
    "99 axes": (patched(PLAIN, (DIM, "h", 99)), "impossible size"),
    "negative size": (patched(PLAIN, (DIM, "4h", [3, -7, 6, 5])), "impossible size"),
    "zero size": (patched(PLAIN, (DIM, "4h", [3, 0, 6, 5])), "impossible size"),
    "five axes": (nifti(np.zeros((3, 3, 3, 2, 2), np.uint8)), "it has 5 dimensions"),
    "complex": (nifti(np.zeros(SHAPE, np.complex64)), "its voxels are complex64"),
    "colour": (patched(PLAIN, (TYPE, "h", 128)), "its voxels are RGB"),
    "colour, alpha": (patched(PLAIN, (TYPE, "h", 2304)), "its voxels are RGBA"),
    "bits": (patched(PLAIN, (TYPE, "h", 1)), "its voxels are binary|unknown"),
    "wide float": (patched(PLAIN, (TYPE, "h", 1536)), "its voxels are float128|unknown"),
    "type 0": (patched(PLAIN, (TYPE, "h", 0)), "its voxels are none"),
    "type 77": (patched(PLAIN, (TYPE, "h", 77)), r"voxel type \(code 77\) is unknown"),
    "spacing 0": (patched(PLAIN, (PIXDIM + 4, "f", 0)), "voxel spacing 0 x 2 x 3 is not positive"),
    "spacing -1": (patched(PLAIN, (PIXDIM + 8, "f", -1)), "spacing 1 x -1 x 3 is not positive"),
    "spacing nan": (patched(PLAIN, (PIXDIM + 8, "f", np.nan)), "spacing 1 x nan x 3"),
    "singular": (patched(PLAIN, (AFFINE, "12f", [0] * 12)), "affine is singular or not finite"),
    "flat": (
        patched(PLAIN, (AFFINE, "12f", [1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0])),
        "affine is singular",
    ),
    "affine nan": (patched(PLAIN, (AFFINE, "f", np.nan)), "affine is singular or not finite"),
    "affine inf": (patched(PLAIN, (AFFINE + 12, "f", np.inf)), "affine is singular or not finite"),
    "quaternion": (
        patched(PLAIN, (CODES, "hh", [1, 0]), (256, "3f", [9, 9, 9])),
        "its orientation is damaged|damaged or cut short",
    ),
    "offset nan": (patched(PLAIN, (OFFSET, "f", np.nan)), "puts the voxels at byte nan"),
    "offset far": (patched(PLAIN, (OFFSET, "f", 1e30)), r"puts the voxels at byte 1e\+30"),
    "offset -1": (patched(PLAIN, (OFFSET, "f", -352)), "puts the voxels at byte -352"),
    "intercept": (patched(PLAIN, (SLOPE, "f", 2), (INTER, "f", np.nan)), "scaling is not a number"),
    "all nan": (nifti(np.full(SHAPE, np.nan, np.float32)), "no voxel has a finite value"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_read_is_said_in_one_line(kind: str, tmp_path: Path) -> None:
    data, words = BAD[kind]
    with pytest.raises(InputError, match=words) as refused:
        read_volume(data, name="brain.nii.gz")
    assert str(refused.value).startswith("brain.nii.gz: ")
    path = tmp_path / "brain.nii"
    path.write_bytes(data)
    with pytest.raises(InputError, match=words) as refused:
        read_volume(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)


def test_a_lying_header_of_71_bytes() -> None:
    packed = gzip.compress(HUGE[:352].rstrip(b"\0"), 9)
    with pytest.raises(InputError):
        read_volume(packed)


def test_a_gzip_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(PLAIN + b"\0" * 200_000_000, 9)
    tracemalloc.start()
    volume = read_volume(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.array_equal(volume.array, COUNTING)
    assert peak < 5_000_000


def test_the_limit_is_on_memory_and_on_the_file() -> None:
    with pytest.raises(InputError, match="voxels are more than the 0 MB allowed"):
        read_volume(gzip.compress(PLAIN), max_bytes=400)
    with pytest.raises(InputError, match="are more than the 1 MB allowed; crop it"):
        read_volume(b"\0" * ((1 << 20) + 1), max_bytes=1 << 20)


@pytest.mark.parametrize("make", ["nothing", "folder", "nul"])
def test_paths_that_are_no_file(tmp_path: Path, make: str) -> None:
    path = {"nothing": tmp_path / "no.nii", "folder": tmp_path, "nul": Path("a\0b")}[make]
    words = {"nothing": "no such file", "folder": "this is a folder"}.get(make, "no such|opened")
    with pytest.raises(InputError, match=words):
        read_volume(path)


@settings(max_examples=300)
@given(at=st.integers(0, 400), junk=st.binary(min_size=1, max_size=16), packed=st.booleans())
def test_any_damage_gives_a_volume_or_an_input_error(*, at: int, junk: bytes, packed: bool) -> None:
    data = bytearray(gzip.compress(PLAIN) if packed else PLAIN)
    data[at : at + len(junk)] = junk
    try:
        volume = read_volume(bytes(data), several=True, max_bytes=1 << 24)
    except InputError:
        return
    assert volume.array.shape == volume.shape
    assert min(volume.spacing_mm) > 0


@pytest.mark.parametrize("orientation", ["LPS", "RAS", "LAS", "SRA", "PIR", "AIL"])
@pytest.mark.parametrize("plane", PLANES)
def test_slices_are_upright_and_go_back(orientation: str, plane: str) -> None:
    """A voxel's place in the patient decides where it is seen, not the order of the file."""
    # a patient 2 wide, 3 deep and 4 high, counted to the left, the back and the head
    patient = np.arange(24).reshape(2, 3, 4)
    axes = [next(n for n, pair in enumerate(("LR", "PA", "SI")) if c in pair) for c in orientation]
    stored = patient.transpose(axes)[
        tuple(slice(None, None, 1 if c in "LPS" else -1) for c in orientation)
    ]
    seen = to_slices(stored, orientation, plane=plane)
    expected = {
        "axial": patient.transpose(2, 1, 0),  # feet to head; face on top, right on the left
        "coronal": patient[:, :, ::-1].transpose(1, 2, 0),  # front to back; head on top
        "sagittal": patient[:, :, ::-1].transpose(0, 2, 1),  # right to left; face on the left
    }
    assert np.array_equal(seen, expected[plane])
    assert np.array_equal(from_slices(seen, orientation, plane=plane), stored)
    assert along(stored.shape, orientation, plane=plane) == seen.shape


def test_channels_stay_last() -> None:
    array = RANDOM.normal(size=(*SHAPE, 2))
    slices = to_slices(array, "RAS")
    assert slices.shape == (5, 6, 7, 2)
    assert np.array_equal(from_slices(slices, "RAS"), array)


@pytest.mark.realdata
def test_real_volumes_agree_with_nibabel(realdata: Path) -> None:
    for path in sorted((realdata / "brats2018").rglob("*.nii.gz")):
        volume, theirs = read_volume(path), nib.load(path)
        assert volume.shape == (240, 240, 155)
        assert (volume.orientation, volume.spacing_mm) == ("LPS", (1.0, 1.0, 1.0))
        assert np.array_equal(volume.array, np.asarray(theirs.dataobj))
