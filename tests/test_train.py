"""Training: the same twice, exact after an interruption, and clear when it cannot continue."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from core.config import RunConfig
from core.data import open_dataset
from core.data.datasets.isbi2012 import IMAGES, LABELS
from core.errors import InputError
from core.losses import LOSSES, bce
from core.models import load_run
from core.runs import Run, create_run, open_run
from core.runs.checkpoint import load_checkpoint
from core.runs.step_log import StepLog
from core.training.extension import extend
from core.training.loop import Stopped, train

ROOT = Path(__file__).parents[1]
Config = Callable[..., RunConfig]
TIMING = ("seconds", "images_per_second")


@pytest.fixture(autouse=True)
def _own_determinism() -> Iterator[None]:
    """Training asks torch for deterministic kernels, process-wide."""
    before = torch.are_deterministic_algorithms_enabled()
    yield
    torch.use_deterministic_algorithms(before)


@pytest.fixture(scope="module")
def uninterrupted(tiny_config: Config, _own_workspace: None) -> Run:
    """Four epochs with everything random switched on, never interrupted."""
    return trained(four_epochs(tiny_config))


def four_epochs(tiny_config: Config, **changes: Any) -> RunConfig:
    options = {"base_filters": 4, "depth": 2, "dropout": 0.2}
    settings = {"tile": 48, "crops_per_image": 2, "schedule": "cosine", **changes}
    return tiny_config(
        epochs=4, model_options=options, ema=0.9, oversample=0.3, accumulate=2, **settings
    )


def trained(config: RunConfig) -> Run:
    run = create_run(config)
    train(run)
    return run


def weights(run: Run, which: str = "last") -> dict[str, torch.Tensor]:
    model: dict[str, torch.Tensor] = load_checkpoint(run.checkpoint(which))["model"]
    return model


def history(run: Run) -> list[dict[str, Any]]:
    """Without what depends on the machine's day."""
    return [{k: v for k, v in row.items() if k not in TIMING} for row in run.history]


def assert_same(one: Run, other: Run) -> None:
    assert history(one) == history(other)
    for which in ("last", "best"):
        left, right = weights(one, which), weights(other, which)
        assert left.keys() == right.keys()
        assert all(torch.equal(left[key], right[key]) for key in left)
    assert one.operating_point == other.operating_point


def after_epoch(number: int, action: Callable[[], object]) -> Callable[[dict[str, Any]], None]:
    """A report that acts when an epoch ends."""

    def report(event: dict[str, Any]) -> None:
        if event["event"] == "epoch" and event["epoch"] == number:
            action()

    return report


def test_the_same_config_twice_is_the_same_to_the_bit(
    uninterrupted: Run, tiny_config: Config
) -> None:
    assert_same(uninterrupted, trained(four_epochs(tiny_config)))


def test_another_seed_is_another_training(uninterrupted: Run, tiny_config: Config) -> None:
    other = trained(four_epochs(tiny_config, seed=1))
    assert history(other) != history(uninterrupted)


def test_a_run_explains_itself(uninterrupted: Run) -> None:
    assert uninterrupted.status["state"] == "finished"
    assert [row["epoch"] for row in uninterrupted.history] == [1, 2, 3, 4]
    assert uninterrupted.split.train == tuple(f"section-{n:02d}" for n in range(10))
    point = uninterrupted.operating_point
    assert point is not None
    assert (point.split, point.split_hash, point.n_images) == ("val", uninterrupted.split.hash, 2)
    document = uninterrupted.evaluation("val")
    assert document is not None
    assert document["threshold"] == point.threshold
    assert document["pooled"]["dice"] == pytest.approx(point.value)
    assert [row["id"] for row in document["images"]] == list(uninterrupted.split.val)


