"""A mask as the values that its file stores, not as the image that a viewer would show.

A viewer turns a min-is-white TIFF round and a palette into colours, and lays transparency on black.
In a mask the stored number is what was meant: ``tifffile`` and ImageJ write 1 or 255 for foreground
into files that say *min is white*, a palette index is the number of a class, and an image editor
leaves a cut-out in the alpha channel.
"""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from core.imaging.opening import check_size, opened
from core.imaging.pixels import inverted
from core.imaging.read import read_image

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PALETTE = {b"\x89PNG": "PNG", b"GIF8": "GIF"}
_WITH_ALPHA = (4, 6)  # colour types of the PNG header
_SPREAD = {2: np.uint8(85), 4: np.uint8(17)}
_MIN_IS_WHITE, _INDEXED = 0, 3


def read_stored(
    data: bytes, *, name: str = "", page: int = 0, colours: bool = False
) -> NDArray[Any]:
    """Stored values of a mask, shape (H, W) or (H, W, 3).

    Args:
        data: The file.
        name: For messages and where the content does not tell the format.
        page: Page of a stack, counted from 0.
        colours: Give the colours of a palette, not its indices: a table names colours.

    Raises:
        InputError: As ``read_image``.
    """
    if data[:4] in _TIFF:
        return _of_tiff(data, name, page, colours=colours)
    if (title := _PALETTE.get(data[:4])) and page == 0:
        with (
            opened(data, name, title) as stream,
            Pillow.open(stream, formats=[title]) as opened_image,
        ):
            check_size(*opened_image.size)
            if opened_image.mode in {"P", "PA"} and not colours:
                return np.asarray(opened_image).reshape(*opened_image.size[::-1], -1)[..., 0]
            if title == "PNG" and opened_image.mode == "L" and (step := _SPREAD.get(data[24])):
                return np.asarray(opened_image) // step  # Pillow spreads 2 and 4 bits over 0…255
            if title == "PNG" and data[25:26] and data[25] in _WITH_ALPHA:
                alpha = _cut_out(opened_image)
                if alpha is not None:
                    return alpha
    return read_image(data, name=name, page=page).pixels


def _of_tiff(data: bytes, name: str, page: int, *, colours: bool) -> NDArray[Any]:
    import tifffile  # a tenth of a second; only needed for TIFF

    pixels = read_image(data, name=name, page=page).pixels
    with opened(data, name, "TIFF") as stream, tifffile.TiffFile(stream) as tiff:
        tags: Any = tiff.pages[min(page, len(tiff.pages) - 1)]
        photometric = int(tags.photometric)
    if photometric == _MIN_IS_WHITE and pixels.ndim == 2:
        return inverted(pixels)
    if photometric == _INDEXED and not colours:
        with opened(data, name, "TIFF") as stream:
            opened_image = Pillow.open(io.BytesIO(stream.read()), formats=["TIFF"])
            opened_image.seek(page)
            if opened_image.mode == "P":
                return np.asarray(opened_image)
    return pixels


def _cut_out(opened_image: Pillow.Image) -> NDArray[np.uint8] | None:
    """The alpha channel where the colours are the same wherever it shows any, else None."""
    several = opened_image.convert("RGBA")
    values = np.asarray(several)  # (H, W, 4)
    alpha = values[..., 3]
    seen = values[..., :3][alpha > 0]
    if alpha.min() == alpha.max() or not len(seen) or (seen != seen[0]).any():
        return None
    return alpha
