"""Many image files → masks in a folder, and a row of facts for each."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.files import write_atomic
from core.imaging import Image, mask_png, page_count, read_image
from core.levels import STEPS, mask_at
from core.weights import TrainedModel


def predict_files(
    trained: TrainedModel,
    inputs: Sequence[Path],
    out: Path,
    *,
    k: int | None = None,
    report: Callable[[str], None] = lambda _line: None,
) -> list[dict[str, Any]]:
    """Write ``<stem>_mask.png`` for every image, ``<stem>_p01_mask.png`` for pages of a stack.

    Args:
        trained: The network and its operating point.
        inputs: Image files.
        out: Folder, made if need be.
        k: Index of the threshold; None takes the operating point.
        report: Told of each file.

    Returns:
        A row per mask: input, page, mask, threshold, foreground_px, area_mm2, components.

    Raises:
        InputError: A file cannot be read, two files would write the same mask, or a mask would
            replace an input.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: a file is in the way; give a folder with --out")
    pages = [(path, page, page_count(path)) for path in inputs for page in _pages(path)]
    names = [_mask_name(path, page, count) for path, page, count in pages]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InputError(
            f"several inputs would write {min(twice)}; predict them into separate folders"
        )
    sources = {path.resolve() for path in inputs}
    spoilt = [name for name in names if (out / name).resolve() in sources]
    if spoilt:
        raise InputError(f"{out / spoilt[0]}: a mask would replace this input; give another --out")
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for (path, page, _), name in zip(pages, names, strict=True):
        report(f"{path} page {page + 1}" if page else str(path))
        image = read_image(path, page=page)
        rows.append(
            _predict_one(trained, image, out / name, k) | {"input": str(path), "page": page}
        )
    return rows


def _predict_one(
    trained: TrainedModel, image: Image, target: Path, k: int | None
) -> dict[str, Any]:
    from scipy import ndimage  # 0.2 s; only where components are counted

    pixels = image.grey8() if trained.predictor.in_channels == 1 else image.rgb8()
    k = trained.operating_point.k if k is None else k
    mask = mask_at(trained.predictor.levels(pixels), k)
    write_atomic(target, mask_png(mask))
    foreground = int(mask.sum())
    pixel_mm2 = image.spacing_mm[0] * image.spacing_mm[1] if image.spacing_mm else None
    return {
        "mask": str(target),
        "threshold": k / STEPS,
        "foreground_px": foreground,
        "area_mm2": None if pixel_mm2 is None else foreground * pixel_mm2,
        "components": int(ndimage.label(mask)[1]),
    }


def _pages(path: Path) -> range:
    return range(page_count(path))


def _mask_name(path: Path, page: int, count: int) -> str:
    suffix = f"_p{page + 1:0{len(str(count))}d}" if count > 1 else ""
    return f"{path.stem}{suffix}_mask.png"
