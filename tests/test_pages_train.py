"""The page Train: what is filled in is what is queued, and what was trained can be steered."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.config import RunConfig
from core.data.importing import import_dataset
from core.runs import Run, create_run, jobs, list_runs, open_run
from dashboard.common.subprocesses import Subprocess
from dashboard.runs import samples as train_strip
from dashboard.runs import settings as train_settings
from tests.pages import press, run_page, texts


@pytest.fixture(autouse=True)
def _service(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is queued stays in the queue; only synthetic data is here."""
    del home
    monkeypatch.setenv("ISOLINE_WORKER", "service")
    monkeypatch.setenv("ISOLINE_REALDATA", "/nowhere")


@pytest.fixture
def ended(tiny_config: Callable[..., RunConfig]) -> Callable[..., Run]:
    """``ended("failed", reason=…)``: a run of one epoch that ended so."""

    def make(state: str, *, name: str = "before", **facts: Any) -> Run:
        run = create_run(tiny_config(epochs=4), name=name)
        keys = ("train_loss", "val_loss", "val_dice", "val_dice_at_half", "val_iou")
        row = {"epoch": 1, "seconds": 1.0, "learning_rate": 0.01, "images_per_second": 3.0}
        run.save_history([row | dict.fromkeys(keys, 0.5)])
        run.save_status(state, **facts)
        return run

    return make


def test_the_defaults_start_a_small_training() -> None:
    app = run_page("train")
    assert "Nothing has been trained yet" in texts(app)
    app.selectbox(key="train-dataset").set_value("phantoms_membranes").run()
    assert "weights · a step takes about" in texts(app)
    press(app, "Start training")
    (run,) = list_runs()
    config = run.config
    assert (config.dataset, config.epochs, config.tile) == ("phantoms_membranes", 20, 256)
    assert config.model_options == {"base_filters": 16}
    assert [job.run for job in jobs.list_jobs()] == [run.name]
    assert app.query_params["run"] == run.name
    press(app, "Stop")
    assert jobs.open_job(run.name).state == "cancelled"


def test_what_is_filled_in_is_what_is_trained() -> None:
    app = run_page("train")
    app.selectbox(key="train-model").set_value("unetpp").run()
    app.selectbox(key="train-optimizer").set_value("adamw")
    app.number_input(key="train-epochs").set_value(3)
    app.number_input(key="train-ema").set_value(0.99)
    app.text_area(key="train-others").set_value("augmentation.zoom=0.3\nnormalization=group")
    app.text_input(key="train-name").set_value("mine").run()
    press(app, "Start training")
    config = open_run("mine").config
    assert (config.model, config.optimizer, config.epochs, config.ema) == (
        *("unetpp", "adamw", 3),
        0.99,
    )
    assert config.augmentation.zoom == 0.3
    assert config.model_options == {"base_filters": 16, "normalization": "group"}


def test_networks_for_volumes_are_offered_where_there_are_volumes() -> None:
    app = run_page("train")
    app.selectbox(key="train-dataset").set_value("phantoms_nuclei").run()
    assert "unet3d" not in app.selectbox(key="train-model").options
    app.selectbox(key="train-dataset").set_value("phantoms_nodules").run()
    assert "train-slices" not in [field.key for field in app.number_input]
    app.selectbox(key="train-model").set_value("unet3d").run()
    assert not app.exception
    fields = {field.key: field.value for field in app.number_input}
    assert (fields["train-batch_size"], fields["train-tile"], fields["train-slices"]) == (
        2,
        128,
        32,
    )
    app.number_input(key="train-slices").set_value(16)
    app.text_input(key="train-name").set_value("deep").run()
    assert "weights · a step takes about" in texts(app)
    press(app, "Start training")
    config = open_run("deep").config
    assert (config.model, config.slices, config.batch_size) == ("unet3d", 16, 2)
    press(app, "Stop")


def test_a_link_brings_a_data_set_and_settings_once() -> None:
    asked = {
        "data": "phantoms_membranes",
        "set": "augmentation.margin=0.5;augmentation.flips=false",
    }
    app = run_page("train", **asked)
    assert not app.error
    assert app.selectbox(key="train-dataset").value == "phantoms_membranes"
    app.text_input(key="train-name").set_value("linked").run()
    press(app, "Start training")
    config = open_run("linked").config
    assert config.dataset == "phantoms_membranes"
    assert config.augmentation.margin == 0.5
    assert not config.augmentation.flips
    app.text_area(key="train-others").set_value("seed=3").run()
    assert app.text_area(key="train-others").value == "seed=3", "the address is not asked again"
    app.selectbox(key="train-dataset").set_value("phantoms").run()
    assert app.selectbox(key="train-dataset").value == "phantoms"


