"""Which mask belongs to which image, when only the names of folders and files tell.

Folders named like *images* and *masks* are set apart, or the masks of one flat folder by an ending
like ``_mask``, or by an ending that most images have beside them. Within the same place
(``train/``, ``benign/``) images and masks then pair by the same stem, by the stem without such
words, by an ending that most masks add to their image's name, by what is left when all images'
and all masks' common beginnings and endings are taken off, or, when not one name fits and there
are as many of both, by sorted order. Masks in a place of their own (``GT_01`` beside ``Slide_01``)
find the images whose names theirs fit.

Where readers drew masks of their own (``1st_manual``, ``2nd_manual``), the first one's count, and
a folder ``mask`` beside them (the field of view of a fundus camera) does not.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from core.data.archive import stem, suffix
from core.data.base import Problem
from core.data.file_dataset import orphan_mask, shared_folders
from core.data.pairing.matching import METHODS, Group, Place, across, by_count, owners_of
from core.data.pairing.naming import (
    beginnings,
    fold,
    folder_kind,
    joined_suffix,
    marked_masks,
    natural,
    reader_of,
    split_of,
)


@dataclass(frozen=True)
class Pair:
    """One image, its masks, and how they found each other."""

    image: str
    masks: tuple[str, ...]
    place: Place
    """Folders of the image without the one named like *images*."""
    method: str
    """One of ``METHODS``; empty where there is no mask."""

    @property
    def shown(self) -> str:
        """What an id is made of; an image in a folder of its own name needs that only once."""
        place = self.place[:-1] if self.place[-1:] == (stem(self.image),) else self.place
        return "/".join([*place, self.image.rpartition("/")[2]])


@dataclass(frozen=True)
class Pairing:
    """All images, with their masks where found, and the masks left over."""

    pairs: tuple[Pair, ...]
    orphans: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    """Masks of an image that has a better one: of a second reader, or of the field of view."""

    @property
    def method(self) -> str:
        """Methods in use, the weakest last: ``stem``, ``stem and suffix``, ``order``."""
        used = {pair.method for pair in self.pairs}
        return " and ".join(method for method in METHODS if method in used) or "none"

    @property
    def share(self) -> float:
        """Share of the images that have a mask, 0…1; 0 without images.

        A published test split in which no image has one does not count.
        """
        asked = [pair for pair in self.pairs if pair.masks or not self.unlabelled(pair)]
        return sum(bool(pair.masks) for pair in asked) / max(len(asked), 1)

    def problems(self) -> list[Problem]:
        """Masks without an image, masks that do not count, and pairs that were guessed."""
        return [
            *(orphan_mask(mask) for mask in self.orphans),
            *_guessed(self.pairs),
            *_left_out(self.left_out),
        ]

    def renamed(self, names: Mapping[str, str]) -> "Pairing":
        """The same pairs under other names."""
        return Pairing(
            tuple(
                replace(
                    pair, image=names[pair.image], masks=tuple(names[mask] for mask in pair.masks)
                )
                for pair in self.pairs
            ),
            tuple(names[mask] for mask in self.orphans),
            tuple(names[mask] for mask in self.left_out),
        )

    def unlabelled(self, pair: Pair) -> bool:
        """Whether the image is of a published part that has no masks at all."""
        return pair.place in self._tests_without_masks

    @cached_property
    def _tests_without_masks(self) -> set[Place]:
        places = {pair.place for pair in self.pairs if any(map(_is_test, pair.place))}
        return places - {pair.place for pair in self.pairs if pair.masks}


class _Mask(NamedTuple):
    name: str
    layer: str
    """Its folder named like *masks*; masks of one layer go together."""


def pair_files(names: Iterable[str]) -> Pairing:
    """Pair the image files of one data set.

    Args:
        names: Relative names with ``/`` of image files only.
    """
    images, masks = _set_apart(names)
    groups = [
        Group(place, layer, tuple(mask.name for mask in masks[place] if mask.layer == layer))
        for place in sorted(masks)
        for layer in sorted({mask.layer for mask in masks[place]}, key=natural)
    ]
    found: dict[str, list[tuple[str, str, str]]] = defaultdict(list)  # image: mask, layer, method
    orphans: list[str] = []
    waiting: list[Group] = []
    for group in groups:
        here = images.get(group.place, [])
        owners = owners_of(here, group.names) or by_count(here, group)
        if not owners:
            waiting.append(group)
            continue
        orphans += [mask for mask in group.names if mask not in owners]
        for mask, (image, method) in owners.items():
            found[image].append((mask, group.layer, method))
    unpaired = {
        place: listed for place, listed in images.items() if not any(map(found.get, listed))
    }
    for group, owners in across(unpaired, waiting):
        orphans += [mask for mask in group.names if mask not in owners]
        for mask, (image, method) in owners.items():
            found[image].append((mask, "/".join((*group.place, group.layer)), method))
    pairs, left_out = [], []
    for place in sorted(images):
        for image in images[place]:
            kept, dropped = _first_reader(found.get(image, []))
            left_out += dropped
            pairs.append(
                Pair(
                    image,
                    tuple(sorted((mask for mask, _, _ in kept), key=natural)),
                    place,
                    max((method for _, _, method in kept), key=METHODS.index, default=""),
                )
            )
    return Pairing(tuple(pairs), tuple(orphans), tuple(left_out))


def _is_test(folder: str) -> bool:
    return split_of(folder) == "test"


def _set_apart(names: Iterable[str]) -> tuple[dict[Place, list[str]], dict[Place, list[_Mask]]]:
    """Images and masks by place: by the folders' names, else by the files' own."""
    listed = [(name, tuple(name.split("/")[:-1])) for name in names]
    shared = shared_folders([folders for _, folders in listed])
    images: dict[Place, list[str]] = defaultdict(list)
    masks: dict[Place, list[_Mask]] = defaultdict(list)
    flat: dict[Place, list[str]] = defaultdict(list)
    for name, folders in listed:
        below = folders[shared:]
        if layer := _innermost(below, "mask"):
            masks[_place(below, layer)].append(_Mask(name, below[layer - 1]))
        elif layer := _innermost(below, "image"):
            images[_place(below, layer)].append(name)
        else:
            flat[below].append(name)
    if masks and (images or flat):
        return images or flat, masks
    together: dict[Place, list[str]] = defaultdict(list)
    for place, found in (*flat.items(), *images.items()):
        together[place] += found
    for place, kept in masks.items():
        together[place] += [mask.name for mask in kept]
    images, masks = {}, {}
    for place, found in together.items():
        marked = marked_masks(found) or _often_beside(found)
        images[place] = [name for name in found if name not in marked]
        masks[place] = [_Mask(name, "") for name in found if name in marked]
    if not any(masks.values()):
        images, masks = _by_extension(images)
    return images, masks


def _innermost(folders: Place, kind: str) -> int:
    """How many folders lead to the innermost one of a kind; 0 where there is none."""
    down = range(len(folders), 0, -1)
    return next((n for n in down if folder_kind(folders[n - 1])[0] == kind), 0)


def _place(folders: Place, layer: int) -> Place:
    """The folders without the one named for its kind; what else its name says stays."""
    rest = folder_kind(folders[layer - 1])[1]
    return (*folders[: layer - 1], *([rest] if rest else []), *folders[layer:])


def _often_beside(names: Sequence[str]) -> set[str]:
    """Files whose name adds an ending to another's, where most others have one with that ending."""
    stems = {fold(name): name for name in names}
    added: dict[str, set[str]] = defaultdict(set)  # ending: files
    for text, name in stems.items():
        other = next((base for base in beginnings(text) if base in stems), text)
        added[joined_suffix(text, other)].add(name)
    added.pop("", None)
    derived = {name for files in added.values() for name in files}
    bases = [name for name in names if name not in derived]
    typical = [
        files for files in added.values() if len(files) >= 2 and 2 * len(files) >= len(bases)
    ]
    return {name for files in typical for name in files}


