"""A mask as DICOM Segmentation that refers to the images it was drawn on (highdicom).

Identity: of the source only what the reference needs is read into the result, a closed list: the
UIDs of study, series, images and frame of reference, and where the pixels lie. Patient and study
fields that the standard wants present (type 2) are there and empty; dates and times are those of
the export. An archive therefore files the object by its study UID, not by a patient's name.

RTSTRUCT is not offered: its contours are points on slices, which give the mask back only nearly.
"""

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import __version__
from core.errors import InputError
from core.export.case import DISCLAIMER, Case, Source
from core.imaging.planes import from_slices

REFERENCE = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "Modality",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "DimensionOrganizationSequence",
    "DimensionIndexSequence",
    "ImageType",
    "PixelRepresentation",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
)
"""All that is taken from a source image; of functional groups only ``GROUPS``."""
GROUPS = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")
_EMPTY = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"),
    *("StudyDate", "StudyTime", "ReferringPhysicianName", "PositionReferenceIndicator"),
)


def dicom_seg(case: Case) -> bytes:
    """A binary segmentation with one segment; empty frames are left out.

    Raises:
        InputError: The case did not come from DICOM, its images lack what a reference needs, or the
            mask does not lie on their pixels.
    """
    if not case.sources:
        raise InputError(
            f"{case.name}: a DICOM segmentation refers to DICOM images, and this image came from "
            "another format; take NIfTI or PNG"
        )
    images = [_reference(source, case.name) for source in case.sources]
    frames = _frames(case, images)
    try:
        with warnings.catch_warnings():
            # what highdicom finds unusual in the source is not ours
            warnings.simplefilter("ignore")
            made = _segmentation(case, images, frames)
            stream = io.BytesIO()
            made.save_as(stream)
    except (AttributeError, ValueError, TypeError, KeyError) as fault:
        raise InputError(
            f"{case.name}: its DICOM images lack what a segmentation has to refer to "
            "(position, orientation or frame of reference); take NIfTI or PNG"
        ) from fault
    return stream.getvalue()


def _segmentation(case: Case, images: list[Any], frames: NDArray[np.uint8]) -> Any:  # noqa: ANN401 - highdicom's own class
    # 1.5 s; only where a segmentation is written
    from highdicom import UID, AlgorithmIdentificationSequence
    from highdicom.seg import (
        SegmentAlgorithmTypeValues,
        Segmentation,
        SegmentationTypeValues,
        SegmentDescription,
    )
    from pydicom.sr.codedict import codes

    algorithm = AlgorithmIdentificationSequence(
        name=f"Isoline {case.model.name}"[:64],
        family=codes.DCM.ArtificialIntelligence,
        version=(case.model.sha256 or __version__)[:64],
        parameters={"threshold": f"{case.threshold:.3f}", "clean-up": case.post_processing.words},
    )
    segment = SegmentDescription(
        segment_number=1,
        segment_label=(case.model.marks or "foreground")[:64],
        segmented_property_category=codes.SCT.SpatialAndRelationalConcept,
        segmented_property_type=codes.DCM.SelectedRegion,
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=algorithm,
    )
    return Segmentation(
        source_images=images,
        pixel_array=frames,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[segment],
        series_instance_uid=UID(),
        series_number=1,
        sop_instance_uid=UID(),
        instance_number=1,
        manufacturer="Isoline",
        manufacturer_model_name=case.model.name[:64],
        software_versions=__version__,
        device_serial_number="0",
        content_description=DISCLAIMER,
        series_description=f"Isoline {case.model.name}"[:64],
        omit_empty_frames=bool(frames.any()),
    )


def _reference(source: Path | bytes | Source, name: str) -> Any:  # noqa: ANN401 - pydicom's Dataset
    """A new data set with nothing but ``REFERENCE`` of a file, identity fields empty."""
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = source if isinstance(source, Path | bytes) else source.read()
            stream = io.BytesIO(content) if isinstance(content, bytes) else content
            whole = pydicom.dcmread(stream, stop_before_pixels=True, force=True)
            kept = pydicom.Dataset()
            for keyword in REFERENCE:
                if keyword in whole:
                    kept[keyword] = whole[keyword]
            for keyword in _EMPTY:
                setattr(kept, keyword, "")
            for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
                if groups in kept:
                    setattr(kept, groups, [_only(item, GROUPS) for item in kept[groups].value])
            meta = whole.file_meta if hasattr(whole, "file_meta") else pydicom.Dataset()
            kept.file_meta = pydicom.dataset.FileMetaDataset()
            if "TransferSyntaxUID" in meta:
                kept.file_meta.TransferSyntaxUID = meta.TransferSyntaxUID
    except Exception as fault:  # pydicom raises a dozen kinds on damaged headers
        raise InputError(
            f"{name}: the DICOM images cannot be read again; give them anew"
        ) from fault
    return kept


def _only(item: Any, keywords: tuple[str, ...]) -> Any:  # noqa: ANN401 - pydicom's Dataset
    import pydicom

    kept = pydicom.Dataset()
    for keyword in keywords:
        if keyword in item:
            kept[keyword] = item[keyword]
    return kept


def _frames(case: Case, images: list[Any]) -> NDArray[np.uint8]:
    """The mask as stored rows and columns, one frame for each source image, in their order."""
    slices = (case.mask if case.is_volume else case.mask[None]).astype(np.uint8)
    geometry, name = case.geometry, case.name
    if geometry is not None and all("ImagePositionPatient" in image for image in images):
        voxels = from_slices(slices, geometry.orientation, plane=case.plane)
        frames = np.stack([_plane(voxels, geometry.affine, image, name) for image in images])
    else:
        frames = slices
    count = len(images) if len(images) > 1 else int(images[0].get("NumberOfFrames") or 1)
    wanted = (count, int(images[0].Rows), int(images[0].Columns))
    if frames.shape != wanted:
        raise InputError(
            f"{name}: the mask has {frames.shape} voxels and its DICOM images {wanted}; "
            "predict on the whole series"
        )
    return frames


def _plane(
    voxels: NDArray[np.uint8],
    affine: NDArray[np.float64],
    image: Any,  # noqa: ANN401 - pydicom's Dataset
    name: str,
) -> NDArray[np.uint8]:
    """The voxels under the pixels of one image, found by where they lie in the patient."""
    rows, columns = int(image.Rows), int(image.Columns)
    across, down = np.reshape(np.array(image.ImageOrientationPatient, float), (2, 3))
    first = np.array(image.ImagePositionPatient, float)
    tall, wide = (float(value) for value in image.PixelSpacing)
    to_ras = np.array([-1.0, -1.0, 1.0])  # DICOM counts towards left and posterior
    corners = [first, first + down * tall * (rows - 1), first + across * wide * (columns - 1)]
    inverse = np.linalg.inv(affine)
    found = np.array([inverse[:3, :3] @ (point * to_ras) + inverse[:3, 3] for point in corners])
    index = np.rint(found).astype(int)
    if np.abs(found - index).max() > 0.05 or index.min() < 0 or (index >= voxels.shape).any():
        raise InputError(f"{name}: the mask does not lie on the pixels of its DICOM images")
    origin, bottom, right = index
    steps = [(end - origin) // max(n - 1, 1) for end, n in ((bottom, rows), (right, columns))]
    place = (
        origin[:, None, None]
        + steps[0][:, None, None] * np.arange(rows)[:, None]
        + steps[1][:, None, None] * np.arange(columns)
    )  # (3, rows, columns)
    plane: NDArray[np.uint8] = voxels[place[0], place[1], place[2]]
    return plane
