"""A model's own kind of image raises no warning, another kind does."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.data import open_dataset
from core.data.datasets.phantoms import draw
from core.imaging import Image, SourceFacts
from core.models.fit import FitWarning, fit_warnings
from core.models.training_facts import (
    STATISTICS,
    TrainingFacts,
    distance,
    facts_of_images,
    is_coloured,
    training_facts,
)

RANDOM = np.random.default_rng(0)
KINDS = ("nuclei", "ultrasound", "lung", "membranes")


def as_image(pixels: NDArray[Any], **fields: Any) -> Image:
    return Image(pixels=pixels, name="scan", **fields)


def kinds(image: Image, facts: TrainingFacts) -> list[str]:
    return [warning.kind for warning in fit_warnings(image, facts)]


@pytest.fixture(scope="module")
def drawn() -> dict[str, tuple[TrainingFacts, list[Image]]]:
    """Facts of 24 images of each kind, and the 8 others."""
    found = {}
    for kind in KINDS:
        images = [draw(kind, index=index, size=128).image for index in range(32)]
        facts = facts_of_images(images[:24], modality=f"drawn {kind}")
        found[kind] = (facts, [as_image(image) for image in images[24:]])
    return found


@pytest.mark.parametrize("name", KINDS)
def test_its_own_kind_fits(name: str, drawn: dict[str, tuple[TrainingFacts, list[Image]]]) -> None:
    facts, others = drawn[name]
    assert facts.n_images == 24
    warned = [image for image in others if fit_warnings(image, facts)]
    assert len(warned) <= 1  # of 8 that training never saw


@pytest.mark.parametrize("name", KINDS)
def test_another_kind_does_not_fit(
    name: str, drawn: dict[str, tuple[TrainingFacts, list[Image]]]
) -> None:
    facts = drawn[name][0]
    for other in KINDS:
        if other != name:
            alien = [as_image(image.pixels) for image in drawn[other][1]]
            unlike = [image for image in alien if "intensity" in kinds(image, facts)]
            assert len(unlike) >= 7, other  # of 8


def test_a_document_and_back(drawn: dict[str, tuple[TrainingFacts, list[Image]]]) -> None:
    facts, others = drawn["lung"]
    text = json.dumps(facts.document(), allow_nan=False)
    assert len(text) < 12_000
    again = TrainingFacts.of_document(json.loads(text))
    assert again == facts
    assert distance(others[0].grey8(), again) == distance(others[0].grey8(), facts)
    assert len(facts.mean) == len(STATISTICS) == len(facts.directions)
    assert len(facts.images) == facts.n_images


GREY = [RANDOM.normal(120, 30, (64, 80)).clip(0, 255).astype(np.uint8) for _ in range(12)]
FACTS = facts_of_images(GREY, modality="breast ultrasound", spacings_mm=[0.1, 0.2])
COLOUR = np.stack([GREY[0], GREY[0] // 2, GREY[0] // 3], axis=2)


def test_statistics_by_pencil() -> None:
    half = np.zeros((8, 8), np.uint8)
    half[:, 4:] = 200
    flat = facts_of_images([half] * 3, modality="x")
    assert flat.mean == pytest.approx(
        (0, 0, 0, 100, 200, 200, 200, 100, 200 / 7, 0, 200, 127.5, 0), abs=1e-4
    )
    assert distance(half, flat) == pytest.approx(0, abs=0.05)  # statistics are rounded
    assert flat.limit == 0.6


def test_colour() -> None:
    assert is_coloured(COLOUR)
    assert not is_coloured(np.stack([GREY[0]] * 3, axis=2))
    assert not is_coloured(GREY[0])
    captioned = np.stack([GREY[0]] * 3, axis=2)
    captioned[:2, :40, 0] = 255
    assert not is_coloured(captioned)
    assert "colour" in kinds(as_image(COLOUR), FACTS)
    coloured = facts_of_images([COLOUR, COLOUR // 2], modality="dermoscopy")
    assert coloured.channels == 3
    assert "colour" in kinds(as_image(GREY[0]), coloured)
    assert "colour" not in kinds(as_image(COLOUR), coloured)
    assert "colour" not in kinds(as_image(GREY[0]), FACTS)


def test_channels() -> None:
    pairs = [np.stack([image, image], axis=2) for image in GREY]
    (warning,) = fit_warnings(as_image(GREY[0]), facts_of_images(pairs, modality="brain MRI"))
    assert warning.kind == "channels"
    assert warning.what == "the model needs 2 images of one place at once"


@pytest.mark.parametrize(
    ("code", "modality", "fits"),
    [
        ("US", "breast ultrasound", True),
        ("CT", "breast ultrasound", False),
        ("CT", "CT, lung window", True),
        ("CT", "fluorescence microscopy", False),
        ("MR", "brain MRI (FLAIR)", True),
        ("MR", "CT", False),
        ("", "brain MRI", True),
        ("SEG", "brain MRI", True),
    ],
)
def test_modality(code: str, modality: str, fits: bool) -> None:
    facts = facts_of_images(GREY, modality=modality)
    image = as_image(GREY[0], facts=SourceFacts(modality=code))
    assert ("modality" not in kinds(image, facts)) == fits


def test_spacing_and_size() -> None:
    for spacing, fits in ((0.1, True), (0.29, True), (0.31, False), (0.05, False)):
        image = as_image(GREY[0], spacing_mm=(spacing, spacing))
        assert ("spacing" not in kinds(image, FACTS)) == fits, spacing
    assert "spacing" not in kinds(as_image(GREY[0]), FACTS)
    assert "size" in kinds(as_image(np.tile(GREY[0], (3, 3))), FACTS)
    assert "size" not in kinds(as_image(np.tile(GREY[0], (2, 2))), FACTS)
    assert "size" in kinds(as_image(GREY[0][:20, :20]), FACTS)


def test_an_inverted_a_dark_and_an_empty_picture() -> None:
    dark = facts_of_images([image // 3 for image in GREY], modality="ultrasound")
    assert kinds(as_image(GREY[3] // 3), dark) == []
    assert kinds(as_image(255 - GREY[3] // 3), dark) == ["intensity"]
    assert kinds(as_image(np.full((64, 80), 9, np.uint8)), FACTS) == ["contrast"]
    (warning,) = fit_warnings(as_image(GREY[3]), dark)
    assert isinstance(warning, FitWarning)
    assert "\n" not in warning.sentence
    assert "times the limit; most so the" in warning.what


def test_the_window_decides() -> None:
    hu = GREY[0].astype(np.int16) * 10
    facts = facts_of_images(GREY, modality="CT")
    assert kinds(as_image(hu, window=(0.0, 2550.0)), facts) == []
    (warning,) = fit_warnings(as_image(hu, window=(0.0, 800.0)), facts)
    assert "choose the grey window" in warning.advice


def test_facts_of_a_data_set() -> None:
    dataset = open_dataset("phantoms_ultrasound")
    facts = training_facts(dataset, dataset.samples[:3])
    assert (facts.n_images, facts.channels, facts.colour_share) == (3, 1, 0)
    assert facts.modality == dataset.info.modality
    assert facts.side_px == (256.0, 256.0)
    assert facts.spacing_mm == (0.15625, 0.15625)


def test_no_samples() -> None:
    with pytest.raises(ValueError, match="no samples"):
        training_facts(open_dataset("phantoms"), [])


REAL = {"isbi2012": "isbi2012_em", "busi": "busi", "lung_ct": "lung_ct"}


@pytest.mark.slow
@pytest.mark.realdata
def test_real_sets_fit_themselves_and_not_each_other(realdata: Path) -> None:
    facts, others = {}, {}
    for name, folder in REAL.items():
        dataset = open_dataset(name, realdata / folder)
        samples = dataset.samples[:: max(1, len(dataset.samples) // 48)]
        facts[name] = training_facts(dataset, samples[::2])
        others[name] = [as_image(dataset.image(sample)) for sample in samples[1::2]]
    for name, known in facts.items():
        own = [image for image in others[name] if fit_warnings(image, known)]
        assert len(own) <= 0.1 * len(others[name]), name
        for other, images in others.items():
            if other != name:
                unlike = [image for image in images if "intensity" in kinds(image, known)]
                assert len(unlike) >= 0.9 * len(images), (name, other)


@pytest.mark.slow
@pytest.mark.realdata
def test_phantoms_of_a_kind_are_not_taken_for_the_real_thing(realdata: Path) -> None:
    dataset = open_dataset("busi", realdata / "busi")
    facts = training_facts(dataset, dataset.samples[::4])
    nuclei = open_dataset("phantoms_nuclei")
    images = [as_image(nuclei.image(sample)) for sample in nuclei.samples[:8]]
    assert sum("intensity" in kinds(image, facts) for image in images) >= 7
