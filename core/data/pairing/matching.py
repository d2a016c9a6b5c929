"""Masks and the images that their names fit, within a place and across places."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from core.data.pairing.naming import (
    beginnings,
    core_of,
    fold,
    inner_keys,
    joined_suffix,
    natural,
    pieces,
    split_of,
)

Place = tuple[str, ...]
"""Folders of an image or a mask without the one named for its kind."""
METHODS = ("stem", "suffix", "folder", "affix", "order")
"""How an image and a mask find each other, the surest first."""
Owners = dict[str, tuple[str, str]]
"""Mask → its image and the method."""


class Group(NamedTuple):
    """Masks of one layer in one place."""

    place: Place
    layer: str
    names: tuple[str, ...]


def owners_of(images: Sequence[str], masks: Sequence[str]) -> Owners:
    """The image of each mask that has one, and the method; by names alone."""
    by_stem = {fold(image): image for image in images}
    by_core: dict[str, list[str]] = defaultdict(list)
    for image in images:
        by_core[core_of(image)].append(image)
    found: Owners = {}
    for mask in masks:
        if owner := by_stem.get(fold(mask)):
            found[mask] = owner, "stem"
        elif len(by_core.get(core_of(mask), ())) == 1:
            found[mask] = by_core[core_of(mask)][0], "suffix"
    left = [mask for mask in masks if mask not in found]
    found |= _by_common_ending(by_stem, left)
    return found or _by_inner_key(images, masks)


def _by_common_ending(by_stem: Mapping[str, str], masks: Sequence[str]) -> Owners:
    """Masks named like their image and an ending that at least half of ``masks`` have."""
    owners: Owners = {}
    for mask in masks:
        text = fold(mask)
        base = next((base for base in beginnings(text) if base in by_stem), "")
        if base and joined_suffix(text, base):
            owners[mask] = by_stem[base], _without_numbers(joined_suffix(text, base))
    counts = Counter(ending for _, ending in owners.values())
    return {
        mask: (image, "affix")
        for mask, (image, ending) in owners.items()
        if counts[ending] >= 2 and 2 * counts[ending] >= len(masks)
    }


def _without_numbers(text: str) -> str:
    return "".join(character for character in text if not character.isdecimal())


def _by_inner_key(images: Sequence[str], masks: Sequence[str]) -> Owners:
    """Images and masks that differ by what all images and what all masks have in common."""
    if min(len(set(map(fold, images))), len(set(map(fold, masks)))) < 2:
        return {}
    by_key: dict[str, list[str]] = defaultdict(list)
    for image, key in inner_keys(images).items():
        by_key[key].append(image)
    found = {
        mask: (by_key[key][0], "affix")
        for mask, key in inner_keys(masks).items()
        if len(by_key.get(key, ())) == 1
    }
    return found if 2 * len(found) >= len(masks) else {}


def by_count(images: Sequence[str], group: Group) -> Owners:
    """All masks beside a single image in a folder of its own; else as many of both, in order."""
    if len(images) == 1 and group.place:
        return dict.fromkeys(group.names, (images[0], "folder"))
    if len(images) != len(group.names):
        return {}
    ordered = zip(sorted(group.names, key=natural), sorted(images, key=natural), strict=True)
    return {mask: (image, "order") for mask, image in ordered}


def across(
    images: Mapping[Place, Sequence[str]], groups: Sequence[Group]
) -> Iterable[tuple[Group, Owners]]:
    """Each group of masks with its owners among the images of another place.

    A place is asked that no mask of its own place has been found for, and that is not of another
    part of a split. The surest method has them, then the place whose names fit most masks, then the
    one whose folders' names have most in common with theirs. Where that is open, nobody has them.
    """
    places = _Lookup(images)
    for group in groups:
        scores: dict[Place, tuple[int, int, tuple[int, int]]] = {}
        found: dict[Place, Owners] = {}
        for place in places.worth_asking(group):
            owners = owners_of(images[place], group.names)
            if 2 * len(owners) >= min(len(group.names), len(images[place])) > 0 and owners:
                found[place] = owners
                weakest = max(METHODS.index(method) for _, method in owners.values())
                common = _in_common(place, (*group.place, group.layer))
                scores[place] = -weakest, len(owners), common
        best = max(scores.values(), default=None)
        winners = [place for place, score in scores.items() if score == best]
        yield group, found[winners[0]] if len(winners) == 1 else {}


class _Lookup:
    """Places by the names of their images, so that not every place is asked for every group."""

    _FEW = 50

    def __init__(self, images: Mapping[Place, Sequence[str]]) -> None:
        self._all = tuple(images)
        self._by_name: dict[str, set[Place]] = defaultdict(set)
        for place, listed in images.items():
            for image in listed:
                self._by_name[fold(image)].add(place)
                self._by_name[core_of(image)].add(place)

    def worth_asking(self, group: Group) -> list[Place]:
        """Places in which a mask's stem or core is an image's; all, where they are few."""
        asked = set(self._all) if len(self._all) <= self._FEW else set()
        for mask in group.names:
            for key in (fold(mask), core_of(mask)):
                asked |= self._by_name.get(key, set())
        where = (*group.place, group.layer)
        parts = _parts(where)
        able = [p for p in sorted(asked) if not parts or _parts(p) in {frozenset(), parts}]
        if len(able) > self._FEW:  # all number their images alike
            able.sort(key=lambda place: _in_common(place, where), reverse=True)
        return able[: self._FEW]


@lru_cache(maxsize=4096)
def _parts(place: Place) -> frozenset[str]:
    return frozenset(filter(None, map(split_of, place)))


def _in_common(images: Place, masks: Place) -> tuple[int, int]:
    """How many words and numbers two places share, and less how many only the images' has."""
    own = _words(images)
    shared = own & _words(masks)
    return len(shared), len(shared) - len(own)


@lru_cache(maxsize=4096)
def _words(place: Place) -> frozenset[str]:
    return frozenset(word for part in place for word in pieces(part))
