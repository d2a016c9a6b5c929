"""Networks stay in memory up to a number of bytes, so that a comparison of many is loaded once."""

import pytest

from core.inference.classical import CLASSICAL
from core.models import TrainedModel, load_run
from core.runs import Run
from dashboard.common import cache
from dashboard.common.cache import models
from dashboard.common.cache.recent import ByteCache

MANY = 12


@pytest.fixture
def loads(finished_run: Run, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names in the order in which networks are read; each is the finished run's network."""
    names: list[str] = []

    def load(name: str) -> TrainedModel:
        names.append(name)
        return load_run(finished_run)

    monkeypatch.setattr(models, "load_weights", load)
    monkeypatch.setattr(models, "stamp_of", lambda _key: 1.0)
    return names


def held(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    fresh = ByteCache(limit)
    monkeypatch.setattr(models, "_networks", lambda: fresh)


def test_a_rerun_of_a_comparison_loads_no_network_again(
    loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    held(monkeypatch, models.NETWORK_BYTES)
    keys = [f"weights/n{number}" for number in range(MANY)]
    first = [cache.trained_model(key) for key in keys]
    again = [cache.trained_model(key) for key in keys]
    assert all(one is other for one, other in zip(first, again, strict=True))
    assert loads == [f"n{number}" for number in range(MANY)]


def test_classical_methods_stay_too() -> None:
    keys = [f"weights/{name}" for name in CLASSICAL]
    assert len(keys) > 3
    first = [cache.trained_model(key) for key in keys]
    assert all(cache.trained_model(key) is one for key, one in zip(keys, first, strict=True))


def test_the_one_used_longest_ago_goes_where_the_bytes_do_not_suffice(
    loads: list[str], finished_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    held(monkeypatch, 2 * load_run(finished_run).nbytes)
    for name in ("a", "b", "a", "c", "a", "b"):
        cache.trained_model(f"weights/{name}")
    assert loads == ["a", "b", "c", "b"]


def test_bytes_are_those_of_all_weights_and_statistics(finished_run: Run) -> None:
    trained = load_run(finished_run)
    state = trained.predictor.model.state_dict()
    assert trained.nbytes == sum(
        tensor.numel() * tensor.element_size() for tensor in state.values()
    )
    assert trained.nbytes > 0
    assert cache.trained_model("weights/classical/otsu").nbytes == 0
