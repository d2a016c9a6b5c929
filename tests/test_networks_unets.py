"""What each U-Net variant must be, by pencil or by the metric its authors print."""

import pytest
import torch
from torch import Tensor, nn

from core.errors import InputError
from core.networks import MODELS, build_model, parameter_count, parameter_count_keras
from core.networks.attention_unet import AttentionGate
from core.networks.blocks import (
    ACTIVATIONS,
    DROPOUT_PLACES,
    NORMALIZATIONS,
    UPSAMPLINGS,
    ConvolutionUnit,
    PlainSkip,
    enlarge,
    group_count,
)
from core.networks.custom_resunet import ResidualBlock
from core.networks.multiresunet import block_widths
from core.networks.r2unet import RecurrentConvolution
from core.networks.resunet import PreActivationUnit
from core.networks.unet3p import rescale
from core.networks.unetpp import UNetPlusPlus

NAMES = (
    "resunet",
    "custom_resunet",
    "attention_unet",
    "r2unet",
    "attention_r2unet",
    "unetpp",
    "unet3p",
    "multiresunet",
)
every_unet = pytest.mark.parametrize("name", NAMES)


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def zero(module: nn.Module) -> None:
    for parameter in module.parameters():
        nn.init.zeros_(parameter)


def delta(convolution: nn.Conv2d, value: float) -> None:
    """Make a one-channel 3x3 convolution multiply by ``value``."""
    zero(convolution)
    convolution.weight.data[0, 0, 1, 1] = value


def small(name: str, **options: object) -> nn.Module:
    torch.manual_seed(0)
    return build_model(name, in_channels=1, classes=1, **{**MODELS[name].small, **options})


def counted(name: str, *, in_channels: int = 1, **options: object) -> nn.Module:
    with torch.device("meta"):  # counted, never allocated
        return build_model(name, in_channels=in_channels, classes=1, **options)


# Every option of every one of them.


def test_groups_are_of_equal_size() -> None:
    counts = {channels: group_count(channels) for channels in (1, 4, 6, 12, 17, 51, 64)}
    assert counts == {1: 1, 4: 4, 6: 6, 12: 6, 17: 1, 51: 3, 64: 8}


@every_unet
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_working_in_place_changes_nothing(name: str, normalization: str, activation: str) -> None:
    model = small(name, normalization=normalization, activation=activation).eval()
    image = noise(1, 1, 16, 24)
    with torch.no_grad():
        logits = model(image)
        for module in model.modules():
            if isinstance(module, nn.ReLU | nn.LeakyReLU | nn.SiLU):
                module.inplace = False
        assert logits.isfinite().all()
        assert torch.equal(model(image), logits)


@every_unet
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_every_option_trains_a_step(name: str, normalization: str, upsampling: str) -> None:
    if name == "unet3p":  # it enlarges bilinearly, as published
        assert "upsampling" not in MODELS[name].options
        return
    model = small(name, normalization=normalization, upsampling=upsampling, dropout=0.1).train()
    torch.autograd.backward(model(noise(2, 1, 16, 16)).square().mean())
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@every_unet
def test_sizes_that_make_no_network_are_refused(name: str) -> None:
    for options in ({"depth": 0}, {"depth": 9}, {"base_filters": 0}, {"dropout": 1.0}):
        with pytest.raises(InputError, match=f"^{name} needs"):
            build_model(name, in_channels=1, classes=1, **options)


@every_unet
def test_dropout_acts_while_training_alone(name: str) -> None:
    model = small(name, dropout=0.5)
    image = noise(2, 1, 16, 16)
    assert not torch.equal(model.train()(image), model.train()(image))
    assert torch.equal(model.eval()(image), model.eval()(image))
    assert not any(isinstance(module, nn.Dropout2d) for module in small(name).modules())


@every_unet
def test_dropout_has_its_places(name: str) -> None:
    if name == "unetpp":  # after every node
        assert "dropout_places" not in MODELS[name].options
        return
    counts = {
        places: sum(
            isinstance(module, nn.Dropout2d)
            for module in small(name, dropout=0.5, dropout_places=places).modules()
        )
        for places in DROPOUT_PLACES
    }
    assert counts == {"bottleneck": 1, "deepest": 2, "encoder": 3, "decoder": 2, "all": 5}
    model = small(name, dropout=0.5, dropout_places="decoder").train()
    assert model(noise(1, 1, 17, 9)).shape == (1, 1, 17, 9)


# ResUNet, and the breast paper's.


def test_a_residual_unit_with_zero_weights_is_its_shortcut() -> None:
    x = noise(1, 4, 6, 6)
    unit = PreActivationUnit(4, 4, normalization="batch", activation="relu")
    zero(unit.residual)
    assert torch.equal(unit(x), x)
    halving = PreActivationUnit(4, 8, normalization="batch", activation="relu", stride=2)
    zero(halving.residual)
    assert torch.equal(halving(x), halving.shortcut(x))
    assert halving(x).shape == (1, 8, 3, 3)


