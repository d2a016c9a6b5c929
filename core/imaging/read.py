"""Read untrusted files: a trustworthy ``Image`` or ``Volume``, or one sentence that helps.

The content decides which reader takes a file, never its name. The header is read first: what
it claims must fit the file, ``MAX_PIXELS`` and ``MAX_BYTES`` before a pixel is decoded. At most the
decoded image and one copy, or the decoded volume and one slice, are in memory beside the file.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from core.errors import InputError
from core.imaging.decoded import Decoded, Reader
from core.imaging.dicom.series import count_dicom, read_dicom
from core.imaging.dicom.tags import is_dicom
from core.imaging.formats.metaimage import count_metaimage, read_metaimage, second_file
from core.imaging.formats.nifti import count_nifti, read_nifti
from core.imaging.formats.npy import count_npy, read_npy
from core.imaging.formats.nrrd import count_nrrd, read_nrrd
from core.imaging.formats.raster import pillow_reader
from core.imaging.formats.tiff import count_tiff, read_tiff
from core.imaging.formats.voxels import not_numbers
from core.imaging.image import Image
from core.imaging.opening import (
    DAMAGED,
    EXPORT,
    as_input_error,
    check_bytes,
    check_page,
    shown_name,
    size_of,
    stream_of,
    where_of,
)
from core.imaging.source_file import SourceFile
from core.imaging.unread import refuse
from core.imaging.volume import Volume


def read_image(source: Path | bytes, *, name: str = "", page: int = 0) -> Image:
    """Read one page of an image file, or one slice of a volume in the plane of its acquisition.

    Of an animation the first frame is read. Transparency is composited on black; an EXIF or TIFF
    orientation is applied; colour whose three channels are equal becomes grey. DICOM values are
    those of the modality, such as Hounsfield units; the file's grey window goes along.

    Args:
        source: A file, or its bytes.
        name: File name to show, for bytes; a path brings its own.
        page: From 0.

    Raises:
        InputError: One sentence: what is wrong, in which file, what to do.
    """
    found = read_any(source, name=name, page=page)
    return found.image(page) if isinstance(found, Volume) else found


def read_any(
    source: Path | bytes, *, name: str = "", page: int = 0, second: BinaryIO | None = None
) -> Image | Volume:
    """Read a volume as a whole where the file is one of at least two slices, else a page.

    Args:
        source: As ``read_image``.
        name: As ``read_image``.
        page: As ``read_image``; of a volume it must be there.
        second: The file with the voxels of an .mhd; beside a path it is found.

    Raises:
        InputError: As ``read_image``.
    """
    with _open(source, name) as (stream, title, reader):
        if page < 0:
            check_page(page, 1)
        if title == "MetaImage":
            with _beside(source, stream, second) as voxels:
                found: Decoded | Volume = read_metaimage(stream, page, second=voxels)
        else:
            found = reader.read(stream, page)
        shown = shown_name(source, name)
        if isinstance(found, Volume):
            depth = len(found.slices())
            check_page(page, depth)
            volume = replace(found, name=shown, source_files=_origin(source, shown))
            return volume if depth > 1 else volume.image(0)
        return _image(found, title, page, shown, _origin(source, shown))


def page_count(source: Path | bytes, *, name: str = "") -> int:
    """Number of pages or slices ``read_image`` can be asked for; no pixels are decoded.

    Raises:
        InputError: As ``read_image``.
    """
    with _open(source, name) as (stream, _title, reader):
        return reader.count(stream)


def format_of(head: bytes) -> str:
    """Key of ``READERS`` by the first 512 bytes of a file.

    Raises:
        InputError: It is none of them; says what it is where that is known.
    """
    if not head:
        raise InputError("the file is empty (0 bytes); export or download it again")
    plain = head
    if head.startswith(b"\x1f\x8b"):
        try:
            plain = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, 512)
        except zlib.error:
            raise InputError(DAMAGED.format("gzip")) from None
        if _is_nifti(plain):
            return "NIfTI"
    else:
        for title, reader in READERS.items():
            if reader.matches(head):
                return title
    refuse(head, plain=plain if plain is not head else b"")
    raise InputError(f"not an image that can be read ({', '.join(READERS)}); {EXPORT}")


@contextmanager
def _open(source: Path | bytes, name: str) -> Iterator[tuple[BinaryIO, str, Reader]]:
    """Open, recognise, and turn whatever goes wrong inside the block into one ``InputError``."""
    where = where_of(source, name)
    with as_input_error(where), stream_of(source) as stream:
        check_bytes(size_of(stream))
        title = format_of(stream.read(512))
        stream.seek(0)
        with as_input_error("", title):  # only from here on is it known what is damaged
            yield stream, title, READERS[title]


@contextmanager
def _beside(
    source: Path | bytes, stream: BinaryIO, second: BinaryIO | None
) -> Iterator[BinaryIO | None]:
    """The second file of a MetaImage header, where it has one that can be found."""
    wanted = second_file(stream)
    stream.seek(0)
    if second is not None or not wanted or not isinstance(source, Path):
        yield second
        return
    path = source.with_name(wanted)
    if not path.is_file():
        raise InputError("its second file is not beside it; put both into one folder")
    with stream_of(path) as voxels:
        yield voxels


def _image(
    found: Decoded, title: str, page: int, shown: str, files: tuple[SourceFile, ...]
) -> Image:
    pixels, words = found.pixels, found.words
    if pixels.ndim == 3 and all(np.array_equal(pixels[..., 0], pixels[..., c]) for c in (1, 2)):
        pixels, words = np.ascontiguousarray(pixels[..., 0]), f"{words} with equal channels"
    if found.page_count > 1:
        words += f", page {page + 1} of {found.page_count}"
    bits = found.facts.bits or pixels.dtype.itemsize * 8
    return Image(
        pixels=pixels,
        name=shown,
        spacing_mm=found.spacing_mm,
        source=f"{title}, {words}",
        page_count=found.page_count,
        affine=found.affine,
        sides=found.sides,
        window=found.window,
        facts=replace(found.facts, format=title, bits=bits),
        warnings=found.warnings or not_numbers(pixels),
        source_files=files,
    )


def _origin(source: Path | bytes, shown: str) -> tuple[SourceFile, ...]:
    if isinstance(source, Path):
        return (SourceFile(name=shown, path=source),)
    return (SourceFile(name=shown, data=source),)


def _is_nifti(head: bytes) -> bool:
    start = head[:4]
    sizes = {int.from_bytes(start, "little"), int.from_bytes(start, "big")}
    return bool(sizes & {348, 540}) and len(head) >= 8


READERS: dict[str, Reader] = {
    # before TIFF, since what lies before its mark may be the head of a TIFF
    "DICOM": Reader(is_dicom, read_dicom, count_dicom),
    "PNG": Reader(lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"), pillow_reader("PNG")),
    "JPEG": Reader(lambda head: head.startswith(b"\xff\xd8\xff"), pillow_reader("JPEG")),
    "TIFF": Reader(
        lambda head: head[:4] in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}, read_tiff, count_tiff
    ),
    # "BM" alone starts many texts: the length of the second header says more
    "BMP": Reader(
        lambda head: head[:2] == b"BM" and head[15:18] == b"\0\0\0" and head[14] >= 12,
        pillow_reader("BMP"),
    ),
    "WebP": Reader(
        lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP", pillow_reader("WebP")
    ),
    "GIF": Reader(lambda head: head[:6] in {b"GIF87a", b"GIF89a"}, pillow_reader("GIF")),
    "Netpbm": Reader(
        lambda head: head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace(),
        pillow_reader("PPM"),
    ),
    "NIfTI": Reader(_is_nifti, read_nifti, count_nifti),
    "NRRD": Reader(lambda head: head.startswith(b"NRRD000"), read_nrrd, count_nrrd),
    "MetaImage": Reader(
        lambda head: b"NDims" in head and head.lstrip()[:1].isalpha(),
        read_metaimage,
        count_metaimage,
    ),
    "NumPy": Reader(lambda head: head.startswith(b"\x93NUMPY"), read_npy, count_npy),
}
"""Format name → reader; a further format is one more line."""
