"""Many files, folders and zips → masks and whatever else is asked for, and a row for each image.

All names are settled before the first prediction, so that nothing is overwritten half-way. A file
that was named must be an image; what is none in a folder or zip is reported and left out. What is
damaged, or does not fit the network, stops no other: its row says so.
"""

import csv
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from core.errors import InputError, choose
from core.export import DISCLAIMER, EXPORTS, Case, ModelFacts
from core.export.measure import table
from core.export.model_facts import model_facts
from core.imaging import Image, Item, Volume, page_count, read_image, survey
from core.imaging.intensities import AS_TRAINED, CHOICES
from core.models import TrainedModel
from core.predict.cases import predict_case
from core.system.csv_cells import safe_row
from core.system.files import atomic_path, write_atomic
from core.threshold.postprocessing import PostProcessing

TABLE = "results.csv"
ARCHIVE = "predictions.zip"

Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class PredictionOptions:
    """What to make of every image."""

    formats: tuple[str, ...] = ("mask",)
    """Keys of ``EXPORTS``; the mask of a volume is a NIfTI."""
    k: int | None = None
    """Index of the threshold; None takes the operating point."""
    post_processing: PostProcessing | None = None
    """What happens to the mask after the threshold; None takes the operating point's."""
    intensities: str = AS_TRAINED
    """In which intensities the model sees a file of more than 8 bits, key of ``CHOICES``."""
    measurements: bool = False
    """Whether rows carry a ``measurements`` table."""
    archive: bool = False
    """Whether everything is put into one zip too."""

    def __post_init__(self) -> None:
        for name in self.formats:
            choose("format", name, EXPORTS)
        choose("intensities", self.intensities, CHOICES)


@dataclass(frozen=True, kw_only=True)
class _Task:
    """One image of an input."""

    item: Item
    stem: str
    page: int = 0
    pages: int = 1
    volume: bool = False

    def read(self) -> Image | Volume:
        if self.pages == 1:
            return self.item.read()
        return read_image(self.item.files[0].direct, name=self.item.name, page=self.page)


def predict_files(
    trained: TrainedModel,
    inputs: Sequence[Path],
    out: Path,
    *,
    wanted: PredictionOptions | None = None,
    facts: ModelFacts | None = None,
    lenient: bool = False,
    report: Report = lambda _line: None,
) -> list[dict[str, Any]]:
    """Write ``<stem>_mask.png`` for every image, ``<stem>_p01_mask.png`` for pages of a stack.

    Args:
        trained: The network and its operating point.
        inputs: Image files, folders and zips.
        out: Folder, made if need be.
        wanted: Formats, threshold and post-processing.
        facts: What exports say of the model; None takes those of a shipped one.
        lenient: Whether a file that was named and is no image is left out, as one in a folder.
        report: Called with each image, and of what is left out.

    Returns:
        A row per image: input, page, mask, threshold, foreground_px, area_mm2 (volume_ml),
        components, files; ``problems`` where a format could not be written, or nothing could be
        predicted: then mask and scores are None.

    Raises:
        InputError: A file is no image, two would write the same file, or a file would replace an
            input; no image could be read, or written in a format that was asked for.
    """
    asked = wanted or PredictionOptions()
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: a file is in the way; give a folder with --out")
    tasks = _tasks(inputs, report, lenient=lenient)
    _check_names(tasks, inputs, out, asked)
    out.mkdir(parents=True, exist_ok=True)
    about = facts or model_facts(trained)
    rows = []
    for task in tasks:
        report(f"{_input(task)} page {task.page + 1}" if task.page else _input(task))
        place = {"input": _input(task), "page": task.page}
        try:
            case = predict_case(
                task.read(),
                trained,
                about,
                name=task.stem,
                k=asked.k,
                post_processing=asked.post_processing,
                intensities=asked.intensities,
                progress=_slices(report),
            )
        except InputError as fault:
            report(f"left out: {fault}")
            rows.append(place | _left_out(str(fault)))
            continue
        for sentence in case.warnings:
            report(f"warning: {sentence}")
        rows.append(place | _write(case, out, asked, report))
    _check_written(rows, asked)
    write_atomic(out / TABLE, _table(rows))
    if asked.archive:
        _archive(rows, out)
    return rows


def _left_out(problem: str) -> dict[str, Any]:
    """The row of an image that could not be predicted."""
    unknown = ("mask", "threshold", "foreground_px", "area_mm2", "components")
    return {**dict.fromkeys(unknown), "files": {}, "problems": [problem]}


