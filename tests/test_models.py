"""The contract that every network keeps, and what the U-Net of the papers must be."""

import io
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from core.data.datasets.phantoms import draw
from core.errors import InputError
from core.losses import build_loss
from core.networks import MODELS, build_model, parameter_count, parameter_count_keras
from core.networks.blocks import (
    ACTIVATIONS,
    DROPOUT_PLACES,
    NORMALIZATIONS,
    UPSAMPLINGS,
    DeeplySupervised,
    mirror,
    pad_to_multiple,
)
from core.runs.checkpoint import load_checkpoint, save_checkpoint

every_model = pytest.mark.parametrize("name", MODELS)
every_image_model = pytest.mark.parametrize(
    "name", [name for name, card in MODELS.items() if card.dimensions == 2]
)
every_volume_model = pytest.mark.parametrize(
    "name", [name for name, card in MODELS.items() if card.dimensions == 3]
)

LONG = {"attention_r2unet", "bcdunet", "deeplabv3plus", "doubleunet", "frcunet", "multiresunet"}
LONG |= {"r2unet", "segresnet", "unet3d", "vnet"}
"""Where learning by heart and exporting take long; what is wired wrongly shows sooner elsewhere."""


def long_ones_slow(dimensions: int) -> pytest.MarkDecorator:
    """All networks on images (2) or volumes (3), those that take long marked slow."""
    return pytest.mark.parametrize(
        "name",
        [
            pytest.param(name, marks=pytest.mark.slow if name in LONG else ())
            for name, card in MODELS.items()
            if card.dimensions == dimensions
        ],
    )


def small(name: str, *, in_channels: int = 1, classes: int = 1, **options: object) -> nn.Module:
    torch.manual_seed(0)
    own = {**MODELS[name].small, **options}
    return build_model(name, in_channels=in_channels, classes=classes, **own)


def forward_all(model: nn.Module, image: Tensor) -> list[Tensor]:
    assert isinstance(model, DeeplySupervised)
    return model.forward_all(image)


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


@every_image_model
@pytest.mark.parametrize("in_channels", [1, 2, 3])
@pytest.mark.parametrize("classes", [1, 4])
def test_logits_have_the_size_of_the_image(name: str, in_channels: int, classes: int) -> None:
    model = small(name, in_channels=in_channels, classes=classes).eval()
    for height, width in ((32, 32), (33, 47), (16, 50)):
        logits = model(noise(2, in_channels, height, width))
        assert logits.shape == (2, classes, height, width)
        assert logits.isfinite().all()


@every_image_model
def test_logits_are_not_probabilities(name: str) -> None:
    logits = small(name).eval()(20 * noise(4, 1, 32, 32) - 10)
    assert logits.min() < 0 or logits.max() > 1


@every_image_model
def test_every_parameter_learns(name: str) -> None:
    model = small(name, in_channels=3, classes=4).train()
    target = noise(2, 4, 32, 32).round()
    torch.autograd.backward(build_loss("bce")(model(noise(2, 3, 32, 32)), target))
    unused = [key for key, parameter in model.named_parameters() if parameter.grad is None]
    assert unused == []
    still = [
        key
        for key, parameter in model.named_parameters()
        if parameter.grad is not None and not parameter.grad.any()
    ]
    assert still == []


@every_image_model
def test_prediction_is_deterministic_and_image_by_image(name: str) -> None:
    model = small(name).eval()
    batch = noise(3, 1, 32, 32)
    with torch.inference_mode():
        together = model(batch)
        assert torch.equal(model(batch), together)
        alone = torch.cat([model(image[None]) for image in batch])
    scale = max(1.0, float(together.abs().max()))  # rounding errors are relative
    assert torch.allclose(alone, together, atol=1e-5 * scale), "no image reads its neighbours"


@every_image_model
def test_saved_and_loaded_it_gives_the_same_logits(name: str, tmp_path: Path) -> None:
    model = small(name).train()
    model(noise(2, 1, 32, 32))  # moves running statistics where there are any
    save_checkpoint(tmp_path / "a.pt", {"model": model.state_dict()})
    torch.manual_seed(99)
    own = dict(MODELS[name].small)
    twin = build_model(name, in_channels=1, classes=1, **own)
    image = noise(1, 1, 48, 32)
    assert not torch.equal(twin.eval()(image), model.eval()(image)), "fresh weights are fresh"
    twin.load_state_dict(load_checkpoint(tmp_path / "a.pt")["model"])
    assert torch.equal(twin.eval()(image), model.eval()(image))


