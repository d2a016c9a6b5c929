"""Text from outside is shown as text, on every page, and is no formula in a table."""

import csv
import io
import re
from operator import attrgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from core.config import RunConfig
from core.errors import InputError
from core.evaluation.comparison_table import _csv as comparison_csv
from core.predict.batch import _table as batch_table
from core.runs import create_run
from core.system.csv_cells import safe_cell
from dashboard.common.foreign_text import MOST, as_text
from dashboard.runs.comparison import curves_csv
from tests.pages import run_page

CANARY = "![x](http://127.0.0.1:1/x) [a](javascript:1) <http://127.0.0.1:1/y> :red[z]"
ACTIVE = re.compile(r"(?<!\\)[\[\]<>`*$|]|(?<!\\)!|https?://|www\.")
"""What Markdown would act on in text that is not ours."""


@pytest.fixture(autouse=True)
def _bare(home: object, monkeypatch: pytest.MonkeyPatch) -> None:
    del home
    monkeypatch.setenv("ISOLINE_REALDATA", "/nowhere")
    monkeypatch.setenv("ISOLINE_WORKER", "service")


def interpreted(app: AppTest) -> list[str]:
    """Everything shown as Markdown in which a canary would act."""
    assert not app.exception
    kinds = ("markdown", "caption", "error", "warning", "info", "success", "toast")
    shown = [attrgetter("value")(element) for kind in kinds for element in app.get(kind)]
    for kind in ("button", "selectbox", "text_input", "multiselect", "expander", "toggle"):
        shown += [attrgetter("label")(element) for element in app.get(kind)]
    return [text for text in shown if re.search(r"(?<!\\)\]\(|://127", text)]


@pytest.mark.parametrize("page", ["predict", "threshold", "compare", "train", "runs", "datasets"])
@pytest.mark.parametrize(
    "parameter", ["model", "models", "data", "dataset", "from", "set", "run", "runs", "images"]
)
def test_no_page_acts_on_what_a_link_says(page: str, parameter: str) -> None:
    assert interpreted(run_page(page, **{parameter: CANARY})) == []


@pytest.mark.parametrize(
    "settings", ["{}=1", "model={}", "loss={}", "dataset={}", "optimizer={}", "start_from={}"]
)
def test_no_refused_setting_of_a_link_acts(settings: str) -> None:
    assert interpreted(run_page("train", set=settings.format(CANARY))) == []


def test_reasons_and_notes_of_a_run_are_text() -> None:
    run = create_run(RunConfig(dataset="phantoms_nuclei"), name="before")
    run.say_about(group=CANARY)
    run.save_status("failed", reason=CANARY, notes=[CANARY])
    for page in ("runs", "train"):
        assert interpreted(run_page(page, run="before")) == []


@given(st.text())
def test_nothing_is_left_that_markdown_acts_on(text: str) -> None:
    shown = as_text(text)
    assert not ACTIVE.search(shown)
    assert "\n" not in shown
    assert len(shown) <= 3 * MOST


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9_ .,'()%/-]*", fullmatch=True).filter(str.isascii))
def test_a_plain_sentence_stays_as_it_is(text: str) -> None:
    plain = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|www\.", "", text).strip()[:MOST]
    assert as_text(plain) == plain


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_no_cell_of_a_table_is_a_formula(start: str) -> None:
    evil = f'{start}HYPERLINK("http://127.0.0.1:1","x")'
    row = {"input": evil, "mask": None, "threshold": 0.5, "problems": [evil]}
    tables = [
        batch_table([row]).decode(),
        curves_csv({evil: [{"epoch": 1, "loss": -0.5}]}).decode(),
        comparison_csv([[[evil, "n"], [evil, "+0.01"]]], [evil]),
    ]
    for text in tables:
        cells = [cell for line in csv.reader(io.StringIO(text)) for cell in line]
        assert not [cell for cell in cells if cell.startswith(start) and "HYPERLINK" in cell]
        assert f"'{evil}" in cells


@given(st.one_of(st.integers(), st.floats(), st.none()))
def test_numbers_stay_numbers_in_a_table(value: float | None) -> None:
    assert safe_cell(value) is value
    assert safe_cell(str(value)) == str(value)


def test_the_error_that_is_shown_says_what_was_found() -> None:
    assert as_text(InputError("Unknown loss 'dise'; choose one of bce, bce_dice")) == (
        "Unknown loss 'dise'; choose one of bce, bce_dice"
    )
