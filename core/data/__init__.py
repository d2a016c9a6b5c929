"""``DATASETS``: every data set by name, and the one function that opens them.

To add a data set, write one module whose class keeps the contract of ``base.Dataset`` and add one
line to the table.
"""

from pathlib import Path

from core.data.base import Dataset, DatasetInfo, Sample
from core.data.brats import BraTS, BraTSFlair
from core.data.breast_custom import BreastCustom
from core.data.busi import Busi
from core.data.dsb2018 import Dsb2018
from core.data.folder import Folder
from core.data.isbi2012 import Isbi2012
from core.data.lung_ct import LungCt
from core.data.nnunet import NnUNet
from core.data.phantoms import (
    Phantoms,
    PhantomsLung,
    PhantomsMembranes,
    PhantomsNuclei,
    PhantomsUltrasound,
)
from core.data.table import Table
from core.errors import choose

DATASETS: dict[str, type[Dataset]] = {
    kind.info.name: kind
    for kind in (
        Phantoms,
        PhantomsNuclei,
        PhantomsUltrasound,
        PhantomsLung,
        PhantomsMembranes,
        Isbi2012,
        BraTS,
        BraTSFlair,
        NnUNet,
        Busi,
        Dsb2018,
        LungCt,
        BreastCustom,
        Folder,
        Table,
    )
}


def open_dataset(name: str, path: Path | None = None) -> Dataset:
    """Open a data set where it lies.

    Args:
        name: Key of ``DATASETS``.
        path: Folder or file in the published layout; None for drawn data.

    Raises:
        InputError: Unknown name, missing path, or a path that does not hold the data set.
    """
    return choose("data set", name, DATASETS).open(path)


__all__ = ["DATASETS", "Dataset", "DatasetInfo", "Sample", "open_dataset"]
