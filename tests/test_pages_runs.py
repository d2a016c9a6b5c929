"""The page Runs: found, compared, described, deleted and taken back; a link reopens the view."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.config import RunConfig
from core.runs import create_run, list_runs, open_run
from core.runs.trash import list_trash
from dashboard.runs import comparison as run_comparison
from dashboard.runs import table as run_list
from tests.pages import press, run_page, texts

CONFIG = RunConfig(dataset="phantoms", model_options={"base_filters": 4}, epochs=3)


@pytest.fixture(autouse=True)
def _three(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs ``a``, ``b`` and ``c`` that differ in learning rate and base filters."""
    del home
    monkeypatch.setenv("ISOLINE_WORKER", "service")
    monkeypatch.setenv("ISOLINE_REALDATA", "/nowhere")
    configs = {
        "a": CONFIG,
        "b": replace(CONFIG, learning_rate=0.01),
        "c": replace(CONFIG, model_options={"base_filters": 8}),
    }
    keys = ("train_loss", "val_loss", "val_dice", "val_dice_at_half", "val_iou")
    shared = {"seconds": 1.0, "learning_rate": 0.01, "images_per_second": 3.0}
    for name, config in configs.items():
        run = create_run(config, name=name)
        run.save_history([{"epoch": n, **shared, **dict.fromkeys(keys, n / 4)} for n in (1, 2, 3)])
        run.save_status("stopped", reason="by request")


def open_runs(**parameters: str) -> AppTest:
    app = run_page("runs", **parameters)
    assert not app.exception
    return app


def names(app: AppTest) -> set[str]:
    return set(app.dataframe[0].value["Run"])


def test_the_address_says_which_runs_are_compared() -> None:
    app = open_runs(runs="a,b,gone")
    assert len(app.get("plotly_chart")) == 1
    table = app.dataframe[1].value
    assert table.index.tolist() == ["Learning rate"]
    assert table.columns.tolist() == ["a", "b"]
    app = open_runs(runs="b")
    assert "#### b" in texts(app)
    assert any("learning_rate=0.01" in code.value for code in app.code)
    app = open_runs(runs="")
    assert "Nothing is chosen" in texts(app)


def test_the_newest_run_is_shown_at_first() -> None:
    assert any(f"#### {name}" in texts(open_runs()) for name in "abc")


def test_what_departs_from_most_is_marked() -> None:
    table = run_comparison.different(["a", "b", "c"])
    assert list(table.loc["Learning rate"]) == ["0.001", "0.01 ●", "0.001"]
    assert list(table.loc["Base filters"]) == ["4", "4", "8 ●"]
    assert run_comparison.different(["a"]).empty


def test_filters_find_runs_and_stand_in_the_address() -> None:
    open_run("b").say_about(tags=("dear",), note="the second one", starred=True)
    app = open_runs()
    assert names(app) == {"a", "b", "c"}
    app.text_input(key="q").set_value("second").run()
    assert names(app) == {"b"}
    assert names(open_runs(q="second")) == {"b"}
    assert names(open_runs(tag="dear")) == {"b"}
    assert names(open_runs(starred="true")) == {"b"}
    assert "No run is like that" in texts(open_runs(q="nothing like it"))


def test_any_setting_can_be_a_column() -> None:
    app = open_runs()
    app.multiselect(key="columns").set_value(["name", "learning_rate", "base_filters"]).run()
    frame = app.dataframe[0].value.set_index("Run")
    assert frame["Learning rate"].to_dict() == {"a": 0.001, "b": 0.01, "c": 0.001}
    assert frame["Base filters"].to_dict() == {"a": 4, "b": 4, "c": 8}


def test_runs_are_deleted_and_taken_back() -> None:
    app = open_runs(runs="a,c")
    press(app, "Delete")
    assert names(app) == {"b"}
    assert "2 runs deleted" in texts(app)
    press(app, "Undo")
    assert names(app) == {"a", "b", "c"}
    assert list_trash() == []
    assert "deleted" not in texts(app)
    press(open_runs(runs="a"), "Delete")
    app = open_runs()
    app.multiselect(key="runs-trash").set_value(["a"]).run()
    press(app, "Bring back")
    assert names(app) == {"a", "b", "c"}


def test_a_run_that_trains_is_not_deleted() -> None:
    open_run("a").save_status("running")
    app = open_runs(runs="a,b")
    press(app, "Delete")
    assert {run.name for run in list_runs()} == {"a", "c"}


def test_star_tag_and_note_are_kept() -> None:
    app = open_runs(runs="a,b")
    app.button(key="runs-star").click().run()
    assert [open_run(name).about.starred for name in "abc"] == [True, True, False]
    app.text_input(key="runs-tag").set_value("good").run()
    app.button(key="runs-tag-add").click().run()
    assert open_run("b").about.tags == ("good",)
    app = open_runs(runs="b")
    app.text_input(key="note-b").set_value("as it should be").run()
    app.multiselect(key="tags-b").set_value(["good", "better"]).run()
    app.toggle(key="star-b").set_value(False).run()
    about = open_run("b").about
    assert (about.note, about.tags, about.starred) == ("as it should be", ("good", "better"), False)


def test_a_damaged_run_spoils_its_row_alone() -> None:
    (open_run("b").path / "config.json").write_text("{")
    app = open_runs(runs="a,c")
    assert names(app) == {"a", "b", "c"}
    assert not app.error
    assert "not valid JSON" in open_runs(runs="b").error[0].value


def test_curves_come_as_csv() -> None:
    rows = {name: open_run(name).history for name in ("a", "b")}
    lines = run_comparison.curves_csv(rows).decode().splitlines()
    assert len(lines) == 1 + 2 * 3
    assert lines[0].startswith("run,epoch,")


def test_options_of_network_loss_and_augmentation_are_settings_too() -> None:
    settings = run_list.settings_of("c")
    assert settings["base_filters"] == 8
    assert "augmentation.zoom" in settings
    assert run_list.settings_of("gone") == {}


def test_a_finished_run_is_promoted(
    tiny_config: Callable[..., RunConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.models import list_weights
    from core.training.loop import train

    monkeypatch.setenv("ISOLINE_WEIGHTS", str(tmp_path / "weights"))
    train(create_run(tiny_config(), name="done"))
    app = open_runs(runs="done")
    app.text_input(key="name-promotion-done").set_value("shipped").run()
    app.button(key="do-promotion-done").click().run()
    child = app.session_state["promotion-done"]
    child.process.wait(120)
    app.run()
    assert "shipped: pooled Dice on its test split" in app.success[0].value
    assert "shipped" in list_weights()
