"""Reading the tags of a DICOM file that images need, and no other: nothing of the person.

What is read is decoded on demand; what cannot be understood counts as missing.
"""

import io
import math
import zlib
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

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
_PREAMBLE = 128
_META = b"\x02\0\0\0UL"
_IMPLICIT, _BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
_REPRESENTATIONS = frozenset({b"CS", b"DA", b"LO", b"OB", b"PN", b"SH", b"SQ", b"TM", b"UI", b"UL"})
_EXPLICIT = b"1.2.840.10008.1.2.1\0\0\0"


def is_dicom(head: bytes) -> bool:
    """Whether a file begins as DICOM does: with its preamble, or without it or any meta group."""
    return head[_PREAMBLE : _PREAMBLE + 4] == b"DICM" or head.startswith(_META) or _is_bare(head)


def _is_bare(head: bytes) -> bool:
    """Whether the first element is one of group 0008, as in a data set without meta group."""
    little, big = head[:2] == b"\x08\0", head[:2] == b"\0\x08"
    if not (little or big) or len(head) < 16:
        return False
    order: Literal["little", "big"] = "little" if little else "big"
    if int.from_bytes(head[2:4], order) > 0x0070:  # elements of sequences are not first
        return False
    if head[4:6] in _REPRESENTATIONS:
        return True
    return little and int.from_bytes(head[4:8], "little") <= 256  # implicit: a length


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
    from pydicom.uid import UID

    tags: list[Any] = [Tag(name) for name in _TAGS + (PIXELS if pixels else ())]
    head = stream.read(1024)
    stream.seek(0)
    if _DEFLATED in head:
        stream = _inflated(stream, head)
    bare = head[_PREAMBLE : _PREAMBLE + 4] != b"DICM"
    dataset = dcmread(stream, specific_tags=tags, stop_before_pixels=not pixels, force=bare)
    if bare and "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        explicit = _EXPLICIT.rstrip(b"\0").decode() if little else _BIG_ENDIAN
        dataset.file_meta.TransferSyntaxUID = UID(_IMPLICIT if implicit else explicit)
    return dataset


def _inflated(stream: BinaryIO, head: bytes) -> BinaryIO:
    """A deflated file as an explicit little-endian one; pydicom would inflate without a limit."""
    meta_at = _PREAMBLE + 4 if head[_PREAMBLE : _PREAMBLE + 4] == b"DICM" else 0
    length_at = meta_at + 8
    start = length_at + 4 + int.from_bytes(head[length_at : length_at + 4], "little")
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


def groups_of(dataset: "Dataset", frame: int = 0) -> list["Dataset"]:
    """Where a multi-frame file keeps what holds for one frame, then for all of them."""
    found = []
    per_frame = value_of(dataset, "PerFrameFunctionalGroupsSequence")
    if per_frame and frame < len(per_frame):
        found.append(per_frame[frame])
    shared = value_of(dataset, "SharedFunctionalGroupsSequence")
    if shared:
        found.append(shared[0])
    return found


def first_item(groups: list["Dataset"], sequence: str) -> "Dataset | None":
    """First item of a sequence of the functional groups."""
    for group in groups:
        items = value_of(group, sequence)
        if items:
            item: Dataset = items[0]
            return item
    return None
