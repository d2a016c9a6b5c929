"""What the name of a folder or a file says: image or mask, whose reading, which part.

The words are those of published sets: ``1st_manual``, ``ManualMask/leftMask``, ``Ground Truth``,
``ISIC2018_Task1_Training_GroundTruth``, ``benign (1)_mask_1.png``.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import takewhile

from core.data.archive import stem

SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val"}
SPLITS |= {"validation": "val", "dev": "val", "test": "test", "testing": "test"}

_READERS = frozenset({"manual", "rater", "reader", "observer", "annotator", "expert", "ho"})
_IMAGE = frozenset({"image", "images", "img", "imgs", "original", "originals", "input", "inputs"})
_MASK = _READERS | {
    *("mask", "masks", "msk", "gt", "gts", "ground", "truth", "truths", "groundtruth"),
    *("groundtruths", "label", "labels", "annotation", "annotations", "segmentation"),
    *("segmentations", "target", "targets"),
}
_DESCRIBES = frozenset({"with", "and"})
_MOST_WORDS = 3  # a longer name is a kind of files only by its last word
_MASK_WORD = r"(?:masks?|msk|gt|ground[ _-]?truth|segmentation|seg|labels?|annotation|anno|lesion)"
_WORD = rf"(?:{_MASK_WORD}|images?|img|original|orig|input)"
_MASK_SUFFIX = re.compile(rf".+[ _.-]{_MASK_WORD}(?:[ _-]?\d+)?", re.IGNORECASE)
_MASK_PREFIX = re.compile(rf"{_MASK_WORD}[ _.-]?.+", re.IGNORECASE)
_CORE = (
    re.compile(rf"(.+)[ _.-]{_WORD}(?:[ _-]?\d+)?"),
    re.compile(rf"{_WORD}[ _.-]?(.+)"),
)
_JOINT = " _.-"
_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def fold(name: str) -> str:
    """A stem as people compare it: composed characters, one case."""
    return unicodedata.normalize("NFC", stem(name)).casefold()


def core_of(name: str) -> str:
    """A folded stem without words like *image* and *mask* and what joins them to the rest."""
    whole = fold(name)
    for pattern in _CORE:
        if match := pattern.fullmatch(whole):
            return match[1]
    return whole


def natural(name: str) -> list[tuple[int, str]]:
    """Sort key in which ``img2`` comes before ``img10``."""
    parts = re.split(r"(\d+)", name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


@lru_cache(maxsize=4096)  # files of one folder come together
def pieces(name: str) -> tuple[str, ...]:
    """Words and numbers of a name in lower case: ``leftMask`` has two, ``testA_01`` three."""
    return tuple(piece.lower() for piece in _PIECES.findall(name))


def marked_masks(names: Iterable[str]) -> set[str]:
    """Of files side by side those whose own name says mask; by the ending before the beginning."""
    listed = list(names)
    marked = {name for name in listed if _MASK_SUFFIX.fullmatch(stem(name))}
    return marked or {name for name in listed if _MASK_PREFIX.fullmatch(stem(name))}


@lru_cache(maxsize=4096)
def folder_kind(folder: str) -> tuple[str, str]:
    """``image``, ``mask`` or nothing, and what else the folder's name says.

    ``train_images`` is images of *train*, ``1st_manual`` masks of nothing in particular.
    """
    words = [word for word in re.split(r"[ _.-]+", folder) if word]
    if not _DESCRIBES.isdisjoint(word.lower() for word in words):
        return "", folder
    asked = words if len(words) <= _MOST_WORDS else words[-1:]
    for kind, known in (("mask", _MASK), ("image", _IMAGE)):
        if any(_says(word, known) for word in asked):
            rest = [_without(word) for word in words]
            if reader_of(folder):  # the first reader's masks belong where the images are
                rest = [word for word in rest if not re.fullmatch(r"\d*(st|nd|rd|th)?", word)]
            return kind, "_".join(filter(None, rest))
    return "", folder


def reader_of(name: str) -> bool:
    """Whether a name tells one reader's masks from another's: ``1st_manual``, ``_2ndHO``.

    ``ManualMask`` has no number and says mask already: those are all there are.
    """
    low = name.lower()
    if not any(word in low for word in _READERS):  # of 30,000 names hardly one
        return False
    said = set(pieces(name))
    numbered = any(piece.isdecimal() for piece in said)
    return bool(said & _READERS) and (numbered or not said & (_MASK - _READERS))


def split_of(folder: str) -> str:
    """The part of a published split that a folder's name says, empty for none or several."""
    said = {SPLITS[piece] for piece in pieces(folder) if piece in SPLITS}
    return said.pop() if len(said) == 1 else ""


def inner_keys(names: Iterable[str]) -> dict[str, str]:
    """What tells each of several names from the others: what all begin or end with is left out.

    Numbers stay whole: ``vol-01`` and ``vol-02`` differ by ``01`` and ``02``. Of a single name
    nothing is left out.
    """
    stems = {name: fold(name) for name in names}
    distinct = set(stems.values())
    if len(distinct) < 2:
        return stems
    head = len(_shared_start(distinct).rstrip("0123456789"))
    tail = len(_shared_start(text[head:][::-1] for text in distinct).rstrip("0123456789"))
    return {name: text[head : len(text) - tail] for name, text in stems.items()}


def _shared_start(texts: Iterable[str]) -> str:
    columns = takewhile(lambda column: len(set(column)) == 1, zip(*texts, strict=False))
    return "".join(column[0] for column in columns)


def beginnings(text: str) -> Iterable[str]:
    """What stands before each space, ``_``, ``.`` and ``-``, the longest first."""
    return (text[:n] for n in range(len(text) - 1, 0, -1) if text[n] in _JOINT)


def joined_suffix(name: str, other: str) -> str:
    """What ``name`` adds to ``other`` behind a space, ``_``, ``.`` or ``-``; both folded stems.

    Empty where it adds nothing, or a number alone: that is the next image and no mask.
    """
    added = name[len(other) :] if name.startswith(other) else ""
    is_suffix = len(added) > 1 and added[0] in _JOINT and not added[1:].isdecimal()
    return added if is_suffix else ""


def _says(word: str, known: frozenset[str]) -> bool:
    return word.lower() in known or not known.isdisjoint(pieces(word))


def _without(word: str) -> str:
    """A word of a folder's name without what says image or mask, in lower case."""
    low = word.lower()
    if low in _MASK | _IMAGE:
        return ""
    kept = [piece for piece in pieces(word) if piece not in _MASK | _IMAGE]
    return low if len(kept) == len(pieces(word)) else "".join(kept)
