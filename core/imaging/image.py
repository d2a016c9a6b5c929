"""An image as read from a file, and the 8-bit images that models and the viewer see of it."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.imaging.facts import SourceFacts
from core.imaging.window import BodyWindow

if TYPE_CHECKING:
    from core.imaging.source_file import SourceFile

Pixels = NDArray[Any]

# ITU-R 601 luma in 16-bit fixed point, as Pillow's mode L. The weights add up to 65536, so equal
# channels give exactly that value.
_LUMA = (19595, 38470, 7471)
_ROWS = 512  # rows at a time, so that a float64 copy of a large image never exists whole


@dataclass(frozen=True, kw_only=True, eq=False)
class Image:
    """One image, upright, in the values of its file."""

    pixels: Pixels
    """Shape (H, W) or (H, W, 3), source dtype; read-only. NaN and infinities are kept."""
    name: str
    """File name for display and for naming exports; see ``clean_name``."""
    spacing_mm: tuple[float, float] | None = None
    """Pixel height and width in millimetres where the file truly states them."""
    source: str = ""
    """Where the pixels come from, in plain words: ``TIFF, 16-bit signed grey, page 3 of 30``."""
    page_count: int = 1
    """Pages in the file; this image is one of them."""
    affine: NDArray[np.float64] | None = None
    """Column, row and 0 to patient position in millimetres (right, anterior, superior), (4, 4);
    None where the file says nothing of a patient."""
    sides: str = ""
    """What of the patient lies at the left, right, top and bottom, a letter each: ``RLAP`` is
    right, left, anterior, posterior. Empty where the file does not say."""
    window: tuple[float, float] | BodyWindow | None = None
    """Values shown as black and white; None shows everything. ``pixels`` stay as they are."""
    facts: SourceFacts = field(default_factory=SourceFacts)
    warnings: tuple[str, ...] = ()
    """What to know before trusting it, a sentence each."""
    source_files: "tuple[SourceFile, ...]" = ()
    """The file it was read from, where it is needed again; only where to find it."""

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if not (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)) or 0 in shape:
            raise ValueError(f"pixels must be (H, W) or (H, W, 3), found {shape}")
        if self.pixels.dtype.kind not in "buif":
            raise ValueError(f"pixels must be real numbers, found {self.pixels.dtype}")
        view = self.pixels.view()
        view.setflags(write=False)
        object.__setattr__(self, "pixels", view)

    def windowed(self, window: tuple[float, float] | BodyWindow | None) -> "Image":
        """The same values, shown in another grey window: ``image.windowed(WINDOWS_HU["lung"])``."""
        return replace(self, window=window)

    def image8(self) -> NDArray[np.uint8]:
        """The image in its grey window, shape of ``pixels``, 0…255, a fresh array."""
        return to_8bit(self.pixels, self.window)

    def rgb8(self) -> NDArray[np.uint8]:
        """``image8`` in colour, shape (H, W, 3), 0…255; grey is repeated."""
        image = self.image8()
        if image.ndim == 2:
            image = np.repeat(image[..., None], 3, axis=2)  # (H, W, 3)
        return image

    def grey8(self) -> NDArray[np.uint8]:
        """``image8`` in grey, shape (H, W), 0…255, a fresh array.

        Colour becomes ITU-R 601 luma, (19595 R + 38470 G + 7471 B + 32768) >> 16, as Pillow's
        mode ``L``; equal channels give their own value exactly.
        """
        image = self.image8()
        if image.ndim == 2:
            return image
        grey = np.empty(image.shape[:2], np.uint8)
        for top in range(0, len(image), _ROWS):
            rows = image[top : top + _ROWS].astype(np.uint32)
            luma = rows[..., 0] * _LUMA[0] + rows[..., 1] * _LUMA[1] + rows[..., 2] * _LUMA[2]
            grey[top : top + _ROWS] = (luma + 32768) >> 16
        return grey


def to_8bit(
    pixels: Pixels, window: tuple[float, float] | BodyWindow | None = None
) -> NDArray[np.uint8]:
    """Values as 0…255, same shape, a fresh array.

    With a window its lower end and below become 0, its upper end and above 255. Without one, 8-bit
    unsigned values stay as they are; true and false become 255 and 0. Everything else goes
    through one linear window from the smallest to the largest finite value of the image (all
    channels together), rounded to the nearest step: nothing is clipped and nothing wraps. An image
    of one value becomes all 0. NaN and minus infinity become 0, plus infinity 255. A ``BodyWindow``
    keeps 0 for what lies around the body.
    """
    if isinstance(window, BodyWindow):
        return _body_8bit(pixels, window)
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * np.uint8(255)
    if pixels.dtype == np.uint8 and window is None:
        return pixels.copy()
    low, high = window or _finite_range(pixels)
    result = np.zeros(pixels.shape, np.uint8)
    if not low < high:
        result[np.isposinf(pixels)] = 255
        return result
    # Halved, so that a range from -1.7e308 to 1.7e308 is still a number.
    middle_span = high / 2 - low / 2
    for top in range(0, len(pixels), _ROWS):
        with np.errstate(all="ignore"):  # damaged files hold numbers that are none
            rows = pixels[top : top + _ROWS].astype(np.float64)
            rows = (rows / 2 - low / 2) / middle_span * 255
        np.nan_to_num(rows, copy=False, nan=0.0, posinf=255.0, neginf=0.0)
        result[top : top + _ROWS] = np.rint(np.clip(rows, 0, 255))
    return result


def _body_8bit(pixels: Pixels, window: BodyWindow) -> NDArray[np.uint8]:
    """Values in 8 bits, same shape: 0 outside, 1…255 inside, a body of one value all 255."""
    inside = np.isfinite(pixels) & (pixels != window.outside)
    grey = np.full(pixels.shape, 255, np.float32)
    if window.high > window.low:
        with np.errstate(all="ignore"):  # what is not finite is outside
            np.subtract(pixels, window.low, out=grey, casting="unsafe")
            grey *= 254 / (window.high - window.low)
        grey = np.rint(np.clip(grey, 0, 254)) + 1
    return np.where(inside, grey, 0).astype(np.uint8)


def _finite_range(pixels: Pixels) -> tuple[float, float]:
    """Smallest and largest finite value; (0, 0) when there is none."""
    if pixels.dtype.kind != "f":
        return float(pixels.min()), float(pixels.max())
    low, high = np.inf, -np.inf
    for top in range(0, len(pixels), _ROWS):
        rows = pixels[top : top + _ROWS]
        finite = rows[np.isfinite(rows)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    return (low, high) if low <= high else (0.0, 0.0)
