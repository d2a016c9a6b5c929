"""Deleting runs so that it can be undone: a run moves to ``trash/`` and stays there for a month."""

import shutil
import time
from contextlib import suppress
from pathlib import Path

from core.errors import InputError
from core.runs import ACTIVE, Run, runs_folder
from core.runs.claim import take
from core.system.home import home

KEPT_SECONDS = 30 * 24 * 3600.0


def delete_run(run: Run) -> None:
    """Move a run to the trash; what has lain there for 30 days goes for good.

    Raises:
        InputError: The run waits or trains.
    """
    if run.status["state"] in ACTIVE:
        raise InputError(f"run {run.name} is under way; stop it before you delete it")
    trash_folder().mkdir(parents=True, exist_ok=True)
    target = trash_folder() / f"{time.time_ns()}-{run.name}"
    claim = take(run.path)  # so that no trainer begins meanwhile
    try:
        run.path.rename(target)
    finally:
        claim.release(target if target.exists() else None)
    empty_trash(older_than_seconds=KEPT_SECONDS)


def restore_run(name: str) -> Run:
    """Bring back the run of this name that was deleted last.

    Raises:
        InputError: There is none in the trash, or the name has been taken since.
    """
    entry = next((path for path, deleted, _ in _entries() if deleted == name), None)
    if entry is None:
        raise InputError(f"no run named '{name}' in the trash; see: python -m core runs trash")
    target = runs_folder() / name
    if target.exists():
        raise InputError(f"there is a run named '{name}' again; delete that one first")
    entry.rename(target)
    return Run(target)


def list_trash() -> list[tuple[str, float]]:
    """Names in the trash and when they were deleted, in seconds since 1970, newest first."""
    return [(name, deleted) for _, name, deleted in _entries()]


def empty_trash(*, older_than_seconds: float = 0.0) -> int:
    """Remove for good what was deleted longer ago than this; how many runs that were."""
    removed = 0
    for path, _, deleted in _entries():
        if time.time() - deleted >= older_than_seconds:
            shutil.rmtree(path, ignore_errors=True)
            removed += 1
    return removed


def trash_folder() -> Path:
    """Where deleted runs wait."""
    return home() / "trash"


def _entries() -> list[tuple[Path, str, float]]:
    """Folder, name and time of deletion of all that is in the trash, newest first."""
    found = []
    for path in trash_folder().glob("*-*"):
        stamp, _, name = path.name.partition("-")
        with suppress(ValueError):  # not ours
            found.append((path, name, int(stamp) / 1e9))
    return sorted(found, key=lambda entry: entry[2], reverse=True)
