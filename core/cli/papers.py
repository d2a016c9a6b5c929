"""``python -m core papers``: the papers' experiments, run on your copy of the data and reported."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.output import AsJson, say, show

group = typer.Typer(no_args_is_help=True, help="The five papers, reproduced.")


@group.command("list")
def papers_list(*, as_json: AsJson = False) -> None:
    """Presets: every experiment of the papers, and what we would use ourselves."""
    from dataclasses import asdict

    from core.papers import PAPERS
    from core.papers.presets import load_presets

    rows = [
        {**asdict(preset), "config": preset.config.document(), "dataset": preset.config.dataset}
        for preset in load_presets()
    ]
    lines = []
    for key in [*PAPERS, ""]:
        lines.append(PAPERS[key].title if key else "What we would use")
        lines += [f"  {row['name']:30} {row['title']}" for row in rows if row["paper"] == key]
    show(rows, lines, as_json=as_json)


@group.command("run")
def papers_run(
    preset: Annotated[str, typer.Argument(help="A preset by name.")],
    *,
    data: Annotated[Path | None, typer.Option(help="Your copy in its published layout.")] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Another data set in place of the paper's; the report says.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Repetitions.")] = 3,
    folds: Annotated[
        int | None,
        typer.Option(help="Cross-validation; by default 5 for a set below 100 images."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Other than the preset's, to shorten; the report says.")
    ] = None,
    queue: Annotated[bool, typer.Option("--queue", help="Train when their turn comes.")] = False,
    as_json: AsJson = False,
) -> None:
    """Reproduce an experiment; what is finished already is kept, what was interrupted continues."""
    from core.errors import InputError
    from core.papers.presets import load_preset
    from core.papers.report import preset_row
    from core.papers.reproduction import finished_runs, plan, runs_of, train_later, train_now
    from core.papers.results import evaluate_run
    from core.papers.text import ours_in_words, proper_in_words

    chosen = load_preset(preset)
    planned = plan(chosen, data=data, dataset=dataset, seeds=seeds, folds=folds, epochs=epochs)
    if queue:
        jobs = [{"run": run, "job": job} for run, job in train_later(planned)]
        lines = [f"{row['run']} queued as job {row['job']}" for row in jobs]
        if planned.search:
            lines.append("the search first; once it is over run this again for the repetitions")
        document = {"preset": preset, "queued": jobs}
        show(document, lines or ["nothing is left to train"], as_json=as_json)
        return
    train_now(planned, say=say)
    finished = finished_runs(chosen, runs_of(chosen))
    if not finished:
        raise InputError(f"no run of {preset} came to its end; the lines above say why")
    for one in finished:
        evaluate_run(chosen, one, say=say)
    row = preset_row(chosen)
    lines = [
        f"{preset}: {len(row['runs'])} runs, test Dice {proper_in_words(row['proper'], 'dice')}"
    ]
    for figure in row["printed"]:
        printed = "–" if figure["printed"] is None else f"{figure['printed']:.4f}"
        lines.append(
            f"  {figure['title']:20} {figure['split']:5} paper {printed:7} ours "
            f"{ours_in_words(figure)}"
        )
    show(row, lines, as_json=as_json)


@group.command("report")
def papers_report(
    *,
    out: Annotated[Path | None, typer.Option(help="Folder for papers.md and papers.json.")] = None,
    as_json: AsJson = False,
) -> None:
    """The papers' scores beside ours; finished runs are evaluated where that is still to do."""
    from core.errors import InputError
    from core.papers.presets import load_presets
    from core.papers.report import report
    from core.papers.reproduction import finished_runs, runs_of
    from core.papers.results import evaluate_run
    from core.papers.text import as_markdown
    from core.system.files import write_atomic, write_json

    for preset in load_presets():
        for one in finished_runs(preset, runs_of(preset)):
            try:
                evaluate_run(preset, one, say=say)
            except InputError as fault:  # data that is gone holds up nothing else
                say(f"{one.run.name}: not evaluated: {fault}")
    document = report()
    text = as_markdown(document)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_atomic(out / "papers.md", text.encode())
        write_json(out / "papers.json", document)
    written = [str(out / name) for name in ("papers.md", "papers.json")] if out else []
    show(document, written or [text], as_json=as_json)
