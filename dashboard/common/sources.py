"""Where data sets lie on this machine: imported, or under the folder of published data.

``allowed_path`` is the one gate for a path that comes over the web; ``allowed_settings`` passes the
settings of a training through it.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.data import DATASETS
from core.data.importing import imported_path, own_datasets
from core.errors import InputError
from core.system.home import home, real_data

PUBLISHED_FOLDERS = {
    "isbi2012": "isbi2012_em",
    "dsb2018": "dsb2018",
    "busi": "busi",
    "lung_ct": "lung_ct",
    "brats2020": "brats2018",
    "brats_flair": "brats2018",
}
"""Name of the folder under ``ISOLINE_REALDATA``."""
UPLOAD_PREFIX = "isoline-upload-"
"""How the private folders of uploads begin; nobody can import from one by its path."""


def is_synthetic(name: str) -> bool:
    """Whether a data set needs no files."""
    return name.startswith("phantoms")


def dataset_path(name: str) -> Path | None:
    """Where a data set lies; None when it is drawn or not on this machine."""
    if is_synthetic(name):
        return None
    if (imported := imported_path(name)) is not None:
        return imported
    root, folder = real_data(), PUBLISHED_FOLDERS.get(name)
    path = root / folder if root and folder else None
    return path if path and path.exists() else None


def available() -> list[str]:
    """Names of the data sets that can be opened here: own ones first, then real ones."""
    own = [name for name in own_datasets() if imported_path(name)]
    real = [name for name in DATASETS if not is_synthetic(name) and dataset_path(name)]
    return own + real + [name for name in DATASETS if is_synthetic(name)]


def allowed_root() -> Path:
    """The folder of the server from which people may import; ``ISOLINE_IMPORT_ROOT`` names it."""
    return Path(os.environ.get("ISOLINE_IMPORT_ROOT") or home()).expanduser().resolve()


def allowed_path(text: str) -> Path:
    """A path of the server, if people may import from there.

    Raises:
        InputError: It lies outside the allowed folder or is not there.
    """
    root, text = allowed_root(), text.strip()
    try:
        path = (root / text).expanduser().resolve()
        inside = path.is_relative_to(root) and not any(
            part.startswith(UPLOAD_PREFIX) for part in path.relative_to(root).parts
        )
        there = inside and path.exists()
    except (OSError, RuntimeError, ValueError):  # too long, a loop, an unknown ~user, NUL
        raise InputError("this is no path; give one of a folder or zip on the server") from None
    if not inside:
        raise InputError(
            f"{text}: only what lies under {root} can be imported from here; move it there, set "
            "ISOLINE_IMPORT_ROOT, or use: python -m core datasets import"
        )
    if not there:
        raise InputError(f"{path}: no such file or folder on the server")
    return path


def allowed_settings(settings: Mapping[str, Any], *, known: str | None) -> dict[str, Any]:
    """Settings that were typed into a page; ``data`` leads to where people may import from.

    Args:
        settings: ``key: value`` as ``--set`` takes them.
        known: The path that the training has already, which stays allowed: the data set that was
            chosen, or that of a run started on the command line.

    Raises:
        InputError: As ``allowed_path``.
    """
    data = settings.get("data")
    if data is None or data == known:
        return dict(settings)
    return {**settings, "data": str(allowed_path(str(data)))}
