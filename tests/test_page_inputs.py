"""No parameter of a page ends in a traceback, and no link makes the server build a huge network."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import LARGEST, RunConfig, parse_setting
from core.errors import InputError
from core.networks import LARGEST_OPTION, MODELS, build_model
from dashboard.threshold.views import _linked
from tests.pages import run_page

VALUES = ["1e999", "nan", "-inf", "a\0b", "9" * 5000, "[" * 5000, "../../etc", "é\ud7ff", "%00", ""]
PARAMETERS = {
    "threshold": ("model", "threshold", "split", "rule", "metric", "averaging"),
    "compare": ("thresholds", "models", "images", "image", "metric", "by", "pair"),
    "train": ("run", "from", "data", "set"),
    "runs": ("runs", "run", "starred", "q", "columns", "smoothing"),
    "datasets": ("dataset", "number"),
    "papers": ("paper",),
    "predict": ("model",),
}


@pytest.fixture(autouse=True)
def _bare(home: object, monkeypatch: pytest.MonkeyPatch) -> None:
    del home
    monkeypatch.setenv("ISOLINE_REALDATA", "/nowhere")
    monkeypatch.setenv("ISOLINE_WORKER", "service")


@pytest.mark.parametrize("page", PARAMETERS)
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_no_value_of_a_parameter_ends_in_a_traceback(page: str, value: str) -> None:
    app = run_page(page, **dict.fromkeys(PARAMETERS[page], value))
    assert not app.exception
    assert all(len(error.value) < 2000 for error in app.error)


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
@pytest.mark.parametrize("key", ["seed", "epochs", "learning_rate", "base_filters", "model"])
def test_no_value_of_a_setting_ends_in_a_traceback(key: str, value: str) -> None:
    assert not run_page("train", set=f"{key}={value}").exception


@given(st.text())
def test_a_threshold_of_a_link_is_one_or_none(text: str) -> None:
    assert _linked(text) in {None, *range(1001)}


@pytest.mark.parametrize("text", ["1e999", "-1e999", "nan", "9" * 5000])
def test_a_threshold_beyond_all_numbers_is_none(text: str) -> None:
    assert _linked(text) is None


def test_a_number_of_thousands_of_digits_is_a_text() -> None:
    assert parse_setting(f"seed={'9' * 5000}") == ("seed", "9" * 5000)
    assert parse_setting(f"seed={'[' * 10**6}")[1] == "[" * 10**6


@pytest.mark.parametrize("name", LARGEST)
def test_a_run_beyond_every_machine_is_refused(name: str) -> None:
    asked: dict[str, Any] = {"batch_size": LARGEST["batch_size"], name: LARGEST[name]}
    assert json.dumps(RunConfig(dataset="phantoms", **asked).document())
    with pytest.raises(InputError, match=f"{name} can be at most"):
        RunConfig(dataset="phantoms", **{**asked, name: LARGEST[name] + 1})


@pytest.mark.parametrize(
    ("model", "option"),
    [(m, o) for m, card in MODELS.items() for o in card.options if o in LARGEST_OPTION],
)
def test_a_network_beyond_every_device_is_refused_before_it_is_built(
    model: str, option: str
) -> None:
    with pytest.raises(InputError, match=f"option {option} of {model} can be at most"):
        build_model(model, in_channels=1, classes=1, **{option: LARGEST_OPTION[option] + 1})


@pytest.mark.parametrize("setting", ["base_filters=1000000000", "members=5000", "depth=1000"])
def test_a_link_to_a_huge_network_is_answered_at_once(setting: str) -> None:
    run_page("train")  # whatever is loaded once
    started = time.monotonic()
    app = run_page("train", set=setting)
    assert not app.exception
    assert app.error
    assert time.monotonic() - started < 10