@every_volume_model
@pytest.mark.parametrize(("in_channels", "classes"), [(1, 4), (2, 1), (3, 4)])
def test_logits_have_the_size_of_the_volume(name: str, in_channels: int, classes: int) -> None:
    model = small(name, in_channels=in_channels, classes=classes).eval()
    with torch.inference_mode():
        for sides in ((16, 16, 16), (5, 17, 9)):
            logits = model(noise(1, in_channels, *sides))
            assert logits.shape == (1, classes, *sides)
            assert logits.isfinite().all()
            assert logits.min() < 0 or logits.max() > 1, "not probabilities"


@every_volume_model
def test_every_parameter_learns_from_volumes(name: str) -> None:
    model = small(name, in_channels=2, classes=4).train()
    target = noise(2, 4, 16, 16, 16).round()
    torch.autograd.backward(build_loss("bce")(model(noise(2, 2, 16, 16, 16)), target))
    still = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


@long_ones_slow(3)
def test_a_volume_is_predicted_alone_and_after_loading(name: str, tmp_path: Path) -> None:
    model = small(name).train()
    model(noise(2, 1, 16, 16, 16))  # moves running statistics where there are any
    batch = noise(2, 1, 16, 16, 16)
    with torch.inference_mode():
        together = model.eval()(batch)
        assert torch.equal(model(batch), together)
        alone = torch.cat([model(volume[None]) for volume in batch])
        scale = max(1.0, float(together.abs().max()))
        assert torch.allclose(alone, together, atol=1e-5 * scale)
        save_checkpoint(tmp_path / "a.pt", {"model": model.state_dict()})
        torch.manual_seed(99)
        twin = build_model(name, in_channels=1, classes=1, **dict(MODELS[name].small)).eval()
        assert not torch.equal(twin(batch), together), "fresh weights are fresh"
        twin.load_state_dict(load_checkpoint(tmp_path / "a.pt")["model"])
        assert torch.equal(twin(batch), together)


@long_ones_slow(2)
def test_it_learns_two_phantoms_by_heart(name: str) -> None:
    drawn = [draw("membranes", index=index, size=64) for index in range(2)]
    images = torch.stack([torch.from_numpy(p.image)[None] for p in drawn]).float() / 255
    truth = torch.stack([torch.from_numpy(p.truth)[None] for p in drawn])
    model = small(name).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    goal = 0.93 if name == "fcn8s" else 0.95  # scores at strides of 8 blur thin membranes
    dice = 0.0
    for _ in range(100):
        logits = model(images)  # in training mode: batch statistics, as they are learned
        mask = logits > 0
        dice = float(2 * (mask & truth).sum() / (mask.sum() + truth.sum()))
        if dice > goal:
            break
        optimizer.zero_grad()
        torch.autograd.backward(build_loss("bce")(logits, truth.float()))
        optimizer.step()
    assert dice > goal


@long_ones_slow(3)
def test_it_learns_two_volumes_by_heart(name: str) -> None:
    if name == "vnet":
        pytest.skip("its width is fixed: half a second a step; its wiring is tested alone")
    near, across, up = torch.meshgrid(*[torch.arange(16.0)] * 3, indexing="ij")
    distance = torch.stack(
        [(near - z) ** 2 + (across - y) ** 2 + (up - x) ** 2 for z, y, x in ((5, 6, 7), (9, 8, 10))]
    )
    truth = ((distance < 20) & (distance > 5))[:, None]  # hollow balls
    volumes = truth + 0.3 * noise(2, 1, 16, 16, 16)
    model = small(name).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    dice = 0.0
    for _ in range(60):
        logits = model(volumes)
        mask = logits > 0
        dice = float(2 * (mask & truth).sum() / (mask.sum() + truth.sum()))
        if dice > 0.95:
            break
        optimizer.zero_grad()
        torch.autograd.backward(build_loss("bce")(logits, truth.float()))
        optimizer.step()
    assert dice > 0.95


@pytest.mark.parametrize(
    "name", [name for name, card in MODELS.items() if card.dimensions == 2 and name not in LONG]
)
def test_it_exports(name: str) -> None:
    """The long ones: ``test_onnx`` exports the same program on the way to its graph."""
    model = small(name, in_channels=2, classes=3).eval()
    image = noise(1, 2, 33, 47)
    exported = torch.export.export(model, (image,)).module()
    assert torch.allclose(exported(image), model(image), atol=1e-5)


