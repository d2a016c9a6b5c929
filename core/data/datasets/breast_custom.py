"""Breast lesions in separate folders of images and masks, as in the custom U-Net's experiment.

Rahman, Rahman, Afroz, Akhter: Breast cancer segmentation: a custom U-Net approach. The paper used a
public set of image and mask folders from Kaggle without naming its version; any such set will do.
"""

from typing import ClassVar

from core.data.base import DatasetInfo
from core.data.datasets.folder import Folder


class BreastCustom(Folder):
    """``images`` and ``masks`` (or ``original`` and ``ground truth``), paired by name."""

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="breast_custom",
        title="Breast lesions, images and masks in two folders",
        modality="ultrasound or mammography",
        foreground="lesion",
        license="that of the set you downloaded",
        citation="that of the set you downloaded; experiment after Rahman et al., Breast cancer "
        "segmentation: a custom U-Net approach",
        homepage="https://www.kaggle.com/datasets?search=breast+cancer+segmentation",
        augmentation={"rotation_degrees": 15, "elastic_px": 4, "gamma": 0.2, "speckle": 0.15},
        access="Log in at Kaggle, fetch a set of images and masks and import the zip.",
        size=256,
        layout="images/ and masks/ (or original/ and 'ground truth/') with the same file names or "
        "a suffix like _mask, as a folder or zip",
    )
