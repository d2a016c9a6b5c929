"""3-D networks: which slices are seen together, crops, windows, and a whole training."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.__main__ import main as entry
from core.config import AugmentationConfig, RunConfig
from core.data import open_dataset
from core.data.augmentation import resample, sample
from core.data.base import Sample
from core.data.stacks import neighbours, place_of, stack_of, stacks
from core.errors import InputError
from core.inference.classes import class_predictor
from core.inference.heads import FOREGROUND, Head
from core.inference.volumetric import VolumePredictor, count_windows
from core.levels import level_map
from core.models import load_run
from core.networks import MODELS, build_model
from core.runs import open_run
from core.runs.checkpoint import load_checkpoint
from core.training.batches import Epoch, Foreground, Images, crops_per_epoch, read
from core.training.trial import trial
from tests.pages import run_page

SMALL: dict[str, Any] = {
    "dataset": "phantoms_nodules",
    "model": "unet3d",
    "model_options": {"base_filters": 2, "depth": 1},
    "tile": 32,
    "slices": 8,
    "batch_size": 4,
    "epochs": 2,
    "loss": "dice",
    "oversample": 0.5,
    "samples_every": 0,
}


DEEP = [name for name, card in MODELS.items() if card.dimensions == 3]


def slice_of(case: str, number: int) -> Sample:
    return Sample(
        id=f"{case}-{number}", group=case, facts={"case": case, "slice": str(number)}, label="x"
    )


# --- which slices are neighbours -----------------------------------------------------------------


def test_runs_are_unbroken_and_in_order() -> None:
    places = [("a", 3), ("b", 0), None, ("a", 1), ("a", 2), ("a", 5), ("b", 1), ("a", 6)]
    assert stacks(places) == [(3, 4, 0), (5, 7), (1, 6)]


def test_a_slice_is_told_from_a_picture() -> None:
    assert place_of(slice_of("a", 7)) == ("a", 7)
    assert place_of(Sample(id="x", group="x")) is None
    several = [slice_of("a", n) for n in (4, 0, 1, 5)] + [slice_of("b", 2)]
    assert [s.id for s in stack_of(several[0], several)] == ["a-4", "a-5"]
    with pytest.raises(InputError, match="an image by itself"):
        stack_of(Sample(id="x", group="x"), several)


@pytest.mark.parametrize(
    ("first", "count", "expected"),
    [
        (0, 3, [5, 6, 7]),
        (-2, 4, [7, 6, 5, 6]),
        (1, 4, [6, 7, 6, 5]),
        (-1, 7, [6, 5, 6, 7, 6, 5, 6]),
    ],
)
def test_beyond_its_end_a_volume_goes_on_as_its_mirror_image(
    first: int, count: int, expected: list[int]
) -> None:
    assert neighbours([5, 6, 7], first, count).tolist() == expected


def test_one_slice_is_its_own_neighbour() -> None:
    assert neighbours([4], -1, 3).tolist() == [4, 4, 4]


# --- crops ---------------------------------------------------------------------------------------


def training_set(lengths: Sequence[int], *, side: int = 24) -> Images:
    """Volumes whose pixels say which row they are of: volume v has rows in descending order."""
    total = sum(lengths)
    images = torch.arange(total, dtype=torch.uint8)[:, None, None, None].expand(-1, 1, side, side)
    masks = torch.zeros(total, 1, side, side, dtype=torch.uint8)
    masks[total // 2, 0, 3:5, 20:22] = 1
    runs, first = [], 0
    for length in lengths:
        runs.append(tuple(range(first + length - 1, first - 1, -1)))
        first += length
    return Images(images.clone(), masks, stacks=tuple(runs))


def config(**settings: Any) -> RunConfig:
    given: dict[str, Any] = {"dataset": "x", "slices": 8, "batch_size": 3, "tile": 16}
    return RunConfig(**(given | settings))


def test_a_crop_holds_slices_that_follow_one_another_in_one_volume() -> None:
    held = training_set([20, 9, 5])
    epoch = Epoch(config(), held, 0)
    assert len(epoch.order) == crops_per_epoch(config(), held) == 3 + 2 + 1
    several = {run: set(run) for run in held.stacks}
    forwards = 0
    for rows in epoch.order.tolist():
        assert any(set(rows) <= members for members in several.values())
        steps = set(np.diff(rows).tolist())
        if set(rows) <= set(held.stacks[2]):  # shorter than a crop: all of it, mirrored at its ends
            assert set(rows) == set(held.stacks[2])
        else:
            assert steps in ({1}, {-1})
        forwards += rows[0] > rows[-1]
    again = Epoch(config(), held, 0)
    assert torch.equal(epoch.order, again.order)
    other = Epoch(config(), held, 1)
    assert not torch.equal(epoch.order, other.order)


def test_stacks_run_backwards_only_where_images_may_be_mirrored() -> None:
    held = training_set([40, 40])
    upright = {"augmentation": AugmentationConfig(flips=False)}

    def backwards(**settings: Any) -> int:
        orders = [Epoch(config(crops_per_image=5, **settings), held, n).order for n in range(4)]
        rows = torch.cat(orders)
        return int((rows[:, 0] < rows[:, -1]).sum())  # the volume's order is the descending one

    assert backwards(**upright) == 0
    assert backwards(augment=False) == 0
    assert 60 < backwards() < 140  # of 200


def test_crops_are_drawn_to_hold_foreground() -> None:
    held = training_set([40, 40])
    masks = held.masks.numpy()
    held = replace(held, foreground=Foreground(masks, ((),), seed=0))
    row = int(np.flatnonzero(masks.any(axis=(1, 2, 3)))[0])
    still = AugmentationConfig(
        flips=False, rotation_degrees=0, shift=0, zoom=0, elastic_px=0, contrast=0, brightness=0
    )
    epoch = Epoch(config(oversample=1.0, augmentation=still), held, 0)
    assert all(row in rows for rows in epoch.order.tolist())
    for step in range(len(epoch)):
        _, target, _ = read(epoch[step], held, Head())
        assert (target.sum(dim=(1, 2, 3, 4)) > 0).all()


def test_what_is_read_is_a_volume_in_its_order() -> None:
    held = training_set([12, 12])
    epoch = Epoch(config(augment=False, tile=None), held, 0)
    step = epoch[0]
    image, target, maps = read(step, held, Head())
    assert image.shape == (3, 1, 8, 24, 24)
    assert target.shape == (3, 1, 8, 24, 24)
    assert maps == []
    assert torch.equal((255 * image[:, 0, :, 0, 0]).round().long(), step.index)
    assert torch.equal(target[:, 0], held.masks[step.index, 0].float())


def test_slices_of_a_volume_move_alike() -> None:
    generator = torch.Generator().manual_seed(3)
    colours = torch.randint(256, (2, 5, 2, 30, 34), generator=generator, dtype=torch.uint8)
    masks = torch.randint(2, (2, 5, 3, 30, 34), generator=generator, dtype=torch.uint8)
    moves = AugmentationConfig(contrast=0, brightness=0, shear_degrees=5, margin=1.0, blur_px=1.5)
    draw = sample(
        moves,
        batch=2,
        source=(30, 34),
        output=(20, 20),
        generator=torch.Generator().manual_seed(1),
        depth=5,
    )
    for exclusive in (False, True):
        image, mask = resample(
            colours.flatten(1, 2),
            masks.flatten(1, 2),
            draw,
            (20, 20),
            exclusive=exclusive,
            depth=5,
        )
        for n in range(5):
            alone = resample(colours[:, n], masks[:, n], draw, (20, 20), exclusive=exclusive)
            torch.testing.assert_close(image[:, 2 * n : 2 * n + 2], alone[0])
            assert torch.equal(mask[:, 3 * n : 3 * n + 3], alone[1])


def test_noise_is_of_each_slice_and_greys_of_the_whole_volume() -> None:
    flat = torch.full((2, 4 * 2, 16, 16), 128, dtype=torch.uint8)
    still = AugmentationConfig(
        flips=False, rotation_degrees=0, shift=0, zoom=0, elastic_px=0, contrast=0, brightness=0
    )

    def seen(images: Tensor, **moves: Any) -> Tensor:
        draw = sample(
            replace(still, **moves),
            batch=2,
            source=(16, 16),
            output=(16, 16),
            generator=torch.Generator().manual_seed(1),
            depth=4,
        )
        return resample(images, images[:, :4], draw, (16, 16), depth=4)[0]

    noisy = seen(flat, noise=0.1)
    assert torch.equal(noisy[:, 0], noisy[:, 1])  # the channels of one slice
    assert not torch.allclose(noisy[:, 0], noisy[:, 2])
    dark = flat.clone()
    dark[:, 4:] = 64  # contrast is about the mean of all slices: both halves move by as much
    paler = seen(dark, contrast=0.5)
    up, down = paler[:, 0, 0, 0] - 128 / 255, 64 / 255 - paler[:, 7, 0, 0]
    assert (up != 0).all()
    torch.testing.assert_close(up, down, atol=1e-5, rtol=0)


# --- windows -------------------------------------------------------------------------------------


class Pixelwise(nn.Module):
    """Logits that depend on the voxel alone, so that windows cannot matter."""

    def __init__(self, classes: int = 1) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.linspace(3, 6, classes))

    def forward(self, volume: Tensor) -> Tensor:
        """(B, 1, D, H, W) to (B, K, D, H, W)."""
        assert volume.ndim == 5
        return (volume - 0.5) * self.slope[:, None, None, None]


def predictor(classes: tuple[str, ...] = FOREGROUND, **seeing: Any) -> VolumePredictor:
    outputs = len(classes) + bool(seeing.get("softmax"))
    return VolumePredictor(Pixelwise(outputs), classes=classes, **({"slices": 8} | seeing))


def noise(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("depth", [1, 5, 8, 19])
@pytest.mark.parametrize("tile", [None, 20, 200])
def test_windows_add_up_to_the_whole(depth: int, tile: int | None) -> None:
    slices = noise(depth, 33, 47)
    found = predictor(tile=tile).volume_levels(slices)
    assert found.shape == slices.shape
    expected = level_map(torch.sigmoid((torch.from_numpy(slices) / 255 - 0.5) * 3).numpy())
    assert np.abs(found.astype(int) - expected).max() <= 1  # blending rounds


@pytest.mark.parametrize("name", [name for name in DEEP if name != "vnet"])
def test_the_order_in_memory_changes_no_more_than_rounding(name: str) -> None:
    torch.manual_seed(0)
    network = build_model(name, in_channels=1, classes=1, **MODELS[name].small).eval()
    slices = noise(17, 40, 56)
    with torch.inference_mode():
        plain = network(torch.from_numpy(slices)[None, None].float() / 255)[0, 0].sigmoid().numpy()
    found = VolumePredictor(network, slices=17).volume_levels(slices).astype(int)
    assert np.abs(found - level_map(plain)).max() <= 1


def test_progress_counts_windows_to_the_last() -> None:
    heard: list[tuple[int, int]] = []
    predictor(tile=20).volume_levels(noise(19, 33, 47), progress=lambda *now: heard.append(now))
    total = count_windows((19, 33, 47), (8, 20, 20))
    assert heard == [(n, total) for n in range(1, total + 1)]


def test_slices_of_a_size_of_their_own_come_back_at_native_resolution() -> None:
    slices = np.repeat(noise(9, 1, 1), 40, axis=1).repeat(60, axis=2)
    found = predictor(size=32).volume_levels(slices)
    assert found.shape == (9, 40, 60)
    expected = level_map(torch.sigmoid((torch.from_numpy(slices) / 255 - 0.5) * 3).numpy())
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_a_picture_is_refused_in_words() -> None:
    for ask in ("levels", "probability", "class_levels"):
        with pytest.raises(InputError, match="sees whole volumes"):
            getattr(predictor(), ask)(noise(40, 40))


class Slices:
    """Two volumes of a slice each way, and how often they were read."""

    def __init__(self) -> None:
        self.samples = [slice_of(case, n) for case in "ab" for n in range(6)]
        self.read = 0

    def image(self, sample: Sample) -> NDArray[np.uint8]:
        self.read += 1
        return noise(20, 24, seed=int(sample.facts["slice"]) + 10 * ord(sample.group))


def test_slices_asked_for_one_by_one_are_those_of_the_whole() -> None:
    source, seen = Slices(), predictor()
    one_by_one = np.stack([seen.sample_levels(source, s) for s in source.samples])
    assert source.read == 12  # each volume once
    for n in (0, 6):
        whole = np.stack([source.image(s) for s in source.samples[n : n + 6]])
        np.testing.assert_array_equal(one_by_one[n : n + 6], seen.volume_levels(whole))


@pytest.mark.parametrize("softmax", [False, True])
def test_classes_of_a_volume(*, softmax: bool) -> None:
    source, seen = Slices(), predictor(("core", "edge"), softmax=softmax)
    first = source.samples[0]
    maps = seen.sample_class_levels(source, first)
    assert maps.shape == (2, 20, 24)
    for place in range(2):
        alone = class_predictor(seen, place)
        assert alone.classes == (("core", "edge")[place],)
        np.testing.assert_array_equal(alone.sample_levels(source, first), maps[place])
    both = seen.sample_class_probability(source, first)
    foreground = both.sum(axis=0) if softmax else both.max(axis=0)
    np.testing.assert_array_equal(seen.sample_levels(source, first), level_map(foreground))


# --- a training ----------------------------------------------------------------------------------


def main(words: Sequence[str]) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["core", *words])
        return entry()


def command(*words: str, capsys: pytest.CaptureFixture[str]) -> Any:
    code = main([*words, "--json"])
    out, err = capsys.readouterr()
    assert code == 0, err
    return json.loads(out)


def settings(**changed: Any) -> list[str]:
    flat = {**SMALL, **SMALL["model_options"], **changed}
    left = {k: v for k, v in flat.items() if k not in {"dataset", "model", "model_options"}}
    return [word for key, value in left.items() for word in ("--set", f"{key}={value}")]


START = ["train", "--dataset", "phantoms_nodules", "--model", "unet3d"]


@pytest.fixture(scope="module")
def trained() -> str:
    """The name of a finished run in the module's workspace."""
    assert main([*START, *settings(), "--name", "deep", "--json"]) == 0
    return "deep"