@every_model
def test_deep_supervision_gives_logits_at_full_size_and_the_main_ones_last(name: str) -> None:
    if "deep_supervision" not in MODELS[name].options:
        with torch.device("meta"):
            model = build_model(name, in_channels=1, classes=1)
        assert not isinstance(model, DeeplySupervised) or name == "doubleunet"  # two in a row
        return
    sides = (33, 47, 17)[: MODELS[name].dimensions]
    image = noise(2, 1, *sides)
    plain, deep = (
        small(name, classes=3, depth=3, deep_supervision=wanted).eval() for wanted in (False, True)
    )
    assert [tuple(logits.shape) for logits in forward_all(plain, image)] == [(2, 3, *sides)]
    answers = forward_all(deep, image)
    assert len(answers) > 1
    assert {tuple(logits.shape) for logits in answers} == {(2, 3, *sides)}
    assert torch.equal(answers[-1], deep(image))
    assert deep.train()(image).shape == (2, 3, *sides), "one answer while training, too"
    extra = set(dict(deep.named_parameters())) - set(dict(plain.named_parameters()))
    assert extra
    torch.autograd.backward(torch.stack([answer.square().mean() for answer in answers[:-1]]).sum())
    for key, parameter in deep.named_parameters():
        assert key not in extra or parameter.grad is not None, f"{key} has no part in any head"
    deep.zero_grad(set_to_none=True)
    torch.autograd.backward(deep(image).square().mean())
    assert {key for key, p in deep.named_parameters() if p.grad is None} == extra


@every_model
def test_an_unknown_option_is_refused_with_the_choices(name: str) -> None:
    with pytest.raises(InputError) as refused:
        build_model(name, in_channels=1, classes=1, colour="red")
    assert str(refused.value) == (
        f"unknown option of {name} 'colour'; choose one of {', '.join(MODELS[name].options)}"
    )


@every_model
def test_a_value_of_another_type_is_refused(name: str) -> None:
    for option, default in MODELS[name].options.items():
        wrong: object = 1.5 if isinstance(default, str) else "many"
        with pytest.raises(InputError, match=f"option {option} of {name} takes [a-z]"):
            build_model(name, in_channels=1, classes=1, **{option: wrong})


@every_model
def test_its_paper_is_named(name: str) -> None:
    card = MODELS[name]
    assert card.title
    assert card.authors
    assert 2010 < card.year < 2100


def test_an_unknown_model_is_refused_with_the_choices() -> None:
    with pytest.raises(InputError, match="unknown model 'nonet'; choose one of unet"):
        build_model("nonet", in_channels=1, classes=1)


# What PAPERS.md prints and what follows from it.


@pytest.mark.parametrize(
    ("options", "trainable", "keras"),
    [
        ({}, 31_042_369, 31_054_145),
        ({"base_filters": 16, "normalization": "none"}, 1_940_817, 1_940_817),
        ({"normalization": "none"}, 31_030_593, 31_030_593),
    ],
)
def test_parameters_are_those_of_the_paper(
    options: dict[str, object], trainable: int, keras: int
) -> None:
    with torch.device("meta"):  # counted, never allocated
        model = build_model("unet", in_channels=1, classes=1, **options)
    assert (parameter_count(model), parameter_count_keras(model)) == (trainable, keras)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_every_option_trains_a_step(normalization: str, activation: str, upsampling: str) -> None:
    model = small(
        "unet", normalization=normalization, activation=activation, upsampling=upsampling
    ).train()
    kinds = {type(module) for module in model.modules()}
    expected = {
        "none": nn.Identity,
        "batch": nn.BatchNorm2d,
        "group": nn.GroupNorm,
        "instance": nn.InstanceNorm2d,
        "relu": nn.ReLU,
        "prelu": nn.PReLU,
        "leaky_relu": nn.LeakyReLU,
        "silu": nn.SiLU,
        "transposed": nn.ConvTranspose2d,
        "bilinear": nn.Upsample,
    }
    chosen = {expected[normalization], expected[activation], expected[upsampling]}
    assert kinds & set(expected.values()) == chosen
    torch.autograd.backward(model(noise(2, 1, 32, 32)).square().mean())
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_dropout_drops_whole_channels_while_training_alone() -> None:
    model = small("unet", dropout=0.5)
    assert sum(isinstance(module, nn.Dropout2d) for module in model.modules()) == 2
    image = noise(1, 1, 32, 32)
    assert not torch.equal(model.train()(image), model.train()(image))
    assert torch.equal(model.eval()(image), model.eval()(image))
    assert not any(isinstance(module, nn.Dropout2d) for module in small("unet").modules())


def test_dropout_is_where_it_is_asked_for() -> None:
    # encoder 0, encoder 1, bottleneck, decoder of level 1, decoder of level 0
    expected = {
        "bottleneck": (2,),
        "deepest": (1, 2),
        "encoder": (0, 1, 2),
        "decoder": (3, 4),
        "all": (0, 1, 2, 3, 4),
    }
    assert set(expected) == set(DROPOUT_PLACES)
    for places, blocks in expected.items():
        model = small("unet", dropout=0.5, dropout_places=places)
        parts = [
            *model.get_submodule("encoder").children(),
            model.get_submodule("bottleneck"),
            *model.get_submodule("decoder").children(),
        ]
        found = [n for n, part in enumerate(parts) if kinds(part) & {nn.Dropout2d}]
        assert tuple(found) == blocks


