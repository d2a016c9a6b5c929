"""Losses: values a reader can redo with a pencil, finite everywhere, float32 always."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from core.errors import InputError
from core.losses import LOSSES, build_loss

every_loss = pytest.mark.parametrize("name", LOSSES)


def row(*values: float) -> Tensor:
    """One image of one row, shape (1, 1, 1, W)."""
    return torch.tensor(values, dtype=torch.float32)[None, None, None]


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


def test_the_dice_part_is_pooled_over_the_batch() -> None:
    logits = torch.tensor([20.0, -20, 20, 20])[:, None, None, None]  # four images of one pixel
    truth = torch.tensor([1.0, 0, 0, 1])[:, None, None, None]
    soft_dice = 1 - (build_loss("bce_dice")(logits, truth) - build_loss("bce")(logits, truth))
    assert soft_dice.item() == pytest.approx((2 * 2 + 1) / (3 + 2 + 1), rel=1e-5)


@every_loss
def test_a_better_prediction_costs_less(name: str) -> None:
    loss, truth = build_loss(name), row(1, 0, 1, 0)
    wrong, unsure, right = (loss(scale * (2 * truth - 1), truth) for scale in (-5.0, 0.0, 5.0))
    assert wrong > unsure > right > 0


@every_loss
@pytest.mark.parametrize("logit", [-100.0, 0.0, 100.0])
@pytest.mark.parametrize("truth", [0.0, 1.0])
def test_value_and_gradient_are_finite(name: str, logit: float, truth: float) -> None:
    logits = torch.full((2, 1, 8, 8), logit, requires_grad=True)
    loss = build_loss(name)(logits, torch.full((2, 1, 8, 8), truth))
    torch.autograd.backward(loss)
    assert loss.isfinite()
    assert loss >= 0
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@every_loss
def test_an_empty_truth_wants_an_empty_prediction(name: str) -> None:
    loss, empty = build_loss(name), torch.zeros(1, 1, 4, 4)
    assert loss(empty - 100, empty).item() == pytest.approx(0, abs=1e-6)
    assert loss(empty + 100, empty) > 1


@every_loss
def test_it_computes_in_float32_whatever_the_logits(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 1, 16, 16, generator=generator).bfloat16()
    truth = torch.rand(2, 1, 16, 16, generator=generator).round()
    loss = build_loss(name)(logits, truth)
    assert loss.dtype == torch.float32
    assert loss.shape == ()
    assert torch.equal(loss, build_loss(name)(logits.float(), truth))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(build_loss(name)(logits, truth), loss)


def test_bce_agrees_with_the_definition_in_float64() -> None:
    generator = torch.Generator().manual_seed(3)
    logits = 5 * torch.randn(2, 3, 9, 7, generator=generator)
    truth = torch.rand(2, 3, 9, 7, generator=generator)
    reference = functional.binary_cross_entropy(logits.double().sigmoid(), truth.double())
    assert build_loss("bce")(logits, truth).item() == pytest.approx(reference.item(), rel=1e-6)


def test_an_unknown_loss_is_refused_with_the_choices() -> None:
    with pytest.raises(InputError, match="unknown loss 'dise'; choose one of bce, bce_dice"):
        build_loss("dise")
