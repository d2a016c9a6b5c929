"""One run, copied into MLflow: settings, numbers, files and state, from where the last time ended.

``tracking.json`` in the run's folder is the cursor. It moves on after the store has the values, so
a crash in between writes them again; they carry times that follow from the run alone, and the store
knows equal values as equal.
"""

import os
import secrets
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.runs import TRAINING, Run
from core.runs.step_log import StepLog
from core.system.files import read_json, write_json
from core.system.home import home

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

EXPERIMENT = "isoline"
BATCH = 900  # the store takes up to 1,000 values at once
FINAL = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED", "lost": "FAILED"}
ARTIFACTS = ("config.json", "facts.json", "operating_point.json", "evaluation/*", "samples/*")
CURSOR = "tracking.json"


def tracking_uri() -> str:
    """The store: ``MLFLOW_TRACKING_URI``, else SQLite in the workspace."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / 'mlflow.db'}"


def mirror(run: Run) -> None:
    """Bring the copy of one run up to date.

    Raises:
        InputError: The store cannot be reached or written; the cursor says how far it came.
    """
    seen = _stamp(run)  # before reading: what is written meanwhile is seen at the next look
    cursor = _cursor(run)
    if cursor.get("uri") != tracking_uri():  # another store starts empty
        cursor = {"uri": tracking_uri(), "key": secrets.token_hex(16), "run_id": None}
        cursor |= {"epochs": 0, "steps": 0, "artifacts": {}, "params": {}, "state": None}
        cursor["created"] = run.created
        _save(run, cursor)  # before the run is made there, so that it is found again
    with _one_error():
        client = open_store()
        if cursor["run_id"] is None:
            cursor["run_id"] = _find_or_create(client, run, cursor)
            _save(run, cursor)
        _write_settings(client, run, cursor)
        _write_numbers(client, run, cursor)
        _write_artifacts(client, run, cursor)
        _write_state(client, run, cursor)
    _save(run, cursor | {"seen": seen})


def _find_or_create(client: "MlflowClient", run: Run, cursor: dict[str, Any]) -> str:
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        local = tracking_uri().startswith("sqlite:")
        place = (home() / "mlartifacts").as_uri() if local else None
        try:
            client.create_experiment(EXPERIMENT, artifact_location=place)
        except Exception:
            if client.get_experiment_by_name(EXPERIMENT) is None:
                raise  # otherwise another process has made it since
        experiment = client.get_experiment_by_name(EXPERIMENT)
        assert experiment is not None
    query = f"tags.`isoline.key` = '{cursor['key']}'"
    for found in client.search_runs([experiment.experiment_id], query):
        return str(found.info.run_id)
    made = client.create_run(
        experiment.experiment_id,
        run_name=run.name,
        start_time=int(cursor["created"] * 1000),
        tags={"isoline.key": cursor["key"], "isoline.run": run.name},
    )
    return str(made.info.run_id)


def _write_settings(client: "MlflowClient", run: Run, cursor: dict[str, Any]) -> None:
    """Parameters, which the store never changes: a setting changed later becomes a tag."""
    from mlflow.entities import Param, RunTag

    settings = {key: str(value)[:500] for key, value in _flat(run.config.document())}
    new = [Param(key, value) for key, value in settings.items() if key not in cursor["params"]]
    now = {
        f"now.{key}": value
        for key, value in settings.items()
        if cursor["params"].get(key, value) != value
    }
    tags = now | _tags(run)
    fresh = [RunTag(k, v) for k, v in tags.items() if cursor.get("tags", {}).get(k) != v]
    for start in range(0, max(len(new), len(fresh)), 90):  # the store takes up to 100 at once
        part = slice(start, start + 90)
        client.log_batch(cursor["run_id"], params=new[part], tags=fresh[part])
    cursor["params"] = settings | cursor["params"]
    cursor["tags"] = tags


def _write_numbers(client: "MlflowClient", run: Run, cursor: dict[str, Any]) -> None:
    """Metrics per epoch and losses per step, from where the last time ended."""
    from mlflow.entities import Metric

    history = run.history
    # A time that follows from the run alone: writing a value twice changes nothing.
    ends = [cursor["created"]]
    for row in history:
        ends.append(ends[-1] + row["seconds"])
    metrics = [
        Metric(key, float(value), int(ends[n + 1] * 1000), n + 1)
        for n, row in enumerate(history)
        if n >= cursor["epochs"]
        for key, value in row.items()
        if key != "epoch" and isinstance(value, int | float) and not isinstance(value, bool)
    ]
    # An epoch that is not in the history yet may still be cut and trained again.
    steps = [row for row in StepLog(run.path).rows if row["epoch"] <= len(history)]
    metrics += [
        Metric(f"step_{key}", float(row[key]), int(ends[row["epoch"]] * 1000), row["step"])
        for row in steps[cursor["steps"] :]
        for key in ("loss", "learning_rate")
    ]
    for start in range(0, len(metrics), BATCH):
        client.log_batch(cursor["run_id"], metrics=metrics[start : start + BATCH])
    cursor["epochs"] = max(cursor["epochs"], len(history))
    cursor["steps"] = max(cursor["steps"], len(steps))
    _save(run, cursor)


def _write_artifacts(client: "MlflowClient", run: Run, cursor: dict[str, Any]) -> None:
    for file in sorted(file for pattern in ARTIFACTS for file in run.path.glob(pattern)):
        name = file.relative_to(run.path)
        facts = file.stat()
        stamp = [facts.st_mtime_ns, facts.st_size]
        if not file.is_file() or cursor["artifacts"].get(name.as_posix()) == stamp:
            continue
        folder = name.parent.as_posix()
        client.log_artifact(cursor["run_id"], str(file), None if folder == "." else folder)
        cursor["artifacts"][name.as_posix()] = stamp
    _save(run, cursor)


def _write_state(client: "MlflowClient", run: Run, cursor: dict[str, Any]) -> None:
    """RUNNING while it does; a run whose process is gone is not left so."""
    status = run.status
    final = FINAL.get(status["state"])
    state = final or ("RUNNING" if status["state"] in TRAINING else "SCHEDULED")
    if cursor["state"] == state:
        return
    if final:
        ended = int(float(status.get("updated", time.time())) * 1000)
        client.set_terminated(cursor["run_id"], status=state, end_time=ended)
    else:
        client.update_run(cursor["run_id"], status=state)
    cursor["state"] = state


def _tags(run: Run) -> dict[str, str]:
    about, facts = run.about, run.facts
    machine, git = facts.get("machine") or {}, facts.get("git") or {}
    tags = {
        "isoline.tags": ",".join(about.tags),
        "mlflow.note.content": about.note,
        "isoline.starred": str(about.starred),
        "isoline.group": about.group or "",
        "isoline.reason": str(run.status.get("reason") or ""),
        "mlflow.source.git.commit": str(git.get("commit", "")),
        "isoline.git_changed": str(git.get("changed", "")),
        "isoline.data_sha256": str(facts.get("data_sha256", "")),
        "isoline.split_hash": str(facts.get("split_hash", "")),
        **{f"isoline.{key}": str(value) for key, value in machine.items()},
    }
    return {key: value[:4000] for key, value in tags.items() if value}


def _flat(document: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def is_behind(run: Run) -> bool:
    """Whether the run has changed since all of it had arrived in the store of today."""
    cursor = _cursor(run)
    return cursor.get("uri") != tracking_uri() or cursor.get("seen") != _stamp(run)


def _stamp(run: Run) -> list[Any]:
    """Changes with everything that is mirrored, but not with every heartbeat."""
    files = ["history.jsonl", "about.json", "steps.jsonl"]
    paths = [run.path / name for name in files]
    paths += [file for pattern in ARTIFACTS for file in sorted(run.path.glob(pattern))]
    facts = [(path.name, path.stat()) for path in paths if path.exists()]
    status = run.status["state"]
    return [status, *([name, fact.st_mtime_ns, fact.st_size] for name, fact in facts)]


def _cursor(run: Run) -> dict[str, Any]:
    with suppress(InputError):  # none yet, or damaged: the store is asked what it has
        cursor: dict[str, Any] = read_json(run.path / CURSOR)
        return cursor
    return {}


def _save(run: Run, cursor: dict[str, Any]) -> None:
    try:
        write_json(run.path / CURSOR, cursor)
    except OSError as fault:
        raise InputError(f"{run.path / CURSOR}: cannot be written ({fault.strerror})") from fault


@contextmanager
def _one_error() -> Iterator[None]:
    """Whatever a store throws becomes one sentence."""
    try:
        yield
    except InputError:
        raise
    except Exception as fault:  # its drivers raise whatever they like
        lines = str(fault).strip().splitlines() or [type(fault).__name__]
        raise InputError(
            f"{tracking_uri()}: the tracking store cannot be written ({lines[0][:300]}); "
            "the run is complete without it, write it later with: python -m core runs sync"
        ) from fault


def open_store() -> "MlflowClient":
    """The store through its own client, quiet and without telemetry."""
    settings = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    }
    for name, value in settings.items():
        os.environ.setdefault(name, value)
    uri = tracking_uri()
    if uri.startswith("sqlite:///"):
        folder = Path(uri.removeprefix("sqlite:///").partition("?")[0]).parent
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder for the tracking store; make it first")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its libraries, about each other
        import logging

        from mlflow.tracking import MlflowClient

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        return MlflowClient(uri)