def kinds(module: nn.Module) -> set[type]:
    return {type(part) for part in module.modules()}


# The original, whose convolutions see no zeros beyond the borders.


def test_the_original_takes_in_572_pixels_for_388() -> None:
    model = build_model("unet", in_channels=1, classes=2, base_filters=2, convolutions="unpadded")
    seen: dict[str, tuple[int, ...]] = {}
    for key in ("encoder.0", "encoder.3", "bottleneck", "decoder.3", "head"):
        model.get_submodule(key).register_forward_pre_hook(
            lambda _module, inputs, key=key: seen.update({key: tuple(inputs[0].shape[1:])})
        )
    assert model.eval()(noise(1, 1, 388, 388)).shape == (1, 2, 388, 388)
    assert seen == {  # metric 1 of the paper, its widths by 32
        "encoder.0": (1, 572, 572),
        "encoder.3": (8, 68, 68),
        "bottleneck": (16, 32, 32),
        "decoder.3": (4, 392, 392),
        "head": (2, 388, 388),
    }


@pytest.mark.parametrize("sides", [(1, 1), (3, 50), (33, 47), (64, 64)])
def test_the_original_takes_any_size(sides: tuple[int, int]) -> None:
    for depth in (1, 2, 3):
        model = small("unet", depth=depth, convolutions="unpadded").eval()
        assert model(noise(2, 1, *sides)).shape == (2, 1, *sides)


def test_the_original_is_the_padded_one_away_from_the_borders() -> None:
    padded = small("unet", depth=1).eval()
    original = small("unet", depth=1, convolutions="unpadded").eval()
    original.load_state_dict(padded.state_dict())
    image = noise(1, 1, 40, 44)
    away = (..., slice(12, -12), slice(12, -12))  # the padding reaches no farther
    assert torch.allclose(original(image)[away], padded(image)[away], atol=1e-5)
    assert not torch.allclose(original(image), padded(image), atol=1e-3)


def test_an_image_is_continued_by_mirroring() -> None:
    image = torch.tensor([0.0, 1.0, 2.0]).reshape(1, 1, 1, 3)
    assert mirror(image, 4, (1, 11))[0, 0].tolist() == [[0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]]
    assert mirror(image, 0, (2, 3))[0, 0].tolist() == [[0, 1, 2], [0, 1, 2]], "one row alone"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"convolutions": "valid"}, "unknown convolutions 'valid'; choose one of padded, unpadded"),
        ({"dropout_places": "top"}, "unknown dropout_places 'top'; choose one of bottleneck"),
        ({"normalization": "layer"}, "unknown normalization 'layer'; choose one of none, batch"),
        ({"activation": "gelu"}, "unknown activation 'gelu'; choose one of relu, prelu"),
        ({"upsampling": "cubic"}, "unknown upsampling 'cubic'; choose one of transposed, bilinear"),
        ({"dropout": 1.0}, "dropout rate from 0 to below 1"),
        ({"dropout": -0.1}, "dropout rate from 0 to below 1"),
        ({"depth": 0}, "depth from 1 to 8"),
        ({"depth": 9}, "depth from 1 to 8"),
        ({"base_filters": 0}, "base_filters of at least 1"),
        ({"depth": True}, "option depth of unet takes a whole number, found True"),
    ],
)
def test_a_value_that_makes_no_network_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as refused:
        build_model("unet", in_channels=1, classes=1, **options)
    assert message in str(refused.value)


def test_padding_repeats_the_last_row_and_column() -> None:
    image = torch.arange(6.0).reshape(1, 1, 2, 3)
    padded = pad_to_multiple(image, 4)
    assert padded[0, 0].tolist() == [[0, 1, 2, 2], [3, 4, 5, 5], [3, 4, 5, 5], [3, 4, 5, 5]]
    assert pad_to_multiple(padded, 4) is padded


def test_initial_weights_have_the_variance_of_the_paper() -> None:
    model = small("unet", base_filters=32)
    deviations = {
        key: float(module.weight.detach().std()) * fan**0.5
        for key, module in model.named_modules()
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
        for fan in [module.in_channels * (9 if module.kernel_size == (3, 3) else 1)]
        if module.weight.numel() > 1000
    }
    for key, deviation in deviations.items():
        expected = 1.0 if key.startswith("up") else 2**0.5
        assert deviation == pytest.approx(expected, rel=0.05), key


def test_a_state_of_another_network_does_not_load() -> None:
    buffer = io.BytesIO()
    torch.save(small("unet").state_dict(), buffer)
    state = torch.load(io.BytesIO(buffer.getvalue()), weights_only=True)
    with pytest.raises(RuntimeError, match="size mismatch"):
        small("unet", base_filters=8).load_state_dict(state)
