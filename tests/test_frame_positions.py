"""A mask goes back by position: over frame orders, orientations, gaps and rounded positions."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from core.export import Case, ModelFacts, export
from core.imaging import Volume, read_image
from core.imaging.formats.nifti import read_volume
from core.imaging.intensities import IntensityMapping
from core.imaging.read import read_any
from core.inference.predictor import ImagePredictor
from core.predict.cases import predict_case
from core.threshold.postprocessing import PostProcessing

ROWS, COLUMNS = 18, 21
FACTS = ModelFacts(name="tester", marks="lesion")


class Bright(ImagePredictor):
    """A model that finds what is bright."""

    name = "tester"
    facts = None
    intensities = IntensityMapping()
    in_channels = 1

    class operating_point:  # noqa: N801 - stands where an instance is
        k, threshold, name, post_processing = 500, 0.5, "fixed", PostProcessing()

    @property
    def predictor(self) -> Any:
        return self

    def levels(self, image: NDArray[np.uint8], /) -> NDArray[np.uint16]:
        return np.where(image > 127, np.uint16(900), np.uint16(100))


def rotation(rng: np.random.Generator) -> NDArray[np.float64]:
    """Columns: directions of columns, rows and slices; any rotation, as DICOM keeps six digits."""
    turned, upper = np.linalg.qr(rng.normal(size=(3, 3)))
    turned = turned * np.sign(np.diag(upper))
    if np.linalg.det(turned) < 0:
        turned[:, 2] *= -1
    return np.round(turned, 6)


def group(keyword: str, **values: Any) -> Any:
    item, inner = pydicom.Dataset(), pydicom.Dataset()
    for name, value in values.items():
        setattr(inner, name, value)
    setattr(item, keyword, [inner])
    return item


def enhanced(
    frames: NDArray[np.uint16],
    positions: list[NDArray[np.float64]],
    axes: NDArray[np.float64],
    *,
    shared: bool,
    scaling: list[tuple[float, float]] | None = None,
) -> bytes:
    """An enhanced MR file whose frames lie at ``positions`` in the order given."""
    image = pydicom.Dataset()
    image.file_meta = pydicom.dataset.FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = pydicom.uid.EnhancedMRImageStorage
    image.SOPInstanceUID, image.StudyInstanceUID = generate_uid(), generate_uid()
    image.SeriesInstanceUID, image.FrameOfReferenceUID = generate_uid(), generate_uid()
    image.Modality, image.NumberOfFrames = "MR", len(frames)
    image.Rows, image.Columns, image.SamplesPerPixel = ROWS, COLUMNS, 1
    image.PhotometricInterpretation, image.PixelRepresentation = "MONOCHROME2", 0
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit = 15
    common = [
        group("PlaneOrientationSequence", ImageOrientationPatient=[*axes[:, 0], *axes[:, 1]]),
        group("PixelMeasuresSequence", PixelSpacing=[0.8, 0.6], SliceThickness=2),
    ]
    image.SharedFunctionalGroupsSequence = [pydicom.Dataset()]
    image.PerFrameFunctionalGroupsSequence = []
    for number, position in enumerate(positions):
        item = group("PlanePositionSequence", ImagePositionPatient=[*np.round(position, 6)])
        content = pydicom.Dataset()
        content.DimensionIndexValues = [1, number + 1]
        item.FrameContentSequence = [content]
        for part in [] if shared else common:
            item.update(part)
        if scaling is not None:
            slope, intercept = scaling[number]
            item.update(
                group(
                    "PixelValueTransformationSequence",
                    RescaleSlope=slope,
                    RescaleIntercept=intercept,
                    RescaleType="US",
                )
            )
        image.PerFrameFunctionalGroupsSequence.append(item)
    for part in common if shared else []:
        image.SharedFunctionalGroupsSequence[0].update(part)
    image.PixelData = frames.tobytes()
    stream = io.BytesIO()
    image.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def points(
    frames: NDArray[np.bool_], positions: Any, axes: NDArray[np.float64]
) -> set[tuple[float, ...]]:
    """Patient positions (left, posterior, superior) of the foreground, to a hundredth."""
    found = set()
    for frame, position in zip(frames, positions, strict=True):
        rows, columns = np.nonzero(frame)
        place = np.asarray(position, float) + np.outer(columns * 0.6, axes[:, 0])
        place += np.outer(rows * 0.8, axes[:, 1])
        found |= {tuple(point) for point in (np.round(place, 1) + 0.0).tolist()}
    return found


def predicted(content: bytes) -> tuple[Case, Volume]:
    volume = read_any(content, name="scan.dcm")
    assert isinstance(volume, Volume)
    return predict_case(volume, Bright(), FACTS, name="scan"), volume  # type: ignore[arg-type]


def segmented(content: bytes, axes: NDArray[np.float64]) -> set[tuple[float, ...]]:
    """Patient positions of a segmentation's foreground, by what the file itself says."""
    made = pydicom.dcmread(io.BytesIO(content))
    shared = made.SharedFunctionalGroupsSequence[0]
    stated = shared.PlaneOrientationSequence[0].ImageOrientationPatient
    assert np.allclose(stated, [*axes[:, 0], *axes[:, 1]], atol=1e-5)
    places = [
        item.PlanePositionSequence[0].ImagePositionPatient
        for item in made.PerFrameFunctionalGroupsSequence
    ]
    frames = made.pixel_array.astype(bool).reshape(-1, ROWS, COLUMNS)
    return points(frames, places, axes)


