"""The tables of the documents, made from the code and the shipped models.

python -m core.cli.tables            # rewrites them in docs/
python -m core.cli.tables --costs    # counts every network anew first, in a few minutes
"""

import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch

from core.cli.architecture import diagram, floors_table
from core.data import DATASETS
from core.losses import LOSSES
from core.models import list_weights, weights_document
from core.networks import MODELS, build_model, costs, parameter_count, parameter_count_keras
from core.networks.cost import COSTS, cost, receptive_field_px
from core.system.files import read_json, write_atomic, write_json
from core.system.home import ROOT

DOCUMENTS = tuple(
    ROOT / "docs" / name
    for name in (
        "accuracy.md",
        "architecture.md",
        "benchmarks.md",
        "data-sets.md",
        "models.md",
        "networks.md",
    )
)


def datasets_table() -> str:
    """Every data set that can be read."""
    rows = [
        (f"`{info.name}`", info.title, info.modality, info.foreground, info.license)
        for info in (kind.info for kind in DATASETS.values())
    ]
    return _table(("name", "data set", "images", "foreground", "licence"), rows)


def models_table() -> str:
    """Every network that can be built: paper, size, work, memory, reach, and when to use it."""
    rows = []
    for name, card in MODELS.items():
        numbers = costs()[name]
        reach = numbers.get("receptive_field_px")
        kind = "3D" if card.dimensions == 3 else f"{reach} px" if reach else "over 500 px"
        rows.append(
            (
                f"`{name}`",
                f"[{card.authors} {card.year}]({card.link})",
                f"{numbers['parameters']:,}",
                f"{numbers['multiply_adds'] / 1e9:.1f} G",
                f"{numbers['training_bytes'] / 2**30:.1f} GiB",
                kind,
                card.use,
            )
        )
    head = (
        "name",
        "paper",
        "weights",
        "multiply-adds",
        "training step",
        "receptive field",
        "use it",
    )
    return _table(head, rows)


def networks_table() -> str:
    """Every network in words: what is new in it, options, whose code, where it differs."""
    rows = []
    for name, card in MODELS.items():
        options = ", ".join(f"`{option}` {value}" for option, value in card.options.items())
        rows.append(
            (f"`{name}`", card.title, card.idea, options, card.implementation, card.differs or "–")
        )
    return _table(("name", "paper", "idea", "options", "code", "differs from the paper"), rows)


def losses_table() -> str:
    """Every loss: paper, formula, options, when to use it."""
    rows = []
    for name, card in LOSSES.items():
        options = ", ".join(f"`{option}` {value}" for option, value in card.options.items())
        paper = f"[{card.authors} {card.year}]({card.link})" if card.link else card.authors
        formula = f"`{card.formula}`" if card.formula else ""
        rows.append((f"`{name}`", paper, formula, options or "–", card.use))
    return _table(("name", "paper", "formula", "options", "use it"), rows)


def weights_table() -> str:
    """Every shipped model with its test scores."""
    rows = []
    for name in list_weights():
        test = weights_document(name, "evaluation/test")
        mean = test["per_image"]["dice"]
        low, high = mean["ci95"]
        rows.append(
            (
                f"[`{name}`](../weights/{name}/card.md)",
                f"{test['dataset']}, {test['n_images']} images",
                f"{test['threshold']:.3f}",
                f"{test['pooled']['dice']:.4f}",
                f"{mean['mean']:.4f} ({low:.4f}–{high:.4f})",
                f"{weights_document(name, 'evaluation/grey')['dice']:.4f}",
                f"{test['baseline_all_foreground']['dice']:.4f}",
            )
        )
    head = (
        "model",
        "test split",
        "threshold (from validation)",
        "Dice, pooled",
        "Dice, mean over images (95 %)",
        "Dice of one grey level",
        "Dice of all foreground",
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


def accuracy_table() -> str:
    """Ours beside the libraries' networks at equal budget, of every data set that was measured."""
    rows = []
    for file in sorted((ROOT / "benchmarks" / "results").glob("accuracy*.json")):
        document = read_json(file)
        for one in document["contestants"]:
            test, less = one["test"], one.get("less_ours")
            low, high = test["pooled_ci95"]
            band = f"{less['pooled_ci95'][0]:+.3f} to {less['pooled_ci95'][1]:+.3f}" if less else ""
            rows.append(
                (
                    f"`{document['dataset']}`, {document['budget']}",
                    one["name"],
                    f"{one['parameters'] / 1e6:.1f} million",
                    f"{test['pooled']:.3f} ({low:.3f}–{high:.3f})",
                    f"{test['mean_over_images']['mean']:.3f}",
                    f"{less['pooled_difference']:+.3f} ({band})" if less else "",
                    f"{sum(one['images_seen']) / len(one['images_seen']):,.0f}",
                )
            )
    head = (
        "data set, budget",
        "network",
        "weights",
        "test Dice, pooled (95 %)",
        "mean over images",
        "against ours, pooled (95 %)",
        "images seen",
    )
    return _table(head, rows)


def write_costs() -> None:
    """Count every network of the table and keep the scores in ``core/networks/costs.json``."""
    write_json(COSTS, {name: network_cost(name) for name in MODELS})


def network_cost(name: str, *, reach: bool = True) -> dict[str, Any]:
    """Size, work, memory and receptive field of a network with its default options.

    Args:
        name: Key of ``MODELS``.
        reach: Whether to find the receptive field too, which takes seconds.
    """
    card = MODELS[name]
    side, batch = (256, 8) if card.dimensions == 2 else (64, 2)
    try:
        with torch.device("meta"):
            network = build_model(name, in_channels=1, classes=1)
        counted = cost(network, side=side, batch=batch)
    except RuntimeError:  # a library's network that makes tensors of its own
        network = build_model(name, in_channels=1, classes=1)
        counted = cost(network, side=side, batch=batch)
    document: dict[str, Any] = {
        "parameters": parameter_count(network),
        "parameters_keras": parameter_count_keras(network),
        "multiply_adds": counted.multiply_adds,
        "training_bytes": counted.training_bytes,
        "side": side,
        "batch": batch,
    }
    if reach and card.dimensions == 2:
        narrow = {key: value for key, value in card.small.items() if key != "depth"}
        small = build_model(name, in_channels=1, classes=1, **narrow)
        document["receptive_field_px"] = receptive_field_px(small)
    return document


TABLES: dict[str, Callable[[], str]] = {
    "datasets": datasets_table,
    "models": models_table,
    "networks": networks_table,
    "losses": losses_table,
    "weights": weights_table,
    "benchmarks": benchmarks_table,
    "accuracy": accuracy_table,
    "architecture": floors_table,
    "diagram": diagram,
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
    if "--costs" in sys.argv:
        write_costs()
    for document in DOCUMENTS:
        write_atomic(document, filled(document.read_text(encoding="utf-8")).encode())
        sys.stderr.write(f"{document.name}: tables are up to date\n")
