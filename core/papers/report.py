"""What the papers print beside what we find, as one document; the page and the report show it.

Nothing is computed here that is not in the folders of the runs and the shipped models, so it is
quick; ``core.papers.results.evaluate_run`` makes what is missing.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from core.data import DATASETS, info_of
from core.errors import InputError
from core.models import weights_document, weights_folder
from core.papers import PAPERS
from core.papers.averaging import PENCIL, averagings, nearest_pair
from core.papers.presets import Preset, load_presets
from core.papers.reproduction import Counted, finished_runs, presets_of, runs_of
from core.papers.results import cached_scores, ours_as_printed, proper
from core.runs import ACTIVE
from core.system.files import read_json

Document = dict[str, Any]


def report() -> Document:
    """Every preset with its runs and scores; ``generated`` is the day.

    Returns:
        ``generated``, ``presets`` (a row for each, see ``preset_row``) and ``averaging`` (why a
        mean IoU can stand above a Dice).
    """
    presets = load_presets()
    return {
        "generated": datetime.now(UTC).date().isoformat(),
        "presets": [preset_row(preset) for preset in presets],
        "averaging": averaging_section(presets),
    }


def preset_row(preset: Preset) -> Document:
    """One preset: what was asked, which runs there are, and the scores side by side."""
    counted = runs_of(preset)
    used = finished_runs(preset, counted)
    ready = [one for one in used if cached_scores(preset, one.run)]
    return {
        "name": preset.name,
        "paper": preset.paper,
        "title": preset.title,
        "dataset": preset.config.dataset,
        "setting": preset.setting,
        "reason": preset.reason,
        "chosen": dict(preset.chosen),
        "differs": list(preset.differs),
        "state": _state(counted, used, ready),
        "data": _data(preset, used),
        "epochs": {
            "preset": preset.config.epochs,
            "ours": used[-1].config.epochs if used else None,
        },
        "seeds": sorted({one.config.seed for one in used}),
        "same_runs_as": sorted(
            {name for one in used for name in presets_of(one.run)} - {preset.name}
        ),
        "folds": used[-1].config.folds if used else None,
        "runs": [_run_row(one) for one in used],
        "left_out": _left_out(counted, used),
        "seconds": sum(_seconds(one) for one in used),
        "hardware": sorted({_hardware(one) for one in used}),
        "printed": ours_as_printed(preset, ready),
        "proper": proper(ready),
        "search": _search(preset, counted),
        "shipped": _shipped(preset),
    }


def averaging_section(presets: Sequence[Preset]) -> Document:
    """Every pair of a mean IoU above a Dice that is printed, and what gives such a pair.

    Returns:
        ``pencil``: the averagings of a drawn confusion matrix; ``pairs``: for each printed pair the
        nearest two averagings of it; ``runs``: the same for our runs, by preset and run.
    """
    drawn = averagings(PENCIL[None])
    pairs, ours = [], {}
    for preset in presets:
        printed = {(row.metric, row.split): row.value for row in preset.printed}
        for (metric, part), value in printed.items():
            lower = printed.get(("dice", part))
            if metric == "mean_iou" and lower is not None and value > lower:
                pair = nearest_pair(drawn, iou=value, dice=lower).document()
                pairs.append({"preset": preset.name, "split": part, **pair})
        if preset.config.target == "classes":
            for one in finished_runs(preset, runs_of(preset)):
                kept = cached_scores(preset, one.run) or {}
                if "averagings" in kept:
                    ours[one.run.name] = kept["averagings"]
    return {
        "confusion": PENCIL.tolist(),
        "pencil": {way: list(drawn[way]) for way in drawn if not way.startswith("per image")},
        "pairs": pairs,
        "runs": ours,
    }


def _state(
    counted: Sequence[Counted], used: Sequence[Counted], ready: Sequence[Counted]
) -> Document:
    states = [one.run.status["state"] for one in counted]
    return {
        "runs": len(counted),
        "finished": len(used),
        "evaluated": len(ready),
        "under_way": sum(state in ACTIVE for state in states),
        "broken": sum(state in ("failed", "lost", "stopped") for state in states),
    }


def _data(preset: Preset, used: Sequence[Counted]) -> Document:
    """How much of the paper's data the runs had, and whether it is another set."""
    paper = PAPERS.get(preset.paper)
    unit = paper.unit if paper else "images"
    wanted = paper.amounts.get(preset.config.dataset) if paper else None
    document: Document = {"unit": unit, "paper": wanted, "ours": None, "partial": None}
    if not used:
        return document
    split = used[-1].run.split
    ids = [*split.train, *split.val, *split.test]
    ours = len({name.rpartition("-")[0] for name in ids}) if unit == "volumes" else len(ids)
    dataset = used[-1].config.dataset
    parts = {part: len(getattr(split, part)) for part in ("train", "val", "test")}
    return {
        **document,
        "ours": ours,
        "dataset": dataset,
        "substitute": dataset != preset.config.dataset,
        "partial": wanted is not None and ours < wanted,
        "parts": parts,
        "split": split.method,
        "shared": used[-1].config.share_group,
    }


