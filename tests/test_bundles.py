"""The JavaScript that the browser gets is what its sources give, and the sources pass their checks.

A bundle carries the SHA-256 of its sources, so that this can be told without Node. Where Node and
the tools of package.json are installed (``make js``), bundles are also made anew and compared.
"""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COMPONENTS = ROOT / "dashboard" / "components"
BUNDLES = sorted(
    path.relative_to(COMPONENTS).as_posix() for path in COMPONENTS.glob("*/*bundle.js")
)
needs_tools = pytest.mark.skipif(
    shutil.which("node") is None or not (ROOT / "node_modules" / "esbuild").is_dir(),
    reason='needs Node and what "make js" installs',
)


def digest_of(component: str, *, root: Path = COMPONENTS) -> str:
    """SHA-256 of a component's modules and the shared ones, as scripts/bundle.mjs computes it."""
    digest = hashlib.sha256()
    for folder in ("shared", f"{component}/src"):
        base = root / folder
        names = sorted(path.relative_to(base).as_posix() for path in base.rglob("*.js"))
        for name in names:
            digest.update(f"{folder}/{name}\n".encode() + (base / name).read_bytes())
    return digest.hexdigest()


def test_every_component_with_sources_has_a_bundle() -> None:
    with_sources = {path.parent.name for path in COMPONENTS.glob("*/src")}
    assert with_sources
    assert {Path(name).parent.name for name in BUNDLES} == with_sources


@pytest.mark.parametrize("bundle", BUNDLES)
def test_a_bundle_was_made_from_the_sources_beside_it(bundle: str) -> None:
    text = (COMPONENTS / bundle).read_text(encoding="utf-8")
    found = re.search(r"^// Sources: sha256 ([0-9a-f]{64})$", text, re.MULTILINE)
    assert found, f"{bundle} does not name its sources"
    assert found[1] == digest_of(Path(bundle).parent.name), f"{bundle}: run make js"


def test_any_change_of_a_source_changes_the_digest(tmp_path: Path) -> None:
    shutil.copytree(COMPONENTS, tmp_path / "components")
    before = digest_of("viewer", root=tmp_path / "components")
    assert before == digest_of("viewer")
    for changed in ("shared/levels.js", "viewer/src/mask/mask.js"):
        path = tmp_path / "components" / changed
        text = path.read_text(encoding="utf-8")
        path.write_text(text + "\n", encoding="utf-8")
        assert digest_of("viewer", root=tmp_path / "components") != before
        path.write_text(text, encoding="utf-8")
    (tmp_path / "components" / "shared" / "levels.js").rename(
        tmp_path / "components/shared/other.js"
    )
    assert digest_of("viewer", root=tmp_path / "components") != before


@pytest.mark.parametrize("bundle", BUNDLES)
@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_a_bundle_is_a_module_with_one_default_export(bundle: str, tmp_path: Path) -> None:
    module = tmp_path / "bundle.mjs"
    shutil.copy(COMPONENTS / bundle, module)
    script = (
        "const m = await import(process.argv[1]); console.log(Object.keys(m), typeof m.default)"
    )
    command = ["node", "--input-type=module", "--eval", script, str(module)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert printed.split() == ["[", "'default'", "]", "function"]


@needs_tools
def test_bundles_are_what_the_bundler_gives() -> None:
    checked = subprocess.run(
        ["node", "scripts/bundle.mjs", "--check"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stderr
