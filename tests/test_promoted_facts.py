"""A shipped model knows its training images, and the page warns of pictures unlike them."""

from pathlib import Path

import numpy as np
import pytest

from core.data import open_dataset
from core.files import read_json
from core.imaging import Image
from core.runs import Run
from core.weights import load_weights
from core.weights.promotion import promote
from core.weights.training_facts import TrainingFacts
from dashboard import cache


def test_promote_writes_training_facts_and_the_page_warns_by_them(
    finished_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISOLINE_WEIGHTS", str(tmp_path))
    folder = promote(finished_run, "tiny")
    facts = TrainingFacts.of_document(read_json(folder / "training_facts.json"))
    assert facts.n_images == len(finished_run.split.train)
    assert facts.channels == 1
    assert "training_facts.json" in read_json(folder / "manifest.json")["files"]
    trained = load_weights("tiny")
    config = finished_run.config
    dataset = open_dataset(config.dataset, Path(config.data or ""))
    own = dataset.image(trained.samples(dataset, "train")[0])
    assert cache.fit_sentences("weights/tiny", Image(pixels=own, name="own.png")) == []
    colours = np.zeros((64, 64, 3), np.uint8)
    colours[:32, :, 0] = 255
    sentences = cache.fit_sentences("weights/tiny", Image(pixels=colours, name="photo.png"))
    assert any("coloured" in sentence for sentence in sentences)