@pytest.mark.parametrize("epoch", [1, 3])
def test_stopped_and_resumed_it_ends_as_if_nothing_had_happened(
    uninterrupted: Run, tiny_config: Config, epoch: int
) -> None:
    run = create_run(four_epochs(tiny_config))
    with pytest.raises(Stopped):
        train(run, report=after_epoch(epoch, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    assert run.status["state"] == "stopped"
    assert len(run.history) == epoch
    assert run.operating_point is None
    torch.manual_seed(12345)  # whatever else the process did meanwhile
    train(run)
    assert_same(run, uninterrupted)


def test_killed_in_another_process_and_resumed_it_is_exact_too(
    uninterrupted: Run, tiny_config: Config
) -> None:
    run = create_run(four_epochs(tiny_config))
    program = (
        "import os, signal\n"
        "from core.runs import open_run\n"
        "from core.training.loop import train\n"
        "def report(event):\n"
        "    if event['event'] == 'epoch' and event['epoch'] == 2:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        f"train(open_run({run.name!r}), report=report)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert run.status["state"] == "lost"
    assert "python -m core resume" in run.status["reason"]
    with (run.path / "history.jsonl").open("a") as file:
        file.write('{"epoch": 3, "val_di')  # a line that a crash cut off
    train(run)
    assert_same(run, uninterrupted)


def test_signals_go_to_whom_they_went_before(tiny_config: Config) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    trained(tiny_config(epochs=1))
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_it_trains_outside_the_main_thread(tiny_config: Config) -> None:
    run = create_run(tiny_config(epochs=1))
    thread = threading.Thread(target=train, args=(run,))
    thread.start()
    thread.join()
    assert run.status["state"] == "finished"


def test_resuming_on_other_images_is_refused(
    tiny_config: Config, sections: Path, tmp_path: Path
) -> None:
    data = shutil.copytree(sections, tmp_path / "data")
    run = create_run(tiny_config(data=str(data)))
    with pytest.raises(Stopped):
        train(run, report=after_epoch(1, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    split = run.split
    for name in (IMAGES, LABELS):
        tifffile.imwrite(data / name, tifffile.imread(data / name)[:12], photometric="minisblack")
    with pytest.raises(InputError, match="its split would change; restore the data"):
        train(run)
    assert run.split == split


def test_resuming_a_finished_run_changes_nothing(tiny_config: Config) -> None:
    run = trained(tiny_config())
    before = {path: path.read_bytes() for path in (run.path / "checkpoints").iterdir()}
    rows, point = run.history, run.operating_point
    assert train(run)["epochs"] == 2
    assert {path: path.read_bytes() for path in (run.path / "checkpoints").iterdir()} == before
    assert (run.history, run.operating_point) == (rows, point)


def test_patience_ends_it_early(tiny_config: Config) -> None:
    # The step is so small that no epoch beats the first.
    run = trained(tiny_config(epochs=30, patience=2, learning_rate=1e-12, augment=False,
                              model_options={"base_filters": 4, "depth": 2,
                                             "normalization": "none"}))  # fmt: skip
    best = int(np.argmax([row["val_dice"] for row in run.history])) + 1
    assert len(run.history) == best + 2 < 30


@pytest.mark.parametrize("monitor", ["dice", "loss", "iou"])
def test_the_best_checkpoint_is_of_the_best_epoch(tiny_config: Config, monitor: str) -> None:
    run = create_run(tiny_config(epochs=5, monitor=monitor, learning_rate=0.05))
    kept: dict[int, dict[str, torch.Tensor]] = {}

    def keep(event: dict[str, Any]) -> None:
        if event["event"] == "epoch":
            kept[event["epoch"]] = weights(run)

    summary = train(run, report=keep)
    values = [row[f"val_{monitor}"] for row in run.history]
    best = int(np.argmin(values) if monitor == "loss" else np.argmax(values)) + 1
    assert summary["best_epoch"] == best
    assert run.summary()["best_epoch"] == best
    assert load_checkpoint(run.checkpoint("best"))["epoch"] == best
    assert all(torch.equal(v, kept[best][k]) for k, v in weights(run, "best").items())


def test_the_best_few_keep_a_checkpoint(tiny_config: Config) -> None:
    run = trained(tiny_config(epochs=5, keep_best=2, learning_rate=0.05))
    values = [row["val_dice"] for row in run.history]
    best = sorted(range(5), key=lambda n: -values[n])[:2]
    kept = sorted(path.stem for path in run.checkpoint("best").parent.glob("best-*"))
    assert kept == sorted(f"best-{n + 1:04d}" for n in best)
    for n in best:
        assert load_checkpoint(run.checkpoint(f"best-{n + 1:04d}"))["epoch"] == n + 1
    best_one = weights(run, f"best-{best[0] + 1:04d}")
    assert all(torch.equal(v, best_one[k]) for k, v in weights(run, "best").items())


def test_the_checkpoint_before_the_last_is_kept(uninterrupted: Run) -> None:
    assert load_checkpoint(uninterrupted.checkpoint("last-1"))["epoch"] == 3


def test_the_average_is_validated_and_kept_and_the_weights_that_learn_too(
    uninterrupted: Run, tiny_config: Config
) -> None:
    document = load_checkpoint(uninterrupted.checkpoint("last"))
    assert any(not torch.equal(v, document["fitted"][k]) for k, v in document["model"].items())
    plain = trained(four_epochs(tiny_config).with_settings({"ema": 0.0}, {}))
    assert "fitted" not in load_checkpoint(plain.checkpoint("last"))
    fitted = weights(plain)
    assert all(torch.equal(v, fitted[k]) for k, v in document["fitted"].items())
    assert [r["train_loss"] for r in plain.history] == [
        r["train_loss"] for r in uninterrupted.history
    ]
    assert history(plain) != history(uninterrupted), "validation reads the average"


def test_every_step_is_logged(uninterrupted: Run) -> None:
    rows = StepLog(uninterrupted.path).rows
    assert [row["step"] for row in rows] == list(range(1, 17))
    assert [row["epoch"] for row in rows] == [n for n in (1, 2, 3, 4) for _ in range(4)]
    for n, epoch in enumerate(uninterrupted.history):
        own = rows[4 * n : 4 * n + 4]
        assert np.mean([row["loss"] for row in own]) == pytest.approx(epoch["train_loss"])
        assert own[-1]["learning_rate"] == epoch["learning_rate"]


def test_a_step_log_is_cut_where_the_checkpoint_ends(tmp_path: Path) -> None:
    log = StepLog(tmp_path)
    for epoch in (1, 2, 3):
        log.append(epoch, [0.5, 0.25], [0.1, 0.1])
    with log.path.open("a") as file:
        file.write('{"epoch": 4, "st')  # a line that a crash cut off
    log.cut(2)
    assert [(row["epoch"], row["step"]) for row in log.rows] == [(1, 1), (1, 2), (2, 3), (2, 4)]


def test_steps_of_an_epoch_without_a_checkpoint_are_cut(
    uninterrupted: Run, tiny_config: Config
) -> None:
    run = create_run(four_epochs(tiny_config))
    StepLog(run.path).append(1, [9.0] * 4, [0.1] * 4)  # killed before its first checkpoint
    train(run)
    assert StepLog(run.path).rows == StepLog(uninterrupted.path).rows


def test_pictures_show_how_it_learns(tiny_config: Config) -> None:
    run = trained(tiny_config(epochs=4, samples_every=3))
    names = {path.name for path in (run.path / "samples").iterdir()}
    numbers = ("1", "2")
    assert names == {
        f"{what}-{n}.png" for what in ("image", "truth", "1", "3", "4") for n in numbers
    }
    trained_model = load_run(run)
    opened = open_dataset("isbi2012", Path(str(run.config.data)))
    for n, sample in enumerate(trained_model.samples(opened, "val"), start=1):
        truth = np.asarray(Image.open(run.path / "samples" / f"truth-{n}.png"))
        assert np.array_equal(truth > 0, opened.truth(sample) > 0)
        shown = np.asarray(Image.open(run.path / "samples" / f"4-{n}.png"))
        assert shown.dtype == np.uint8
        if load_checkpoint(run.checkpoint("best"))["epoch"] == 4:
            levels = trained_model.predictor.levels(opened.image(sample))
            assert np.array_equal(shown, np.rint(levels * 0.255).astype(np.uint8))
    without = trained(tiny_config(epochs=1, samples_every=0))
    assert list((without.path / "samples").iterdir()) == []


def test_the_summary_has_the_promised_keys(tiny_config: Config) -> None:
    run = create_run(tiny_config())
    summary = train(run)
    assert summary["run"] == run.name
    assert summary["epochs"] == 2
    assert summary["checkpoint"] == str(run.checkpoint("best"))
    assert summary["seconds"] > 0
    assert summary["images_per_second"] > 0
    assert summary["best"]["epoch"] == summary["best_epoch"]
    assert summary["best"]["dice"] == pytest.approx(summary["best"]["val_dice"], abs=1e-6)


def test_a_loss_that_is_no_number_is_refused_with_advice(tiny_config: Config) -> None:
    config = tiny_config(optimizer="sgd", learning_rate=1e30, precision="fp32")
    run = create_run(config)
    with pytest.raises(InputError, match=r"epoch [12]; .*--set learning_rate=1e\+29"):
        train(run)
    assert run.status["state"] == "failed"
    assert "learning_rate" in run.status["reason"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": "/nowhere"}, "/nowhere: no such folder"),
        ({"loss": "dise"}, "unknown loss 'dise'"),
        ({"model": "nonet"}, "unknown model 'nonet'"),
        ({"model_options": {"normalization": "layer"}}, "unknown normalization 'layer'"),
    ],
)
def test_a_failed_run_says_why(tiny_config: Config, changes: dict[str, Any], message: str) -> None:
    run = create_run(tiny_config(**changes))
    with pytest.raises(InputError, match=message):
        train(run)
    assert run.status["state"] == "failed"
    assert message in run.status["reason"]


def test_a_fault_of_ours_is_kept_with_its_kind(tiny_config: Config) -> None:
    run = create_run(tiny_config())

    def fail() -> None:
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError):
        train(run, report=after_epoch(1, fail))
    assert run.status["reason"] == "ZeroDivisionError: a bug"


def test_a_damaged_checkpoint_is_not_trained_over(tiny_config: Config) -> None:
    run = trained(tiny_config(epochs=1))
    run.checkpoint("last").write_bytes(b"ISOLINE1 and then nothing")
    with pytest.raises(InputError, match="the checkpoint is damaged"):
        train(open_run(run.name))


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "sgd", "momentum": 0.9},
        {"augment": False},
        {"augment": False, "tile": 32},
        {"precision": "fp32"},
        {"loss": "bce_dice"},
        {"size": 32},
        {"tile": 32, "crops_per_image": 3},
        {"tile": 999},
        {"batch_size": 100},
        {"schedule": "cosine"},
        {"optimizer": "adamw", "weight_decay": 0.01, "schedule": "poly"},
        {"schedule": "one_cycle", "clip_norm": 1.0},
        {"schedule": "plateau", "monitor": "soft_dice"},
        {"warmup_epochs": 1.5, "ema": 0.5},
        {"oversample": 0.5, "tile": 32, "accumulate": 3},
        {"model": "unet3p", "deep_supervision": True, "epochs": 3},
    ],
    ids="-".join,
)
def test_every_way_to_train_falls_in_loss(tiny_config: Config, changes: dict[str, Any]) -> None:
    run = trained(tiny_config(**{"epochs": 5, "learning_rate": 0.03, **changes}))
    losses = [row["train_loss"] for row in run.history]
    assert losses[-1] < losses[0]
    rates = [row["learning_rate"] for row in run.history]
    assert (rates[-1] < rates[0] / 2) == (run.config.schedule in ("cosine", "poly", "one_cycle"))


