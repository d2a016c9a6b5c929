"""Which change pays: every variant against the baseline on the same images, as one document.

Validation decides, for whoever picks a variant by a test score has no test score left; the test
part is reported. Dice of an image is averaged over the seeds before anything is compared.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data import DATASETS, info_of, kind_of
from core.errors import InputError
from core.evaluation.comparison import refuse_unlike
from core.metrics.aggregation import spread, with_empties
from core.metrics.card import Scores
from core.metrics.overlap import METRICS
from core.metrics.paired import corrected, paired_difference, pooled_score
from core.metrics.statistics import RESAMPLES, interval, resample_weights, resampling_units
from core.papers.ablation import (
    BASELINE,
    TAG,
    VARIANTS,
    Document,
    Evaluations,
    evaluations,
    finished_runs,
    predicted_otherwise,
)
from core.papers.tagged import Say, tags_like
from core.papers.text import number, table
from core.runs import Run
from core.system.files import read_json
from core.system.home import ROOT
from core.training.progress import duration

RESULTS = ROOT / "docs" / "ablation.json"
"""Where the page looks for it."""
EMPTIES = "1"
"""An image with nothing to find counts too: a false positive on it must cost, and none must pay."""
DICE = METRICS["dice"]
VERDICTS = {1: "pays", 0: "no difference seen", -1: "costs"}
CONVENTIONS = {
    "difference": "variant less baseline, mean over the images of the difference of their Dice; "
    "an image's Dice is first averaged over the seeds",
    "pooled_difference": "the same of Dice pooled over all pixels of all images, averaged over the "
    "seeds",
    "ci95": f"percentile bootstrap over the images (patients where one has several), {RESAMPLES} "
    "resamples shared by all variants; it does not hold the scatter between seeds, so by_seed is "
    "beside it",
    "p_holm": "Wilcoxon signed-rank test over the test images, corrected for the number of "
    "variants of a data set (Holm)",
    "verdict": "by validation alone: pays where the whole interval is above 0, costs where it is "
    "below; test is reported and chooses nothing",
    "empties": "an image without foreground on which nothing is segmented counts 1",
    "threshold": "of every run its own: best pooled Dice on validation, then frozen",
    "resolution": "native",
    "checkpoint": "of the best validation epoch",
}
HEAD = """# What makes it better

Made on {generated} by `python -m core ablation report`; do not edit manually.
**Research use only. Not a medical device.**

