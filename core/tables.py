"""The tables of the README, made from the code and the shipped models.

python -m core.tables          # rewrites README.md
"""

import re
import sys
from collections.abc import Callable, Sequence

import torch

from core.data import DATASETS
from core.files import read_json, write_atomic
from core.home import ROOT
from core.models import MODELS, build_model, parameter_count
from core.weights import list_weights, weights_document

README = ROOT / "README.md"


def datasets_table() -> str:
    """Every data set that can be read."""
    rows = [
        (f"`{info.name}`", info.title, info.modality, info.foreground, info.license)
        for info in (kind.info for kind in DATASETS.values())
    ]
    return _table(("name", "data set", "images", "foreground", "licence"), rows)


def models_table() -> str:
    """Every network that can be trained."""
    rows = []
    for name, card in MODELS.items():
        with torch.device("meta"):  # counted, never allocated
            parameters = parameter_count(build_model(name, in_channels=1, classes=1))
        paper = f"[{card.authors} {card.year}]({card.link})"
        options = ", ".join(f"`{option}`" for option in card.options)
        rows.append((f"`{name}`", paper, f"{parameters:,}", options))
    return _table(("name", "paper", "trainable weights by default", "options"), rows)


def weights_table() -> str:
    """Every shipped model with its test figures."""
    rows = []
    for name in list_weights():
        test = weights_document(name, "evaluation/test")
        mean = test["per_image"]["dice"]
        low, high = mean["ci95"]
        rows.append(
            (
                f"[`{name}`](weights/{name}/card.md)",
                f"{test['dataset']}, {test['n_images']} images",
                f"{test['threshold']:.3f}",
                f"{test['pooled']['dice']:.4f}",
                f"{mean['mean']:.4f} ({low:.4f}–{high:.4f})",
                f"{test['baseline_all_foreground']['dice']:.4f}",
            )
        )
    head = (
        "model",
        "test split",
        "threshold (from validation)",
        "Dice, pooled",
        "Dice, mean over images (95 %)",
        "Dice of marking everything",
    )
    return _table(head, rows)


def benchmarks_table() -> str:
    """What was promised and what was measured, from ``benchmarks/results/``."""
    rows = []
    for file in sorted((ROOT / "benchmarks" / "results").glob("*.json")):
        document = read_json(file)
        rows += [
            (
                f"`{document['name']}`",
                goal["what"],
                f"{goal['goal']:g}",
                f"{goal['measured']:g}",
                "yes" if goal["met"] else "**no**",
                document["hardware"],
            )
            for goal in document["goals"]
        ]
    return _table(("benchmark", "what", "goal", "measured", "met", "on"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "datasets": datasets_table,
    "models": models_table,
    "weights": weights_table,
    "benchmarks": benchmarks_table,
}


def filled(text: str) -> str:
    """A document with every ``<!-- table: name -->`` block made anew."""
    for name, make in TABLES.items():
        block = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        table = make().replace("\\", r"\\")
        text = block.sub(rf"\1{table}\n\2", text)
    return text


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    write_atomic(README, filled(README.read_text(encoding="utf-8")).encode())
    sys.stderr.write(f"{README.name}: tables are up to date\n")
