"""``python -m core runs``: what was trained, what is reported of it, and more like it."""

import json
from typing import Annotated, Any

import typer

from core.cli.output import AsJson, say, show
from core.errors import InputError

group = typer.Typer(no_args_is_help=True, help="Trainings on this machine.")
RunArgument = Annotated[str, typer.Argument(help="A run by name.")]
Sets = Annotated[list[str] | None, typer.Option("--set", help="key=value: a setting to change.")]
Queue = Annotated[bool, typer.Option("--queue", help="Train it when its turn comes.")]


@group.command("list")
def runs_list(
    *,
    state: Annotated[str | None, typer.Option(help="finished, running, lost, …")] = None,
    dataset: Annotated[str | None, typer.Option(help="A data set by name.")] = None,
    model: Annotated[str | None, typer.Option(help="A network by name.")] = None,
    tag: Annotated[str | None, typer.Option(help="Those with this tag.")] = None,
    grid: Annotated[str | None, typer.Option(help="Those of this grid.")] = None,
    starred: Annotated[bool, typer.Option("--starred", help="Those with a star.")] = False,
    text: Annotated[str, typer.Option(help="Words in name, note or tags.")] = "",
    as_json: AsJson = False,
) -> None:
    """Runs, newest first."""
    from core.runs.table import choose_rows, run_table

    table = run_table()
    rows = choose_rows(
        table,
        state=state,
        dataset=dataset,
        model=model,
        tag=tag,
        group=grid,
        starred=starred,
        text=text,
    )
    lines = [
        f"{row['name']:44} {row['state']:9} {row['epochs_done']}/{row['epochs']} epochs"
        for row in rows
    ]
    none = "no run is like that" if table else "no runs yet; start one: python -m core train "
    show(rows, lines or [none + ("" if table else "--dataset phantoms_membranes")], as_json=as_json)


@group.command("show")
def runs_show(run: RunArgument, *, as_json: AsJson = False) -> None:
    """Everything about one run."""
    from core.runs import open_run
    from core.runs.variants import reproduction

    opened = open_run(run)
    document = {
        **opened.summary(),
        "config": opened.config.document(),
        "command": reproduction(opened.config),
        "facts": opened.facts,
        "history": opened.history,
    }
    show(document, [json.dumps(document, indent=2)], as_json=as_json)


@group.command("command")
def runs_command(run: RunArgument, *, as_json: AsJson = False) -> None:
    """The command line that trains a run with these settings again."""
    from core.runs import open_run
    from core.runs.variants import reproduction

    line = reproduction(open_run(run).config)
    show({"run": run, "command": line}, [line], as_json=as_json)


@group.command("about")
def runs_about(
    run: RunArgument,
    *,
    tag: Annotated[list[str] | None, typer.Option(help="A tag to add.")] = None,
    untag: Annotated[list[str] | None, typer.Option(help="A tag to take away.")] = None,
    note: Annotated[str | None, typer.Option(help="Free text, in place of what was there.")] = None,
    star: Annotated[bool | None, typer.Option("--star/--unstar", help="Keep it in view.")] = None,
    as_json: AsJson = False,
) -> None:
    """Tags, note and star of a run; without an option, what they are."""
    from dataclasses import asdict

    from core.runs import open_run

    opened = open_run(run)
    about = opened.about
    changes: dict[str, Any] = {}
    if tag or untag:
        kept = [one for one in about.tags if one not in (untag or [])]
        changes["tags"] = (*kept, *(tag or []))
    if note is not None:
        changes["note"] = note
    if star is not None:
        changes["starred"] = star
    if changes:
        about = opened.say_about(**changes)
    document = asdict(about) | {"tags": list(about.tags)}
    show(document, [f"{key:8} {value}" for key, value in document.items()], as_json=as_json)


