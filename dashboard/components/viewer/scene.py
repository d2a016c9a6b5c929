"""What a viewer shows, and the message of bytes that brings it to the browser.

The message is one run of bytes: the length of the header (4 bytes, little-endian), the header
(JSON, UTF-8), then the blobs at the offsets the header gives, counted from its end: ``levels``
(uint16 little-endian, row by row), ``image`` (a PNG), ``truth`` (one byte per pixel),
``uncertainty`` (as ``levels``) and ``raw`` (float32). All but the PNG are zlib-compressed.
"""

import hashlib
import io
import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.levels import STEPS, LevelMap
from core.threshold.postprocessing import PostProcessing

MESSAGE_VERSION = 2


@dataclass(frozen=True, kw_only=True)
class RawValues:
    """The values behind an image that holds more than 8 bits, for window and level."""

    values: NDArray[np.generic]
    """Numbers of any type, shape (H, W)."""
    center: float
    """Middle of the window in which the image is shown at first."""
    width: float
    """Its width, above 0: ``center - width / 2`` is black, ``center + width / 2`` white."""
    unit: str = ""
    """As ``HU``; empty where it is unknown."""
    presets: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Name → center and width."""

    def __post_init__(self) -> None:
        if not (0 < self.width < np.inf and np.isfinite(self.center)):
            raise ValueError(f"a window needs a width above 0, not {self.center}, {self.width}")

    def document(self) -> dict[str, Any]:
        """For the header; values that are not finite count as the smallest."""
        finite = np.asarray(self.values)[np.isfinite(self.values)]
        return {
            "low": float(finite.min()) if finite.size else 0.0,
            "high": float(finite.max()) if finite.size else 0.0,
            "center": float(self.center),
            "width": float(self.width),
            "unit": self.unit,
            "presets": [[name, *window] for name, window in self.presets.items()],
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """What one viewer shows: an image, its level map and, where it is known, the truth.

    Raises:
        ValueError: Shapes, types or values disagree; the sentence says which.
    """

    image: NDArray[np.uint8]
    """The image as it is displayed, shape (H, W) grey or (H, W, 3) RGB."""
    levels: LevelMap
    """Level of every pixel, shape (H, W), 0…1000."""
    truth: NDArray[np.bool_] | None = None
    """Reference foreground, shape (H, W); None where it is not known."""
    operating_point: int = STEPS // 2
    """The k that the operating point's rule chose, 0…1000: a named tick on the track."""
    operating_point_name: str = "Operating point"
    """The tick's name, as ``Best Dice on validation``."""
    spacing_mm: tuple[float, float] | None = None
    """Distance between rows and between columns; None where the file does not say."""
    pixel_area_mm2: float | None = None
    """Area of one pixel; follows from the spacing where that is given."""
    post_processing: PostProcessing = field(default_factory=PostProcessing)
    """What happens to the mask at first; ``largest_component`` is not for the viewer."""
    uncertainty: LevelMap | None = None
    """How far predictions disagree at each pixel, in thousandths, shape (H, W), 0…1000."""
    uncertainty_name: str = "Uncertainty"
    """What it measures, as ``Standard deviation over 8 views``."""
    sides: str = ""
    """As ``Image.sides``: letters for left, right, top and bottom."""
    raw: RawValues | None = None
    """The values that the image was made of, where it holds more than 8 bits."""
    title: str = ""
    """A line above the image, as a file name; shown as plain text whatever it holds."""

    def __post_init__(self) -> None:
        shape = self.levels.shape
        if self.levels.ndim != 2 or not self.levels.size or self.levels.dtype != np.uint16:
            raise ValueError(f"levels must be uint16 (H, W), not {self.levels.dtype} {shape}")
        if self.levels.max() > STEPS:
            raise ValueError(f"levels must lie in 0…{STEPS}; found {int(self.levels.max())}")
        if self.image.dtype != np.uint8 or self.image.shape not in {shape, (*shape, 3)}:
            raise ValueError(
                f"image must be uint8 {shape} or {(*shape, 3)}, "
                f"not {self.image.dtype} {self.image.shape}"
            )
        if self.truth is not None and (self.truth.dtype != np.bool_ or self.truth.shape != shape):
            raise ValueError(
                f"truth must be bool {shape}, not {self.truth.dtype} {self.truth.shape}"
            )
        if self.uncertainty is not None and (
            self.uncertainty.dtype != np.uint16
            or self.uncertainty.shape != shape
            or self.uncertainty.max() > STEPS
        ):
            raise ValueError(f"uncertainty must be uint16 {shape} of 0…{STEPS}")
        if self.raw is not None and self.raw.values.shape != shape:
            raise ValueError(f"raw values must be {shape}, not {self.raw.values.shape}")
        if self.post_processing.largest_component:
            raise ValueError("the viewer keeps all components; drop largest_component")
        check_index("operating_point", self.operating_point)
        self._settle_area()

    def _settle_area(self) -> None:
        if self.spacing_mm is not None:
            rows_mm, columns_mm = self.spacing_mm
            if not (0 < rows_mm < np.inf and 0 < columns_mm < np.inf):
                raise ValueError(f"spacing_mm must be positive, not {self.spacing_mm}")
            if self.pixel_area_mm2 is None:
                object.__setattr__(self, "pixel_area_mm2", rows_mm * columns_mm)
            elif not np.isclose(self.pixel_area_mm2, rows_mm * columns_mm):
                raise ValueError(
                    f"pixel_area_mm2 {self.pixel_area_mm2} is not the product of the spacing "
                    f"{self.spacing_mm}; give one of the two"
                )
        if self.pixel_area_mm2 is not None and not 0 < self.pixel_area_mm2 < np.inf:
            raise ValueError(f"pixel_area_mm2 must be positive, not {self.pixel_area_mm2}")