A small U-Net is the baseline of each data set; every line changes one thing and leaves the rest.
*Difference* is the Dice of the variant less that of the baseline on the same images, averaged over
seeds, then over images, with its 95 % interval over images. Validation decides whether a change
pays; the test split, with a p-value corrected for the number of lines, is reported and chose
nothing. The trainings are short, so a change that needs patience is shown at its worst.
"""


def report(datasets: Sequence[str] = (), *, say: Say = lambda _line: None) -> Document:
    """All data sets with a finished baseline; what is missing of the evaluations is made.

    Args:
        datasets: Only these; by default all that were ablated.
        say: Called with what takes time.

    Returns:
        ``generated`` (the day), ``datasets`` (see ``dataset_report``) and ``conventions``.

    Raises:
        InputError: A data set that was asked for has no finished baseline, or its data is gone.
    """
    names = list(datasets) or [tag.removeprefix(TAG) for tag in tags_like(TAG)]
    found = {name: dataset_report(name, say=say) for name in names}
    for name in datasets:
        if found[name] is None:
            raise InputError(
                f"{name} has no finished baseline; train it: "
                f"python -m core ablation run --dataset {name}"
            )
    return {
        "generated": _today(),
        "datasets": [one for one in found.values() if one],
        "conventions": CONVENTIONS,
    }


def dataset_report(dataset: str, *, say: Say) -> Document | None:
    """One data set: its baseline, and a row for each variant that has a seed in common with it.

    Raises:
        InputError: The data is gone or damaged.
    """
    runs = finished_runs(dataset)
    if not runs:
        return None
    bases = runs[BASELINE]
    counted = {seed: evaluations(run, say=say) for seed, run in sorted(bases.items())}
    rows = []
    for name, variant in VARIANTS.items():
        if variant.changes:
            own = runs.get(name, {})
            found = {seed: evaluations(own[seed], say=say) for seed in counted if seed in own}
        else:
            own = bases
            found = {seed: predicted_otherwise(bases[seed], name, say=say) for seed in counted}
        if found:
            rows.append(_row(name, found, counted, own, bases))
    tests = corrected([row["test"] for row in rows])
    rows = [row | {"test": test} for row, test in zip(rows, tests, strict=True)]
    first = bases[min(bases)]
    split, machine = first.split, first.facts.get("machine", {})
    used = [run for own in runs.values() for run in own.values()]
    return {
        "dataset": dataset,
        "title": info_of(dataset).title,
        "generated": _today(),
        "config": {**first.config.document(), "data": None},
        "seeds": sorted(bases),
        "epochs": first.config.epochs,
        "split": split.method,
        "split_hash": split.hash,
        "parts": {part: len(getattr(split, part)) for part in ("train", "val", "test")},
        "seconds": sum(_seconds(run) for run in used),
        "hardware": ", ".join(machine.get("gpus") or [])
        or f"{machine.get('processor', 'unknown')}, {machine.get('cores')} cores",
        "baseline": {
            "seconds": float(np.mean([_seconds(run) for run in bases.values()])),
            **{part: alone([one[part] for one in counted.values()]) for part in ("val", "test")},
        },
        "rows": rows,
    }


def _row(
    name: str,
    found: dict[int, Evaluations],
    counted: dict[int, Evaluations],
    own: dict[int, Run],
    bases: dict[int, Run],
) -> Document:
    """One variant against the baseline, on the seeds that both have."""
    variant = VARIANTS[name]
    parts = {
        part: against(
            [one[part] for one in found.values()],
            [counted[seed][part] for seed in found],
            list(found),
        )
        for part in ("val", "test")
    }
    low, high = parts["val"]["ci95"] or (0.0, 0.0)
    seconds = {
        key: float(np.mean([_seconds(of[seed]) for seed in found]))
        for key, of in (("own", own), ("base", bases))
    }
    return {
        "variant": name,
        "title": variant.title,
        "changes": dict(variant.changes),
        "trained": bool(variant.changes),
        "seeds": list(found),
        "seconds": seconds["own"] if variant.changes else 0.0,
        "times": seconds["own"] / seconds["base"] if variant.changes else None,
        **parts,
        "verdict": VERDICTS[int(low > 0) - int(high < 0)],
    }


def against(ours: Sequence[Document], theirs: Sequence[Document], seeds: Sequence[int]) -> Document:
    """Evaluations of a variant less those of the baseline, seed by seed, on the same images.

    Args:
        ours: Of the variant, one for each seed.
        theirs: Of the baseline, in the same order.
        seeds: Their names.

    Raises:
        InputError: They are not of the same images.
    """
    refuse_unlike([*theirs, *ours])
    groups = [row["group"] for row in theirs[0]["images"]]
    weights = resample_weights(len(groups), groups=groups)
    values = [np.array([_dice(one) for one in several]) for several in (ours, theirs)]  # (S, N)
    pooled = [
        [pooled_score(DICE, _counts(one), weights) for one in several] for several in (ours, theirs)
    ]
    gap = [mine[0] - other[0] for mine, other in zip(*pooled, strict=True)]
    drawn = np.mean([mine[1] - other[1] for mine, other in zip(*pooled, strict=True)], axis=0)
    low, high = interval(drawn)
    return {
        **paired_difference(values[0].mean(axis=0), values[1].mean(axis=0), groups, weights),
        "pooled_difference": float(np.mean(gap)),
        "pooled_ci95": [float(low), float(high)],
        "by_seed": {
            str(seed): float((mine - other).mean())
            for seed, mine, other in zip(seeds, *values, strict=True)
        },
        "interval_over": resampling_units(groups),
    }


def alone(documents: Sequence[Document]) -> Document:
    """Test or validation scores of one method by themselves, averaged over its seeds."""
    groups = [row["group"] for row in documents[0]["images"]]
    weights = resample_weights(len(groups), groups=groups)
    pooled = [pooled_score(DICE, _counts(one), weights) for one in documents]
    low, high = interval(np.mean([drawn for _, drawn in pooled], axis=0))
    return {
        "pooled": float(np.mean([whole for whole, _ in pooled])),
        "pooled_ci95": [float(low), float(high)],
        "mean_over_images": spread(
            np.mean([_dice(one) for one in documents], axis=0), groups=groups
        ),
        "thresholds": [one["threshold"] for one in documents],
        "n_images": len(groups),
    }


def _counts(document: Document) -> NDArray[np.int64]:
    """Shape (4, N)."""
    return np.array([row["counts"] for row in document["images"]], np.int64).T


def _dice(document: Document) -> Scores:
    """Of every image, shape (N,)."""
    return with_empties(DICE(*_counts(document)), DICE, EMPTIES)


def _seconds(run: Run) -> float:
    return float(sum(row["seconds"] for row in run.history))


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def merged(document: Document, file: Path) -> Document:
    """The report with the data sets of an earlier one whose runs are not here.

    Raises:
        InputError: The file is there and cannot be read.
    """
    earlier: list[Any] = read_json(file)["datasets"] if file.exists() else []
    own = {one["dataset"] for one in document["datasets"]}
    kept = [one for one in earlier if one["dataset"] not in own]
    order = list(DATASETS)
    together = sorted(
        [*kept, *document["datasets"]],
        key=lambda one: order.index(kind_of(one["dataset"]).info.name),
    )
    return {**document, "datasets": together}


def as_markdown(document: Document) -> str:
    """The report as ``docs/ablation.md`` has it."""
    parts = [HEAD.format(generated=document["generated"])]
    for one in document["datasets"]:
        parts += [f"## {one['title']}\n", _about(one), _table(one)]
    parts.append("## How the scores are made\n")
    parts += [f"- `{name}`: {words}." for name, words in document["conventions"].items()]
    return "\n".join(parts).rstrip() + "\n"


def _about(one: Document) -> str:
    config, test, parts = one["config"], one["baseline"]["test"], one["parts"]
    over = test["mean_over_images"]
    seeds = len(one["seeds"])
    return (
        f"Baseline: `{config['model']}` of {config['model_options']['base_filters']} filters at "
        f"{config['size']} × {config['size']}, loss `{config['loss']}`, {config['optimizer']} at "
        f"{config['learning_rate']:g}, batches of {config['batch_size']}, {one['epochs']} epochs, "
        f"{seeds} seed{'s' if seeds > 1 else ''}. Images: train {parts['train']}, val "
        f"{parts['val']}, test {parts['test']}; {one['split']} (`{one['split_hash'][:8]}`). Its "
        f"test Dice: {number(test['pooled'])} {_band(test['pooled_ci95'])} pooled, "
        f"{number(over['mean'])} {_band(over['ci95'])} mean over images, n = {over['n']}. Made on "
        f"{one['generated']}; {duration(one['seconds'])} of training on {one['hardware']}.\n"
    )


def _table(one: Document) -> str:
    head = (
        "change",
        "validation: difference",
        "verdict",
        "test: difference",
        "p (Holm)",
        "test: pooled difference",
        "test, by seed",
        "training time",
    )
    rows = [
        (
            row["title"],
            difference_in_words(row["val"]),
            row["verdict"],
            difference_in_words(row["test"]),
            "–" if row["test"]["p_holm"] is None else f"{row['test']['p_holm']:.2g}",
            f"{row['test']['pooled_difference']:+.3f} {_band(row['test']['pooled_ci95'], '+')}",
            ", ".join(f"{value:+.3f}" for value in row["test"]["by_seed"].values()),
            f"× {row['times']:.1f}" if row["times"] else "none",
        )
        for row in one["rows"]
    ]
    return table(head, rows)


def difference_in_words(found: Document) -> str:
    """``+0.012 (+0.003–+0.021), n = 100``."""
    if found["difference"] is None:
        return "–"
    return f"{found['difference']:+.3f} {_band(found['ci95'], '+')}, n = {found['n']}"


def _band(pair: list[float] | None, sign: str = "") -> str:
    return f"({pair[0]:{sign}.3f} to {pair[1]:{sign}.3f})" if pair else ""
