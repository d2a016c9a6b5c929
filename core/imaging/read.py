"""Read a picture that a stranger uploads: a trustworthy ``Image``, or one sentence that helps.

The content decides which reader takes a file, never its name. The header is looked at first: a size
beyond ``MAX_PIXELS`` is refused before a pixel is decoded. What the libraries raise or warn about
ends here.
"""

import io
import math
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from core.errors import InputError
from core.imaging.image import Image, Pixels, clean_name

if TYPE_CHECKING:
    import tifffile

MAX_PIXELS = 100_000_000
MIN_SIDE = 16

_EXPORT = "export it as PNG or TIFF"
_DAMAGED = "the {} data are damaged or cut short; export or download the file again"
_RAW, _DEFLATE = 1, {8, 32946}
_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB = 0, 1, 2


@dataclass(frozen=True)
class Decoded:
    """What a reader found on one page."""

    pixels: Pixels
    """Shape (H, W) or (H, W, 3), upright."""
    words: str
    """Kind of pixels, in plain words."""
    page_count: int = 1
    spacing_mm: tuple[float, float] | None = None


@dataclass(frozen=True)
class Reader:
    """How one file format is recognised and read."""

    matches: Callable[[bytes], bool]
    """Whether the first 512 bytes are of this format."""
    read: Callable[[BinaryIO, int], Decoded]
    """Decode one page; any exception means a damaged file, ``InputError`` a known reason."""
    count: Callable[[BinaryIO], int] = lambda _stream: 1
    """Number of pages, without decoding."""


def read_image(source: Path | bytes, *, name: str = "", page: int = 0) -> Image:
    """Read one page of an image file.

    Of an animation the first frame is read. Transparency is composited on black; an EXIF or TIFF
    orientation is applied; colour whose three channels are equal becomes grey.

    Args:
        source: A file, or its bytes.
        name: File name to show, for bytes; a path brings its own.
        page: From 0.

    Raises:
        InputError: One sentence: what is wrong, in which file, what to do.
    """
    with _open(source, name) as (stream, title, reader):
        if page < 0:
            raise InputError(f"there is no page {page}; pages count from 0")
        found = reader.read(stream, page)
    pixels, words = found.pixels, found.words
    if pixels.ndim == 3 and all(np.array_equal(pixels[..., 0], pixels[..., c]) for c in (1, 2)):
        pixels, words = np.ascontiguousarray(pixels[..., 0]), f"{words} with equal channels"
    if found.page_count > 1:
        words += f", page {page + 1} of {found.page_count}"
    shown = name or (source.name if isinstance(source, Path) else "")
    return Image(
        pixels=pixels,
        name=clean_name(shown),
        spacing_mm=found.spacing_mm,
        source=f"{title}, {words}",
        page_count=found.page_count,
    )


def page_count(source: Path | bytes, *, name: str = "") -> int:
    """Number of pages ``read_image`` can be asked for; no pixels are decoded.

    Raises:
        InputError: As ``read_image``.
    """
    with _open(source, name) as (stream, _title, reader):
        return reader.count(stream)


class _Bounded(io.BufferedReader):
    """A file whose ``read`` never asks for more bytes than there are.

    A header can claim a table of gigabytes; Python would allocate the claim before reading.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            return super().read()
        here = self.tell()
        end = self.seek(0, io.SEEK_END)
        self.seek(here)
        return super().read(min(size, max(end - here, 0)))


class _Quiet:
    """Warnings are off while at least one read is under way; the last to end restores them.

    ``warnings.catch_warnings`` changes the whole process: of two reads at once the first to end
    would undo the other's.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reads = 0
        self.caught = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self.lock:
            if not self.reads:
                self.caught = warnings.catch_warnings()
                self.caught.__enter__()
                warnings.simplefilter("ignore")
            self.reads += 1

    def __exit__(self, *_fault: object) -> None:
        with self.lock:
            self.reads -= 1
            if not self.reads:
                self.caught.__exit__(None, None, None)


