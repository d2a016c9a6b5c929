"""What is special in each of the further networks, on examples that a pencil can follow."""

import math
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.config import RunConfig
from core.errors import InputError
from core.networks import (
    MODELS,
    build_model,
    build_untrained,
    card_of,
    check_options,
    parameter_count,
    parameter_count_keras,
    smp_adapter,
    smp_names,
)
from core.networks.bcdunet import Backward, BCDUNet, BidirectionalConvLSTM, ConvLSTM
from core.networks.blocks import crop_to, pad_to_multiple
from core.networks.doubleunet import DoubleUNet, SqueezeExcite, foreground, quarters
from core.networks.frcunet import FRCUNet, FrequencyRecalibration, LaplacianPyramid, gaussian
from core.networks.segnet import SegNet
from core.networks.smp_adapter import Adapted, ForgivingBatchNorm, build_deeplabv3plus
from core.networks.smp_architectures import ARCHITECTURES
from core.networks.unet3d import UNet3D
from core.networks.unext import ShiftedMLP, shift_tokens
from core.networks.vgg import VGG16, VGG19, vgg_stages
from core.runs import create_run
from core.system.torchvision_ops import ensure_importable


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


def counted(name: str, **options: object) -> nn.Module:
    in_channels, classes = (cast("int", options.pop(k)) for k in ("in_channels", "classes"))
    with torch.device("meta"):  # counted, never allocated
        return build_model(name, in_channels=in_channels, classes=classes, **options)


# Weights, counted against what is printed and against the authors' own layers.


def test_unext_has_the_weights_of_the_paper() -> None:
    assert parameter_count(counted("unext", in_channels=3, classes=1)) == 1_471_921  # "1.47 M"


def test_unet3d_has_the_weights_of_the_paper() -> None:
    model = counted("unet3d", in_channels=3, classes=3)
    scales = sum(parameter_count(m) for m in model.modules() if isinstance(m, nn.BatchNorm3d))
    assert parameter_count(model) - scales == MODELS["unet3d"].printed_parameters == 19_069_955


def test_bcdunet_one_way_has_the_weights_of_the_authors_keras_code() -> None:
    model = counted("bcdunet", in_channels=1, classes=1, bidirectional=False)
    assert parameter_count_keras(model) == 20_659_717


def test_doubleunet_has_the_weights_of_the_authors_pytorch_code() -> None:
    model = counted("doubleunet", in_channels=3, classes=1, normalization="none")
    assert parameter_count(model) == 29_288_886


@pytest.mark.parametrize("normalization", ["none", "batch"])
@pytest.mark.parametrize(("layers", "name"), [(VGG16, "vgg16"), (VGG19, "vgg19")])
def test_vgg_is_torchvisions(layers: tuple[int, ...], name: str, normalization: str) -> None:
    ensure_importable()
    from torchvision import models

    theirs = getattr(models, name + ("_bn" if normalization == "batch" else ""))
    with torch.device("meta"):
        features = theirs(weights=None).features
        ours = vgg_stages(
            layers, in_channels=3, base_filters=64, normalization=normalization, activation="relu"
        )
    shapes = [value.shape for value in features.state_dict().values()]
    assert [value.shape for value in ours.state_dict().values()] == shapes
    assert parameter_count(ours) == parameter_count(features)


def test_fcn8s_is_vgg16_with_its_first_two_dense_layers_and_three_scores() -> None:
    dense = 512 * 7 * 7 * 4096 + 4096 + 4096 * 4096 + 4096
    scores = 21 * (4096 + 1 + 512 + 1 + 256 + 1)
    model = counted("fcn8s", in_channels=3, classes=21, normalization="none")
    assert parameter_count(model) == 14_714_688 + dense + scores


# SegNet and UNeXt.


