"""``python -m core train`` and ``resume``: trainings, here or in the queue."""

import os
from typing import Annotated

import typer

from core.cli.options import Data
from core.cli.output import AsJson, show
from core.errors import InputError

Queue = Annotated[bool, typer.Option("--queue", help="Train it when its turn comes.")]


def train(
    dataset: Annotated[str | None, typer.Option(help="A data set by name.")] = None,
    *,
    preset: Annotated[
        str | None, typer.Option(help="Settings of a paper's experiment: papers list.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="A network by name; unet where none.")] = None,
    data: Data = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value: a setting of the run or an option of the network."),
    ] = None,
    start_from: Annotated[
        str, typer.Option(help="Begin with the weights of a shipped model or a run, its network.")
    ] = "",
    leave_out: Annotated[
        list[str] | None,
        typer.Option(help="An image or patient that is not used, by id; repeatable."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the run.")] = None,
    queue: Queue = False,
    as_json: AsJson = False,
) -> None:
    """Train a network on a data set; the best epoch and its threshold are kept."""
    from dataclasses import replace

    from core.config import VOLUMES, AugmentationConfig, RunConfig, parse_setting
    from core.data import info_of, kind_of, open_dataset
    from core.data.importing import imported_path
    from core.inference.heads import check_head
    from core.losses import build_loss
    from core.networks import card_of
    from core.papers.presets import load_preset
    from core.runs import create_run
    from core.training.distributed import from_leader, joined
    from core.training.initial_weights import beginning_with, check_start

    chosen = load_preset(preset) if preset else None
    if chosen and model:
        raise InputError(f"{preset} names its network; leave --model out, or --preset")
    if start_from and model:
        raise InputError(f"{start_from} brings its network along; leave --model out")
    if not chosen and not dataset:
        raise InputError("name what to train on with --dataset, or an experiment with --preset")
    dataset = dataset or (chosen.config.dataset if chosen else "")
    kind_of(dataset)
    path = data.resolve() if data else imported_path(dataset)
    where = str(path) if path else None
    config = (
        replace(chosen.config, dataset=dataset, data=where)
        if chosen
        else RunConfig(
            dataset=dataset,
            data=where,
            model=model or "unet",
            size=info_of(dataset).size,
            augmentation=AugmentationConfig(**info_of(dataset).augmentation),
        )
    )
    if start_from:
        config = (
            replace(config, start_from=start_from) if chosen else beginning_with(config, start_from)
        )
    card = card_of(config.model)
    if card.dimensions == 3 and not (chosen or start_from):
        config = replace(config, **VOLUMES)
    config = config.with_settings(dict(map(parse_setting, settings or [])), card.options)
    if leave_out:
        config = replace(config, leave_out=[*config.leave_out, *leave_out])
    build_loss(config.loss)  # refuse what is wrong before a run folder exists
    check_head(config, open_dataset(dataset, path).without(config.leave_out).info)
    check_start(config)

    def made() -> str:
        run = create_run(config, name=name)
        if chosen:
            run.say_about(tags=(chosen.tag,))
        return run.name

    if queue:
        _queue(made(), as_json=as_json)
        return
    with joined() as team:
        _train(from_leader(team, made), as_json=as_json)


def resume(
    run: str,
    *,
    epochs: Annotated[
        int | None, typer.Option(help="Train longer: epochs in all, beyond what was planned.")
    ] = None,
    queue: Queue = False,
    as_json: AsJson = False,
) -> None:
    """Resume a run from its last checkpoint; under torchrun with several processes."""
    from core.runs import ACTIVE, open_run
    from core.training.distributed import from_leader, joined
    from core.training.extension import extend

    if queue:
        if epochs is not None:
            extend(open_run(run), epochs)
        _queue(run, as_json=as_json)
        return
    with joined() as team:
        if epochs is not None:
            from_leader(team, lambda: extend(open_run(run), epochs).epochs)
        if team.leads and open_run(run).saved_state not in ACTIVE:  # manually, after a stop
            open_run(run).request_stop(wish=False)
        _train(run, as_json=as_json)


def _queue(name: str, *, as_json: bool) -> None:
    from core.runs import open_run
    from core.runs.jobs import start

    job = start(open_run(name))
    follow = f"watch it with: python -m core jobs show {job.id}"
    show(
        {"run": name, "job": job.id},
        [f"{name} is queued as job {job.id}; {follow}"],
        as_json=as_json,
    )


def _train(name: str, *, as_json: bool) -> None:
    from core.runs import open_run
    from core.training.heartbeat import Stopped
    from core.training.loop import train as fit
    from core.training.progress import training_progress

    try:
        with training_progress() as report:
            summary = fit(open_run(name), report=report)
    except Stopped:
        raise InputError(f"stopped; continue with: python -m core resume {name}") from None
    best = summary["best"]
    if int(os.environ.get("RANK", "0")):  # under torchrun the first process speaks for all
        return
    show(
        summary,
        [
            (
                f"{name}: best epoch {summary['best_epoch']} of {summary['epochs']}, pooled "
                f"Dice on validation {best['dice']:.4f} at threshold {best['threshold']:.3f}"
            ),
            (
                f"{summary['seconds']:.0f} s, {summary['images_per_second']:.1f} images/s; "
                f"{summary['checkpoint']}"
            ),
        ],
        as_json=as_json,
    )
