"""How fast many runs are listed, filtered and charted: run folders against MLflow on SQLite.

    python -m benchmarks.store [--json] [--runs 1000] [--epochs 100]

Each metric is the median of fresh processes, their imports left out; the peer holds the same four
numbers of every epoch of the same runs and is asked through its own client.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks._report import ROOT, emit, goal, parser, report, result

CHARTED = 20
KEYS = ("train_loss", "val_loss", "val_dice", "learning_rate")

MAKE = """
import math, os, pathlib, sys
from core.config import RunConfig
from core.runs import create_run
count, epochs = int(sys.argv[1]), int(sys.argv[2])
for n in range(count):
    run = create_run(
        RunConfig(dataset="phantoms", seed=n, epochs=epochs, model_options={"base_filters": 16}),
        name=f"run-{n:05d}",
    )
    rows = [
        {
            "epoch": epoch,
            "train_loss": math.exp(-epoch / (20 + n % 7)),
            "val_loss": math.exp(-epoch / (25 + n % 5)),
            "val_dice": 1 - math.exp(-epoch / (10 + n % 11)),
            "val_threshold": 0.5,
            "learning_rate": 0.001,
            "images_per_second": 30.0,
            "seconds": 2.0,
        }
        for epoch in range(1, epochs + 1)
    ]
    run.save_history(rows)
    run.say_about(tags=("even",) if n % 2 == 0 else (), starred=n % 10 == 0)
    run.save_status("finished")
"""
FILL = """
import sys
from mlflow.entities import Metric, Param
from core.runs import list_runs
from core.runs.tracking.one_run import open_store
client = open_store()
experiment = client.create_experiment("isoline")
for run in list_runs():
    tags = {"starred": str(run.about.starred)}
    made = client.create_run(experiment, run_name=run.name, tags=tags)
    metrics = [
        Metric(key, row[key], row["epoch"] * 2000, row["epoch"])
        for row in run.history
        for key in KEYS
    ]
    seed = Param("seed", str(run.config.seed))
    client.log_batch(made.info.run_id, metrics=metrics, params=[seed])
    client.set_terminated(made.info.run_id)
"""
OURS = """
import json, sys, time
from core.runs.table import choose_rows, run_table
from core.runs import open_run
def timed(work):
    started = time.perf_counter()
    value = work()
    return time.perf_counter() - started, value
listing, rows = timed(run_table)
again, rows = timed(run_table)
chosen_time, chosen = timed(lambda: sorted(
    choose_rows(rows, starred=True), key=lambda row: -row["val_dice"])[:50])
charts, histories = timed(lambda: [open_run(row["name"]).history for row in chosen[:COUNT]])
assert len(histories) == min(COUNT, len(chosen)) and len(histories[0]) == int(sys.argv[2])
assert len(rows) == int(sys.argv[1])
print(json.dumps({"list": listing, "again": again, "filter": chosen_time, "charts": charts}))
"""
PEER = """
import json, sys, time
from core.runs.tracking.one_run import open_store
def timed(work):
    started = time.perf_counter()
    value = work()
    return time.perf_counter() - started, value
client = open_store()
found = [client.get_experiment_by_name("isoline").experiment_id]
listing, rows = timed(lambda: client.search_runs(found, max_results=5000))
again, rows = timed(lambda: client.search_runs(found, max_results=5000))
filtering, chosen = timed(lambda: client.search_runs(
    found, "tags.starred = 'True'", order_by=["metrics.val_dice DESC"], max_results=50))
charts, histories = timed(lambda: [
    client.get_metric_history(run.info.run_id, key) for run in chosen[:COUNT] for key in KEYS])
assert len(histories[0]) == int(sys.argv[2])
assert len(rows) == int(sys.argv[1])
print(json.dumps({"list": listing, "again": again, "filter": filtering, "charts": charts}))
"""


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--runs", type=int, default=1000)
    arguments.add_argument("--epochs", type=int, default=100)
    arguments.add_argument("--repeats", type=int, default=5)
    given = arguments.parse_args()
    size = (given.runs, given.epochs)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        _run(MAKE, home, size)
        _run(FILL, home, size)
        cold = []
        for _ in range(given.repeats):
            (home / "runs-index.json").unlink(missing_ok=True)
            cold.append(_run(OURS, home, size)["list"])
        ours = _medians(OURS, home, size, given.repeats)
        peer = _medians(PEER, home, size, given.repeats)
    first = statistics.median(cold)
    names = {
        "list": f"list {given.runs} runs, a new process",
        "again": "list them again in the same process",
        "filter": "those with a star, best 50 by Dice",
        "charts": f"histories of {CHARTED} runs",
    }
    results = [
        result(case, ours[key], unit="s", peer=peer[key], peer_name="MLflow")
        for key, case in names.items()
    ]
    results.append(result("list them without the index", first, unit="s"))
    shown = ours["list"] + ours["filter"]
    goals = [
        goal("listing and filter in a new process in s, at most", 0.5, shown),
        goal("histories for a chart in s, at most", 0.3, ours["charts"]),
        goal("listing, times MLflow's time, at least", 1, peer["list"] / ours["list"], least=True),
    ]
    software = f"{given.runs} runs of {given.epochs} epochs"
    emit(report("store", results, goals, software=software), as_json=given.json)


def _medians(code: str, home: Path, size: tuple[int, int], repeats: int) -> dict[str, float]:
    rounds = [_run(code, home, size) for _ in range(repeats)]
    return {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}


def _run(code: str, home: Path, size: tuple[int, int]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", f"COUNT, KEYS = {CHARTED}, {KEYS}\n{code}", *map(str, size)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "ISOLINE_HOME": str(home)},
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}
    return answer


if __name__ == "__main__":
    main()
