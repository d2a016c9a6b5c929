"""Charts say what they are asked, without a browser."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from dashboard.common import charts
from dashboard.common.colours import COLOURS, contrast, legible, style_at

THEMES = tomllib.loads(
    (Path(__file__).resolve().parents[1] / ".streamlit" / "config.toml").read_text()
)["theme"]
CAPTION_SHARE = 0.6
"""Of the text colour that Streamlit draws captions and placeholders in, over the background."""


def history(epochs: int) -> list[dict[str, Any]]:
    keys = ("train_loss", "val_loss", "val_dice", "val_dice_at_half")
    return [{"epoch": n, **dict.fromkeys(keys, 1 / n)} for n in range(1, epochs + 1)]


@pytest.mark.parametrize("chart", [charts.loss_curve, charts.dice_curve])
@pytest.mark.parametrize(("epochs", "step"), [(1, 1), (3, 1), (40, 5), (500, 62)])
def test_curves_have_a_label_at_each_end_and_ticks_at_whole_epochs(
    chart: Any, epochs: int, step: int
) -> None:
    figure = chart(history(epochs))
    assert len(figure.data) == len(figure.layout.annotations) == 2
    assert [note.text for note in figure.layout.annotations] == [line.name for line in figure.data]
    assert {line.line.dash for line in figure.data} == {"dot", "solid"}, "not by colour alone"
    assert figure.layout.xaxis.dtick == step
    assert figure.layout.title.text.endswith("?")
    assert [tuple(line.x) for line in figure.data] == [tuple(range(1, epochs + 1))] * 2


def test_overlap_is_drawn_from_zero_to_one() -> None:
    assert tuple(charts.dice_curve(history(3)).layout.yaxis.range) == (0, 1)


def test_bars_and_histograms_count_what_they_are_given() -> None:
    bars = charts.class_bars({"benign": 140, "normal": 43}, title="Are the classes even?")
    assert dict(zip(bars.data[0].x, bars.data[0].y, strict=True)) == {"benign": 140, "normal": 43}
    spread = charts.histogram([1.0, 2.0, 2.0], title="How large?", x="px")
    assert list(spread.data[0].x) == [1.0, 2.0, 2.0]
    assert spread.layout.xaxis.title.text == "px"


def test_labels_of_lines_that_end_together_stand_apart() -> None:
    figure = charts.dice_curve(history(4))  # both lines are the same here
    shifts = [note.yshift for note in figure.layout.annotations]
    assert abs(shifts[0] - shifts[1]) >= 12


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)
    assert legible("#000000", "#FFFFFF") == "#000000"
    assert legible("#0000FF", "#FFFFFF") == "#0000FF", "what can be read stays as it is"


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_words_of_a_chart_can_be_read_in_both_themes(theme: str) -> None:
    background = THEMES[theme]["backgroundColor"]
    runs = [f"run-{n}" for n in range(4)]
    chosen = {name: style_at(n) for n, name in enumerate(runs)}
    figures = [
        charts.loss_curve(history(3)),
        charts.overlay(dict.fromkeys(runs, history(3)), chosen, key="val_dice"),
    ]
    for figure in figures:
        charts.on(figure, background)
        words = [note.font.color for note in figure.layout.annotations]
        assert len(words) >= 2
        for axis in (figure.layout.xaxis, figure.layout.yaxis):
            words += [axis.tickfont.color, axis.title.font.color]
        assert all(contrast(colour, background) >= 4.5 for colour in words), words
        assert figure.layout.paper_bgcolor == background, "a saved file has its ground"
    for colour in COLOURS:
        assert contrast(legible(colour, background), background) >= 4.5


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_captions_can_be_read_in_both_themes(theme: str) -> None:
    ground, text = (THEMES[theme][f"{name}Color"] for name in ("background", "text"))
    mixed = [
        round(CAPTION_SHARE * int(text[n : n + 2], 16) + 0.4 * int(ground[n : n + 2], 16))
        for n in (1, 3, 5)
    ]
    assert contrast("#" + "".join(f"{part:02X}" for part in mixed), ground) >= 4.5
