"""Examples to open with: those of the model's own kind first, held-out ones where data is here."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.config import RunConfig
from core.data.importing import import_dataset, imported_path
from core.models import list_weights, weights_document
from core.runs import create_run
from core.training.loop import train
from dashboard.common.examples import KINDS, PHANTOMS, example_names, kind_of, open_example, short
from tests.pages import run_page
from tests.published import as_folder, encode, picture, square


def test_without_data_drawings_like_the_models_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOLINE_REALDATA", "/nowhere")
    for dataset, kind in KINDS.items():
        names = list(example_names(dataset, ["a"]))
        assert len(names) == 2 * len(PHANTOMS)
        assert names[:2] == [f"phantom/{kind}/0", f"phantom/{kind}/1"]
        assert open_example(names[0]).kind == kind
    assert kind_of("phantoms_lung") == "lung"
    assert kind_of("phantoms") == kind_of("brats2020") == ""


@pytest.mark.realdata
def test_held_out_images_come_first_where_the_data_is_here(realdata: Path) -> None:
    del realdata
    for name in list_weights():
        dataset = weights_document(name, "config")["dataset"]
        if dataset.startswith("phantoms"):
            continue
        held_out = weights_document(name, "split")["test"]
        names = list(example_names(dataset, held_out))
        real = [key for key in names if key.startswith(f"{dataset}/")]
        assert 4 <= len(real) <= 6
        assert names[: len(real)] == real
        assert {key.partition("/")[2] for key in real} <= set(held_out)
        picture = open_example(real[0])
        assert picture.truth is not None
        assert picture.kind == kind_of(dataset)


def test_a_picture_of_another_kind_is_said_to_be_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del home
    monkeypatch.setenv("ISOLINE_REALDATA", "/nowhere")
    app = run_page("predict", model="lung_ct-unet")
    assert not app.exception
    assert not app.warning
    app.selectbox(key="example-lung_ct").set_value("phantom/nuclei/0").run()
    assert "This is no image for lung_ct-unet" in app.warning[0].value


@pytest.mark.usefixtures("home")
def test_what_a_run_has_learnt_from_is_no_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a data set of one's own the first image is one that the run has not seen."""
    monkeypatch.setenv("ISOLINE_REALDATA", "/nowhere")
    training_set = {f"images/{n}.png": encode(picture(n, (64, 64))) for n in range(12)}
    training_set |= {f"masks/{n}.png": encode(square(n, (64, 64))) for n in range(12)}
    import_dataset("folder:mine", as_folder(tmp_path / "set", training_set))
    config = RunConfig(
        dataset="folder:mine",
        data=str(imported_path("folder:mine")),
        model_options={"base_filters": 2, "depth": 2},
        size=32,
        epochs=1,
    )
    for seed in (0, 1):
        run = create_run(replace(config, split_seed=seed), name=f"seed-{seed}")
        train(run)
        app = run_page("predict", model=f"{run.name} (run)")
        assert not app.exception
        box = app.selectbox(key="example-folder:mine")
        assert box.options[: len(run.split.test)] == [f"{n}, held out" for n in run.split.test]
        assert str(box.value).removeprefix("folder:mine/") in run.split.test


@pytest.mark.realdata
def test_a_run_of_another_split_keeps_to_its_own_held_out_images(realdata: Path) -> None:
    del realdata
    held_out = weights_document("dsb2018-unet", "split")
    mixed = [*held_out["train"][:50], *held_out["test"][:10]]
    names = [key.partition("/")[2] for key in example_names("dsb2018", mixed)]
    shown = [name for name in names if "/" not in name]
    assert 4 <= len(shown) <= 6
    assert set(shown) <= set(held_out["test"][:10]), "those whose scores are known"
    others = held_out["train"][:50]
    shown = [key.partition("/")[2] for key in example_names("dsb2018", others)][:4]
    assert set(shown) <= set(others)


def test_long_ids_fit_the_picker_and_stay_apart() -> None:
    ids = [f"Brats18_TCIA05_396_1-z{n:03d}" for n in (95, 98, 105)]
    shown = [short(one) for one in ids]
    assert shown == ["Brats18…6_1-z095", "Brats18…6_1-z098", "Brats18…6_1-z105"]
    assert short("nodules-006-z014") == "nodules-006-z014"
