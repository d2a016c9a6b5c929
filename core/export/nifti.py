"""Masks and probabilities as NIfTI, on the voxels of the source.

Where the source has a geometry, array and affine are the source's own: same axes, same order, same
position, so that both can be laid over each other by voxel index. An image becomes one slice,
upright for a viewer that shows the patient's right on the left; where its spacing is unknown the
header gives no unit. The header is made anew: nothing of the source's texts is copied; of a mask
it says whether it is as the model made it, corrected or drawn manually.
"""

import gzip
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.export.case import Case
from core.imaging.planes import from_slices
from core.levels import STEPS

_LARGEST = 32_767


def nifti_mask(case: Case) -> bytes:
    """``.nii.gz`` of 0 and 1, uint8."""
    return _nifti(case, case.mask.astype(np.uint8), slope=None)


def nifti_probability(case: Case) -> bytes:
    """``.nii.gz`` of the level map, int16 with a slope of 1/1000, so that it reads as 0…1."""
    return _nifti(case, case.levels.astype(np.int16), slope=1 / STEPS)


def _nifti(case: Case, array: NDArray[Any], *, slope: float | None) -> bytes:
    from nibabel.nifti1 import Nifti1Header  # 0.2 s; only where a NIfTI is written

    if case.geometry is not None:
        slices = array if array.ndim == 3 else array[None]
        voxels, affine = _source_axes(case, slices), case.geometry.affine
    else:
        voxels, affine = _upright(array, case)
    if max(voxels.shape) > _LARGEST:
        raise InputError(f"{case.name}: NIfTI holds {_LARGEST:,} voxels a side; take a PNG or TIFF")
    placed = case.geometry is not None or case.affine is not None
    known = placed or case.spacing_mm is not None
    header: Any = Nifti1Header(endianness="<")  # type: ignore[no-untyped-call]  # nibabel has no types
    header.set_data_shape(voxels.shape)
    header.set_data_dtype(voxels.dtype)
    header["pixdim"][1:4] = np.linalg.norm(affine[:3, :3], axis=0)
    header.set_sform(affine, code="scanner" if placed else "aligned")
    header.set_xyzt_units("mm" if known else "unknown")
    header["scl_slope"], header["scl_inter"] = slope or 1, 0
    header["descrip"] = f"Isoline {case.made_by}".encode() if slope is None else b""
    header["vox_offset"] = 352
    # the voxels are written as they are: nibabel's images would find a scaling of their own
    content = header.binaryblock + bytes(4) + voxels.astype(voxels.dtype, copy=False).tobytes("F")
    return gzip.compress(content, compresslevel=6, mtime=0)


def _source_axes(case: Case, slices: NDArray[Any]) -> NDArray[Any]:
    assert case.geometry is not None
    return from_slices(slices, case.geometry.orientation, plane=case.plane)


def _upright(array: NDArray[Any], case: Case) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Columns, rows and slices as X, Y and Z; they count towards left, posterior and superior."""
    slices = array if array.ndim == 3 else array[None]  # (D, H, W)
    if case.affine is not None:
        return slices.transpose(2, 1, 0), case.affine
    spacing_mm = case.spacing_mm or ()
    deep, tall, wide = (1.0,) * (3 - len(spacing_mm)) + spacing_mm
    # in RAS, which NIfTI counts in, left and posterior are negative
    return slices.transpose(2, 1, 0), np.diag([-wide, -tall, deep, 1.0])
