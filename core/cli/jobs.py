"""``python -m core jobs``: the queue of trainings and the worker that looks after it."""

from typing import Annotated, Any

import typer

from core.cli.output import AsJson, say, show

group = typer.Typer(no_args_is_help=True, help="The queue of trainings on this machine.")
JobName = Annotated[str, typer.Argument(help="Number of a job, or a run for its last job.")]
CANCEL_SECONDS = 15.0


@group.command("list")
def jobs_list(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Those that ended, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Jobs that wait or train, in their order."""
    from core.runs.jobs import list_jobs, tend

    tend()
    rows = [_row(job) for job in list_jobs() if everything or job.open]
    lines = [f"{r['id']}  {r['run']:44} {r['state']:9} {', '.join(r['devices'])}" for r in rows]
    show(rows, lines or ["nothing waits and nothing trains"], as_json=as_json)


@group.command("show")
def jobs_show(job: JobName, *, as_json: AsJson = False) -> None:
    """One job, and the end of what it printed."""
    from core.runs import Run, runs_folder
    from core.runs.jobs import log_tail, open_job

    opened = open_job(job)
    document = _row(opened) | {"log": log_tail(Run(runs_folder() / opened.run))}
    lines = [f"{key:10} {value}" for key, value in _row(opened).items() if value not in (None, [])]
    show(document, [*lines, "", document["log"]], as_json=as_json)


@group.command("cancel")
def jobs_cancel(job: JobName, *, as_json: AsJson = False) -> None:
    """Take a job out of the queue or end its training; the last checkpoint is kept."""
    from core.runs.jobs import cancel, wait

    ended = wait(cancel(job).id, seconds=CANCEL_SECONDS)
    show(_row(ended), [f"job {ended.id} of {ended.run}: {ended.state}"], as_json=as_json)


@group.command("retry")
def jobs_retry(job: JobName, *, as_json: AsJson = False) -> None:
    """Queue the run of a job that ended again; it continues from its last checkpoint."""
    from core.runs.jobs import retry

    made = retry(job)
    show(_row(made), [f"job {made.id} of {made.run}: {made.state}"], as_json=as_json)


@group.command("worker")
def jobs_worker(
    *,
    until_empty: Annotated[
        bool, typer.Option("--until-empty", help="End when nothing waits and nothing trains.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look after the queue: start what waits, end what is cancelled. A second one stands by."""
    from core.runs.jobs.worker import work

    work(until_empty=until_empty, say=say)
    show({"ended": True}, [], as_json=as_json)


def _row(job: Any) -> dict[str, Any]:  # noqa: ANN401 - core.runs.jobs is imported where it is used
    from dataclasses import asdict

    return asdict(job) | {"devices": list(job.devices)}
