"""The threshold viewer: a picture, its level map and a threshold that follows the hand.

The browser receives the level map once (the grid index of every pixel, see ``core.levels``) and
from then on paints and counts by itself; Python hears of a threshold only when the hand lets go.

How to use it on a page::

    packed = pack(Scene(image=image, levels=levels, operating_point=412))  # worth caching
    k = threshold_viewer(packed, key="predict", threshold=412)
    mask = mask_at(levels, k)

The message is one run of bytes: the length of the header (4 bytes, little-endian), the header
(JSON, UTF-8), then the blobs at the offsets the header gives, counted from its end: ``levels``
(uint16 little-endian, row by row), ``image`` (a PNG) and ``truth`` (one byte per pixel). All but
the PNG are zlib-compressed.
"""

import hashlib
import io
import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from core.levels import STEPS, LevelMap

HERE = Path(__file__).parent
SCRIPTS = (
    "decode.js",
    "view.js",
    "paint.js",
    "track.js",
    "pointer.js",
    "keys.js",
    "panel.js",
    "viewer.js",
)
STAGE_HEIGHT_PX = 560
MESSAGE_VERSION = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """What one viewer shows: a picture, its level map and, where it is known, the truth.

    Raises:
        ValueError: Shapes, types or values disagree; the sentence says which.
    """

    image: NDArray[np.uint8]
    """The picture as it is displayed, shape (H, W) grey or (H, W, 3) RGB."""
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
    title: str = ""
    """A line above the picture, as a file name; shown as plain text whatever it holds."""

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
        _check_index("operating_point", self.operating_point)
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

    The header's ``token`` names the content: two scenes share it only if all they show is equal.
    """
    blobs = {
        "levels": zlib.compress(scene.levels.astype("<u2").tobytes(), level=3),
        "image": _png(scene.image),
    }
    if scene.truth is not None:
        blobs["truth"] = zlib.compress(scene.truth.astype(np.uint8).tobytes(), level=1)
    height, width = scene.levels.shape
    header: dict[str, Any] = {
        "version": MESSAGE_VERSION,
        "width": width,
        "height": height,
        "title": scene.title,
        "operating_point": scene.operating_point,
        "operating_point_name": scene.operating_point_name,
        "spacing_mm": scene.spacing_mm,
        "pixel_area_mm2": scene.pixel_area_mm2,
        "blobs": {},
    }
    offset = 0
    for name, blob in blobs.items():
        header["blobs"][name] = [offset, len(blob)]
        offset += len(blob)
    body = b"".join(blobs.values())
    digest = hashlib.blake2b(json.dumps(header).encode(), digest_size=16)
    digest.update(body)
    return _join(header | {"token": digest.hexdigest()}, body)


def unpack(packed: bytes) -> tuple[dict[str, Any], LevelMap, NDArray[np.bool_] | None]:
    """Header, levels (H, W) and truth (H, W) of a message: what the browser will see.

    Raises:
        ValueError: The bytes are not a message of this version.
    """
    header, body = _split(packed)
    shape = (header["height"], header["width"])

    def inflate(name: str) -> bytes:
        offset, length = header["blobs"][name]
        return zlib.decompress(body[offset : offset + length])

    levels = np.frombuffer(inflate("levels"), dtype="<u2").astype(np.uint16).reshape(shape)
    if "truth" not in header["blobs"]:
        return header, levels, None
    return header, levels, np.frombuffer(inflate("truth"), dtype=np.uint8).reshape(shape) == 1


def threshold_viewer(
    packed: bytes, *, key: str, threshold: int, height: int = STAGE_HEIGHT_PX
) -> int:
    """Show a packed scene and return the threshold chosen in it.

    The page runs again only when the hand lets go of the threshold. Zoom, position and switches
    live in the browser and survive reruns; a new scene begins at ``threshold``, and so does the
    same scene when ``threshold`` itself changes.

    Args:
        packed: A message of ``pack``.
        key: Names this viewer on the page, as for any widget.
        threshold: The k to begin at, 0…1000.
        height: Height of the picture area in CSS pixels; narrow screens make it smaller.

    Returns:
        The k chosen by hand, or ``threshold`` while there is none for this scene.
    """
    _check_index("threshold", threshold)
    header, body = _split(packed)
    mount = {"key": key, "start": threshold, "stage_height": height}
    result = _COMPONENT(
        key=key, data=_join(header | mount, body), on_choice_change=_heard, default={"choice": None}
    )
    return chosen(result.get("choice"), token=header["token"], start=threshold)


def chosen(choice: object, *, token: str, start: int) -> int:
    """The k of a browser's answer, or ``start`` if it answers for another scene or none at all."""
    if not isinstance(choice, Mapping):
        return start
    k = choice.get("k")
    if choice.get("token") != token or choice.get("start") != start:
        return start
    return k if isinstance(k, int) and 0 <= k <= STEPS else start


def _check_index(name: str, k: int) -> None:
    if not 0 <= k <= STEPS:
        raise ValueError(f"{name} must be a grid index in 0…{STEPS}, not {k}")


def _heard() -> None:
    """Streamlit keeps a component's state only where it has a callback; the rerun is enough."""


def _png(image: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, format="PNG", compress_level=3)
    return buffer.getvalue()


def _join(header: Mapping[str, Any], body: bytes) -> bytes:
    text = json.dumps(header, sort_keys=True).encode()
    return struct.pack("<I", len(text)) + text + body


def _split(packed: bytes) -> tuple[dict[str, Any], bytes]:
    try:
        (length,) = struct.unpack_from("<I", packed)
        header = json.loads(packed[4 : 4 + length])
        known = header["version"] == MESSAGE_VERSION
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise ValueError("not a viewer message; make one with pack(Scene(…))") from error
    if not known:
        raise ValueError(f"viewer message of version {header['version']}, not {MESSAGE_VERSION}")
    return header, packed[4 + length :]


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


_COMPONENT = st.components.v2.component(
    "isoline.threshold_viewer",
    html=_read("viewer.html"),
    css=_read("viewer.css"),
    js="\n".join(_read(name) for name in SCRIPTS),
)
