"""Several answers to one image: their mean, where they disagree, and whether that predicts error.

The answers come from the image flipped and turned (test-time augmentation), from a network with its
dropout left on (Gal and Ghahramani 2016, arXiv 1506.02142) or from several networks (an ensemble,
or the members of a ensemble; Lakshminarayanan 2017, arXiv 1612.01474). A member is any callable
``image -> probability``; maps are summed up one by one, so memory does not grow with their number.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core.errors import InputError, choose
from core.inference.predictor import ImagePredictor, Predictor, Probability
from core.levels import STEPS, LevelMap, level_map
from core.metrics.card import Scores
from core.metrics.sweep import Counts
from core.networks.ensemble import Ensemble

Image = NDArray[np.uint8]
Member = Callable[[Image], Probability]
View = tuple[int, bool]
"""Quarter turns, and whether the image is mirrored before."""

VIEWS: dict[str, tuple[View, ...]] = {
    "mirror": ((0, False), (0, True)),
    "flips": ((0, False), (0, True), (2, False), (2, True)),
    "turns": tuple((turns, mirrored) for mirrored in (False, True) for turns in range(4)),
}
"""Ways of test-time augmentation: 2 views from left to right, 4 by flips, 8 with quarter turns."""


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """What several answers say together, each map of shape (H, W)."""

    mean: Probability
    """Mean probability: the better answer, as a rule."""
    deviation: Probability
    """Standard deviation of the members, 0 to 0.5: where they disagree."""
    entropy: Probability
    """Of the mean in bits, 0 to 1: all uncertainty."""
    mutual_information: Probability
    """Entropy of the mean less the mean entropy of the members, in bits: disagreement alone."""
    members: int
    """How many answered."""


def gather(members: Iterable[Member], image: Image) -> Uncertainty:
    """Ask every member and sum up.

    Args:
        members: At least one.
        image: Shape (H, W) or (H, W, C).
    """
    count = 0
    total = squares = entropies = np.zeros(image.shape[:2])
    for member in members:
        probability = member(image).astype(np.float64)
        count += 1
        total = total + probability
        squares = squares + probability**2
        entropies = entropies + entropy_bits(probability)
    assert count, "nobody to ask"
    mean = np.asarray(total / count)
    whole = entropy_bits(mean)
    return Uncertainty(
        mean=mean.astype(np.float32),
        deviation=np.sqrt(np.maximum(squares / count - mean**2, 0)).astype(np.float32),
        entropy=whole.astype(np.float32),
        mutual_information=np.maximum(whole - entropies / count, 0).astype(np.float32),
        members=count,
    )


def entropy_bits(probability: Scores) -> Scores:
    """Of foreground or not, 0 where it is certain, 1 at 0.5; the same shape."""
    from scipy.special import entr  # 0.2 s; only where uncertainty is asked for

    return np.asarray((entr(probability) + entr(1 - probability)) / np.log(2))


def refuse_volumes(predictor: Predictor, name: str) -> None:
    """Refuse a 3-D network where several answers to one image are wanted.

    Raises:
        InputError: It is one.
    """
    if predictor.takes_volumes:
        raise InputError(
            f"{name} sees whole volumes, and several answers are had for images by themselves "
            "alone; leave that out or choose a model for images"
        )


def augmented(member: Member, way: str) -> list[Member]:
    """The same network looking at the image flipped and turned, its answers turned back.

    Raises:
        InputError: Unknown way.
    """
    return [partial(_seen, member, view) for view in choose("way to augment", way, VIEWS)]


def _seen(member: Member, view: View, image: Image) -> Probability:
    turns, mirrored = view
    turned = np.rot90(image[:, ::-1] if mirrored else image, turns)
    back = np.rot90(member(np.ascontiguousarray(turned)), -turns)
    return np.ascontiguousarray(back[:, ::-1] if mirrored else back)


def dropout_members(predictor: Predictor, *, samples: int = 16, seed: int = 0) -> list[Member]:
    """A network asked several times with its dropout on; the same seed gives the same answers.

    Raises:
        InputError: The network has no dropout.
    """
    if not _dropouts(predictor.model):
        raise InputError(
            "the network has no dropout, so it answers the same each time; use augmentation or an "
            "ensemble, or train with --set dropout=0.1"
        )
    return [partial(_dropped, predictor, seed + n) for n in range(samples)]


def ensemble_members(predictor: Predictor) -> list[Member]:
    """The networks of a ensemble, each by itself.

    Raises:
        InputError: There is one network only.
    """
    if not isinstance(predictor.model, Ensemble):
        raise InputError(
            "the model is one network; train with --set members=3, or name several models and take "
            "--method ensemble"
        )
    alone: list[Member] = []
    for network in predictor.model.members:
        member = copy.copy(predictor)
        member.model = network
        alone.append(member.probability)
    return alone


def _dropped(predictor: Predictor, seed: int, image: Image) -> Probability:
    devices = [predictor.device] if predictor.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), _dropping(predictor.model):
        torch.manual_seed(seed)
        return predictor.probability(image)


@contextmanager
def _dropping(model: nn.Module) -> Iterator[None]:
    layers = _dropouts(model)
    for layer in layers:
        layer.train()
    try:
        yield
    finally:
        for layer in layers:
            layer.eval()


def _dropouts(model: nn.Module) -> list[nn.Module]:
    kinds = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
    return [layer for layer in model.modules() if isinstance(layer, kinds) and layer.p > 0]


class AveragedPredictor(ImagePredictor):
    """The mean of several answers in the place of one predictor.

    Args:
        members: As ``augmented``, ``dropout_members`` or ``[one.probability, other.probability]``.
        words: What was averaged, for the convention of the scores.
    """

    def __init__(self, members: Sequence[Member], *, words: str) -> None:
        self.members = tuple(members)
        self.words = words

    def probability(self, image: Image) -> Probability:
        """Mean probability, float32 in [0, 1], shape (H, W)."""
        return np.clip(gather(self.members, image).mean, 0, 1)

    def levels(self, image: Image) -> LevelMap:
        """Level map of the mean, shape (H, W)."""
        return level_map(self.probability(image))


def averaged_views(member: Member, way: str) -> AveragedPredictor:
    """Test-time augmentation as a predictor.

    Raises:
        InputError: Unknown way.
    """
    members = augmented(member, way)
    return AveragedPredictor(members, words=f"mean of {len(members)} views ({way})")


@dataclass(frozen=True, kw_only=True)
class RiskCoverage:
    """Whether uncertainty knows where the errors are (Geifman 2017, arXiv 1705.08500).

    Pixels are accepted from the most certain on; those of equal uncertainty in random order.
    """

    coverage: Scores
    """Share of pixels accepted, ascending to 1."""
    risk: Scores
    """Share of errors among them."""
    area: float
    """Under the curve: mean risk over all coverages; lower is better."""
    area_random: float
    """The same if uncertainty knew nothing: the share of errors."""
    area_best: float
    """The same if every error were less certain than every hit."""

    @property
    def gain(self) -> float:
        """0 is no better than chance, 1 finds every error; NaN without errors or hits."""
        possible = self.area_random - self.area_best
        return (self.area_random - self.area) / possible if possible > 0 else float("nan")


def error_histogram(uncertainty: Probability, wrong: NDArray[np.bool_]) -> Counts:
    """Pixels right and wrong at each level of uncertainty, shape (2, T); images add up.

    Args:
        uncertainty: 0 to 1, any shape; twice ``deviation``, or ``entropy`` as it is.
        wrong: Where the mask differs from the truth, the same shape.
    """
    levels = level_map(np.clip(uncertainty, 0, 1)).astype(np.int64)
    place = levels + (STEPS + 1) * wrong
    return np.bincount(place.ravel(), minlength=2 * (STEPS + 1)).reshape(2, STEPS + 1)


def risk_coverage(histogram: Counts) -> RiskCoverage:
    """The curve of ``error_histogram``, of one image or of many added up."""
    there = histogram.sum(axis=0) > 0
    assert there.any(), "no pixels"
    total = histogram.sum()
    coverage = histogram.sum(axis=0)[there].cumsum() / total
    errors = histogram[1][there].cumsum() / total
    # Within a level errors grow in a line, errors = offset + slope * c, and the area of
    # errors / c is offset * log(c) + slope * c.
    c0, e0 = np.append(0, coverage[:-1]), np.append(0, errors[:-1])
    slope = (errors - e0) / (coverage - c0)
    offset = e0 - slope * c0
    offset[0] = 0  # nothing was wrong before the first pixel
    steps = np.log(coverage / np.where(c0 > 0, c0, 1))
    area = (offset * np.where(c0 > 0, steps, 0) + slope * (coverage - c0)).sum()
    share = float(errors[-1])
    return RiskCoverage(
        coverage=coverage,
        risk=errors / coverage,
        area=float(area),
        area_random=share,
        area_best=share + (1 - share) * float(np.log1p(-share)) if share < 1 else 1.0,
    )
