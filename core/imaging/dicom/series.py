"""DICOM: one file as an image, pages or a volume; the files of a series as a volume."""

import io
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.imaging.decoded import Decoded
from core.imaging.dicom.header import (
    ORIENTATION_TOLERANCE,
    SPACING_TOLERANCE,
    Header,
    close,
    header_of,
)
from core.imaging.dicom.pixels import decode, result_type, shown_window
from core.imaging.dicom.stacking import Stack, stack
from core.imaging.dicom.tags import read_dataset, value_of
from core.imaging.facts import MODALITIES, SourceFacts
from core.imaging.formats.voxels import not_numbers
from core.imaging.image import Pixels
from core.imaging.opening import as_input_error, check_page, current_caps, megabytes, stream_of
from core.imaging.pixels import kind_in_words
from core.imaging.source_file import SourceFile
from core.imaging.volume import Volume, axes_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

NO_PICTURES = {"SEG": "a segmentation", "RTDOSE": "a radiotherapy dose"}
"""Modality → what the file holds that only looks like an image."""
_HEADER, _PIXEL_DATA = 1 << 18, b"\xe0\x7f\x10\x00"


@dataclass(frozen=True, kw_only=True)
class Series:
    """Files that make one volume or, where they are not slices, one image each."""

    headers: tuple[Header, ...]
    files: tuple[SourceFile, ...]
    copies: int = 0
    """Files left out because they hold a slice again."""
    stacks: int = 1
    """Stacks that the series falls into; this is one of them."""

    @property
    def words(self) -> str:
        """What it is: ``CT, 12 slices of 512 x 512``."""
        first, count = self.headers[0], len(self.files)
        slices = f"{count} slices of " if count > 1 else ""
        if count == 1 and first.frames > 1:
            slices = f"{first.frames} frames of "
        return f"{first.modality or 'DICOM'}, {slices}{first.columns} x {first.rows}"


def read_dicom(stream: BinaryIO, page: int) -> Decoded | Volume:
    """See ``Reader.read``: a volume where every frame says where it lies, else a page."""
    dataset = read_dataset(stream, pixels=True)
    header = header_of(dataset)
    if is_volume(header):
        placed = _stack(header, header.positions)
        headers = [header]
        if value_of(dataset, "PerFrameFunctionalGroupsSequence"):
            headers = [header_of(dataset, number) for number in range(header.frames)]
        return _volume(
            header,
            placed,
            lambda number: decode(dataset, headers[number % len(headers)], number),
            headers=headers,
        )
    check_page(page, header.frames)
    return _page(dataset, header_of(dataset, page), page)


def count_dicom(stream: BinaryIO) -> int:
    """Number of frames."""
    return header_of(read_dataset(stream, pixels=False)).frames


def read_header(source: SourceFile) -> Header:
    """The header of a file in a collection; of a file in a zip only its beginning is unpacked.

    Raises:
        InputError: As ``read_image``.
    """
    with as_input_error("", "DICOM"):
        if source.entry is None:
            with stream_of(source.whole) as stream:
                return header_of(read_dataset(stream, pixels=False))
        data = source.head(_HEADER)
        if len(data) == _HEADER and _PIXEL_DATA not in data:
            data = source.read()
        return header_of(read_dataset(io.BytesIO(data), pixels=False))


