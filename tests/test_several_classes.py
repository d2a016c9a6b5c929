"""Several classes and regions: one map each, from the target of the loss to the shipped model."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.data import DATASETS
from core.data.augmentation import sample
from core.data.datasets.brats import BraTS, regions
from core.errors import InputError
from core.evaluation.of_model import evaluate_model
from core.inference.heads import Head, build_criterion, build_network, head_of, output_weights
from core.inference.predictor import Predictor
from core.levels import level_map
from core.losses import LOSSES
from core.models import load_run, load_run_named, load_weights
from core.promotion.promote import promote
from core.runs import Run, create_run
from core.training.batches import Images, Step, read
from core.training.loop import train
from tests.shapes import SIDE, Shapes, config


@pytest.fixture(autouse=True)
def _shapes() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, "phantoms_shapes", Shapes)
        yield


@pytest.fixture(scope="module")
def run(_own_workspace: None) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, "phantoms_shapes", Shapes)
        made = create_run(config(), name="shapes")
        train(made)
        return made


def test_the_head_follows_target_and_loss() -> None:
    info = Shapes.info
    assert head_of(config(target="foreground"), info) == Head()
    exclusive = head_of(config(), info)
    assert (exclusive.names, exclusive.softmax, exclusive.outputs) == (info.classes, True, 4)
    each = head_of(config(loss="bce"), info)
    assert (each.values, each.softmax, each.outputs) == (((1,), (2,), (3,)), False, 3)
    assert not head_of(config(loss="dice", loss_options={"independent": True}), info).softmax
    overlapping = head_of(config(target="regions", loss="bce_dice"), info)
    assert (overlapping.names, overlapping.softmax) == (("whole", "inner"), False)
    assert head_of(config(), DATASETS["phantoms"].info) == Head(), "one class is the foreground"


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="phantoms declares no regions"):
        head_of(config(target="regions"), DATASETS["phantoms"].info)
    with pytest.raises(InputError, match="regions overlap and ce lets classes exclude"):
        head_of(config(target="regions"), Shapes.info)
    with pytest.raises(InputError, match=r"unet has one output.*choose attention_unet"):
        build_network(config(deep_supervision=True), in_channels=1, outputs=1)


@pytest.mark.parametrize("target", ["classes", "regions"])
@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_every_loss_takes_the_targets_of_its_head_or_says_why_not(loss: str, target: str) -> None:
    asked = config(loss=loss, target=target)
    card = LOSSES[loss]
    if target == "regions" and card.activation == "softmax" and "independent" not in card.options:
        with pytest.raises(InputError, match="regions overlap"):
            head_of(asked, Shapes.info)
        return
    head = head_of(asked, Shapes.info)
    mask = torch.from_numpy(
        np.stack([Shapes.open(None).truth(s) for s in Shapes.open(None).samples])
    )
    targets = head.targets(mask[:2, None]).float()
    truths = head.truths(mask[0].numpy())
    assert torch.equal(targets[0], torch.from_numpy(head.one_hot(truths)))
    if head.softmax:
        assert (targets.sum(1) == 1).all()
    right, wrong = (
        build_criterion(asked)(8 * (2 * t - 1), targets) for t in (targets, 1 - targets)
    )
    assert torch.isfinite(right)
    assert (right < wrong) == (not LOSSES[loss].as_printed)


def test_regions_of_brats_are_those_it_scores() -> None:
    head = head_of(config(target="regions", loss="bce"), BraTS.info)
    truth = np.random.default_rng(0).integers(0, 4, (32, 32)).astype(np.uint8)
    for name, plane in zip(head.names, head.truths(truth), strict=True):
        assert np.array_equal(plane, regions(truth)[name])


def test_moved_classes_exclude_one_another() -> None:
    data = Shapes.open(None)
    masks = np.stack([data.truth(s)[None] for s in data.samples])
    training_set = Images(torch.from_numpy(masks * 60), torch.from_numpy(masks))
    moves = config(augment=True).augmentation
    draw = sample(
        moves,
        batch=16,
        source=(SIDE, SIDE),
        output=(SIDE, SIDE),
        generator=torch.Generator().manual_seed(0),
    )
    step = Step(torch.arange(16), draw, (SIDE, SIDE))
    _, targets, _ = read(step, training_set, head_of(config(), Shapes.info))
    assert (targets.sum(1) == 1).all()
    assert (targets.mean((0, 2, 3)) > 0.01).all()


class Fixed(nn.Module):
    """Logits that are the grey and its multiples, whatever was learned."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.linspace(-3, 5, outputs)[None, :, None, None])

    def forward(self, image: Tensor) -> Tensor:
        return image[:, :1] * self.scale


