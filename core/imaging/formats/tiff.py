"""TIFF of every number format: pages, stacks behind one page, spacing where it is truly stated.

tifffile decodes what needs no compiled code; Pillow's libtiff the rest.
"""

import math
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from core.errors import InputError
from core.imaging.decoded import Decoded
from core.imaging.formats.raster import image_array, open_pillow, two_passes, unpacked
from core.imaging.image import Pixels
from core.imaging.opening import DAMAGED, MAX_PIXELS, check_page, check_size
from core.imaging.pixels import inverted, kind_in_words, on_black, upright
from core.imaging.tiff_facts import image_pages, spacing_mm

if TYPE_CHECKING:
    import tifffile

_RAW, _DEFLATE = 1, {8, 32946}
_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE = 0, 1, 2, 3
_COMPRESSIONS = {
    **dict.fromkeys((33003, 33004, 33005, 34712), "JPEG 2000"),
    **dict.fromkeys((50002, 52546), "JPEG XL"),
    **dict.fromkeys((50001, 34927), "WebP"),
    34887: "LERC",
    22610: "JPEG XR",
    34892: "lossy JPEG (DNG)",
}
_PILLOW = {1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32946, 34925, 50000}
"""Compressions that Pillow's libtiff decodes; it writes lines to stderr of any other."""


@contextmanager
def _tiff(stream: BinaryIO) -> Iterator["tifffile.TiffFile"]:
    import tifffile  # a tenth of a second; only needed for TIFF

    with tifffile.TiffFile(stream) as tiff:
        yield tiff


def count_tiff(stream: BinaryIO) -> int:
    """Number of pages, or of planes of a stack; see ``Reader.count``."""
    with _tiff(stream) as tiff:
        return _planes(tiff)


def _planes(tiff: "tifffile.TiffFile") -> int:
    """Pages, or planes of a stack that lies behind one page (ImageJ above 4 GB, volumes)."""
    if len(tiff.pages) != 1:
        return len(image_pages(tiff))
    page, declared = _page(tiff, 0), 1
    if page.imagedepth > 1:
        return page.imagedepth
    if page.is_imagej:
        declared = int((tiff.imagej_metadata or {}).get("images", 1))
    elif page.shaped_description is not None:
        found = re.search(r"shape\"?[:=] *[\[(]([\d, ]+)", page.shaped_description)
        shape = re.findall(r"\d+", found[1]) if found else []
        declared = math.prod(int(n) for n in shape) // max(page.size, 1)
    # A page cut out of a stack may keep the stack's description: without room for a second, ignore.
    room = tiff.filehandle.size - page.dataoffsets[0] if page.is_contiguous else 0
    return declared if declared > 1 and room >= 2 * page.nbytes else 1


def _page(tiff: "tifffile.TiffFile", index: int) -> "tifffile.TiffPage":
    page: Any = tiff.pages[index]
    return page  # type: ignore[no-any-return]  # a TiffFrame only where frames are asked for


def read_tiff(stream: BinaryIO, page: int) -> Decoded:
    """Decode one page; see ``Reader.read``."""
    with _tiff(stream) as tiff:
        count = _planes(tiff)
        check_page(page, count)
        stack = len(tiff.pages) == 1 and count > 1
        pages = image_pages(tiff)
        number = 0 if stack else pages[page]
        tags = _page(tiff, number)
        _check_tiff(tags)
        if stack or _easy(tags):
            plane = _plane(tiff, tags, page, count) if stack else _by_tifffile(tiff, tags)
            pixels, words = _tiff_samples(tags, plane)
            tag = tags.tags.get(274)
            code = tag.value if tag is not None and isinstance(tag.value, int) else 1
            pixels = upright(pixels, code)
        else:
            pixels, words = _by_pillow(stream, tags, number)  # Pillow turns TIFFs upright itself
        left_out = len(tiff.pages) - len(pages)
        if left_out:
            words += f", {left_out} smaller copies, labels or masks left out"
        return Decoded(pixels, words, count, spacing_mm(tiff, number))