def _write(case: Case, out: Path, asked: PredictionOptions, report: Report) -> dict[str, Any]:
    files: dict[str, str] = {}
    problems: list[str] = []
    for name in asked.formats:
        chosen = EXPORTS[_fitting(name, volume=case.is_volume)]
        try:
            content = chosen.make(case)
        except InputError as wrong:
            problems.append(str(wrong))
            report(f"left out: {wrong}")
            continue
        target = out / f"{case.name}{chosen.suffix}"
        write_atomic(target, content)
        files[name] = str(target)
    row = {"mask": files.get("mask"), **case.row, "files": files}
    if asked.measurements:
        row["measurements"] = table(case.components)
    said = {"problems": problems, "warnings": list(case.warnings)}
    return row | {name: sentences for name, sentences in said.items() if sentences}


def _fitting(name: str, *, volume: bool) -> str:
    """The mask of a volume is a NIfTI."""
    return "nifti" if volume and name == "mask" else name


def _tasks(inputs: Sequence[Path], report: Report, *, lenient: bool) -> list[_Task]:
    found = survey(inputs)
    strict = not lenient and all(path.is_file() and not zipfile.is_zipfile(path) for path in inputs)
    if found.problems and strict:
        raise InputError(found.problems[0])
    for problem in found.problems:
        report(f"left out: {problem}")
    tasks: list[_Task] = []
    for item in found.items:
        try:
            tasks += _pages(item, set(inputs))
        except InputError:
            if strict:
                raise
            tasks.append(_Task(item=item, stem=_stem(item, set(inputs))))  # says so when it is read
    return tasks


def _stem(item: Item, named: set[Path]) -> str:
    """The name of the file where the person named it, else what ``survey`` calls it."""
    path = item.files[0].path
    # of a file in a zip the path is the zip's
    own = len(item.files) == 1 and path in named and path.name == item.files[0].name
    return PurePath((item.files[0].name if own else item.name).removesuffix(".gz")).stem


def _pages(item: Item, named: set[Path]) -> list[_Task]:
    stem = _stem(item, named)
    if item.is_volume or len(item.files) > 1:
        return [_Task(item=item, stem=stem, volume=True)]
    count = page_count(item.files[0].direct, name=item.name)
    if count > 1 and isinstance(item.read(), Volume):  # several frames in one DICOM file, stacked
        return [_Task(item=item, stem=stem, volume=True)]
    if count == 1:
        return [_Task(item=item, stem=stem)]
    digits = len(str(count))
    return [
        _Task(item=item, stem=f"{stem}_p{page + 1:0{digits}d}", page=page, pages=count)
        for page in range(count)
    ]


def _check_names(
    tasks: list[_Task], inputs: Sequence[Path], out: Path, asked: PredictionOptions
) -> None:
    names = [
        f"{task.stem}{EXPORTS[_fitting(name, volume=task.volume)].suffix}"
        for task in tasks
        for name in dict.fromkeys(_fitting(name, volume=task.volume) for name in asked.formats)
    ]
    twice = (
        {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else ()
    )
    if twice:
        raise InputError(
            f"several inputs would write {min(twice)}; predict them into separate folders"
        )
    files = (file.path for task in tasks for file in task.item.files if file.path)
    sources = {path.resolve() for path in (*inputs, *files)}
    spoilt = [name for name in (*names, TABLE, ARCHIVE) if (out / name).resolve() in sources]
    if spoilt:
        raise InputError(f"{out / spoilt[0]}: a mask would replace this input; give another --out")


def _check_written(rows: list[dict[str, Any]], asked: PredictionOptions) -> None:
    for name in asked.formats:
        if not any(name in row["files"] for row in rows):
            raise InputError(next(p for row in rows for p in row.get("problems", ())))


def _input(task: _Task) -> str:
    file = task.item.files[0]
    inside = file.path is None or file.path.name != file.name or len(task.item.files) > 1
    return task.item.name if inside else str(file.path)


def _slices(report: Report) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done % 20 == 0 or done == total:
            report(f"  slice {done} of {total}")

    return progress


def _table(rows: list[dict[str, Any]]) -> bytes:
    """The rows without their tables, for a spreadsheet."""
    columns = ["input", "page", "mask", "threshold", "foreground_px", "area_mm2", "volume_ml"]
    columns += ["components", "problems", "warnings"]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        mask = PurePath(row["mask"]).name if row["mask"] else None
        said = {name: "; ".join(row.get(name, [])) for name in ("problems", "warnings")}
        writer.writerow(safe_row({**row, "mask": mask, **said}))
    return stream.getvalue().encode()


def _archive(rows: list[dict[str, Any]], out: Path) -> None:
    """One zip with everything written; the same files give the same bytes."""
    paths = [Path(path) for row in rows for path in row["files"].values()]
    with (
        atomic_path(out / ARCHIVE) as temporary,
        zipfile.ZipFile(temporary, "w") as container,
    ):
        container.comment = DISCLAIMER.encode()
        for path in [*dict.fromkeys(paths), out / TABLE]:
            entry = zipfile.ZipInfo(path.name)  # without the time; it also brings its own method
            container.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=1)
