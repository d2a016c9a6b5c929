"""``steps.jsonl`` of a run: loss and learning rate of every step, one line each.

The lines of an epoch are appended together before its checkpoint is written. What a crash leaves
behind, a line cut off or an epoch without a checkpoint, is cut when the run continues.
"""

import json
from pathlib import Path
from typing import Any

from core.system.files import write_atomic


class StepLog:
    """The step log in a run's folder.

    Args:
        folder: Of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "steps.jsonl"

    @property
    def rows(self) -> list[dict[str, Any]]:
        """``epoch``, ``step`` (both from 1, steps over the whole run), ``loss``, ``learning_rate``.

        A line that a crash cut off ends them.
        """
        rows: list[dict[str, Any]] = []
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        for line in lines:
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                break
        return rows

    def append(self, epoch: int, losses: list[float], rates: list[float]) -> None:
        """Add the steps of an epoch; of every epoch the steps are as many."""
        first = (epoch - 1) * len(losses) + 1
        lines = [
            json.dumps(
                {"epoch": epoch, "step": step, "loss": loss, "learning_rate": rate},
                allow_nan=False,
            )
            for step, (loss, rate) in enumerate(zip(losses, rates, strict=True), start=first)
        ]
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write("".join(f"{line}\n" for line in lines))

    def cut(self, epochs: int) -> None:
        """Keep the lines of the first ``epochs`` epochs."""
        if not self.path.exists():
            return
        kept = [row for row in self.rows if row["epoch"] <= epochs]
        write_atomic(self.path, "".join(json.dumps(row) + "\n" for row in kept).encode())