def test_a_residual_block_with_zero_weights_is_the_activation_of_its_input() -> None:
    block = ResidualBlock(1, 1, normalization="batch", activation="relu")
    zero(block.residual)
    assert block(torch.tensor([[[[-2.0, 3.0]]]])).tolist() == [[[[0.0, 3.0]]]]


def test_resunet_has_the_convolutions_of_the_papers_table() -> None:
    model = counted("resunet", in_channels=3)
    convolutions = {k: m for k, m in model.named_modules() if isinstance(m, nn.Conv2d)}
    table = {k: m for k, m in convolutions.items() if "shortcut" not in k}
    assert len(table) == 15
    assert sum(m.weight.numel() for m in table.values()) == 7_780_096
    shortcuts = [m for k, m in convolutions.items() if "shortcut" in k]
    assert sum(m.weight.numel() for m in shortcuts) == 430_272
    assert not any(isinstance(m, nn.ConvTranspose2d | nn.MaxPool2d) for m in model.modules())


# Attention.


def test_a_gate_with_zero_weights_lets_half_through() -> None:
    gate = AttentionGate(3, 6)
    zero(gate)
    skip = noise(2, 3, 8, 8)
    assert torch.equal(gate(skip, noise(2, 6, 4, 4)), skip * 0.5)  # sigmoid(0) = 0.5


def test_a_gate_weighs_places_by_skip_and_coarser_features_together() -> None:
    gate = AttentionGate(1, 1)
    zero(gate)
    gate.from_skip.weight.data.fill_(0.25)  # the mean of four pixels
    gate.from_gate.weight.data.fill_(1.0)
    gate.score.weight.data.fill_(1.0)
    weights = gate.weights(torch.full((1, 1, 4, 4), 2.0), torch.full((1, 1, 2, 2), -1.5))
    assert weights.shape == (1, 1, 4, 4)
    assert torch.allclose(weights, torch.tensor(0.5).sigmoid())  # relu(2 - 1.5) = 0.5
    shut = gate.weights(torch.full((1, 1, 4, 4), 2.0), torch.full((1, 1, 2, 2), -9.0))
    assert torch.allclose(shut, torch.tensor(0.5)), "relu(-7) = 0, sigmoid(0) = 0.5"


def test_with_open_gates_it_is_the_plain_unet() -> None:
    attention, plain = small("attention_unet", depth=3).eval(), small("unet", depth=3).eval()
    state = attention.state_dict()
    plain.load_state_dict({key: state[key] for key in plain.state_dict()})
    image = noise(1, 1, 16, 24)
    assert not torch.allclose(attention(image), plain(image), atol=1e-3)
    gates = [module for module in attention.modules() if isinstance(module, AttentionGate)]
    assert len(gates) == 2, "all but the finest level"
    for gate in gates:
        assert gate.score.bias is not None
        nn.init.constant_(gate.score.bias, 1e4)
    assert torch.allclose(attention(image), plain(image), atol=1e-5)


def test_the_finest_skip_has_no_gate() -> None:
    kinds = [type(skip) for skip in counted("attention_r2unet").get_submodule("skips").children()]
    assert kinds == [AttentionGate, AttentionGate, AttentionGate, PlainSkip]


# Recurrent.


def recurrent(steps: int, normalization: str = "none") -> RecurrentConvolution:
    return RecurrentConvolution(1, steps=steps, normalization=normalization, activation="relu")


def test_without_steps_it_is_a_plain_convolution() -> None:
    layer = recurrent(0, "batch").train()
    x = noise(2, 1, 8, 8)
    plain = nn.Sequential(layer.feed, nn.BatchNorm2d(1), nn.ReLU())
    assert torch.equal(layer(x), plain(x))
    assert len(list(layer.parameters())) == 4


def test_each_step_adds_a_convolution_of_the_last_state() -> None:
    for steps, expected in ((0, 1.0), (1, 1.5), (2, 1.75), (3, 1.875)):
        layer = recurrent(steps)
        delta(layer.feed, 1.0)
        if isinstance(layer.recur, nn.Conv2d):
            delta(layer.recur, 0.5)
        assert layer(torch.ones(1, 1, 4, 4)).unique().tolist() == [expected]


def test_steps_share_their_convolutions_and_have_a_normalization_each() -> None:
    once, thrice = counted("r2unet", steps=1), counted("r2unet", steps=3)
    widths = [64, 128, 256, 512, 1024, 512, 256, 128, 64]
    more = 2 * 2 * sum(widths) * 2  # layers of a block, scale and shift, two more steps
    assert parameter_count(thrice) - parameter_count(once) == more
    with pytest.raises(InputError, match="r2unet needs from 0 to 10 recurrent steps, found 11"):
        build_model("r2unet", in_channels=1, classes=1, steps=11)


