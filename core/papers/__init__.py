"""The five papers that Isoline implements: what they ask, on which data, how, and what to look at.

Facts in our own words; the printed values are in the presets (``core/papers/presets``), one file
an experiment. ``core.papers.reproduction`` runs them, ``core.papers.report`` puts the scores side
by side.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Paper:
    """A paper and what this project makes of it."""

    title: str
    """As printed."""
    authors: str
    """As printed; empty where the paper names none that we know."""
    datasets: tuple[str, ...]
    """Keys of ``DATASETS`` that hold its data."""
    question: str
    """What it asks, in one sentence."""
    data: str
    """What it was trained on."""
    method: str
    """The network and how it learns."""
    steps: tuple[str, ...]
    """The way from file to metric, for the drawing."""
    look_at: tuple[str, ...]
    """What a student should look at."""
    amounts: Mapping[str, int]
    """Data set → how many images or volumes the paper had; left out where it does not say."""
    unit: str = "images"
    """What ``amounts`` counts: ``images`` or ``volumes``."""
    finding: str = ""
    """What it found, where that is more than a metric."""
    caveats: tuple[str, ...] = ()
    """Where a printed value or formula is doubtful, and what we do about it."""
    field: str = ""
    """Works that it names as the state of the art or as the next to try."""


PAPERS: dict[str, Paper] = {
    "busi": Paper(
        title="Biomedical image segmentation model using U-Net",
        authors="Karthik R, Menon, Arora",
        datasets=("busi",),
        question="Does a plain U-Net find lesions in breast ultrasound?",
        data="BUSI: 780 breast ultrasound images, benign, malignant and normal; normal has no "
        "lesion and is left out.",
        method="U-Net at 128 x 128 with one sigmoid output, binary cross-entropy, Adam, at most "
        "100 epochs with early stopping.",
        steps=("resize 128²", "U-Net", "sigmoid", "threshold 0.5", "mean IoU"),
        look_at=(
            "Image, mask, overlay and prediction side by side.",
            "How far the mean IoU lies above the IoU of the lesion: most pixels are background.",
            "Lesions without a sharp border, where the network hesitates.",
        ),
        amounts={"busi": 780},
        caveats=(
            (
                "The averaging of the mean IoU of 84 % is not stated. MeanIoU of Keras averages "
                "background and foreground, and a large background lifts it; both are shown."
            ),
        ),
        field="R2U-Net, BCDU-Net, FRCU-Net, attention U-Net; Dice and Tversky loss; DeepLabV3+.",
    ),
    "dsb2018": Paper(
        title="Medical image segmentation using U-Net",
        authors="Jain, Pathak, Patel",
        datasets=("dsb2018",),
        question="Can nuclei be found across microscopes and stains with one network?",
        data="Kaggle Data Science Bowl 2018, stage 1: 670 images with one mask file per nucleus, "
        "merged into one mask.",
        method="U-Net at 128 x 128 with batch norm, transposed convolutions, binary cross-entropy, "
        "Adam; the best checkpoint is kept and training stops early.",
        steps=("merge masks", "resize 128²", "U-Net", "sigmoid", "look at samples"),
        look_at=(
            "Random training and validation samples: image, truth, prediction.",
            "Successes and failures: touching nuclei become one, pale ones vanish.",
            "What moving the threshold trades: false positives against false negatives.",
        ),
        amounts={"dsb2018": 670},
        finding="No metric is printed: the paper evaluates by looking at samples.",
    ),
    "brats2020": Paper(
        title="Applying U-Net for medical image segmentation: a case study",
        authors="Keller",
        datasets=("brats2020",),
        question="How much do activation, dropout and normalization change a U-Net on brain MRI?",
        data="BraTS 2020: 369 volumes with four modalities, of which two are used, slices 5 to "
        "150; necrosis, oedema and enhancing tumour.",
        method="U-Net on slices at 128 x 128 with a softmax over four classes, categorical "
        "cross-entropy, 50 epochs; variants with PReLU, dropout and without normalization.",
        steps=("slices 5–150", "FLAIR + T1Gd, 128²", "U-Net", "softmax, 4 classes", "composite"),
        look_at=(
            "FLAIR slice, truth, one mask for each class, and the composite.",
            "Accuracy above 99 % in every row: nearly all pixels are background.",
            "Why IoU is above Dice: the two columns are averaged differently.",
        ),
        amounts={"brats2020": 369},
        unit="volumes",
        finding="Activation, dropout and normalization changed the final accuracy by less than 0.5 "
        "points.",
        caveats=(
            (
                "IoU above Dice cannot come from one averaging of one confusion matrix, for the "
                "Dice of a class is never below its IoU. Both averagings are computed and shown."
            ),
        ),
        field="Unified focal, Dice, boundary and compound losses as the next to try.",
    ),
    "ten_experiments": Paper(
        title="Medical image segmentation using U-Net (ten experiments)",
        authors="",
        datasets=("isbi2012", "lung_ct"),
        question="What do filters, optimizer, image size and the choice of the metric change?",
        data="ISBI 2012 electron microscopy, 30 sections, augmented; lung CT, 1,021 images at "
        "256 x 256, not augmented.",
        method="U-Net with 16 or 64 base filters, binary cross-entropy, Adam or SGD; five "
        "experiments on each data set.",
        steps=("512² or 256²", "U-Net, 16 or 64", "sigmoid", "soft IoU", "IoU at 0.5"),
        look_at=(
            "Soft IoU against thresholded IoU of the same network: ten points apart on ISBI.",
            "16 filters do as well as 64, with a sixteenth of the parameters.",
            "Accuracy as the metric says nothing where one class is large.",
        ),
        amounts={"isbi2012": 30, "lung_ct": 1021},
        finding="Fewer filters were no worse; the metric changed more than the network did.",
        caveats=(
            (
                "IoU and Dice of probabilities fall when a network is unsure, even where its "
                "mask is right, so they are shown beside the scores of the mask."
            ),
            "The scores are of validation, which chose the epoch; the paper names no test split.",
        ),
        field="k-means, thresholding, edges, deformable models; SegNet, DoubleU-Net, dense-"
        "inception U-Net; AlexNet, VGG and Inception as encoders.",
    ),
    "breast_custom": Paper(
        title="Breast cancer segmentation: a custom U-Net approach",
        authors="Rahman, Rahman, Afroz, Akhter",
        datasets=("breast_custom",),
        question="Do residual blocks make a U-Net better at breast lesions?",
        data="A public set of breast-cancer images and masks from Kaggle, not named more closely.",
        method="U-Net of residual blocks, four encoder levels, batch norm, trained from scratch "
        "for 100 epochs with BCE-Dice; batch size and learning rate tuned.",
        steps=("normalize, augment", "residual U-Net", "sigmoid", "threshold 0.5", "bounding box"),
        look_at=(
            "Training curves of loss and Dice.",
            "Image, truth and prediction, and a bounding box around the predicted region.",
            "The box of a mask with one stray pixel: why small islands are post-processed.",
        ),
        amounts={},
        finding="Dice 0.96, where earlier work is quoted with 0.85 to 0.94.",
        caveats=(
            (
                "The printed formulas are garbled: Dice is written as intersection over union, and "
                "the loss −(1 − Dice)² rewards a worse prediction. BCE + 1 − soft Dice is what the "
                "name means and what is used; the printed one is the loss breast_custom."
            ),
            (
                "Batch size and learning rate were tuned, on an unnamed split. Here they are "
                "tuned on validation, and the test split is evaluated once."
            ),
        ),
        field="FCN, DeepLabV3+, V-Net, nnU-Net, UNet++, deep residual U-Net, 3D U-Net.",
    ),
}


def paper_of(dataset: str) -> str | None:
    """The paper whose data set this is."""
    return next((name for name, paper in PAPERS.items() if dataset in paper.datasets), None)
