"""Runs on disk: the only reader and writer of run folders.

A run folder explains itself: ``config.json``, ``split.json``, ``history.jsonl`` (a line per epoch),
``created.json`` (when it was made), ``status.json``, ``claim.json`` (who trains it), ``facts.json``
(machine, versions, git, data), ``about.json`` (tags, note, star), ``checkpoints/``,
``operating_point.json``, ``evaluation/<split>.json``.
"""

import json
import re
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from core.config import RunConfig
from core.data.splits import Split
from core.errors import InputError
from core.runs.claim import claimed, claimed_elsewhere
from core.system.files import read_json, write_atomic, write_json
from core.system.home import home
from core.system.processes import identity, living
from core.threshold.operating_point import OperatingPoint

STATES = ("new", "queued", "starting", "running", "finished", "stopped", "failed", "lost")
STOP = "stop"
CREATED = "created.json"
TRAINING = ("starting", "running")
"""States with a process behind them."""
ACTIVE = ("queued", *TRAINING)
"""States that change by themselves."""
LOWER_IS_BETTER = ("loss",)
COLUMNS = (
    *("name", "state", "reason", "dataset", "model", "loss", "started", "epochs_done", "epochs"),
    *("val_dice", "best_epoch", "seconds", "seconds_left"),
    *("tags", "note", "starred", "group", "parent"),
)
"""What a run's summary says."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, kw_only=True)
class About:
    """What a person says of a run; nothing here changes a number."""

    tags: tuple[str, ...] = ()
    """Words to find it by."""
    note: str = ""
    """Free text."""
    starred: bool = False
    """Whether it is kept in view."""
    group: str | None = None
    """The grid of settings it belongs to."""
    parent: str | None = None
    """The run it is a copy of, with changes."""


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

    def save_config(self, config: RunConfig) -> None:
        """Change what was asked for; when the run was made stays known."""
        if not (self.path / CREATED).exists():  # of a version that did not write it down
            write_json(self.path / CREATED, {"created": self.created})
        write_json(self.path / "config.json", config.document())

    @property
    def created(self) -> float:
        """When it was made, in seconds since 1970.

        Runs of older versions do not say so: then it is the earliest sign of it, its files that
        are written once and its first start.

        Raises:
            FileNotFoundError: The run has been deleted.
        """
        with suppress(InputError, KeyError, TypeError, ValueError):
            if (self.path / CREATED).exists():
                return float(read_json(self.path / CREATED)["created"])
        signs = [(self.path / "config.json").stat().st_mtime]
        with suppress(FileNotFoundError):
            signs.append((self.path / "split.json").stat().st_mtime)
        with suppress(InputError, KeyError, TypeError, ValueError):
            signs += [float(start["time"]) for start in self.facts.get("starts", [])]
        return min(signs)

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
        status = self._saved_status
        trains = status["state"] in TRAINING
        if trains and living(status) is None and not claimed(self.path):
            stopped = self.stop_requested
            status |= {
                "state": "stopped" if stopped else "lost",
                "reason": self.stopped_reason(stepping=bool(status.get("stepping")))
                if stopped
                else f"its process ended without a word; continue with: "
                f"python -m core resume {self.name}",
            }
        return status

    @property
    def saved_state(self) -> str:
        """The state that was written last, whether or not its process lives."""
        return str(self._saved_status["state"])

    def stopped_reason(self, *, stepping: bool) -> str:
        """What is left of a training that was stopped by request.

        Args:
            stepping: Whether it had begun its first step.
        """
        if self.history:
            return "stopped by request; its last checkpoint is kept"
        if stepping:
            return "stopped by request in its first epoch, before its first checkpoint"
        return "stopped by request before its first step"

    def request_stop(self) -> None:
        """Ask the training to stop after its step."""
        write_atomic(self.path / STOP, b"")

    def withdraw_stop(self) -> None:
        """Take the request back."""
        (self.path / STOP).unlink(missing_ok=True)

    @property
    def stop_requested(self) -> bool:
        """Whether a stop was requested and not withdrawn since."""
        return (self.path / STOP).exists()

    def process(self) -> psutil.Process | None:
        """The process on this machine that trains this run, None when there is none."""
        status = self.status
        return living(status) if status["state"] in TRAINING else None

    @property
    def under_way(self) -> bool:
        """Whether a process trains this run, here or on another host."""
        return self.status["state"] in TRAINING

    @property
    def elsewhere(self) -> bool:
        """Whether a process trains this run that cannot be seen from here."""
        return claimed_elsewhere(self.path)

    def save_status(
        self, state: str, *, process: psutil.Process | None = None, **facts: object
    ) -> None:
        """Record a state with the identity of the process behind it, by default this one."""
        assert state in STATES
        process = process or psutil.Process()
        document = {"state": state, "updated": time.time(), **identity(process), **facts}
        write_json(self.path / "status.json", document)

    def queue(self, job: str) -> None:
        """Say that it waits for a device, in a job of this number."""
        before = self._saved_status
        facts: dict[str, Any] = {"message": "waiting for its turn", "job": job}
        if before["state"] == "finished":  # which it is again, should its turn never come
            facts["before"] = before
        self.save_status("queued", **facts)

    def leave_queue(self) -> None:
        """Say that it waits no longer and has not been started."""
        before = self._saved_status.get("before")
        if before:
            write_json(self.path / "status.json", before)
        else:
            self.save_status("stopped", reason="taken out of the queue before its turn")

    @property
    def about(self) -> About:
        """What a person said of it."""
        file = self.path / "about.json"
        if not file.exists():
            return About()
        document = read_json(file)
        return About(**{**document, "tags": tuple(document["tags"])})

    def say_about(self, **changes: Any) -> About:  # noqa: ANN401 - fields of About
        """Change what is reported of it: ``say_about(starred=True)``.

        Raises:
            InputError: A tag is empty or holds a comma.
        """
        about = replace(self.about, **changes)
        about = replace(about, tags=tuple(dict.fromkeys(tag.strip() for tag in about.tags)))
        for tag in about.tags:
            if not tag or "," in tag or len(tag) > 50:
                raise InputError(f"a tag is 1 to 50 characters without a comma, found '{tag}'")
        write_json(self.path / "about.json", asdict(about))
        return about

    @property
    def facts(self) -> dict[str, Any]:
        """Machine, versions, git state and data of its first start; empty before that."""
        file = self.path / "facts.json"
        facts: dict[str, Any] = read_json(file) if file.exists() else {}
        return facts

    @property
    def operating_point(self) -> OperatingPoint | None:
        """The frozen threshold, None before the training ends."""
        file = self.path / "operating_point.json"
        return OperatingPoint.of_document(read_json(file)) if file.exists() else None

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
        started = self.created
        try:
            config, status, history, about = self.config, self.status, self.history, self.about
        except (InputError, TypeError, KeyError) as fault:
            return {
                **dict.fromkeys(COLUMNS),
                **dict.fromkeys(("dataset", "model", "note"), ""),
                **dict.fromkeys(("epochs_done", "epochs"), 0),
                "name": self.name,
                "state": "unreadable",
                "reason": str(fault),
                "started": started,
                "seconds": 0.0,
                "tags": [],
                "starred": False,
            }
        best = best_epoch(history, monitor=config.monitor)
        row = {
            "name": self.name,
            "state": status["state"],
            "reason": status.get("reason"),
            "dataset": config.dataset,
            "model": config.model,
            "loss": config.loss,
            "started": started,
            "epochs_done": len(history),
            "epochs": config.epochs,
            "val_dice": best["val_dice"] if best else None,
            "best_epoch": best["epoch"] if best else None,
            "seconds": sum(row["seconds"] for row in history),
            "seconds_left": status.get("seconds_left") if status["state"] == "running" else None,
            **asdict(about),
            "tags": list(about.tags),
        }
        assert tuple(row) == COLUMNS
        return row

    def checkpoint(self, which: str) -> Path:
        """Path of the ``best`` or the ``last`` checkpoint."""
        return self.path / "checkpoints" / f"{which}.pt"

    @property
    def _saved_status(self) -> dict[str, Any]:
        file = self.path / "status.json"
        status: dict[str, Any] = read_json(file) if file.exists() else {"state": "new"}
        return status


def best_epoch(history: list[dict[str, Any]], *, monitor: str) -> dict[str, Any] | None:
    """The row whose checkpoint is kept, the first of equals; None without rows."""
    sign = 1 if monitor in LOWER_IS_BETTER else -1
    return min(history, key=lambda row: float(sign * row[f"val_{monitor}"]), default=None)


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
    # neither smp/<architecture>/<encoder> nor folder:kvasir is a file name
    model, dataset = config.model.replace("/", "-")[:50], config.dataset.replace(":", "-")
    wanted = name or f"{dataset}-{model}-{stamp}"
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
                    f"or continue with it: python -m core resume {name}"
                ) from None
            continue
        for part in ("checkpoints", "evaluation", "samples"):
            (path / part).mkdir()
        write_json(path / CREATED, {"created": time.time()})
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
    runs = [Run(file.parent) for file in runs_folder().glob("*/config.json")]
    return sorted(runs, key=lambda run: run.created, reverse=True)