def _check_tiff(tags: "tifffile.TiffPage") -> None:
    """Refuse by the tags alone what cannot or should not be decoded."""
    check_size(tags.imagewidth, tags.imagelength)
    if tags.dtype is None or tags.dtype.kind not in "buif":
        found = "complex numbers" if tags.dtype is not None else "an unknown kind of number"
        raise InputError(f"its pixels are {found}; save the magnitude or one channel as TIFF")
    _check_form(tags)
    if tags.samplesperpixel > 64:
        raise InputError(f"it has {tags.samplesperpixel} channels; save one or three of them")
    tile = tags.tilewidth * tags.tilelength if tags.is_tiled else 0
    if tile * tags.samplesperpixel * tags.dtype.itemsize > 8 * MAX_PIXELS:
        raise InputError(DAMAGED.format("TIFF"))  # tiles are some thousand pixels, not millions


def _check_form(tags: "tifffile.TiffPage") -> None:
    """Name what is healthy and not read: a compression, a palette or a number of bits.

    Raises:
        InputError: It is such a form.
    """
    compression, bits = int(tags.compression), tags.bitspersample
    if compression not in _PILLOW and not _easy(tags):
        known: Any = tags.compression
        name = _COMPRESSIONS.get(compression) or getattr(known, "name", str(compression))
        raise InputError(
            f"its pixels are compressed by {name}, which cannot be read here; save it uncompressed "
            "or with LZW"
        )
    if tags.photometric == _PALETTE and bits > 8:
        raise InputError(f"its palette of {bits}-bit indices cannot be read here; save it as RGB")
    if bits not in {1, 2, 4, 8, 12, 16, 24, 32, 64}:
        raise InputError(f"its {bits}-bit samples cannot be read here; save it with 8 or 16 bits")


def _easy(tags: "tifffile.TiffPage") -> bool:
    """Whether tifffile reads this page itself, exactly and without risk.

    It knows every number format, but of the compressions only what Python itself brings.
    """
    dtype = tags.dtype
    if dtype is None or tags.bitspersample != dtype.itemsize * 8:  # 1, 4 or 12 bits: Pillow
        return False
    plain = tags.photometric in {_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB}
    deflated = tags.compression in _DEFLATE and tags.predictor in {1, 2}
    return plain and (tags.compression == _RAW or deflated)


def _by_tifffile(tiff: "tifffile.TiffFile", tags: "tifffile.TiffPage") -> Pixels:
    """Samples of a page, shape (H, W) or (H, W, S); every byte must be there."""
    size = tiff.filehandle.size
    pieces = list(zip(tags.dataoffsets, tags.databytecounts, strict=True))
    whole = len(pieces) == math.prod(tags.chunked)
    if not whole or any(at <= 0 or n <= 0 or at + n > size for at, n in pieces):
        raise InputError(DAMAGED.format("TIFF"))
    if tags.compression == _RAW and sum(n for _, n in pieces) < tags.nbytes:
        raise InputError(DAMAGED.format("TIFF"))
    if tags.compression in _DEFLATE:
        _check_deflate(tiff, tags, pieces)
    array: Pixels = np.asarray(tags.asarray(maxworkers=1))
    return np.moveaxis(array, 0, -1) if tags.axes == "SYX" else array


def _check_deflate(
    tiff: "tifffile.TiffFile", tags: "tifffile.TiffPage", pieces: list[tuple[int, int]]
) -> None:
    """Refuse strips that inflate to more than they may hold: tifffile would allocate it all."""
    import zlib

    allowed = math.prod(tags.chunks) * tags.dtype.itemsize if tags.dtype is not None else 0
    for at, n in pieces:
        tiff.filehandle.seek(at)
        if len(zlib.decompressobj().decompress(tiff.filehandle.read(n), allowed + 1)) > allowed:
            raise InputError(DAMAGED.format("TIFF"))