@pytest.mark.parametrize("seed", range(12))
def test_points_of_the_segmentation_are_points_of_the_mask(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(3, 8))
    axes = np.eye(3) if seed == 0 else rotation(rng)
    heights = 2.0 * np.arange(count)
    if seed % 3 == 1:
        heights[count // 2 :] += 6.0  # missing slices
    if seed % 3 == 2:
        heights = np.round(1.25 * np.arange(count), 1)
    order = rng.permutation(count)
    origin = rng.uniform(-90, 90, 3)
    positions = [origin + axes[:, 2] * heights[n] for n in order]
    frames = rng.integers(0, 1000, (count, ROWS, COLUMNS)).astype(np.uint16)
    content = enhanced(frames, positions, axes, shared=bool(seed % 2))
    case, volume = predicted(content)
    low, high = float(frames.min()), float(frames.max())
    wanted = np.rint((frames - low) / (high - low) * 255) > 127

    assert segmented(export("dicom-seg", case)[1], axes) == points(wanted, positions, axes)

    nifti = read_volume(export("nifti", case)[1], name="scan_mask.nii.gz")
    assert np.allclose(nifti.affine, volume.affine, atol=1e-4)
    by_height = np.argsort(np.argsort(heights[order]))
    for number, place in enumerate(by_height):
        assert np.array_equal(nifti.array[:, :, place].T > 0, wanted[number])
    if seed % 3 == 0:  # evenly spaced, so that one affine says where each voxel lies
        index = np.argwhere(nifti.array > 0)
        ras = index @ nifti.affine[:3, :3].T + nifti.affine[:3, 3]
        apart = ras * [-1, -1, 1] - np.array(origin)
        local = apart @ axes / [0.6, 0.8, 2.0]
        assert np.abs(local - np.rint(local)).max() < 0.01


@pytest.mark.parametrize("seed", range(4))
def test_every_frame_has_its_own_scaling(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, 200, (5, ROWS, COLUMNS)).astype(np.uint16)
    scaling = [(float(rng.integers(1, 9)) / 2, float(rng.integers(-50, 50))) for _ in frames]
    order = rng.permutation(5)
    positions = [np.array([0.0, 0.0, 3.0 * n]) for n in order]
    volume = read_any(enhanced(frames, positions, np.eye(3), shared=True, scaling=scaling))
    assert isinstance(volume, Volume)
    for frame, (slope, intercept), place in zip(frames, scaling, order, strict=True):
        assert np.allclose(volume.array[:, :, place].T, frame * slope + intercept)


def test_rounded_positions_share_out_the_extent() -> None:
    frames = np.arange(41 * ROWS * COLUMNS, dtype=np.uint16).reshape(41, ROWS, COLUMNS)
    positions = [np.array([0.0, 0.0, round(0.625 * n, 1)]) for n in range(41)]
    volume = read_any(enhanced(frames, positions, np.eye(3), shared=True))
    assert isinstance(volume, Volume)
    assert volume.spacing_mm[2] == pytest.approx(0.625)


def test_frames_of_several_planes_are_images(tmp_path: Path) -> None:
    """A localizer of three planes: each frame with its own directions and place."""
    frames = np.arange(3 * ROWS * COLUMNS, dtype=np.uint16).reshape(3, ROWS, COLUMNS)
    directions = [np.eye(3), np.eye(3)[:, [1, 2, 0]], np.eye(3)[:, [0, 2, 1]]]
    content = enhanced(frames, [np.full(3, 5.0 * n) for n in range(3)], np.eye(3), shared=False)
    image = pydicom.dcmread(io.BytesIO(content))
    for item, axes in zip(image.PerFrameFunctionalGroupsSequence, directions, strict=True):
        stated = [*axes[:, 0], *axes[:, 1]]
        item.PlaneOrientationSequence[0].ImageOrientationPatient = stated
    path = tmp_path / "localizer"
    image.save_as(path)
    for page, axes in enumerate(directions):
        found = read_image(path, page=page)
        assert found.page_count == 3
        assert np.array_equal(found.pixels, frames[page])
        assert found.affine is not None
        assert np.allclose(found.affine[:3, 0], axes[:, 0] * 0.6 * [-1, -1, 1])
        assert np.allclose(found.affine[:3, 3], np.full(3, 5.0 * page) * [-1, -1, 1])
