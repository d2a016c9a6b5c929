"""What the volume viewer shows, and the message of bytes that brings it to the browser.

The message is that of ``dashboard.components.viewer.scene``: a header, then zlib-compressed blobs.
``levels`` is uint16; ``grey`` is one byte a voxel, or two of ``low + code * scale``; ``sizes0``,
``sizes1`` and ``sizes2`` count the voxels of each level in every slice along each axis, uint32 of
(N, 1001). They are of all voxels, so every metric is exact also where a large volume is shown
thinned.
"""

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.imaging import BodyWindow, Window
from core.imaging.planes import PLANES, along, sides_of_plane
from core.levels import STEPS, LevelMap
from dashboard.components.viewer.scene import MESSAGE_VERSION, check_index, join

SHOWN_VOXELS = 16_000_000
"""More are thinned for display, to every second or third; 16 million are 80 MB in the browser."""
CODES = 65_535


@dataclass(frozen=True, kw_only=True, eq=False)
class VolumeScene:
    """A volume, its level map and how it lies.

    Raises:
        ValueError: Shapes, types or values disagree; the sentence says which.
    """

    values: NDArray[Any]
    """Upright slices in the values of the file, shape (D, H, W)."""
    levels: LevelMap
    """Level of every voxel, shape (D, H, W), 0…1000."""
    plane: str
    """Of the slices, a key of ``PLANES``."""
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Along D, H and W; where it is not known, in voxels."""
    voxel_mm3: float | None = None
    """Volume of a voxel; None where the spacing is not known."""
    sides_known: bool = False
    """Whether the file states where left and right are; then each plane is lettered."""
    window: Window | BodyWindow | None = None
    """Values shown as black and white; None for 8-bit values, which are shown as they are."""
    unit: str = ""
    """Of the values, as ``HU``."""
    presets: Mapping[str, Window] = field(default_factory=dict)
    """Further windows by name."""
    operating_point: int = STEPS // 2
    """The k that the operating point's rule chose, 0…1000."""
    operating_point_name: str = "Operating point"
    title: str = ""

    def __post_init__(self) -> None:
        shape = self.levels.shape
        if self.levels.ndim != 3 or not self.levels.size or self.levels.dtype != np.uint16:
            raise ValueError(f"levels must be uint16 (D, H, W), not {self.levels.dtype} {shape}")
        if self.levels.max() > STEPS:
            raise ValueError(f"levels must lie in 0…{STEPS}; found {int(self.levels.max())}")
        if self.values.shape != shape:
            raise ValueError(f"values must be {shape}, not {self.values.shape}")
        if self.plane not in PLANES:
            raise ValueError(f"plane must be one of {', '.join(PLANES)}, not {self.plane}")
        if not all(0 < length < np.inf for length in self.spacing_mm):
            raise ValueError(f"spacing_mm must be positive, not {self.spacing_mm}")
        if self.voxel_mm3 is not None and not 0 < self.voxel_mm3 < np.inf:
            raise ValueError(f"voxel_mm3 must be positive, not {self.voxel_mm3}")
        check_index("operating_point", self.operating_point)


def pack_volume(scene: VolumeScene) -> bytes:
    """The message the browser decodes; it depends on the scene alone, so it can be cached."""
    steps = thinning(scene.levels.shape)
    shown = tuple(slice(None, None, step) for step in steps)
    grey, coding = grey_codes(scene.values[shown], scene.window)
    levels = np.ascontiguousarray(scene.levels[shown], dtype="<u2")
    blobs = {"levels": zlib.compress(levels.data, level=1), "grey": zlib.compress(grey.data, 1)}
    for axis in range(3):
        sizes = sizes_along(scene.levels, axis).astype("<u4")
        blobs[f"sizes{axis}"] = zlib.compress(np.ascontiguousarray(sizes).data, level=1)
    header: dict[str, Any] = {
        "version": MESSAGE_VERSION,
        "shape": levels.shape,
        "whole": scene.levels.shape,
        "steps": steps,
        "planes": plane_documents(scene.plane, lettered=scene.sides_known),
        "spacing_mm": [mm * step for mm, step in zip(scene.spacing_mm, steps, strict=True)],
        "voxel_mm3": scene.voxel_mm3,
        "grey": coding | {"unit": scene.unit},
        "presets": [[name, w.level, w.width] for name, w in scene.presets.items()],
        "operating_point": scene.operating_point,
        "operating_point_name": scene.operating_point_name,
        "title": scene.title,
        "map": _digest(repr(scene.levels.shape).encode(), blobs["levels"], blobs["sizes0"]),
        "blobs": {},
    }
    offset = 0
    for name, blob in blobs.items():
        header["blobs"][name] = [offset, len(blob)]
        offset += len(blob)
    body = b"".join(blobs.values())
    return join(header | {"token": _digest(json.dumps(header).encode(), body)}, body)


def thinning(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Every how many voxels along D, H and W are shown: within slices first, then slices too."""
    deep, tall, wide = shape
    across, along_ = 1, 1
    while -(-deep // along_) * -(-tall // across) * -(-wide // across) > SHOWN_VOXELS:
        if across <= along_:
            across += 1
        else:
            along_ += 1
    return along_, across, across


def grey_codes(
    values: NDArray[Any], window: Window | BodyWindow | None
) -> tuple[NDArray[np.generic], dict[str, Any]]:
    """Codes of one or two bytes and how they are read: ``low + code * scale``.

    Whole numbers that span up to 65,535 are kept exactly; what is not finite counts as the lowest.
    """
    if values.dtype in (np.uint8, np.bool_):
        plain = values.astype(np.uint8) * np.uint8(255 if values.dtype == np.bool_ else 1)
        return np.ascontiguousarray(plain), {"low": 0, "scale": 1, "high": 255, "window": None}
    whole = values.dtype.kind in "iu"
    finite = values if whole else values[np.isfinite(values)]
    low = float(finite.min()) if finite.size else 0.0
    high = float(finite.max()) if finite.size else 0.0
    scale = 1.0 if whole and high - low <= CODES else max((high - low) / CODES, 1e-30)
    codes = np.empty(values.shape, "<u2")
    for target, plane in zip(codes, values, strict=True):  # a float64 copy of one slice at a time
        numbers = np.nan_to_num(plane.astype(np.float64), nan=low, posinf=high, neginf=low)
        target[:] = np.rint((numbers - low) / scale)
    shown = window or Window(low, max(high, low + scale))
    opened = [shown.level, shown.width]
    return codes, {"low": low, "scale": scale, "high": high, "window": opened}


def sizes_along(levels: LevelMap, axis: int) -> NDArray[np.int64]:
    """How many voxels of each level every slice along an axis holds, shape (N, 1001)."""
    slices = np.moveaxis(levels, axis, 0)
    return np.stack([np.bincount(one.ravel(), minlength=STEPS + 1) for one in slices])


def plane_documents(plane: str, *, lettered: bool) -> list[dict[str, Any]]:
    """The three planes, the slices' own first: their axes of (D, H, W), and which run backwards."""
    letters = PLANES[plane]
    found = []
    for name in [plane, *(other for other in PLANES if other != plane)]:
        axes = along((0, 1, 2), letters, plane=name)
        flips = [letters[a] != side for a, side in zip(axes, PLANES[name], strict=True)]
        sides = sides_of_plane(name) if lettered else ""
        found.append({"name": name, "axes": axes, "flips": flips, "sides": sides})
    return found


def _digest(*parts: bytes) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
