"""The page Compare: the command line's numbers, refusals that lead on, charts, colours, links."""

import copy
import json
import re
import shlex
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.__main__ import main
from core.config import RunConfig
from core.errors import InputError
from core.metrics.overlap import METRICS
from core.runs import Run, create_run
from core.training.loop import train
from dashboard.common import cache
from dashboard.common.colours import COLOURS, SYMBOLS, Style, style_at, styles
from dashboard.compare import charts as charts_compare
from dashboard.compare import robustness as compare_robustness
from dashboard.compare import robustness_chart as charts_robustness
from dashboard.compare import views as compare_views
from dashboard.compare.choices import default_images, in_order, owner_of, trained_on
from dashboard.compare.data import Compared, command, evaluated
from dashboard.compare.export import report_html
from dashboard.compare.sides import from_address, to_address
from dashboard.components.compare_viewer import Side, chosen, pack_sides
from dashboard.components.viewer import Scene, pack, unpack
from dashboard.components.viewer.scene import split

ROOT = Path(__file__).resolve().parents[1]
SHOWN = "3f"
OTSU, ADAPTIVE = "weights/classical/otsu", "weights/classical/adaptive"


def quiet(_place: int, _name: str) -> Callable[[int, int], None]:
    return lambda _done, _total: None


@pytest.fixture
def three(finished_run: Run) -> Compared:
    """A run and two methods without training, on the run's test split."""
    keys = in_order([OTSU, ADAPTIVE, f"run/{finished_run.name}"])
    return evaluated(keys, "isbi2012/test", metric="dice", progress=quiet)


@pytest.mark.parametrize("figure", ["dice", "mcc"])
def test_figures_are_those_of_the_command_line_digit_for_digit(
    finished_run: Run,
    figure: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    keys = in_order([OTSU, f"run/{finished_run.name}"])
    found = evaluated(keys, "isbi2012/test", metric=figure, progress=quiet)
    words = command(found).split()
    assert words[:4] == ["python", "-m", "core", "compare"]
    monkeypatch.setattr(sys, "argv", ["core", *(word.strip("'") for word in words[3:])])
    assert main() == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(found.comparison))


def page(**address: str | list[str]) -> AppTest:
    app = AppTest.from_file(str(ROOT / "pages" / "compare.py"), default_timeout=120)
    for name, value in address.items():
        app.query_params[name] = value
    return app.run()


def test_the_page_shows_the_comparison_and_its_convention(three: Compared) -> None:
    app = page(models=["finished (run)", "classical/otsu", "classical/adaptive"])
    assert not app.exception
    assert not app.error
    table = app.dataframe[0].value.set_index("Model")
    for row in three.comparison["models"]:
        low, high = row["ci95"]
        assert table.loc[row["model"], "Mean Dice"] == f"{row['mean']:.3f} ({low:.3f}–{high:.3f})"
    assert three.comparison["label"] in [caption.value for caption in app.caption]
    best = max(three.comparison["models"], key=lambda row: row["mean"])
    assert any(f"**{best['model']}** has the highest" in text.value for text in app.markdown)
    assert any("Research use only" in caption.value for caption in app.caption)


