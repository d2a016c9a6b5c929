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

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from core.data.archive import stem, suffix
from core.data.file_dataset import shared_folders
from core.data.naming import (
    core_of,
    fold,
    inner_keys,
    joined_suffix,
    kind_of,
    marked_masks,
    natural,
    pieces,
    reader_of,
    split_of,
)

Place = tuple[str, ...]
METHODS = ("stem", "suffix", "folder", "affix", "order")
"""The surest first."""


@dataclass(frozen=True)
class Pair:
    """One image, its masks, and how they found each other."""

    image: str
    masks: tuple[str, ...]
    place: Place
    """Folders of the image without the one named like *images*."""
    method: str
    """One of ``METHODS``; empty where there is no mask."""


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

        A published test part in which no image has one does not count.
        """
        asked = [pair for pair in self.pairs if pair.masks or not self.unlabelled(pair)]
        return sum(bool(pair.masks) for pair in asked) / max(len(asked), 1)

    def unlabelled(self, pair: Pair) -> bool:
        """Whether the image is of a published part that has no masks at all."""
        return pair.place in self._tests_without_masks

    @property
    def _tests_without_masks(self) -> set[Place]:
        places = {pair.place for pair in self.pairs if any(map(_is_test, pair.place))}
        return places - {pair.place for pair in self.pairs if pair.masks}


class _Mask(NamedTuple):
    name: str
    layer: str
    """Its folder named like *masks*; masks of one layer go together."""


class _Group(NamedTuple):
    """Masks of one layer in one place."""

    place: Place
    layer: str
    names: tuple[str, ...]


def pair_files(names: Iterable[str]) -> Pairing:
    """Pair the image files of one data set.

    Args:
        names: Relative names with ``/`` of image files only.
    """
    images, masks = _set_apart(names)
    groups = [
        _Group(place, layer, tuple(mask.name for mask in masks[place] if mask.layer == layer))
        for place in sorted(masks)
        for layer in sorted({mask.layer for mask in masks[place]}, key=natural)
    ]
    found: dict[str, list[tuple[str, str, str]]] = defaultdict(list)  # image: mask, layer, method
    orphans: list[str] = []
    waiting: list[_Group] = []
    for group in groups:
        here = images.get(group.place, [])
        owners = _owners(here, group.names) or _by_count(here, group)
        if not owners:
            waiting.append(group)
            continue
        orphans += [mask for mask in group.names if mask not in owners]
        for mask, (image, method) in owners.items():
            found[image].append((mask, group.layer, method))
    unpaired = {
        place: listed for place, listed in images.items() if not any(map(found.get, listed))
    }
    for group, owners in _across(unpaired, waiting):
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
    return next((n for n in range(len(folders), 0, -1) if kind_of(folders[n - 1])[0] == kind), 0)


def _place(folders: Place, layer: int) -> Place:
    """The folders without the one named for its kind; what else its name says stays."""
    rest = kind_of(folders[layer - 1])[1]
    return (*folders[: layer - 1], *([rest] if rest else []), *folders[layer:])


def _often_beside(names: Sequence[str]) -> set[str]:
    """Files whose name adds an ending to another's, where most others have one with that ending."""
    stems = {fold(name): name for name in names}
    added: dict[str, dict[str, str]] = defaultdict(dict)  # ending: file, whose it is
    for text, name in stems.items():
        for other in _beginnings(text):
            if other in stems:
                added[joined_suffix(text, other)][name] = stems[other]
                break
    added.pop("", None)
    derived = {name for files in added.values() for name in files}
    bases = [name for name in names if name not in derived]
    usual = [files for files in added.values() if 2 <= len(files) and 2 * len(files) >= len(bases)]
    return {name for files in usual for name in files}


def _beginnings(text: str) -> Iterable[str]:
    """What stands before each space, ``_``, ``.`` and ``-``, the longest first."""
    return (text[:n] for n in range(len(text) - 1, 0, -1) if text[n] in " _.-")


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


def _owners(images: Sequence[str], masks: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The image of each mask that has one, and the method; by names alone."""
    by_stem = {fold(image): image for image in images}
    by_core: dict[str, list[str]] = defaultdict(list)
    for image in images:
        by_core[core_of(image)].append(image)
    found: dict[str, tuple[str, str]] = {}
    for mask in masks:
        if owner := by_stem.get(fold(mask)):
            found[mask] = owner, "stem"
        elif len(by_core.get(core_of(mask), ())) == 1:
            found[mask] = by_core[core_of(mask)][0], "suffix"
    left = [mask for mask in masks if mask not in found]
    found |= _by_usual_ending(by_stem, left)
    return found or _by_inner_key(images, masks)


def _by_usual_ending(
    by_stem: Mapping[str, str], masks: Sequence[str]
) -> dict[str, tuple[str, str]]:
    """Masks named like their image and an ending that at least half of ``masks`` have."""
    owners: dict[str, tuple[str, str]] = {}
    for mask in masks:
        text = fold(mask)
        base = next((base for base in _beginnings(text) if base in by_stem), "")
        if base and joined_suffix(text, base):
            owners[mask] = by_stem[base], _without_numbers(joined_suffix(text, base))
    counts = Counter(ending for _, ending in owners.values())
    return {
        mask: (image, "affix")
        for mask, (image, ending) in owners.items()
        if 2 <= counts[ending] and 2 * counts[ending] >= len(masks)
    }


def _without_numbers(text: str) -> str:
    return "".join(character for character in text if not character.isdecimal())


def _by_inner_key(images: Sequence[str], masks: Sequence[str]) -> dict[str, tuple[str, str]]:
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


def _by_count(images: Sequence[str], group: _Group) -> dict[str, tuple[str, str]]:
    """All masks beside a single image in a folder of its own; else as many of both, in order."""
    if len(images) == 1 and group.place:
        return dict.fromkeys(group.names, (images[0], "folder"))
    if len(images) != len(group.names):
        return {}
    ordered = zip(sorted(group.names, key=natural), sorted(images, key=natural), strict=True)
    return {mask: (image, "order") for mask, image in ordered}


def _across(
    images: Mapping[Place, Sequence[str]], groups: Sequence[_Group]
) -> Iterable[tuple[_Group, dict[str, tuple[str, str]]]]:
    """Each group of masks with its owners among the images of another place.

    A place is asked that no mask of its own place has been found for, and that is not of another
    part of a split. The surest method has them, then the place whose names fit most masks, then the
    one whose folders' names have most in common with theirs. Where that is open, nobody has them.
    """
    places = _Lookup(images)
    for group in groups:
        scores: dict[Place, tuple[int, int, tuple[int, int]]] = {}
        found: dict[Place, dict[str, tuple[str, str]]] = {}
        for place in places.worth_asking(group):
            owners = _owners(images[place], group.names)
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

    def worth_asking(self, group: _Group) -> list[Place]:
        """Places in which a mask's stem or core is an image's; all, where they are few."""
        asked = set(self._all) if len(self._all) <= self._FEW else set()
        for mask in group.names:
            for key in (fold(mask), core_of(mask)):
                asked |= self._by_name.get(key, set())
        parts = _parts((*group.place, group.layer))
        return [p for p in sorted(asked) if not parts or _parts(p) in {frozenset(), parts}]


def _parts(place: Place) -> frozenset[str]:
    return frozenset(filter(None, map(split_of, place)))


def _in_common(images: Place, masks: Place) -> tuple[int, int]:
    """How many words and numbers two places share, and less how many only the images' has."""
    own = {word for part in images for word in pieces(part)}
    shared = own & {word for part in masks for word in pieces(part)}
    return len(shared), len(shared) - len(own)


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


