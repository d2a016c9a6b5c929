"""The documents are true: README's commands run, its tables are those of the code, links lead."""

import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from core.__main__ import main
from core.cli.tables import DOCUMENTS, filled
from core.evaluation.of_model import evaluate_model, robustness_of_model
from core.evaluation.perturbations import PERTURBATIONS
from core.models import (
    list_weights,
    load_weights,
    shipped_config,
    weights_document,
    weights_folder,
)
from core.papers.text import as_markdown
from core.promotion.stored_card import stored_card
from core.system.files import read_json
from dashboard.common.sources import PUBLISHED_FOLDERS

FLOORS = {"brats_flair": 0.9, "isbi2012": 0.95, "dsb2018": 0.92, "lung_ct": 0.98, "busi": 0.70}
"""Pooled Dice of the test split that a shipped model has to have."""
ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[list[str]]:
    blocks = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("python ")]


@pytest.mark.slow
def test_the_commands_run_one_after_the_other(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process: Python and torch start once instead of with each command."""
    assert len(commands()) >= 7
    monkeypatch.chdir(ROOT)
    for words in commands():
        assert words[:2] == ["-m", "core"]
        placed = [word.replace("workspace/", f"{home}/") for word in words[2:]]
        monkeypatch.setattr(sys, "argv", ["core", *placed])
        code = main()
        printed = capsys.readouterr()
        assert code == 0, f"{words}\n{printed.err}"
        assert printed.out.strip()
    assert list((home / "masks").glob("*_mask.png"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_the_tables_are_made_from_the_code(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert "<!-- table: " in text
    assert filled(text) == text, "run: python -m core.cli.tables"


def test_the_report_of_the_papers_is_up_to_date_with_the_shipped_models() -> None:
    document = read_json(ROOT / "docs" / "papers.json")
    assert as_markdown(document) == (ROOT / "docs" / "papers.md").read_text(encoding="utf-8")
    shipped = [row["shipped"] for row in document["presets"] if row["shipped"]]
    assert len(shipped) >= 5
    for one in shipped:
        test = weights_document(one["model"], "evaluation/test")
        assert one["dice"]["pooled"] == test["pooled"]["dice"], one["model"]
        assert one["threshold"] == test["threshold"]


def test_the_five_lines_of_python_run() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)  # noqa: S102 - our own document
    assert names["mask"].dtype == bool
    assert 0 < names["mask"].mean() < 1


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 130


@pytest.mark.parametrize(
    "document", [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")], ids=lambda document: document.name
)
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("https://") or (document.parent / target).exists(), target


def test_shipped_models_fit_in_their_budget() -> None:
    files = [file for file in weights_folder().rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 32 * 2**20


@pytest.mark.parametrize("name", list_weights())
def test_every_card_says_what_its_evaluation_says(name: str) -> None:
    trained = load_weights(name)
    card = (weights_folder() / name / "card.md").read_text(encoding="utf-8")
    test = weights_document(name, "evaluation/test")
    assert test["threshold"] == trained.operating_point.threshold
    assert test["split_hash"] == trained.split.hash in card
    for figure in ("dice", "iou", "precision", "recall"):
        assert f"| {test['pooled'][figure]:.4f} |" in card
    perturbed = weights_document(name, "evaluation/robustness")
    assert perturbed["split_hash"] == trained.split.hash
    assert [row["perturbation"] for row in perturbed["perturbations"]] == list(PERTURBATIONS)
    for row in perturbed["perturbations"]:
        assert f"| {row['title']} | {row['pooled']:.4f} | {row['pooled_difference']:+.3f} (" in card
    grey = weights_document(name, "evaluation/grey")
    assert f"scores {grey['dice']:.4f}." in card
    assert ("no better than that" in card) == (grey["dice"] >= test["pooled"]["dice"])
    for words in ("Research use only", "Licence of the data", "Limits", "95 % interval"):
        assert words in card


@pytest.mark.parametrize("name", list_weights())
def test_every_card_is_what_the_template_gives(name: str) -> None:
    folder = weights_folder() / name
    card = stored_card(folder, name=name, config=shipped_config(name)[0])
    written = (folder / "card.md").read_text(encoding="utf-8")
    assert written == card, "run: python -m core.promotion.stored_card"
    patients, test = weights_document(name, "patients"), weights_document(name, "evaluation/test")
    assert patients["test"] == test["n_patients"]


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in list_weights() if not n.startswith("phantoms")])
def test_a_shipped_model_repeats_its_figures(name: str, realdata: Path) -> None:
    """Same files, same pixels; another processor may round a probability across a threshold."""
    trained, shipped = load_weights(name), weights_document(name, "evaluation/test")
    folder = realdata / PUBLISHED_FOLDERS[trained.config.dataset]
    document = evaluate_model(trained, "test", data=folder)
    assert document["n_images"] == shipped["n_images"] == len(trained.split.test)
    assert document["pooled"]["dice"] >= FLOORS[trained.config.dataset]
    for figure in ("dice", "iou", "precision", "recall", "specificity", "accuracy"):
        assert document["pooled"][figure] == pytest.approx(shipped["pooled"][figure], abs=2e-4)
    stored = weights_document(name, "evaluation/robustness")
    again = robustness_of_model(
        trained, "test", data=folder, at_most=stored["n_images"], perturbations=["darker"]
    )
    (darker,) = (row for row in stored["perturbations"] if row["perturbation"] == "darker")
    assert again["as_is"]["pooled"] == pytest.approx(stored["as_is"]["pooled"], abs=2e-4)
    assert again["perturbations"][0]["pooled"] == pytest.approx(darker["pooled"], abs=2e-4)
