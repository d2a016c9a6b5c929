"""A model knows its training images, and every way to a mask warns of images unlike them."""

import csv
import html
import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pypdf
import pytest
from PIL import Image as Pillow

from core.data import open_dataset
from core.imaging import Image, Volume, read_any, read_image
from core.models import load_run, load_weights
from core.models.fit import warnings_of
from core.models.training_facts import TrainingFacts
from core.predict.batch import PredictionOptions, predict_files
from core.promotion.promote import promote
from core.runs import Run
from core.serve.answers import Submission, answer
from core.serve.models import Models
from core.serve.parameters import Parameters
from core.system.files import read_json


def test_promote_writes_training_facts_and_a_picture_unlike_them_is_doubted(
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
    assert warnings_of(Image(pixels=own, name="own.png"), trained.facts) == ()
    colours = np.zeros((64, 64, 3), np.uint8)
    colours[:32, :, 0] = 255
    sentences = warnings_of(Image(pixels=colours, name="photo.png"), trained.facts)
    assert any("coloured" in sentence for sentence in sentences)


def test_a_run_knows_its_training_images_too(finished_run: Run) -> None:
    facts = load_run(finished_run).facts
    assert facts is not None
    assert facts.n_images == len(finished_run.split.train)


def test_every_way_to_a_mask_says_what_to_doubt(tmp_path: Path) -> None:
    colours = np.zeros((64, 64, 3), np.uint8)
    colours[:32, :, 0] = 255
    picture = tmp_path / "photo.png"
    Pillow.fromarray(colours).save(picture)
    trained = load_weights("isbi2012-unet")
    expected = list(warnings_of(read_image(picture), trained.facts))
    assert any("coloured" in sentence for sentence in expected)

    said: list[str] = []
    wanted = PredictionOptions(formats=("mask", "report", "report-pdf"))
    [row] = predict_files(trained, [picture], tmp_path / "out", wanted=wanted, report=said.append)
    assert row["warnings"] == expected
    assert [line for line in said if line.startswith("warning: ")] == [
        f"warning: {sentence}" for sentence in expected
    ]
    table = (tmp_path / "out" / "results.csv").read_text(encoding="utf-8")
    [written] = csv.DictReader(table.splitlines())
    assert written["warnings"] == "; ".join(expected)
    page = html.unescape((tmp_path / "out" / "photo_report.html").read_text(encoding="utf-8"))
    sheet = " ".join(
        text.extract_text() for text in pypdf.PdfReader(tmp_path / "out" / "photo_report.pdf").pages
    )
    for sentence in expected:
        assert sentence[1:] in page
        assert sentence[1:40] in " ".join(sheet.split())

    models = Models()
    sent = Submission(content=picture.read_bytes(), asked=Parameters(model="isbi2012-unet"))
    answered = answer(sent, models)
    assert json.loads(answered.content)["warnings"] == expected


def test_of_a_volume_the_middle_slice_is_looked_at() -> None:
    facts = load_weights("lung_ct-unet").facts
    volume = read_any(nibabel_volume(np.full((32, 32, 5), -1000, np.int16)), name="air.nii")
    assert isinstance(volume, Volume)
    assert warnings_of(volume, None) == volume.warnings
    assert any("hardly any contrast" in sentence for sentence in warnings_of(volume, facts))


def nibabel_volume(voxels: np.ndarray[Any, Any]) -> bytes:
    nib: Any = nibabel  # its types are half there
    return bytes(nib.Nifti1Image(voxels, np.eye(4)).to_bytes())
