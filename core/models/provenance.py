"""Where the weights of a model come from, when they were fine-tuned from others."""

from collections.abc import Mapping
from typing import Any

from core.models import Stored
from core.system.files import read_json

FILE = "started_from.json"
"""In the folder of a run or a shipped model that was fine-tuned from other weights."""


def provenance(source: Stored) -> dict[str, Any]:
    """Where weights come from, for the run that starts with them; what they started from, too."""
    config = source.config
    file = source.folder / FILE
    return {
        "name": source.name,
        "sha256": source.digest,
        "dataset": config.dataset,
        "split_hash": source.split.hash,
        "images": len(source.split.train),
        "loss": config.loss,
        "epochs": config.epochs,
        "started_from": read_json(file) if file.exists() else None,
    }


def provenance_words(document: Mapping[str, Any] | None, *, name: str = "") -> str:
    """``provenance`` as sentences for a card; empty for None.

    Args:
        document: Where the initial weights come from.
        name: Of the model that the card is of; one of the same name was there before it.
    """
    if document is None:
        return ""
    source = f"an earlier `{name}`" if document["name"] == name else f"`{document['name']}`"
    words = (
        f"Fine-tuned from {source}, trained on {document['images']} images of "
        f"`{document['dataset']}` ({document['loss']} loss, {document['epochs']} epochs).\n"
    )
    further = provenance_words(document["started_from"], name=name)
    return words + further.replace("Fine-tuned", "That model was fine-tuned", 1)
