"""Which mask belongs to which image, when only file names tell.

Folders named like *images* and *masks* are set apart, or the masks of one flat folder by a suffix
like ``_mask``. Within the same place (``train/``, ``benign/``) images and masks then pair by the
same stem, by the stem without such suffixes, or, when not one name fits and there are as many of
both, by sorted order.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from core.data.archive import stem
from core.data.file_dataset import shared_folders

IMAGE_FOLDERS = frozenset({"image", "images", "img", "imgs", "original", "originals", "input"})
MASK_FOLDERS = frozenset(
    {"mask", "masks", "ground", "truth", "groundtruth", "gt", "label", "labels", "annotation"}
    | {"annotations", "segmentation", "segmentations"}
)
"""Words in a folder's name that say what its files are."""
_MOST_WORDS = 3  # a longer name describes the whole data set
_MASK_WORD = r"(?:masks?|gt|ground[ _-]?truth|segmentation|seg|labels?|annotation|anno)"
_WORD = rf"(?:{_MASK_WORD}|images?|img|original|orig|input)"
_MASK_SUFFIX = re.compile(rf".+[ _.-]{_MASK_WORD}(?:[ _-]?\d+)?", re.IGNORECASE)
_MASK_PREFIX = re.compile(rf"{_MASK_WORD}[ _.-]?.+", re.IGNORECASE)
_CORE = (
    re.compile(rf"(.+)[ _.-]{_WORD}(?:[ _-]?\d+)?"),
    re.compile(rf"{_WORD}[ _.-]?(.+)"),
)
Place = tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """One image, its masks, and how they found each other."""

    image: str
    masks: tuple[str, ...]
    place: Place
    """Folders of the image without the one named like *images*."""
    method: str
    """``stem``, ``suffix``, ``folder`` or ``order``; empty where there is no mask."""


@dataclass(frozen=True)
class Pairing:
    """All images, with their masks where found, and the masks left over."""

    pairs: tuple[Pair, ...]
    orphans: tuple[str, ...]

    @property
    def method(self) -> str:
        """Methods in use, the weakest last: ``stem``, ``stem and suffix``, ``order``."""
        used = {pair.method for pair in self.pairs}
        return " and ".join(m for m in ("stem", "suffix", "folder", "order") if m in used) or "none"

    @property
    def share(self) -> float:
        """Share of the images that have a mask, 0…1; 0 without images."""
        return sum(bool(pair.masks) for pair in self.pairs) / max(len(self.pairs), 1)


def pair_files(names: Iterable[str]) -> Pairing:
    """Pair the image files of one data set.

    Args:
        names: Relative names with ``/`` of image files only.
    """
    images, masks = _set_apart(names)
    pairs: list[Pair] = []
    orphans: list[str] = []
    for place in sorted({*images, *masks}):
        found, left = _pair_place(place, images.get(place, []), masks.get(place, []))
        pairs += found
        orphans += left
    return Pairing(tuple(pairs), tuple(orphans))


def natural(name: str) -> list[tuple[int, str]]:
    """Sort key in which ``img2`` comes before ``img10``."""
    parts = re.split(r"(\d+)", name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _set_apart(names: Iterable[str]) -> tuple[dict[Place, list[str]], dict[Place, list[str]]]:
    """Images and masks by place: by the folders' names, else by the files' own."""
    listed = [(name, tuple(name.split("/")[:-1])) for name in names]
    shared = shared_folders([folders for _, folders in listed])
    images: dict[Place, list[str]] = defaultdict(list)
    masks: dict[Place, list[str]] = defaultdict(list)
    flat: dict[Place, list[str]] = defaultdict(list)
    for name, folders in listed:
        below = folders[shared:]
        for kinds, found in ((MASK_FOLDERS, masks), (IMAGE_FOLDERS, images)):
            place = _place(below, kinds)
            if place is not None:
                found[place].append(name)
                break
        else:
            flat[below].append(name)
    if masks and (images or flat):
        return images or flat, masks
    together: dict[Place, list[str]] = defaultdict(list)
    for part in (flat, images, masks):
        for place, found_names in part.items():
            together[place] += found_names
    images, masks = {}, {}
    for place, found_names in together.items():
        marked = {name for name in found_names if _MASK_SUFFIX.fullmatch(stem(name))}
        marked = marked or {name for name in found_names if _MASK_PREFIX.fullmatch(stem(name))}
        images[place] = [name for name in found_names if name not in marked]
        masks[place] = [name for name in found_names if name in marked]
    return images, masks


@lru_cache(maxsize=4096)  # files of one folder come together
def _place(folders: Place, kinds: frozenset[str]) -> Place | None:
    """The folders without the innermost one named in ``kinds``; None where there is none.

    What else that folder's name says stays: ``train_images`` is the place ``train``.
    """
    for n in reversed(range(len(folders))):
        words = re.split(r"[ _.-]+", folders[n].lower())
        if len(words) <= _MOST_WORDS and not kinds.isdisjoint(words):
            rest = "_".join(w for w in words if w not in MASK_FOLDERS | IMAGE_FOLDERS)
            return (*folders[:n], *([rest] if rest else []), *folders[n + 1 :])
    return None


def _pair_place(place: Place, images: list[str], masks: list[str]) -> tuple[list[Pair], list[str]]:
    """Pairs of one place, and the masks left over."""
    by_stem = {_fold(image): image for image in images}
    by_core: dict[str, list[str]] = defaultdict(list)
    for image in images:
        by_core[_core(image)].append(image)
    found: dict[str, list[str]] = defaultdict(list)
    how: dict[str, str] = {}
    left = []
    for mask in masks:
        owner, method = by_stem.get(_fold(mask)), "stem"
        if owner is None and len(by_core.get(_core(mask), ())) == 1:
            (owner,), method = by_core[_core(mask)], "suffix"
        if owner is None:
            left.append(mask)
        else:
            found[owner].append(mask)
            how[owner] = method if how.get(owner) != "suffix" else "suffix"
    if not found and len(images) == 1 and place:
        found, how, left = {images[0]: masks}, {images[0]: "folder" if masks else ""}, []
    elif not found and len(images) == len(masks):
        ordered = zip(sorted(images, key=natural), sorted(masks, key=natural), strict=True)
        found, how, left = {image: [mask] for image, mask in ordered}, {}, []
        how = dict.fromkeys(images, "order")
    return [
        Pair(image, tuple(sorted(found.get(image, ()), key=natural)), place, how.get(image, ""))
        for image in images
    ], left


def _fold(name: str) -> str:
    """A stem as people compare it: composed characters, one case."""
    return unicodedata.normalize("NFC", stem(name)).casefold()


def _core(name: str) -> str:
    """A stem without words like *image* and *mask* and what joins them to the rest."""
    whole = _fold(name)
    for pattern in _CORE:
        if match := pattern.fullmatch(whole):
            return match[1]
    return whole
