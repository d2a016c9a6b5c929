"""Our scores for a preset: by the paper's convention, and by a proper one.

Both are kept in the run's folder, so that a report is written from files: ``papers/<preset>.json``
(the paper's convention on each part that it prints) and ``evaluation/test.json`` (native
resolution, the frozen threshold, the untouched test split).
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.data import open_dataset
from core.metrics.aggregation import spread
from core.metrics.card import Scores
from core.metrics.overlap import METRICS
from core.metrics.statistics import bootstrap, pooled_bands, resampling_units
from core.metrics.sweep import Sweep
from core.models import load_run
from core.papers.averaging import averagings
from core.papers.conventions import PAPER_METRICS, count_split
from core.papers.presets import Preset
from core.papers.reproduction import Counted
from core.papers.tagged import Say, evaluate_test, stamp
from core.runs import Run
from core.system.files import read_json, write_json

FOLDER = "papers"
PROPER = ("dice", "iou")
Document = dict[str, Any]


def evaluate_run(preset: Preset, counted: Counted, *, say: Say = lambda _line: None) -> Document:
    """Both kinds of scores of a finished run, made once.

    Returns:
        ``stamp``, ``parts`` (part → scores by the paper's convention and ``n_images``) and, with
        several classes, ``averagings`` of the test split.

    Raises:
        InputError: The run or its data is gone or damaged.
    """
    run = counted.run
    if document := cached_scores(preset, run):
        return document
    trained = load_run(run)
    data = Path(counted.config.data) if counted.config.data else None
    evaluate_test(run, trained, say=say)
    opened = open_dataset(counted.config.dataset, data)
    parts: Document = {}
    document = {"stamp": stamp(run), "parts": parts}
    for part in sorted({row.split for row in preset.printed} | {"val", "test"}):
        say(f"{run.name}: the paper's scores on {part}")
        samples = [s for s in trained.samples(opened, part) if s.label not in set(preset.leave_out)]
        if not samples:
            continue
        found_counts = count_split(trained, opened, samples, batch_size=preset.config.batch_size)
        names = {*preset.metrics, *(row.metric for row in preset.printed)}
        values = {
            name: _json(PAPER_METRICS[name].compute(found_counts))
            for name in PAPER_METRICS
            if name in names
        }
        parts[part] = {**values, "n_images": len(found_counts)}
        if part == "test" and trained.predictor.softmax:
            found = averagings(found_counts.confusion, certain=found_counts.certain)
            document["averagings"] = {way: list(pair) for way, pair in found.items()}
    (run.path / FOLDER).mkdir(exist_ok=True)
    write_json(run.path / FOLDER / f"{preset.name}.json", document)
    return document


def cached_scores(preset: Preset, run: Run) -> Document | None:
    """What ``evaluate_run`` kept, unless the run was trained or tuned since."""
    file = run.path / FOLDER / f"{preset.name}.json"
    if not file.exists() or run.evaluation("test") is None:
        return None
    document: Document = read_json(file)
    return document if document.get("stamp") == stamp(run) else None


def ours_as_printed(preset: Preset, counted: Sequence[Counted]) -> list[Document]:
    """A row for each printed or watched metric: the paper's value and ours over the runs."""
    wanted: list[tuple[str, str, float | None, str]] = [
        (row.metric, row.split, row.value, row.called) for row in preset.printed
    ]
    wanted += [
        (name, "test", None, "")
        for name in preset.metrics
        if not any(row.metric == name and row.split == "test" for row in preset.printed)
    ]
    rows = []
    for metric, part, value, called in wanted:
        found = [document for one in counted if (document := cached_scores(preset, one.run))]
        parts = [document["parts"][part] for document in found if part in document["parts"]]
        values = [row[metric] for row in parts if row.get(metric) is not None]
        rows.append(
            {
                "metric": metric,
                "title": PAPER_METRICS[metric].title,
                "called": called or PAPER_METRICS[metric].title,
                "split": part,
                "printed": value,
                "ours": float(np.mean(values)) if values else None,
                "lowest": min(values, default=None),
                "highest": max(values, default=None),
                "runs": len(values),
                "n_images": max((row["n_images"] for row in parts), default=0),
                "how": PAPER_METRICS[metric].how,
            }
        )
    return rows


def proper(counted: Sequence[Counted]) -> Document | None:
    """Test scores of all runs together, with an interval over images or patients.

    The counts of an image are added over the runs that had it in their test split: all seeds, and
    with cross-validation every image once for each seed.

    Returns:
        ``dice`` and ``iou``: pooled with ``ci95`` and ``mean_over_images``; ``n_images``,
        ``n_patients``, ``interval_over``, ``split_hashes``, ``thresholds``, ``by_run`` and, with
        several classes, ``classes``. None without an evaluation.
    """
    pairs = [(one, one.run.evaluation("test")) for one in counted]
    documents = [(one, document) for one, document in pairs if document]
    if not documents:
        return None
    evaluations = [document for _, document in documents]
    first = evaluations[0]
    result = _together(evaluations)
    names = first.get("classes", {})
    if names:
        result["classes"] = {
            name: _together([document["classes"][name] for document in evaluations])
            for name in names
        }
    return {
        **result,
        "resolution": first["resolution"],
        "split_hashes": sorted({document["split_hash"] for document in evaluations}),
        "thresholds": [document["threshold"] for document in evaluations],
        "threshold_source": first["threshold_source"],
        "by_run": {one.run.name: document["pooled"]["dice"] for one, document in documents},
    }


def _together(evaluations: Sequence[Document]) -> Document:
    counts: dict[str, Any] = defaultdict(lambda: np.zeros(4, np.int64))
    groups = {}
    for document in evaluations:
        for row in document["images"]:
            counts[row["id"]] = counts[row["id"]] + np.array(row["counts"], np.int64)
            groups[row["id"]] = row["group"]
    table = np.array([counts[name] for name in groups])  # (N, 4)
    owners = list(groups.values())
    tp, fp, fn, tn = table.T
    sweep = Sweep(tp[:, None], fp[:, None], tp + fn, table.sum(axis=1))
    bands = pooled_bands(bootstrap(sweep, groups=owners), {name: METRICS[name] for name in PROPER})
    scores: Document = {}
    for name in PROPER:
        whole: Scores = METRICS[name](*(np.array([part.sum()]) for part in (tp, fp, fn, tn)))
        low, high = (float(band[0]) for band in bands[name])
        scores[name] = {
            "pooled": _json(float(whole[0])),
            "ci95": None if math.isnan(low) or len(table) < 2 else [low, high],
            "mean_over_images": spread(METRICS[name](tp, fp, fn, tn), groups=owners),
        }
    return {
        **scores,
        "n_images": len(table),
        "n_patients": len(set(owners)),
        "interval_over": resampling_units(owners),
    }


def _json(value: float) -> float | None:
    return None if math.isnan(value) else value
