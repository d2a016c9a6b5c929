"""Charts say what they are asked, without a browser."""

from typing import Any

import pytest

from dashboard import charts


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
