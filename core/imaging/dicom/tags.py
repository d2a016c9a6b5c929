"""Reading the tags of a DICOM file that images need, and no other: nothing of the person.

What is read is decoded on demand; what cannot be understood counts as missing.
"""

import io
import math
import zlib
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from core.errors import InputError
from core.imaging.opening import MAX_BYTES

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_TAGS = (
    "ImageType", "SOPInstanceUID", "SeriesInstanceUID", "Modality", "BurnedInAnnotation",
    "GantryDetectorTilt", "SliceThickness", "SpacingBetweenSlices", "EchoTime", "AcquisitionNumber",
    "TemporalPositionIdentifier", "ImagePositionPatient", "ImageOrientationPatient",
    "PatientOrientation", "AnatomicalOrientationType",
    "PixelSpacing", "ImagerPixelSpacing", "SequenceOfUltrasoundRegions",
    "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames",
    "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "WindowCenter", "WindowWidth", "VOILUTFunction", "RescaleIntercept", "RescaleSlope",
    "RescaleType", "ModalityLUTSequence", "GridFrameOffsetVector", "DoseGridScaling",
    "RedPaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableDescriptor", "BluePaletteColorLookupTableData",
    "SegmentedRedPaletteColorLookupTableData", "SegmentedGreenPaletteColorLookupTableData",
    "SegmentedBluePaletteColorLookupTableData", "PixelPaddingValue",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
)  # fmt: skip
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_EXPLICIT = b"1.2.840.10008.1.2.1\0\0\0"


def read_dataset(stream: BinaryIO, *, pixels: bool) -> "Dataset":
    """The listed tags of a file.

    Args:
        stream: The file from its beginning.
        pixels: Also the pixels, still encoded.

    Raises:
        InputError: The file is deflated beyond ``MAX_BYTES``.
    """
    from pydicom import dcmread  # 0.3 s; only needed for DICOM
    from pydicom.tag import Tag

    tags: list[Any] = [Tag(name) for name in _TAGS + (PIXELS if pixels else ())]
    head = stream.read(1024)
    stream.seek(0)
    if _DEFLATED in head:
        stream = _inflated(stream, head)
    return dcmread(stream, specific_tags=tags, stop_before_pixels=not pixels)


def _inflated(stream: BinaryIO, head: bytes) -> BinaryIO:
    """A deflated file as an explicit little-endian one; pydicom would inflate without a limit."""
    start = 144 + int.from_bytes(head[140:144], "little")  # where the meta information ends
    meta = stream.read(min(start, len(head))).replace(_DEFLATED, _EXPLICIT)
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    plain = inflate.decompress(stream.read(), MAX_BYTES)
    if inflate.unconsumed_tail:
        raise InputError("it unpacks to more than any image needs; export it uncompressed")
    return io.BytesIO(meta + plain)


def value_of(dataset: "Dataset", name: str) -> Any:  # noqa: ANN401 - pydicom's values are of any type
    """Value of an element; None where it is missing, empty or not to be understood."""
    try:
        return dataset.get(name)
    except Exception:  # noqa: BLE001 - converting damaged bytes raises a dozen kinds
        return None


def text_of(dataset: "Dataset", name: str) -> str:
    """A value as text; empty where it is missing."""
    value = value_of(dataset, name)
    return "" if value is None else str(value).strip()


def code_of(dataset: "Dataset", name: str, known: Container[str]) -> str:
    """A code if it is a known one; anything else may be free text."""
    found = text_of(dataset, name)
    return found if found in known else ""


def numbers_of(dataset: "Dataset", name: str, *counts: int) -> tuple[float, ...]:
    """Finite numbers of an element; empty where it is missing or is something else.

    Args:
        dataset: Where to look.
        name: Keyword of the element.
        counts: How many numbers it must have; any where none is given.
    """
    value = value_of(dataset, name)
    if value is None or value == "":
        return ()
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    try:
        found = tuple(float(one) for one in several)
    except (TypeError, ValueError):
        return ()
    fine = all(map(math.isfinite, found)) and (not counts or len(found) in counts)
    return found if fine else ()


def whole_of(dataset: "Dataset", name: str, default: int) -> int:
    """A value as a whole number."""
    found = numbers_of(dataset, name, 1)
    return int(found[0]) if found else default


def groups_of(dataset: "Dataset") -> list["Dataset"]:
    """Where a multi-frame file keeps what holds for all frames, then for the first frame."""
    found = []
    for name in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        items = value_of(dataset, name)
        if items:
            found.append(items[0])
    return found


def first_item(groups: list["Dataset"], sequence: str) -> "Dataset | None":
    """First item of a sequence of the functional groups."""
    for group in groups:
        items = value_of(group, sequence)
        if items:
            item: Dataset = items[0]
            return item
    return None