def test_segnet_puts_values_back_where_they_came_from() -> None:
    model = SegNet(base_filters=1)
    for stages in (model.encoder, model.decoder):
        for index in range(len(stages)):
            stages[index] = nn.Identity()
    model.head = nn.Identity()  # type: ignore[assignment]
    image = noise(1, 1, 64, 96)
    answer = model(image)
    assert int((answer != 0).sum()) == 2 * 3, "one maximum of every 32x32 square is left"
    assert torch.equal(answer[answer != 0], image[answer != 0]), "and stands where it stood"
    assert answer.max() == image.max()


def test_tokens_are_shifted_by_minus_two_to_two_and_zeros_come_in() -> None:
    line = torch.tensor([1.0, 2, 3, 4, 5])
    x = line.expand(1, 5, 1, 5)  # five channels, all 1 2 3 4 5 along the width
    assert shift_tokens(x, 3)[0, :, 0].tolist() == [
        [3, 4, 5, 0, 0],
        [2, 3, 4, 5, 0],
        [1, 2, 3, 4, 5],
        [0, 1, 2, 3, 4],
        [0, 0, 1, 2, 3],
    ]
    upright = x.transpose(2, 3)
    assert torch.equal(shift_tokens(upright, 2), shift_tokens(x, 3).transpose(2, 3))


def test_a_shift_along_one_axis_leaves_the_other_alone() -> None:
    x = noise(1, 13, 6, 7)  # groups of 3, 3, 3, 3 and 1
    moved = shift_tokens(x, 2)
    assert moved.shape == x.shape
    assert torch.equal(moved[:, 6:9], x[:, 6:9])
    assert torch.equal(moved[:, :3, :-2], x[:, :3, 2:])
    assert torch.equal(moved[:, 12:, 2:], x[:, 12:, :-2])
    assert not moved[:, 12:, :2].any()


def test_a_shifted_mlp_sees_two_tokens_far_and_adds_to_its_input() -> None:
    torch.manual_seed(0)
    block = ShiftedMLP(10)
    x = noise(1, 10, 15, 15).requires_grad_()
    block(x)[0, :, 7, 7].sum().backward()
    assert x.grad is not None
    seen = x.grad[0].abs().sum(0).nonzero()
    # shifts of ±2 along each axis and a depthwise 3x3 between them
    assert [int(seen.min()), int(seen.max())] == [7 - 3, 7 + 3]
    nn.init.zeros_(block.second.weight)
    nn.init.zeros_(block.second.bias)
    assert torch.equal(block(x), x)


# BCDU-Net.


def test_a_convolutional_lstm_is_the_loop_of_its_equations() -> None:
    torch.manual_seed(0)
    lstm = ConvLSTM(1, 1)  # one pixel, one channel: only the middle of each 3x3 kernel counts
    enter, forget, candidate, leave = zip(
        lstm.from_input.weight[:, 0, 1, 1].tolist(),
        lstm.from_input.bias.tolist() if lstm.from_input.bias is not None else (),
        lstm.from_state.weight[:, 0, 1, 1].tolist(),
        strict=True,
    )
    state = memory = 0.0
    for x in (0.5, -2.0):

        def gate(of: tuple[float, float, float], x: float = x, state: float = state) -> float:
            return of[0] * x + of[1] + of[2] * state

        def sigmoid(value: float) -> float:
            return 1 / (1 + math.exp(-value))

        memory = sigmoid(gate(forget)) * memory + sigmoid(gate(enter)) * math.tanh(gate(candidate))
        state = sigmoid(gate(leave)) * math.tanh(memory)
    sequence = [torch.full((1, 1, 1, 1), x) for x in (0.5, -2.0)]
    assert float(lstm(sequence).detach()) == pytest.approx(state, rel=1e-5)


def test_the_authors_way_reads_the_decoder_first_and_the_papers_way_both() -> None:
    torch.manual_seed(0)
    encoder, decoder = noise(1, 2, 4, 4), noise(1, 2, 4, 4) - 1
    one_way = Backward(2, 3)
    both = BidirectionalConvLSTM(2, 3)
    both.onward.load_state_dict(one_way.state_dict())
    both.backward_.load_state_dict(one_way.state_dict())
    onward = ConvLSTM.forward(one_way, [encoder, decoder])
    backward = ConvLSTM.forward(one_way, [decoder, encoder])
    assert torch.equal(one_way([encoder, decoder]), backward)
    combined = torch.tanh(both.combine(torch.cat([onward, backward], dim=1)))
    assert torch.equal(both([encoder, decoder]), combined)


