"""The stand-ins for torchvision's operators; each case is a fresh interpreter."""

import subprocess
import sys
from pathlib import Path

import pytest

_speedups = pytest.importorskip("markupsafe._speedups", reason="needs a small compiled module")


def run(code: str, *, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter where warnings are errors, ``path`` first on ``sys.path``."""
    if path is not None:
        code = f"import sys; sys.path.insert(0, {str(path)!r})\n{code}"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        cwd=Path(__file__).parents[1],
    )


def succeeds(code: str, *, path: Path | None = None) -> None:
    result = run(code, path=path)
    assert result.returncode == 0, result.stderr[-2000:]


@pytest.fixture(scope="module")
def torchvision_imports_by_itself() -> bool:
    return run("import torchvision").returncode == 0


def test_segmentation_models_import_and_run() -> None:
    succeeds(
        """
from core.system.torchvision_ops import ensure_importable
ensure_importable()
import torch
import segmentation_models_pytorch as smp
model = smp.Unet("resnet18", encoder_weights=None, in_channels=1, classes=1).eval()
with torch.inference_mode():
    assert model(torch.zeros(1, 1, 32, 32)).shape == (1, 1, 32, 32)
"""
    )


def test_calling_again_is_harmless() -> None:
    succeeds(
        """
from core.system.torchvision_ops import ensure_importable
before = ensure_importable()
assert ensure_importable() is before
import torchvision
assert ensure_importable() is before
"""
    )


def test_threads_that_call_at_once_agree() -> None:
    succeeds(
        """
from concurrent.futures import ThreadPoolExecutor
from core.system.torchvision_ops import ensure_importable
with ThreadPoolExecutor(8) as pool:
    answers = set(pool.map(lambda _: ensure_importable(), range(32)))
assert len(answers) == 1, answers
import torchvision
"""
    )


def test_the_stand_ins_refuse_to_be_called(torchvision_imports_by_itself: bool) -> None:
    if torchvision_imports_by_itself:
        pytest.skip("torchvision's own operators load here")
    succeeds(
        """
from core.system.torchvision_ops import ensure_importable
assert ensure_importable()
import torch, torchvision
try:
    torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
except RuntimeError:
    pass
else:
    raise AssertionError("nms without its operator gave an answer")
"""
    )


def test_nothing_is_declared_beside_matching_wheels(torchvision_imports_by_itself: bool) -> None:
    if not torchvision_imports_by_itself:
        pytest.skip("torchvision and torch are of different builds here")
    succeeds(
        """
from core.system.torchvision_ops import ensure_importable
assert not ensure_importable()
import torch, torchvision
keep = torchvision.ops.nms(torch.tensor([[0., 0., 1., 1.]]), torch.ones(1), 0.5)
assert keep.tolist() == [0]
"""
    )


NOTHING_DECLARED = """
import torch
from core.system.torchvision_ops import ensure_importable
assert not ensure_importable()
assert not hasattr(torch.ops.torchvision, "nms")
"""


def test_nothing_is_declared_where_the_extension_loads(tmp_path: Path) -> None:
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('looked for, not imported')\n")
    compiled = Path(_speedups.__file__)  # any library that loads stands for torchvision's own
    (package / f"_C{''.join(compiled.suffixes)}").write_bytes(compiled.read_bytes())
    succeeds(NOTHING_DECLARED, path=tmp_path)


@pytest.mark.parametrize("extension", ["missing", "damaged"])
def test_declared_where_the_extension_cannot_load(tmp_path: Path, extension: str) -> None:
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").touch()
    if extension == "damaged":
        (package / "_C.so").write_bytes(b"not a library")
    succeeds(
        """
import torch
from core.system.torchvision_ops import ensure_importable
assert ensure_importable()
assert hasattr(torch.ops.torchvision, "nms") and hasattr(torch.ops.torchvision, "qnms")
""",
        path=tmp_path,
    )


def test_nothing_is_declared_without_torchvision() -> None:
    succeeds(f"import sys\nsys.modules['torchvision'] = None\n{NOTHING_DECLARED}")
