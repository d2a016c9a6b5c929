"""What a run is: it survives JSON, and every wrong value is refused with a way out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import (
    MONITORS,
    OPTIMIZERS,
    PRECISIONS,
    AugmentationConfig,
    RunConfig,
    parse_setting,
)
from core.errors import InputError

OPTIONS = {"base_filters": 64, "depth": 4, "normalization": "batch"}


@given(
    st.builds(
        RunConfig,
        dataset=st.sampled_from(["phantoms", "isbi2012"]),
        data=st.none() | st.text(),
        size=st.none() | st.integers(16, 512),
        optimizer=st.sampled_from(sorted(OPTIMIZERS)),
        precision=st.sampled_from(sorted(PRECISIONS)),
        monitor=st.sampled_from(sorted(MONITORS)),
        learning_rate=st.floats(1e-6, 1),
        epochs=st.integers(1, 1000),
        augment=st.booleans(),
        model_options=st.dictionaries(st.text(), st.integers() | st.booleans()),
        augmentation=st.builds(AugmentationConfig, flips=st.booleans(), zoom=st.floats(0, 0.9)),
    )
)
def test_a_config_survives_json(config: RunConfig) -> None:
    assert RunConfig.of_document(json.loads(json.dumps(config.document()))) == config


def test_a_config_of_an_older_version_takes_the_defaults() -> None:
    assert RunConfig.of_document({"dataset": "phantoms"}) == RunConfig(dataset="phantoms")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"optimizer": "lion"}, "unknown optimizer 'lion'; choose one of adam, adamw, sgd"),
        ({"precision": "fp8"}, "unknown precision 'fp8'; choose one of auto, bf16, fp16, fp32"),
        ({"monitor": "auc"}, "unknown monitor 'auc'; choose one of dice, iou, dice_at_half, soft_"),
        ({"schedule": "step"}, "unknown schedule 'step'; choose one of constant, cosine, poly, "),
        ({"target": "organs"}, "unknown target 'organs'; choose one of foreground, classes, regi"),
        ({"accumulate": 0}, "accumulate must be at least 1, found 0"),
        ({"accumulate": 9}, "accumulate cuts a batch into parts: at most batch_size (8), found 9"),
        ({"keep_best": 0}, "keep_best must be at least 1, found 0"),
        ({"clip_norm": -1}, "clip_norm cannot be negative, found -1"),
        ({"samples_every": -1}, "samples_every cannot be negative, found -1"),
        ({"warmup_epochs": -1}, "warmup_epochs cannot be negative, found -1"),
        ({"warmup_epochs": 5, "epochs": 5}, "warmup_epochs of 5 leave none of 5 epochs"),
        ({"warmup_epochs": 1, "schedule": "one_cycle"}, "one_cycle warms up by itself"),
        ({"oversample": 1.1}, "oversample is a share from 0 to 1, found 1.1"),
        ({"ema": 1}, "ema must be from 0 to below 1, found 1"),
        ({"plateau_factor": 1}, "plateau takes a factor between 0 and 1"),
        ({"plateau_patience": 0}, "plateau takes a factor between 0 and 1 and a patience"),
        ({"extensions": {}}, "extensions takes a list"),
        ({"batch_size": 0}, "batch_size must be at least 1, found 0"),
        ({"epochs": 0}, "epochs must be at least 1, found 0"),
        ({"crops_per_image": -1}, "crops_per_image must be at least 1, found -1"),
        ({"size": 15}, "size must be at least 16, found 15"),
        ({"tile": 8}, "tile must be at least 16, found 8"),
        ({"learning_rate": 0}, "learning_rate must be above 0"),
        ({"learning_rate": -1e-3}, "learning_rate must be above 0"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"learning_rate": float("inf")}, "learning_rate"),
        ({"momentum": -0.1}, "momentum"),
        ({"momentum": float("nan")}, "momentum"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"patience": -1}, "patience, seeds and folds cannot be negative"),
        ({"seed": -1}, "patience, seeds and folds cannot be negative"),
        ({"epochs": "ten"}, "epochs takes a whole number, found 'ten'"),
        ({"epochs": 2.5}, "epochs takes a whole number, found 2.5"),
        ({"epochs": True}, "epochs takes a whole number, found True"),
        ({"augment": 1}, "augment takes true or false, found 1"),
        ({"learning_rate": "fast"}, "learning_rate takes a number, found 'fast'"),
        ({"size": "256"}, "size takes a whole number or nothing, found '256'"),
        ({"dataset": None}, "dataset takes text, found None"),
        ({"model_options": [1]}, "model_options takes a table"),
        ({"augmentation": 3}, "augmentation takes a AugmentationConfig, found 3"),
        ({"augmentation": {"rotate": 3}}, "unknown augmentation setting 'rotate'; choose one of"),
        ({"augmentation": {"zoom": 1.0}}, "zoom from 0 to below 1"),
        ({"augmentation": {"zoom": float("nan")}}, "zoom"),
        ({"augmentation": {"shift": 1.5}}, "shift from 0 to 1"),
        ({"augmentation": {"rotation_degrees": -1}}, "cannot be negative"),
        ({"augmentation": {"elastic_px": -1}}, "cannot be negative"),
        ({"augmentation": {"elastic_px": float("nan")}}, "elastic_px"),
        ({"augmentation": {"contrast": -1}}, "cannot be negative"),
        ({"augmentation": {"brightness": -1}}, "cannot be negative"),
        ({"augmentation": {"elastic_spacing_px": 7}}, "elastic_spacing_px must be at least 8"),
        ({"augmentation": {"flips": "yes"}}, "flips takes true or false, found 'yes'"),
        ({"learning-rate": 0.1}, "unknown setting 'learning-rate'; choose one of dataset, data, "),
    ],
)
def test_a_bad_value_is_refused_with_a_way_out(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as refused:
        RunConfig.of_document({"dataset": "phantoms", **values})
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_run_without_a_data_set_is_refused() -> None:
    with pytest.raises(InputError, match="needs a data set; name one with --dataset"):
        RunConfig.of_document({"epochs": 3})


def test_whole_numbers_stand_for_floats() -> None:
    config = RunConfig(dataset="phantoms", learning_rate=1)
    assert type(config.learning_rate) is float


def test_settings_reach_the_run_the_augmentation_and_the_network() -> None:
    before = RunConfig(dataset="phantoms")
    after = before.with_settings(
        {"epochs": 3, "augmentation.zoom": 0.5, "base_filters": 8, "size": 64}, OPTIONS
    )
    assert (after.epochs, after.augmentation.zoom, after.size) == (3, 0.5, 64)
    assert after.model_options == {"base_filters": 8}
    assert before == RunConfig(dataset="phantoms"), "the original is left alone"


@pytest.mark.parametrize("key", ["epoch", "zoom", "augmentation", "augmentation.", "model_options"])
def test_an_unknown_setting_is_refused_with_all_choices(key: str) -> None:
    with pytest.raises(InputError) as refused:
        RunConfig(dataset="phantoms").with_settings({key: 1}, OPTIONS)
    message = str(refused.value)
    assert message.startswith(f"unknown setting '{key}'; choose one of ")
    for choice in ("base_filters", "augmentation.zoom", "learning_rate"):
        assert choice in message


def test_a_bad_value_given_as_a_setting_is_refused() -> None:
    with pytest.raises(InputError, match="zoom from 0 to below 1"):
        RunConfig(dataset="phantoms").with_settings({"augmentation.zoom": 2}, OPTIONS)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("epochs=3", ("epochs", 3)),
        ("learning_rate=1e-3", ("learning_rate", 0.001)),
        ("loss=bce_dice", ("loss", "bce_dice")),
        ("augment=false", ("augment", False)),
        ("augment=True", ("augment", True)),
        ("size=None", ("size", None)),
        ("size=null", ("size", None)),
        ("data=a=b", ("data", "a=b")),
        ("data=", ("data", "")),
        (" epochs =3", ("epochs", 3)),
        ('data="12"', ("data", "12")),
    ],
)
def test_a_setting_is_read_as_json_or_as_text(text: str, parsed: tuple[str, object]) -> None:
    key, value = parse_setting(text)
    assert (key, value) == parsed
    assert type(value) is type(parsed[1])


@pytest.mark.parametrize("text", ["epochs", "", "=3"])
def test_a_setting_without_a_key_or_a_value_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=f"--set takes key=value, found '{text}'"):
        parse_setting(text)
