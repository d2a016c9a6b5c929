"""``DATASETS``: every data set by name, and the one function that opens them.

To add a data set, write one module whose class keeps the contract of ``base.Dataset`` and add one
line to the table. A person may have several data sets of one kind: ``folder:kvasir`` is read by
``folder`` and called *kvasir*.
"""

import re
from dataclasses import replace
from pathlib import Path

from core.data.base import Dataset, DatasetInfo, Sample
from core.data.datasets.brats import BraTS, BraTSFlair
from core.data.datasets.breast_custom import BreastCustom
from core.data.datasets.busi import Busi
from core.data.datasets.dsb2018 import Dsb2018
from core.data.datasets.folder import Folder
from core.data.datasets.isbi2012 import Isbi2012
from core.data.datasets.lung_ct import LungCt
from core.data.datasets.nnunet import NnUNet
from core.data.datasets.phantoms import (
    Phantoms,
    PhantomsLung,
    PhantomsMembranes,
    PhantomsNodules,
    PhantomsNuclei,
    PhantomsUltrasound,
)
from core.data.datasets.table import Table
from core.data.datasets.volume_folder import VolumeFolder
from core.errors import InputError, choose

DATASETS: dict[str, type[Dataset]] = {
    kind.info.name: kind
    for kind in (
        Phantoms,
        PhantomsNuclei,
        PhantomsUltrasound,
        PhantomsLung,
        PhantomsMembranes,
        PhantomsNodules,
        Isbi2012,
        BraTS,
        BraTSFlair,
        NnUNet,
        VolumeFolder,
        Busi,
        Dsb2018,
        LungCt,
        BreastCustom,
        Folder,
        Table,
    )
}


_OWN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,49}")


def kind_of(name: str) -> type[Dataset]:
    """The reader of a data set: of ``folder:kvasir`` that of ``folder``.

    Raises:
        InputError: Unknown data set, or a name of one's own that is none.
    """
    key, colon, own = name.partition(":")
    kind = choose("data set", key, DATASETS)
    if colon and key.startswith("phantoms"):
        raise InputError(f"{key} is drawn and the same for all; leave out ':{own}'")
    if colon and not _OWN_NAME.fullmatch(own):
        raise InputError(
            f"'{own}' cannot name a data set; take up to 50 letters, digits, _ and -, for example "
            f"{key}:clinic-2"
        )
    return kind


def info_of(name: str) -> DatasetInfo:
    """Facts about a data set, by its name alone.

    Raises:
        InputError: As ``kind_of``.
    """
    info, own = kind_of(name).info, name.partition(":")[2]
    return replace(info, name=name, title=own) if own else info


def open_dataset(name: str, path: Path | None = None) -> Dataset:
    """Open a data set where it lies.

    Args:
        name: Key of ``DATASETS``, or ``KEY:NAME`` for one of several of a kind.
        path: Folder or file in the published layout; None for synthetic data.

    Raises:
        InputError: Unknown name, missing path, or a path that does not hold the data set.
    """
    dataset = kind_of(name).open(path)
    if own := name.partition(":")[2]:
        # what is of one data set, as a split, must not be taken for another's
        dataset.info = replace(dataset.info, name=name, title=own)  # type: ignore[misc]
    return dataset


__all__ = [
    "DATASETS",
    "Dataset",
    "DatasetInfo",
    "Sample",
    "info_of",
    "kind_of",
    "open_dataset",
]