@group.command("delete")
def runs_delete(run: RunArgument, *, as_json: AsJson = False) -> None:
    """Move a run to the trash, where it stays for 30 days."""
    from core.runs import open_run
    from core.runs.trash import delete_run

    delete_run(open_run(run))
    undo = f"python -m core runs restore {run}"
    show({"run": run, "undo": undo}, [f"deleted; take it back with: {undo}"], as_json=as_json)


@group.command("restore")
def runs_restore(run: RunArgument, *, as_json: AsJson = False) -> None:
    """Bring a deleted run back."""
    from core.runs.trash import restore_run

    path = str(restore_run(run).path)
    show({"run": run, "path": path}, [path], as_json=as_json)


@group.command("trash")
def runs_trash(
    *,
    empty: Annotated[bool, typer.Option("--empty", help="Remove all of it for good.")] = False,
    as_json: AsJson = False,
) -> None:
    """Deleted runs that can be brought back."""
    from core.runs.trash import empty_trash, list_trash
    from core.training.progress import duration

    if empty:
        removed = empty_trash()
        show({"removed": removed}, [f"{removed} removed for good"], as_json=as_json)
        return
    import time

    rows = [{"run": name, "deleted": deleted} for name, deleted in list_trash()]
    lines = [f"{name:44} {duration(time.time() - deleted)} ago" for name, deleted in list_trash()]
    show(rows, lines or ["the trash is empty"], as_json=as_json)


@group.command("duplicate")
def runs_duplicate(
    run: RunArgument,
    *,
    settings: Sets = None,
    name: Annotated[str | None, typer.Option(help="Name of the copy.")] = None,
    queue: Queue = False,
    as_json: AsJson = False,
) -> None:
    """A new run with the settings of another, some of them changed."""
    from core.config import parse_setting
    from core.runs import open_run
    from core.runs.jobs import start
    from core.runs.variants import duplicate

    copy = duplicate(open_run(run), dict(map(parse_setting, settings or [])), name=name)
    job = start(copy).id if queue else None
    how = f"queued as job {job}" if job else f"train it: python -m core resume {copy.name}"
    show({"run": copy.name, "job": job}, [f"{copy.name}; {how}"], as_json=as_json)


@group.command("grid")
def runs_grid(
    run: RunArgument,
    *,
    over: Annotated[
        list[str], typer.Option("--over", help="key=value,value,…: a setting and its values.")
    ],
    name: Annotated[str, typer.Option(help="Name of the grid.")],
    queue: Queue = False,
    as_json: AsJson = False,
) -> None:
    """Runs for every combination of values of some settings, the others as in RUN."""
    from core.runs import open_run
    from core.runs.jobs import start
    from core.runs.variants import grid, parse_values

    values = dict(map(parse_values, over))
    if len(values) < len(over):
        raise InputError("--over names a setting twice; give all of its values at once")
    made = grid(open_run(run).config, values, group=name, parent=run)
    jobs = [start(one).id for one in made] if queue else []
    rows = [
        {"run": one.name, "settings": one.about.note, "job": jobs[n] if jobs else None}
        for n, one in enumerate(made)
    ]
    show(rows, [f"{row['run']:44} {row['settings']}" for row in rows], as_json=as_json)


@group.command("sync")
def runs_sync(
    run: Annotated[str | None, typer.Argument(help="One run; without it, all.")] = None,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", help="Follow for as long as the run trains.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write into the tracking store what it has missed."""
    from core.runs import list_runs, open_run
    from core.runs.tracking import follow_to_its_end, sync, tracking_is_on

    if not tracking_is_on():
        raise InputError("tracking is switched off; unset ISOLINE_TRACKING to switch it on")
    if follow and run is None:
        raise InputError("--follow takes a run; name one")
    if follow and not follow_to_its_end(open_run(str(run))):
        raise InputError(f"the tracking store stayed out of reach; run {run} is complete itself")
    done = sync([open_run(run)] if run else list_runs())
    if done["left"]:
        say(f"{len(done['left'])} runs are left: {done['reason']}")
    show(done, [f"{len(done['written'])} runs written"], as_json=as_json)