@pytest.mark.parametrize("softmax", [True, False])
@pytest.mark.parametrize("size", [None, 64])
def test_maps_of_every_class_and_of_the_foreground(size: int | None, softmax: bool) -> None:
    predictor = Predictor(Fixed(3 + softmax), size=size, classes=("a", "b", "c"), softmax=softmax)
    image = np.random.default_rng(0).integers(0, 256, (700, 40), dtype=np.uint8)
    each = predictor.class_probability(image)
    assert each.shape == (3, 700, 40)
    assert np.array_equal(predictor.class_levels(image), level_map(each))
    any_class = each.sum(0).clip(0, 1) if softmax else each.max(0)
    assert np.array_equal(predictor.probability(image), any_class)
    assert np.array_equal(predictor.levels(image), level_map(any_class))
    if size is None:
        logits = Fixed(3 + softmax)(torch.from_numpy(image)[None, None] / 255)[0]
        expected = logits.softmax(0)[1:] if softmax else logits.sigmoid()
        assert np.allclose(each, expected.detach().numpy(), atol=1e-5)


def test_one_class_has_one_map() -> None:
    predictor = Predictor(Fixed(1))
    image = np.random.default_rng(0).integers(0, 256, (40, 50), dtype=np.uint8)
    assert np.array_equal(predictor.class_levels(image)[0], predictor.levels(image))
    assert np.array_equal(predictor.class_probability(image)[0], predictor.probability(image))


def test_a_run_learns_every_class_and_keeps_a_threshold_for_each(run: Run) -> None:
    last = run.history[-1]
    dices = [last[f"val_dice_{name}"] for name in Shapes.info.classes]
    assert min(dices) > 0.5
    assert last["val_dice"] == pytest.approx(np.mean(dices))
    point = run.operating_point
    assert point is not None
    assert list(point.classes) == list(Shapes.info.classes)
    document = run.evaluation("val")
    assert document is not None
    for name, one in document["classes"].items():
        assert one["threshold"] == point.classes[name]["threshold"]
        assert one["pooled"]["dice"] == pytest.approx(point.classes[name]["value"])
        assert one["n_images"] == document["n_images"]


def test_a_shipped_model_has_the_classes_of_its_run(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISOLINE_WEIGHTS", str(tmp_path))
    promote(run, "shapes")
    shipped, trained = load_weights("shapes"), load_run(run)
    assert shipped.predictor.classes == Shapes.info.classes
    assert shipped.predictor.softmax
    assert shipped.operating_point == trained.operating_point
    image = Shapes.open(None).image(Shapes.open(None).samples[0])
    rounded, exact = (model.predictor.class_probability(image) for model in (shipped, trained))
    assert np.allclose(rounded, exact, atol=0.05)
    assert set(evaluate_model(shipped, "test", data=None)["classes"]) == set(Shapes.info.classes)


def test_regions_train_with_a_loss_that_can_be_made_independent() -> None:
    made = create_run(config(target="regions", loss="dice", epochs=2, ema=0.5))
    train(made)
    assert {"val_dice_whole", "val_dice_inner"} <= set(made.history[-1])
    assert not load_run(made).predictor.softmax


def test_weights_of_coarser_outputs_halve() -> None:
    deep = config(deep_supervision=True)
    assert output_weights(deep, 3) == pytest.approx([1 / 7, 2 / 7, 4 / 7])
    assert output_weights(deep, 1) == [1.0]


def test_one_class_alone_is_a_model_of_its_own(run: Run) -> None:
    whole = load_run(run)
    data = Shapes.open(None)
    image = data.image(data.samples[3])
    figures = evaluate_model(whole, "val", data=None)["classes"]
    for place, name in enumerate(Shapes.info.classes):
        alone = load_run_named(f"{run.name}:{name}")
        assert alone.name == f"{run.name}:{name}"
        assert alone.operating_point.threshold == whole.operating_point.classes[name]["threshold"]
        levels = alone.predictor.levels(image)
        assert np.array_equal(levels, whole.predictor.class_levels(image)[place])
        own = evaluate_model(alone, "val", data=None)
        assert own["pooled"] == figures[name]["pooled"], "digit for digit"
        assert own["images"] == figures[name]["images"]
        assert alone.class_names == ()
        assert alone.parameters == whole.parameters > 0
        _, mask, truth = alone.outcome(data, data.samples[3].id)
        assert np.array_equal(truth, data.truth(data.samples[3]) == place + 1)
        assert mask.any()
    with pytest.raises(InputError, match=r"has no class 'lid'; choose one of rim, core, bar"):
        whole.of_class("lid")
    with pytest.raises(InputError, match="name it without a class"):
        load_run_named(f"{run.name}:core").of_class("core")


def test_a_data_set_without_the_class_is_refused(run: Run) -> None:
    alone = load_run_named(f"{run.name}:core")
    with pytest.raises(InputError, match=r"phantoms has no class 'core', which .*:core marks"):
        evaluate_model(alone, "all", data=None, dataset="phantoms")