def test_the_larger_field_of_view_comes_from_the_steps() -> None:
    layer = recurrent(2)
    for parameter in layer.parameters():
        nn.init.constant_(parameter, 1.0)
    dot = torch.zeros(1, 1, 11, 11)
    dot[0, 0, 5, 5] = 1
    assert layer.feed.bias is not None
    nn.init.zeros_(layer.feed.bias)
    assert int((layer(dot) > 0).sum()) == 7 * 7  # three 3x3 convolutions


# UNet++.


def test_unetpp_has_the_parameters_of_the_authors_code() -> None:
    assert parameter_count(counted("unetpp", normalization="none")) == 9_041_601
    assert parameter_count_keras(counted("unetpp")) - 9_041_601 == 4 * 2 * (
        5 * 32 + 4 * 64 + 3 * 128 + 2 * 256 + 512
    )  # four vectors for each of the two convolutions of fifteen nodes


def test_unetpp_nodes_see_all_before_them_and_the_one_below() -> None:
    model = counted("unetpp", depth=3, base_filters=2)
    assert isinstance(model, UNetPlusPlus)
    assert model.places == [(0, 1), (1, 1), (2, 1), (0, 2), (1, 2), (0, 3)]
    first = [node[0].in_channels for node in model.nodes if isinstance(node, nn.Sequential)]
    assert first == [4, 8, 16, 6, 12, 8]


def test_unetpp_at_depth_one_is_a_unet() -> None:
    nested = small("unetpp", depth=1).eval()
    names = {"encoder.1": "bottleneck", "nodes.0": "decoder.0"}
    state = {}
    for key, value in nested.state_dict().items():
        for ours, theirs in names.items():
            key = key.replace(ours, theirs)  # noqa: PLW2901 - renamed once each
        state[key] = value
    plain = small("unet", depth=1).eval()
    plain.load_state_dict(state)
    image = noise(1, 1, 9, 7)
    assert torch.allclose(plain(image), nested(image), atol=1e-6)


# UNet 3+.


def test_unet3p_has_the_parameters_of_the_paper() -> None:
    encoder = parameter_count(counted("unet")) - parameter_count(
        nn.ModuleList(counted("unet").get_submodule(part) for part in ("up", "decoder", "head"))
    )
    decoder = 0
    for level in range(4):
        seen = [64 * 2**scale for scale in range(level + 1)] + [320] * (3 - level) + [1024]
        decoder += sum(9 * width * 64 + 2 * 64 for width in seen)  # no bias, scale and shift
        decoder += 9 * 320 * 320 + 2 * 320
    total = encoder + decoder + 9 * 320 + 1
    assert parameter_count(counted("unet3p")) == total == 26_968_065
    assert round(total / 1e6, 2) == 26.97


def test_unet3p_brings_every_scale_to_one_size() -> None:
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert rescale(x, 0) is x
    assert rescale(x, -1).tolist() == [[[[5, 7], [13, 15]]]]
    assert rescale(x, -2).tolist() == [[[[15]]]]
    assert rescale(x, 2).shape == (1, 1, 16, 16)
    assert float(rescale(x, 1).mean()) == float(x.mean())


# MultiResUNet.


def test_multiresunet_has_the_parameters_of_the_authors_code() -> None:
    model = counted("multiresunet", in_channels=3)
    scales = [
        unit[1].weight.numel()
        for unit in model.modules()
        if isinstance(unit, ConvolutionUnit) and isinstance(unit[1], nn.BatchNorm2d)
    ]
    head = 3 - 1  # shift and running statistics of a batch norm there, one bias here
    assert parameter_count_keras(model) - sum(scales) + head == 7_262_750
    assert MODELS["multiresunet"].printed_parameters == 7_262_750


def test_multiresunet_blocks_have_the_widths_of_the_papers_table() -> None:
    assert block_widths(32, 1.67) == [8, 17, 26]
    assert block_widths(64, 1.67) == [17, 35, 53]
    assert block_widths(512, 1.67) == [142, 284, 427]
    with pytest.raises(InputError, match="multiresunet needs alpha times base_filters"):
        build_model("multiresunet", in_channels=1, classes=1, base_filters=2)


def test_paths_are_longer_the_finer_their_level() -> None:
    paths = counted("multiresunet").get_submodule("paths")
    assert [len(list(path.children())) for path in paths.children()] == [1, 2, 3, 4]


def test_auxiliary_logits_are_enlarged_then_cut() -> None:
    logits, image = torch.ones(1, 2, 4, 4), torch.zeros(1, 1, 15, 13)
    assert enlarge(logits, 4, like=image).shape == (1, 2, 15, 13)
    assert enlarge(torch.ones(1, 2, 16, 16), 1, like=image).shape == (1, 2, 15, 13)
