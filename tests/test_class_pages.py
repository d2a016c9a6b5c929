"""The pages with one class of a network for several: its own map, truth, threshold and scores."""

from collections.abc import Iterator

import numpy as np
import pytest

from core.data import DATASETS
from core.errors import InputError
from core.evaluation.comparison import compare
from core.evaluation.of_model import assess_model, evaluate_model
from core.metrics.overlap import dice
from core.models import load_run
from core.runs import Run, create_run
from core.training.loop import train
from dashboard.common import cache
from dashboard.common.examples import open_example
from dashboard.common.validation_maps import open_split_maps
from dashboard.compare.data import evaluated
from dashboard.predict.image import with_its_truth
from tests.pages import run_page, texts
from tests.shapes import Shapes, config


@pytest.fixture(scope="module", autouse=True)
def run(_own_workspace: None) -> Iterator[Run]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, Shapes.info.name, Shapes)
        made = create_run(config(epochs=4), name="shapes")
        train(made)
        yield made


def test_every_class_is_offered_alone(run: Run) -> None:
    names = cache.model_names()
    offered = [key for key in names if key.startswith("run/")]
    assert offered == ["run/shapes", *(f"run/shapes:{one}" for one in Shapes.info.classes)]
    assert names["run/shapes:core"] == "shapes:core (run)"
    assert cache.split_key("run/shapes:core") == ("run", "shapes", "core")
    assert cache.split_key("weights/phantoms-unet") == ("weights", "phantoms-unet", "")
    point = cache.trained_model("run/shapes:core").operating_point
    assert run.operating_point is not None
    assert point.threshold == run.operating_point.classes["core"]["threshold"]
    assert cache.facts_of_model("run/shapes:core").marks == "core in drawn"
    digest = cache.facts_of_model("run/shapes").sha256
    assert cache.facts_of_model("run/shapes:core").sha256 == digest != ""


def test_a_part_has_the_truth_and_the_figures_of_its_class(run: Run) -> None:
    data, whole = Shapes.open(None), open_split_maps("run/shapes", "val")
    figures = evaluate_model(load_run(run), "val", data=None)["classes"]
    for place, name in enumerate(Shapes.info.classes, start=1):
        part = open_split_maps(f"run/shapes:{name}", "val")
        assert part.key != whole.key
        for sample, (_, truth) in zip(part.samples, part.maps(), strict=True):
            assert np.array_equal(truth, data.truth(sample) == place)
        k = round(figures[name]["threshold"] * 1000)
        counts = part.sweep.pooled()
        found = dice(counts.tp, counts.fp, counts.fn, counts.tn)[0, k]
        assert found == pytest.approx(figures[name]["pooled"]["dice"], abs=1e-12)


@pytest.mark.parametrize("page", ["threshold", "predict"])
def test_the_page_opens_with_a_class(page: str) -> None:
    app = run_page(page, model="run/shapes:core")
    assert not app.exception
    assert not app.error
    assert app.selectbox(key="model").value == "run/shapes:core"
    if page == "threshold":
        assert "for every class" in texts(app), "saving is for all of them"


def test_classes_are_compared_with_their_own_kind_alone() -> None:
    with pytest.raises(InputError, match=r"the truth of s\d+ differs; choose the same class"):
        evaluated(
            ("run/shapes:core", "run/shapes:bar"),
            f"{Shapes.info.name}/val",
            metric="dice",
            progress=lambda _place, _name: lambda _done, _total: None,
        )
    model = cache.trained_model("run/shapes:core")
    one = assess_model(model, "val", data=None).document
    assert compare([one, {**one, "model": "other"}])["models"][0]["model"] == "shapes:core"


def test_other_images_are_no_way_out_of_other_classes() -> None:
    app = run_page("compare", models=["shapes:core (run)", "shapes:bar (run)"])
    assert not app.exception
    assert "choose the same class" in texts(app)
    assert not [button for button in app.button if button.label.startswith("Compare on")]


def test_an_example_is_judged_by_the_class(run: Run) -> None:
    trained = load_run(run)
    core = trained.of_class("core")
    drawn = open_example("phantom/nuclei/0")
    assert with_its_truth(core, drawn) is drawn, "nothing is known of its classes"
    data = Shapes.open(None)
    labels = data.truth(data.samples[0])
    for model, expected in ((core, labels == 2), (trained, labels > 0)):
        truth = model.truth(labels, data.info)
        assert truth is not None
        assert np.array_equal(truth, expected)
    assert core.truth(labels, DATASETS["phantoms"].info) is None
