"""The meaning of mask values is decided from all masks, whatever their number format."""

import io
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray
from PIL import Image

from core.data.base import Sample
from core.data.masks.values import decide
from core.data.pairing.places import groups_of
from core.data.splits import SUBSETS, make_split, spread_foreground
from core.imaging.stored_values import read_stored
from core.losses import LOSSES
from core.training.ignored import without_ignored

SHAPE = (40, 48)
SEEDS = range(12)


def objects(numbers: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Rectangles numbered 1…count, each in a column of its own."""
    mask = np.zeros(SHAPE, np.int64)
    width = SHAPE[1] // count
    for n in range(count):
        top = int(numbers.integers(0, 20))
        mask[top : top + 15, n * width : n * width + max(width - 1, 1)] = n + 1
    return mask


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.float32])
def test_binary_at_any_value(seed: int, kind: type[Any]) -> None:
    numbers = np.random.default_rng(seed)
    masks = [(objects(numbers, 3) > 0) * numbers.integers(1, 120) for _ in range(5)]
    meaning = decide([mask.astype(kind) for mask in masks])
    assert meaning.kind == "binary"
    for mask in masks:
        np.testing.assert_array_equal(meaning.foreground(mask.astype(kind)), mask > 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_numbers_of_objects_keep_every_object(seed: int) -> None:
    numbers = np.random.default_rng(seed)
    masks = [objects(numbers, int(numbers.integers(10, 24))).astype(np.uint16) for _ in range(4)]
    meaning = decide(masks)
    assert meaning.kind == "instances"
    for mask in masks:
        np.testing.assert_array_equal(meaning.objects(mask), mask)


@pytest.mark.parametrize("seed", SEEDS)
def test_noise_of_jpeg_is_no_foreground_even_where_a_mask_is_empty(seed: int) -> None:
    numbers = np.random.default_rng(seed)
    true = [objects(numbers, 2) > 0 for _ in range(4)]
    true.append(np.zeros(SHAPE, np.bool_))
    noise = [numbers.integers(0, 12, SHAPE) for _ in true]
    masks = [np.where(m, 255 - e, e).astype(np.uint8) for m, e in zip(true, noise, strict=True)]
    meaning = decide(masks)
    assert meaning.kind == "graded"
    for mask, wanted in zip(masks, true, strict=True):
        np.testing.assert_array_equal(meaning.foreground(mask), wanted)


@pytest.mark.parametrize("classes", [1, 2, 5])
def test_255_beside_small_values_is_left_out(classes: int) -> None:
    mask = objects(np.random.default_rng(0), classes).astype(np.uint8)
    mask[-2:] = 255
    meaning = decide([mask])
    assert meaning.ignore == 255
    np.testing.assert_array_equal(meaning.ignored(mask), mask == 255)
    np.testing.assert_array_equal(meaning.foreground(mask), (mask > 0) & (mask < 255))


def test_masks_of_0_and_1_beside_masks_of_0_and_255_have_nothing_to_ignore() -> None:
    marked = objects(np.random.default_rng(0), 2) > 0
    meaning = decide([marked.astype(np.uint8), marked * np.uint8(255)])
    assert (meaning.kind, meaning.ignore) == ("binary", None)


@pytest.mark.parametrize("photometric", ["miniswhite", "minisblack"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_tiff_mask_is_what_was_stored(photometric: str, kind: type[Any]) -> None:
    mask = objects(np.random.default_rng(1), 3).astype(kind)
    stream = io.BytesIO()
    tifffile.imwrite(stream, mask, photometric=photometric)
    np.testing.assert_array_equal(read_stored(stream.getvalue(), name="m.tif"), mask)


def test_a_palette_mask_is_its_indices() -> None:
    mask = objects(np.random.default_rng(1), 3).astype(np.uint8)
    picture = Image.fromarray(mask, "P")
    picture.putpalette([255, 255, 255, 0, 0, 0, 9, 200, 9, 0, 0, 255])
    for form in ("PNG", "GIF"):
        stream = io.BytesIO()
        picture.save(stream, format=form)
        np.testing.assert_array_equal(read_stored(stream.getvalue(), name="m"), mask)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_what_is_not_annotated_has_no_gradient(name: str) -> None:
    if LOSSES[name].border_map:
        pytest.skip("takes a border map")
    from core.config import RunConfig
    from core.inference.heads import Head, build_criterion

    criterion = build_criterion(RunConfig(dataset="folder", model="unet", loss=name))
    logits = torch.randn(2, Head().outputs, 16, 16, requires_grad=True)
    target = (torch.rand(2, 1, 16, 16) > 0.5).float()
    ignored = torch.zeros(2, 1, 16, 16)
    ignored[..., :5] = 255
    out, wanted = without_ignored(logits, target, ignored, softmax=False)
    loss = criterion(out, wanted)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert not gradient[..., :5].any()
    other = torch.where(ignored > 0, 1 - target, target)
    assert torch.equal(criterion(*without_ignored(logits, other, ignored, softmax=False)), loss)


@pytest.mark.parametrize("pattern", ["patient{0:02}_slice{1:02}", "TCGA-CS-{0:04}-{1}", "a{0}-{1}"])
def test_a_patient_before_a_counter_is_a_group(pattern: str) -> None:
    names = [pattern.format(p, n) + ".png" for p in range(1, 7) for n in range(1, 6)]
    assert len(set(groups_of([()] * len(names), names))) == 6


@pytest.mark.parametrize("pattern", ["grade{0}_{1}", "fold{0}_{1}", "train_{1}", "{1}", "{0}_{1}"])
def test_what_counts_kinds_or_says_nothing_is_no_patient(pattern: str) -> None:
    names = [pattern.format(p, 10 * p + n) + ".png" for p in range(1, 7) for n in range(1, 6)]
    assert not any(groups_of([()] * len(names), names))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_part_has_foreground_where_three_groups_have(seed: int) -> None:
    numbers = np.random.default_rng(seed)
    samples = [Sample(id=f"i{n:02}", group=f"g{n // 2}") for n in range(40)]
    groups = numbers.choice(20, 3, replace=False)
    holders = {f"i{2 * group:02}" for group in groups.tolist()}
    split = spread_foreground(make_split(samples, seed=seed), samples, holders, {})
    parts = [set(getattr(split, part)) for part in SUBSETS]
    assert all(part & holders for part in parts)
    assert sorted(name for part in parts for name in part) == [sample.id for sample in samples]
    for part in parts:
        assert all(f"i{int(name[1:]) ^ 1:02}" in part for name in part)


@pytest.mark.parametrize("seed", range(12))
def test_few_objects_are_numbers_and_few_classes_are_classes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    objects, classes = [], []
    for n in range(8):
        numbered = np.zeros((48, 48), np.uint8)
        for number in range(1, 2 + (n + seed) % 6):
            row, column = divmod(number - 1, 3)
            numbered[row * 20 + 2 : row * 20 + 12, column * 15 + 2 : column * 15 + 12] = number
        objects.append(numbered)
        scattered = (rng.random((48, 48)) > 0.7).astype(np.uint8) * rng.integers(1, 4, (48, 48))
        classes.append(scattered.astype(np.uint8))
    assert decide(objects).kind == "instances"
    assert decide(classes).kind == "classes"
