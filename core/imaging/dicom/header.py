"""The part of a DICOM header that images need, and nothing of the person.

``Header`` holds numbers and codes of closed lists; the two identifiers in it serve to tell series
apart, are shown nowhere and leave with it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.errors import InputError
from core.imaging.dicom.tags import (
    PIXELS,
    code_of,
    first_item,
    groups_of,
    numbers_of,
    text_of,
    value_of,
    whole_of,
)
from core.imaging.facts import MODALITIES
from core.imaging.opening import check_pixels, current_caps
from core.imaging.planes import sides_of_directions, sides_towards
from core.imaging.window import Window

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

ORIENTATION_TOLERANCE = 1e-3
"""Of the parts of a direction: 0.06 degrees, more than scanners round by."""
SPACING_TOLERANCE = 1e-3
"""Of a spacing, thickness or echo time, as a fraction of it."""
DAMAGED = "the DICOM data are damaged or cut short; export or download the file again"
PHOTOMETRIC = frozenset({
    "MONOCHROME1", "MONOCHROME2", "RGB", "PALETTE COLOR",
    "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT",
})  # fmt: skip

_WITHOUT_PICTURE = {
    "SR": "a structured report",
    "PR": "a presentation state",
    "KO": "a list of key images",
    "DOC": "a document",
    "REG": "a registration",
    "RTSTRUCT": "a set of contours",
    "RTPLAN": "a treatment plan",
}
_CM = 3  # unit of an ultrasound region
_FEET_AND_HEAD = str.maketrans("FH", "IS")


@dataclass(frozen=True, kw_only=True)
class Header:
    """One DICOM file, in numbers and codes."""

    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    """Position of the highest stored bit in a sample."""
    signed: bool
    photometric: str
    """One of ``PHOTOMETRIC``."""
    encoding: str
    """Name of the transfer syntax."""
    modality: str
    """Key of ``MODALITIES`` or empty."""
    slope: float
    intercept: float
    unit: str
    window: Window | None
    stated_window: tuple[float, float] | None
    """Center and width of ``window`` in the words of the file."""
    spacing_mm: tuple[float, float] | None
    """Between rows, between columns."""
    detector_spacing: bool
    """A spacing is stated, but of the detector and not of the patient."""
    orientation: tuple[float, ...]
    """Direction of rows and of columns (left, posterior, superior); empty where not stated."""
    sides: str
    """As ``Image.sides``."""
    positions: tuple[tuple[float, ...], ...]
    """Of the first pixel of each frame that states one."""
    frames_alike: bool
    """All frames have one orientation and one spacing, so that they can be slices of a volume."""
    mosaic: bool
    """Several slices are tiled in one image, as Siemens scanners store functional MR."""
    depth_mm: float
    """Distance between slices or thickness of one; 0 where not stated."""
    burned_in: bool
    real: bool
    """Pixels are floating-point numbers."""
    table: bool
    """A table, rather than slope and intercept, gives the values."""
    series: str = field(repr=False)
    instance: str = field(repr=False)
    kind: tuple[object, ...] = field(repr=False)
    """What tells stacks of one series apart: image type and time."""
    measures: tuple[float, ...] = field(repr=False)
    """What tells them apart by more than rounding: echo time and thickness."""
    acquisition: int = field(repr=False)


def header_of(dataset: "Dataset", frame: int = 0) -> Header:
    """What the header says, checked.

    Args:
        dataset: See ``read_dataset``.
        frame: Of a multi-frame file, whose frames may each have a scaling, window, orientation and
            spacing of their own.

    Raises:
        InputError: There is no image in it, or what it claims cannot be.
    """
    modality = code_of(dataset, "Modality", MODALITIES)
    rows, columns = (whole_of(dataset, name, 0) for name in ("Rows", "Columns"))
    if not rows or not columns:
        what = _WITHOUT_PICTURE.get(text_of(dataset, "Modality"), "a report, a plan or a directory")
        raise InputError(f"there is no image in it, it is {what}; export the images")
    frames = max(1, whole_of(dataset, "NumberOfFrames", 1))
    samples = whole_of(dataset, "SamplesPerPixel", 1)
    bits = whole_of(dataset, "BitsAllocated", 16)
    stored = whole_of(dataset, "BitsStored", bits)
    if samples not in {1, 3} or bits not in {1, 8, 16, 32, 64} or not 1 <= stored <= bits:
        raise InputError(
            f"its pixels are {samples} samples of {stored} in {bits} bits, which cannot be; "
            "export it again"
        )
    _check_claim(rows, columns, frames, samples * max(1, bits // 8))
    groups = groups_of(dataset, frame)
    slope, intercept, unit = _rescale(dataset, groups, modality)
    spacing, detector = _spacing(dataset, groups)
    orientation = _orientation(dataset, groups)
    return Header(
        rows=rows,
        columns=columns,
        frames=frames,
        samples=samples,
        bits_allocated=bits,
        bits_stored=stored,
        high_bit=whole_of(dataset, "HighBit", stored - 1),
        signed=whole_of(dataset, "PixelRepresentation", 0) == 1,
        photometric=code_of(dataset, "PhotometricInterpretation", PHOTOMETRIC) or "MONOCHROME2",
        encoding=_encoding(dataset),
        modality=modality,
        slope=slope,
        intercept=intercept,
        unit=unit,
        window=_window(dataset, groups),
        stated_window=_stated_window(dataset, groups),
        spacing_mm=spacing,
        detector_spacing=detector,
        orientation=orientation,
        sides=_sides(dataset, orientation),
        positions=_positions(dataset, frames),
        frames_alike=_alike(dataset, frames),
        mosaic="MOSAIC" in text_of(dataset, "ImageType"),
        depth_mm=_depth(dataset, groups),
        burned_in=text_of(dataset, "BurnedInAnnotation") == "YES",
        real=any(name in dataset for name in PIXELS[1:]),
        table="ModalityLUTSequence" in dataset,
        series=text_of(dataset, "SeriesInstanceUID"),
        instance=text_of(dataset, "SOPInstanceUID"),
        kind=(
            text_of(dataset, "ImageType"),
            numbers_of(dataset, "TemporalPositionIdentifier"),
            bool(numbers_of(dataset, "EchoTime", 1)),
            bool(numbers_of(dataset, "SliceThickness", 1)),
        ),
        measures=(
            *numbers_of(dataset, "EchoTime", 1),
            *numbers_of(dataset, "SliceThickness", 1),
        ),
        acquisition=whole_of(dataset, "AcquisitionNumber", 0),
    )


def _check_claim(rows: int, columns: int, frames: int, size: int) -> None:
    check_pixels(columns, rows)
    most = current_caps().volume_bytes
    if rows * columns * frames * size > most:
        raise InputError(
            f"{frames} frames of {columns} x {rows} pixels are more than the "
            f"{most >> 20:,} MB allowed; export fewer frames"
        )


def _encoding(dataset: "Dataset") -> str:
    from pydicom.uid import UID, AllTransferSyntaxes

    found = text_of(dataset.file_meta, "TransferSyntaxUID")
    if found not in AllTransferSyntaxes:
        raise InputError("it does not say how its pixels are encoded; export the file again")
    return UID(found).name


def _rescale(
    dataset: "Dataset", groups: list["Dataset"], modality: str
) -> tuple[float, float, str]:
    item = first_item(groups, "PixelValueTransformationSequence") or dataset
    slope = numbers_of(item, "RescaleSlope", 1) or numbers_of(dataset, "DoseGridScaling", 1)
    intercept = numbers_of(item, "RescaleIntercept", 1)
    unit = code_of(item, "RescaleType", {"HU", "OD", "US"})
    if not unit and modality == "CT" and intercept:
        unit = "HU"
    if modality == "RTDOSE":
        unit = "Gy"
    return (slope or (1.0,))[0] or 1.0, (intercept or (0.0,))[0], unit


def _stated_window(dataset: "Dataset", groups: list["Dataset"]) -> tuple[float, float] | None:
    item = first_item(groups, "FrameVOILUTSequence") or dataset
    center, width = numbers_of(item, "WindowCenter"), numbers_of(item, "WindowWidth")
    return (center[0], width[0]) if center and width and width[0] >= 1 else None


def _window(dataset: "Dataset", groups: list["Dataset"]) -> Window | None:
    """The first window of the file, in its values after rescaling."""
    item = first_item(groups, "FrameVOILUTSequence") or dataset
    center, width = numbers_of(item, "WindowCenter"), numbers_of(item, "WindowWidth")
    if not center or not width or width[0] < 1:
        return None
    if text_of(item, "VOILUTFunction") == "LINEAR_EXACT":
        return Window(center[0] - width[0] / 2, center[0] + width[0] / 2)
    low = center[0] - 0.5 - (width[0] - 1) / 2  # part 3, C.11.2.1.2
    return Window(low, low + max(width[0] - 1, 1))


def _spacing(
    dataset: "Dataset", groups: list["Dataset"]
) -> tuple[tuple[float, float] | None, bool]:
    """Between rows and columns, and whether only the detector's is known.

    Raises:
        InputError: It is stated and not positive.
    """
    item = first_item(groups, "PixelMeasuresSequence") or dataset
    found = numbers_of(item, "PixelSpacing", 2)
    if found and min(found) <= 0:
        raise InputError(
            f"its pixel spacing {found[0]:g} x {found[1]:g} is not positive; export it again"
        )
    if not found:
        found = _region_spacing(dataset)
    detector = not found and bool(numbers_of(dataset, "ImagerPixelSpacing", 2))
    return (found[0], found[1]) if found else None, detector


def _region_spacing(dataset: "Dataset") -> tuple[float, ...]:
    """Spacing of an ultrasound image with a single region measured in centimetres."""
    regions = value_of(dataset, "SequenceOfUltrasoundRegions") or []
    found = set()
    for region in regions:
        units = {whole_of(region, f"PhysicalUnits{axis}Direction", 0) for axis in "XY"}
        if units != {_CM}:
            return ()
        deltas = [numbers_of(region, f"PhysicalDelta{axis}", 1) for axis in "YX"]
        found.add(tuple(round(abs(delta[0]) * 10, 9) for delta in deltas if delta))
    one = found.pop() if len(found) == 1 else ()
    return one if len(one) == 2 and min(one) > 0 else ()


def _orientation(dataset: "Dataset", groups: list["Dataset"]) -> tuple[float, ...]:
    item = first_item(groups, "PlaneOrientationSequence") or dataset
    found = numbers_of(item, "ImageOrientationPatient", 6)
    if not found:
        return ()
    across, down = found[:3], found[3:]
    lengths = (math.hypot(*across), math.hypot(*down))
    angle = sum(a * b for a, b in zip(across, down, strict=True))
    if max(abs(length - 1) for length in lengths) > 0.01 or abs(angle) > 0.01:
        raise InputError("its orientation is no pair of directions; export it again")
    return found


def _sides(dataset: "Dataset", orientation: tuple[float, ...]) -> str:
    """By the directions in the patient; a radiograph has only letters, the nearest first."""
    if orientation:
        return sides_of_directions(orientation[:3], orientation[3:])
    letters = value_of(dataset, "PatientOrientation")
    if text_of(dataset, "AnatomicalOrientationType") == "QUADRUPED":
        return ""
    if not isinstance(letters, Sequence) or isinstance(letters, str) or len(letters) != 2:
        return ""
    across, down = (str(code)[:1].translate(_FEET_AND_HEAD) for code in letters)
    return sides_towards(across, down)


def _positions(dataset: "Dataset", frames: int) -> tuple[tuple[float, ...], ...]:
    """Position of every frame that states one; empty unless all do."""
    one = numbers_of(dataset, "ImagePositionPatient", 3)
    if frames == 1 and one:
        return (one,)
    offsets = numbers_of(dataset, "GridFrameOffsetVector", frames)
    orientation = numbers_of(dataset, "ImageOrientationPatient", 6)
    if one and offsets and orientation:
        normal = cross(orientation[:3], orientation[3:])
        first = offsets[0]  # 0, or the first position itself
        return tuple(
            tuple(p + n * (offset - first) for p, n in zip(one, normal, strict=True))
            for offset in offsets
        )
    items = value_of(dataset, "PerFrameFunctionalGroupsSequence") or []
    found = []
    for item in items:
        plane = first_item([item], "PlanePositionSequence")
        if plane is None or not (position := numbers_of(plane, "ImagePositionPatient", 3)):
            return ()
        found.append(position)
    return tuple(found) if len(found) == frames else ()


def _alike(dataset: "Dataset", frames: int) -> bool:
    """Whether no frame differs from the first in orientation or spacing by more than rounding."""
    items = value_of(dataset, "PerFrameFunctionalGroupsSequence") or []
    if frames == 1 or not items:
        return True
    found = []
    for number in range(min(frames, len(items))):
        groups = groups_of(dataset, number)
        plane = first_item(groups, "PlaneOrientationSequence")
        measures = first_item(groups, "PixelMeasuresSequence")
        found.append(
            (
                numbers_of(plane, "ImageOrientationPatient", 6) if plane is not None else (),
                numbers_of(measures, "PixelSpacing", 2) if measures is not None else (),
            )
        )
    first = found[0]
    return all(
        close(one[0], first[0], absolute=ORIENTATION_TOLERANCE)
        and close(one[1], first[1], relative=SPACING_TOLERANCE)
        for one in found
    )


def close(
    a: Sequence[float], b: Sequence[float], *, absolute: float = 0.0, relative: float = 0.0
) -> bool:
    """Whether two lists of numbers are as long and differ by no more than a tolerance."""
    return len(a) == len(b) and all(
        math.isclose(x, y, abs_tol=absolute, rel_tol=relative) for x, y in zip(a, b, strict=True)
    )


def _depth(dataset: "Dataset", groups: list["Dataset"]) -> float:
    item = first_item(groups, "PixelMeasuresSequence") or dataset
    for name in ("SpacingBetweenSlices", "SliceThickness"):
        if (found := numbers_of(item, name, 1)) and found[0] > 0:
            return found[0]
    return 0.0


def cross(a: Sequence[float], b: Sequence[float]) -> tuple[float, float, float]:
    """Cross product: the normal of a plane by its two directions."""
    return (
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    )
