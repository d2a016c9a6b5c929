"""``python -m core ablation``: which change makes a network better, with an interval."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.output import AsJson, say, show

group = typer.Typer(no_args_is_help=True, help="What makes it better: one change at a time.")
Names = list[str]


@group.command("run")
def ablation_run(
    *,
    dataset: Annotated[str, typer.Option(help="A data set by name.")],
    data: Annotated[Path | None, typer.Option(help="Your copy in its published layout.")] = None,
    seeds: Annotated[int, typer.Option(help="Repetitions of the baseline and each change.")] = 2,
    epochs: Annotated[int | None, typer.Option(help="Of every training.")] = None,
    variants: Annotated[
        Names | None, typer.Option("--variant", help="Only this change; repeatable.")
    ] = None,
    queue: Annotated[bool, typer.Option("--queue", help="Train when their turn comes.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train the baseline and its variants; what is finished is kept, the rest continues."""
    from core.errors import choose
    from core.papers.ablation import VARIANTS, baseline, missing
    from core.papers.ablation.report import as_markdown, report
    from core.papers.tagged import train_until_done, train_when_free

    chosen = variants or list(VARIANTS)
    for name in chosen:
        choose("variant", name, VARIANTS)
    base = baseline(dataset, data=data, epochs=epochs)
    if queue:
        runs = missing(base, seeds=seeds, variants=chosen)
        jobs = [{"run": run, "job": job} for run, job in train_when_free(runs)]
        lines = [f"{row['run']} queued as job {row['job']}" for row in jobs]
        document = {"dataset": dataset, "queued": jobs}
        show(document, lines or ["nothing is left to train"], as_json=as_json)
        return
    train_until_done(lambda: missing(base, seeds=seeds, variants=chosen), say=say)
    found = report([dataset], say=say)
    show(found, [as_markdown(found)], as_json=as_json)


@group.command("report")
def ablation_report(
    *,
    datasets: Annotated[
        Names | None, typer.Option("--dataset", help="Only this one; repeatable.")
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(help="Write the table here and a .json beside it, which the page draws."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What each change brought, from the runs that are finished; data sets written before stay."""
    from core.papers.ablation.report import as_markdown, merged, report
    from core.system.files import write_atomic, write_json

    document = report(datasets or [], say=say)
    if markdown is not None:
        results = markdown.with_suffix(".json")
        document = merged(document, results)
        markdown.parent.mkdir(parents=True, exist_ok=True)
        write_json(results, document)
        write_atomic(markdown, as_markdown(document).encode())
    written = [str(markdown), str(markdown.with_suffix(".json"))] if markdown else []
    show(document, written or [as_markdown(document)], as_json=as_json)
