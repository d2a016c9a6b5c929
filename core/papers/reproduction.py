"""Presets become runs: which there should be, which there are, and training those that are missing.

A run is known by its tag ``preset:<name>``, and counts only while its settings are the preset's; a
run with another number of epochs counts and is reported to be shortened. Asked for the same
reproduction again, what is finished is kept and what was interrupted continues. Experiments that
differ only in what they measure share their runs: training is exact, so twice would be the same.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.config import RunConfig
from core.data import Dataset, info_of, kind_of, open_dataset
from core.data.importing import imported_path
from core.errors import InputError
from core.papers.presets import TAG, Preset, load_presets
from core.papers.tagged import (
    Say,
    is_over,
    make_tagged_run,
    same_training,
    tagged_runs,
    train_until_done,
    train_when_free,
)
from core.runs import Run, best_epoch

SMALL, FOLDS, GROUPS_PER_FOLD = 100, 5, 3
"""Fewer labelled images than ``SMALL`` are cross-validated, if the folds get groups enough."""
SEARCHED = "search:"
"""Starts the tag of a run that tries settings."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a reproduction trains."""

    preset: Preset
    configs: tuple[RunConfig, ...]
    """One for each seed and fold."""
    search: tuple[RunConfig, ...]
    """One for each combination that is tried first; empty where nothing is."""
    shortened: bool
    """Whether there are fewer epochs than in the preset."""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """A run of a preset."""

    run: Run
    config: RunConfig
    differences: dict[str, tuple[Any, Any]]
    """From the preset; see ``Preset.differences``."""
    searched: bool
    """Whether it is one of those that try settings."""

    @property
    def counts(self) -> bool:
        """Whether it is a reproduction: at most the data set and the epochs differ."""
        return not self.searched and set(self.differences) <= {"epochs", "dataset"}

    @property
    def finished(self) -> bool:
        """Whether it can be evaluated."""
        return is_over(self.run)


def plan(
    preset: Preset,
    *,
    data: Path | None = None,
    dataset: str | None = None,
    seeds: int = 3,
    folds: int | None = None,
    epochs: int | None = None,
) -> Plan:
    """The runs of a reproduction.

    Args:
        preset: The experiment.
        data: The person's copy; None takes the imported one.
        dataset: Another data set in place of the preset's.
        seeds: Repetitions with other initial weights, order and augmentation.
        folds: Cross-validation; 0 for one split, None for what suits the size of the set.
        epochs: Fewer or more passes than the preset's.

    Raises:
        InputError: The data is not there, or something cannot be.
    """
    if seeds < 1:
        raise InputError(f"--seeds takes at least 1, found {seeds}")
    name = dataset or preset.config.dataset
    kind = kind_of(name)
    if name != preset.config.dataset and preset.config.target != "foreground":
        ours, theirs = info_of(preset.config.dataset), kind.info
        if (ours.classes, ours.regions) != (theirs.classes, theirs.regions):
            raise InputError(f"{preset.name} learns {', '.join(ours.classes)}, {name} has others")
    path = data.resolve() if data else imported_path(name)
    opened = open_dataset(name, path)
    count = default_folds(opened) if folds is None else folds
    base = replace(
        preset.config,
        dataset=name,
        data=str(path) if path else None,
        epochs=epochs or preset.config.epochs,
        folds=count,
        share_group=not count and has_two_groups(opened),
        allow_accumulation=True,
    )
    searched = tuple(
        replace(base, **dict(zip(preset.search, values, strict=True)), folds=0)
        for values in itertools.product(*preset.search.values())
        if preset.search
    )
    configs = tuple(
        replace(base, seed=seed, fold=fold) for seed in range(seeds) for fold in range(count or 1)
    )
    return Plan(
        preset=preset,
        configs=configs,
        search=searched,
        shortened=base.epochs < preset.config.epochs,
    )


def default_folds(dataset: Dataset) -> int:
    """Folds for a set that is small and has groups enough; otherwise 0."""
    labelled = [sample for sample in dataset.samples if sample.has_truth]
    groups = {sample.group for sample in labelled}
    return FOLDS if len(labelled) < SMALL and len(groups) >= GROUPS_PER_FOLD * FOLDS else 0


