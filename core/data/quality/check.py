"""The check: what is in a data set and what is wrong with it, in one pass over its files.

    check = check_dataset(open_dataset("busi", path))
    check.document()                  # counts and findings
    write_log(check, folder)          # core.data.metadata: the log for a paper

What is kept of an image is small (a histogram, two thumbnails, some numbers: 25 kB), so ten
thousand images take 250 MB.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from core.data.base import Dataset
from core.data.file_dataset import AnyImages
from core.data.quality.duplicates import SIDE, cluster_names, in_parallel
from core.data.quality.findings import find
from core.data.quality.kinds import Finding
from core.data.quality.sample_facts import SampleFacts, measure


@dataclass(frozen=True, kw_only=True, eq=False)
class Check:
    """Facts and findings of one data set."""

    dataset: Dataset
    measured: tuple[SampleFacts, ...]
    """One per sample, in their order."""
    findings: tuple[Finding, ...]
    """Errors first."""
    clusters: dict[str, str]
    """Sample id → its cluster of near-duplicates; those that have none are left out."""

    def document(self) -> dict[str, Any]:
        """Everything as JSON: counts, sizes, grey values, foreground, findings.

        ``masks`` counts mask files, ``instances`` objects that are marked one by one (0 where the
        data set marks none). ``classes`` counts images: by their label, or, where they have none,
        those in which each kind of foreground occurs. Grey values are those of the files.
        """
        good = [facts for facts in self.measured if facts.size is not None]
        samples = self.dataset.samples
        return {
            "dataset": self.dataset.info.name,
            "images": len(samples),
            "unlabelled": sum(not sample.has_truth for sample in samples),
            "groups": len({sample.group for sample in samples}),
            "masks": sum(facts.mask_files for facts in self.measured),
            "instances": sum(facts.objects for facts in self.measured),
            "classes": _classes(self.dataset, good),
            "splits": dict(Counter(s.split for s in samples if s.split)),
            "sizes": _sizes(good),
            "dtypes": dict(Counter(facts.dtype for facts in good)),
            "channels": {str(n): k for n, k in Counter(f.channels for f in good).items()},
            "grey": _grey(good),
            "foreground_share": quantiles([f.foreground for f in good if f.foreground is not None]),
            "masks_per_image": quantiles([f.mask_files for f in good if f.sample.has_truth]),
            "without_foreground": sum(facts.foreground == 0 for facts in good),
            "mask_values": _mask_values(self.dataset),
            "findings": [finding.document() for finding in self.findings],
        }

    def rows(self) -> list[dict[str, Any]]:
        """One line per image, for tables and the metadata log."""
        return [_row(facts, self.clusters.get(facts.sample.id)) for facts in self.measured]


def check_dataset(
    dataset: Dataset,
    *,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> Check:
    """Measure every image and its masks once and ask what is wrong.

    Args:
        dataset: Any opened data set.
        workers: Threads that decode; decoding lets the others run.
        progress: Called with the images done and all of them, in this thread.

    Returns:
        Facts and findings; a file that cannot be read is a finding, never an error.
    """
    measured = []
    for facts in in_parallel(partial(measure, dataset), dataset.samples, workers):
        measured.append(facts)
        if progress is not None:
            progress(len(measured), len(dataset.samples))
    seen = [facts for facts in measured if facts.thumbnail is not None]
    thumbnails = [facts.thumbnail for facts in seen if facts.thumbnail is not None]
    clusters = cluster_names(
        [facts.sample for facts in seen],
        np.stack(thumbnails) if thumbnails else np.empty((0, SIDE, SIDE), np.float32),
        [facts.digest for facts in seen],
    )
    findings = tuple(find(dataset, measured, clusters))
    return Check(dataset=dataset, measured=tuple(measured), findings=findings, clusters=clusters)


def quantiles(values: Sequence[float]) -> dict[str, float] | None:
    """Least, quartiles and greatest; None of nothing."""
    if not values:
        return None
    names = ("min", "q25", "median", "q75", "max")
    found = np.percentile(values, (0, 25, 50, 75, 100)).tolist()
    return {name: round(value, 6) for name, value in zip(names, found, strict=True)}


def _mask_values(dataset: Dataset) -> dict[str, Any] | None:
    """What the values of the masks were taken for; None where that is part of the format."""
    if not isinstance(dataset, AnyImages) or dataset.named is not None:
        return None
    return dataset.mask_values.document()


def _classes(dataset: Dataset, good: Sequence[SampleFacts]) -> dict[str, int]:
    labels = Counter(sample.label for sample in dataset.samples if sample.label)
    if labels:
        return dict(sorted(labels.items()))
    present = Counter(number for facts in good for number in facts.classes)
    return {name: present[n] for n, name in enumerate(dataset.info.classes, start=1)}


def _sizes(good: Sequence[SampleFacts]) -> list[dict[str, int]]:
    counted = Counter(facts.size for facts in good if facts.size is not None)
    return [
        {"width": width, "height": height, "images": count}
        for (height, width), count in counted.most_common()
    ]


def _grey(good: Sequence[SampleFacts]) -> dict[str, float] | None:
    """Over all pixels of all images; ``mean`` and ``std`` weigh an image by its pixels."""
    if not good:
        return None
    pixels = np.array([facts.histogram.sum() for facts in good], float)
    mean, std = (np.array([getattr(facts, name) for facts in good]) for name in ("mean", "std"))
    whole = float(np.average(mean, weights=pixels))
    spread = float(np.sqrt(np.average(std**2 + (mean - whole) ** 2, weights=pixels)))
    return {
        "min": min(facts.low for facts in good),
        "max": max(facts.high for facts in good),
        "mean": round(whole, 4),
        "std": round(spread, 4),
    }


def _row(facts: SampleFacts, cluster: str | None) -> dict[str, Any]:
    sample = facts.sample
    row: dict[str, Any] = {"id": sample.id, "group": sample.group}
    row |= {"label": sample.label, "split": sample.split, "cluster": cluster}
    if facts.size is None:
        return row | {"readable": False}
    return row | {
        "readable": True,
        "width": facts.size[1],
        "height": facts.size[0],
        "channels": facts.channels,
        "dtype": facts.dtype,
        "min": facts.low,
        "max": facts.high,
        "mean": round(facts.mean, 4),
        "std": round(facts.std, 4),
        "masks": facts.mask_files,
        "instances": facts.objects,
        "foreground_share": None if facts.foreground is None else round(facts.foreground, 6),
    }
