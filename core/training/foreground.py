"""Whether there is something to learn and to validate on, asked before the first epoch."""

from collections.abc import Iterable

import numpy as np

from core.data.preparation import Prepared
from core.data.splits import Split
from core.errors import InputError
from core.inference.heads import Head


def classes_held(prepared: Prepared) -> dict[str, set[int]]:
    """Mask values above 0 of every prepared sample by its id; of patches those of all."""
    found: dict[str, set[int]] = {}
    for identity, mask in zip(prepared.ids, prepared.masks, strict=True):
        present = np.flatnonzero(np.bincount(mask.ravel(), minlength=1)).tolist()
        found.setdefault(identity, set()).update(value for value in present if value)
    return found


def check_foreground(held: dict[str, set[int]], split: Split, head: Head) -> list[str]:
    """Refuse what cannot be trained or validated, and say what can be only in part.

    Args:
        held: As ``classes_held`` gives it.
        split: Of the run.
        head: The classes to learn.

    Returns:
        Sentences about classes that are missing.

    Raises:
        InputError: No image, no training image or no validation image has foreground.
    """
    if not any(held.values()):
        raise InputError(
            "not one mask has foreground, so there is nothing to learn; look at the masks with "
            "python -m core datasets check"
        )
    for part, ids in (("training", split.train), ("validation", split.val)):
        if not any(held.get(identity) for identity in ids):
            raise InputError(
                f"no {part} image has foreground; add images with foreground, or make another "
                "split, for example --set split_seed=1"
            )
    said = []
    for name, values in zip(head.names, head.values, strict=True):
        for part, ids in (("training", split.train), ("validation", split.val)):
            if values and not _any_holds(held, ids, values):
                said.append(f"no {part} image has {name}; what is reported of it means nothing")
    return said


def _any_holds(held: dict[str, set[int]], ids: Iterable[str], values: tuple[int, ...]) -> bool:
    return any(held.get(identity, set()) & set(values) for identity in ids)
