"""What the folders above an image say: its part of a published split, its group and its label."""

import re
from collections import Counter
from collections.abc import Sequence

from core.data.file_dataset import shared_folders
from core.data.pairing.matching import Place
from core.data.pairing.naming import SPLITS, fold, pieces, split_of

_CASES = frozenset(
    {
        *("patient", "patients", "pat", "p", "case", "subject", "subj", "sub", "slide", "series"),
        *("study", "sample", "specimen", "volume", "scan"),
    }
)
"""Words before a number that count patients or what is of one patient."""
_NOT_A_CASE = frozenset(
    {
        *("class", "classes", "grade", "type", "stage", "birads", "rads", "level", "label"),
        *("category", "score", "fold", "batch", "part", "task", "dataset", "version", "v"),
        *("x", "px", "zoom"),
    }
)
"""Words before a number that count kinds or portions, not patients."""
_MANY = 8
"""Folders with a number that are too many for classes."""
_NUMBERED = re.compile(
    r"(.*\d.*?)[ _.-]+(?:(?:slice|sl|s|frame|fr|f|img|image|im|z|t|view|page)[ _.-]?)?\d+"
    r"(?:[ _.-](?:img|image))?",
    re.IGNORECASE,
)
"""An identifier with a number, then a counter."""
_SIDE = re.compile(r"(.*\d)[ _.-]?(?:l|r|left|right|od|os)", re.IGNORECASE)


def splits_of(places: Sequence[Place], names: Sequence[str]) -> list[str]:
    """The published part of each image: ``train``, ``val``, ``test`` or nothing.

    A folder's name says it (``training_set``, ``ISIC2018_Task1-2_Validation_Input``) or, where no
    folder does, the beginning of every file's (``testA_1.bmp``). ``train`` and ``val`` count only
    where all three parts are there; ``test`` alone is kept apart.

    Args:
        places: Folders of each image.
        names: File names of the images.
    """
    found = [next(filter(None, map(split_of, place)), "") for place in places]
    if not any(found):
        firsts = [split_of((pieces(name) or ("",))[0]) for name in names]
        found = firsts if all(firsts) else found
    whole = {"train", "val", "test"} <= set(found)
    return [part if whole or part == "test" else "" for part in found]


def groups_of(places: Sequence[Place], names: Sequence[str]) -> list[str]:
    """What must not be torn apart by a split: the folder of a case, or both sides of a patient.

    A folder is a case where it has a number (``patient7``, ``TCGA_CS_4941_1996``, ``Slide_01``),
    there are at least three such folders, and several images lie in most. A word like *grade* or
    *fold* before the number speaks against it, and so does a single digit behind another word
    where such folders are few: ``C1`` to ``C5`` are classes. ``bus_0001-l`` and ``bus_0001-r``
    are one patient where at least half of the images have both sides. File names may name the
    patient, too: see ``_patients_in_names``.

    Returns:
        A name for each image; empty where it stands for itself.
    """
    cases = [next((n for n, part in enumerate(place, 1) if _is_case(part)), 0) for place in places]
    held = Counter(place[:n] for place, n in zip(places, cases, strict=True) if n)
    sure = len(held) >= _MANY or all(_counts_cases(place[-1]) for place in held)
    if sure and len(held) >= 3 and sum(count > 1 for count in held.values()) * 2 >= len(held):
        return ["/".join(place[:n]) for place, n in zip(places, cases, strict=True)]
    if any(named := _patients_in_names(places, names)):
        return named
    sides = [_SIDE.fullmatch(fold(name)) for name in names]
    patients = [
        "/".join((*place, side[1])) if side else ""
        for place, side in zip(places, sides, strict=True)
    ]
    both = {patient for patient, count in Counter(patients).items() if patient and count == 2}
    paired = [patient if patient in both else "" for patient in patients]
    return paired if 2 * sum(map(bool, paired)) >= len(names) else [""] * len(names)


def _patients_in_names(places: Sequence[Place], names: Sequence[str]) -> list[str]:
    """Patients named before a counter: ``patient02_slice03``, ``TCGA-CS-4902-3``, ``A017_2``.

    What stands before the last number is an identifier where it has a number itself, several images
    share it, and there are at least two of them. A word like *grade* or *fold* before its number
    speaks against it. Two plain numbers (``01_02``) do not say which is which and count only where
    a word such as *patient* or letters stand by.
    """
    found = [_NUMBERED.fullmatch(fold(name)) for name in names]
    owners = [
        "/".join((*place, match[1])) if match and _is_patient(match[1]) else ""
        for place, match in zip(places, found, strict=True)
    ]
    held = Counter(filter(None, owners))
    several = sum(count for count in held.values() if count > 1)
    if len(held) < 2 or 2 * several < len(names):
        return [""] * len(names)
    return owners


def _is_patient(text: str) -> bool:
    said = pieces(text)
    numbers = [piece for piece in said if piece.isdecimal()]
    if not numbers or not _NOT_A_CASE.isdisjoint(said):
        return False
    return any(not piece.isdecimal() and piece not in SPLITS for piece in said)


def labels_of(places: Sequence[Place], groups: Sequence[str]) -> list[str]:
    """The innermost folder that is no split and no case, where images share several of them.

    Args:
        places: Folders of each image.
        groups: As ``groups_of`` gives them.
    """
    common = shared_folders(list(places))
    found = []
    for place, group in zip(places, groups, strict=True):
        case = len(group.split("/")) if group and "/".join(place).startswith(group) else 0
        rest = [
            part
            for n, part in enumerate(place, 1)
            if n > common and n != case and not split_of(part)
        ]
        found.append(rest[-1] if rest else "")
    counts = Counter(found)
    shared = len(counts) > 1 and 2 * len(counts) <= len(found)
    return found if shared else [""] * len(found)


def _counts_cases(folder: str) -> bool:
    said = pieces(folder)
    return not _CASES.isdisjoint(said) or any(len(p) > 1 for p in said if p.isdecimal())


def _is_case(folder: str) -> bool:
    """Whether a folder's name has a number that counts patients, slides or series."""
    said = pieces(folder)
    numbers = [piece for piece in said if piece.isdecimal()]
    if not numbers or split_of(folder) or not _NOT_A_CASE.isdisjoint(said):
        return False
    # a number alone is a case where it is written as one: 01, 007, 1234; 0 and 1 are classes
    return len(said) > 1 or len(numbers[0]) > 1
