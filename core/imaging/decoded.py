"""What the reader of a format hands on, and how a format is recognised."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.imaging.facts import SourceFacts
from core.imaging.image import Pixels
from core.imaging.volume import Volume
from core.imaging.window import Window


@dataclass(frozen=True)
class Decoded:
    """What a reader found on one page."""

    pixels: Pixels
    """Shape (H, W) or (H, W, 3), upright."""
    words: str
    """Kind of pixels, in plain words."""
    page_count: int = 1
    spacing_mm: tuple[float, float] | None = None
    affine: NDArray[np.float64] | None = None
    sides: str = ""
    """As ``Image.sides``."""
    window: Window | None = None
    facts: SourceFacts = field(default_factory=SourceFacts)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reader:
    """How one file format is recognised and read."""

    matches: Callable[[bytes], bool]
    """Whether the first 512 bytes are of this format."""
    read: Callable[[BinaryIO, int], Decoded | Volume]
    """Decode one page, or the whole volume where the file is one; any exception means a damaged
    file, ``InputError`` a known reason."""
    count: Callable[[BinaryIO], int] = lambda _stream: 1
    """Number of pages, or of slices of a volume, without decoding."""
