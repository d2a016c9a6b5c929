"""What the check keeps of one image and its masks: a few numbers, two thumbnails, what is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.base import Dataset, Problem, Sample
from core.data.file_dataset import AnyImages, FileDataset
from core.data.masks import binary_mask
from core.data.pages import file_and_page
from core.data.quality.duplicates import Thumbnails, digest, thumbnail

PADDING_HU, AIR_HU = -1100, -700
"""Below the first nothing in a body lies; below the second is air rather than lung."""
_MANY = 20
_PNG_WITH_ALPHA = (4, 6)  # colour types of the PNG header


@dataclass(frozen=True, kw_only=True, eq=False)
class SampleFacts:
    """One image as measured; without ``size`` it could not be read."""

    sample: Sample
    size: tuple[int, int] | None = None
    """Height and width."""
    channels: int = 1
    dtype: str = ""
    low: float = 0
    """Least finite value of the file; as ``high``, ``mean`` and ``std``."""
    high: float = 0
    mean: float = 0
    std: float = 0
    histogram: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    """Pixels at each grey level 0…255 as models see them, shape (256,)."""
    padding: float = 0
    """Share of pixels below -1100 HU; 0 where the values are no Hounsfield units."""
    thumbnail: Thumbnails | None = None
    digest: str = ""
    mask_files: int = 0
    objects: int = 0
    """Objects marked one by one; 0 where the data set marks none."""
    foreground: float | None = None
    """Share of the image; None without a readable mask."""
    classes: tuple[int, ...] = ()
    """Values 1…K of the truth that occur."""
    values: tuple[tuple[str, tuple[float, ...]], ...] = ()
    """Values above 0 of each mask file that has several."""
    overlap_px: int = 0
    outside_air: float = 0
    """Share of the foreground in air that reaches the padding or the edge of a CT."""
    mask_thumbnail: Thumbnails | None = None
    mask_digest: str = ""
    problems: tuple[Problem, ...] = ()

    @property
    def contrast(self) -> int:
        """Grey levels between the percentiles 0.5 and 99.5."""
        if not (total := int(self.histogram.sum())):
            return 0
        low, high = np.searchsorted(self.histogram.cumsum(), (0.005 * total, 0.995 * total))
        return int(high - low)

    @property
    def grey(self) -> float:
        """Mean grey as models see it, 0…255."""
        return float(self.histogram @ np.arange(256) / max(1, self.histogram.sum()))

    @property
    def is_slice(self) -> bool:
        """One of the slices of a volume, which may well be empty."""
        return "slice" in self.sample.facts


def measure(dataset: Dataset, sample: Sample) -> SampleFacts:
    """Read an image and its masks once; whatever cannot be read becomes a problem."""
    try:
        facts, stored = _image_facts(dataset, sample)
    except Exception as fault:  # noqa: BLE001 - a reader may fail in any way; the check continues
        masks = sample.masks if sample.has_truth else 0  # they are there, only not examined
        broken = (_unreadable(dataset, sample, fault),)
        return SampleFacts(sample=sample, mask_files=masks, problems=broken)
    if not sample.has_truth:
        return facts
    try:
        return _with_masks(dataset, facts, stored)
    except Exception as fault:  # noqa: BLE001 - as above
        broken = (_unreadable(dataset, sample, fault),)
        return replace(facts, mask_files=sample.masks, problems=broken)


def _unreadable(dataset: Dataset, sample: Sample, fault: Exception) -> Problem:
    reason = str(fault).replace(str(dataset.path), "").lstrip(" :/\\") or type(fault).__name__
    return Problem(kind="unreadable", where=sample.id, detail=reason)


def _image_facts(dataset: Dataset, sample: Sample) -> tuple[SampleFacts, NDArray[Any]]:
    stored = dataset.stored_image(sample)
    image = stored if stored.dtype == np.uint8 else dataset.image(sample)
    height, width = stored.shape[:2]
    finite = stored
    if stored.dtype.kind == "f" and not np.isfinite(stored).all():
        finite = stored[np.isfinite(stored)]
    empty = finite.size == 0
    padding = float((stored < PADDING_HU).mean()) if _is_hounsfield(finite) else 0.0
    facts = SampleFacts(
        sample=sample,
        size=(height, width),
        channels=1 if stored.ndim == 2 else stored.shape[2],
        dtype=str(stored.dtype),
        low=0.0 if empty else float(finite.min()),
        high=0.0 if empty else float(finite.max()),
        mean=0.0 if empty else float(finite.mean(dtype=np.float64)),
        std=0.0 if empty else float(finite.std(dtype=np.float64)),
        histogram=np.bincount(image.ravel(), minlength=256),
        padding=padding,
        thumbnail=thumbnail(image),
        digest=digest(stored),
    )
    return facts, stored


def _with_masks(dataset: Dataset, facts: SampleFacts, stored: NDArray[Any]) -> SampleFacts:
    sample, size = facts.sample, stored.shape[:2]
    files = dataset.stored_masks(sample)
    united = np.zeros(size, np.uint16)  # masks at each pixel
    problems, values = [], []
    for n, (name, pixels) in enumerate(files):
        where = name if name == sample.id or len(files) == 1 else f"{sample.id}: {name}"
        if mode := _mode(dataset, sample, n, pixels):
            problems.append(Problem(kind="mask_mode", where=where, detail=mode))
        grey = pixels
        if pixels.ndim == 3:  # an alpha channel says nothing of the object
            grey = pixels[..., : 3 if pixels.shape[2] > 2 else 1].max(axis=2)
        decided = isinstance(dataset, AnyImages)  # then the values are reported once for all masks
        if not decided and (several := _several_values(grey)):
            values.append((where, several))
        if grey.shape != size:
            detail = f"the mask is {_by(grey.shape)}, its image {_by(size)}"
            problems.append(Problem(kind="mask_size", where=where, detail=detail))
            continue
        one = _marked(dataset, grey)
        if not one.any():
            detail = "no pixel is foreground"
            problems.append(Problem(kind="empty_mask", where=where, detail=detail))
        united += one
    foreground = united > 0
    area = int(foreground.sum())
    return replace(
        facts,
        mask_files=len(files),
        objects=_objects(dataset, sample, len(files)),
        foreground=area / foreground.size if files else None,
        classes=_classes(dataset, sample, area),
        values=tuple(values),
        overlap_px=int((united > 1).sum()),
        outside_air=_outside_air(stored, foreground) if area else 0.0,
        mask_thumbnail=thumbnail(foreground * np.float32(255)) if files else None,
        mask_digest=digest(foreground) if area else "",
        problems=tuple(problems),
    )


def _marked(dataset: Dataset, grey: NDArray[Any]) -> NDArray[Any]:
    """Foreground of one mask file, as the data set's ``truth`` takes it."""
    if isinstance(dataset, AnyImages) and dataset.named is None:
        return dataset.mask_values.foreground(grey)
    single = len(dataset.info.classes) == 1
    return binary_mask(grey) if single else np.asarray(grey != 0)


