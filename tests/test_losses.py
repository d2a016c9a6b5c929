"""Losses: values a reader can redo with a pencil, the libraries' values, finite everywhere.

Conventions of the libraries that are not ours are undone where they are compared: MONAI averages
the classes of a focal loss where we sum them (as the papers do) and adds half of its smoothing to
the Jaccard quotient; segmentation_models_pytorch adds its own to TP where we add it to 2 TP.
"""

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from core.config import RunConfig
from core.errors import InputError
from core.losses import LOSSES, build_loss, check_loss_options
from core.system.torchvision_ops import ensure_importable

every_loss = pytest.mark.parametrize("name", LOSSES)
BACKWARDS = {"breast_custom"}  # as printed, a better prediction costs more
TO_TRAIN_WITH = [name for name in LOSSES if name not in BACKWARDS]
BELOW_ZERO = {"boundary", "breast_custom"}
every_loss_to_train_with = pytest.mark.parametrize("name", TO_TRAIN_WITH)
channels = pytest.mark.parametrize("classes", [1, 3])


def row(*values: float) -> Tensor:
    """One image of one row, shape (1, 1, 1, W)."""
    return torch.tensor(values, dtype=torch.float32)[None, None, None]


def case(classes: int, *, seed: int = 0, side: int = 12) -> tuple[Tensor, Tensor]:
    """Random logits and a random one-hot (or binary) target of two images."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(2, classes, side, side, generator=generator)
    labels = torch.randint(max(classes, 2), (2, side, side), generator=generator)
    if classes == 1:
        return logits, labels[:, None].float()
    return logits, functional.one_hot(labels, classes).permute(0, 3, 1, 2).float()


# --- volumes ------------------------------------------------------------------------------------


BY_DISTANCE = {"boundary", "hausdorff_dt"}


@every_loss
@channels
def test_a_volume_costs_what_its_slices_beside_one_another_cost(name: str, classes: int) -> None:
    if classes > 1 and not LOSSES[name].multiclass:
        pytest.skip("takes one channel")
    logits, target = case(classes)
    loss, deep = build_loss(name), (2, classes, 3, 4, 12)
    volume = loss(logits.reshape(deep), target.reshape(deep))
    if name not in BY_DISTANCE:  # these look beyond the slice
        torch.testing.assert_close(volume, loss(logits, target))
    assert torch.isfinite(volume)
    torch.testing.assert_close(loss(logits[:, :, None], target[:, :, None]), loss(logits, target))


# --- with a pencil -------------------------------------------------------------------------------


def test_bce_with_a_pencil() -> None:
    loss = build_loss("bce")
    assert loss(row(0, 0), row(1, 0)).item() == pytest.approx(math.log(2))
    logit = math.log(3)  # probability 3/4
    assert loss(row(logit, logit), row(1, 0)).item() == pytest.approx(
        (math.log(4 / 3) + math.log(4)) / 2
    )


def test_bce_dice_with_a_pencil() -> None:
    # Probability 1/2 on four pixels, truth on two: overlap 1, sums 2 and 2, Dice (2 + 1)/(4 + 1).
    loss = build_loss("bce_dice")(row(0, 0, 0, 0), row(1, 1, 0, 0))
    assert loss.item() == pytest.approx(math.log(2) + 1 - 3 / 5)


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        # Probability 1/2 on four pixels, truth on two: TP = FP = FN = 1.
        ("dice", {}, 1 - 3 / 5),
        ("dice", {"smooth": 0}, 1 - 2 / 4),
        ("jaccard", {}, 1 - 2 / 4),
        ("jaccard", {"smooth": 0.0}, 1 - 1 / 3),
        ("tversky", {"alpha": 0.25, "beta": 1.75, "smooth": 0.0}, 1 - 1 / 3),
        ("focal_tversky", {"gamma": 2.0, "alpha": 1.0, "beta": 2.0, "smooth": 0.0}, 0.75**0.5),
        ("generalized_dice", {}, 1 / 2),  # two classes of equal size, each half right
        ("ce", {}, math.log(2)),
        ("focal", {"gamma": 2.0, "alpha": 0.5}, 0.5 * 0.25 * math.log(2)),
        ("weighted_bce", {"positive_weight": 3.0}, 2 * math.log(2)),
        ("weighted_bce", {"balance": True}, math.log(2)),
        ("topk_bce", {"fraction": 0.5}, math.log(2)),
        ("ce_dice", {}, math.log(2) + 1 - 3 / 5),
        ("combo", {"alpha": 0.25, "beta": 0.5}, 0.25 * 0.5 * math.log(2) + 0.75 * 0.4),
        ("lovasz", {}, 1.0),  # every error is 1, and the rises of 1 − IoU add up to 1
        ("breast_custom", {}, -((1 - 1 / 3) ** 2)),
        ("hausdorff_dt", {"alpha": 1.0}, (2 + 1 + 1 + 2) / 4 / 4),  # no contour of p: only t's
        # φ = (−1, 0, 1, 2), times 1/2.
        ("boundary", {"region": 0.0, "alpha": 1.0}, (-1 + 0 + 1 + 2) / 2 / 4),
        (
            "unified_focal",
            {"weight": 1.0, "delta": 0.6, "gamma": 0.5, "asymmetric": True},
            (0.6 * math.log(2) + 0.4 * 0.5**0.5 * math.log(2)) / 2,
        ),
        (
            "unified_focal",
            {"weight": 0.0, "delta": 0.6, "gamma": 0.5, "asymmetric": False},
            0.5**0.5,
        ),
    ],
)
def test_with_a_pencil(name: str, options: dict[str, Any], expected: float) -> None:
    loss = build_loss(name, **options)(row(0, 0, 0, 0), row(1, 1, 0, 0))
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_the_dice_part_is_pooled_over_the_batch() -> None:
    logits = torch.tensor([20.0, -20, 20, 20])[:, None, None, None]  # four images of one pixel
    truth = torch.tensor([1.0, 0, 0, 1])[:, None, None, None]
    soft_dice = 1 - (build_loss("bce_dice")(logits, truth) - build_loss("bce")(logits, truth))
    assert soft_dice.item() == pytest.approx((2 * 2 + 1) / (3 + 2 + 1), rel=1e-5)
    each = 1 - build_loss("dice", per_image=True)(logits, truth)
    assert each.item() == pytest.approx((1 + 1 + 1 / 2 + 1) / 4, rel=1e-5)


def test_the_border_map_adds_its_weight() -> None:
    border = row(0, 1, 0.5, 0)
    loss = build_loss("weighted_bce", w0=4.0)(row(0, 0, 0, 0), row(1, 0, 0, 1), border)
    assert loss.item() == pytest.approx(math.log(2) * (1 + 5 + 3 + 1) / 4)


def test_balanced_weights_give_each_class_one_half() -> None:
    truth = row(1, 0, 0, 0)
    loss = build_loss("weighted_bce", balance=True)(row(-1, 3, 3, 3), truth)
    missed, wrong = math.log(1 + math.e), math.log(1 + math.e**3)
    assert loss.item() == pytest.approx((missed + wrong) / 2)


def test_topk_takes_the_worst() -> None:
    loss = build_loss("topk_bce", fraction=0.25)(row(5, 5, 5, -2), row(1, 1, 1, 1))
    assert loss.item() == pytest.approx(math.log(1 + math.e**2))


def test_one_channel_is_two_classes() -> None:
    logits, truth = case(1)
    two = torch.cat([torch.zeros_like(logits), logits], 1)
    one_hot = torch.cat([1 - truth, truth], 1)
    for name in ("ce", "generalized_dice", "unified_focal"):
        loss = build_loss(name)
        assert torch.allclose(loss(logits, truth), loss(two, one_hot), atol=1e-6), name
    assert torch.allclose(build_loss("ce")(logits, truth), build_loss("bce")(logits, truth))


def test_the_breast_paper_as_printed() -> None:
    logits, truth = case(1)
    p = logits.sigmoid()
    printed_dice = (p * truth).sum() / (p.sum() + truth.sum() - (p * truth).sum())
    loss = build_loss("breast_custom")(logits, truth)
    assert loss.item() == pytest.approx(-((1 - printed_dice.item()) ** 2), rel=1e-6)
    assert LOSSES["breast_custom"].as_printed
    assert "Not for training" in LOSSES["breast_custom"].use
    worse, better = (
        build_loss("breast_custom")(scale * (2 * truth - 1), truth) for scale in (1.0, 5.0)
    )
    assert better > worse, "as printed"


# --- for all of them -----------------------------------------------------------------------------


@every_loss_to_train_with
@channels
def test_a_better_prediction_is_never_worse(name: str, classes: int) -> None:
    truth, loss = case(classes)[1], build_loss(name)
    # Not at 0: there the mask has no contour, and hausdorff_dt leaves its distance out.
    costs = [loss(scale * (2 * truth - 1), truth) for scale in (-5.0, -2.0, -0.5, 0.5, 2.0, 5.0)]
    assert all(before >= after for before, after in pairwise(costs)), costs
    assert costs[0] > costs[2] > costs[-1]


@every_loss
@channels
@pytest.mark.parametrize("logit", [-100.0, 0.0, 100.0])
@pytest.mark.parametrize("truth", [0.0, 1.0, 0.5])
def test_value_and_gradient_are_finite(name: str, classes: int, logit: float, truth: float) -> None:
    shape = (2, classes, 8, 8)
    logits = torch.full(shape, logit).index_fill_(3, torch.tensor([0]), -logit).requires_grad_()
    loss = build_loss(name)(logits, torch.full(shape, truth))
    torch.autograd.backward(loss)
    assert loss.isfinite()
    assert loss >= 0 or name in BELOW_ZERO
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@every_loss
@channels
@pytest.mark.parametrize("scale", [-100.0, -1.0, 0.0, 1.0, 100.0])
def test_the_gradient_is_finite_whatever_is_right(name: str, classes: int, scale: float) -> None:
    truth = case(classes)[1]
    logits = (scale * (2 * truth - 1)).requires_grad_()
    torch.autograd.backward(build_loss(name)(logits, truth))
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@every_loss_to_train_with
def test_an_empty_truth_wants_an_empty_prediction(name: str) -> None:
    loss, empty = build_loss(name), torch.zeros(1, 1, 4, 4)
    assert loss(empty - 100, empty).item() == pytest.approx(0, abs=2e-6)
    assert loss(empty + 100, empty) > 0.2
    logits = empty.clone().requires_grad_()
    torch.autograd.backward(loss(logits, empty))
    assert logits.grad is not None
    assert logits.grad.sum() > 0, "and pulls towards it"


@every_loss
@channels
def test_it_computes_in_float32_whatever_the_logits(name: str, classes: int) -> None:
    logits, truth = case(classes)
    logits = logits.bfloat16()
    loss = build_loss(name)(logits, truth)
    assert loss.dtype == torch.float32
    assert loss.shape == ()
    assert torch.equal(loss, build_loss(name)(logits.float(), truth))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(build_loss(name)(logits, truth), loss)


@every_loss
@channels
def test_gradients_in_float64(name: str, classes: int) -> None:
    logits, truth = case(classes, side=4)
    logits = logits.double().requires_grad_()
    loss = build_loss(name)
    assert torch.autograd.gradcheck(lambda x: loss(x, truth), logits)


def test_gradients_of_the_border_weight() -> None:
    logits, truth = case(1, side=4)
    loss, border = build_loss("weighted_bce", balance=True), truth.flip(3) / 2
    assert torch.autograd.gradcheck(
        lambda x: loss(x, truth, border), logits.double().requires_grad_()
    )


@every_loss
def test_the_card_says_what_it_is(name: str) -> None:
    card = LOSSES[name]
    assert card.title
    assert card.authors
    assert 1980 < card.year <= 2026
    assert card.link.startswith("https://")
    assert card.formula
    assert card.use.endswith(".")
    assert card.activation in ("sigmoid", "softmax")
    assert set(card.limits) <= set(card.options)
    logits, truth = case(1)
    given = build_loss(name, **card.options)(logits, truth)
    assert torch.equal(given, build_loss(name)(logits, truth)), "the defaults, spelled out"


def test_bce_agrees_with_the_definition_in_float64() -> None:
    generator = torch.Generator().manual_seed(3)
    logits = 5 * torch.randn(2, 3, 9, 7, generator=generator)
    truth = torch.rand(2, 3, 9, 7, generator=generator)
    reference = functional.binary_cross_entropy(logits.double().sigmoid(), truth.double())
    assert build_loss("bce")(logits, truth).item() == pytest.approx(reference.item(), rel=1e-6)


def test_ce_agrees_with_torch() -> None:
    logits, truth = case(4)
    reference = functional.cross_entropy(logits, truth.argmax(1))
    assert build_loss("ce")(logits, truth).item() == pytest.approx(reference.item(), rel=1e-6)


# --- against MONAI and segmentation_models_pytorch -----------------------------------------------

MONAI: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("dice", {"smooth": 1e-5, "per_image": True}, "DiceLoss", {}),
    ("jaccard", {"smooth": 5e-6, "per_image": True}, "DiceLoss", {"jaccard": True}),
    ("generalized_dice", {"smooth": 1e-5, "per_image": True}, "GeneralizedDiceLoss", {}),
    ("generalized_dice", {"smooth": 1e-5}, "GeneralizedDiceLoss", {"batch": True}),
    (
        "tversky",
        {"smooth": 1e-5, "per_image": True},
        "TverskyLoss",
        {"alpha": 0.3, "beta": 0.7},
    ),
    ("hausdorff_dt", {}, "HausdorffDTLoss", {}),
    ("hausdorff_dt", {"alpha": 1.0}, "HausdorffDTLoss", {"alpha": 1.0}),
]


@channels
@pytest.mark.parametrize(("name", "options", "theirs", "their_options"), MONAI)
def test_as_monai(
    name: str,
    options: dict[str, Any],
    theirs: str,
    their_options: dict[str, Any],
    classes: int,
) -> None:
    monai = pytest.importorskip("monai.losses")
    logits, truth = case(classes, side=33)
    activation = "sigmoid" if classes == 1 else "softmax"
    if name == "generalized_dice" and classes == 1:  # ours is two classes, as the paper's
        logits = torch.cat([torch.zeros_like(logits), logits], 1)
        truth, activation = torch.cat([1 - truth, truth], 1), "softmax"
    settings = {activation: True, "include_background": True, **their_options}
    reference = getattr(monai, theirs)(**settings)(logits, truth)
    ours = build_loss(name, **options)(logits, truth)
    assert ours.item() == pytest.approx(reference.item(), abs=1e-5)


@channels
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_as_monai(classes: int, gamma: float) -> None:
    monai = pytest.importorskip("monai.losses")
    logits, truth = case(classes)
    reference = monai.FocalLoss(gamma=gamma, alpha=0.25, use_softmax=classes > 1)(logits, truth)
    ours = build_loss("focal", gamma=gamma)(logits, truth)
    assert ours.item() == pytest.approx(classes * reference.item(), abs=1e-5)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_unified_focal_as_monai(weight: float) -> None:
    monai = pytest.importorskip("monai.losses")
    logits, truth = case(1)
    both = [
        monai.AsymmetricUnifiedFocalLoss(weight=part, gamma=0.5, delta=0.6)(logits.sigmoid(), truth)
        for part in (0.0, 1.0)
    ]
    # MONAI averages the two classes of the focal part, Yeung's own code and ours sum them.
    reference = (1 - weight) * both[0] + weight * 2 * both[1]
    ours = build_loss("unified_focal", weight=weight)(logits, truth)
    assert ours.item() == pytest.approx(reference.item(), abs=1e-5)


SMP: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("dice", {"smooth": 0.0}, "DiceLoss", {}),
    ("dice", {"smooth": 2.0}, "DiceLoss", {"smooth": 1.0}),  # theirs is added to TP, not to 2 TP
    ("jaccard", {"smooth": 0.0}, "JaccardLoss", {}),
    ("tversky", {"smooth": 0.0}, "TverskyLoss", {"alpha": 0.3, "beta": 0.7}),
    ("lovasz", {}, "LovaszLoss", {}),
    ("lovasz", {"per_image": True}, "LovaszLoss", {"per_image": True}),
]


@channels
@pytest.mark.parametrize(("name", "options", "theirs", "their_options"), SMP)
def test_as_segmentation_models(
    name: str, options: dict[str, Any], theirs: str, their_options: dict[str, Any], classes: int
) -> None:
    ensure_importable()
    from segmentation_models_pytorch import losses

    logits, truth = case(classes, side=33)
    mode = "binary" if classes == 1 else "multiclass"
    target = truth if classes == 1 else truth.argmax(1)
    reference = getattr(losses, theirs)(mode, **their_options)(logits, target)
    assert build_loss(name, **options)(logits, truth).item() == pytest.approx(
        reference.item(), abs=1e-5
    )


def test_focal_and_focal_tversky_as_segmentation_models() -> None:
    ensure_importable()
    from segmentation_models_pytorch import losses

    logits, truth = case(1)
    reference = losses.FocalLoss("binary", alpha=0.25, gamma=2.0)(logits, truth)
    assert build_loss("focal")(logits, truth).item() == pytest.approx(reference.item(), abs=1e-5)
    reference = losses.TverskyLoss("binary", alpha=0.3, beta=0.7, gamma=0.75)(logits, truth)
    ours = build_loss("focal_tversky", gamma=4 / 3, smooth=0.0)(logits, truth)
    assert ours.item() == pytest.approx(reference.item(), abs=1e-5)


# --- names and options ---------------------------------------------------------------------------


def test_an_unknown_loss_is_refused_with_the_choices() -> None:
    with pytest.raises(InputError, match="unknown loss 'dise'; choose one of bce, weighted_bce"):
        build_loss("dise")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("bce", {"gamma": 1.0}, "unknown option of bce 'gamma'; choose one of"),
        ("focal", {"gama": 1.0}, "unknown option of focal 'gama'; choose one of gamma, alpha"),
        ("focal", {"gamma": "two"}, "option gamma of focal takes a number, found 'two'"),
        ("focal", {"gamma": True}, "option gamma of focal takes a number, found True"),
        ("focal", {"alpha": 1.5}, "option alpha of focal takes a number from 0 to 1, not 1.5"),
        ("focal", {"gamma": -1}, "option gamma of focal takes a number of 0 or more, not -1"),
        ("focal", {"gamma": math.nan}, "option gamma of focal takes a number of 0 or more"),
        ("dice", {"smooth": math.inf}, "option smooth of dice takes a number of 0 or more"),
        ("dice", {"per_image": 1}, "option per_image of dice takes true or false, found 1"),
        ("topk_bce", {"fraction": 0}, "option fraction of topk_bce takes a number from 1e-06 to 1"),
    ],
)
def test_wrong_options_are_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_loss(name, **options)
    with pytest.raises(InputError, match=message):
        check_loss_options(name, options)


def test_a_whole_number_will_do() -> None:
    logits, truth = case(1)
    assert torch.equal(
        build_loss("focal", gamma=2)(logits, truth), build_loss("focal")(logits, truth)
    )


def test_a_run_keeps_the_options_of_its_loss() -> None:
    run = RunConfig(dataset="phantoms", loss="focal").with_settings({"loss.gamma": 3}, {})
    assert run.loss_options == {"gamma": 3}
    assert RunConfig.of_document(run.document()) == run
    more = run.with_settings({"loss.alpha": 0.5}, {})
    assert more.loss_options == {"gamma": 3, "alpha": 0.5}
    other = more.with_settings({"loss.alpha": 0.1, "loss": "tversky"}, {})
    assert (other.loss, other.loss_options) == ("tversky", {"alpha": 0.1})
    assert other.with_settings({"loss": "bce"}, {}).loss_options == {}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss.gama": 2}, "unknown option of focal 'gama'; choose one of gamma, alpha"),
        ({"loss.gamma": "much"}, "option gamma of focal takes a number, found 'much'"),
        ({"loss": "bce", "loss.gamma": 2}, "unknown option of bce 'gamma'"),
        ({"loss": "dise", "loss.gamma": 2}, "unknown loss 'dise'"),
        ({"loss_options": {"gamma": 2}}, "unknown setting 'loss_options'"),
    ],
)
def test_a_run_refuses_options_that_its_loss_has_not(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        RunConfig(dataset="phantoms", loss="focal").with_settings(settings, {})
