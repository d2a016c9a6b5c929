"""Training the same U-Net on the same images: our loop beside the typical recipes of two libraries.

    python -m benchmarks.training [--json] [--images N] [--size 128] [--batch 16] [--epochs 10]
                                  [--repeats 3] [--dice 0.8]

All of DSB2018, or drawn phantoms where it is not there, is written as grey PNG files with one mask
each; every contestant reads these. The network is the plain U-Net of 16 filters with batch
normalization; loss (cross-entropy and Dice), Adam, augmentations and batches are the same. Peers
train in float32 and NCHW as their examples do, each with the number of workers that was fastest in
a short trial. Each training is a process of its own with a fresh workspace, and a repeat goes
through all of them. Images per second are those of the steps, the first epoch left out; medians.

The time to a Dice (pooled over the validation images at native resolution, at 0.5, the same code
for all, whose time is not counted) holds preparation, steps and, ours alone, checkpoints and log.
The share of tracking and checkpoints is what writing takes in the loop plus all processor time of
the process that mirrors the run, as if nothing ran beside it: at most that much can be lost.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from benchmarks._report import ROOT, emit, goal, parser, report, result
from benchmarks._training import Course, Job
from benchmarks._training_peers import has_trainer
from core.data import open_dataset
from core.data.quality.duplicates import duplicate_groups
from core.data.splits import Split, make_split
from core.system.home import real_data

PEERS = {
    "smp": "segmentation-models-pytorch's recipe",
    "monai": f"MONAI's recipe, {'its trainer' if has_trainer() else 'its plain loop'}",
}
OURS, FLOAT32, UNTRACKED = "ours", "ours, float32", "ours, tracking off"
CHILD = """
import json, sys
from dataclasses import asdict
from benchmarks import _training, _training_{module} as recipes
job = _training.Job(**json.loads(sys.argv[1]))
print(json.dumps(asdict(recipes.{name}(job))))
"""
TRIAL_IMAGES = 128
Courses = dict[str, list[Course]]


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--images", type=int, help="no more than so many; all by default")
    arguments.add_argument("--size", type=int, default=128, help="images are resized to it")
    arguments.add_argument("--batch", type=int, default=16)
    arguments.add_argument("--epochs", type=int, default=10)
    arguments.add_argument("--repeats", type=int, default=3, help="of each training")
    arguments.add_argument("--dice", type=float, default=0.8, help="validation Dice to reach")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="isoline-training-") as scratch:
        folder = Path(scratch) / "data"
        name = _write_files(folder, given.images)
        split = _split(folder)
        job = Job(
            folder=str(folder),
            train=[f"{identity}.png" for identity in split.train],
            val=[f"{identity}.png" for identity in split.val],
            size=given.size,
            batch=given.batch,
            epochs=given.epochs,
        )
        workers = {peer: _best_workers(peer, job) for peer in PEERS}
        courses = _all(job, workers, given.repeats)
    assert all(course.split == split.hash for course in courses[OURS])  # the very same images
    names = {peer: f"{title}, workers={workers[peer]}" for peer, title in PEERS.items()}
    results = [
        *_speed(courses, names, len(job.train)),
        *_whole(courses, names, given.dice),
        *_overhead(courses),
    ]
    if not given.json:  # a Dice that we did not reach has no place in a table
        results = [row for row in results if row["ours"] is not None]
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    software = f"{device}, torch {torch.__version__}, {name}, {len(job.train)} training images, "
    software += f"{job.size} x {job.size}, batch {job.batch}, {job.epochs} epochs"
    goals = _goals(courses, names, len(job.train))
    emit(report("training", results, goals, software=software), as_json=given.json)


def _write_files(folder: Path, limit: int | None) -> str:
    """Labelled images and masks as PNG files; the name of what they are."""
    found = real_data()
    path = found / "dsb2018" / "stage1_train.zip" if found else None
    path = path if path and path.exists() else None
    dataset = open_dataset("dsb2018" if path else "phantoms_nuclei", path)
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for sample in [sample for sample in dataset.samples if sample.has_truth][:limit]:
        Image.fromarray(dataset.image(sample)).convert("L").save(
            folder / "images" / f"{sample.id}.png"
        )
        mask = (dataset.truth(sample) > 0).astype("uint8") * 255
        Image.fromarray(mask).save(folder / "masks" / f"{sample.id}.png")
    return "DSB2018" if path else "phantoms_nuclei"


def _split(folder: Path) -> Split:
    """As our loop splits these files."""
    dataset = open_dataset("folder", folder)
    return make_split(dataset.samples, clusters=duplicate_groups(dataset))


def _best_workers(peer: str, job: Job) -> int:
    """The number of loading processes with the shortest second epoch on some of the images."""
    trial = replace(job, train=job.train[:TRIAL_IMAGES], val=[], epochs=2)
    cores = os.cpu_count() or 1
    numbers = [0, 1, 2, *(n for n in (4, 8, 16) if n <= cores)]
    seconds = {n: _train(peer, replace(trial, workers=n)).fit[1] for n in numbers}
    return min(numbers, key=seconds.__getitem__)


def _all(job: Job, workers: dict[str, int], repeats: int) -> Courses:
    """Every training, interleaved."""
    courses: Courses = {}
    for _ in range(repeats):
        turns = {
            OURS: _train("isoline", job),
            **{peer: _train(peer, replace(job, workers=workers[peer])) for peer in PEERS},
            FLOAT32: _train("isoline", replace(job, precision="fp32")),
            UNTRACKED: _train("isoline", job, tracking="off"),
        }
        for name, course in turns.items():
            courses.setdefault(name, []).append(course)
    return courses


def _train(recipe: str, job: Job, *, tracking: str = "on") -> Course:
    """One training in a process and a workspace of its own."""
    code = CHILD.format(module="ours" if recipe == "isoline" else "peers", name=recipe)
    with tempfile.TemporaryDirectory(prefix="isoline-home-") as home:
        environment = {**os.environ, "ISOLINE_HOME": home, "ISOLINE_TRACKING": tracking}
        environment.pop("MLFLOW_TRACKING_URI", None)
        done = subprocess.run(
            [sys.executable, "-c", code, json.dumps(asdict(job))],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
        )
    return Course(**json.loads(done.stdout.splitlines()[-1]))


def _speed(courses: Courses, names: dict[str, str], images: int) -> list[dict[str, Any]]:
    """Images per second, in our own precision and in the peers'; the ratio is ours over theirs."""
    rate = {name: _rate(course, images) for name, course in courses.items()}
    return [
        result(what, rate[own], unit="images/s", peer=rate[peer], peer_name=title)
        | {"ratio": round(rate[own] / rate[peer], 2)}
        for own, what in ((OURS, "training"), (FLOAT32, "training in float32"))
        for peer, title in names.items()
    ]


