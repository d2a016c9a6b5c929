"""Our side of ``benchmarks.training``: ``core.training.loop``, started as the command line does."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any

import psutil

from benchmarks._training import LEARNING_RATE, MOVES, NETWORK, Busy, Course, Job
from core.config import RunConfig
from core.runs import Run, create_run
from core.runs.step_log import StepLog
from core.system.device import pick_device
from core.training import loop

WRITES = (
    (loop, "save"),
    (loop, "save_pictures"),
    (StepLog, "append"),
    (Run, "save_history"),
    (Run, "save_status"),
)
"""What a training writes, by place and name; none of them calls another."""
Spans = list[tuple[float, float]]


def isoline(job: Job) -> Course:
    """Train in the workspace of this process, with checkpoints and, unless off, tracking."""
    course, busy = Course(), Busy(pick_device())
    writes = [_watch(place, name) for place, name in WRITES]
    begins = _watch(loop, "begin")
    _watch(loop, "_fit", within=busy.watched)
    last = {"time": 0.0, "kept": 0.0, "mirror": 0.0}

    def report(event: dict[str, Any]) -> None:
        if event["event"] != "epoch":
            return
        now = {
            "time": time.perf_counter(),
            "kept": sum(end - start for spans in writes for start, end in spans),
            "mirror": _mirror_seconds(),
        }
        course.fit.append(len(job.train) / event["images_per_second"])
        course.dice.append(event["val_dice_at_half"])
        course.epoch.append(now["time"] - (last["time"] or begins[0][1]))
        course.keeping.append(now["kept"] - last["kept"])
        course.mirror.append(now["mirror"] - last["mirror"])
        last.update(now)

    config = RunConfig(
        dataset="folder",
        data=job.folder,
        model_options=NETWORK,
        size=job.size,
        loss="bce_dice",
        learning_rate=LEARNING_RATE,
        batch_size=job.batch,
        epochs=job.epochs,
        precision=job.precision,
        augmentation=MOVES,
    )
    began = time.perf_counter()
    run = create_run(config)
    loop.train(run, report=report)
    course.whole = time.perf_counter() - began
    course.preparation = begins[0][1] - began
    course.busy, course.split = busy.percent, run.split.hash
    psutil.wait_procs(psutil.Process().children(), timeout=120)  # none runs into what comes next
    return course


def _watch(
    place: object, name: str, *, within: Callable[[], AbstractContextManager[None]] = nullcontext
) -> Spans:
    """Start and end of every call to a function from here on."""
    spans: Spans = []
    work = getattr(place, name)

    @wraps(work)
    def watched(*given: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever it wraps
        with within():
            started = time.perf_counter()
            answer = work(*given, **options)
            spans.append((started, time.perf_counter()))
        return answer

    setattr(place, name, watched)
    return spans


def _mirror_seconds() -> float:
    """Processor time of the processes beside this one until now."""
    times = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return float(sum(taken.user + taken.system for taken in times))
