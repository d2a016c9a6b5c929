"""Data sets kept in ``ISOLINE_HOME``: imported once, then used by name alone.

``datasets/<name>/`` holds the folder or zip as it was given, and ``import.json``, which says where
it came from and the SHA-256 of its content. An import is whole or absent. One's own data sets of a
kind are kept side by side under names like ``folder:kvasir``.
"""

import os
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.data import kind_of, open_dataset
from core.data.archive import open_archive
from core.data.base import Dataset
from core.data.datasets.volume_folder import VolumeFolder
from core.data.file_dataset import AnyImages
from core.data.masks.choice import CHOICE, choice_text
from core.data.masks.classes import OWN, table_text
from core.errors import InputError
from core.system.files import read_json, write_atomic, write_json
from core.system.home import home
from core.system.zip_entries import is_litter

FACTS = "import.json"
_TRIED = 8


def import_dataset(
    name: str,
    path: Path,
    *,
    link: bool = False,
    classes: Sequence[tuple[str, str]] = (),
    masks: str = "",
) -> dict[str, Any]:
    """Keep a data set under its name; an older import of that name is replaced.

    Args:
        name: Key of ``DATASETS``, or ``KEY:NAME`` to have several of a kind.
        path: Folder or zip in the published layout.
        link: Remember the place instead of copying; for data sets too large to have twice.
        classes: Names of what the masks' values stand for, see ``core.data.masks.classes``; they go
            into the copy as its ``classes.csv``.

        masks: What the masks are taken for, one of ``core.data.masks.values.KINDS``, kept in the
            copy; empty decides.

    Returns:
        ``dataset``, ``images``, ``path``, ``linked``, ``fingerprint``, ``classes``, and ``masks``:
        what their values were taken for, in words; empty where nothing had to be decided.

    Raises:
        InputError: The path does not hold the data set, there is no room for it, or the classes do
            not fit its masks.
    """
    dataset = open_dataset(name, path)  # refused before anything is written
    if dataset.path is None:
        raise InputError(f"{name} is drawn and needs no import; use it by its name")
    if classes and (link or not takes_classes(name)):
        raise InputError(
            f"a linked data set is not written to; put a {OWN} into {path}"
            if link
            else f"{name} says itself what its masks mean; folder, table and volumes do not"
        )
    if masks and classes:
        raise InputError("classes say what the masks' values mean; leave --masks out, or --class")
    if masks:
        _check_choice(dataset, masks, link=link)
    folder = _folder(name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".isoline-tmp-", dir=folder.parent))
    try:
        partial.chmod(0o755)
        kept = str(path.resolve()) if link else _copy(path, partial)
        if classes:
            _add_file(partial / kept, OWN, table_text(classes))
            dataset = open_dataset(name, partial / kept)
            _try_masks(dataset)
        if masks:
            _add_file(partial / kept, CHOICE, choice_text(masks))
            dataset = open_dataset(name, partial / kept)
        facts = {
            "dataset": name,
            "images": len(dataset.samples),
            "path": kept,
            "linked": link,
            "fingerprint": dataset.fingerprint(),
            "classes": list(dataset.info.classes),
            "masks": _decided(dataset),
        }
        write_json(partial / FACTS, facts)
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return {**facts, "path": str(imported_path(name))}


def takes_classes(name: str) -> bool:
    """Whether the classes of a data set's masks can be named when it is imported."""
    return issubclass(kind_of(name), (AnyImages, VolumeFolder))


def imported_path(name: str) -> Path | None:
    """Where an imported data set lies; None when it was not imported or its link leads nowhere."""
    folder = _folder(name)
    if not (folder / FACTS).exists():
        return None
    path = folder / read_json(folder / FACTS)["path"]  # an absolute path stays itself
    return path if path.exists() else None


def imports() -> dict[str, dict[str, Any]]:
    """What ``import_dataset`` said of every import, by its name, in the order of the names."""
    kept = {}
    for file in sorted(_folder("").glob(f"[!.]*/{FACTS}")):  # a dot: not finished
        with suppress(InputError):  # said where that one is opened
            facts = read_json(file)
            kept[str(facts["dataset"])] = facts
    return kept


