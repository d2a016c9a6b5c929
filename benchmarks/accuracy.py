"""Accuracy at equal budget: our recipe beside networks of two libraries, the same minutes each.

    python -m benchmarks.accuracy [--json] [--dataset dsb2018] [--minutes 3] [--seeds 1]
                                  [--size 128]

Of another data set than dsb2018 its report is called accuracy_<data set>; all of them make the
table of docs/accuracy.md.

Same for all: images and split (that of ``core.training.loop``), the size that they are resized to,
flips, affine and elastic movements, contrast and brightness, fresh weights, and the minutes of
fitting. Steps and loading count; preparation, validation and checkpoints count for nobody. Ours is
network, loss, optimizer, schedule and precision of the preset ``best-<data set>``; its schedule has
an end, so the epochs that fit are found by a short training first, which does not count, as the
trial of the peers' workers does not; what each took in the end is in the rows *fitting*. Peers
train as their libraries' examples do: Dice and cross-entropy, Adam at a constant 0.001, float32,
batches of 16, with the number of loading processes that was fastest, until the time is over.

Everybody keeps the weights of the best validation epoch (largest pooled Dice over the thresholds).
One piece of code evaluates: threshold by best pooled Dice on validation, then test at that
threshold, native resolution. ``contestants`` has the scores and the difference of each peer to ours
on the same images; with several seeds an image's Dice is averaged over them first. Milliseconds are
the median of ``Predictor.levels`` on the test images.

The data set is looked for in ISOLINE_REALDATA, else in ../shared/data; without it nuclei are drawn.
nnU-Net v2 plans for a GPU and for hours, not minutes, and is no part of this environment: it is
left out.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks._accuracy import PEERS, Contest
from benchmarks._report import ROOT, emit, goal, parser, report, result
from benchmarks._training import Job
from benchmarks.training import _best_workers
from core.data import DATASETS, Dataset, open_dataset
from core.data.quality.duplicates import duplicate_groups
from core.data.splits import make_split
from core.errors import choose
from core.papers.ablation.report import against, alone
from core.system.home import real_data

OURS = "ours"
FIRST = "dsb2018"
PLACES = {
    FIRST: "dsb2018/stage1_train.zip",
    "busi": "busi/Dataset_BUSI_with_GT",
    "isbi2012": "isbi2012_em",
    "lung_ct": "lung_ct",
}
DRAWN = "phantoms_nuclei"
BATCH = 16
TRIAL_EPOCHS = 2
CHILD = """
import json, sys
from benchmarks import _accuracy
contest = _accuracy.Contest.of_document(json.loads(sys.stdin.read()))
print(json.dumps(_accuracy.{recipe}(contest)))
"""
Found = dict[str, list[dict[str, Any]]]


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--dataset", default=FIRST, help=f"{', '.join(PLACES)} or phantoms_…")
    arguments.add_argument("--minutes", type=float, default=3.0, help="of fitting, for each")
    arguments.add_argument("--seeds", type=int, default=1, help="repetitions")
    arguments.add_argument("--size", type=int, default=128, help="images are resized to it")
    given = arguments.parse_args()
    dataset = _open(given.dataset)
    with tempfile.TemporaryDirectory(prefix="isoline-accuracy-") as scratch:
        contest = _contest(dataset, Path(scratch), size=given.size, seconds=60 * given.minutes)
        workers = {library: _best_workers(library, contest.job) for library in ("smp", "monai")}
        epochs = _epochs_that_fit(contest)
        found: Found = {}
        for seed in range(given.seeds):
            own = replace(contest, seed=seed, job=replace(contest.job, epochs=epochs))
            found.setdefault(OURS, []).append(_train("ours", own))
            for name, (library, _) in PEERS.items():
                job = replace(contest.job, workers=workers[library])
                peer = replace(contest, name=name, seed=seed, job=job)
                found.setdefault(name, []).append(_train("peer", peer))
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    parts = ", ".join(
        f"{part} {len(names)}"
        for part, names in (
            ("train", contest.job.train),
            ("val", contest.job.val),
            ("test", contest.test),
        )
    )
    software = f"{device}, torch {torch.__version__}, {torch.get_num_threads()} threads, "
    software += f"{contest.dataset} ({parts}), "
    software += f"{given.size} x {given.size}, {given.minutes:g} minutes each, {given.seeds} seeds"
    contestants = _contestants(found)
    name = "accuracy" if given.dataset == FIRST else f"accuracy_{given.dataset}"
    document = report(name, _results(contestants), _goals(contestants), software=software)
    seeds = f"{given.seeds} seed{'s' if given.seeds > 1 else ''}"
    document |= {
        "dataset": contest.dataset,
        "budget": f"{given.minutes:g} min, {given.size} x {given.size}, {seeds}",
        "split_hash": contest.split_hash,
        "contestants": contestants,
    }
    emit(document, as_json=given.json)


def _open(name: str) -> Dataset:
    """The data set where it lies, or synthetic nuclei."""
    choose("data set", name, DATASETS)
    folder = real_data()
    path = folder / PLACES[name] if folder and name in PLACES else None
    if name in PLACES and not (path and path.exists()):
        return open_dataset(DRAWN, None)
    return open_dataset(name, path)


def _contest(dataset: Dataset, folder: Path, *, size: int, seconds: float) -> Contest:
    """Everything as grey PNG files with one mask each, and the split of ``core.training.loop``."""
    split = make_split(dataset.samples, clusters=duplicate_groups(dataset))
    parts = {part: set(getattr(split, part)) for part in ("train", "val", "test")}
    files: dict[str, list[str]] = {part: [] for part in parts}
    groups = {}
    for kind in ("images", "masks"):
        (folder / kind).mkdir()
    for number, sample in enumerate(dataset.samples):
        part = next((part for part, ids in parts.items() if sample.id in ids), "")
        if not part:
            continue
        name = f"{number:05d}.png"
        mask = (dataset.truth(sample) > 0).astype(np.uint8) * 255
        Image.fromarray(dataset.image(sample)).convert("L").save(folder / "images" / name)
        Image.fromarray(mask).save(folder / "masks" / name)
        files[part].append(name)
        groups[name] = sample.group
    return Contest(
        name=OURS,
        job=Job(
            folder=str(folder),
            train=files["train"],
            val=files["val"],
            size=size,
            batch=BATCH,
            epochs=TRIAL_EPOCHS,
        ),
        test=files["test"],
        groups=groups,
        dataset=dataset.info.name,
        data=str(dataset.path.resolve()) if dataset.path else None,
        split_hash=split.hash,
        seconds=seconds,
    )


def _epochs_that_fit(contest: Contest) -> int:
    """Of ours, from the last epoch of a short training; at least one."""
    seconds = float(_train("ours", contest)["last_fit_seconds"])
    return max(1, int(contest.seconds / seconds))


def _train(recipe: str, contest: Contest) -> dict[str, Any]:
    """One training in a process and a workspace of its own."""
    with tempfile.TemporaryDirectory(prefix="isoline-home-") as home:
        environment = {**os.environ, "ISOLINE_HOME": home, "ISOLINE_TRACKING": "off"}
        done = subprocess.run(
            [sys.executable, "-c", CHILD.format(recipe=recipe)],
            input=json.dumps(asdict(contest)),
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
        )
    document: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return document


def _contestants(found: Found) -> list[dict[str, Any]]:
    """A row for each, the peers with their difference to ours (theirs less ours)."""
    reference = [one["evaluation"] for one in found[OURS]]
    rows = []
    for name, several in found.items():
        evaluations = [one["evaluation"] for one in several]
        row = {
            "name": name,
            "parameters": several[0]["parameters"],
            "test": alone(evaluations),
            "val_dice": [one["val_dice"] for one in several],
            "epochs": [one["epochs"] for one in several],
            "images_seen": [one["images_seen"] for one in several],
            "fit_seconds": [one["fit_seconds"] for one in several],
            "predict_ms": float(np.median([one["predict_ms"] for one in several])),
        }
        if name != OURS:
            row["less_ours"] = against(evaluations, reference, range(len(several)))
        rows.append(row)
    return rows


def _results(contestants: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ours beside each peer; shares in percent, so that a table of two decimals shows them."""
    own, *peers = contestants
    figures: dict[str, tuple[Callable[[dict[str, Any]], float], str]] = {
        "test Dice, pooled": (lambda row: 100 * row["test"]["pooled"], "%"),
        "test Dice, mean over images": (
            lambda row: 100 * row["test"]["mean_over_images"]["mean"],
            "%",
        ),
        "fitting": (lambda row: float(np.mean(row["fit_seconds"])), "s"),
        "images seen": (lambda row: float(np.mean(row["images_seen"])), "images"),
        "parameters": (lambda row: row["parameters"] / 1e6, "million"),
        "prediction of an image": (lambda row: row["predict_ms"], "ms"),
    }
    return [
        result(what, figure(own), unit=unit, peer=figure(peer), peer_name=peer["name"])
        | ({} if unit in ("ms", "million") else {"ratio": None})
        for what, (figure, unit) in figures.items()
        for peer in peers
    ]


def _goals(contestants: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    own, *peers = contestants
    best = max(peers, key=lambda row: float(row["test"]["pooled"]))
    ahead = 100 * (own["test"]["pooled"] - best["test"]["pooled"])
    return [goal(f"test Dice ahead of {best['name']}, %, at least", 0.0, ahead, least=True)]


if __name__ == "__main__":
    main()