def _by_extension(
    images: Mapping[Place, Sequence[str]],
) -> tuple[dict[Place, list[str]], dict[Place, list[_Mask]]]:
    """Masks that differ from their image by extension alone, where all do in the same way."""
    kinds = {
        tuple(sorted(suffix(name) for name in found))
        for listed in images.values()
        for found in _same_stem(listed).values()
    }
    lossless = [kind for kind in (".png", ".gif") if all(kind in found for found in kinds)]
    if len(kinds) == 1 and len(next(iter(kinds))) == 2 and len(lossless) == 1:
        return (
            {p: [n for n in listed if suffix(n) != lossless[0]] for p, listed in images.items()},
            {
                p: [_Mask(n, "") for n in listed if suffix(n) == lossless[0]]
                for p, listed in images.items()
            },
        )
    return {place: list(listed) for place, listed in images.items()}, {}


def _same_stem(names: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        found[fold(name)].append(name)
    return found


def _first_reader(
    found: Sequence[tuple[str, str, str]],
) -> tuple[Sequence[tuple[str, str, str]], list[str]]:
    """The masks of the first reader, and those left out; all where no name speaks of readers."""
    said = {mask: f"{layer} {_ending(mask)}" for mask, layer, _ in found}
    readers = sorted({text for text in said.values() if reader_of(text)}, key=natural)
    if not readers:
        return found, []
    kept = [item for item in found if said[item[0]] == readers[0]]
    return kept, [mask for mask, _, _ in found if said[mask] != readers[0]]


def _ending(mask: str) -> str:
    """What stands behind the last joint of a mask's name, where that speaks of a reader."""
    last = stem(mask)
    ending = last[max(last.rfind(joint) for joint in "_-. ") + 1 :]
    return ending if reader_of(ending) else ""


_GUESSES = {
    "order": "no file names fit, so images and masks were paired in sorted order: ",
    "affix": "names differ, so images and masks were paired by what their names share: ",
}


def _guessed(pairs: Iterable[Pair]) -> list[Problem]:
    """One problem per place that was paired by a guess, with its first pair to look at."""
    first: dict[tuple[Place, str], Pair] = {}
    for pair in sorted(pairs, key=lambda pair: pair.image):
        if pair.method in _GUESSES:
            first.setdefault((pair.place, pair.method), pair)
    return [
        Problem(
            kind=f"paired_by_{method}",
            where="/".join(place) or ".",
            detail=f"{_GUESSES[method]}{pair.image} with {pair.masks[0]}, and so on",
        )
        for (place, method), pair in first.items()
    ]


def _left_out(masks: Iterable[str]) -> list[Problem]:
    """One problem per folder and ending of masks that are not the first reader's."""
    alike: dict[str, list[str]] = defaultdict(list)
    for mask in masks:
        alike[re.sub(r"\d+", "#", mask)].append(mask)
    return [
        Problem(
            kind="mask_left_out",
            where=first,
            detail="not the first reader's: of another one, or the field of view"
            + (f"; {len(others)} more like this one" if others else ""),
        )
        for first, *others in alike.values()
    ]