def _run_row(one: Counted) -> Document:
    evaluation = one.run.evaluation("test")
    point = one.run.operating_point
    return {
        "run": one.run.name,
        "seed": one.config.seed,
        "fold": one.config.fold,
        "epochs": len(one.run.history),
        "seconds": _seconds(one),
        "threshold": point.threshold if point else None,
        "val_dice": point.value if point else None,
        "test_dice": evaluation["pooled"]["dice"] if evaluation else None,
        "split_hash": one.run.split.hash,
    }


def _left_out(counted: Sequence[Counted], used: Sequence[Counted]) -> list[Document]:
    """Runs of the preset that make no metric, and why not."""
    names = {one.run.name for one in used}
    rows = []
    for one in counted:
        if one.run.name in names or one.searched:
            continue
        state = one.run.status["state"]
        if not one.counts:
            other = sorted(set(one.differences) - {"epochs", "dataset"})
            why = f"other settings: {', '.join(other)}"
        elif not one.finished:
            why = f"{state} after {len(one.run.history)} of {one.config.epochs} epochs"
            if reason := one.run.status.get("reason"):
                why += f": {reason.partition(';')[0]}"
        else:
            why = "other data, folds or epochs than the latest"
        rows.append({"run": one.run.name, "why": why})
    return rows


def _search(preset: Preset, counted: Sequence[Counted]) -> Document | None:
    """What was tried and which settings were best on validation."""
    if not preset.search:
        return None
    rows = []
    for one in counted:
        if one.searched:
            values = {key: getattr(one.config, key) for key in preset.search}
            best = max((row["val_dice"] for row in one.run.history), default=None)
            rows.append({"run": one.run.name, **values, "val_dice": best})
    over = [row for row in rows if row["val_dice"] is not None]
    best = max(over, key=lambda row: float(row["val_dice"]), default=None)
    total = int(np.prod([len(values) for values in preset.search.values()]))
    return {
        "values": {key: list(values) for key, values in preset.search.items()},
        "combinations": total,
        "tried": rows,
        "best": best if len(over) >= total else None,
    }


def _shipped(preset: Preset) -> Document | None:
    """The shipped model that has these settings, with the scores of its own test split."""
    if not preset.weights:
        return None
    try:
        test = weights_document(preset.weights, "evaluation/test")
        split = read_json(weights_folder() / preset.weights / "split.json")
    except InputError:
        return None
    dice, iou = (test["per_image"][name] for name in ("dice", "iou"))
    bands = test.get("pooled_ci95", {})
    return {
        "model": preset.weights,
        "dice": {"pooled": test["pooled"]["dice"], "ci95": bands.get("dice"), "mean": dice},
        "iou": {"pooled": test["pooled"]["iou"], "ci95": bands.get("iou"), "mean": iou},
        "n_images": test["n_images"],
        "threshold": test["threshold"],
        "threshold_source": test["threshold_source"],
        "split": split["method"],
        "split_hash": test["split_hash"],
        "parts": {part: len(split[part]) for part in ("train", "val", "test")},
    }


def _seconds(one: Counted) -> float:
    return float(sum(row["seconds"] for row in one.run.history))


def _hardware(one: Counted) -> str:
    machine = one.run.facts.get("machine", {})
    gpus = machine.get("gpus") or []
    return ", ".join(gpus) if gpus else f"{machine.get('processor', 'unknown')}, no GPU"


def title_of(dataset: str) -> str:
    """What people call a data set."""
    return info_of(dataset).title if dataset.partition(":")[0] in DATASETS else dataset