def _plane(tiff: "tifffile.TiffFile", tags: "tifffile.TiffPage", plane: int, count: int) -> Pixels:
    """One plane of an uncompressed stack behind a single page."""
    if not tags.is_contiguous or tags.dtype is None or tags.planarconfig != 1:
        raise InputError("it is a compressed volume; save it as a stack of uncompressed pages")
    shape = tuple(n for axis, n in zip(tags.axes, tags.shape, strict=True) if axis != "Z")
    start, nbytes = tags.dataoffsets[0], math.prod(shape) * tags.dtype.itemsize
    if start <= 0 or start + count * nbytes > tiff.filehandle.size:
        raise InputError(DAMAGED.format("TIFF"))
    tiff.filehandle.seek(start + plane * nbytes)
    dtype = tags.dtype.newbyteorder(">" if tiff.byteorder == ">" else "<")
    data = tiff.filehandle.read(nbytes)
    return np.frombuffer(data, dtype).reshape(shape).astype(tags.dtype.newbyteorder("="))


def _tiff_samples(tags: "tifffile.TiffPage", samples: Pixels) -> tuple[Pixels, str]:
    """Samples (H, W) or (H, W, S) as grey or colour, alpha composited on black."""
    colours = 3 if tags.photometric == _RGB else 1
    if samples.ndim == 2:
        samples = samples[..., None]  # (H, W, 1)
    if samples.ndim != 3 or samples.shape[2] < colours:
        raise InputError(f"its pixels have the shape {samples.shape}; save it as grey or RGB")
    pixels = samples[..., :colours] if colours == 3 else samples[..., 0]
    if tags.photometric == _MIN_IS_WHITE:
        pixels = inverted(pixels)
    words, further = kind_in_words(pixels), samples.shape[2] - colours
    # 1, premultiplied, is on black already; 0 says nothing of opacity
    if further and 2 in tags.extrasamples[:1] and samples.dtype.kind == "u":
        pixels, further = on_black(pixels, samples[..., colours]), further - 1
        words += " with transparency"
    elif further and 1 in tags.extrasamples[:1]:
        words, further = f"{words} with transparency", further - 1
    if further:
        words += f", {further} further channel{'s'[: further > 1]} left out"
    return pixels, words


def _by_pillow(stream: BinaryIO, tags: "tifffile.TiffPage", page: int) -> tuple[Pixels, str]:
    """A page that Pillow's libtiff decodes (LZW, JPEG, fax, unusual bit depths), upright."""
    bits, dtype = tags.bitspersample, tags.dtype
    wide = dtype is not None and bits == dtype.itemsize * 8 and bits > 8
    try:
        with _pillow_tiff(stream, page) as image:
            if wide and image.mode in {"RGB", "RGBA"} and tags.planarconfig == 1:
                with _pillow_tiff(stream, page) as again:
                    high, low = ("16L", "16B") if sys.byteorder == "little" else ("16B", "16L")
                    return _tiff_samples(tags, two_passes(image, again, high=high, low=low))
            if wide:
                return _wide_grey(image, tags)
            image.load()
            pixels, words = image_array(image)
    except UnidentifiedImageError as fault:
        kind = f"{bits}-bit, {getattr(tags.compression, 'name', tags.compression)}"
        raise InputError(f"this kind of TIFF ({kind}) cannot be read; save uncompressed") from fault
    if dtype == np.int8 and pixels.dtype == np.uint8:
        pixels = pixels.view(np.int8)
        words = kind_in_words(pixels)
    return pixels, words


def _pillow_tiff(stream: BinaryIO, page: int) -> Pillow.Image:
    image = open_pillow(stream, "TIFF")
    image.seek(page)
    check_size(*image.size)
    return image


def _wide_grey(image: Pillow.Image, tags: "tifffile.TiffPage") -> tuple[Pixels, str]:
    """16- or 32-bit grey through libtiff.

    libtiff hands out native byte order whatever the file's; Pillow forgets that for signed and
    float pixels of big-endian files, so the raw mode is set here.
    """
    raw = {"u2": "I;16N", "i2": "I;16NS", "u4": "I;32N", "i4": "I;32NS", "f4": "F;32NF"}
    kind = tags.dtype.str[1:] if tags.dtype is not None else ""
    if kind not in raw or image.mode[0] != raw[kind][0]:
        raise UnidentifiedImageError(kind)
    pixels = unpacked(image, raw[kind]).astype(kind)  # int32 carries uint32's bits
    if tags.photometric == _MIN_IS_WHITE:
        pixels = inverted(pixels)
    return pixels, kind_in_words(pixels)
