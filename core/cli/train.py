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
    initial_weights: Annotated[
        str, typer.Option(help="Fine-tune a shipped model or a run, with its network.")
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

    from core.config import parse_setting
    from core.data import kind_of
    from core.data.importing import imported_path
    from core.papers.presets import load_preset
    from core.runs import create_run
    from core.training.distributed import from_leader, joined
    from core.training.planning import check_plan, default_config, plan_config

    chosen = load_preset(preset) if preset else None
    if chosen and model:
        raise InputError(f"{preset} names its network; leave --model out, or --preset")
    if initial_weights and model:
        raise InputError(f"{initial_weights} brings its network along; leave --model out")
    if not chosen and not dataset:
        raise InputError("name what to train on with --dataset, or an experiment with --preset")
    dataset = dataset or (chosen.config.dataset if chosen else "")
    kind_of(dataset)
    path = data.resolve() if data else imported_path(dataset)
    if chosen:
        base = replace(chosen.config, dataset=dataset, data=str(path) if path else None)
        if initial_weights:  # the preset names its network
            base = replace(base, start_from=initial_weights)
    else:
        base = default_config(dataset, data=path, model=model or "unet")
    config = plan_config(
        base,
        initial_weights="" if chosen else initial_weights,
        settings=dict(map(parse_setting, settings or [])),
        leave_out=leave_out or [],
    )
    check_plan(config)

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
        if team.leads and open_run(run).status["state"] not in ACTIVE:  # manually, after a stop
            open_run(run).withdraw_stop()
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
