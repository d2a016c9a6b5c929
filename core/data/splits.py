"""Which samples train, which choose, which evaluate: a split that is deterministic and hashed."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from core.data.base import Sample
from core.errors import InputError

SUBSETS = ("train", "val", "test")
GAP_SHARE = 10
"""Part of a shared group that lies between validation and test, as one over this."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """Sample ids of the three parts; no group is on two sides."""

    train: tuple[str, ...]
    """Fits the weights."""
    val: tuple[str, ...]
    """Chooses the epoch and the threshold."""
    test: tuple[str, ...]
    """For evaluation; never examined before the threshold is frozen."""
    method: str
    """How it was made, in words."""

    @property
    def hash(self) -> str:
        """SHA-256 over the ids of the three parts, whatever their order."""
        parts = [sorted(getattr(self, part)) for part in SUBSETS]
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
        parts = {part: tuple(map(str, _list(document.get(part)))) for part in SUBSETS}
        split = cls(**parts, method=str(document.get("method")))
        if split.hash != document.get("hash"):
            raise InputError(
                "the split's ids do not fit its recorded hash; restore the file or train anew"
            )
        return split


def make_split(
    samples: Sequence[Sample],
    *,
    seed: int = 0,
    fractions: tuple[float, float] = (0.15, 0.15),
    clusters: Mapping[str, str] | None = None,
    strata: Mapping[str, str] | None = None,
    folds: int = 0,
    fold: int = 0,
    share_group: bool = False,
) -> Split:
    """Split the labelled samples: as the data set fixes it, else by group and stratum.

    Where the data set fixes its test split alone, the rest is split into training and validation;
    what is of a group or near-duplicate cluster with a test image is left out.

    Args:
        samples: Samples of one data set; those without truth are left out.
        seed: Order of the groups.
        fractions: Shares of validation and test.
        clusters: Near-duplicate cluster of a sample id, see ``core.data.quality.duplicates``; the
            members of one stay together, and so do the groups they belong to.
        strata: Stratum of a sample id, for example from ``area_strata``; by default its label.
        folds: Cross-validation with this many parts; 0 for a single split. It takes the place of
            a split that the data set fixes.
        fold: Which of the folds is the test split; the next one is validation.
        share_group: What can be done with two groups alone, two volumes for example: one trains,
            and of the other the first samples validate, the last ones test, and a tenth between
            them is left out. What evaluates is unknown to the weights, but not of a patient of its
            own; the method says so.

    Raises:
        InputError: Too few groups to fill the three parts, or no such fold.
    """
    labelled = [sample for sample in samples if sample.has_truth]
    parts: dict[str, list[str]] = {part: [] for part in SUBSETS}
    if not folds and labelled and all(sample.split in SUBSETS for sample in labelled):
        for sample in labelled:
            parts[sample.split].append(sample.id)
        method = "fixed by the data set"
    elif share_group:
        parts, method = _of_two_groups(labelled, _groups(labelled, clusters or {}), seed)
    else:
        groups = _groups(labelled, clusters or {})
        published = [] if folds else [s for s in labelled if s.split == "test"]
        parts["test"] = [sample.id for sample in published]
        judging = {groups[name] for name in parts["test"]}
        rest = [sample for sample in labelled if groups[sample.id] not in judging]
        stratum = _strata(rest, groups, strata or {})
        together = "group and near-duplicate cluster" if clusters else "group"
        method = f"random by {together}, stratified by {'area' if strata else 'label'}, seed {seed}"
        if folds:
            method += f", fold {fold} of {folds}"
            names, shares = _fold_shares(folds, fold)
        elif published:
            method = f"test fixed by the data set, the rest {method}"
            names, shares = SUBSETS[:2], (1 - fractions[0], fractions[0])
        else:
            names, shares = SUBSETS, (1 - sum(fractions), *fractions)
        for label in sorted(set(stratum.values())):
            members = [s for s in rest if stratum[groups[s.id]] == label]
            for part, ids in _deal(members, groups, seed, shares).items():
                parts[names[part]].extend(ids)
        if not folds:
            _fill(parts, groups, names)
    empty = [part for part in SUBSETS if not parts[part]]
    if empty:
        count = len(set(_groups(labelled, clusters or {}).values()))  # copies count once
        raise InputError(
            f"{len(labelled)} labelled images of {count} patients or groups, which stay whole, are "
            f"too few for a train, val and test split ({', '.join(empty)} would be empty); add "
            "images" + (" or set share_group=true" if count == 2 else "")
        )
    train, val, test = (tuple(parts[part]) for part in SUBSETS)
    return Split(train=train, val=val, test=test, method=method)


def spread_foreground(
    split: Split, samples: Sequence[Sample], holders: set[str], clusters: Mapping[str, str]
) -> Split:
    """The split with foreground in each part, where it has too little by chance.

    Whole groups are exchanged: one with foreground goes from the part that has most of them to the
    one that has none, and one without comes back. A split that a data set fixes stays, and so does
    one whose parts all hold foreground, or whose images with foreground are of too few groups.

    Args:
        split: As ``make_split`` gives it.
        samples: The samples it was made of.
        holders: Ids of those with foreground.
        clusters: As given to ``make_split``.
    """
    if split.method.startswith("fixed by") or "test fixed" in split.method:
        return split
    parts = {part: list(getattr(split, part)) for part in SUBSETS}
    groups = _groups([sample for sample in samples if sample.has_truth], clusters)
    with_any = {groups[identity] for identity in holders}

    def held(part: str) -> list[str]:
        return sorted({groups[i] for i in parts[part]} & with_any)

    moved = False
    for part in SUBSETS:
        donor = max(SUBSETS, key=lambda name: len(held(name)))
        if held(part) or len(held(donor)) < 2:
            continue
        given = held(donor)[0]
        without = sorted({groups[i] for i in parts[part]} - with_any)
        back = without[0] if len(without) > 1 or parts[part] else None
        coming = [i for i in parts[donor] if groups[i] == given]
        going = [i for i in parts[part] if groups[i] == back]
        parts[donor] = [i for i in parts[donor] if groups[i] != given] + going
        parts[part] = [i for i in parts[part] if groups[i] != back] + coming
        moved = True
    if not moved:
        return split
    train, val, test = (tuple(parts[part]) for part in SUBSETS)
    method = f"{split.method}, with foreground in each part"
    return Split(train=train, val=val, test=test, method=method)


def area_strata(foreground_shares: Mapping[str, float], *, bins: int = 3) -> dict[str, str]:
    """Strata by lesion area: empty masks apart, the others in equally large bins.

    Args:
        foreground_shares: Share of the image that is foreground, by sample id.
        bins: How many.
    """
    areas = np.array([share for share in foreground_shares.values() if share > 0])
    edges = np.quantile(areas, np.linspace(0, 1, bins + 1)[1:-1]) if len(areas) else []
    return {
        identity: f"area {np.searchsorted(edges, share, side='right')}" if share > 0 else "empty"
        for identity, share in foreground_shares.items()
    }


def leaks(samples: Sequence[Sample], split: Split, clusters: Mapping[str, str]) -> list[str]:
    """Groups and near-duplicate clusters with members in two parts, in words; empty is good."""
    part_of = {identity: part for part in SUBSETS for identity in getattr(split, part)}
    found = []
    for kind, name_of in (
        ("group", {sample.id: sample.group for sample in samples}),
        ("near-duplicate cluster", clusters),
    ):
        sides: dict[str, set[str]] = defaultdict(set)
        for identity, name in name_of.items():
            if identity in part_of:
                sides[name].add(part_of[identity])
        found += [
            f"{kind} {name} is in {' and '.join(sorted(parts))}"
            for name, parts in sorted(sides.items())
            if len(parts) > 1
        ]
    return found


def _groups(samples: Sequence[Sample], clusters: Mapping[str, str]) -> dict[str, str]:
    """What each sample must stay with: groups and clusters that share a sample are one."""
    from scipy.cluster.hierarchy import DisjointSet  # 0.2 s; only where a split is made

    joined = DisjointSet(("group", sample.group) for sample in samples)
    for sample in samples:
        if sample.id in clusters:
            cluster = ("cluster", clusters[sample.id])
            joined.add(cluster)
            joined.merge(("group", sample.group), cluster)
    # named after the first member, so that the order of the samples plays no part
    name = {node: "/".join(min(subset)) for subset in joined.subsets() for node in subset}
    return {sample.id: name["group", sample.group] for sample in samples}


def _strata(
    samples: Sequence[Sample], groups: Mapping[str, str], strata: Mapping[str, str]
) -> dict[str, str]:
    """The stratum that each group is dealt with: its most frequent one, so that it stays whole."""
    found: dict[str, list[str]] = defaultdict(list)
    for sample in samples:
        found[groups[sample.id]].append(strata.get(sample.id, sample.label))
    return {group: max(sorted(set(names)), key=names.count) for group, names in found.items()}


def _of_two_groups(
    samples: Sequence[Sample], groups: Mapping[str, str], seed: int
) -> tuple[dict[str, list[str]], str]:
    """One group trains; the other is cut in two, in the order of its ids."""
    members: dict[str, list[str]] = defaultdict(list)
    for identity in sorted(sample.id for sample in samples):
        members[groups[identity]].append(identity)
    if len(members) != 2 or min(len(ids) for ids in members.values()) < 3:
        raise InputError(
            f"share_group is for two groups of samples, found {len(members)}; leave it out"
        )
    names = sorted(members)
    np.random.default_rng(seed).shuffle(names)
    train, shared = (members[name] for name in names)
    gap = max(1, len(shared) // GAP_SHARE)
    half = (len(shared) - gap) // 2
    return {"train": train, "val": shared[:half], "test": shared[half + gap :]}, (
        f"one of two groups trains; of the other the first {half} validate and the last "
        f"{len(shared) - half - gap} test, {gap} between them left out: validation and test are of "
        f"one patient, seed {seed}"
    )


def _fold_shares(folds: int, fold: int) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Part and share of each fold."""
    if folds < 3 or not 0 <= fold < folds:
        raise InputError(
            f"cross-validation needs at least 3 folds and a fold from 0 to folds - 1, "
            f"found fold {fold} of {folds}"
        )
    names = ["train"] * folds
    names[fold], names[(fold + 1) % folds] = "test", "val"
    return tuple(names), (1 / folds,) * folds


