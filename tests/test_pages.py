"""Every page runs without a fault, with and without models and runs, and says what it must."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.config import RunConfig
from core.data.importing import import_dataset
from core.runs import create_run
from core.training.loop import train
from dashboard.menu import PAGES
from tests.pages import run_page

RESEARCH_ONLY = "Research use only. Not a medical device."


def tiny_run(name: str = "tiny", **settings: object) -> str:
    config = RunConfig(
        dataset="phantoms_membranes",
        model_options={"base_filters": 2, "depth": 2},
        tile=64,
        epochs=1,
    )
    train(create_run(config.with_settings(settings, {}), name=name))
    return name


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("name", PAGES)
def test_every_page_runs_and_carries_the_research_line(name: str) -> None:
    app = run_page(name)
    assert not app.exception
    assert any(RESEARCH_ONLY in caption.value for caption in app.caption)


@pytest.mark.usefixtures("home")
def test_a_finished_run_is_on_every_page() -> None:
    tiny_run()
    assert "tiny (run)" in run_page("predict").selectbox(key="model").options
    runs = run_page("runs")
    assert runs.dataframe[0].value["Run"].tolist() == ["tiny"]
    assert "#### tiny" in [markdown.value for markdown in runs.markdown]
    assert any("pooled Dice" in success.value for success in runs.success)


@pytest.mark.usefixtures("home")
def test_without_any_trained_model_a_classical_one_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISOLINE_WEIGHTS", str(tmp_path))
    app = run_page("predict")
    assert not app.exception
    assert app.selectbox(key="model").options[0].startswith("classical/otsu")
    assert any("Model classical/otsu" in caption.value for caption in app.caption)


@pytest.mark.usefixtures("home")
def test_a_damaged_shipped_model_is_one_clear_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.promotion.promote import promote
    from core.runs import open_run

    monkeypatch.setenv("ISOLINE_WEIGHTS", str(tmp_path / "weights"))
    folder = promote(open_run(tiny_run()), "shipped")
    file = folder / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    app = run_page("predict")
    assert not app.exception
    assert "SHA-256 differs" in app.error[0].value


def look(app: AppTest, name: str) -> AppTest:
    app.button_group(key="look").set_value(name).run()
    assert not app.exception
    return app


@pytest.mark.usefixtures("home")
def test_the_page_datasets_checks_splits_and_previews(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOLINE_REALDATA", "/nowhere")
    app = run_page("datasets")
    assert "128 of 128 images; the truth is outlined where it is known." in [
        c.value for c in app.caption
    ]
    look(app, "Check")
    app.button[0].click().run()
    assert not app.exception
    assert app.success or app.expander
    look(app, "Balance")
    look(app, "Augmentation")
    look(app, "Split")
    assert "Nothing leaks" in app.success[0].value
    counts = app.dataframe[0].value
    assert counts.to_numpy().sum() == 128
    look(app, "Import")
    app.text_input[0].set_value("/etc/passwd").run()
    app.button[0].click().run()
    assert "only what lies under" in app.error[0].value


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("folds", [0, 3])
def test_a_split_that_the_data_set_fixes_offers_nothing_to_turn(sections: Path, folds: int) -> None:
    """Sliders that changed nothing stood beside a split that was fixed."""
    import_dataset("isbi2012", sections)
    app = run_page("datasets", dataset="ISBI 2012 EM segmentation challenge")
    assert any("**17 images**, 15 with truth" in text.value for text in app.markdown)
    app = look(app, "Split")
    app.select_slider[0].set_value(folds).run()
    assert not app.exception
    assert all(slider.disabled for slider in app.slider)
    seed = next(box for box in app.number_input if box.label == "Seed")
    assert seed.disabled == (not folds)
    said = any("comes with its parts" in caption.value for caption in app.caption)
    assert said == (not folds)


@pytest.mark.usefixtures("home")
def test_an_augmentation_that_was_looked_at_is_trained_with() -> None:
    app = look(run_page("datasets"), "Augmentation")
    name = app.selectbox(key="dataset").value
    turned = not app.toggle(key="upside-down").value
    app.slider(key=f"{name}-margin").set_value(0.5)
    app.toggle(key="upside-down").set_value(turned).run()
    app = next(b for b in app.button if b.label == "Train with these").click().run()
    assert not app.exception
    assert app.selectbox(key="train-dataset").value == name
    others = app.text_area(key="train-others").value
    words = "true" if turned else "false"
    assert others == f"augmentation.margin=0.5\naugmentation.upside_down={words}"


def importing(sections: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page with a path of the server filled in."""
    monkeypatch.setenv("ISOLINE_REALDATA", "/nowhere")
    monkeypatch.setenv("ISOLINE_IMPORT_ROOT", str(sections.parent))
    app = look(run_page("datasets"), "Import")
    return app.text_input[0].set_value(sections.name).run()


