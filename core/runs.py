"""Runs on disk: the only reader and writer of run folders.

A run folder explains itself: ``config.json``, ``split.json``, ``history.jsonl`` (a line per epoch),
``status.json``, ``checkpoints/``, ``operating_point.json``, ``evaluation/<split>.json``.
"""

import json
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from core.config import RunConfig
from core.data.splits import Split
from core.errors import InputError
from core.files import read_json, write_atomic, write_json
from core.home import home
from core.operating_point import OperatingPoint

STATES = ("new", "starting", "running", "finished", "stopped", "failed", "lost")
STOP = "stop"
UNDER_WAY = ("starting", "running")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Run:
    """A folder under ``runs/``."""

    path: Path
    """The folder; its name is the run's name."""

    @property
    def name(self) -> str:
        """Unique among the runs."""
        return self.path.name

    @property
    def config(self) -> RunConfig:
        """What was asked for."""
        return RunConfig.of_document(read_json(self.path / "config.json"))

    @property
    def split(self) -> Split:
        """The split that the run trains on."""
        return Split.of_document(read_json(self.path / "split.json"))

    def save_split(self, split: Split) -> None:
        """Record the split before the first step."""
        write_json(self.path / "split.json", split.document())

    @property
    def history(self) -> list[dict[str, Any]]:
        """One row per finished epoch; a line cut off by a crash is left out."""
        rows = []
        file = self.path / "history.jsonl"
        for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                break
        return rows

    def save_history(self, rows: list[dict[str, Any]]) -> None:
        """Write all rows; after a resume this drops what came after the checkpoint."""
        text = "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)
        write_atomic(self.path / "history.jsonl", text.encode())

    @property
    def status(self) -> dict[str, Any]:
        """Last known state; a run whose process is gone is ``lost``."""
        file = self.path / "status.json"
        status: dict[str, Any] = read_json(file) if file.exists() else {"state": "new"}
        if status["state"] in UNDER_WAY and _process(status) is None:
            stopped = (self.path / STOP).exists()
            status |= {
                "state": "stopped" if stopped else "lost",
                "reason": "stopped by request before its first step"
                if stopped
                else f"its process ended without a word; go on with: "
                f"python -m core resume {self.name}",
            }
        return status

    def wish_to_stop(self, *, wish: bool) -> None:
        """Leave or take back the word that the run is to stop."""
        if wish:
            write_atomic(self.path / STOP, b"")
        else:
            (self.path / STOP).unlink(missing_ok=True)

    def process(self) -> psutil.Process | None:
        """The process that trains this run, None when there is none."""
        status = self.status
        return _process(status) if status["state"] in UNDER_WAY else None

    def save_status(
        self, state: str, *, process: psutil.Process | None = None, **facts: object
    ) -> None:
        """Record a state with the identity of the process behind it, by default this one."""
        assert state in STATES
        process = process or psutil.Process()
        identity = {"pid": process.pid, "process_started": process.create_time()}
        document = {"state": state, "updated": time.time(), **identity, **facts}
        write_json(self.path / "status.json", document)

    @property
    def operating_point(self) -> OperatingPoint | None:
        """The frozen threshold, None before the training ends."""
        file = self.path / "operating_point.json"
        return OperatingPoint(**read_json(file)) if file.exists() else None

    def save_operating_point(self, point: OperatingPoint) -> None:
        """Freeze the threshold."""
        write_json(self.path / "operating_point.json", point.document())

    def save_evaluation(self, document: dict[str, Any]) -> None:
        """Keep an evaluation beside the run."""
        write_json(self.path / "evaluation" / f"{document['split']}.json", document)

    def evaluation(self, split: str) -> dict[str, Any] | None:
        """An evaluation that was made, or None."""
        file = self.path / "evaluation" / f"{split}.json"
        return read_json(file) if file.exists() else None

    def summary(self) -> dict[str, Any]:
        """A row of facts for a table of runs; a folder that cannot be read spoils its row alone."""
        try:
            config, status, history = self.config, self.status, self.history
        except InputError as fault:
            return {
                "name": self.name,
                "state": "unreadable",
                "reason": str(fault),
                "dataset": "",
                "model": "",
                "started": (self.path / "config.json").stat().st_mtime,
                "epochs_done": 0,
                "epochs": 0,
                "val_dice": None,
                "best_epoch": None,
                "seconds": 0.0,
                "seconds_left": None,
            }
        key, sign = f"val_{config.monitor}", 1 if config.monitor == "loss" else -1
        best = min(history, key=lambda row: float(sign * row[key]), default=None)
        return {
            "name": self.name,
            "state": status["state"],
            "reason": status.get("reason"),
            "dataset": config.dataset,
            "model": config.model,
            "started": (self.path / "config.json").stat().st_mtime,
            "epochs_done": len(history),
            "epochs": config.epochs,
            "val_dice": best["val_dice"] if best else None,
            "best_epoch": best["epoch"] if best else None,
            "seconds": sum(row["seconds"] for row in history),
            "seconds_left": status.get("seconds_left") if status["state"] == "running" else None,
        }

    def checkpoint(self, which: str) -> Path:
        """Path of the ``best`` or the ``last`` checkpoint."""
        return self.path / "checkpoints" / f"{which}.pt"


def runs_folder() -> Path:
    """Where runs live."""
    return home() / "runs"


def check_name(kind: str, name: str) -> None:
    """A name becomes a folder, so it must not lead anywhere else.

    Raises:
        InputError: It is not a plain file name.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{kind} name '{name}' must be at most 100 letters, digits, '.', '_' or '-', "
            "the first a letter or digit"
        )


def create_run(config: RunConfig, *, name: str | None = None) -> Run:
    """Make the folder of a new run.

    Raises:
        InputError: The name is taken or is not a plain file name.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    model = config.model.replace("/", "-")[:50]  # smp/<architecture>/<encoder> is no file name
    wanted = name or f"{config.dataset}-{model}-{stamp}"
    check_name("run", wanted)
    runs_folder().mkdir(parents=True, exist_ok=True)
    for n in range(1, 1000):
        path = runs_folder() / (wanted if n == 1 else f"{wanted}-{n}")
        try:
            path.mkdir()
        except FileExistsError:
            if name:
                raise InputError(
                    f"there is a run named '{name}' already; choose another --name, "
                    f"or go on with it: python -m core resume {name}"
                ) from None
            continue
        for part in ("checkpoints", "evaluation", "samples"):
            (path / part).mkdir()
        write_json(path / "config.json", config.document())
        return Run(path)
    raise InputError(f"no free run name like '{wanted}'; give one with --name")


def open_run(name: str) -> Run:
    """A run by name.

    Raises:
        InputError: There is none.
    """
    path = runs_folder() / name
    if not _NAME.fullmatch(name) or not (path / "config.json").exists():
        raise InputError(f"no run named '{name}'; see: python -m core runs list")
    return Run(path)


def list_runs() -> list[Run]:
    """All runs, newest first."""
    folders = [file.parent for file in runs_folder().glob("*/config.json")]
    folders.sort(key=lambda folder: (folder / "config.json").stat().st_mtime, reverse=True)
    return [Run(folder) for folder in folders]


def _process(status: dict[str, Any]) -> psutil.Process | None:
    """The very process that a status names, if it lives; a recycled pid does not count."""
    try:
        process = psutil.Process(status["pid"])
        same = abs(process.create_time() - status["process_started"]) < 1
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.NoSuchProcess, KeyError):
        return None
