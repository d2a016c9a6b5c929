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
from core.export.case import DISCLAIMER, MANUAL, Case, Source
from core.export.dicom_planes import in_source_order, shared_groups, source_planes, without_rounding
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
    without_rounding(images)
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
        parameters={
            "threshold": f"{case.threshold:.3f}",
            "post-processing": case.post_processing.words,
        },
    )
    segment = SegmentDescription(
        segment_number=1,
        segment_label=(case.model.marks or "foreground")[:64],
        segmented_property_category=codes.SCT.SpatialAndRelationalConcept,
        segmented_property_type=codes.DCM.SelectedRegion,
        algorithm_type=SegmentAlgorithmTypeValues[case.made_by],
        algorithm_identification=None if case.made_by == MANUAL else algorithm,
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
            shared_groups(kept)
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
    """The mask as stored rows and columns, one frame for each source frame, in their order."""
    slices = (case.mask if case.is_volume else case.mask[None]).astype(np.uint8)
    geometry, name = case.geometry, case.name
    planes = source_planes(images)
    if geometry is not None and planes is not None:
        voxels = from_slices(slices, geometry.orientation, plane=case.plane)
        if voxels.shape[2] == len(planes):
            return in_source_order(voxels, geometry.affine, planes, name=name)
    count = len(images) if len(images) > 1 else int(images[0].get("NumberOfFrames") or 1)
    wanted = (count, int(images[0].Rows), int(images[0].Columns))
    if slices.shape == (1, *wanted[1:]) and count > 1:
        raise InputError(
            f"{name}: this is one frame of {count} that are no volume, and a DICOM segmentation "
            "refers to all of them; take NIfTI or PNG"
        )
    if slices.shape != wanted:
        raise InputError(
            f"{name}: the mask has {slices.shape} voxels and its DICOM images {wanted}; "
            "predict on the whole series"
        )
    return slices
