"""Which samples train, which choose, which judge: a split that is deterministic and hashed."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from core.data.base import Sample
from core.errors import InputError

PARTS = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class Split:
    """Sample ids of the three parts; no group is on two sides."""

    train: tuple[str, ...]
    """Fits the weights."""
    val: tuple[str, ...]
    """Chooses the epoch and the threshold."""
    test: tuple[str, ...]
    """Judges; never looked at before the threshold is frozen."""
    method: str
    """How it was made, in words."""

    @property
    def hash(self) -> str:
        """SHA-256 over the ids of the three parts, whatever their order."""
        parts = [sorted(getattr(self, part)) for part in PARTS]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def document(self) -> dict[str, object]:
        """The split as it is written beside a run."""
        return {**asdict(self), "hash": self.hash}

    @classmethod
    def of_document(cls, document: dict[str, object]) -> "Split":
        """Read back what ``document`` wrote.

        Raises:
            InputError: The recorded hash does not fit the ids: the file was edited.
        """
        parts = {part: tuple(map(str, _list(document.get(part)))) for part in PARTS}
        split = cls(**parts, method=str(document.get("method")))
        if split.hash != document.get("hash"):
            raise InputError(
                "the split's ids do not fit its recorded hash; restore the file or train anew"
            )
        return split


def make_split(
    samples: Sequence[Sample], *, seed: int = 0, fractions: tuple[float, float] = (0.15, 0.15)
) -> Split:
    """Split the labelled samples: as the data set fixes it, else by group and label.

    Args:
        samples: Samples of one data set; those without truth are left out.
        seed: Order of the groups.
        fractions: Shares of validation and test.

    Raises:
        InputError: Too few groups to fill the three parts.
    """
    labelled = [sample for sample in samples if sample.has_truth]
    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    if labelled and all(sample.split in PARTS for sample in labelled):
        for sample in labelled:
            parts[sample.split].append(sample.id)
        method = "fixed by the data set"
    else:
        stratum = _strata(labelled)
        for label in sorted(set(stratum.values())):
            _deal([s for s in labelled if stratum[s.group] == label], parts, seed, fractions)
        method = f"random by group, stratified by label, seed {seed}"
    empty = [part for part in PARTS if not parts[part]]
    if empty:
        raise InputError(
            f"{len(labelled)} labelled images are too few for a train, val and test split "
            f"({', '.join(empty)} would be empty); add images"
        )
    train, val, test = (tuple(parts[part]) for part in PARTS)
    return Split(train=train, val=val, test=test, method=method)


def _strata(samples: Sequence[Sample]) -> dict[str, str]:
    """The label that each group is dealt with: its most frequent one, so that it stays whole."""
    labels: dict[str, list[str]] = defaultdict(list)
    for sample in samples:
        labels[sample.group].append(sample.label)
    return {group: max(sorted(set(found)), key=found.count) for group, found in labels.items()}


def _deal(
    samples: list[Sample],
    parts: dict[str, list[str]],
    seed: int,
    fractions: tuple[float, float],
) -> None:
    """Deal whole groups, each to the part that is furthest below its share."""
    groups: dict[str, list[str]] = defaultdict(list)
    for sample in samples:
        groups[sample.group].append(sample.id)
    names = sorted(groups)
    np.random.default_rng(seed).shuffle(names)
    share = dict(zip(PARTS, (1 - sum(fractions), *fractions), strict=True))
    taken = dict.fromkeys(PARTS, 0)
    for name in sorted(names, key=lambda name: -len(groups[name])):  # stable: keeps the shuffle
        part = max(PARTS, key=lambda part: share[part] * len(samples) - taken[part])
        parts[part].extend(groups[name])
        taken[part] += len(groups[name])


def _list(value: object) -> list[object]:
    if not isinstance(value, list | tuple):
        raise InputError("a split file must list sample ids under train, val and test")
    return list(value)
