"""The order of the packages, and the picture of them in docs/architecture.md.

``FLOORS`` is the one list: a package imports only from packages named before it.
``tests/test_architecture.py`` holds the code to it.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from core.system.home import ROOT

FLOORS: dict[str, dict[str, str]] = {
    "core": {
        "errors": "the one error for people",
        "levels": "the threshold grid: probability → level map → mask",
        "system": "files, processes, devices, zip entries",
        "imaging": "any file into an `Image` or `Volume`, and back",
        "losses": "`LOSSES`",
        "config": "what a run is: `RunConfig`",
        "metrics": "counts at all thresholds and what follows from them",
        "networks": "`MODELS`, one paper per file",
        "threshold": "rules, operating point, post-processing of masks",
        "data": "`DATASETS`, pairing, quality, splits, preparation, augmentation",
        "inference": "network → probability map; classical methods, uncertainty",
        "runs": "run folders, checkpoints, the queue, tracking",
        "models": "something that predicts: shipped models and runs",
        "evaluation": "numbers with their conventions, curves, robustness, comparison",
        "export": "masks, measurements, DICOM, NIfTI, outlines, report",
        "predict": "files in, cases out: page, command line and API alike",
        "training": "the loop and what it is made of",
        "promotion": "from a run to a shipped model with its card",
        "papers": "the five papers: presets, ablation, reproduction",
        "serve": "the HTTP API",
        "cli": "the command line",
        "__main__": "`python -m core`",
    },
    "dashboard": {
        "menu": "the pages in order",
        "components": "the viewers: html, css and JavaScript with their Python faces",
        "common": "caches, charts, colours, pickers, uploads",
        "runs": "a run on screen: list, curves, actions",
        "datasets": "page *Datasets*",
        "predict": "page *Predict*",
        "threshold": "page *Threshold*",
        "compare": "page *Compare*",
        "train": "page *Train*",
        "papers": "page *Papers*",
        "app": "the entry point",
        "server": "dashboard and API in one process",
    },
}
"""Package or module → what it holds; each imports only from those above it here."""


def dotted_imports(tree: ast.Module) -> Iterator[str]:
    """Names of everything imported anywhere in a file; ``from a import b`` gives ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def floors_table() -> str:
    """Every package of ``core`` and ``dashboard`` with what it holds, ground floor first."""
    lines = ["| package | holds |", "| --- | --- |"]
    lines += [
        f"| `{top}/{name}` | {words} |"
        for top, rooms in FLOORS.items()
        for name, words in rooms.items()
    ]
    return "\n".join(lines)


def diagram(root: Path = ROOT) -> str:
    """The packages of ``core`` as a Mermaid graph; an arrow is an import.

    Arrows that follow from others are left out: where a → b → c is drawn, a → c is not.
    """
    direct = package_imports(root)
    reach: dict[str, set[str]] = {}
    for name in FLOORS["core"]:  # ground floor first, so what it imports is already there
        below = direct.get(name, set())
        reach[name] = below.union(*(reach[other] for other in below))
    lines = ["```mermaid", "graph BT"]
    for name in FLOORS["core"]:
        below = direct.get(name, set())
        implied = set().union(*(reach[other] for other in below))
        lines += [f"  {other} --> {name}" for other in sorted(below - implied)]
    return "\n".join([*lines, "```"])


def package_imports(root: Path) -> dict[str, set[str]]:
    """Package of ``core`` → the packages of ``core`` that it imports from."""
    rooms = FLOORS["core"]
    found: dict[str, set[str]] = {}
    for file in sorted((root / "core").rglob("*.py")):
        name = file.relative_to(root / "core").parts[0].removesuffix(".py")
        for dotted in dotted_imports(ast.parse(file.read_bytes())):
            top, _, rest = dotted.partition(".")
            other = rest.partition(".")[0]
            if top == "core" and other in rooms and other != name and name in rooms:
                found.setdefault(name, set()).add(other)
    return found
