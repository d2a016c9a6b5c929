"""Small files in the layouts of published data sets."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

Grey = NDArray[np.uint8]
Layout = dict[str, bytes]
Pack = Callable[[Path, Layout], Path]


def picture(seed: int, size: tuple[int, int] = (20, 24)) -> Grey:
    """Noise, shape ``size``."""
    return np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)


def square(at: int, size: tuple[int, int] = (20, 24)) -> Grey:
    """A mask of 4 x 4 pixels from row and column ``at``, 0 and 255."""
    mask = np.zeros(size, np.uint8)
    mask[at : at + 4, at : at + 4] = 255
    return mask


def encode(pixels: NDArray[np.generic], mode: str = "", kind: str = "PNG") -> bytes:
    image, stream = Image.fromarray(pixels), io.BytesIO()
    (image.convert(mode) if mode else image).save(stream, kind)
    return stream.getvalue()


def tiff(pixels: NDArray[np.generic]) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, photometric="minisblack")
    return stream.getvalue()


def as_folder(path: Path, files: Layout) -> Path:
    path.mkdir()
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def as_zip(path: Path, files: Layout) -> Path:
    """With a further top folder and what a Mac adds."""
    target = path.with_suffix(".zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as container:
        for name, content in files.items():
            container.writestr(f"download/{name}", content)
            container.writestr(f"__MACOSX/download/._{name.replace('/', '_')}", b"Mac")
        container.writestr("download/Thumbs.db", b"Windows")
    return target


either_way = pytest.mark.parametrize("pack", [as_folder, as_zip])
