"""All runs as rows, fast: a row is made anew only where the files of its run have changed.

The rows are kept in ``runs-index.json`` in the workspace, which may be deleted at any time.
"""

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.runs import CREATED, TRAINING, Run, runs_folder
from core.system.files import read_json, write_json
from core.system.home import home

Row = dict[str, Any]
Stamp = list[int]
FILES = (CREATED, "config.json", "status.json", "history.jsonl", "about.json")
VERSION = 2
_LOCK = threading.Lock()
_CACHE: dict[Path, tuple[float, dict[str, tuple[Stamp, Row]]]] = {}


def run_table() -> list[Row]:
    """The summary of every run, newest first.

    A run under way, or one whose process has vanished, is read anew every time.
    """
    with _LOCK:
        file = home() / "runs-index.json"
        known = _load(file)
        rows: dict[str, tuple[Stamp, Row]] = {}
        for run in _runs():
            stamp = _stamp(run.path)
            kept = known.get(run.name)
            if kept is None or kept[0] != stamp:
                try:
                    row = run.summary()
                except FileNotFoundError:
                    continue  # deleted since
                # An empty stamp fits nothing: what only its process decides is never kept.
                moving = row["state"] in (*TRAINING, "lost", "stopped")
                kept = ([] if moving and run.saved_state in TRAINING else stamp, row)
            rows[run.name] = kept
        if {name: stamp for name, (stamp, _) in rows.items()} != {
            name: stamp for name, (stamp, _) in known.items()
        }:
            _save(file, rows)
    return sorted((row for _, row in rows.values()), key=lambda row: -float(row["started"]))


def choose_rows(
    rows: Sequence[Row],
    *,
    state: str | None = None,
    dataset: str | None = None,
    model: str | None = None,
    tag: str | None = None,
    group: str | None = None,
    starred: bool = False,
    text: str = "",
) -> list[Row]:
    """The rows to which all of this applies; ``text`` is looked for in name, note and tags."""
    wanted = {"state": state, "dataset": dataset, "model": model, "group": group}
    exact = {key: value for key, value in wanted.items() if value is not None}
    words = text.lower().split()

    def fits(row: Row) -> bool:
        said = " ".join((row["name"], row["note"], *row["tags"])).lower()
        return (
            all(row[key] == value for key, value in exact.items())
            and (tag is None or tag in row["tags"])
            and (row["starred"] or not starred)
            and all(word in said for word in words)
        )

    return [row for row in rows if fits(row)]


def _runs() -> list[Run]:
    folder = runs_folder()
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        paths = [Path(entry.path) for entry in entries if entry.is_dir()]
    return [Run(path) for path in paths if (path / "config.json").exists()]


def _stamp(path: Path) -> Stamp:
    """Changes whenever one of the files that make a row does."""
    stamp: Stamp = []
    for name in FILES:
        try:
            facts = os.stat(f"{path}{os.sep}{name}")  # noqa: PTH116 - 4,000 of them; half the time
            stamp += [facts.st_mtime_ns, facts.st_size]
        except FileNotFoundError:
            stamp += [0, 0]
    return stamp


def _load(file: Path) -> dict[str, tuple[Stamp, Row]]:
    try:
        written = file.stat().st_mtime
        if file in _CACHE and _CACHE[file][0] == written:
            return _CACHE[file][1]
        document = read_json(file)
        if document["version"] != VERSION:
            return {}
        return {name: (stamp, row) for name, (stamp, row) in document["rows"].items()}
    except (OSError, InputError, KeyError, TypeError, ValueError):
        return {}  # it is made anew


def _save(file: Path, rows: dict[str, tuple[Stamp, Row]]) -> None:
    with suppress(OSError):  # a full disk slows the next listing down, no more
        write_json(file, {"version": VERSION, "rows": rows})
        _CACHE.clear()
        _CACHE[file] = (file.stat().st_mtime, rows)