def sort_series(found: Sequence[tuple[SourceFile, Header]]) -> list[Series]:
    """Put files that belong together into one series each, in the order of the first of each.

    Apart stay: series, sizes, orientations, image types, echoes, times; where slices then still lie
    on one another, acquisitions.
    """
    groups: dict[tuple[object, ...], list[list[tuple[SourceFile, Header]]]] = defaultdict(list)
    in_order: list[list[tuple[SourceFile, Header]]] = []
    for number, (source, header) in enumerate(found):
        stacks_of_key = groups[_key(header, number)]
        members = next((one for one in stacks_of_key if _alike(one[0][1], header)), None)
        if members is None:
            members = []
            stacks_of_key.append(members)
            in_order.append(members)
        members.append((source, header))
    result: list[Series] = []
    for members in in_order:
        seen: set[str] = set()
        unique = []
        for source, header in members:
            if not header.instance or header.instance not in seen:
                unique.append((source, header))
                seen.add(header.instance)
        parts = [unique]
        if _overlapping(unique):
            by_acquisition: dict[int, list[tuple[SourceFile, Header]]] = defaultdict(list)
            for source, header in unique:
                by_acquisition[header.acquisition].append((source, header))
            parts = list(by_acquisition.values())
        for part in parts:
            files, headers = zip(*part, strict=True)
            copies = len(members) - len(unique) if len(parts) == 1 else 0
            result.append(Series(headers=headers, files=files, copies=copies))
    stacks = Counter(one.headers[0].series for one in result if len(one.files) > 1)
    return [replace(one, stacks=stacks[one.headers[0].series] or 1) for one in result]


def read_series(series: Series, *, name: str) -> Volume:
    """The slices of a series as one volume.

    Args:
        series: Two files or more.
        name: For display.

    Raises:
        InputError: Slices lie on one another, a file is damaged, or all are too large for memory.
    """
    placed = _stack(series.headers[0], [header.positions[0] for header in series.headers])

    def slice_of(number: int) -> Pixels:
        source, header = series.files[number], series.headers[number]
        where = f"{name}: file {number + 1} of {len(series.files)}"
        with as_input_error(where, "DICOM"), stream_of(source.direct) as stream:
            return decode(read_dataset(stream, pixels=True), header, 0)

    more = []
    if series.copies:
        more.append(f"{series.copies} files hold a slice again and were left out")
    if series.stacks > 1:
        more.append(
            f"its series falls into {series.stacks} stacks of different thickness, direction or "
            "kind; this is one of them"
        )
    return _volume(
        series.headers[0],
        placed,
        slice_of,
        headers=series.headers,
        name=name,
        more=tuple(more),
        files=tuple(series.files[n] for n in placed.order),
    )


def _key(header: Header, number: int) -> tuple[object, ...]:
    if header.frames > 1 or not _is_slice(header):
        return (number,)  # an image, or a volume, of its own
    return (header.series, header.rows, header.columns, header.kind)


def _alike(first: Header, other: Header) -> bool:
    """Whether two slices differ in direction, spacing, echo and thickness by rounding alone."""
    return (
        close(first.orientation, other.orientation, absolute=ORIENTATION_TOLERANCE)
        and close(first.spacing_mm or (), other.spacing_mm or (), relative=SPACING_TOLERANCE)
        and close(first.measures, other.measures, relative=SPACING_TOLERANCE)
    )


def _is_slice(header: Header) -> bool:
    grey = header.samples == 1 and header.photometric != "PALETTE COLOR"
    placed = header.orientation and header.positions and header.series
    return grey and bool(placed) and not header.mosaic


def _overlapping(members: Sequence[tuple[SourceFile, Header]]) -> bool:
    places = {
        tuple(round(part, 3) for part in header.positions[0])
        for _, header in members
        if header.positions
    }
    return len(members) > 1 and len(places) < len(members)


def is_volume(header: Header) -> bool:
    """Whether the frames of one file are slices, each with its place."""
    several = len({tuple(position) for position in header.positions}) == header.frames > 1
    grey = header.samples == 1 and header.photometric != "PALETTE COLOR"
    return several and grey and bool(header.orientation) and header.frames_alike


def _stack(header: Header, positions: Sequence[Sequence[float]]) -> Stack:
    spacing = header.spacing_mm or (1.0, 1.0)
    return stack(positions, header.orientation, spacing, depth_mm=header.depth_mm)


