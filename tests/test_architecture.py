"""The rules of the house, read from the files: imports, names, sizes, what is committed.

Each rule is a function of a folder that returns what breaks it, one line each. It is asked twice:
of the checkout, where nothing may break it, and of small trees that break it on purpose.
"""

import ast
import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from core.cli.architecture import FLOORS, dotted_imports, package_imports

ROOT = Path(__file__).resolve().parents[1]
PAGE_LINES = 110
GENERATED = {".git", ".venv", "node_modules", "workspace", "mlruns", "__pycache__"}

Rule = Callable[[Path], list[str]]


def project_files(root: Path) -> list[Path]:
    """Tracked files and untracked ones that git does not ignore; without git, all but generated."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
    )
    if (root / ".git").exists() and listed.returncode == 0:
        found = [root / name for name in listed.stdout.split("\0") if name]
    else:
        found = [
            path
            for path in root.rglob("*")
            if not GENERATED & set(path.relative_to(root).parts)
            and not any(part.endswith("_cache") for part in path.relative_to(root).parts)
        ]
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def text_files(root: Path) -> Iterator[tuple[str, str]]:
    """Name and content of every project file that is text."""
    for path in project_files(root):
        content = path.read_bytes()
        if b"\0" not in content:
            yield path.relative_to(root).as_posix(), content.decode("utf-8", errors="replace")


def python_files(root: Path) -> Iterator[tuple[str, ast.Module]]:
    for path in project_files(root):
        if path.suffix == ".py":
            yield path.relative_to(root).as_posix(), ast.parse(path.read_bytes(), str(path))


def within(dotted: str, *packages: str) -> bool:
    return any(dotted == package or dotted.startswith(f"{package}.") for package in packages)


FORBIDDEN = {  # files that start with the key import nothing of the value
    "core/": ("dashboard", "pages", "streamlit", "plotly"),
    "dashboard/": ("pages",),
    "dashboard/common/charts.py": ("streamlit",),
    "pages/": ("pages", "torch"),
    "core/data/": ("core.networks", "core.losses", "core.metrics"),
    "core/networks/": ("core.data", "core.losses", "core.metrics"),
    "core/losses": ("core.data", "core.networks", "core.metrics"),
    "core/metrics/": ("core.data", "core.networks", "core.losses"),
}


def layers(root: Path) -> list[str]:
    """pages → dashboard → core; data, networks, losses and metrics ignore one another."""
    return [
        f"{name} imports {dotted}"
        for name, tree in python_files(root)
        for start, packages in FORBIDDEN.items()
        if name.startswith(start)
        for dotted in dotted_imports(tree)
        if within(dotted, *packages)
    ]


ORDER = {top: tuple(rooms) for top, rooms in FLOORS.items()}


def module_imports(root: Path) -> list[tuple[str, str]]:
    """Pairs of files, the second imported by the first, function-local imports counted."""
    trees = {
        name: tree for name, tree in python_files(root) if name.split("/")[0] in {*ORDER, "pages"}
    }
    modules = {name.removesuffix(".py").removesuffix("/__init__"): name for name in trees}
    pairs = []
    for name, tree in trees.items():
        for dotted in dotted_imports(tree):
            path = dotted.replace(".", "/")
            while path and path not in modules:
                path = path.rpartition("/")[0]
            if path and modules[path] != name:
                pairs.append((name, modules[path]))
    return pairs


def floors(root: Path) -> list[str]:
    """Inside ``core`` and ``dashboard`` a folder imports only from folders on lower floors."""

    def room(name: str) -> str:
        return name.split("/")[1].removesuffix(".py")

    wrong = [
        f"{name} stands on no floor"
        for name, _ in python_files(root)
        if (top := name.split("/")[0]) in ORDER and room(name) not in {*ORDER[top], "__init__"}
    ]
    for name, other in module_imports(root):
        top = name.split("/")[0]
        if top not in ORDER or not other.startswith(f"{top}/"):
            continue
        here, there = room(name), room(other)
        order = ORDER[top]
        if here in order and there in order and order.index(there) > order.index(here):
            wrong.append(f"{name} imports {other}, from a floor above")
    return wrong


def no_circles(root: Path) -> list[str]:
    """Folders beside one another, on every level, import each other in one direction only."""
    graph: dict[str, set[str]] = {}
    for name, other in module_imports(root):
        here, there = name.split("/")[:-1], other.split("/")[:-1]
        shared = 0
        while here[: shared + 1] == there[: shared + 1] and shared < len(here):
            shared += 1
        if shared < min(len(here), len(there)):
            one, two = "/".join(here[: shared + 1]), "/".join(there[: shared + 1])
            graph.setdefault(one, set()).add(two)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as found:
        return [" → ".join(reversed(found.args[1]))]
    return []


FOLDER_FILES = 20
LARGE_FOLDERS = {"core/networks", "core/imaging/formats"}  # one paper or format a file


def small_folders(root: Path) -> list[str]:
    """A folder is a room one can look over."""
    held = Counter(
        path.parent.relative_to(root).as_posix()
        for path in project_files(root)
        if path.suffix == ".py"
    )
    return [
        f"{folder}: {count} files, at most {FOLDER_FILES}"
        for folder, count in held.items()
        if folder.split("/")[0] in ORDER and folder not in LARGE_FOLDERS and count > FOLDER_FILES
    ]


def absolute_imports(root: Path) -> list[str]:
    """Imports are absolute, from the root, and name what they take."""
    return [
        f"{name}:{node.lineno} {'relative' if node.level else 'star'} import"
        for name, tree in python_files(root)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and (node.level or any(alias.name == "*" for alias in node.names))
    ]


def telling_names(root: Path) -> list[str]:
    """No drawer for everything."""
    drawers = {"utils", "util", "helpers", "helper"}
    return [
        path.relative_to(root).as_posix()
        for path in project_files(root)
        if path.suffix == ".py" and drawers & {path.stem, path.parent.name}
    ]


def short_pages(root: Path) -> list[str]:
    """A page is a recipe that fits on two screens."""
    return [
        f"{name}: {lines} lines, at most {PAGE_LINES}"
        for name, text in text_files(root)
        if name.startswith("pages/")
        and name.endswith(".py")
        and (lines := len(text.splitlines())) > PAGE_LINES
    ]


BUILD_PATH = re.compile(r"(?<![\w.)}\]])/(?:work|root)/")


def no_build_paths(root: Path) -> list[str]:
    """Nothing remembers the folders of the machine it was written on."""
    return [
        f"{name}:{number}"
        for name, text in text_files(root)
        for number, line in enumerate(text.splitlines(), start=1)
        if BUILD_PATH.search(line)
    ]


def package_sources(environment: dict[str, str], configured: str) -> set[str]:
    """Hosts and folders this machine takes packages from.

    Args:
        environment: Environment variables, of which pip reads ``PIP_*``.
        configured: What ``pip config list`` prints, lines like ``global.index-url='…'``.
    """
    values = [
        value
        for name, value in environment.items()
        if name in {"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"}
    ]
    for line in configured.splitlines():
        key, _, value = line.partition("=")
        if key.endswith(("index-url", "find-links")):
            values += value.strip("'\"").replace("\\n", " ").split()
    sources = set()
    for value in " ".join(values).split():
        address = urlsplit(value)
        if address.hostname and not address.hostname.endswith("localhost"):
            sources.add(address.hostname)
        elif not address.hostname and len(address.path.strip("/")) > 3:
            sources.add(address.path.rstrip("/"))
    return sources


def no_package_sources(root: Path) -> list[str]:
    """No file names the private index or folder that packages came from."""
    configured = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    sources = package_sources(dict(os.environ), configured)
    return [
        f"{name} names a private package source"  # which one stays out of the log
        for name, text in text_files(root)
        if any(source in text for source in sources)
    ]


MEDICAL_FORMATS = (".dcm", ".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".tif", ".tiff", ".zip")


def no_data_files(root: Path) -> list[str]:
    """Data sets stay outside: the tests draw phantoms."""
    return [
        name
        for path in project_files(root)
        if (name := path.relative_to(root).as_posix()).lower().endswith(MEDICAL_FORMATS)
    ]


RULES: tuple[Rule, ...] = (
    layers,
    floors,
    no_circles,
    small_folders,
    absolute_imports,
    telling_names,
    short_pages,
    no_build_paths,
    no_package_sources,
    no_data_files,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_checkout_keeps(rule: Rule) -> None:
    assert rule(ROOT) == []


BREAKS: list[tuple[Rule, dict[str, str]]] = [
    (layers, {"core/levels.py": "import streamlit as st"}),
    (layers, {"core/levels.py": "def late():\n    from plotly.graph_objects import Metric"}),
    (layers, {"core/levels.py": "from dashboard import cache"}),
    (layers, {"core/levels.py": "import pages.predict"}),
    (layers, {"core/data/a.py": "from core.networks import build_model"}),
    (layers, {"core/data/a.py": "from core import metrics"}),
    (layers, {"core/networks/a.py": "import core.losses"}),
    (layers, {"core/networks/a.py": "from core.data.base import Sample"}),
    (layers, {"core/losses/a.py": "from core import networks"}),
    (layers, {"core/metrics/a.py": "from core.data import DATASETS"}),
    (layers, {"dashboard/common/a.py": "from pages import predict"}),
    (layers, {"dashboard/common/charts.py": "import streamlit"}),
    (layers, {"pages/a.py": "from pages.b import shown"}),
    (layers, {"pages/a.py": "import torch.nn as nn"}),
    (floors, {"core/levels.py": "from core.runs import Run", "core/runs/__init__.py": ""}),
    (floors, {"core/data/a.py": "import core.cli.b", "core/cli/b.py": ""}),
    (
        floors,
        {
            "core/models/a.py": "def late():\n    from core.evaluation import b",
            "core/evaluation/b.py": "",
        },
    ),
    (floors, {"dashboard/common/a.py": "import dashboard.train.b", "dashboard/train/b.py": ""}),
    (floors, {"core/attic/a.py": ""}),
    (
        no_circles,
        {
            "core/data/a/one.py": "from core.data.b import two",
            "core/data/b/two.py": "def late():\n    import core.data.a.one",
        },
    ),
    (
        no_circles,
        {
            "dashboard/common/a/one.py": "import dashboard.common.b.two",
            "dashboard/common/b/two.py": "import dashboard.common.c.three",
            "dashboard/common/c/three.py": "import dashboard.common.a.one",
        },
    ),
    (small_folders, {f"core/data/a{n}.py": "" for n in range(FOLDER_FILES + 1)}),
    (absolute_imports, {"core/levels.py": "from . import b"}),
    (absolute_imports, {"core/data/a.py": "from ..levels import level_map"}),
    (absolute_imports, {"dashboard/common/a.py": "from core.levels import *"}),
    (telling_names, {"core/utils.py": ""}),
    (telling_names, {"dashboard/helpers.py": ""}),
    (telling_names, {"core/utils/a.py": ""}),
    (short_pages, {"pages/a.py": "\n" * (PAGE_LINES + 1)}),
    (no_build_paths, {"docs/a.md": "look in /" + "work/somewhere"}),
    (no_build_paths, {"weights/a/card.json": '{"path": "/' + 'root/.cache"}'}),
    (no_package_sources, {"requirements.txt": "--index-url https://packages.example/simple"}),
    (no_package_sources, {"docs/a.md": "pip install --find-links /srv/example-wheels torch"}),
    (no_data_files, {"tests/samples/a.dcm": ""}),
    (no_data_files, {"docs/A.NII.GZ": ""}),
]


@pytest.mark.parametrize(("rule", "files"), BREAKS)
def test_the_rule_can_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: Rule, files: dict[str, str]
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://person:word@packages.example/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "/srv/example-wheels")
    assert rule(tmp_path) == []
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert len(rule(tmp_path)) == 1


GOOD = {
    "core/training/a.py": "from core.data import DATASETS\nfrom core.networks import build_model",
    "core/data/a.py": "import core.levels\nfrom core.data.base import Sample",
    "core/evaluation/a.py": "from core.data import DATASETS\nfrom core.models.trained import x",
    "core/models/trained.py": "from core.levels import level_map",
    "dashboard/common/charts.py": "import plotly.graph_objects as go",
    "dashboard/common/cache.py": "import streamlit as st\nfrom core import levels",
    "pages/predict.py": "import streamlit as st\nfrom dashboard.common import cache",
    "docs/a.md": "the frame/work/ of it, ./root/",
    "Dockerfile": 'RUN pip install --index-url "$TORCH_INDEX" torch',
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_lets_good_files_pass(tmp_path: Path, rule: Rule) -> None:
    for name, content in GOOD.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert rule(tmp_path) == []


def test_package_sources_are_hosts_and_folders() -> None:
    configured = (
        "global.index-url='https://index.example/simple'\n"
        "global.extra-index-url='https://mirror.example/simple http://localhost:3141/root'\n"
        "global.timeout='60'"
    )
    environment = {
        "PIP_FIND_LINKS": "/srv/example-wheels/ file:///srv/more-wheels",
        "HOME": "/home/person",
    }
    expected = {"index.example", "mirror.example", "/srv/example-wheels", "/srv/more-wheels"}
    assert package_sources(environment, configured) == expected


@pytest.mark.realdata
def test_no_file_is_one_of_the_real_data_sets(realdata: Path) -> None:
    theirs: dict[int, list[Path]] = {}
    for path in realdata.rglob("*"):
        if path.is_file() and path.suffix not in {".md", ".txt"}:
            theirs.setdefault(path.stat().st_size, []).append(path)
    copies = [
        path.relative_to(ROOT).as_posix()
        for path in project_files(ROOT)
        if (size := path.stat().st_size) and any(same(path, one) for one in theirs.get(size, []))
    ]
    assert copies == []


def same(one: Path, other: Path) -> bool:
    digests = {hashlib.sha256(path.read_bytes()).digest() for path in (one, other)}
    return len(digests) == 1


HEAVY = ("torch", "pandas", "streamlit", "scipy", "mlflow", "plotly")
HEAVY_LOADED = f"import sys; print([name for name in {HEAVY!r} if name in sys.modules])"


def heavy_loaded_by(code: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-c", f"{code}\n{HEAVY_LOADED}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    return finished.stdout.splitlines()[-1]


def test_importing_core_costs_nothing() -> None:
    assert heavy_loaded_by("import core") == "[]"


@pytest.mark.skipif(
    not (ROOT / "core" / "__main__.py").exists(), reason="no command line in this checkout"
)
def test_help_loads_nothing_heavy() -> None:
    run_help = """
import runpy, sys
sys.argv = ["core", "--help"]
try:
    runpy.run_module("core", run_name="__main__", alter_sys=True)
except SystemExit as end:
    assert not end.code, end.code
"""
    assert heavy_loaded_by(run_help) == "[]"


def test_the_probe_sees_what_is_heavy() -> None:
    assert heavy_loaded_by("import pandas") == "['pandas']"


def test_the_picture_draws_what_is_imported(tmp_path: Path) -> None:
    (tmp_path / "core" / "data").mkdir(parents=True)
    (tmp_path / "core" / "data" / "a.py").write_text(
        "def late():\n    from core.imaging import read"
    )
    assert package_imports(tmp_path) == {"data": {"imaging"}}
