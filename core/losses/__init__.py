"""``LOSSES``: what training minimizes. ``loss = build_loss(name, **options)(logits, target)``.

Every loss takes logits of shape (B, K, H, W) and a target of the same shape in [0, 1], computes in
float32 whatever the precision of the logits, and returns a scalar. One channel is a sigmoid; what
several are, the card says: a softmax over them (the target is one-hot, channel 0 the background) or
a sigmoid for each (a class index of (B, H, W) is never taken).

To add a loss, write a function whose options are keywords, and add one entry to the table.
"""

from collections.abc import Mapping

from core.errors import choose
from core.losses.boundary import boundary, hausdorff_dt
from core.losses.card import Loss, LossCard
from core.losses.compound import bce_dice, breast_custom, ce_dice, combo, unified_focal
from core.losses.entropy import bce, ce, focal, topk_bce, weighted_bce
from core.losses.overlap import (
    dice,
    focal_tversky,
    generalized_dice,
    jaccard,
    lovasz,
    tversky,
)

SHARE = (0.0, 1.0)
ABOVE_ZERO = (1e-3, 1e3)

LOSSES: dict[str, LossCard] = {
    "bce": LossCard(
        loss=bce,
        title="Probabilistic interpretation of feedforward classification network outputs",
        authors="Bridle",
        year=1990,
        link="https://doi.org/10.1007/978-3-642-76153-9_28",
        formula="−mean[t log p + (1 − t) log(1 − p)]",
        use="The first one to try: smooth, calibrated, good where the foreground is not rare.",
    ),
    "weighted_bce": LossCard(
        loss=weighted_bce,
        title="U-Net: convolutional networks for biomedical image segmentation",
        authors="Ronneberger",
        year=2015,
        link="https://arxiv.org/abs/1505.04597",
        formula="mean[w · bce], w = w_c + w0 exp(−(d1 + d2)² / 2σ²)",
        use="Touching objects that have to be kept apart, or a rare foreground.",
        border_map=True,
        limits={"sigma_px": (0.1, 100.0)},
    ),
    "ce": LossCard(
        loss=ce,
        title="Probabilistic interpretation of feedforward classification network outputs",
        authors="Bridle",
        year=1990,
        link="https://doi.org/10.1007/978-3-642-76153-9_28",
        formula="−mean Σ_k t_k log p_k",
        use="Several classes that exclude one another.",
        activation="softmax",
    ),
    "dice": LossCard(
        loss=dice,
        title="V-Net: fully convolutional neural networks for volumetric segmentation",
        authors="Milletari",
        year=2016,
        link="https://arxiv.org/abs/1606.04797",
        formula="1 − (2 Σpt + s) / (Σp + Σt + s)",
        use="Small objects evaluated by Dice; its probabilities are harder than they are sure.",
        activation="softmax",
    ),
    "generalized_dice": LossCard(
        loss=generalized_dice,
        title="Generalised Dice overlap as a deep learning loss function for highly unbalanced "
        "segmentations",
        authors="Sudre",
        year=2017,
        link="https://arxiv.org/abs/1707.03237",
        formula="1 − 2 Σ_k w_k Σpt / Σ_k w_k (Σp + Σt), w_k = 1 / (Σt_k)²",
        use="Classes of very different sizes that should count alike.",
        activation="softmax",
    ),
    "bce_dice": LossCard(
        loss=bce_dice,
        title="UNet++: a nested U-Net architecture for medical image segmentation",
        authors="Zhou",
        year=2018,
        link="https://arxiv.org/abs/1807.10165",
        formula="bce + 1 − Dice",
        use="The safe choice for a binary lesion: steady gradients, and the overlap that counts.",
    ),
    "ce_dice": LossCard(
        loss=ce_dice,
        title="nnU-Net: a self-configuring method for deep learning-based biomedical image "
        "segmentation",
        authors="Isensee",
        year=2021,
        link="https://doi.org/10.1038/s41592-020-01008-z",
        formula="ce + 1 − Dice",
        use="The safe choice for several classes.",
        activation="softmax",
    ),
    "jaccard": LossCard(
        loss=jaccard,
        title="Optimizing intersection-over-union in deep neural networks for image segmentation",
        authors="Rahman",
        year=2016,
        link="https://doi.org/10.1007/978-3-319-50835-1_22",
        formula="1 − (Σpt + s) / (Σp + Σt − Σpt + s)",
        use="As Dice, where intersection over union is what is evaluated.",
        activation="softmax",
    ),
    "tversky": LossCard(
        loss=tversky,
        title="Tversky loss function for image segmentation using 3D fully convolutional deep "
        "networks",
        authors="Salehi",
        year=2017,
        link="https://arxiv.org/abs/1706.05721",
        formula="1 − (TP + s) / (TP + α FP + β FN + s)",
        use="A missed lesion is worse than a false alarm: β above α.",
        activation="softmax",
    ),
    "focal": LossCard(
        loss=focal,
        title="Focal loss for dense object detection",
        authors="Lin",
        year=2017,
        link="https://arxiv.org/abs/1708.02002",
        formula="−mean[α_t (1 − p_t)^gamma log p_t]",
        use="Very many easy background pixels.",
        activation="softmax",
        limits={"alpha": SHARE},
    ),
    "focal_tversky": LossCard(
        loss=focal_tversky,
        title="A novel focal Tversky loss function with improved attention U-Net for lesion "
        "segmentation",
        authors="Abraham",
        year=2019,
        link="https://arxiv.org/abs/1810.07842",
        formula="(1 − T)^(1/gamma), T = (TP + s) / (TP + α FP + β FN + s)",
        use="Small lesions that Tversky still misses.",
        activation="softmax",
        limits={"gamma": ABOVE_ZERO},
    ),
    "unified_focal": LossCard(
        loss=unified_focal,
        title="Unified focal loss: generalising Dice and cross entropy-based losses to handle "
        "class imbalanced medical image segmentation",
        authors="Yeung",
        year=2022,
        link="https://arxiv.org/abs/2102.04525",
        formula="λ Σ_k δ_k (1 − p_k)^gamma ce_k + (1 − λ) mean_k (1 − T_k)^(1 − gamma)",
        use="Strong imbalance, with one gamma and one δ to tune instead of six.",
        activation="softmax",
        limits={"weight": SHARE, "delta": SHARE, "gamma": (0.0, 0.99)},
    ),
    "combo": LossCard(
        loss=combo,
        title="Combo loss: handling input and output imbalance in multi-organ segmentation",
        authors="Taghanaki",
        year=2019,
        link="https://arxiv.org/abs/1805.02798",
        formula="−α mean[β t log p + (1 − β)(1 − t) log(1 − p)] + (1 − α)(1 − Dice)",
        use="As bce_dice, with the price of a missed pixel set by β.",
        limits={"alpha": SHARE, "beta": SHARE},
    ),
    "boundary": LossCard(
        loss=boundary,
        title="Boundary loss for highly unbalanced segmentation",
        authors="Kervadec",
        year=2019,
        link="https://arxiv.org/abs/1812.07032",
        formula="region · generalized Dice + α mean[φ p], φ the signed distance to the contour",
        use="Contours that have to be right, after a region loss has found the object. Slower.",
        activation="softmax",
    ),
    "hausdorff_dt": LossCard(
        loss=hausdorff_dt,
        title="Reducing the Hausdorff distance in medical image segmentation with convolutional "
        "neural networks",
        authors="Karimi",
        year=2019,
        link="https://arxiv.org/abs/1904.10030",
        formula="mean[(p − t)² (d_p^α + d_t^α)]",
        use="A stray island far from the object is what hurts. Slower.",
        activation="softmax",
        limits={"alpha": (0.0, 4.0)},
    ),
    "lovasz": LossCard(
        loss=lovasz,
        title="The Lovász-softmax loss: a tractable surrogate for the optimization of the "
        "intersection-over-union measure in neural networks",
        authors="Berman",
        year=2018,
        link="https://arxiv.org/abs/1705.08790",
        formula="Σ_i m_(i) g_i, errors m sorted, g the rise of 1 − IoU with each",
        use="The last epochs towards intersection over union of the mask; not calibrated.",
        activation="softmax",
    ),
    "topk_bce": LossCard(
        loss=topk_bce,
        title="Bridging category-level and instance-level semantic image segmentation",
        authors="Wu",
        year=2016,
        link="https://arxiv.org/abs/1605.06885",
        formula="mean of the largest share of bce",
        use="Hard pixels drown among easy ones, and labels are clean.",
        limits={"fraction": (1e-6, 1.0)},
    ),
    "breast_custom": LossCard(
        loss=breast_custom,
        title="Breast cancer segmentation in medical imaging: a custom U-Net approach",
        authors="Rahman",
        year=2024,
        link="https://doi.org/10.13140/RG.2.2.11596.01922",
        formula="as printed: −(1 − D)², D = Σpt / (Σp + Σt − Σpt)",
        use="Not for training: as printed, a worse prediction costs less. Take bce_dice.",
        as_printed=True,
    ),
}


def build_loss(name: str, **options: object) -> Loss:
    """A loss by name.

    Args:
        name: Key of ``LOSSES``.
        **options: The loss's own, see ``LossCard.options``.

    Raises:
        InputError: Unknown name, unknown option or a value that the loss cannot take.
    """
    card = choose("loss", name, LOSSES)
    card.check(name, options)
    return card.build(**options)


def check_loss_options(name: str, options: Mapping[str, object]) -> None:
    """Refuse what ``build_loss`` would.

    Raises:
        InputError: As ``build_loss``.
    """
    choose("loss", name, LOSSES).check(name, options)


__all__ = ["LOSSES", "Loss", "LossCard", "bce", "build_loss", "check_loss_options"]