def test_each_dense_block_reads_all_before_it() -> None:
    model = BCDUNet(base_filters=4, depth=2, dense_blocks=4)
    inputs = [cast("nn.Conv2d", cast("nn.Sequential", b)[0]).in_channels for b in model.bottleneck]
    assert inputs == [8, 16, 32, 48]


def test_the_forget_gate_starts_open() -> None:
    gates = BCDUNet(base_filters=4, depth=1).merge[0]
    assert isinstance(gates, BidirectionalConvLSTM)
    bias = gates.onward.from_input.bias
    assert bias is not None
    assert bias.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]


# FRCU-Net.


def test_the_laplacian_pyramid_adds_up_to_its_input() -> None:
    x = noise(2, 3, 9, 12)
    levels = LaplacianPyramid()(x)
    assert len(levels) == 5
    assert torch.allclose(torch.stack(levels).sum(0), x, atol=1e-6)


def test_an_even_map_has_no_frequencies_away_from_its_border() -> None:
    *differences, rest = LaplacianPyramid()(torch.ones(1, 1, 16, 16))
    inner = (slice(None), slice(None), slice(4, -4), slice(4, -4))
    assert all(float(level[inner].abs().max()) < 1e-6 for level in differences)
    assert torch.allclose(rest[inner], torch.ones(()))


def test_gaussians_are_those_of_the_authors() -> None:
    kernel = gaussian(3, 1.6 * 2 ** (1 / 3))
    assert float(kernel.sum()) == pytest.approx(1)
    edge = math.exp(-1 / (2 * (1.6 * 2 ** (1 / 3)) ** 2))
    assert float(kernel[1, 1]) == pytest.approx(1 / (1 + 2 * edge) ** 2)
    assert float(kernel[0, 1] / kernel[1, 1]) == pytest.approx(edge)


def test_recalibration_weighs_the_features_and_four_differences() -> None:
    block = FrequencyRecalibration(8)
    for layer in (block.attention[0], block.attention[2], block.attention[4]):
        nn.init.zeros_(cast("nn.Linear", layer).weight)  # every weight becomes sigmoid(0) = 1/2
    x = noise(1, 8, 16, 16)
    levels = torch.cat([x, *block.pyramid(x)[:-1]], dim=1)
    assert torch.allclose(block(x), functional.relu(block.join(levels / 2)), atol=1e-6)


def test_the_kernels_move_with_the_network_but_are_not_stored_or_learnt() -> None:
    model = FRCUNet(base_filters=2, middle_blocks=1)
    assert not [key for key in model.state_dict() if "kernel" in key]
    assert len([key for key, _ in model.named_buffers() if "kernel" in key]) == 4


# DoubleU-Net.


def test_the_second_network_sees_the_image_times_the_first_mask() -> None:
    torch.manual_seed(0)
    model = DoubleUNet(base_filters=8).eval()
    seen: list[Tensor] = []
    model.encoder2[0].register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    image = noise(1, 1, 32, 32)
    first, second = model.forward_all(image)
    assert torch.equal(seen[0], image * first.sigmoid())
    assert torch.equal(model(image), second)


def test_foreground_of_several_classes_is_what_is_not_the_first() -> None:
    logits = torch.tensor([0.0, math.log(2), math.log(5)]).reshape(1, 3, 1, 1)
    assert float(foreground(logits)) == pytest.approx(7 / 8)
    assert float(foreground(torch.zeros(1, 1, 1, 1))) == 0.5


def test_quarters_are_what_adaptive_pooling_gives() -> None:
    for sides in ((1, 1), (2, 3), (5, 4), (7, 7)):
        x = noise(2, 3, *sides)
        assert torch.allclose(quarters(x), functional.adaptive_avg_pool2d(x, 2))


