"""Pictures to open with: real ones where a data set is on this machine, and drawn ones always."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.data.phantoms import draw
from core.errors import InputError
from core.imaging import Image
from dashboard.sources import dataset_path

PHANTOM_SIZE = 512
PHANTOMS = {
    "membranes": "Drawn cell membranes",
    "nuclei": "Drawn fluorescent nuclei",
    "ultrasound": "Drawn breast ultrasound",
    "lung": "Drawn lung CT",
}


@dataclass(frozen=True)
class Picture:
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


def example_names(dataset: str) -> dict[str, str]:
    """Key → title of the examples, those of a model's own data set first."""
    own = {}
    if dataset_path("isbi2012"):
        own = {f"isbi2012/section-{n}": f"EM section {n}, held out" for n in range(24, 30)}
    drawn = {
        f"phantom/{kind}/{n}": f"{title} {n + 1}"
        for kind, title in PHANTOMS.items()
        for n in (0, 1)
    }
    kind = dataset.removeprefix("phantoms_")
    drawn = dict(sorted(drawn.items(), key=lambda item: f"/{kind}/" not in item[0]))
    return own | drawn if dataset == "isbi2012" else drawn | own


def open_example(key: str) -> Picture:
    """An example by its key.

    Raises:
        InputError: There is no such example, or its data set is gone.
    """
    source, _, rest = key.partition("/")
    if source == "phantom" and rest.count("/") == 1:
        kind, number = rest.split("/")
        phantom = draw(kind, seed=1, index=int(number), size=PHANTOM_SIZE)
        title = f"{PHANTOMS[kind]} {int(number) + 1}"
        return Picture(title, phantom.image, phantom.truth.astype(bool), phantom.spacing_mm)
    path = dataset_path(source)
    if path is None:
        raise InputError(f"example {key}: its data set is not on this machine; choose another")
    from core.data import open_dataset

    dataset = open_dataset(source, path)
    sample = next((s for s in dataset.samples if s.id == rest), None)
    if sample is None:
        raise InputError(f"example {key}: no such image in {path}; choose another")
    truth = dataset.truth(sample).astype(bool) if sample.has_truth else None
    return Picture(f"{dataset.info.title}, {rest}", dataset.image(sample), truth, sample.spacing_mm)