def test_bfloat16_trains_and_is_not_float32(tiny_config: Config) -> None:
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("no bfloat16 on this processor")
    half, full = (trained(tiny_config(epochs=4, precision=p)) for p in ("bf16", "fp32"))
    for run in (half, full):
        assert run.history[-1]["train_loss"] < run.history[0]["train_loss"]
        assert all(value.dtype != torch.bfloat16 for value in weights(run).values())
    assert half.history[0]["train_loss"] != full.history[0]["train_loss"]
    assert half.history[0]["train_loss"] == pytest.approx(full.history[0]["train_loss"], rel=0.05)


def test_it_learns_the_phantoms(tiny_config: Config) -> None:
    options = {"base_filters": 8, "depth": 2}
    run = trained(tiny_config(epochs=10, learning_rate=0.02, model_options=options))
    everything_foreground = 2 * 0.78 / 1.78  # Dice of a network that has learned nothing
    assert run.history[-1]["val_dice"] > everything_foreground + 0.03
    assert run.history[-1]["val_loss"] < run.history[0]["val_loss"]


def test_every_epoch_shows_every_image_once_in_another_order(
    tiny_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []

    def watched(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        seen.append(float(target.sum()))
        return bce(logits, target)

    monkeypatch.setitem(LOSSES, "watched", replace(LOSSES["bce"], loss=watched))
    trained(tiny_config(loss="watched", batch_size=1, augment=False))
    first, second = seen[:10], seen[12:22]  # two validation images after each epoch
    assert len(set(first)) > 5
    assert sorted(first) == sorted(second)
    assert first != second
    assert first != sorted(first)


def test_epochs_shorter_than_a_beat_are_told_of_too(tiny_config: Config) -> None:
    told: list[dict[str, Any]] = []
    run = create_run(tiny_config(epochs=60))
    train(run, report=told.append)
    steps = [event for event in told if event["event"] == "step"]
    each = run.history[30]["seconds"]
    assert len(steps) >= min(2, int(60 * each) - 1)
    assert sorted({event["epoch"] for event in steps}) == [event["epoch"] for event in steps]


def test_progress_is_reported_about_once_a_second(tiny_config: Config) -> None:
    events: list[tuple[float, dict[str, Any]]] = []
    run = create_run(tiny_config(epochs=3, crops_per_image=30, batch_size=5))
    train(run, report=lambda event: events.append((time.monotonic(), event)))
    steps = [(moment, event) for moment, event in events if event["event"] == "step"]
    gaps = np.diff([moment for moment, _ in steps])
    assert (gaps > 0.9).all()
    for _, event in steps:
        assert event["seconds_left"] > 0
        assert event["images_per_second"] > 0
        assert 0 <= event["step"] < event["steps"] == 60
    assert [e["epoch"] for _, e in events if e["event"] == "epoch"] == [1, 2, 3]


@pytest.mark.parametrize("name", ["train-volume.tif", "train-labels.tif"])
def test_a_pixel_changed_between_run_and_resume_is_refused(
    tiny_config: Callable[..., RunConfig], sections: Path, tmp_path: Path, name: str
) -> None:
    data = shutil.copytree(sections, tmp_path / "data")
    run = create_run(tiny_config(data=str(data), epochs=1))
    train(run)
    weights = run.checkpoint("last").read_bytes()
    original = (data / name).read_bytes()
    stack = tifffile.imread(data / name)
    stack[4, 10, 20] = 255 - stack[4, 10, 20]
    tifffile.imwrite(data / name, stack, photometric="minisblack")
    extend(run, 2)
    with pytest.raises(InputError, match=r"an image or mask has changed since run .* restore"):
        train(run)
    assert run.checkpoint("last").read_bytes() == weights
    (data / name).write_bytes(original)
    assert train(run)["epochs"] == 2, "with the data as it was it resumes"