def test_a_link_to_a_data_set_that_is_not_here_says_so() -> None:
    app = run_page("train", data="nowhere")
    assert "there is no data set nowhere here" in app.toast[0].value
    assert not app.exception


def test_a_wrong_setting_is_one_sentence_and_what_trains_stays_in_view(
    ended: Callable[..., Run],
) -> None:
    ended("stopped", reason="by request")
    app = run_page("train")
    app.text_area(key="train-others").set_value("nonsense=1").run()
    assert "unknown setting 'nonsense'" in app.error[0].value
    assert "After 1 of 4 epochs: by request." in texts(app)
    assert not any(button.label == "Start training" for button in app.button)


def test_a_sweep_becomes_a_queue_under_one_name() -> None:
    app = run_page("train")
    app.multiselect(key="train-grid").set_value(["learning_rate", "seed"]).run()
    assert "give the values to try" in app.error[0].value
    app.text_input(key="train-values-learning_rate").set_value("0.01, 0.001").run()
    app.text_input(key="train-values-seed").set_value("0,1,2").run()
    app.text_input(key="train-name").set_value("rates").run()
    press(app, "Start 6 trainings")
    runs = [open_run(job.run) for job in jobs.list_jobs()]
    tried = [(run.config.learning_rate, run.config.seed) for run in runs]
    assert tried == [(rate, seed) for rate in (0.01, 0.001) for seed in (0, 1, 2)]
    assert {run.about.group for run in runs} == {"rates"}
    assert "**Queue** · 6 waiting, 0 under way" in texts(app)
    assert f"{runs[3].name} · :gray[waiting, number 4]" in texts(app)
    app.button(key=f"cancel-{jobs.list_jobs()[1].id}").click().run()
    assert [job.state for job in jobs.list_jobs()].count("cancelled") == 1
    assert "**Queue** · 5 waiting, 0 under way" in texts(app)


def test_a_paper_fills_the_fields_and_its_values_are_marked(sections: Path) -> None:
    import_dataset("isbi2012", sections, link=True)
    app = run_page("train")
    app.selectbox(key="train-start").set_value("preset/isbi-1").run()
    assert not app.exception
    assert app.number_input(key="train-base_filters").value == 64
    assert app.selectbox(key="train-loss").label == "Loss :gray[· paper]"
    assert app.number_input(key="train-epochs").label == "Epochs :gray[· our choice]"
    app.selectbox(key="train-loss").set_value("dice").run()
    assert app.selectbox(key="train-loss").label == "Loss :orange[· paper: bce]"
    app.number_input(key="train-base_filters").set_value(4).run()
    press(app, "Start training")
    assert "preset:isbi-1" in list_runs()[0].about.tags
    assert list_runs()[0].config.loss == "dice"


def test_a_copy_starts_from_the_settings_of_its_run(ended: Callable[..., Run]) -> None:
    ended("finished", best_epoch=1)
    app = run_page("train", **{"from": "before"})
    assert app.selectbox(key="train-start").value == "run/before"
    assert app.number_input(key="train-batch_size").value == 5
    app.number_input(key="train-epochs").set_value(2).run()
    press(app, "Start training")
    copy = next(run for run in list_runs() if run.name != "before")
    assert (copy.about.parent, copy.config.epochs, copy.config.batch_size) == ("before", 2, 5)
    assert copy.config.model_options == open_run("before").config.model_options


def test_a_run_that_stopped_goes_on_and_one_that_finished_trains_longer(
    ended: Callable[..., Run],
) -> None:
    run = ended("stopped", reason="stopped by request")
    app = run_page("train")
    press(app, "Resume")
    assert run.status["state"] == "queued"
    press(app, "Stop")
    app.number_input(key="longer-epochs-before").set_value(9).run()
    press(app, "Train on")
    assert run.config.epochs == 9
    assert run.config.extensions[0]["after"] == 1
    assert run.status["state"] == "queued"