def pack(scene: Scene) -> bytes:
    """The message the browser decodes; it depends on the scene alone, so it can be cached.

    The header's ``token`` names the content: two scenes share it only if all they show is equal;
    ``map`` names the level map alone, which is what a decision is about.
    """
    blobs = {
        "levels": zlib.compress(scene.levels.astype("<u2").tobytes(), level=3),
        "image": png(scene.image),
    }
    if scene.truth is not None:
        blobs["truth"] = zlib.compress(scene.truth.astype(np.uint8).tobytes(), level=1)
    if scene.uncertainty is not None:
        blobs["uncertainty"] = zlib.compress(scene.uncertainty.astype("<u2").tobytes(), level=3)
    if scene.raw is not None:
        values = np.asarray(scene.raw.values, dtype="<f4")
        values = np.nan_to_num(values, nan=scene.raw.document()["low"])
        blobs["raw"] = zlib.compress(values.tobytes(), level=1)
    height, width = scene.levels.shape
    header: dict[str, Any] = {
        "version": MESSAGE_VERSION,
        "width": width,
        "height": height,
        "title": scene.title,
        "operating_point": scene.operating_point,
        "operating_point_name": scene.operating_point_name,
        "sides": scene.sides,
        "spacing_mm": scene.spacing_mm,
        "pixel_area_mm2": scene.pixel_area_mm2,
        "minimum_area_px": scene.post_processing.minimum_area_px,
        "fill_holes": scene.post_processing.fill_holes,
        "map": _digest(repr(scene.levels.shape).encode(), blobs["levels"]),
        "blobs": {},
    }
    if scene.uncertainty is not None:
        most = max(1, int(scene.uncertainty.max()))
        header["uncertainty"] = {"name": scene.uncertainty_name, "most": most}
    if scene.raw is not None:
        header["raw"] = scene.raw.document()
    offset = 0
    for name, blob in blobs.items():
        header["blobs"][name] = [offset, len(blob)]
        offset += len(blob)
    body = b"".join(blobs.values())
    return join(header | {"token": _digest(json.dumps(header).encode(), body)}, body)


def unpack(packed: bytes) -> tuple[dict[str, Any], LevelMap, NDArray[np.bool_] | None]:
    """Header, levels (H, W) and truth (H, W) of a message: what the browser will see.

    Raises:
        ValueError: The bytes are not a message of this version.
    """
    header, body = split(packed)
    shape = (header["height"], header["width"])

    def inflate(name: str) -> bytes:
        offset, length = header["blobs"][name]
        return zlib.decompress(body[offset : offset + length])

    levels = np.frombuffer(inflate("levels"), dtype="<u2").astype(np.uint16).reshape(shape)
    if "truth" not in header["blobs"]:
        return header, levels, None
    return header, levels, np.frombuffer(inflate("truth"), dtype=np.uint8).reshape(shape) == 1


def check_index(name: str, k: int) -> None:
    """Refuse what is no k of the threshold grid.

    Raises:
        ValueError: It lies outside 0…1000.
    """
    if not 0 <= k <= STEPS:
        raise ValueError(f"{name} must be a grid index in 0…{STEPS}, not {k}")


def _digest(*parts: bytes) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def png(image: NDArray[np.uint8]) -> bytes:
    """An image, shape (H, W) or (H, W, 3), without loss."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, format="PNG", compress_level=3)
    return buffer.getvalue()


def join(header: Mapping[str, Any], body: bytes) -> bytes:
    """Header and blobs as one message."""
    text = json.dumps(header, sort_keys=True).encode()
    return struct.pack("<I", len(text)) + text + body


def split(packed: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and blobs of a message.

    Raises:
        ValueError: The bytes are not a message of this version.
    """
    try:
        (length,) = struct.unpack_from("<I", packed)
        header = json.loads(packed[4 : 4 + length])
        known = header["version"] == MESSAGE_VERSION
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise ValueError("not a viewer message; make one with pack(Scene(…))") from error
    if not known:
        raise ValueError(f"viewer message of version {header['version']}, not {MESSAGE_VERSION}")
    return header, packed[4 + length :]