_QUIET = _Quiet()


@contextmanager
def _open(source: Path | bytes, name: str) -> Iterator[tuple[BinaryIO, str, Reader]]:
    """Open, recognise, and turn whatever goes wrong inside the block into one ``InputError``."""
    where = clean_name(name) if name or isinstance(source, bytes) else str(source)
    where = "".join(c if c.isprintable() else "?" for c in where)
    title = "image"
    try:
        with _QUIET, _stream(source) as stream:
            title, reader = _recognise(stream.read(512))
            stream.seek(0)
            yield stream, title, reader
    except InputError as fault:
        raise InputError(f"{where}: {fault}") from fault.__cause__
    except MemoryError as fault:
        raise InputError(f"{where}: too large for this machine's memory; crop it") from fault
    except Exception as fault:  # the libraries raise a dozen kinds on damaged files
        raise InputError(f"{where}: {_DAMAGED.format(title)}") from fault


def _stream(source: Path | bytes) -> BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    try:
        folder, other = source.is_dir(), source.exists() and not source.is_file()
        if not folder and not other:  # opening a pipe would wait for ever
            return _Bounded(io.FileIO(source))
    except FileNotFoundError:
        raise InputError("no such file; check the path") from None
    except (OSError, ValueError) as fault:  # ValueError: a NUL in the path
        reason = getattr(fault, "strerror", None) or fault
        raise InputError(f"cannot be opened ({reason}); check the path and access") from fault
    if folder:
        raise InputError("this is a folder; give an image file in it")
    raise InputError("not a regular file; give an image file")


def _recognise(head: bytes) -> tuple[str, Reader]:
    if not head:
        raise InputError("the file is empty (0 bytes); export or download it again")
    for title, reader in READERS.items():
        if reader.matches(head):
            return title, reader
    for what, (offset, magic) in NOT_READ.items():
        if head[offset:].startswith(magic):
            raise InputError(f"this is {what}, which cannot be read here; {_EXPORT}")
    raise InputError(f"not an image that can be read ({', '.join(READERS)}); {_EXPORT}")


def _check_size(width: int, height: int) -> None:
    """Refuse what a header claims, before anything is decoded."""
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{width} x {height} pixels are more than the {MAX_PIXELS // 10**6} million allowed; "
            "crop it or save it smaller"
        )
    if min(width, height) < MIN_SIDE:
        raise InputError(
            f"{width} x {height} pixels are too few; models need at least {MIN_SIDE} x {MIN_SIDE}"
        )


def _check_page(page: int, count: int) -> None:
    if page >= count:
        has = "one page" if count == 1 else f"{count} pages"
        raise InputError(f"there is no page {page}; the file has {has}, counted from 0")


# ---------------------------------------------------------------- PNG, JPEG, BMP, WebP, GIF


def _pillow_reader(title: str) -> Callable[[BinaryIO, int], Decoded]:
    def read(stream: BinaryIO, page: int) -> Decoded:
        _check_page(page, 1)
        head = stream.read(26)
        stream.seek(0)
        with _pillow(stream, title) as picture:
            orientation = 1
            if title == "PNG" and head[24] == 16 and head[25] & 0b110:
                pixels, words = _png_16bit(stream, picture, alpha_grey=head[25] == 4)
            else:
                picture.load()
                pixels, words = _picture_array(picture)
            orientation = _orientation(picture)
            if title != "JPEG" and getattr(picture, "is_animated", False):
                words += ", first frame of an animation"
        return Decoded(_upright(pixels, orientation), words)

    return read


def _pillow(stream: BinaryIO, title: str) -> Pillow.Image:
    """Open with one Pillow plugin and check the size; nothing is decoded yet."""
    stream.seek(0)
    try:
        picture = Pillow.open(stream, formats=[title])
    except Pillow.DecompressionBombError as fault:
        found = re.search(r"\d+", str(fault))
        raise InputError(
            f"{int(found[0]) if found else 0} pixels are more than the {MAX_PIXELS // 10**6} "
            "million allowed; crop it or save it smaller"
        ) from fault
    _check_size(*picture.size)
    return picture