def test_squeeze_and_excite_is_blind_to_places() -> None:
    block = SqueezeExcite(4)
    x = noise(1, 4, 3, 3)
    assert torch.allclose(block(x.flip(2, 3)), block(x).flip(2, 3))
    assert (block(x) < x).all()


# Volumes.


def test_a_volume_is_padded_at_the_far_ends_and_cut_back() -> None:
    volume = noise(1, 2, 3, 4, 5)
    padded = pad_to_multiple(volume, 4, minimum=8)
    assert padded.shape == (1, 2, 8, 8, 8)
    assert torch.equal(padded[..., :3, :4, :5], volume)
    assert torch.equal(padded[:, :, 7, 7, 7], volume[:, :, 2, 3, 4])
    assert torch.equal(crop_to(padded, volume), volume)
    assert pad_to_multiple(padded, 4) is padded


def test_unet3d_doubles_channels_before_it_pools() -> None:
    model = UNet3D(in_channels=3, classes=3)
    widths = [module.out_channels for module in model.modules() if isinstance(module, nn.Conv3d)]
    assert widths == [32, 64, 64, 128, 128, 256, 256, 512, 256, 256, 128, 128, 64, 64, 3]


def test_vnet_takes_channels_that_do_not_divide_sixteen() -> None:
    model = build_model("vnet", in_channels=5, classes=1).eval()
    with torch.inference_mode():
        assert model(noise(1, 5, 16, 16, 16)).shape == (1, 1, 16, 16, 16)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("vnet", {"in_channels": 17}, "vnet takes at most 16 channels, found 17"),
        ("segresnet", {"base_filters": 12}, "base_filters in multiples of 8, found 12"),
        ("unet3d", {"depth": 0}, "unet3d needs depth of at least 1, found 0"),
        ("dynunet", {"base_filters": 0}, "dynunet needs base_filters of at least 1, found 0"),
        ("bcdunet", {"dense_blocks": 0}, "bcdunet needs dense_blocks of at least 1, found 0"),
        ("doubleunet", {"base_filters": 1}, "doubleunet needs base_filters of at least 2, found 1"),
        ("frcunet", {"middle_blocks": 0}, "frcunet needs middle_blocks of at least 1, found 0"),
        ("unext", {"base_filters": 1}, "unext needs base_filters of at least 2, found 1"),
        ("fcn8s", {"dropout": 1.0}, "fcn8s needs a dropout rate from 0 to below 1, found 1.0"),
        ("segnet", {"normalization": "layer"}, "unknown normalization 'layer'"),
    ],
)
def test_a_value_that_makes_no_network_is_refused(
    name: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError) as refused:
        build_model(name, **{"in_channels": 1, "classes": 1, **options})  # type: ignore[arg-type]
    assert message in str(refused.value)


# segmentation-models-pytorch.


@pytest.mark.parametrize(
    "name",
    [
        *(
            f"smp/{architecture}/resnet18"
            for architecture in ARCHITECTURES
            if architecture != "dpt"
        ),
        "smp/dpt/tu-vit_tiny_patch16_224",
        "smp/unet/tu-mobilenetv3_small_050",
        "smp/segformer/mit_b0",
    ],
)
def test_every_architecture_of_smp_takes_any_size(name: str) -> None:
    model = build_model(name, in_channels=2, classes=3).eval()
    with torch.inference_mode():
        for height, width in ((32, 32), (33, 47)):
            logits = model(noise(1, 2, height, width))
            assert logits.shape == (1, 3, height, width)
            assert logits.isfinite().all()


@pytest.mark.parametrize("architecture", ["deeplabv3plus", "pan", "upernet"])
def test_a_last_batch_of_one_image_trains(architecture: str) -> None:
    model = build_model(f"smp/{architecture}/resnet18", in_channels=1, classes=1).train()
    torch.autograd.backward(model(noise(1, 1, 32, 32)).mean())


