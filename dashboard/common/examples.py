"""Images to open with: real ones where a data set is on this machine, and synthetic ones always."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data import info_of
from core.data.datasets.phantoms import draw
from core.errors import InputError
from core.imaging import Image
from core.models import list_weights, weights_document
from dashboard.common.sources import dataset_path, is_synthetic

PHANTOM_SIZE = 512
PHANTOMS = {
    "membranes": "Synthetic cell membranes",
    "nuclei": "Synthetic fluorescent nuclei",
    "ultrasound": "Synthetic breast ultrasound",
    "lung": "Synthetic lung CT",
}


KINDS = {
    "isbi2012": "membranes",
    "dsb2018": "nuclei",
    "busi": "ultrasound",
    "breast_custom": "ultrasound",
    "lung_ct": "lung",
}
"""Data set → the kind of drawing that is like it."""
TYPICAL, HARD = 4, 2
LONGEST = 18
"""Characters of an id that a picker shows beside "held out, hard"."""


@dataclass(frozen=True)
class Example:
    """Something to predict on."""

    title: str
    """What it is, as shown above it."""
    image: NDArray[np.uint8]
    """Shape (H, W) or (H, W, 3), 0…255."""
    truth: NDArray[np.bool_] | None = None
    """Reference foreground, shape (H, W), where it is known."""
    spacing_mm: tuple[float, float] | None = None
    """Pixel height and width, where known."""
    source: Image | None = None
    """The file's own values and where they lie in the patient, where it was uploaded."""
    labels: NDArray[np.uint8] | None = None
    """Reference classes, values as its data set has them, shape (H, W)."""
    dataset: str = ""
    """Key of ``DATASETS`` that the labels are of."""
    sample: str = ""
    """Its id in that data set, where it is one of its samples."""
    kind: str = ""
    """Key of ``PHANTOMS`` that it is or is like; empty where that is not known."""


def kind_of(dataset: str) -> str:
    """Key of ``PHANTOMS`` that a data set is or is like; empty for none or for all of them."""
    kind = KINDS.get(dataset, dataset.removeprefix("phantoms_"))
    return kind if kind in PHANTOMS else ""


def example_names(
    dataset: str, held_out: Sequence[str], *, volumes: bool = False
) -> dict[str, str]:
    """Key → title of the examples: held-out images of a model's own data set, then synthetic ones.

    Args:
        dataset: Key of ``DATASETS`` that the model was trained on.
        held_out: Its images that the model has not was trained on.
        volumes: Whether it sees volumes, and so nothing that is an image by itself.
    """
    own = {}
    drawn_slices = is_synthetic(dataset) and info_of(dataset).volumes
    if held_out and (drawn_slices or (not is_synthetic(dataset) and dataset_path(dataset))):
        own = _held_out(dataset, held_out)
    if volumes:
        return own
    drawn = {
        f"phantom/{kind}/{n}": f"{title} {n + 1}"
        for kind, title in PHANTOMS.items()
        for n in (0, 1)
    }
    like = kind_of(dataset)
    return own | dict(sorted(drawn.items(), key=lambda item: f"/{like}/" not in item[0]))


def _held_out(dataset: str, ids: Sequence[str]) -> dict[str, str]:
    """Typical images by a shipped model's own scores, then hard ones; else evenly spread ones."""
    rows = _known(dataset, set(ids))
    if not rows and info_of(dataset).volumes:
        path = dataset_path(dataset)
        return {
            f"{dataset}/{n}": f"{short(n)}, held out"
            for n in _fullest(dataset, str(path) if path else "", tuple(ids))
        }
    if not rows:
        return {f"{dataset}/{n}": f"{short(n)}, held out" for n in ids[:: -(-len(ids) // TYPICAL)]}
    middle = median(row["dice"] for row in rows)
    typical = sorted(rows, key=lambda row: abs(row["dice"] - middle))[:TYPICAL]
    hard = sorted(rows, key=lambda row: row["dice"])[:HARD]
    names = {f"{dataset}/{row['id']}": f"{short(row['id'])}, held out" for row in typical}
    further = [row for row in hard if row not in typical]
    return names | {
        f"{dataset}/{row['id']}": f"{short(row['id'])}, held out, hard" for row in further
    }


def short(identity: str) -> str:
    """An id that fits the picker: beginning and end, which tell slices of one case apart."""
    return identity if len(identity) <= LONGEST else f"{identity[:7]}…{identity[-8:]}"


@lru_cache(maxsize=16)
def _fullest(dataset: str, path: str, ids: tuple[str, ...]) -> list[str]:
    """Of each of a few volumes the slice with most foreground; a volume's labels are read once."""
    from core.data import open_dataset

    opened = open_dataset(dataset, Path(path) if path else None)
    samples = {sample.id: sample for sample in opened.samples if sample.has_truth}
    held_out = [samples[name] for name in ids if name in samples]
    cases = list(dict.fromkeys(sample.facts.get("case", sample.id) for sample in held_out))
    found = []
    for case in cases[:: -(-len(cases) // TYPICAL) or 1]:
        slices = [sample for sample in held_out if sample.facts.get("case", sample.id) == case]
        found.append(max(slices, key=lambda sample: int((opened.truth(sample) > 0).sum())).id)
    return found


def _known(dataset: str, ids: set[str]) -> list[dict[str, Any]]:
    """Scores of a shipped model for those of the images that it was evaluated by.

    Only those with something to find, which not every slice of a volume has.
    """
    for name in list_weights():
        if weights_document(name, "config")["dataset"] == dataset:
            images = weights_document(name, "evaluation/test")["images"]
            return [
                row for row in images if row["id"] in ids and row["counts"][0] + row["counts"][2]
            ]
    return []


def open_example(key: str) -> Example:
    """An example by its key.

    Raises:
        InputError: There is no such example, or its data set is gone.
    """
    source, _, rest = key.partition("/")
    if source == "phantom" and rest.count("/") == 1:
        kind, number = rest.split("/")
        phantom = draw(kind, seed=1, index=int(number), size=PHANTOM_SIZE)
        title = f"{PHANTOMS[kind]} {int(number) + 1}"
        drawn = phantom.truth.astype(bool)
        return Example(title, phantom.image, drawn, phantom.spacing_mm, kind=kind)
    path = dataset_path(source)
    if path is None and not is_synthetic(source):
        raise InputError(f"example {key}: its data set is not on this machine; choose another")
    from core.data import open_dataset

    dataset = open_dataset(source, path)
    sample = next((s for s in dataset.samples if s.id == rest), None)
    if sample is None:
        raise InputError(f"example {key}: no such image in {path or source}; choose another")
    labels = dataset.truth(sample) if sample.has_truth else None
    return Example(
        f"{dataset.info.title}, {rest}",
        dataset.image(sample),
        None if labels is None else labels.astype(bool),
        sample.spacing_mm,
        labels=labels,
        dataset=source,
        sample=rest,
        kind=kind_of(source),
    )