def test_a_run_is_judged_as_it_was_validated(
    trained: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = open_run(trained)
    kept = json.loads((run.path / "evaluation" / "val.json").read_text())
    found = command("evaluate", "--run", trained, "--split", "val", capsys=capsys)
    for name in ("dice", "accuracy"):  # but for the normalizations that are folded away
        assert found["pooled"][name] == pytest.approx(kept["pooled"][name], abs=2e-3)
    assert found["n_images"] == len(run.split.val)
    assert found["n_patients"] == len({name.split("-z")[0] for name in run.split.val})
    history = run.history
    assert [row["epoch"] for row in history] == [1, 2]
    assert all(0 <= row["val_dice"] <= 1 for row in history)


def test_a_volume_on_disk_has_the_map_of_the_data_set(
    trained: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command line on a NIfTI, the evaluation on its slices: the same voxels."""
    import nibabel as nib

    dataset, model = open_dataset("phantoms_nodules"), load_run(open_run(trained))
    run = stack_of(dataset.samples[0], dataset.samples)
    volume = np.stack([dataset.image(one) for one in run])  # (D, H, W): S, P, L
    point = model.operating_point
    expected = np.stack([model.predictor.sample_levels(dataset, one) >= point.k for one in run])
    upright = nib.Nifti1Image(  # type: ignore[no-untyped-call]
        volume.transpose(2, 1, 0), np.diag([-1.0, -1.0, 1.5, 1.0])
    )
    nib.save(upright, tmp_path / "scan.nii.gz")
    rows = command(
        *("predict", "--run", trained, str(tmp_path / "scan.nii.gz"), "--out", str(tmp_path)),
        capsys=capsys,
    )
    assert rows[0]["foreground_px"] == expected.sum()
    mask = np.asarray(nib.load(rows[0]["mask"]).dataobj)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(mask.transpose(2, 1, 0) > 0, expected)


def test_a_resumed_training_of_volumes_ends_bit_for_bit(
    trained: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command(*START, *settings(epochs=1), "--name", "halfway", capsys=capsys)
    longer = open_run("halfway")
    document = longer.config.document() | {"epochs": 2}
    (longer.path / "config.json").write_text(json.dumps(document))
    command("resume", "halfway", capsys=capsys)
    one, other = (
        load_checkpoint(open_run(name).checkpoint("last"))["model"] for name in (trained, "halfway")
    )
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.usefixtures("trained")
def test_what_a_training_of_volumes_will_cost_is_tried() -> None:
    config = RunConfig(**(SMALL | {"oversample": 0.0}))
    found = trial(config)
    volumes = len({name.split("-z")[0] for name in open_run("deep").split.train})
    assert found.steps == volumes * 4 // config.batch_size  # 32 slices are four crops of eight
    assert found.validation_images == len(open_run("deep").split.val)
    assert found.step_seconds > 0 < found.validation_seconds


FEW = ",".join(f"nodules-{n:03d}" for n in range(4, 16))


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n == "vnet" else n for n in DEEP]
)
def test_every_network_for_volumes_trains(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = dict(MODELS[name].small) | ({"deep_supervision": True} if name == "dynunet" else {})
    tile = 32 if name == "vnet" else 48
    shared = {"tile": tile, "slices": 16, "epochs": 1, "oversample": 1, "samples_every": 0}
    words = [word for k, v in {**shared, **options}.items() for word in ("--set", f"{k}={v}")]
    start = ["train", "--dataset", "phantoms_nodules", "--model", name, "--leave-out"]
    left_out = [word for one in FEW.split(",") for word in (one, "--leave-out")][:-1]
    summary = command(*start, *left_out, *words, "--name", f"one-{name}", capsys=capsys)
    assert summary["epochs"] == 1
    assert np.isfinite(summary["best"]["train_loss"])
    run = open_run(f"one-{name}")
    assert {image.split("-z")[0] for image in run.split.train} < {
        f"nodules-00{n}" for n in range(4)
    }


def test_what_pictures_alone_have_is_refused_in_words(
    trained: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (
        ["uncertainty", "--run", trained, "--split", "val", "--method", "turns"],
        ["evaluate", "--run", trained, "--split", "val", "--tta", "flips"],
    ):
        assert main(words) == 2
        assert "sees whole volumes" in capsys.readouterr().err


def test_a_data_set_of_pictures_is_refused_before_there_is_a_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["train", "--dataset", "phantoms_nuclei", "--model", "unet3d"]) == 2
    error = capsys.readouterr().err
    assert "unet3d is a 3-D network, and phantoms_nuclei has images" in error


def test_pages_show_a_model_of_volumes(trained: str, capsys: pytest.CaptureFixture[str]) -> None:
    flat = ["train", "--dataset", "phantoms_nodules", "--set", "base_filters=2", "--set", "depth=1"]
    command(*flat, "--set", "epochs=1", "--set", "tile=32", "--name", "flat", capsys=capsys)
    app = run_page("predict", model=f"run/{trained}")
    assert not app.exception
    assert not app.error
    (example,) = [box for box in app.selectbox if box.label == "Example"]
    held_out = open_run(trained).split.test
    names = [name.split(",")[0] for name in example.options]
    assert set(names) <= set(held_out)
    dataset = open_dataset("phantoms_nodules")
    full = {one.id: dataset.truth(one).any() for one in dataset.samples if one.id in names}
    assert len(names) == 2 == sum(full.values()), "of each volume a slice with a nodule"
    for page, asked in (
        ("threshold", {"model": f"{trained} (run)"}),
        ("compare", {"models": [f"{trained} (run)", "flat (run)"]}),
    ):
        app = run_page(page, **asked)
        assert not app.exception, page
        assert not app.error, page


@pytest.mark.slow
def test_neighbouring_slices_tell_a_nodule_from_a_vessel(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What one slice cannot show: the same voxels, seen together and one slice at a time."""
    shared = {"epochs": 5, "tile": 96, "loss": "bce_dice", "oversample": 0.8, "augment": "false"}
    shared |= {"learning_rate": 0.004, "schedule": "cosine", "base_filters": 8, "depth": 2}
    left_out = [word for n in range(10, 16) for word in ("--leave-out", f"nodules-{n:03d}")]
    dice = {}
    for model, own in (
        ("unet3d", {"slices": 16, "batch_size": 1}),
        ("unet", {"batch_size": 16}),
    ):
        both = {**shared, **own, "samples_every": 0}
        words = [word for k, v in both.items() for word in ("--set", f"{k}={v}")]
        start = ["train", "--dataset", "phantoms_nodules", "--model", model, *left_out]
        summary = command(*start, *words, "--name", f"together-{model}", capsys=capsys)
        dice[model] = summary["best"]["dice"]
    assert dice["unet3d"] > dice["unet"] + 0.2, dice
