"""Augmentation: image and mask move together, and each part does what its name says."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.config import AugmentationConfig
from core.data.augmentation import STILL, Draw, grid, resample, sample
from core.errors import InputError

SIZE = 8
EVERYTHING = AugmentationConfig(
    shear_degrees=9, gamma=0.3, blur_px=2, speckle=0.2, noise=0.1, grey_range=0.3, margin=1.0
)


def still(batch: int = 1, *, side: int = SIZE) -> Draw:
    """The draw that moves nothing."""
    return Draw(
        matrix=torch.eye(2).repeat(batch, 1, 1),
        centre=torch.full((batch, 2), (side - 1) / 2),
        displacement=torch.zeros(batch, 2, 2, 2),
        gain=torch.ones(batch, 1, 1, 1),
        offset=torch.zeros(batch, 1, 1, 1),
    )


def picture() -> Tensor:
    """All pixels differ, shape (1, 1, 8, 8), uint8."""
    return torch.arange(SIZE * SIZE, dtype=torch.uint8).reshape(1, 1, SIZE, SIZE)


def moved(draw: Draw, image: Tensor | None = None) -> Tensor:
    """The image after the draw in grey values, shape (8, 8)."""
    image = picture() if image is None else image
    result = resample(image, torch.zeros_like(image), draw, (SIZE, SIZE))[0]
    return result[0, 0] * 255


def assert_close(found: Tensor, expected: Tensor) -> None:
    assert torch.allclose(found, expected.float(), atol=1e-2), f"\n{found}\n{expected}"


def source() -> Tensor:
    return picture()[0, 0].float()


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(config: AugmentationConfig, *, seed: int = 0, batch: int = 4, side: int = 64) -> Draw:
    return sample(
        config,
        batch=batch,
        source=(side, side),
        output=(side, side),
        generator=generator(seed),
    )


def numbers(draw: Draw) -> dict[str, Tensor]:
    return {name: value for name, value in vars(draw).items() if isinstance(value, Tensor)}


def test_the_draw_that_moves_nothing_gives_the_image_back() -> None:
    assert_close(moved(still()), source())
    mask = (picture() % 3 == 0).to(torch.uint8)
    _, unmoved = resample(picture(), mask, still(), (SIZE, SIZE))
    assert torch.equal(unmoved, mask.float())


def test_everything_switched_off_draws_that_draw() -> None:
    draw = drawn(STILL, side=SIZE)
    for found, expected in zip(numbers(draw).values(), numbers(still(4)).values(), strict=True):
        assert torch.equal(found, expected.expand_as(found))


@pytest.mark.parametrize(
    ("signs", "expected"),
    [((-1, 1), source().flip(1)), ((1, -1), source().flip(0)), ((-1, -1), source().flip(0, 1))],
)
def test_a_flip_mirrors_the_axis(signs: tuple[int, int], expected: Tensor) -> None:
    assert_close(
        moved(replace(still(), matrix=torch.diag(torch.tensor(signs).float())[None])), expected
    )


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_rotation_turns_about_the_centre(quarters: int) -> None:
    angle = math.radians(90 * quarters)
    cos, sin = math.cos(angle), math.sin(angle)
    matrix = torch.tensor([[[cos, -sin], [sin, cos]]])
    assert_close(moved(replace(still(), matrix=matrix)), torch.rot90(source(), quarters))


def test_a_shift_reads_from_the_side_and_the_border_is_reflected() -> None:
    draw = still()
    found = moved(replace(draw, centre=draw.centre + torch.tensor([2.0, 0.0])))
    columns = [2, 3, 4, 5, 6, 7, 7, 6]  # the last column is followed by itself, then back
    assert_close(found, source()[:, columns])
    found = moved(replace(draw, centre=draw.centre + torch.tensor([0.0, -2.0])))
    assert_close(found, source()[[1, 0, 0, 1, 2, 3, 4, 5]])


def test_a_zoom_of_two_doubles_what_lies_in_the_middle() -> None:
    halves = torch.tensor([[0, 0, 0, 0, 200, 200, 200, 200]] * SIZE, dtype=torch.uint8)
    found = moved(replace(still(), matrix=torch.eye(2)[None] / 4), halves[None, None])
    # Read at 3.5 + (x - 3.5) / 4: the edge between columns 3 and 4 is spread over four pixels.
    assert_close(found[0], torch.tensor([0, 0, 25, 75, 125, 175, 200, 200]))


def test_an_elastic_draw_moves_where_its_control_points_say() -> None:
    displacement = torch.zeros(1, 2, 2, 2)
    displacement[:, 0] = 1.0  # everywhere one pixel to the right, in x alone
    found = moved(replace(still(), displacement=displacement))
    assert_close(found, source()[:, [1, 2, 3, 4, 5, 6, 7, 7]])
    displacement = torch.zeros(1, 2, 2, 2)
    displacement[0, 1, 0, 0] = 1.0  # the upper left corner alone, in y alone
    places = grid(
        replace(still(), displacement=displacement), source=(SIZE, SIZE), output=(SIZE, SIZE)
    )
    shift = (places - grid(still(), source=(SIZE, SIZE), output=(SIZE, SIZE))) * SIZE / 2
    assert shift[0, 0, 0].tolist() == pytest.approx([0, 1], abs=1e-5)
    assert shift[0, -1, -1].tolist() == pytest.approx([0, 0], abs=1e-5)


def test_contrast_is_about_the_mean_and_brightness_is_added() -> None:
    image = torch.tensor([100, 140], dtype=torch.uint8).repeat(SIZE, SIZE // 2)[None, None]
    louder = moved(replace(still(), gain=torch.full((1, 1, 1, 1), 1.5)), image)
    assert_close(louder[0, :2], torch.tensor([90, 150]))
    brighter = moved(replace(still(), offset=torch.full((1, 1, 1, 1), 0.2)), image)
    assert_close(brighter[0, :2], torch.tensor([151, 191]))
    white = moved(replace(still(), offset=torch.full((1, 1, 1, 1), 2.0)), image)
    assert white.max() == 255


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_image_and_mask_never_disagree(seed: int) -> None:
    side, batch = 48, 2
    coarse = torch.rand(batch, 1, 6, 6, generator=generator(seed)) > 0.5
    mask = coarse.repeat_interleave(8, 2).repeat_interleave(8, 3).to(torch.uint8)
    config = AugmentationConfig(
        contrast=0, brightness=0, elastic_px=4, elastic_spacing_px=16, shift=0.3, zoom=0.4
    )
    draw = sample(
        config, batch=batch, source=(side, side), output=(32, 40), generator=generator(seed)
    )
    image, target = resample(mask * 255, mask, draw, (32, 40))
    assert image.shape == target.shape == (batch, 1, 32, 40)
    sure = (image - 0.5).abs() > 1e-4
    assert torch.equal((image >= 0.5)[sure], target.bool()[sure])
    assert ((target == 0) | (target == 1)).all()


@pytest.mark.parametrize(
    "off",
    [
        {"flips": False},
        {"upside_down": False},
        {"rotation_degrees": 0.0},
        {"shift": 0.0},
        {"zoom": 0.0},
        {"elastic_px": 0.0},
        {"contrast": 0.0},
        {"brightness": 0.0},
        {"shear_degrees": 0.0},
        {"gamma": 0.0},
        {"blur_px": 0.0},
        {"speckle": 0.0},
        {"noise": 0.0},
        {"grey_range": 0.0},
        {"margin": 0.0},
    ],
)
def test_a_part_switched_off_leaves_the_others_numbers(off: dict[str, float]) -> None:
    full = EVERYTHING
    one, other = generator(5), generator(5)
    shape = {"batch": 9, "source": (64, 64), "output": (64, 64)}
    everything = sample(full, generator=one, **shape)  # type: ignore[arg-type]
    without = sample(replace(full, **off), generator=other, **shape)  # type: ignore[arg-type]
    assert torch.equal(one.get_state(), other.get_state()), "as many numbers were drawn"
    (name,) = off
    touched = {
        "flips": "matrix",
        "upside_down": "matrix",
        "rotation_degrees": "matrix",
        "zoom": "matrix",
        "shift": "centre",
        "elastic_px": "displacement",
        "contrast": "gain",
        "brightness": "offset",
        "shear_degrees": "matrix",
    }.get(name, name)
    after = numbers(without)
    for field, value in numbers(everything).items():
        same = field in after and torch.equal(value, after[field])
        assert same == (field != touched), field


def test_the_amounts_are_limits() -> None:
    config = AugmentationConfig(
        flips=False, rotation_degrees=30, shift=0.1, zoom=0.2, contrast=0.3, brightness=0.4
    )
    draw = drawn(config, batch=500)
    scale = draw.matrix.det().sqrt()
    angle = torch.rad2deg(torch.atan2(draw.matrix[:, 1, 0], draw.matrix[:, 0, 0]))
    shift = (draw.centre - 31.5) / 64
    for found, low, high in (
        (scale, 0.8, 1.2),
        (angle, -30, 30),
        (shift, -0.1, 0.1),
        (draw.gain, 0.7, 1.3),
        (draw.offset, -0.4, 0.4),
    ):
        span = high - low
        assert low - 1e-4 <= found.min() < low + 0.05 * span
        assert high - 0.05 * span < found.max() <= high + 1e-4
    assert draw.displacement.std().item() == pytest.approx(config.elastic_px, rel=0.05)


def test_flips_mirror_half_of_the_images_along_each_axis() -> None:
    draw = drawn(replace(STILL, flips=True), batch=1000)
    for axis in (0, 1):
        mirrored = (draw.matrix[:, axis, axis] < 0).float().mean().item()
        assert mirrored == pytest.approx(0.5, abs=0.06)


def test_top_and_bottom_can_be_left_as_they_are() -> None:
    draw = drawn(replace(STILL, flips=True, upside_down=False), batch=1000)
    assert (draw.matrix[:, 1, 1] == 1).all()
    assert (draw.matrix[:, 0, 0] < 0).float().mean().item() == pytest.approx(0.5, abs=0.06)
    none = drawn(replace(STILL, flips=False, upside_down=True), batch=50)
    assert torch.equal(none.matrix, torch.eye(2).repeat(50, 1, 1))


def test_the_same_seed_gives_the_same_batch() -> None:
    one, same, other = (drawn(AugmentationConfig(), seed=seed) for seed in (1, 1, 2))
    for name in numbers(one):
        assert torch.equal(getattr(one, name), getattr(same, name))
        assert not torch.equal(getattr(one, name), getattr(other, name))


def test_a_crop_is_a_window_of_the_image() -> None:
    ramp = np.add.outer(np.arange(32) * 3, np.arange(48) * 2).astype(np.uint8)
    images = torch.from_numpy(ramp)[None, None].repeat(50, 1, 1, 1)
    draw = sample(STILL, batch=50, source=(32, 48), output=(16, 20), generator=generator())
    crops, _ = resample(images, torch.zeros_like(images), draw, (16, 20))
    crops = crops[:, 0] * 255
    assert torch.allclose(crops.diff(dim=1), torch.tensor(3.0), atol=1e-2), "no row is reflected"
    assert torch.allclose(crops.diff(dim=2), torch.tensor(2.0), atol=1e-2)
    corners = crops[:, 0, 0]
    assert corners.min() >= -1e-2
    assert corners.max() <= 16 * 3 + 28 * 2 + 1e-2
    assert len(set(corners.round().tolist())) > 20, "windows differ"


def test_a_shear_of_45_degrees_moves_each_row_by_its_height() -> None:
    matrix = torch.tensor([[[1.0, 1.0], [0.0, 1.0]]])
    found = moved(replace(still(), matrix=matrix))
    # Row y reads x + y - 3.5: half-way between two columns, in the middle of the image.
    assert found[3, 2:6].tolist() == pytest.approx([25.5, 26.5, 27.5, 28.5], abs=1e-2)
    assert found[4, 2:6].tolist() == pytest.approx([34.5, 35.5, 36.5, 37.5], abs=1e-2)


def test_gamma_bends_the_greys_between_black_and_white() -> None:
    image = torch.tensor([0, 64, 128, 255], dtype=torch.uint8).repeat(SIZE, 2)[None, None]
    found = moved(replace(still(), gamma=torch.full((1, 1, 1, 1), 2.0)), image)
    assert_close(found[0, :4], torch.tensor([0, 64**2 / 255, 128**2 / 255, 255]))


def test_a_blur_spreads_a_point_as_a_gaussian_and_keeps_its_sum() -> None:
    side = 33
    image = torch.zeros(2, 1, side, side, dtype=torch.uint8)
    image[:, :, 16, 16] = 255
    draw = replace(still(2, side=side), blur_px=torch.tensor([0.0, 2.0]))
    sharp, soft = resample(image, image // 255, draw, (side, side))[0][:, 0]
    assert sharp[16, 16] == pytest.approx(1, abs=1e-5)
    assert soft.sum().item() == pytest.approx(1, abs=1e-3)
    variance = (soft.sum(0) * (torch.arange(side) - 16.0) ** 2).sum().sqrt().item()
    assert variance == pytest.approx(2, rel=0.03)


def test_noise_is_added_and_speckle_grows_with_the_grey() -> None:
    image = torch.tensor([64, 128], dtype=torch.uint8).repeat_interleave(32).repeat(64, 1)
    config = replace(STILL, noise=0.05)
    draw = drawn(config, batch=64)
    images = image.expand(64, 1, 64, 64)
    noisy, mask = resample(images, images // 128, draw, (64, 64))
    dark, bright = noisy[..., :31].std().item(), noisy[..., 33:].std().item()
    assert dark == pytest.approx(bright, rel=0.1)
    assert 0.01 < dark < 0.05
    assert torch.equal(mask, (images // 128).float())
    speckled, _ = resample(images, images, drawn(replace(STILL, speckle=0.1), batch=64), (64, 64))
    ratio = speckled[..., 33:].std().item() / speckled[..., :31].std().item()
    assert ratio == pytest.approx(2, rel=0.1)


def test_the_grey_range_narrows_and_nothing_is_lost() -> None:
    image = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).expand(200, 1, 16, 16)
    draw = drawn(replace(STILL, grey_range=0.4), batch=200, side=16)
    intensities, _ = resample(image, image, draw, (16, 16))
    lowest, highest = intensities.flatten(1).amin(1), intensities.flatten(1).amax(1)
    assert 0 <= lowest.min() < 0.01
    assert 0.39 < lowest.max() <= 0.4
    assert 0.6 <= highest.min() < 0.61
    assert 0.99 < highest.max() <= 1
    steps = intensities.flatten(1).diff(dim=1)
    assert torch.allclose(steps, ((highest - lowest) / 255)[:, None], atol=1e-5), "no grey is cut"


@pytest.mark.parametrize("exclusive", [False, True])
def test_margins_hide_the_image_and_hold_no_foreground(exclusive: bool) -> None:
    side, batch = 40, 400
    image = torch.full((batch, 2, side, side), 51, dtype=torch.uint8)
    planes = torch.ones(batch, 2, side, side, dtype=torch.uint8)
    if exclusive:
        planes[:, 0] = 0
    draw = drawn(replace(STILL, margin=0.5), batch=batch, side=side)
    intensities, masks = resample(image, planes, draw, (side, side), exclusive=exclusive)
    untouched = (intensities - 0.2).abs() < 1e-6
    assert torch.equal(untouched[:, 0], untouched[:, 1]), "every channel alike"
    assert torch.equal(masks[:, 1] > 0, untouched[:, 0])
    assert torch.equal(masks[:, 0] > 0, ~untouched[:, 0] if exclusive else untouched[:, 0])
    assert untouched[:, :, side // 4 : -side // 4, side // 4 : -side // 4].all()
    whole = untouched.flatten(1).all(1).float().mean()
    assert 0.45 < whole < 0.63, "one half, and one sixteenth of the rest has no side chosen"
    for edge in (untouched[:, 0, 0], untouched[:, 0, -1], untouched[:, 0, :, 0]):
        hidden = (~edge).float().mean(1)
        assert 0.15 < (hidden == 1).float().mean() < 0.35, "one half of one half"
    margins = torch.from_numpy(np.unique(intensities[~untouched]))
    assert margins.min() == 0
    assert margins.max() == 1
    assert len(margins) > 10


def test_amounts_that_make_no_sense_are_refused() -> None:
    for name, wrong in (("grey_range", 0.5), ("margin", 1.5), ("margin", -0.1)):
        with pytest.raises(InputError, match="augmentation"):
            replace(STILL, **{name: wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize("side", [16, 17])
def test_a_plain_crop_copies_pixels(side: int) -> None:
    image = torch.randint(0, 256, (20, 1, 32, 40), generator=generator()).to(torch.uint8)
    draw = sample(STILL, batch=20, source=(32, 40), output=(side, side), generator=generator())
    crops = (resample(image, image % 2, draw, (side, side))[0] * 255).round().to(torch.uint8)
    for crop, whole in zip(crops[:, 0], image[:, 0], strict=True):
        windows = whole.unfold(0, side, 1).unfold(1, side, 1)
        assert (windows == crop).all(-1).all(-1).any()


def test_every_image_of_a_batch_gets_numbers_of_its_own() -> None:
    for name, value in numbers(drawn(EVERYTHING)).items():
        assert not torch.equal(value[0], value[1]), name