def _volume(
    header: Header,
    placed: Stack,
    slice_of: Callable[[int], Pixels],
    *,
    headers: Sequence[Header] = (),
    name: str = "",
    more: tuple[str, ...] = (),
    files: tuple[SourceFile, ...] = (),
) -> Volume:
    kind = np.result_type(*(result_type(one) for one in headers or (header,)))
    claimed = header.rows * header.columns * len(placed.order) * kind.itemsize
    most = current_caps().volume_bytes
    if claimed > most:
        raise InputError(
            f"{len(placed.order)} slices of {header.columns} x {header.rows} need "
            f"{megabytes(claimed)}, more than the {megabytes(most)} allowed; give fewer slices"
        )
    stacked: NDArray[Any] = np.empty((len(placed.order), header.rows, header.columns), kind)
    for target, number in zip(stacked, placed.order, strict=True):
        target[:] = slice_of(number)
    array = stacked.transpose(2, 1, 0)  # (X, Y, Z)
    array.setflags(write=False)
    spacing_mm, orientation = axes_of(placed.affine)
    words = f"{_words(header, stacked[0])}, {' x '.join(map(str, array.shape))} voxels"
    middle = headers[len(headers) // 2] if headers else header
    return Volume(
        shape=array.shape,
        affine=placed.affine,
        spacing_mm=spacing_mm,
        orientation=orientation,
        name=name,
        source=f"{words}, {orientation}",
        array=array,
        spacing_known=header.spacing_mm is not None,
        window=shown_window(middle),
        facts=replace(
            _facts(middle, orientation=orientation, tilt_degrees=placed.tilt_degrees),
            rescale=_rescale(headers or (header,)),
        ),
        warnings=(*placed.warnings, *_warnings(header), *more, *not_numbers(array)),
        source_files=files,
    )


def _page(dataset: "Dataset", header: Header, page: int) -> Decoded:
    pixels = decode(dataset, header, page)
    affine, orientation = None, ""
    if header.orientation and len(header.positions) == header.frames and not header.mosaic:
        affine = _stack(header, [header.positions[page]]).affine
        orientation = axes_of(affine)[1]
    return Decoded(
        pixels,
        _words(header, pixels).removeprefix("DICOM, "),
        page_count=header.frames,
        spacing_mm=header.spacing_mm,
        affine=affine,
        sides="" if header.mosaic else header.sides,
        window=shown_window(header),
        facts=_facts(header, orientation=orientation, tilt_degrees=0.0),
        warnings=(*_warnings(header), *not_numbers(pixels)),
    )


def _words(header: Header, pixels: Pixels) -> str:
    modality = MODALITIES.get(header.modality, "")
    kind = "1-bit" if pixels.dtype == np.bool_ else kind_in_words(pixels)
    return ", ".join(part for part in ("DICOM", modality, kind, header.unit) if part)


def _facts(header: Header, *, orientation: str, tilt_degrees: float) -> SourceFacts:
    return SourceFacts(
        format="DICOM",
        modality=header.modality,
        unit=header.unit,
        bits=header.bits_stored,
        photometric=header.photometric,
        compression=header.encoding,
        rescale=_rescale((header,)),
        window=shown_window(header),
        stated_window=_stated(header),
        orientation=orientation,
        tilt_degrees=round(tilt_degrees, 3),
    )


def _rescale(headers: Sequence[Header]) -> tuple[float, float] | None:
    """Slope and intercept that were applied, where they were the same for all slices."""
    found = {(header.slope, header.intercept) for header in headers}
    one = found.pop()
    return one if not found and one != (1, 0) else None


def _stated(header: Header) -> tuple[float, float] | None:
    """Center and width, where the values are shown as the file means them."""
    turned = header.photometric == "MONOCHROME1" or shown_window(header) is None
    return None if turned else header.stated_window


def _warnings(header: Header) -> list[str]:
    found = []
    if header.modality in NO_PICTURES:
        found.append(
            f"the file is {NO_PICTURES[header.modality]}, not an image: a model's answer on it "
            "means nothing; give the series that it belongs to"
        )
    if header.mosaic:
        found.append(
            "several slices are tiled in this one image (Siemens mosaic), which a model sees as "
            "one image: convert the series to NIfTI to have the slices as a volume"
        )
    if header.burned_in:
        found.append(
            "text is burnt into the image, perhaps a name: look before you show or share it"
        )
    if header.detector_spacing:
        found.append(
            "only the spacing on the detector is stated, not in the patient: sizes are in pixels"
        )
    return found