def test_the_verdict_counts_the_images_that_its_means_are_over(
    three: Compared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image on which the metric is 0/0 enters no mean, so it is not among its images either."""
    said: list[str] = []
    monkeypatch.setattr("streamlit.markdown", lambda words, **_: said.append(words))
    n = three.comparison["n_images"]
    compare_views.verdict(three)
    assert f"on {n} images. Against" in said[-1]
    found = replace(three, comparison=copy.deepcopy(three.comparison))
    for row in found.comparison["models"]:
        row["n"] = n - 1 if row["model"] == "finished" else n
    for pair in found.comparison["pairs"]:
        pair["n"] = n - 1
    compare_views.verdict(found)
    best = max(found.comparison["models"], key=lambda row: row["mean"])
    assert f"{n - 1} of {n} images (undefined on the others)" in said[-1]
    assert (best["n"] == n) == (f"on {n} images. Against" in said[-1])


@pytest.mark.parametrize("look", ["Scores", "Tests", "Subgroups", "Calibration", "Speed and size"])
@pytest.mark.usefixtures("finished_run")
def test_a_link_opens_every_look(look: str) -> None:
    app = page(models=["finished (run)", "classical/otsu"], show=look, metric="IoU")
    assert not app.exception
    assert app.selectbox(key="metric").value == "iou"
    assert app.session_state["show"] == look
    assert not app.error


def test_what_is_left_when_images_differ_is_that_of_the_command_line(
    finished_run: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(compare_robustness, "DEFAULT_IMAGES", 3)
    models = ["finished (run)", "classical/otsu"]
    app = page(models=models, show="When images differ", metric="IoU")
    assert not app.exception
    assert len(app.dataframe) == 1, "nothing is measured unasked"
    next(button for button in app.button if button.label.startswith("Measure on 3")).click().run()
    assert not app.exception
    assert not app.error
    table = app.dataframe[1].value.set_index("The images")
    assert list(table.columns) == ["finished", "classical/otsu"]
    lines = next(code.value for code in app.code if "robustness" in code.value).splitlines()
    assert len(lines) == 1, "what was not trained has no split of its own"
    assert f"--run {finished_run.name} " in lines[0]
    monkeypatch.setattr(sys, "argv", ["core", *shlex.split(lines[0])[3:], "--json"])
    assert main() == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["n_images"], said["metric"]) == (3, "iou")
    assert table.loc["As they are", "finished"] == f"{said['as_is']['pooled']:.3f}"
    assert len(table) == 1 + len(said["perturbations"])
    for row in said["perturbations"]:
        assert table.loc[row["title"], "finished"].startswith(f"{row['pooled']:.3f} (")
    worst = min(said["perturbations"], key=lambda row: float(row["pooled"]))
    assert app.selectbox(key="perturbation").value == worst["perturbation"]
    app.selectbox(key="perturbation").set_value("turned").run()
    assert not app.exception

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("counted anew")

    monkeypatch.setattr(compare_robustness, "count_perturbed", refuse)
    app.session_state["compare-stopped"] = True
    app.run()
    assert "Stopped" in app.info[0].value
    next(button for button in app.button if button.label.startswith("Measure on 3")).click().run()
    app.selectbox(key="metric").set_value("dice").run()
    assert not app.exception, "another metric needs no network"
    assert app.dataframe[1].value["finished"][0] != table.loc["As they are", "finished"]


def test_one_model_is_no_comparison_and_says_what_to_do() -> None:
    app = page(models=["classical/otsu"])
    assert not app.exception
    assert "choose another one" in app.error[0].value
    assert [button.label for button in app.button] == ["Take the shipped example"]


def test_methods_alone_have_no_test_split_and_the_page_leads_on(sections: Path) -> None:
    del sections
    app = page(
        models=["classical/otsu", "classical/adaptive"], images="Phantoms, all kinds, test split"
    )
    assert not app.exception
    assert "has no test split" in app.error[0].value
    offer = next(button for button in app.button if "nuclei" in button.label)
    offer.click().run()
    assert not app.exception
    assert not app.error
    assert app.dataframe[0].value["n"].tolist() == [32, 32]


def test_a_chart_has_a_row_for_each_way_and_leaves_out_what_is_undefined() -> None:
    def row(pooled: float | None) -> dict[str, Any]:
        band = None if pooled is None else [pooled - 0.1, pooled + 0.1]
        return {"pooled": pooled, "pooled_ci95": band}

    documents: list[dict[str, Any]] = [
        {
            "model": name,
            "as_is": row(first),
            "perturbations": [{"title": "Noise", **row(0.5)}, {"title": "Blur", **row(second)}],
        }
        for name, first, second in (("a", 0.9, None), ("b", 0.8, 0.1))
    ]
    chart = charts_robustness.perturbed(documents, STYLES, metric="Dice")
    assert list(chart.layout.yaxis.ticktext) == ["As they are", "Noise", "Blur"]
    a, b = chart.data
    assert (a.name, b.name) == ("a", "b")
    assert list(a.x) == [0.9, 0.5]
    assert list(b.x) == [0.8, 0.5, 0.1]
    assert [round(place) for place in b.y] == [2, 1, 0], "the first row is on top"
    assert all(one > other for one, other in zip(a.y, b.y, strict=False)), "marks lie apart"
    assert chart.layout.xaxis.range[0] == pytest.approx(-0.03)
    documents[0]["perturbations"][0] |= row(-0.2)
    below = charts_robustness.perturbed(documents, STYLES, metric="MCC")
    assert below.layout.xaxis.range[0] < -0.3, "a metric that goes below 0 is not cut off"


def test_models_of_unlike_images_are_refused(
    finished_run: Run,
    tiny_config: Callable[..., RunConfig],
    sections: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "isbi2012_em").symlink_to(sections)
    monkeypatch.setenv("ISOLINE_REALDATA", str(tmp_path))
    own = f"run/{finished_run.name}"
    with pytest.raises(InputError, match="phantoms-unet was trained on"):
        owner_of([own, "weights/phantoms-unet"], "isbi2012", "test")
    with pytest.raises(InputError, match="None of these models was trained on"):
        owner_of([own, OTSU], "phantoms", "test")
    train(create_run(tiny_config(folds=3, fold=0, epochs=1), name="other"))
    with pytest.raises(InputError, match=r"different splits of .*take all images"):
        evaluated((own, "run/other"), "isbi2012/test", metric="dice", progress=quiet)
    everywhere = evaluated((own, "run/other"), "isbi2012/all", metric="dice", progress=quiet)
    assert everywhere.comparison["n_images"] == 15
    warned = trained_on(everywhere.keys, everywhere.samples, "isbi2012")
    assert [sentence.split()[0] for sentence in warned] == ["finished", "other"]
    assert default_images([OTSU, own]) == "isbi2012/test"


def test_two_of_one_name_and_one_alone_are_refused() -> None:
    with pytest.raises(InputError, match="same name"):
        in_order(["run/a", "weights/a"])
    with pytest.raises(InputError, match="at least two"):
        in_order(["run/a"])
    assert in_order([OTSU, "run/a"]) == ("run/a", OTSU)


def test_a_test_split_was_not_trained_on(three: Compared) -> None:
    assert trained_on(three.keys, three.samples, "isbi2012") == []


def test_images_are_ordered_by_how_far_the_models_are_apart(three: Compared) -> None:
    scores = np.array(list(three.scores().values()), dtype=float)
    gaps = dict(zip(three.samples, np.ptp(scores, axis=0), strict=True))
    ordered = [gaps[image] for image in three.by_difference()]
    assert ordered == sorted(ordered, reverse=True)
    assert len(set(ordered)) > 1


def test_the_report_needs_no_network_and_carries_every_number(three: Compared) -> None:
    page_text = report_html(three)
    assert "Research use only. Not a medical device." in page_text
    assert not re.search(r"<(script|link)[^>]+(src|href)=", page_text)
    for row in three.comparison["models"]:
        assert f"<td>{row['pooled']:.4f}</td>" in page_text
    assert three.comparison["conventions"]["p"] in page_text


# ---- Charts ----

SCORES: dict[str, list[float | None]] = {"a": [0.5, 0.9, None, 0.2], "b": [0.6, 0.8, 0.7, 0.2]}
IMAGES = ["i", "j", "k", "l"]
STYLES = {"a": style_at(0), "b": style_at(1)}


def test_points_carry_their_image_and_undefined_ones_are_left_out() -> None:
    chart = charts_compare.score_distribution(SCORES, IMAGES, STYLES, metric="Dice", chosen="l")
    points = {trace.name: trace for trace in chart.data if trace.customdata is not None}
    assert list(points["a"].customdata) == ["i", "j", "l"]
    assert list(points["a"].x) == [0.5, 0.9, 0.2]
    assert points["a"].marker.symbol != points["b"].marker.symbol, "not by colour alone"
    rings = [trace for trace in chart.data if trace.marker.size == charts_compare.CHOSEN["size"]]
    assert [ring.x[0] for ring in rings] == [0.2, 0.2]
    assert {note.text for note in chart.layout.annotations} == {"a", "b"}


def test_a_pair_is_drawn_where_both_are_defined_in_the_colour_of_the_better() -> None:
    chart = charts_compare.score_pairs(SCORES, IMAGES, STYLES, metric="Dice", chosen="j")
    points = next(trace for trace in chart.data if trace.customdata is not None)
    assert list(zip(points.x, points.y, points.customdata, strict=True)) == [
        (0.5, 0.6, "i"),
        (0.9, 0.8, "j"),
        (0.2, 0.2, "l"),
    ]
    a, b = STYLES["a"].colour, STYLES["b"].colour
    assert list(points.marker.color) == [b, a, a]


def test_the_front_holds_what_nothing_beats_in_both() -> None:
    rows = [
        {"model": name, "milliseconds": time, "mean": mean}
        for name, time, mean in (("a", 1, 0.3), ("b", 2, 0.2), ("c", 9, 0.9), ("d", 9, 0.8))
    ]
    assert [row["model"] for row in charts_compare.pareto(rows)] == ["a", "c"]


def test_subgroups_calibration_and_differences_are_drawn(three: Compared) -> None:
    differences = charts_compare.differences(three.comparison, metric="Dice")
    assert len([trace for trace in differences.data if trace.error_x.array is not None]) == 3
    curves = charts_compare.reliability(three.documents, three.styles)
    assert {trace.name for trace in curves.data[1:]} == set(three.names)
    part: dict[str, Any] = {"by": "label", "value": "benign", **three.comparison}
    bars = charts_compare.subgroup_bars([part], three.styles, by="label", metric="Dice")
    for trace, row in zip(bars.data, three.comparison["models"], strict=True):
        assert trace.y[0] == row["mean"]
        assert trace.y[0] + trace.error_y.array[0] == pytest.approx(row["ci95"][1])


# ---- Colours ----


def luminance(colour: str) -> float:
    channels = np.array([int(colour[n : n + 2], 16) for n in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_colours_are_seen_on_both_papers_and_mean_nothing_else() -> None:
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    for mode in ("dark", "light"):
        paper = luminance(theme[mode]["backgroundColor"])
        for colour in COLOURS:
            high, low = sorted((paper, luminance(colour)), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 3, (mode, colour)
    assert not set(COLOURS) & {"#F0E442", "#56B4E9", "#009E73", "#D55E00", "#0072B2"}


@pytest.mark.usefixtures("home")
def test_a_model_keeps_its_colour_whatever_comes_later() -> None:
    first = styles(["a", "b"])
    assert first["a"] != first["b"]
    assert styles(["c", "b"])["b"] == first["b"]
    assert styles(["a"]) == {"a": first["a"]}
    many = styles([f"m{n}" for n in range(len(COLOURS) * len(SYMBOLS) - 3)])
    looks = {(style.colour, style.symbol) for style in many.values()}
    assert len(looks) == len(many)
    assert isinstance(many["m0"], Style)


# ---- Links and the viewer's message ----


def test_a_link_carries_thresholds_and_nothing_foreign() -> None:
    assert from_address(to_address("a:b", (294, 0, 1000)), "a:b", (1, 2, 3)) == (294, 0, 1000)
    for text in ("", "x", "other:1-2-3", "i:1-2", "i:1-2-1001", "i:1-2-²", "i:--", "i:a-b-c"):
        assert from_address(text, "i", (1, 2, 3)) == (1, 2, 3), text


@pytest.mark.parametrize(
    "choice", [None, 3, {"token": SHOWN}, {"token": SHOWN, "thresholds": [1, True]},
               {"token": SHOWN, "thresholds": [1]}, {"token": SHOWN, "thresholds": [1, 1001]},
               {"token": "u", "thresholds": [1, 2]}],
)  # fmt: skip
def test_a_foreign_answer_changes_nothing(choice: object) -> None:
    assert chosen(choice, token=SHOWN, start=(5, 6)) == (5, 6)
    assert chosen({"token": SHOWN, "thresholds": [1, 2]}, token=SHOWN, start=(5, 6)) == (1, 2)


def test_the_message_holds_every_side_as_it_is() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (20, 30), dtype=np.uint8)
    maps = [rng.integers(0, 1001, (20, 30)).astype(np.uint16) for _ in range(3)]
    sides = [
        Side(name=name, colour="#000000", scene=pack(Scene(image=image, levels=levels)))
        for name, levels in zip("abc", maps, strict=True)
    ]
    header, body = split(pack_sides(sides))
    for facts, levels in zip(header["sides"], maps, strict=True):
        at, length = facts["at"]
        assert np.array_equal(unpack(body[at : at + length])[1], levels)
    assert split(pack_sides(sides[::-1]))[0]["token"] != header["token"]


def test_every_figure_on_offer_is_better_when_larger() -> None:
    from dashboard.compare.choices import FIGURES

    assert {"dice", "iou", "precision", "recall"} <= FIGURES.keys()
    assert all(METRICS[name].best == METRICS[name].high == 1 for name in FIGURES)
    assert cache.model_names()[OTSU].startswith("classical/otsu")
