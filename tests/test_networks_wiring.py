"""Every skip of every network, alone: what it carries arrives in the logits, and at its place.

What comes out of one encoder stage is changed at one place, and what the next deeper stage gives is
held still, so that nothing but the skip of that stage can tell the logits. A skip that is cut
changes nothing; one that is flipped, transposed or shifted changes another place.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from core.networks import MODELS, build_model

Skip = tuple[str, tuple[str, ...], str]
"""The module that a skip starts from, those that are held still, and the head that answers."""
SIDES_PX = {2: 128, 3: 32}
"""Of the image and of the volume, by the number of sides."""
REACH = 0.1
"""How far from its place a change may be centred, in shares of a side; mirrored: 0.3 or more."""


def chain(*stages: str, head: str = "") -> list[Skip]:
    """A skip from every stage but the deepest, which has the next one held still."""
    return [(stage, (below,), head) for stage, below in pairwise(stages)]


LEVELS = chain("encoder.0", "encoder.1", "encoder.2")
U_SHAPED = chain("encoder.0", "encoder.1", "bottleneck")
SKIPS: dict[str, list[Skip]] = {
    "unet": U_SHAPED,
    "resunet": LEVELS,
    "custom_resunet": U_SHAPED,
    "attention_unet": U_SHAPED,
    "r2unet": U_SHAPED,
    "attention_r2unet": U_SHAPED,
    "unetpp": LEVELS,
    "unet3p": LEVELS,
    "multiresunet": LEVELS,
    "bcdunet": chain("encoder.0", "encoder.1", "bottleneck.0"),
    "frcunet": chain("encoder.stem", "encoder.entry.0", "encoder.entry.1", "encoder.entry.2"),
    "doubleunet": [
        *chain(*(f"encoder1.{level}" for level in range(5)), head="head1"),
        *(  # into the second network, past the mask of the first
            (f"encoder1.{level}", (f"encoder1.{level + 1}", "head1"), "") for level in range(4)
        ),
        *chain("encoder2.0", "encoder2.1", "encoder2.2", "encoder2.3", "pyramid2"),
    ],
    "unext": [
        *chain("encoder.0", "encoder.1", "encoder.2", "embed.0"),
        ("encoder_mlp.0", ("embed.1",), ""),
    ],
    "segnet": chain(*(f"encoder.{level}" for level in range(5))),  # the places of the maxima
    "fcn8s": chain("encoder.2", "encoder.3", "encoder.4"),
    "deeplabv3plus": chain("network.encoder.layer1", "network.encoder.layer2"),
    "unet3d": LEVELS,
    "vnet": chain(
        *(f"network.{stage}" for stage in ("in_tr", "down_tr32", "down_tr64", "down_tr128")),
        "network.down_tr256",
    ),
    "segresnet": chain(*(f"network.down_layers.{level}" for level in range(4))),
    "dynunet": chain("network.input_block", "network.downsamples.0", "network.bottleneck"),
}
PLACES = {2: (0.2, 0.65), 3: (0.3, 0.2, 0.65)}
"""On no axis of symmetry of the image or the volume."""
CASES = [(name, skip) for name, skips in SKIPS.items() for skip in skips]


def change(place: tuple[float, ...]) -> Callable[[Tensor], Tensor]:
    """Features with noise added at one place, given in shares of the sides."""

    def changed(features: Tensor) -> Tensor:
        features = features.clone()
        where = [int(p * n) for p, n in zip(place, features.shape[2:], strict=True)]
        generator = torch.Generator().manual_seed(2)
        at_place = features
        for position in where:
            at_place = at_place[:, :, position]
        at_place += 5 * torch.randn(features.shape[1], generator=generator)
        return features

    return changed


def ones(features: Tensor) -> Tensor:
    return torch.ones_like(features)


def answer(
    model: nn.Module, image: Tensor, hooks: Mapping[str, Callable[[Tensor], Tensor]], head: str
) -> Tensor:
    """Logits of a head, or the model's own where it is empty, while modules give something else."""
    handles = [
        model.get_submodule(key).register_forward_hook(lambda _m, _i, out, hook=hook: hook(out))
        for key, hook in hooks.items()
    ]
    answers: list[Tensor] = []
    answering = model.get_submodule(head)  # of an empty name it is the model
    handles.append(answering.register_forward_hook(lambda _m, _i, out: answers.append(out)))
    with torch.inference_mode():
        model(image)
    for handle in handles:
        handle.remove()
    return answers[0]


def arrival(model: nn.Module, skip: Skip, place: tuple[float, ...]) -> Tensor:
    """Where the logits change, in shares of the sides: the centre of the squared change.

    NaN where they do not change at all.
    """
    stage, still, head = skip
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(1, 1, *[SIDES_PX[len(place)]] * len(place), generator=generator)
    held = dict.fromkeys(still, ones)
    before = answer(model, image, held, head)
    after = answer(model, image, {**held, stage: change(place)}, head)
    moved = (after - before).double().square().sum(dim=(0, 1))
    centres = []
    for axis, length in enumerate(moved.shape):
        profile = moved.sum(dim=[other for other in range(moved.ndim) if other != axis])
        position = (torch.arange(length) + 0.5) / length
        centres.append((profile * position).sum() / profile.sum())
    return torch.stack(centres)


def test_every_network_is_asked() -> None:
    assert set(SKIPS) == set(MODELS)


@pytest.mark.parametrize(
    ("name", "skip"),
    [
        pytest.param(
            name,
            skip,
            marks=pytest.mark.slow if name == "vnet" else (),
            id="-".join([name, skip[0], *skip[2:]]),
        )
        for name, skip in CASES
    ],
)
def test_a_skip_carries_a_place_to_its_place(name: str, skip: Skip) -> None:
    torch.manual_seed(0)
    model = build_model(name, in_channels=1, classes=1, **MODELS[name].small).eval()
    place = PLACES[MODELS[name].dimensions]
    found = arrival(model, skip, place)
    assert found.isfinite().all(), "nothing arrives: the skip is cut"
    away = float((found - torch.tensor(place)).abs().max())
    assert away < REACH, f"it arrives at {found.tolist()}, not at {place}"
