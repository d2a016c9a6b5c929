"""Post-processing of a mask: fill holes, drop what is small, keep the largest. Mask in, mask out.

Holes are filled first, so that a ring counts with its inside; then components are measured (all
neighbours touch, 8 in two dimensions, 26 in three). A hole is background that cannot reach the
border through straight neighbours.
"""

import re
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError

Mask = NDArray[np.bool_]
_STEP = re.compile(r"(?:minimum_area_px=(?P<area>\d{1,9})|fill_holes|largest_component)")


@dataclass(frozen=True, kw_only=True)
class PostProcessing:
    """What becomes of a mask after the threshold; the default leaves it as it is."""

    minimum_area_px: int = 0
    """Components with fewer pixels (voxels) are dropped."""
    fill_holes: bool = False
    """Background enclosed by foreground becomes foreground."""
    largest_component: bool = False
    """Only the largest component stays; of equals the first in reading order."""

    def __post_init__(self) -> None:
        if self.minimum_area_px < 0:
            raise InputError(f"minimum_area_px must be 0 or more, found {self.minimum_area_px}")

    def __bool__(self) -> bool:
        return self != PostProcessing()

    @property
    def words(self) -> str:
        """As written on the command line, ``none`` where nothing is done."""
        steps = [f"minimum_area_px={self.minimum_area_px}"] if self.minimum_area_px else []
        steps += [name for name in ("fill_holes", "largest_component") if getattr(self, name)]
        return ",".join(steps) or "none"

    @property
    def phrases(self) -> tuple[str, ...]:
        """For people, in plain words: ``components under 50 px dropped``, ``holes filled``."""
        found = []
        if self.minimum_area_px > 1:
            found.append(f"components under {self.minimum_area_px:,} px dropped")
        if self.fill_holes:
            found.append("holes filled")
        if self.largest_component:
            found.append("only the largest component kept")
        return tuple(found)

    def document(self) -> dict[str, Any]:
        """As written beside a threshold."""
        return asdict(self)


def parse_post_processing(text: str) -> PostProcessing:
    """Read ``minimum_area_px=50,fill_holes``; ``none`` and the empty text do nothing.

    Raises:
        InputError: A step is unknown.
    """
    settings: dict[str, Any] = {}
    for step in filter(None, text.replace(" ", "").split(",")):
        if step == "none":
            continue
        found = _STEP.fullmatch(step)
        if not found:
            raise InputError(
                f"unknown post-processing '{step}'; choose from minimum_area_px=N, fill_holes, "
                "largest_component, separated by commas"
            )
        name = step.partition("=")[0]
        settings[name] = int(found["area"]) if found["area"] else True
    return PostProcessing(**settings)


def clean(mask: NDArray[np.bool_ | np.uint8], post_processing: PostProcessing) -> Mask:
    """The mask after post-processing, a new array of the same shape, two or three dimensions."""
    result = mask.astype(bool)
    if post_processing.fill_holes:
        result = filled(result)
    if post_processing.minimum_area_px > 1 or post_processing.largest_component:
        labels, areas = components(result)
        result = kept(areas, post_processing)[labels]
    return result


def filled(mask: Mask) -> Mask:
    """The mask with its holes filled."""
    from scipy import ndimage  # 0.2 s; only where a mask is cleaned

    labels, count = ndimage.label(~mask)  # many times faster than ndimage.binary_fill_holes
    open_ground = np.zeros(count + 1, dtype=bool)
    for axis in range(mask.ndim):
        for border in (0, -1):
            open_ground[labels.take(border, axis=axis)] = True
    open_ground[0] = False
    return np.asarray(~open_ground[labels])


def components(mask: Mask) -> tuple[NDArray[np.integer], NDArray[np.int64]]:
    """Number of the component at each pixel, 0 = none, and areas by number; entry 0 is 0."""
    from scipy import ndimage  # as above

    labels, count = ndimage.label(mask, structure=np.ones((3,) * mask.ndim))
    areas = np.bincount(labels.ravel(), minlength=count + 1).astype(np.int64)
    areas[0] = 0
    return labels, areas


def kept(areas: NDArray[np.int64], post_processing: PostProcessing) -> Mask:
    """Which components stay, by number; entry 0, the background, never does."""
    stays = areas >= max(post_processing.minimum_area_px, 1)
    if post_processing.largest_component:
        stays &= np.arange(len(areas)) == areas.argmax()
    return stays
