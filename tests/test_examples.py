"""Examples to open with: those of the model's own kind first, held-out ones where data is here."""

from pathlib import Path

import pytest

from core.weights import list_weights, weights_document
from dashboard.examples import KINDS, PHANTOMS, example_names, kind_of, open_example
from tests.pages import run_page


def test_without_data_drawings_like_the_models_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOLINE_REALDATA", "/nowhere")
    for dataset, kind in KINDS.items():
        names = list(example_names(dataset))
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
        names = list(example_names(dataset))
        held_out = weights_document(name, "split")["test"]
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
    assert "This is no picture for lung_ct-unet" in app.warning[0].value
