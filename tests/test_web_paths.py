"""A path that comes over the web stays below the import root, and a link opens none at all."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.config import RunConfig
from core.errors import InputError
from core.runs import create_run, list_runs
from core.training.initial_weights import beginning_with, source_of
from dashboard.common.sources import allowed_path, allowed_settings
from tests.pages import press, run_page, texts
from tests.test_importing import pictures


@pytest.fixture(autouse=True)
def _root(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del home
    (tmp_path / "root").mkdir()
    monkeypatch.setenv("ISOLINE_IMPORT_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("ISOLINE_REALDATA", "/nowhere")
    monkeypatch.setenv("ISOLINE_WORKER", "service")


def said(app: AppTest) -> str:
    """What the page says, toasts too."""
    assert not app.exception
    return texts(app) + "\n".join(toast.value for toast in app.toast)


@pytest.mark.parametrize("separator", [";", "\n", "\r", "\u2028"])
def test_a_link_neither_opens_a_path_nor_tells_whether_it_exists(
    tmp_path: Path, separator: str
) -> None:
    there, missing = pictures(tmp_path / "root" / "there", 1), tmp_path / "root" / "missing"
    outside = pictures(tmp_path / "outside", 1)
    answers = set()
    for path in (there, missing, outside):
        app = run_page("train", set=f"dataset=folder{separator}data={path}")
        answers.add(said(app).replace(str(path), "PATH"))
        assert str(path) not in (app.text_area(key="train-others").value or "")
        assert "A link cannot say where data lies" in said(app)
    assert len(answers) == 1


def test_a_typed_path_outside_the_import_root_is_refused(tmp_path: Path) -> None:
    outside = pictures(tmp_path / "outside", 1)
    app = run_page("train")
    app.text_area(key="train-others").set_value(f"dataset=folder\ndata={outside}").run()
    assert "can be imported from here" in said(app)
    assert not [button for button in app.button if button.label == "Start training"]


def test_a_path_to_try_in_a_sweep_is_refused_too(tmp_path: Path) -> None:
    outside = pictures(tmp_path / "outside", 1)
    app = run_page("train")
    app.multiselect(key="train-sweep").set_value(["data"]).run()
    app.text_input(key="train-values-data").set_value(str(outside)).run()
    assert "can be imported from here" in said(app)


def test_a_typed_path_below_the_import_root_is_trained_on(tmp_path: Path) -> None:
    inside = pictures(tmp_path / "root" / "mine", 1)
    app = run_page("train")
    app.text_area(key="train-others").set_value("dataset=folder\ndata=mine").run()
    press(app, "Start training")
    (run,) = list_runs()
    assert run.config.data == str(inside)


def test_the_path_of_a_run_from_the_command_line_stays_allowed(tmp_path: Path) -> None:
    elsewhere = str(tmp_path / "elsewhere")
    assert allowed_settings({"data": elsewhere}, known=elsewhere) == {"data": elsewhere}
    with pytest.raises(InputError, match="can be imported from here"):
        allowed_settings({"data": elsewhere}, known=None)


@pytest.mark.parametrize("text", ["a\0b", "x" * 5000, "~nobody-of-this-name/x", "../" * 3000])
def test_what_is_no_path_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(InputError):
        allowed_path(text)


@pytest.mark.parametrize("name", ["../../elsewhere", "a\0b", "9" * 5000, "{path}"])
def test_no_name_of_a_run_leads_out_of_the_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISOLINE_HOME", str(tmp_path / "elsewhere"))
    run = create_run(RunConfig(dataset="phantoms_nuclei"), name="theirs")
    monkeypatch.setenv("ISOLINE_HOME", str(tmp_path / "workspace"))
    asked = name.format(path=run.path)
    for ask in (source_of, lambda name: beginning_with(run.config, name)):
        with pytest.raises(InputError, match="nothing to start from"):
            ask(asked)
    assert "Nothing has been trained yet" in said(run_page("train", run=asked))