def _deal(
    samples: list[Sample], groups: Mapping[str, str], seed: int, shares: Sequence[float]
) -> dict[int, list[str]]:
    """Deal whole groups, each to the part that is furthest below its share."""
    members: dict[str, list[str]] = defaultdict(list)
    for sample in samples:
        members[groups[sample.id]].append(sample.id)
    names = sorted(members)
    np.random.default_rng(seed).shuffle(names)
    dealt: dict[int, list[str]] = {part: [] for part in range(len(shares))}
    for name in sorted(names, key=lambda name: -len(members[name])):  # stable: keeps the shuffle
        part = max(dealt, key=lambda part: shares[part] * len(samples) - len(dealt[part]))
        dealt[part].extend(sorted(members[name]))
    return dealt


def _fill(parts: dict[str, list[str]], groups: Mapping[str, str], names: Sequence[str]) -> None:
    """Where few groups left a part empty, give it the smallest of the part with most groups."""
    for part in names:
        if parts[part]:
            continue
        held = {name: Counter(groups[i] for i in parts[name]) for name in names}
        donor = max(names, key=lambda name: len(held[name]))
        if len(held[donor]) < 2:
            return
        moved = min(held[donor], key=lambda group: (held[donor][group], group))
        parts[part] = [i for i in parts[donor] if groups[i] == moved]
        parts[donor] = [i for i in parts[donor] if groups[i] != moved]


def _list(value: object) -> list[object]:
    if not isinstance(value, list | tuple):
        raise InputError("a split file must list sample ids under train, val and test")
    return list(value)
