"""A network as an ONNX graph, for runtimes without torch.

    export_onnx(model, "unet.onnx", in_channels=1, size=(256, 256))

The graph takes ``image``, float32 of shape (B, C, H, W) or (B, C, D, H, W), and gives ``logits`` of
the same sides: the padding inside the network and the cut at its end are part of it, so images of
any size go in as they are. Packages that are not needed to run Isoline do the work: ``onnx`` and
``onnxscript`` here, any runtime (``onnxruntime``, say) where the graph is used.
"""

import importlib.util
import warnings
from pathlib import Path

import torch
from torch import nn

from core.errors import InputError
from core.system.files import atomic_path

PACKAGES = ("onnx", "onnxscript")
"""What torch's exporter needs besides torch; requirements-dev.txt pins them."""
AXES = {2: ("height", "width"), 3: ("depth", "height", "width")}
"""Names of the graph's free sides, by their number."""


def export_onnx(
    model: nn.Module,
    path: Path | str,
    *,
    in_channels: int,
    size: tuple[int, ...],
    any_size: bool = True,
) -> None:
    """Write a network as it predicts (``eval``), whole or not at all.

    Args:
        model: A network of ``MODELS`` or of smp, on any device; it is left as it was.
        path: The ONNX file; an old one is replaced.
        in_channels: Channels of the image.
        size: Sides in pixels, (H, W) or (D, H, W).
        any_size: Whether the graph takes images of any sides, but none shorter than the network
            itself needs, where it has such a ``minimum``; otherwise of exactly ``size``, which a
            runtime can plan better for. Any number of images either way.

    Raises:
        InputError: A package is missing, or the size is not one of an image or a volume.
        OSError: As ``core.system.files.atomic_path``.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"exporting to ONNX needs {' and '.join(missing)}; "
            f"install what requirements-dev.txt pins, then export again"
        )
    if len(size) not in AXES or min(size) < 1:
        raise InputError(f"a size to export at is (H, W) or (D, H, W) in pixels, found {size}")
    sides, free = size, {0: "batch"}
    if any_size:
        # Odd sides, so that the padding is traced and not left out as needless; and all
        # different, or a graph of square images alone would do.
        sides = tuple(side // 2 * 2 + 1 + 2 * axis for axis, side in enumerate(size))
        free |= dict(enumerate(AXES[len(size)], start=2))
    device = next(model.parameters()).device
    image = torch.zeros(2, in_channels, *sides, device=device)  # 2: a batch of 1 would stay 1
    training = model.training
    model.eval()
    try:
        with warnings.catch_warnings():
            # torch's own exporter asks its own trees in a way that it deprecates
            warnings.filterwarnings(
                "ignore", message=r".*treespec, LeafSpec", category=FutureWarning
            )
            program = torch.onnx.export(
                model,
                (image,),
                input_names=["image"],
                output_names=["logits"],
                dynamic_shapes=(free,),
                dynamo=True,
                verbose=False,
            )
    finally:
        model.train(training)
    assert program is not None, "only a call with a file gives none"
    with atomic_path(path) as temporary:
        program.save(temporary, external_data=False)  # one file: weights inside the graph
