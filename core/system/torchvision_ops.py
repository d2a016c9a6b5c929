"""Makes ``import torchvision`` work beside a CPU build of torch.

timm and segmentation_models_pytorch import torchvision, which registers Python code for two of its
compiled operators while it is imported. The wheel in the public index is a CUDA build: beside a CPU
build of torch its compiled extension cannot be loaded, the operators do not exist, and the import
ends with ``operator torchvision::nms does not exist``. Isoline never calls them (they pick boxes in
object detection), so it is enough that they are declared. Call before the first import:

    ensure_importable()
    import segmentation_models_pytorch
"""

import importlib.machinery
import importlib.util
import threading
from pathlib import Path

import torch

_OPERATORS = ("nms", "qnms")
_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

_lock = threading.Lock()  # the dashboard runs its pages in threads
_declared: torch.library.Library | None = None  # torch forgets the schemas when this is collected


def ensure_importable() -> bool:
    """Declare torchvision's missing operators where its compiled extension cannot be loaded.

    Nothing is declared where the extension loads, as on a GPU machine with matching wheels, or
    where torchvision is not installed. Further calls do nothing.

    Returns:
        True when the operators are only declared: torchvision imports, but calling
        ``torchvision.ops.nms`` raises RuntimeError.
    """
    global _declared  # noqa: PLW0603 - one process, one table of operators
    with _lock:
        if _declared is None:
            spec = importlib.util.find_spec("torchvision")  # finds it without importing it
            if spec is None or spec.origin is None or _loads(Path(spec.origin).parent):
                return False
            _declared = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
            for operator in _OPERATORS:
                if not hasattr(torch.ops.torchvision, operator):
                    _declared.define(operator + _SCHEMA)  # type: ignore[no-untyped-call]
        return True


def _loads(folder: Path) -> bool:
    """Load the compiled extension as torchvision itself does; False where it cannot be."""
    loader = (
        importlib.machinery.ExtensionFileLoader,
        importlib.machinery.EXTENSION_SUFFIXES,
    )
    extension = importlib.machinery.FileFinder(str(folder), loader).find_spec("_C")
    if extension is None or extension.origin is None:
        return False
    try:
        torch.ops.load_library(extension.origin)  # type: ignore[no-untyped-call]
    except OSError:
        return False
    return True
