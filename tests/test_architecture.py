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
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE_LINES = 110
GENERATED = {".git", ".venv", "workspace", "mlruns", "__pycache__"}

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


def imports(tree: ast.Module) -> Iterator[str]:
    """Dotted names of everything imported anywhere in a file; ``from a import b`` gives ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{name.name}" for name in node.names)


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
    """pages → dashboard → core, never upwards; the parts of core ignore one another."""
    return [
        f"{name} imports {dotted}"
        for name, tree in python_files(root)
        for start, packages in FORBIDDEN.items()
        if name.startswith(start)
        for dotted in imports(tree)
        if within(dotted, *packages)
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


BREAKS: list[tuple[Rule, str, str]] = [
    (layers, "core/a.py", "import streamlit as st"),
    (layers, "core/a.py", "def late():\n    from plotly.graph_objects import Figure"),
    (layers, "core/a.py", "from dashboard import cache"),
    (layers, "core/a.py", "import pages.predict"),
    (layers, "core/data/a.py", "from core.networks import build_model"),
    (layers, "core/data/a.py", "from core import metrics"),
    (layers, "core/networks/a.py", "import core.losses"),
    (layers, "core/networks/a.py", "from core.data.base import Sample"),
    (layers, "core/losses.py", "from core import models"),
    (layers, "core/metrics/a.py", "from core.data import DATASETS"),
    (layers, "dashboard/a.py", "from pages import predict"),
    (layers, "dashboard/common/charts.py", "import streamlit"),
    (layers, "pages/a.py", "from pages.b import shown"),
    (layers, "pages/a.py", "import torch.nn as nn"),
    (absolute_imports, "core/a.py", "from . import b"),
    (absolute_imports, "core/data/a.py", "from ..levels import level_map"),
    (absolute_imports, "dashboard/a.py", "from core.levels import *"),
    (telling_names, "core/utils.py", ""),
    (telling_names, "dashboard/helpers.py", ""),
    (telling_names, "core/utils/a.py", ""),
    (short_pages, "pages/a.py", "\n" * (PAGE_LINES + 1)),
    (no_build_paths, "docs/a.md", "look in /" + "work/somewhere"),
    (no_build_paths, "weights/a/card.json", '{"path": "/' + 'root/.cache"}'),
    (no_package_sources, "requirements.txt", "--index-url https://packages.example/simple"),
    (no_package_sources, "docs/a.md", "pip install --find-links /srv/example-wheels torch"),
    (no_data_files, "tests/samples/a.dcm", ""),
    (no_data_files, "docs/A.NII.GZ", ""),
]


@pytest.mark.parametrize(("rule", "name", "content"), BREAKS)
def test_the_rule_can_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: Rule, name: str, content: str
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://person:word@packages.example/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "/srv/example-wheels")
    assert rule(tmp_path) == []
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    assert len(rule(tmp_path)) == 1


GOOD = {
    "core/training/a.py": "from core.data import DATASETS\nfrom core.networks import build_model",
    "core/data/a.py": "import core.levels\nfrom core.data.base import Sample",
    "core/metrics_table.py": "from core.data import DATASETS",
    "dashboard/common/charts.py": "import plotly.graph_objects as go",
    "dashboard/cache.py": "import streamlit as st\nfrom core import levels",
    "pages/predict.py": "import streamlit as st\nfrom dashboard import cache",
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
