"""Many uploaded files at once, in the background: a table of results and one zip.

The files lie in a temporary folder while ``core.predict.batch`` works on them, and nowhere
afterwards.
"""

import re
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.export.case import ModelFacts
from core.imaging import SourceFile
from core.imaging.names import clean_name
from core.models import TrainedModel
from core.predict.batch import ARCHIVE, PredictionOptions, predict_files
from core.system.background import Work


class BatchPrediction(Work):
    """Uploaded files on their way to masks; a step is an image or a slice of a volume.

    Args:
        trained: The model.
        facts: What exports say of it.
        sources: The files, in memory.
        items: How many images and volumes are in them.
        wanted: Formats and threshold; the zip is always made.
        turn: As of ``Work``.
    """

    def __init__(
        self,
        trained: TrainedModel,
        facts: ModelFacts,
        sources: Sequence[SourceFile],
        *,
        items: int,
        wanted: PredictionOptions,
        turn: threading.Lock,
    ) -> None:
        super().__init__(total=items, turn=turn)
        self.trained, self.facts, self.sources, self.wanted = trained, facts, sources, wanted
        self.rows: list[dict[str, Any]] = []
        self.archive = b""
        self.left_out: list[str] = []

    def act(self, after_each: Callable[[int], None]) -> None:
        """All anew: a stopped batch has no zip to continue with."""
        self.left_out, begun = [], 0

        def report(line: str) -> None:
            nonlocal begun
            if line.startswith("left out: "):
                self.left_out.append(line.removeprefix("left out: "))
                return
            begun += not line.startswith((" ", "warning: "))  # else a slice of a volume
            self.total = max(self.total, begun)  # a stack has several pages
            after_each(max(begun - 1, 0))

        with tempfile.TemporaryDirectory(prefix="isoline-batch-") as folder:
            given = Path(folder) / "in"
            given.mkdir()
            inputs = [_laid(source, given) for source in self.sources]
            rows = predict_files(
                self.trained,
                inputs,
                Path(folder) / "out",
                wanted=self.wanted,
                facts=self.facts,
                lenient=True,
                report=report,
            )
            self.archive = (Path(folder) / "out" / ARCHIVE).read_bytes()
        self.rows = [{key: row[key] for key in row if key not in {"mask", "files"}} for row in rows]
        for row in self.rows:
            row["input"] = Path(row["input"]).name
        self.done = self.total = len(rows)


def _laid(source: SourceFile, folder: Path) -> Path:
    """The file in the folder, under its own name as far as it can be one."""
    path = folder / re.sub(r"[^\w. ()-]+", "_", clean_name(source.name))
    if path.exists():
        raise InputError(f"{clean_name(source.name)} is there twice; rename one of them")
    path.write_bytes(source.read())
    return path
