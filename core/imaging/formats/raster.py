"""PNG, JPEG, BMP, WebP, GIF and Netpbm through Pillow, every bit of 16-bit colour included."""

import re
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
from PIL import Image as Pillow

from core.errors import InputError
from core.imaging.decoded import Decoded
from core.imaging.image import Pixels
from core.imaging.opening import MAX_PIXELS, check_page, check_size
from core.imaging.pixels import keyed, on_black, upright
from core.imaging.unread import check_jpeg

MODES = {
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
_JPEG_HEAD = 1 << 20
"""Bytes before the size of a JPEG: EXIF and colour profiles are at most some hundred thousand."""
ANIMATION = (
    "the file is an animation, of which only the first frame is shown; save the others as "
    "images or as a TIFF stack to look at them too"
)


def pillow_reader(title: str) -> Callable[[BinaryIO, int], Decoded]:
    """The reader of one Pillow plugin; see ``Reader.read``."""

    def read(stream: BinaryIO, page: int) -> Decoded:
        check_page(page, 1)
        head = stream.read(_JPEG_HEAD if title == "JPEG" else 26)
        if title == "JPEG":
            check_jpeg(head)
        stream.seek(0)
        with open_pillow(stream, title) as image:
            orientation = 1
            if title == "PNG" and head[24] == 16 and head[25] & 0b110:
                pixels, words = _png_16bit(stream, image, alpha_grey=head[25] == 4)
            else:
                image.load()
                pixels, words = image_array(image)
            orientation = _orientation(image)
            warnings: tuple[str, ...] = ()
            if title != "JPEG" and getattr(image, "is_animated", False):
                words += ", first frame of an animation"
                warnings = (ANIMATION,)
        return Decoded(upright(pixels, orientation), words, warnings=warnings)

    return read


def open_pillow(stream: BinaryIO, title: str) -> Pillow.Image:
    """Open with one Pillow plugin and check the size; nothing is decoded yet."""
    stream.seek(0)
    try:
        image = Pillow.open(stream, formats=[title])
    except Pillow.DecompressionBombError as fault:
        found = re.search(r"\d+", str(fault))
        raise InputError(
            f"{int(found[0]) if found else 0} pixels are more than the {MAX_PIXELS // 10**6} "
            "million allowed; crop it or save it smaller"
        ) from fault
    check_size(*image.size)
    return image


def image_array(image: Pillow.Image) -> tuple[Pixels, str]:
    """A loaded Pillow image as pixels, shape (H, W) or (H, W, 3), and what it was."""
    mode, key = image.mode, image.info.get("transparency")
    if mode == "P" and key is not None:
        mode = "PA"
    if mode not in MODES:
        raise InputError(f"its colours ({mode}) cannot be read; save it as grey or RGB")
    target, words = MODES[mode]
    pixels = np.asarray(image if target == image.mode else image.convert(target))
    if target in {"LA", "RGBA"}:
        colour = pixels[..., 0] if target == "LA" else pixels[..., :3]
        return on_black(colour, pixels[..., -1]), words
    if mode == "1" and key is not None:
        key *= 255
    # I;16B comes in big-endian bytes
    return keyed(pixels.astype(pixels.dtype.newbyteorder("=")), key), words


def _png_16bit(stream: BinaryIO, image: Pillow.Image, *, alpha_grey: bool) -> tuple[Pixels, str]:
    """16-bit colour, or grey with alpha, of which Pillow keeps only the upper bytes.

    A second pass unpacks the same rows as little-endian: that gives the lower bytes.
    """
    key = image.info.get("transparency")
    if alpha_grey:  # 4 bytes a pixel, the layout of 8-bit RGBA
        four = unpacked(image, "RGBA").astype(np.uint16)  # (H, W, 4)
        grey, alpha = four[..., 0] << 8 | four[..., 1], four[..., 2] << 8 | four[..., 3]
        return on_black(grey, alpha), "16-bit grey with transparency"
    with open_pillow(stream, "PNG") as again:
        pixels = two_passes(image, again, high="16B", low="16L")
    if pixels.shape[2] == 4:
        return on_black(pixels[..., :3], pixels[..., 3]), "16-bit colour with transparency"
    return keyed(pixels, key), "16-bit colour"


def two_passes(first: Pillow.Image, second: Pillow.Image, *, high: str, low: str) -> Pixels:
    """16-bit samples from two decodings of the same image, shape (H, W, 3 or 4)."""
    (tile,) = first.tile  # type: ignore[attr-defined]  # on every plugin's class, not their base
    chosen = tile.args[0] if isinstance(tile.args, tuple) else tile.args
    # RGBX skips a fourth sample; RGBa would divide by the opacity
    layout = "RGBX" if chosen.startswith("RGBX") else first.mode
    upper = unpacked(first, f"{layout};{high}").astype(np.uint16)
    upper <<= 8
    upper |= unpacked(second, f"{layout};{low}")
    return upper


def unpacked(image: Any, raw_mode: str) -> Pixels:  # noqa: ANN401 - tile is on no base class
    """Decode with another raw mode than the plugin chose."""
    (tile,) = image.tile
    args = (raw_mode, *tile.args[1:]) if isinstance(tile.args, tuple) else raw_mode
    image.tile = [tile._replace(args=args)]
    image.load()
    return np.asarray(image)


def _orientation(image: Pillow.Image) -> int:
    """EXIF orientation 1…8; 1 where EXIF is missing or corrupt."""
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # noqa: BLE001 - a broken EXIF block must not cost the image
        return 1