def _picture_array(picture: Pillow.Image) -> tuple[Pixels, str]:
    """A loaded Pillow picture as pixels, shape (H, W) or (H, W, 3), and what it was."""
    mode, key = picture.mode, picture.info.get("transparency")
    if mode == "P" and key is not None:
        mode = "PA"
    if mode not in _MODES:
        raise InputError(f"its colours ({mode}) cannot be read; save it as grey or RGB")
    target, words = _MODES[mode]
    pixels = np.asarray(picture if target == picture.mode else picture.convert(target))
    if target in {"LA", "RGBA"}:
        colour = pixels[..., 0] if target == "LA" else pixels[..., :3]
        return _on_black(colour, pixels[..., -1]), words
    if mode == "1" and key is not None:
        key *= 255
    # I;16B comes in big-endian bytes
    return _keyed(pixels.astype(pixels.dtype.newbyteorder("=")), key), words


def _png_16bit(stream: BinaryIO, picture: Pillow.Image, *, alpha_grey: bool) -> tuple[Pixels, str]:
    """16-bit colour, or grey with alpha, of which Pillow keeps only the upper bytes.

    A second pass unpacks the same rows as little-endian: that gives the lower bytes.
    """
    key = picture.info.get("transparency")
    if alpha_grey:  # 4 bytes a pixel, the layout of 8-bit RGBA
        four = _unpacked(picture, "RGBA").astype(np.uint16)  # (H, W, 4)
        grey, alpha = four[..., 0] << 8 | four[..., 1], four[..., 2] << 8 | four[..., 3]
        return _on_black(grey, alpha), "16-bit grey with transparency"
    with _pillow(stream, "PNG") as again:
        pixels = _two_passes(picture, again, high="16B", low="16L")
    if pixels.shape[2] == 4:
        return _on_black(pixels[..., :3], pixels[..., 3]), "16-bit colour with transparency"
    return _keyed(pixels, key), "16-bit colour"


def _two_passes(first: Pillow.Image, second: Pillow.Image, *, high: str, low: str) -> Pixels:
    """16-bit samples from two decodings of the same picture, shape (H, W, 3 or 4)."""
    (tile,) = first.tile  # type: ignore[attr-defined]  # on every plugin's class, not their base
    chosen = tile.args[0] if isinstance(tile.args, tuple) else tile.args
    # RGBX skips a fourth sample; RGBa would divide by the opacity
    layout = "RGBX" if chosen.startswith("RGBX") else first.mode
    upper = _unpacked(first, f"{layout};{high}").astype(np.uint16)
    upper <<= 8
    upper |= _unpacked(second, f"{layout};{low}")
    return upper


def _unpacked(picture: Any, raw_mode: str) -> Pixels:  # noqa: ANN401 - tile is on no base class
    """Decode with another raw mode than the plugin chose."""
    (tile,) = picture.tile
    args = (raw_mode, *tile.args[1:]) if isinstance(tile.args, tuple) else raw_mode
    picture.tile = [tile._replace(args=args)]
    picture.load()
    return np.asarray(picture)


def _keyed(pixels: Pixels, key: object) -> Pixels:
    """Black where the pixel has the one value, or colour, declared transparent."""
    if key is None:
        return pixels
    clear = pixels == np.asarray(key)
    if pixels.ndim == 3:
        clear = clear.all(axis=2, keepdims=True)
    return np.where(clear, pixels.dtype.type(0), pixels)


