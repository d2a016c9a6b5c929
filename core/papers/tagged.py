"""Runs that belong together by a tag: found again, made where they are missing, trained, evaluated.

A reproduction and an ablation are both a list of configs. Asked for the same list again, what is
finished is kept and what was interrupted continues.
"""

import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.config import RunConfig
from core.errors import InputError
from core.runs import ACTIVE, Run, create_run, list_runs, runs_folder

if TYPE_CHECKING:
    from core.models import TrainedModel  # torch

Say = Callable[[str], None]


@dataclass(frozen=True)
class TaggedRun:
    """A run that can be read, with what was asked for."""

    run: Run
    config: RunConfig
    tags: tuple[str, ...]


def tagged_runs(tag: str) -> list[TaggedRun]:
    """Every run that carries a tag, oldest first; a folder that cannot be read hides no other."""
    found = []
    for run in reversed(list_runs()):
        try:
            tags, config = run.about.tags, run.config
        except (InputError, TypeError, KeyError):
            continue
        if tag in tags:
            found.append(TaggedRun(run, config, tags))
    return found


def tags_like(start: str) -> list[str]:
    """All tags of all runs that begin so, sorted."""
    found: set[str] = set()
    for run in list_runs():
        with suppress(InputError, TypeError, KeyError):
            found |= {tag for tag in run.about.tags if tag.startswith(start)}
    return sorted(found)


def make_tagged_run(config: RunConfig, *, name: str, **about: Any) -> Run:  # noqa: ANN401 - fields of About
    """A new run under a telling name, with a number where the name is taken.

    Args:
        config: What it trains.
        name: Wanted.
        **about: What is reported of it, as ``Run.say_about`` takes it.
    """
    names = (name if n == 1 else f"{name}-{n}" for n in itertools.count(1))
    run = create_run(config, name=next(n for n in names if not (runs_folder() / n).exists()))
    run.say_about(**about)
    return run


def same_training(one: RunConfig, other: RunConfig) -> bool:
    """Whether two configs train the same, but for what memory made of the batches."""
    plain: dict[str, Any] = {"accumulate": 1, "extensions": []}
    return replace(one, **plain) == replace(other, **plain)


def is_over(run: Run) -> bool:
    """Whether it can be evaluated."""
    return run.status["state"] == "finished" and run.operating_point is not None


def train_until_done(missing: Callable[[], list[Run]], *, say: Say) -> list[Run]:
    """Train in this process, one after the other, until nothing is missing.

    A run that fails on the way, as one that diverges, is reported and holds up no other.

    Returns:
        Those that were trained to the end.

    Raises:
        InputError: A run cannot begin, or is under way elsewhere.
    """
    from core.training.loop import train

    done: list[Run] = []
    failed: set[str] = set()
    while left := [run for run in missing() if run.name not in failed]:
        for run in left:
            say(f"{run.name}: training")
            try:
                summary = train(run)
            except InputError as wrong:
                if run.status["state"] != "failed":
                    raise
                failed.add(run.name)
                say(f"{run.name}: {wrong}")
                continue
            say(f"{run.name}: pooled Dice {summary['best']['dice']:.4f} on validation")
            done.append(run)
    return done


def train_when_free(missing: Sequence[Run]) -> list[tuple[str, str]]:
    """Put runs into the queue: run and job; what waits or trains already stays."""
    from core.runs.jobs import start

    waiting = [run for run in missing if run.status["state"] not in ACTIVE]
    return [(run.name, start(run).id) for run in waiting]


def evaluate_test(run: Run, trained: "TrainedModel", *, say: Say) -> dict[str, Any]:
    """The evaluation of the test split, made where it is missing or older than the run.

    Raises:
        InputError: The data is gone or damaged.
    """
    from core.evaluation.of_model import evaluate_model  # torch

    document = run.evaluation("test")
    if document is None or not _is_current(run, document):
        say(f"{run.name}: evaluating its test split")
        data = Path(trained.config.data) if trained.config.data else None
        document = evaluate_model(trained, "test", data=data)
        run.save_evaluation(document)
    return document


def stamp(run: Run) -> list[float]:
    """Changes when a run is trained longer or its threshold is chosen anew."""
    point = run.operating_point
    return [len(run.history), point.threshold if point else -1.0]


def _is_current(run: Run, document: dict[str, Any]) -> bool:
    point = run.operating_point
    newer = (run.path / "evaluation" / "test.json").stat().st_mtime
    same = point is not None and document["threshold"] == point.threshold
    return same and newer >= run.checkpoint("best").stat().st_mtime