@pytest.mark.parametrize(
    ("reason", "label", "changed"),
    [
        ("memory ran out", "Try again with batches in parts", {"allow_accumulation": True}),
        (
            "the loss is no longer a number; --set learning_rate=0.001",
            "Try again with a learning rate of 0.001",
            {"learning_rate": 0.001},
        ),
    ],
)
def test_a_failed_run_offers_the_change_that_its_reason_asks_for(
    ended: Callable[..., Run], reason: str, label: str, changed: dict[str, object]
) -> None:
    ended("failed", reason=reason)
    app = run_page("train")
    press(app, label)
    copy = next(run for run in list_runs() if run.name != "before")
    assert {key: getattr(copy.config, key) for key in changed} == changed
    assert jobs.open_job(copy.name).state == "queued"


def test_the_last_word_of_a_silent_run_is_told(ended: Callable[..., Run]) -> None:
    facts = {"epoch": 2, "step": 1, "steps": 4, "images_per_second": 2.0, "seconds_left": 9.0}
    run = ended("running", **facts)
    app = run_page("train")
    assert "Stop" in [button.label for button in app.button]
    status = run.status | {"updated": time.time() - 100}
    from core.system.files import write_json

    write_json(run.path / "status.json", status)
    app.run()
    assert any("last word 1 min 4" in bar.proto.text for bar in app.get("progress"))


def test_a_trial_says_what_the_training_will_take() -> None:
    app = run_page("train")
    app.selectbox(key="train-dataset").set_value("phantoms_membranes")
    app.number_input(key="train-base_filters").set_value(2).run()
    press(app, "Try two steps")
    assert "Two steps on trial" in texts(app)
    child: Subprocess = app.session_state["train-trial"]
    deadline = time.monotonic() + 100
    while not child.done() and time.monotonic() < deadline:
        time.sleep(0.2)
    app.run()
    assert "for 20 epochs**" in texts(app)
    app.number_input(key="train-epochs").set_value(40).run()
    assert ":gray[Before your last change" in texts(app), "an old answer is not shown as current"


def test_an_errand_is_stopped_whole() -> None:
    child = Subprocess.start("core", "jobs", "worker")
    assert not child.done()
    child.stop()
    assert child.done()
    assert child.process.poll() is not None
    assert child.fault == "stopped"
    wrong = Subprocess.start("core", "runs", "show", "nothing")
    wrong.process.wait(60)
    assert wrong.done()
    assert wrong.answer is None
    assert wrong.fault.startswith("no run named 'nothing'")


def test_pictures_show_probability_in_yellow_and_truth_in_blue(tmp_path: Path) -> None:
    said = np.zeros((40, 40), np.uint8)
    said[:, 20:] = 255
    truth = np.zeros((40, 40), np.uint8)
    truth[10:30, 5:15] = 255
    for name, pixels in (("image-1", said * 0), ("3-1", said), ("truth-1", truth)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    import io

    png = train_strip._image(str(tmp_path), 1, 3, 0)
    picture = np.asarray(Image.open(io.BytesIO(png)))
    assert picture[20, 30].tolist() == [156, 148, 43]  # 65 % of the yellow
    assert picture[10, 10].tolist() == [0x56, 0xB4, 0xE9]
    assert picture[20, 10].tolist() == [0, 0, 0]


def test_at_most_eight_pictures_and_always_the_first_and_the_last() -> None:
    assert train_strip.spread([1, 5, 10]) == [1, 5, 10]
    many = train_strip.spread([1, *range(5, 505, 5)])
    assert len(many) == train_strip.MOST
    assert (many[0], many[-1]) == (1, 500)


@pytest.mark.parametrize("name", train_settings.SETTINGS)
def test_every_setting_is_one_and_is_asked_for(name: str) -> None:
    asked = [*train_settings.FIRST, *(n for group in train_settings.GROUPS.values() for n in group)]
    assert asked.count(name) == 1
    config = RunConfig(dataset="phantoms")
    assert name == "base_filters" or hasattr(config, name)
    setting = train_settings.SETTINGS[name]
    value = train_settings.value_of(config, name)
    if setting.choices:
        assert value in setting.choices
    elif not isinstance(value, bool):
        assert setting.least <= value <= (setting.most or float("inf"))