def has_two_groups(dataset: Dataset) -> bool:
    """Whether two patients are all there are: the split then says what that costs."""
    return len({sample.group for sample in dataset.samples if sample.has_truth}) == 2


def runs_of(preset: Preset) -> list[Counted]:
    """Every run that carries the preset's tag, oldest first."""
    return [
        Counted(
            run=one.run,
            config=one.config,
            differences=preset.differences(one.config),
            searched=SEARCHED + preset.name in one.tags,
        )
        for one in tagged_runs(preset.tag)
    ]


def make_run(preset: Preset, config: RunConfig, *, searched: bool = False) -> Run:
    """The run of a config: the one there is, or a new one under a telling name."""
    for counted in runs_of(preset):
        if counted.searched == searched and same_training(counted.config, config):
            return counted.run
    if not searched and (twin := _twin(preset, config)):
        twin.say_about(tags=(*twin.about.tags, preset.tag))
        return twin
    parts = [preset.name]
    if searched:
        parts += [f"{getattr(config, key):g}" for key in preset.search]
    else:
        parts += [f"fold{config.fold}"] * bool(config.folds) + [f"seed{config.seed}"]
    if config.epochs != preset.config.epochs:
        parts.append(f"{config.epochs}epochs")
    tags = (preset.tag, SEARCHED + preset.name) if searched else (preset.tag,)
    return make_tagged_run(config, name="-".join(parts), tags=tags, group=preset.name)


def _twin(preset: Preset, config: RunConfig) -> Run | None:
    """The run of a config that another preset of the same settings has."""
    others = [one for one in load_presets() if one.config == preset.config]
    runs = [counted for one in others if one.name != preset.name for counted in runs_of(one)]
    same = (one.run for one in runs if not one.searched and same_training(one.config, config))
    return next(same, None)


def presets_of(run: Run) -> list[str]:
    """Names of the presets whose tags a run carries."""
    return [tag.removeprefix(TAG) for tag in run.about.tags if tag.startswith(TAG)]


def chosen_settings(plan: Plan) -> dict[str, Any] | None:
    """The searched settings that were best on validation; None before all of them are finished."""
    if not plan.search:
        return {}
    scores = []
    for counted in runs_of(plan.preset):
        tried = any(same_training(counted.config, config) for config in plan.search)
        best = best_epoch(counted.run.history, monitor="dice")
        if counted.searched and tried and counted.finished and best:
            values = {key: getattr(counted.config, key) for key in plan.preset.search}
            scores.append((float(best["val_dice"]), counted.run.name, values))
    return max(scores)[2] if len(scores) >= len(plan.search) else None


def missing(plan: Plan) -> list[Run]:
    """The runs that still have to be trained next: the search first, then the repetitions.

    They are made where they are not there yet; those under way are left alone.
    """
    runs = [make_run(plan.preset, config, searched=True) for config in plan.search]
    left = [run for run in runs if not is_over(run)]
    settings = chosen_settings(plan)
    if settings is not None:
        configs = [replace(config, **settings) for config in plan.configs]
        left += [run for run in (make_run(plan.preset, c) for c in configs) if not is_over(run)]
    return left


def train_now(plan: Plan, *, say: Say) -> list[Run]:
    """Train in this process, one after the other, until nothing is missing.

    Raises:
        InputError: A run cannot be trained, or is under way elsewhere.
    """
    return train_until_done(lambda: missing(plan), say=say)


def train_later(plan: Plan) -> list[tuple[str, str]]:
    """Put what is missing into the queue: run and job; what waits or trains already stays."""
    return train_when_free(missing(plan))


def finished_runs(preset: Preset, counted: Sequence[Counted]) -> list[Counted]:
    """Those that make the scores: of the data and epochs that the latest finished run has."""
    over = [one for one in counted if one.counts and one.finished]
    if not over:
        return []
    last = over[-1].config
    keys = ("dataset", "data", "epochs", "folds", *preset.search)
    wanted = [getattr(last, key) for key in keys]
    return [one for one in over if [getattr(one.config, key) for key in keys] == wanted]