@pytest.mark.usefixtures("home")
def test_a_data_set_on_the_server_is_imported_from_the_page(
    sections: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = importing(sections, monkeypatch)
    app.button[0].click().run()
    assert not app.exception
    assert "17 images imported" in app.success[0].value


@pytest.mark.usefixtures("home")
def test_an_import_gets_a_name_of_its_own_and_goes_again(
    sections: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = importing(sections, monkeypatch)
    app.text_input[1].set_value("second lab").run()
    app.button[0].click().run()
    assert "'second lab' cannot name a data set" in app.error[0].value
    app.text_input[1].set_value("second-lab").run()
    app.button[0].click().run()
    assert not app.exception
    assert "second-lab: 17 images imported" in app.success[0].value
    picker = next(box for box in app.selectbox if box.label == "Data set")
    assert picker.options[0] == "second-lab"
    remove = next(button for button in app.button if button.label == "Remove it")
    remove.click().run()
    assert "isbi2012:second-lab was removed" in app.success[0].value
    assert "second-lab" not in next(b for b in app.selectbox if b.label == "Data set").options


@pytest.mark.usefixtures("home")
def test_a_model_that_was_replaced_is_looked_through_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    from core.promotion.promote import promote
    from core.runs import open_run
    from dashboard.common import cache
    from dashboard.common.examples import Example

    monkeypatch.setenv("ISOLINE_WEIGHTS", str(tmp_path / "weights"))
    picture = Example("noise", np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8))
    promote(open_run(tiny_run("first")), "model")
    before = cache.level_map("weights/model", picture)
    assert cache.level_map("weights/model", picture) is before, "the network runs once"
    promote(open_run(tiny_run("second", learning_rate=0.01)), "model")
    assert not np.array_equal(cache.level_map("weights/model", picture), before)


def test_a_file_that_states_something_else_is_shown_anew() -> None:
    """Spacing or orientation was mended, pixels and name stayed."""
    import numpy as np

    from core.imaging import Image, SourceFile, Volume, read_any, survey
    from dashboard.common import cache
    from dashboard.common.uploads import example_of
    from dashboard.components.viewer.scene import split
    from tests.uploads import ct, ct_series

    model = "weights/classical/otsu"
    stated = []
    for elements in ({}, {"PixelSpacing": [0.7, 0.7]}, {"orientation": (-1, 0, 0, 0, 1, 0)}):
        image = read_any(ct(**elements), name="scan.dcm")
        assert isinstance(image, Image)
        picture = example_of(image, "scan.dcm")
        header, _ = split(cache.packed_scene(model, picture, cache.level_map(model, picture)))
        stated.append((header["spacing_mm"], header["sides"]))
    assert stated == [([0.5, 0.5], "RLAP"), ([0.7, 0.7], "RLAP"), ([0.5, 0.5], "LRAP")]

    volumes = []
    for spacing in (2.0, 3.0):
        series = [
            SourceFile(name=f"{n}.dcm", data=one)
            for n, one in enumerate(ct_series(spacing=spacing))
        ]
        volume = survey(series).items[0].read()
        assert isinstance(volume, Volume)
        levels = np.zeros(volume.slices().shape, np.uint16)
        header, _ = split(cache.packed_volume(model, "the same", volume, levels))
        volumes.append(header["voxel_mm3"])
    assert volumes == pytest.approx([0.5, 0.75])