def _whole(courses: Courses, names: dict[str, str], wanted: float) -> list[dict[str, Any]]:
    """Preparation, the whole run, and how soon what Dice."""
    figures: dict[str, Callable[[Course], float]] = {
        "preparation": lambda course: course.preparation,
        "an epoch with validation": lambda course: _later(course.epoch),
        "all epochs with preparation and validation": lambda course: course.whole,
    }
    rows = [
        result(
            what,
            _median(figure, courses[OURS]),
            unit="s",
            peer=_median(figure, courses[peer]),
            peer_name=title,
        )
        for what, figure in figures.items()
        for peer, title in names.items()
    ]
    reached = {name: _time_to(some, wanted) for name, some in courses.items()}
    for peer, title in names.items():
        best = [_median(lambda course: max(course.dice), courses[name]) for name in (OURS, peer)]
        rows.append(
            result("highest Dice", best[0], unit="", peer=best[1], peer_name=title)
            | {"ratio": None}  # shares of different things to gain
        )
        row = result(
            f"time to Dice {wanted:g}",
            reached[OURS] or 1.0,
            unit="s",
            peer=reached[peer],
            peer_name=title,
        )
        rows.append(row if reached[OURS] else row | {"ours": None, "ratio": None})
    return rows


def _overhead(courses: Courses) -> list[dict[str, Any]]:
    """What tracking and checkpoints cost, and how busy a GPU was."""
    parts = {
        "checkpoints, history, log and images": "keeping",
        "processor time of the mirror beside": "mirror",
    }
    rows = [
        result(f"{what}, share of an epoch", _share(courses[OURS], part), unit="%")
        for what, part in parts.items()
    ]
    epoch = {name: _median(lambda course: _later(course.epoch), courses[name]) for name in courses}
    rows.append(
        result(
            "an epoch with tracking",
            epoch[OURS],
            unit="s",
            peer=epoch[UNTRACKED],
            peer_name="tracking off",
        )
    )
    return [
        *rows,
        *(
            result(f"GPU busy during the steps, {name}", percent, unit="%")
            for name in courses
            if (percent := _busy(courses[name])) is not None
        ),
    ]


def _goals(courses: Courses, names: dict[str, str], images: int) -> list[dict[str, Any]]:
    rate = {name: _rate(course, images) for name, course in courses.items()}
    better = max(names, key=rate.__getitem__)
    on_gpu = torch.cuda.is_available()
    goals = [
        goal(
            f"times the images/s of {names[better]}, at least",
            3.0 if on_gpu else 1.8,
            rate[OURS] / rate[better],
            least=True,
        ),
        goal(
            "tracking and checkpoints, % of an epoch, at most",
            3.0,
            _share(courses[OURS], "keeping", "mirror"),
        ),
    ]
    percent = _busy(courses[OURS])
    if on_gpu and percent is not None:
        goals.append(goal("GPU busy during the steps, %, at least", 90.0, percent, least=True))
    return goals


def _later(values: Sequence[float]) -> float:
    """Median without the first, which warms up, where there are more."""
    return statistics.median(values[1:] or values)


def _median(figure: Callable[[Course], float], courses: Sequence[Course]) -> float:
    return statistics.median(figure(course) for course in courses)


def _rate(courses: Sequence[Course], images: int) -> float:
    return images / _median(lambda course: _later(course.fit), courses)


def _share(courses: Sequence[Course], *parts: str) -> float:
    """Percent of the epochs, of all but the first together: not every epoch keeps the same."""

    def one(course: Course) -> float:
        taken = (sum(getattr(course, part)[1:] or getattr(course, part)) for part in parts)
        return 100 * float(sum(taken)) / sum(course.epoch[1:] or course.epoch)

    return _median(one, courses)


def _busy(courses: Sequence[Course]) -> float | None:
    seen = [course.busy for course in courses if course.busy is not None]
    return statistics.median(seen) if seen else None


def _time_to(courses: Sequence[Course], wanted: float) -> float | None:
    """Seconds to the end of the first epoch with this Dice; None if a repeat did not reach it."""
    times = []
    for course in courses:
        first = next((n for n, value in enumerate(course.dice, 1) if value >= wanted), None)
        if first is None:
            return None
        times.append(course.preparation + sum(course.fit[:first]) + sum(course.keeping[:first]))
    return statistics.median(times)


if __name__ == "__main__":
    main()
