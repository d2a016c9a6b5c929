"""The card and the manifest of a model, from the documents in its folder.

python -m core.promotion.stored_card     # rewrites weights/*/card.md after a change of the template
"""

import sys
from pathlib import Path

from core.config import RunConfig
from core.data import info_of
from core.data.splits import Split
from core.models import list_weights, shipped_config, weights_folder
from core.models.provenance import FILE as STARTED_FROM
from core.models.provenance import provenance_words
from core.promotion.card import model_card
from core.system.files import read_json, sha256, write_atomic, write_json
from core.threshold.operating_point import OperatingPoint

PATIENTS = "patients.json"
"""In the folder of a model: the number of patients or specimens in each split."""


def stored_card(folder: Path, *, name: str, config: RunConfig) -> str:
    """The model card that the documents of a folder give.

    Args:
        folder: Of the model, with everything but card and manifest.
        name: Of the model; not the folder's while it is being written.
        config: It was trained with.
    """
    origin = folder / STARTED_FROM
    return model_card(
        name,
        config=config,
        info=info_of(config.dataset),
        split=Split.of_document(read_json(folder / "split.json")),
        point=OperatingPoint.of_document(read_json(folder / "operating_point.json")),
        evaluations={
            split: read_json(folder / "evaluation" / f"{split}.json") for split in ("val", "test")
        },
        patients=read_json(folder / PATIENTS),
        grey=read_json(folder / "evaluation" / "grey.json"),
        perturbed=read_json(folder / "evaluation" / "robustness.json"),
        origin=provenance_words(read_json(origin) if origin.exists() else None, name=name),
    )


def write_card(folder: Path, *, name: str, config: RunConfig) -> None:
    """Write ``card.md``, and ``manifest.json`` with the SHA-256 of every other file."""
    write_atomic(folder / "card.md", stored_card(folder, name=name, config=config).encode())
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    digests = {
        str(file.relative_to(folder)): sha256(file)
        for file in files
        if file.name != "manifest.json"
    }
    write_json(folder / "manifest.json", {"files": digests})


if __name__ == "__main__":
    for model in list_weights():
        write_card(weights_folder() / model, name=model, config=shipped_config(model)[0])
        sys.stderr.write(f"{model}: card.md and manifest.json are up to date\n")
