"""Presets: each is a run that can be started, its network has the size that is printed."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from core.config import RunConfig
from core.data import DATASETS
from core.data.datasets.phantoms import draw
from core.errors import InputError
from core.inference.heads import build_criterion, build_network, head_of
from core.models import weights_folder
from core.models.provenance import FILE as STARTED_FROM
from core.networks import parameter_count_keras
from core.papers import PAPERS
from core.papers.conventions import PAPER_METRICS
from core.papers.presets import (
    FOLDER,
    FREE,
    Preset,
    load_preset,
    load_presets,
    merged,
    preset_names,
)
from core.runs import Run, create_run
from core.training.optimization import build_optimizer

NAMES = preset_names()
KINDS = {"busi": "ultrasound", "breast_custom": "ultrasound", "dsb2018": "nuclei",
         "isbi2012": "membranes", "lung_ct": "lung", "brats2020": "lung",
         "brats_flair": "lung"}  # fmt: skip
CHANNELS = {"brats2020": 2, "dsb2018": 3}
NATIVE = 512
LARGEST_SIDE = 128
"""Of the phantoms: the weights that a step reaches are the same on a larger image."""


def network(config: RunConfig) -> nn.Module:
    head = head_of(config, DATASETS[config.dataset].info)
    return build_network(config, in_channels=CHANNELS.get(config.dataset, 1), outputs=head.outputs)


def test_every_experiment_of_the_papers_is_there() -> None:
    wanted = {"busi-unet", "dsb2018-unet", "brats-unet", "brats-unet-prelu", "breast-resunet"}
    wanted |= {f"isbi-{n}" for n in range(1, 6)} | {f"lung-{n}" for n in range(6, 11)}
    wanted |= {f"brats-unet-dropout0.{n}-in-{k}" for n in (1, 2, 3) for k in (1, 2, 4)}
    assert wanted < set(NAMES)
    for paper in PAPERS.values():
        for dataset in paper.datasets:
            assert f"best-{dataset}" in NAMES
    assert NAMES.index("lung-9") + 1 == NAMES.index("lung-10")


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_says_what_it_is(name: str) -> None:
    preset = load_preset(name)
    assert preset.name == name
    assert preset.title
    assert RunConfig.of_document(preset.config.document()) == preset.config
    assert preset.differences(preset.config) == {}
    for figure in (*preset.metrics, *(row.metric for row in preset.printed)):
        assert figure in PAPER_METRICS
    if preset.paper:
        assert preset.config.dataset in PAPERS[preset.paper].datasets
        assert preset.setting
        assert preset.chosen
        assert preset.metrics
    else:
        assert preset.reason


@pytest.mark.parametrize("name", [p.name for p in load_presets() if p.printed_parameters])
def test_the_network_has_the_printed_parameters(name: str) -> None:
    preset = load_preset(name)
    with torch.device("meta"):
        assert parameter_count_keras(network(preset.config)) == preset.printed_parameters


def test_the_second_experiment_lacks_one_batch_norm() -> None:
    with torch.device("meta"):
        full, without = (network(load_preset(f"isbi-{n}").config) for n in (1, 2))
    missing = parameter_count_keras(full) - parameter_count_keras(without)
    assert missing == 4 * 64, "scale, shift, mean and variance of 64 channels"


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.3])
@pytest.mark.parametrize("places", [1, 2, 4])
def test_dropout_is_in_so_many_places(rate: float, places: int) -> None:
    with torch.device("meta"):
        model = network(load_preset(f"brats-unet-dropout{rate}-in-{places}").config)
    found = [part.p for part in model.modules() if isinstance(part, nn.Dropout2d)]
    assert found == [rate] * places


def test_the_variants_are_what_they_are_called() -> None:
    with torch.device("meta"):
        prelu = network(load_preset("brats-unet-prelu").config)
        plain = network(load_preset("brats-unet-unnormalized").config)
    assert any(isinstance(part, nn.PReLU) for part in prelu.modules())
    assert not any(isinstance(part, nn.ReLU) for part in prelu.modules())
    assert not any(isinstance(part, nn.BatchNorm2d) for part in plain.modules())


def one_step(config: RunConfig) -> None:
    """An optimizer step on a phantom of the preset's shape: every weight is reached."""
    torch.manual_seed(0)
    head = head_of(config, DATASETS[config.dataset].info)
    side = min(config.tile or config.size or NATIVE, LARGEST_SIDE)
    channels = CHANNELS.get(config.dataset, 1)
    phantom = draw(KINDS[config.dataset], index=1, size=side)
    planes = np.repeat(phantom.image[None, None], channels, axis=1)
    image = torch.from_numpy(planes).float() / 255
    masks = phantom.truth[None]
    if len(head.names) > 1:  # thirds of the foreground stand for the classes
        masks = masks * (1 + np.arange(side) * 3 // side).astype(np.uint8)
    target = head.targets(torch.from_numpy(masks)[:, None]).float()
    model = network(config).train()
    before = {key: value.clone() for key, value in model.named_parameters()}
    optimizer = build_optimizer(model, config)
    logits = model(image)
    assert logits.shape == (1, head.outputs, side, side)
    loss = build_criterion(config)(logits, target)
    torch.autograd.backward(loss)
    optimizer.step()
    assert math.isfinite(float(loss.detach()))
    unmoved = [key for key, value in model.named_parameters() if torch.equal(value, before[key])]
    # A bias before a batch norm has no gradient but rounding, and may stay at 0.
    assert all(key.endswith("bias") for key in unmoved)


def is_slow(preset: Preset) -> bool:
    """Large, or a variant of dropout: the quick tests have one of these."""
    if "dropout" in preset.name and preset.name != "brats-unet-dropout0.1-in-4":
        return True
    filters = preset.config.model_options.get("base_filters", 64)
    side = preset.config.tile or preset.config.size or NATIVE
    return bool(filters * side > 32 * 128)


STEPS = [
    pytest.param(preset, id=preset.name, marks=[pytest.mark.slow] * is_slow(preset))
    for preset in load_presets()
]


@pytest.mark.parametrize("preset", STEPS)
def test_one_optimizer_step_runs(preset: Preset) -> None:
    one_step(preset.config)


def test_changes_are_merged_into_what_is_extended() -> None:
    base = {"title": "a", "config": {"size": 128, "model_options": {"depth": 4, "dropout": 0.0}}}
    both = merged(base, {"config": {"model_options": {"dropout": 0.1}}})
    options = {"depth": 4, "dropout": 0.1}
    assert both == {"title": "a", "config": {"size": 128, "model_options": options}}
    assert base["config"] == {"size": 128, "model_options": {"depth": 4, "dropout": 0.0}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title: [", "not valid YAML"),
        ("- one", "holds no settings"),
        ("title: a", "has no config"),
        ("title: a\nconfig: {dataset: busi}\ncolour: red", "unknown key of own.yaml 'colour'"),
        ("title: a\nconfig: {dataset: busi, sise: 3}", "unknown setting 'sise'"),
        ("title: a\nconfig: {dataset: busi}\nprinted: [{metric: dice}]", "correct the file"),
    ],
)
def test_a_preset_that_cannot_be_used_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    monkeypatch.setattr("core.papers.presets.FOLDER", tmp_path)
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(InputError, match=words):
        load_preset("own")


def test_an_unknown_preset_lists_those_there_are() -> None:
    with pytest.raises(InputError, match=r"unknown preset 'isbi-99'; choose one of .*isbi-1"):
        load_preset("isbi-99")
    assert (FOLDER / "isbi-1.yaml").exists()


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("best-")])
def test_the_file_of_our_choice_says_what_the_shipped_model_used(name: str) -> None:
    """What it falls back on where the model is gone; its reasons are about the same settings."""
    shipped = load_preset(name)
    if not shipped.weights or (weights_folder() / shipped.weights / STARTED_FROM).exists():
        return  # a fine-tuned one has the settings of its last step
    written = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))["config"]
    typical = {"normalization": "batch"}
    ours, theirs = (
        {**config.document(), "model_options": {**typical, **config.model_options}}
        for config in (RunConfig.of_document(written), shipped.config)
    )
    free = {*FREE, "extensions", "samples_every"}
    assert {k: v for k, v in ours.items() if k not in free} == {
        k: v for k, v in theirs.items() if k not in free
    }


def test_our_choice_is_what_the_best_shipped_model_used(
    finished_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    tiny_config: Callable[..., RunConfig],
) -> None:  # fmt: skip
    from core.promotion.promote import promote

    monkeypatch.setenv("ISOLINE_WEIGHTS", str(tmp_path))
    assert load_preset("best-isbi2012").weights == ""
    promote(finished_run, "isbi2012-tiny")
    preset = load_preset("best-isbi2012")
    assert preset.weights == "isbi2012-tiny"
    assert preset.config == tiny_config(data=None)
    assert load_preset("best-busi").weights == ""


def test_our_choice_is_no_last_step_of_a_fine_tuned_model(
    finished_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    tiny_config: Callable[..., RunConfig],
) -> None:  # fmt: skip
    from core.promotion.promote import promote
    from core.training.loop import train

    monkeypatch.setenv("ISOLINE_WEIGHTS", str(tmp_path))
    before = load_preset("best-isbi2012").config
    further = create_run(replace(tiny_config(epochs=1), start_from=finished_run.name), name="more")
    train(further)
    promote(further, "isbi2012-finer")
    preset = load_preset("best-isbi2012")
    assert (preset.weights, preset.config) == ("isbi2012-finer", before)