def _mode(dataset: Dataset, sample: Sample, n: int, pixels: NDArray[Any]) -> str:
    """What is unusual in how a mask is stored; '' where it is plain grey or grey in colour."""
    alpha = pixels.ndim == 3 and pixels.shape[2] in (2, 4)
    if isinstance(dataset, FileDataset) and n < len(names := dataset.files[sample.id].masks):
        # its readers drop an opaque alpha on the way; the header remembers
        head = dataset.archive.head(file_and_page(names[n])[0], 26)
        alpha = alpha or (head.startswith(b"\x89PNG") and head[25] in _PNG_WITH_ALPHA)
    if alpha:
        return "has an alpha channel; only its colours are the mask"
    if pixels.ndim == 3 and (pixels != pixels[..., :1]).any():
        return "is coloured; its strongest channel is read"
    return ""


def _several_values(grey: NDArray[Any]) -> tuple[float, ...]:
    """Values other than 0 where there are at least two of them; the first 20."""
    if grey.dtype == np.bool_ or not grey.size:
        return ()
    if np.count_nonzero(grey) == np.count_nonzero(grey == grey.max()) or not grey.any():
        return ()
    values = np.unique(grey[grey != 0])
    return tuple(values[:_MANY].astype(float).tolist()) if len(values) > 1 else ()


def _objects(dataset: Dataset, sample: Sample, files: int) -> int:
    if type(dataset).instances is Dataset.instances:
        return 0
    if files > 1:  # then each file is an object, and asking again would decode all of them twice
        return files
    numbers = dataset.instances(sample)
    return 0 if numbers is None else int(np.count_nonzero(np.unique(numbers)))


def _classes(dataset: Dataset, sample: Sample, area: int) -> tuple[int, ...]:
    if len(dataset.info.classes) == 1:
        return (1,) if area else ()
    present = np.flatnonzero(np.bincount(dataset.truth(sample).ravel()))
    return tuple(int(n) for n in present if n)


def _is_hounsfield(values: NDArray[Any]) -> bool:
    """Signed values from air to bone."""
    if values.dtype.kind not in "if" or not values.size:
        return False
    return bool(values.min() <= -900 and values.max() >= 100)


def _outside_air(stored: NDArray[Any], foreground: NDArray[np.bool_]) -> float:
    if stored.ndim != 2 or not _is_hounsfield(stored[np.isfinite(stored)]):
        return 0.0
    from scipy import ndimage  # heavy, and only CT needs it

    outside = stored < PADDING_HU
    outside[[0, -1]] = True
    outside[:, [0, -1]] = True
    places, _ = ndimage.label((stored < AIR_HU) | outside)
    reached = np.zeros(places.max() + 1, np.bool_)
    reached[places[outside]] = True
    return float(reached[places[foreground]].mean())


def _by(size: Sequence[int]) -> str:
    return f"{size[1]}x{size[0]}"
