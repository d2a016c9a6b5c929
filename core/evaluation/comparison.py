"""Several models on the same images: differences with intervals and tests, from their evaluations.

    python -m core compare --weights isbi2012-unet --weights classical/otsu --split test

A comparison is paired: every metric is the difference on the same image (or patient), so what makes
an image hard for both cancels out. It is refused where the images differ.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError, choose
from core.metrics.aggregation import spread, with_empties
from core.metrics.card import Scores
from core.metrics.overlap import METRICS
from core.metrics.paired import as_number, as_pair, corrected, paired_difference, pooled_score
from core.metrics.statistics import (
    RESAMPLES,
    interval,
    resample_weights,
    resampling_units,
)

if TYPE_CHECKING:
    from core.models import TrainedModel  # torch

Document = dict[str, Any]
MOST_SUBGROUPS = 12
"""A fact with more values than this parts nothing."""
SMALLEST_SUBGROUP = 3
"""Fewer images than this say nothing."""


def compare(
    documents: Sequence[Document],
    *,
    metric: str = "dice",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Document:
    """Compare evaluations of the same images.

    Args:
        documents: From ``core.evaluation.summarize``, at least two.
        metric: Key of ``METRICS``.
        resamples: For the intervals.
        seed: Of the resamples, which all models share.

    Returns:
        ``models`` (a row for each), ``pairs`` (a row for each two), ``subgroups`` and the
        conventions, as JSON.

    Raises:
        InputError: Unknown metric, or the evaluations are not of the same images in the same way.
    """
    formula = choose("metric", metric, METRICS)
    refuse_unlike(documents)
    first = documents[0]
    groups = [row["group"] for row in first["images"]]
    counts = [np.array([row["counts"] for row in one["images"]]).T for one in documents]
    empties = str(first["empties"]).partition(":")[0]
    values = [with_empties(_values(one, metric), formula, empties) for one in documents]
    names = [one["model"] for one in documents]

    def table(rows: NDArray[np.intp]) -> Document:
        """Models and pairs on some of the images."""
        owners = [groups[n] for n in rows]
        weights = resample_weights(len(rows), resamples=resamples, seed=seed, groups=owners)
        pooled = [pooled_score(formula, part[:, rows], weights) for part in counts]
        means = [part[rows] for part in values]
        return {
            "n_images": len(rows),
            "n_patients": len(set(owners)),
            "models": [
                {
                    "model": name,
                    "pooled": as_number(whole),
                    "pooled_ci95": as_pair(interval(drawn)),
                    **spread(mean, groups=owners),
                }
                for name, (whole, drawn), mean in zip(names, pooled, means, strict=True)
            ],
            "pairs": corrected(
                [
                    {"a": names[a], "b": names[b]}
                    | paired_difference(means[a], means[b], owners, weights)
                    | {
                        "pooled_difference": as_number(pooled[a][0] - pooled[b][0]),
                        "pooled_ci95": as_pair(interval(pooled[a][1] - pooled[b][1])),
                    }
                    for a, b in combinations(range(len(names)), 2)
                ]
            ),
        }

    whole = table(np.arange(len(groups)))
    for row, one in zip(whole["models"], documents, strict=True):
        row |= {
            key: one[key]
            for key in ("threshold", "threshold_source", "post_processing", "averaged")
        }
    over = resampling_units(groups)
    return {
        "metric": metric,
        **{key: first[key] for key in ("dataset", "split", "split_hash", "resolution", "empties")},
        "interval_over": over,
        **whole,
        "subgroups": [
            {"by": by, "value": value, **table(rows)}
            for by, value, rows in subgroups(first["images"])
        ],
        "label": f"{formula.title} · {first['dataset']} {first['split']} · {first['resolution']} · "
        f"each at its own threshold · n={len(groups)}",
        "conventions": {
            "mean": "mean over images, each image counts the same",
            "pooled": "one confusion matrix over all pixels of all images",
            "difference": "a minus b on the same images",
            "ci95": f"percentile bootstrap over {over}, {resamples} resamples shared by the models",
            "p": "Wilcoxon signed-rank test, two-sided, of the differences of "
            + ("patients' means" if over == "patients" else "images"),
            "p_holm": "p corrected for the number of pairs in its table (Holm)",
            "subgroups": f"of at least {SMALLEST_SUBGROUP} images, not corrected for their number: "
            "a hint, no proof",
        },
    }


def same_split(models: Sequence["TrainedModel"]) -> list["TrainedModel"]:
    """Methods that were not trained know no split: any images are new to them.

    Returns:
        The models, those without a split with that of the first that has one.

    Raises:
        InputError: None has.
    """
    first = next((trained for trained in models if trained.config.dataset), None)
    if first is None:
        raise InputError("none of the models was trained, so there is no split; use --split all")
    return [
        trained
        if trained.config.dataset
        else replace(
            trained,
            split=first.split,
            config=replace(trained.config, dataset=first.config.dataset, data=first.config.data),
        )
        for trained in models
    ]


def refuse_unlike(documents: Sequence[Document]) -> None:
    """Only evaluations of the same images, made the same way, can be set side by side.

    Raises:
        InputError: They differ; says in what.
    """
    if len(documents) < 2:
        raise InputError("a comparison takes at least two models; name another one")
    first, ids = documents[0], [row["id"] for row in documents[0]["images"]]
    for one in documents:
        if not all("counts" in row for row in one["images"]):
            raise InputError(
                f"the evaluation of {one['model']} is from an older version and holds no counts; "
                f"evaluate it anew: python -m core evaluate --split {one['split']}"
            )
    for other in documents[1:]:
        pair = f"{first['model']} and {other['model']}"
        for key, word in (
            ("dataset", "data set"),
            ("split", "part"),
            ("split_hash", "split"),
            ("resolution", "resolution"),
            ("empties", "policy for empties"),
        ):
            if first[key] != other[key]:
                raise InputError(
                    f"{pair} cannot be compared: {word} {first[key] or 'none'} against "
                    f"{other[key] or 'none'}; evaluate both on the same images"
                )
        theirs = [row["id"] for row in other["images"]]
        if ids != theirs:
            lone = sorted(set(ids) ^ set(theirs))
            example = f", for example {lone[0]}" if lone else " (their order)"
            raise InputError(
                f"{pair} cannot be compared: the images differ{example}; evaluate both on the "
                "same images"
            )
        for mine, yours in zip(first["images"], other["images"], strict=True):
            if _truth(mine) != _truth(yours):
                classes = {one["model"].partition(":")[2] for one in (first, other)}
                same = "choose the same class of both" if len(classes) > 1 else ""
                raise InputError(
                    f"{pair} cannot be compared: the truth of {mine['id']} differs; "
                    f"{same or 'evaluate both on the same data'}"
                )


def subgroups(rows: Sequence[Document]) -> list[tuple[str, str, NDArray[np.intp]]]:
    """What parts the images: class, lesion size in thirds, and facts with few values.

    Args:
        rows: ``images`` of an evaluation.

    Returns:
        Kind, value and places of the images; a kind that does not part them is left out.
    """
    names = {key for row in rows for key in row.get("facts", {})}
    kinds: dict[str, Callable[[Document], str]] = {"label": lambda row: str(row["label"])}
    kinds |= {
        name: lambda row, name=name: row.get("facts", {}).get(name) or "not stated"
        for name in names
    }
    sizes = _size_of({row["id"]: _truth(row)[0] for row in rows})
    kinds["size"] = lambda row: sizes[row["id"]]
    found = []
    for kind, value_of in kinds.items():
        values = np.array([value_of(row) for row in rows])
        distinct = list(dict.fromkeys(sizes.values() if kind == "size" else sorted(values)))
        if 1 < len(distinct) <= MOST_SUBGROUPS:
            places = [(kind, value, np.flatnonzero(values == value)) for value in distinct]
            found += [place for place in places if len(place[2]) >= SMALLEST_SUBGROUP]
    return found


def _size_of(areas: dict[str, int]) -> dict[str, str]:
    """Image → third of the lesions by area, ``no foreground`` apart; ordered by size."""
    shown = [area for area in areas.values() if area]
    one, two = np.quantile(shown, [1 / 3, 2 / 3]) if shown else (0, 0)

    def name(area: int) -> str:
        if not area:
            return "no foreground"
        if area <= one:
            return f"small, to {one:.0f} px"
        return f"medium, to {two:.0f} px" if area <= two else f"large, over {two:.0f} px"

    return {identity: name(area) for identity, area in sorted(areas.items(), key=lambda i: i[1])}


def _values(document: Document, metric: str) -> Scores:
    return np.array([np.nan if row[metric] is None else row[metric] for row in document["images"]])


def _truth(row: Document) -> tuple[int, int]:
    tp, fp, fn, tn = row["counts"]
    return tp + fn, tp + fp + fn + tn
