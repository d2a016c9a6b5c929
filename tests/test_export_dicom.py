"""DICOM segmentations lie on their source pixel for pixel, and carry nobody's name."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from highdicom.seg import Segmentation
from numpy.typing import NDArray
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from core.errors import InputError
from core.export import Case, ModelFacts, export
from core.imaging import Volume, read_all
from core.imaging.intensities import IntensityMapping
from core.imaging.source_file import SourceFile
from core.inference.predictor import ImagePredictor
from core.predict.cases import predict_case
from core.threshold.postprocessing import PostProcessing

FACTS = ModelFacts(name="tester", marks="cells " * 20)
CANARY = "Canary"

AXES = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "flipped": ((-1, 0, 0), (0, -1, 0)),
    "mirrored": ((-1, 0, 0), (0, 1, 0)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
    "oblique": ((0.8, 0.6, 0), (-0.36, 0.48, -0.8)),
}


def series(folder: Path, kind: str, *, count: int = 5, backwards: bool = False) -> list[Path]:
    """A CT of ``count`` slices, 12 rows by 16 columns, whose files lie in no order."""
    across, down = (np.array(axis, float) for axis in AXES[kind])
    through = np.cross(across, down) * (-1 if backwards else 1)
    study, own, frame = generate_uid(), generate_uid(), generate_uid()
    paths = []
    for n in range(count):
        image = pydicom.Dataset()
        image.file_meta = pydicom.dataset.FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.SOPClassUID = pydicom.uid.CTImageStorage
        image.SOPInstanceUID = generate_uid()
        image.StudyInstanceUID, image.SeriesInstanceUID = study, own
        image.FrameOfReferenceUID = frame
        image.Modality = "CT"
        image.PatientName = f"{CANARY}^Name"
        image.PatientID = f"{CANARY}-id"
        image.PatientBirthDate = "19111111"
        image.AccessionNumber = f"{CANARY}-ac"
        image.StudyDate, image.StudyTime = "19121212", "121212"
        image.StudyDescription = f"{CANARY} study"
        image.ReferringPhysicianName = f"{CANARY}^Doctor"
        image.InstitutionName = f"{CANARY} hospital"
        image.PositionReferenceIndicator = f"{CANARY} mark"
        image.InstanceNumber = n + 1
        image.Rows, image.Columns = 12, 16
        image.PixelSpacing = [0.75, 0.5]
        image.SliceThickness = 2.5
        image.ImageOrientationPatient = [*across, *down]
        image.ImagePositionPatient = [*(np.array([10.0, -20.0, 30.0]) + through * 2.5 * n)]
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.BitsAllocated = image.BitsStored = 16
        image.HighBit, image.PixelRepresentation = 15, 1
        image.RescaleSlope, image.RescaleIntercept = 1, 0
        grey = np.random.default_rng(n).integers(0, 900, (12, 16), dtype=np.int16)
        image.PixelData = grey.tobytes()
        path = folder / f"{(n * 3) % 7:02d}{n}.dcm"
        image.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


class Brighter(ImagePredictor):
    """A model whose level map says which pixels are bright, so that every voxel is known."""

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


def predicted(volume: Any) -> Case:
    return predict_case(volume, Brighter(), FACTS, name="scan")  # type: ignore[arg-type]


def places(image: Any, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Patient positions of the pixels of one image that are marked."""
    rows, columns = np.nonzero(mask)
    across, down = np.reshape(np.array(image.ImageOrientationPatient, float), (2, 3))
    tall, wide = map(float, image.PixelSpacing)
    first = np.array(image.ImagePositionPatient, float)
    found: NDArray[np.float64] = (
        first + columns[:, None] * across * wide + rows[:, None] * down * tall
    )
    return found


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("kind", AXES)
def test_a_segmentation_lies_on_its_series(kind: str, backwards: bool, tmp_path: Path) -> None:
    paths = series(tmp_path, kind, backwards=backwards)
    (volume,) = read_all([tmp_path])
    assert isinstance(volume, Volume)
    case = predicted(volume)
    name, content = export("dicom-seg", case)
    assert name == "scan_seg.dcm"
    back = Segmentation.from_dataset(pydicom.dcmread(io.BytesIO(content)))
    low, high = float(volume.array.min()), float(volume.array.max())
    images = [pydicom.dcmread(path) for path in paths]
    frames = back.get_pixels_by_source_instance(
        [image.SOPInstanceUID for image in images],
        assert_missing_frames_are_empty=True,
    )[..., 0].astype(bool)
    wanted = [np.rint((i.pixel_array - low) / (high - low) * 255) > 127 for i in images]
    assert np.array_equal(frames, wanted)
    # and by position alone, which does not trust the references
    by_place = np.concatenate([places(i, w) for i, w in zip(images, wanted, strict=True)])
    found = []
    shared = back.SharedFunctionalGroupsSequence[0]
    for item, frame in zip(
        back.PerFrameFunctionalGroupsSequence, np.atleast_3d(back.pixel_array), strict=True
    ):
        plane = pydicom.Dataset()
        plane.ImagePositionPatient = item.PlanePositionSequence[0].ImagePositionPatient
        plane.ImageOrientationPatient = shared.PlaneOrientationSequence[0].ImageOrientationPatient
        plane.PixelSpacing = shared.PixelMeasuresSequence[0].PixelSpacing
        found.append(places(plane, frame > 0))
    ours = np.concatenate(found)
    assert sorted(map(tuple, np.round(ours, 3) + 0.0)) == sorted(
        map(tuple, np.round(by_place, 3) + 0.0)
    )