def own_datasets() -> list[str]:
    """Imports with a name of their own, ``KEY:NAME``."""
    return [name for name in imports() if ":" in name]


def remove_import(name: str) -> None:
    """Forget an import and delete its copy; what was only linked stays where it lies.

    Raises:
        InputError: There is no such import.
    """
    kind_of(name)  # no path, above all
    folder = _folder(name)
    if not (folder / FACTS).exists():
        raise InputError(f"{name} was not imported; see: python -m core datasets list")
    shutil.rmtree(folder)


def open_where_it_lies(name: str, path: Path | None) -> Dataset:
    """Open a data set at a path, or where it was imported to.

    Raises:
        InputError: As ``open_dataset``; without a path it says how to import.
    """
    return open_dataset(name, path or imported_path(name))


def _folder(name: str) -> Path:
    """Of an import; a colon is no letter of a file name everywhere."""
    return home() / "datasets" / name.replace(":", "--")


def _copy(path: Path, partial: Path) -> str:
    """Copy a folder or file into the import; the name of the copy."""
    files = _files(path) if path.is_dir() else [path]
    needed, free = sum(file.stat().st_size for file in files), shutil.disk_usage(partial).free
    if needed > free:
        raise InputError(
            f"{path}: {needed >> 20} MB to copy, {free >> 20} MB free under {home()}; "
            "free some space, move ISOLINE_HOME, or keep it where it is with --link"
        )
    target = partial / ("data" if path.is_dir() else f"data{path.suffix.lower()}")
    if path.is_dir():
        for file in files:
            place = target / file.relative_to(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, place)
    else:
        shutil.copyfile(path, target)
    return target.name


def _files(folder: Path) -> list[Path]:
    """What is copied of a folder: what a data set can read, and nothing from outside the folder.

    Raises:
        InputError: A link leads out of the folder.
    """
    real, found = folder.resolve(), []
    for parent, folders, names in os.walk(folder):  # follows no link to a folder
        folders[:] = sorted(name for name in folders if not is_litter(name))
        for file in (Path(parent, name) for name in [*folders, *names] if not is_litter(name)):
            if file.is_symlink() and not file.resolve().is_relative_to(real):
                raise InputError(f"{file}: leads outside {folder}; put the file itself there")
            if file.is_file():
                found.append(file)
    return found


def _check_choice(dataset: Dataset, masks: str, *, link: bool) -> None:
    """Refuse a meaning of masks that cannot be kept or does not fit.

    Raises:
        InputError: The data set is linked, or says itself what its masks mean.
    """
    if not isinstance(dataset, AnyImages):
        raise InputError(f"{dataset.info.name} says itself what its masks mean; leave --masks out")
    if link:
        raise InputError("a linked data set is not written to; leave --link out, or --masks")
    dataset.take_masks_for(masks)


def _decided(dataset: Dataset) -> str:
    """What the masks' values were taken for, in words."""
    if not isinstance(dataset, AnyImages) or dataset.named is not None:
        return ""
    return dataset.mask_values.sentence()


def _add_file(copy: Path, name: str, text: str) -> None:
    """Put a file on top of a copied folder or zip."""
    archive = open_archive(copy)
    if name in archive.names:
        raise InputError(f"it has a {name} of its own; correct that one, or leave the choice out")
    if archive.path.is_dir():
        write_atomic(archive.path / name, text.encode())
    else:
        with zipfile.ZipFile(archive.path, "a") as packed:
            packed.writestr(name, text)


def _try_masks(dataset: Dataset) -> None:
    """Read a few masks, so that a class that was forgotten is reported at once.

    Raises:
        InputError: A mask has a value that no class stands for.
    """
    with_masks = [sample for sample in dataset.samples if sample.has_truth]
    for sample in with_masks[:: max(len(with_masks) // _TRIED, 1)][:_TRIED]:
        try:
            dataset.truth(sample)
        except InputError as fault:
            where = f"{dataset.path}"
            raise InputError(str(fault).removeprefix(where).lstrip(" :/")) from None