def _on_black(pixels: Pixels, alpha: Pixels) -> Pixels:
    """Unsigned pixels weighted by their opacity, rounded; opaque pixels stay exactly."""
    top = int(np.iinfo(pixels.dtype).max)
    if int(alpha.min()) == top:
        return np.ascontiguousarray(pixels)
    if pixels.ndim == 3:
        alpha = alpha[..., None]
    # The product of two 16-bit values and the rounding term still fit 32 bits.
    wide = np.uint32 if pixels.dtype.itemsize <= 2 else np.float64
    weighted = pixels.astype(wide) * alpha
    weighted = (weighted + top // 2) // top
    return weighted.astype(pixels.dtype)


def _orientation(picture: Pillow.Image) -> int:
    """EXIF orientation 1…8; 1 where EXIF is missing or corrupt."""
    try:
        return int(picture.getexif().get(0x0112, 1))
    except Exception:  # noqa: BLE001 - a broken EXIF block must not cost the picture
        return 1


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo an EXIF / TIFF orientation; codes outside 1…8 mean upright."""
    if orientation in {5, 6, 7, 8}:
        pixels = pixels.swapaxes(0, 1)
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _words(pixels: Pixels) -> str:
    kind = {"f": " float", "i": " signed", "u": "", "b": ""}[pixels.dtype.kind]
    return f"{pixels.dtype.itemsize * 8}-bit{kind} {'grey' if pixels.ndim == 2 else 'colour'}"


# ---------------------------------------------------------------- TIFF


@contextmanager
def _tiff(stream: BinaryIO) -> Iterator["tifffile.TiffFile"]:
    import logging

    import tifffile  # a tenth of a second; only needed for TIFF

    logging.getLogger("tifffile").addHandler(logging.NullHandler())  # else it prints to stderr
    with tifffile.TiffFile(stream) as tiff:
        yield tiff


def _count_tiff(stream: BinaryIO) -> int:
    with _tiff(stream) as tiff:
        return _planes(tiff)


def _planes(tiff: "tifffile.TiffFile") -> int:
    """Pages, or planes of a stack that lies behind one page (ImageJ above 4 GB, volumes)."""
    count = len(tiff.pages)
    if count != 1:
        return count
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


def _read_tiff(stream: BinaryIO, page: int) -> Decoded:
    with _tiff(stream) as tiff:
        count = _planes(tiff)
        _check_page(page, count)
        stack = len(tiff.pages) == 1 and count > 1
        tags = _page(tiff, 0 if stack else page)
        _check_tiff(tags)
        if stack or _easy(tags):
            plane = _plane(tiff, tags, page, count) if stack else _by_tifffile(tiff, tags)
            pixels, words = _tiff_samples(tags, plane)
            tag = tags.tags.get(274)
            code = tag.value if tag is not None and isinstance(tag.value, int) else 1
            pixels = _upright(pixels, code)
        else:
            pixels, words = _by_pillow(stream, tags, page)  # Pillow turns TIFFs upright itself
        return Decoded(pixels, words, count, _spacing_mm(tiff, tags))


def _check_tiff(tags: "tifffile.TiffPage") -> None:
    """Refuse by the tags alone what cannot or should not be decoded."""
    _check_size(tags.imagewidth, tags.imagelength)
    if tags.dtype is None or tags.dtype.kind not in "buif":
        found = "complex numbers" if tags.dtype is not None else "an unknown kind of number"
        raise InputError(f"its pixels are {found}; save the magnitude or one channel as TIFF")
    if tags.samplesperpixel > 64:
        raise InputError(f"it has {tags.samplesperpixel} channels; save one or three of them")
    tile = tags.tilewidth * tags.tilelength if tags.is_tiled else 0
    if tile * tags.samplesperpixel * tags.dtype.itemsize > 8 * MAX_PIXELS:
        raise InputError(_DAMAGED.format("TIFF"))  # tiles are some thousand pixels, not millions


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
        raise InputError(_DAMAGED.format("TIFF"))
    if tags.compression == _RAW and sum(n for _, n in pieces) < tags.nbytes:
        raise InputError(_DAMAGED.format("TIFF"))
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
            raise InputError(_DAMAGED.format("TIFF"))


def _plane(tiff: "tifffile.TiffFile", tags: "tifffile.TiffPage", plane: int, count: int) -> Pixels:
    """One plane of an uncompressed stack behind a single page."""
    if not tags.is_contiguous or tags.dtype is None or tags.planarconfig != 1:
        raise InputError("it is a compressed volume; save it as a stack of uncompressed pages")
    shape = tuple(n for axis, n in zip(tags.axes, tags.shape, strict=True) if axis != "Z")
    start, nbytes = tags.dataoffsets[0], math.prod(shape) * tags.dtype.itemsize
    if start <= 0 or start + count * nbytes > tiff.filehandle.size:
        raise InputError(_DAMAGED.format("TIFF"))
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
        pixels = _inverted(pixels)
    words, further = _words(pixels), samples.shape[2] - colours
    # 1, premultiplied, is on black already; 0 says nothing of opacity
    if further and 2 in tags.extrasamples[:1] and samples.dtype.kind == "u":
        pixels, further = _on_black(pixels, samples[..., colours]), further - 1
        words += " with transparency"
    elif further and 1 in tags.extrasamples[:1]:
        words, further = f"{words} with transparency", further - 1
    if further:
        words += f", {further} further channel{'s'[: further > 1]} left out"
    return pixels, words


def _inverted(pixels: Pixels) -> Pixels:
    """Min-is-white values turned to min-is-black: 0 becomes the largest value of the type."""
    return -pixels if pixels.dtype.kind == "f" else np.invert(pixels)


def _by_pillow(stream: BinaryIO, tags: "tifffile.TiffPage", page: int) -> tuple[Pixels, str]:
    """A page that Pillow's libtiff decodes (LZW, JPEG, fax, odd bit depths), upright."""
    bits, dtype = tags.bitspersample, tags.dtype
    wide = dtype is not None and bits == dtype.itemsize * 8 and bits > 8
    try:
        with _pillow_tiff(stream, page) as picture:
            if wide and picture.mode in {"RGB", "RGBA"} and tags.planarconfig == 1:
                with _pillow_tiff(stream, page) as again:
                    high, low = ("16L", "16B") if sys.byteorder == "little" else ("16B", "16L")
                    return _tiff_samples(tags, _two_passes(picture, again, high=high, low=low))
            if wide:
                return _wide_grey(picture, tags)
            picture.load()
            pixels, words = _picture_array(picture)
    except UnidentifiedImageError as fault:
        kind = f"{bits}-bit, {getattr(tags.compression, 'name', tags.compression)}"
        raise InputError(f"this kind of TIFF ({kind}) cannot be read; save uncompressed") from fault
    if dtype == np.int8 and pixels.dtype == np.uint8:
        pixels = pixels.view(np.int8)
        words = _words(pixels)
    return pixels, words


def _pillow_tiff(stream: BinaryIO, page: int) -> Pillow.Image:
    picture = _pillow(stream, "TIFF")
    picture.seek(page)
    _check_size(*picture.size)
    return picture


def _wide_grey(picture: Pillow.Image, tags: "tifffile.TiffPage") -> tuple[Pixels, str]:
    """16- or 32-bit grey through libtiff.

    libtiff hands out native byte order whatever the file's; Pillow forgets that for signed and
    float pixels of big-endian files, so the raw mode is set here.
    """
    raw = {"u2": "I;16N", "i2": "I;16NS", "u4": "I;32N", "i4": "I;32NS", "f4": "F;32NF"}
    kind = tags.dtype.str[1:] if tags.dtype is not None else ""
    if kind not in raw or picture.mode[0] != raw[kind][0]:
        raise UnidentifiedImageError(kind)
    pixels = _unpacked(picture, raw[kind]).astype(kind)  # int32 carries uint32's bits
    if tags.photometric == _MIN_IS_WHITE:
        pixels = _inverted(pixels)
    return pixels, _words(pixels)


def _spacing_mm(tiff: "tifffile.TiffFile", tags: "tifffile.TiffPage") -> tuple[float, float] | None:
    """Pixel height and width where a microscope or ImageJ wrote them.

    The plain resolution tags are not trusted: they usually hold the size of a print or screen.
    """
    try:
        width = height = 0.0
        if tags.is_ome:
            found = dict(re.findall(r'\b(PhysicalSize[XY](?:Unit)?)="([^"]*)"', tags.description))
            width, height = (
                float(found[f"PhysicalSize{axis}"])
                * _UNITS_MM[found.get(f"PhysicalSize{axis}Unit", "µm")]
                for axis in "XY"
            )
        elif tags.is_imagej:
            unit = str((tiff.imagej_metadata or {})["unit"]).replace("\\u00B5", "µ")
            (xn, xd), (yn, yd) = tags.tags[282].value, tags.tags[283].value
            width, height = xd / xn * _UNITS_MM[unit], yd / yn * _UNITS_MM[unit]
    except (KeyError, ValueError, TypeError, ArithmeticError):
        return None
    # from a nanometre's tenth, beyond any microscope, to ten centimetres
    return (height, width) if 1e-7 <= min(height, width) <= max(height, width) <= 100 else None


_MODES = {
    "1": ("L", "1-bit"),
    "L": ("L", "8-bit grey"),
    "LA": ("LA", "8-bit grey with transparency"),
    "La": ("LA", "8-bit grey with transparency"),
    "P": ("RGB", "palette colour"),
    "PA": ("RGBA", "palette colour with transparency"),
    "RGB": ("RGB", "8-bit colour"),
    "RGBX": ("RGB", "8-bit colour"),
    "RGBA": ("RGBA", "8-bit colour with transparency"),
    "RGBa": ("RGBA", "8-bit colour with transparency"),
    "CMYK": ("RGB", "CMYK colour"),
    "YCbCr": ("RGB", "8-bit colour"),
    "I;16": ("I;16", "16-bit grey"),
    "I;16L": ("I;16L", "16-bit grey"),
    "I;16B": ("I;16B", "16-bit grey"),
    "I": ("I", "32-bit signed grey"),
    "F": ("F", "32-bit float grey"),
}
"""Pillow mode → the mode its values are taken in, and its name in words."""

_UNITS_MM = {"nm": 1e-6, "µm": 1e-3, "um": 1e-3, "micron": 1e-3, "microns": 1e-3}
_UNITS_MM |= {"μm": 1e-3, "mm": 1.0, "cm": 10.0}  # the Greek letter, not the micro sign

READERS: dict[str, Reader] = {
    "PNG": Reader(lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"), _pillow_reader("PNG")),
    "JPEG": Reader(lambda head: head.startswith(b"\xff\xd8\xff"), _pillow_reader("JPEG")),
    "TIFF": Reader(
        lambda head: head[:4] in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}, _read_tiff, _count_tiff
    ),
    # "BM" alone starts many texts: the length of the second header says more
    "BMP": Reader(
        lambda head: head[:2] == b"BM" and head[15:18] == b"\0\0\0" and head[14] >= 12,
        _pillow_reader("BMP"),
    ),
    "WebP": Reader(
        lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP", _pillow_reader("WebP")
    ),
    "GIF": Reader(lambda head: head[:6] in {b"GIF87a", b"GIF89a"}, _pillow_reader("GIF")),
}
"""Format name → reader; a further format is one more line."""

NOT_READ: dict[str, tuple[int, bytes]] = {
    "a DICOM file": (128, b"DICM"),
    "a NIfTI volume": (344, b"n+1"),
    "a gzip file": (0, b"\x1f\x8b"),
    "a ZIP archive": (0, b"PK\x03\x04"),
    "a PDF": (0, b"%PDF"),
    "a HEIC or AVIF photo": (4, b"ftyp"),
    "a JPEG 2000 image": (4, b"jP  "),
    "an SVG drawing": (0, b"<svg"),
}
"""What people try, recognised only to say so: offset and first bytes."""