def test_nothing_of_the_person_is_in_it(tmp_path: Path) -> None:
    paths = series(tmp_path, "axial")
    (volume,) = read_all([tmp_path])
    content = export("dicom-seg", predicted(volume))[1]
    assert CANARY.encode() not in content
    assert b"19111111" not in content
    assert b"19121212" not in content
    back, source = pydicom.dcmread(io.BytesIO(content)), pydicom.dcmread(paths[0])
    assert back.StudyInstanceUID == source.StudyInstanceUID
    assert back.FrameOfReferenceUID == source.FrameOfReferenceUID
    assert str(back.PatientName) == back.PatientID == ""


def test_an_empty_mask_is_a_segmentation_of_nothing(tmp_path: Path) -> None:
    series(tmp_path, "axial")
    (volume,) = read_all([tmp_path])
    case = predicted(volume)
    empty = Case(**{**vars_of(case), "corrected": np.zeros_like(case.mask)})
    back = pydicom.dcmread(io.BytesIO(export("dicom-seg", empty)[1]))
    assert not back.pixel_array.any()


def test_a_corrected_mask_is_not_called_automatic(tmp_path: Path) -> None:
    series(tmp_path, "axial")
    (volume,) = read_all([tmp_path])
    case = predicted(volume)
    grown, elsewhere = case.mask.copy(), ~case.mask
    grown[0, 0, :] = True
    for corrected, kind in ((None, "AUTOMATIC"), (grown, "SEMIAUTOMATIC"), (elsewhere, "MANUAL")):
        changed = Case(**{**vars_of(case), "corrected": corrected})
        back = pydicom.dcmread(io.BytesIO(export("dicom-seg", changed)[1]))
        assert back.SegmentSequence[0].SegmentAlgorithmType == kind


def vars_of(case: Case) -> dict[str, Any]:
    return {name: getattr(case, name) for name in Case.__dataclass_fields__}


def test_without_dicom_there_is_nothing_to_refer_to(tmp_path: Path) -> None:
    series(tmp_path, "axial")
    (volume,) = read_all([tmp_path])
    case = Case(**{**vars_of(predicted(volume)), "sources": ()})
    with pytest.raises(InputError, match="refers to DICOM images"):
        export("dicom-seg", case)


def test_a_mask_of_other_pixels_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    series(tmp_path / "a", "axial")
    others = series(tmp_path / "b", "coronal")
    (volume,) = read_all([tmp_path / "a"])
    moved = Case(**{**vars_of(predicted(volume)), "sources": tuple(others)})
    with pytest.raises(InputError, match="does not lie on the pixels"):
        export("dicom-seg", moved)


@pytest.mark.realdata
def test_a_head_scan_with_a_tilted_gantry(realdata: Path) -> None:
    volumes = read_all([realdata / "dicom_samples" / "dcm_qa_ct_GE"])
    assert sum(len(volume.source_files) for volume in volumes) == 12  # in two thicknesses
    for volume in volumes:
        case = predicted(volume)
        back = Segmentation.from_dataset(pydicom.dcmread(io.BytesIO(export("dicom-seg", case)[1])))
        images = [pydicom.dcmread(io.BytesIO(file.read())) for file in volume.source_files]
        images.sort(key=lambda image: float(image.ImagePositionPatient[2]))
        frames = back.get_pixels_by_source_instance(
            [image.SOPInstanceUID for image in images], assert_missing_frames_are_empty=True
        )
        assert frames.sum() > 1000
        assert np.array_equal(frames[..., 0] > 0, case.mask)  # slices count from feet to head
        # the gantry is tilted by 18.5 degrees, so slices are nearer to each other than their steps
        straight = float(np.prod(case.spacing_mm or ()))
        assert case.unit_mm == pytest.approx(straight * np.cos(np.radians(18.5)), rel=1e-3)
        total = sum(component.volume_ml or 0 for component in case.components)
        assert total == pytest.approx(case.row["volume_ml"])


@pytest.mark.realdata
@pytest.mark.parametrize(
    "name", ["CT_small", "MR_small", "examples_overlay", "examples_rgb_color", "examples_palette"]
)
def test_single_pictures_of_all_kinds(realdata: Path, name: str) -> None:
    path = realdata / "dicom_samples" / "pydicom_test_files" / f"{name}.dcm"
    (image,) = read_all([path])
    case = predicted(image)
    back = pydicom.dcmread(io.BytesIO(export("dicom-seg", case)[1]))
    assert np.array_equal(np.squeeze(back.pixel_array) > 0, case.mask)
    source = SourceFile(name="x", path=path)
    assert pydicom.dcmread(io.BytesIO(source.read())).StudyInstanceUID == back.StudyInstanceUID
