"""What the values of a data set's masks mean, decided once from all of them.

One mask alone cannot tell: 3 is noise where other masks reach 255, and an object where the values
run from 1 to 40. So every mask is read once and the decision holds for all of them.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from core.data.masks import strongest
from core.errors import InputError

Pixels = NDArray[Any]

KINDS = ("binary", "graded", "classes", "instances")
IGNORED = 255
"""Beside small values this one says *not annotated*."""
FEW = 8
"""Different values above 0 that may be classes; more are the numbers of objects."""
_SMALL = 64
_NOISE = 0.05
_WHOLE = 0.95
"""Share of the numbered objects that are in one piece."""
_TOUCHING = np.ones((3, 3))
_FULL = 128
"""A compressed or smoothed 8-bit mask reaches at least this."""


@dataclass(frozen=True, kw_only=True)
class MaskValues:
    """The meaning of stored values."""

    kind: str
    """One of ``KINDS``: one value above 0, compressed or smoothed, several structures, objects."""
    above: float = 0.0
    """A pixel is foreground where its value is greater."""
    ignore: int | None = None
    """Pixels of this value are not annotated; they enter no loss and no metric."""
    values: tuple[float, ...] = field(default=())
    """Values above 0 that occur, the first of many; without the ignored one."""

    def foreground(self, pixels: Pixels) -> NDArray[np.uint8]:
        """1 where a stored mask marks something, shape (H, W)."""
        values = strongest(pixels)
        marked = values > self.above
        if self.ignore is not None:
            marked &= values != self.ignore
        return marked.astype(np.uint8)

    def ignored(self, pixels: Pixels) -> NDArray[np.bool_]:
        """Where a stored mask says nothing, shape (H, W)."""
        values = strongest(pixels)
        if self.ignore is None:
            return np.zeros(values.shape, np.bool_)
        return np.asarray(values == self.ignore)

    def objects(self, pixels: Pixels) -> NDArray[np.int32]:
        """Number of the object at each pixel, 0 for none; the foreground where not numbered."""
        marked = self.foreground(pixels).astype(np.int32)
        return marked * strongest(pixels).astype(np.int32) if self.kind == "instances" else marked

    def sentence(self) -> str:
        """What was decided, for people."""
        shown = ", ".join(f"{value:g}" for value in self.values[:6])
        shown += ", …" if len(self.values) > 6 else ""
        words = {
            "binary": "foreground is every value above 0",
            "graded": f"compressed or smoothed: foreground is every value above {self.above:g}",
            "classes": f"values {shown} taken for classes: foreground is any of them",
            "instances": f"values {shown} taken for numbers of objects: foreground is any of them",
        }[self.kind]
        if self.ignore is not None:
            words += f"; {self.ignore} is not annotated and left out of training and evaluation"
        return words

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "kind": self.kind,
            "above": self.above,
            "ignore": self.ignore,
            "values": list(self.values),
            "decided": self.sentence(),
        }


def decide(masks: Iterable[Pixels], *, kind: str = "") -> MaskValues:
    """The meaning of the values of all masks of a data set.

    Without a mask, or where none has a value above 0, it is ``binary``.

    Args:
        masks: Stored values of every mask, shape (H, W) or (H, W, 3); read once.
        kind: What a person says they are, one of ``KINDS``; empty decides.

    Raises:
        InputError: There is no such kind.
    """
    if kind and kind not in KINDS:
        raise InputError(f"masks '{kind}'; choose one of {', '.join(KINDS)}")
    pixels: Counter[float] = Counter()
    most, beside = 0, False
    numbered = _Numbered()
    for mask in masks:
        found, counts = np.unique(strongest(mask), return_counts=True)
        pixels.update(dict(zip(found.astype(float).tolist(), counts.tolist(), strict=True)))
        above = found[found > 0]
        most = max(most, len(above))
        small = above[above != IGNORED]
        beside |= bool(IGNORED in above and len(small) and small.max() <= _SMALL)
        numbered.see(mask, small)
    values = np.array(sorted(value for value in pixels if value > 0))
    if not len(values):
        return MaskValues(kind=kind or "binary")
    top, whole = values[-1], bool((values == np.rint(values)).all())
    ignore = None
    small = values[values != IGNORED]
    if whole and beside and not kind.startswith("graded") and top == IGNORED:
        consecutive = small.max() == len(small) and len(small) <= _SMALL
        marked = sum(pixels[value] for value in small)  # a few pixels are noise below an object
        if consecutive and marked >= _NOISE * pixels[IGNORED]:
            ignore, values = IGNORED, small
    if not kind:
        kind = _kind(pixels, values, most - (ignore is not None), whole=whole)
        if kind == "classes" and numbered.objects:
            kind = "instances"
    return MaskValues(
        kind=kind,
        above=float(top) / 2 if kind == "graded" else 0.0,
        ignore=ignore,
        values=tuple(values[:20].tolist()),
    )


class _Numbered:
    """Whether few values are numbers of objects: 1…n, each in one piece.

    Classes come in any number of pieces. Where they do not either, as organs, n decides: it differs
    from mask to mask, or the masks have more than 8 bits, which programs that number objects write.
    """

    def __init__(self) -> None:
        self._counts: set[int] = set()
        self._pieces: list[int] = []
        self._consecutive = self._wide = True

    def see(self, mask: Pixels, values: NDArray[Any]) -> None:
        """Take one mask with its values above 0, ascending, without the ignored one."""
        if not len(values) or not self._consecutive or len(values) > FEW:
            return
        self._consecutive = bool((values == np.arange(1, len(values) + 1)).all())
        self._wide &= mask.dtype.kind in "iu" and mask.dtype.itemsize > 1
        self._counts.add(len(values))
        if self._consecutive and len(values) > 1:
            plane = strongest(mask)
            self._pieces += [label(plane == value, _TOUCHING)[1] for value in values]

    @property
    def objects(self) -> bool:
        """Decided from all masks that were seen."""
        if not self._consecutive or not self._pieces:
            return False
        if len(self._counts) < 3 and not self._wide:
            return False
        return float(np.mean(np.array(self._pieces) == 1)) >= _WHOLE


def _kind(pixels: Counter[float], values: NDArray[np.float64], most: int, *, whole: bool) -> str:
    if most <= 1:
        return "binary"
    if not whole or _graded(pixels, values, whole=whole):
        return "graded"
    return "classes" if len(values) <= FEW else "instances"


def _graded(pixels: Counter[float], values: NDArray[np.float64], *, whole: bool) -> bool:
    """Whether most foreground lies near the largest value, with others between 0 and it.

    Numbers of objects spread evenly, so that the middle half holds more than the upper quarter.
    """
    if len(values) < 3 or (whole and values[-1] < _FULL):
        return False
    counts = np.array([pixels[value] for value in values])
    share = values / values[-1]
    middle, upper = counts[(share > 0.25) & (share < 0.75)].sum(), counts[share >= 0.75].sum()
    scattered = bool(((share < 0.25) | (share > 0.75)).all())
    return bool(upper > 2 * middle and (len(values) > FEW or scattered))