def test_a_forgiving_normalization_is_the_plain_one_where_there_are_values() -> None:
    plain, forgiving = nn.BatchNorm2d(3), ForgivingBatchNorm(3)
    x = noise(2, 3, 4, 4)
    assert torch.equal(plain(x), forgiving(x))
    assert torch.equal(plain.running_mean, forgiving.running_mean)  # type: ignore[arg-type]
    single = noise(1, 3, 1, 1)
    assert torch.equal(forgiving.train()(single), plain.eval()(single))


def test_the_card_of_an_smp_name_says_what_it_is() -> None:
    card = card_of("smp/fpn/mit_b0")
    assert card.title == "Panoptic Feature Pyramid Networks"
    assert card.implementation == "segmentation_models_pytorch, fpn on mit_b0"
    assert card.options == {"encoder_weights": "none"}
    assert card_of("unet") is MODELS["unet"]


@pytest.mark.parametrize("name", smp_names())
def test_the_names_in_select_boxes_exist(name: str) -> None:
    assert card_of(name).link.startswith("https://")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("smp/unet", "is named smp/<architecture>/<encoder>, for example smp/unet/resnet18"),
        ("smp/unett/resnet18", "unknown architecture 'unett' of segmentation-models-pytorch"),
        ("smp/unett/resnet18", "for example unet,"),
        ("smp/unet/resnet19", "unknown encoder 'resnet19' of segmentation-models-pytorch"),
        ("smp/unet/resnet19", "resnet18"),
        ("smp/unet/tu-resnet19", "tu-resnet18"),
        ("smp/linknet/mit_b0", "linknet cannot be built on encoder mit_b0"),
        ("smp/dpt/resnet18", "dpt cannot be built on encoder resnet18"),
        ("smp/unet/tu-swin_tiny_patch4_window7_224", "doesn't match model (224)"),
    ],
)
def test_what_smp_does_not_have_is_refused_in_one_line(name: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        build_model(name, in_channels=1, classes=1)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_options_of_an_smp_name_are_checked() -> None:
    check_options("smp/segformer/mit_b0", {})
    with pytest.raises(InputError, match="unknown encoder_weights 'coco'; choose one of none, im"):
        check_options("smp/unet/resnet18", {"encoder_weights": "coco"})
    with pytest.raises(InputError, match="unknown option of smp/unet/resnet18 'depth'"):
        check_options("smp/unet/resnet18", {"depth": 3})


@pytest.mark.parametrize("encoder", ["resnet18", "tu-resnet18"])
def test_without_a_connection_the_way_out_is_said_at_once(
    encoder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(smp_adapter, "_reachable", lambda _endpoint: False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(InputError, match="train from fresh weights with encoder_weights=none"):
        build_model(f"smp/unet/{encoder}", in_channels=1, classes=1, encoder_weights="imagenet")
    assert not constants.HF_HUB_OFFLINE, "as it was"


def test_stored_weights_are_loaded_without_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smp_adapter, "_reachable", lambda _endpoint: pytest.fail("asked the hub"))
    name = "smp/unet/resnet18"
    build_untrained(name, in_channels=1, classes=1, encoder_weights="imagenet")


def test_a_run_of_an_smp_name_has_a_file_name() -> None:
    run = create_run(RunConfig(dataset="phantoms_membranes", model="smp/unet/resnet18"))
    assert run.name.startswith("phantoms_membranes-smp-unet-resnet18-")


def test_deeplabv3plus_is_the_librarys() -> None:
    ensure_importable()
    import segmentation_models_pytorch

    theirs = segmentation_models_pytorch.DeepLabV3Plus(
        encoder_name="resnet18", encoder_weights=None, in_channels=1, classes=2
    ).eval()
    ours = build_deeplabv3plus(classes=2, encoder="resnet18").eval()
    assert isinstance(ours, Adapted)
    ours.network.load_state_dict(theirs.state_dict())
    image = noise(1, 1, 64, 32)
    with torch.inference_mode():
        assert torch.equal(ours(image), theirs(image))


def test_heavy_libraries_are_imported_when_a_network_is_built() -> None:
    heavy = "{'monai', 'timm', 'torchvision'}"
    code = f"import sys, core.networks; print(sorted({heavy} & {{*sys.modules}}))"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
