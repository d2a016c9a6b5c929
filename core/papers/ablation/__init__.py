"""What makes it better: one small baseline of a data set, and variants that change one thing each.

    python -m core ablation run --dataset dsb2018 --data PATH
    python -m core ablation report --markdown docs/ablation.md

The runs are ordinary ones under the tag ``ablation:<data set>``; asked again, what is finished is
kept. Variants of prediction train nothing: they look at the baseline's runs in another way. To try
another change, add a line to ``VARIANTS``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.config import RunConfig
from core.data import info_of, open_dataset
from core.data.importing import imported_path
from core.errors import InputError, choose
from core.papers.presets import Preset, load_preset, preset_names
from core.papers.tagged import (
    Say,
    evaluate_test,
    is_over,
    make_tagged_run,
    same_training,
    stamp,
    tagged_runs,
)
from core.runs import Run
from core.runs.variants import changed
from core.system.files import read_json, write_json
from core.threshold.postprocessing import PostProcessing

if TYPE_CHECKING:
    from core.models import TrainedModel
    from core.threshold.operating_point import OperatingPoint

TAG = "ablation:"
"""Starts the tag of the runs of a data set."""
VARIANT = "variant:"
"""Starts the tag that says which variant a run is."""
BASELINE = "baseline"
STANDS_IN = "best-dsb2018"
"""The preset of a data set that has none."""
SMALL: dict[str, Any] = {
    "model": "unet",
    "model_options": {"base_filters": 16, "normalization": "batch"},
    "target": "foreground",
    "size": 128,
    "tile": None,
    "crops_per_image": 1,
    "oversample": 0.0,
    "loss": "bce_dice",
    "loss_options": {},
    "deep_supervision": False,
    "batch_size": 8,
    "schedule": "cosine",
    "warmup_epochs": 0.0,
    "ema": 0.0,
    "accumulate": 1,
    "allow_accumulation": True,
    "patience": 0,
    "monitor": "dice",
    "keep_best": 1,
    "samples_every": 0,
    "augment": True,
    "split_seed": 0,
    "folds": 0,
    "fold": 0,
    "extensions": [],
}
"""What every baseline has; the rest is from the best preset of the data set."""
EPOCHS = {"dsb2018": 6, "busi": 16}
"""About 350 steps of eight images."""
DEFAULT_EPOCHS = 10

Document = dict[str, Any]
Evaluations = dict[str, Document]
"""Part → evaluation."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One change to the baseline."""

    title: str
    """What changes, and into what."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Settings as ``--set`` takes them; without any predictions of the baseline's runs differ."""
    views: str = ""
    """Test-time augmentation, key of ``core.inference.uncertainty.VIEWS``."""
    threshold: float | None = None
    """In place of the operating point."""

    def config(self, baseline: RunConfig) -> RunConfig:
        """The baseline with the change.

        Raises:
            InputError: The network is not installed.
        """
        try:
            return changed(baseline, self.changes) if self.changes else baseline
        except ImportError as fault:
            raise InputError(
                f"{self.title}: {fault.name} is not installed; choose others with --variant"
            ) from fault


VARIANTS: dict[str, Variant] = {
    "loss-bce": Variant(title="Loss: cross-entropy alone", changes={"loss": "bce"}),
    "loss-dice": Variant(title="Loss: Dice alone", changes={"loss": "dice"}),
    "loss-focal-tversky": Variant(title="Loss: focal Tversky", changes={"loss": "focal_tversky"}),
    "no-augmentation": Variant(title="Augmentation: none", changes={"augment": False}),
    "size-256": Variant(title="Input: 256 × 256", changes={"size": 256}),
    "encoder-resnet18": Variant(
        title="Network: U-Net on ResNet-18, fresh weights",
        changes={"model": "smp/unet/resnet18", "encoder_weights": "none"},
    ),
    "ema": Variant(title="Weights: averaged (EMA 0.999)", changes={"ema": 0.999}),
    "views-flips": Variant(title="Prediction: mean of 4 flipped views", views="flips"),
    "threshold-half": Variant(title="Prediction: threshold 0.5, no operating point", threshold=0.5),
}


def best_preset(dataset: str) -> Preset:
    """What we would use for a data set; that for nuclei where none is its own."""
    own = f"best-{dataset}"
    return load_preset(own if own in preset_names() else STANDS_IN)


def baseline(dataset: str, *, data: Path | None = None, epochs: int | None = None) -> RunConfig:
    """The small baseline of a data set.

    Args:
        dataset: Key of ``DATASETS``.
        data: The person's copy; None takes the imported one.
        epochs: Other than the typical.

    Raises:
        InputError: The data is not there or has several classes.
    """
    path = data.resolve() if data else imported_path(dataset)
    open_dataset(dataset, path)  # refused before anything is trained
    return replace(
        best_preset(dataset).config,
        **SMALL,
        dataset=dataset,
        data=str(path) if path else None,
        epochs=epochs or EPOCHS.get(dataset, DEFAULT_EPOCHS),
        seed=0,
    )


def missing(base: RunConfig, *, seeds: int, variants: Sequence[str]) -> list[Run]:
    """The runs that still have to be trained, all variants of a seed before the next seed.

    They are made where they are not there yet.

    Raises:
        InputError: No seed, an unknown variant or a network that is not installed.
    """
    if seeds < 1:
        raise InputError(f"--seeds takes at least 1, found {seeds}")
    configs = {BASELINE: base}
    for name in variants:
        variant = choose("variant", name, VARIANTS)
        if variant.changes:
            configs[name] = variant.config(base)
    known = tagged_runs(TAG + base.dataset)
    runs = []
    for seed in range(seeds):
        for name, config in configs.items():
            wanted = replace(config, seed=seed)
            found = [one.run for one in known if same_training(one.config, wanted)]
            runs.append(found[-1] if found else _make(name, wanted))
    return [run for run in runs if not is_over(run)]


def _make(name: str, config: RunConfig) -> Run:
    return make_tagged_run(
        config,
        name=f"ablation-{info_of(config.dataset).file_name}-{name}-seed{config.seed}",
        tags=(TAG + config.dataset, VARIANT + name),
        group=f"ablation-{config.dataset}",
        note="The baseline" if name == BASELINE else VARIANTS[name].title,
    )


def finished_runs(dataset: str) -> dict[str, dict[int, Run]]:
    """Variant → seed → run, of what the latest finished baseline is compared with.

    Empty where no baseline is finished; a variant without a finished run is left out.
    """
    over = [one for one in tagged_runs(TAG + dataset) if is_over(one.run)]
    bases = [one for one in over if VARIANT + BASELINE in one.tags]
    if not bases:
        return {}
    base = replace(bases[-1].config, seed=0)
    found: dict[str, dict[int, Run]] = {}
    for name in (BASELINE, *VARIANTS):
        variant = VARIANTS.get(name, Variant(title=name))
        own = [one for one in over if VARIANT + name in one.tags]
        if name != BASELINE and (not own or not variant.changes):
            continue
        config = variant.config(base)
        same = [one for one in own if same_training(replace(one.config, seed=0), config)]
        if same:
            found[name] = {one.config.seed: one.run for one in same}
    return found


def evaluations(run: Run, *, say: Say) -> Evaluations:
    """A run as it was trained, on validation and test, at its own operating point.

    Raises:
        InputError: Its data is gone or damaged.
    """
    from core.models import load_run

    val = run.evaluation("val")
    assert val is not None, "a run that is over has one"
    return {"val": val, "test": evaluate_test(run, load_run(run), say=say)}


def predicted_otherwise(run: Run, name: str, *, say: Say) -> Evaluations:
    """A run of the baseline as a variant of prediction sees it; kept in the run's folder.

    Raises:
        InputError: Its data is gone or damaged.
    """
    from core.evaluation.of_model import assess_model
    from core.models import load_run

    file = run.path / "ablation" / f"{name}.json"
    if file.exists():
        document: Document = read_json(file)
        if document["stamp"] == stamp(run):
            return {part: document[part] for part in ("val", "test")}
    say(f"{run.name}: {VARIANTS[name].title}")
    variant, trained = VARIANTS[name], load_run(run)
    point = _point(trained, variant)
    data = Path(trained.config.data) if trained.config.data else None
    found: Evaluations = {
        part: assess_model(
            replace(trained, operating_point=point), part, data=data, views=variant.views
        ).document
        for part in ("val", "test")
    }
    file.parent.mkdir(exist_ok=True)
    write_json(file, {"stamp": stamp(run), **found})
    return found


def _point(trained: "TrainedModel", variant: Variant) -> "OperatingPoint":
    """The threshold of a variant of prediction: fixed, or chosen on validation by the same rule."""
    from core.evaluation.assess import choose_on_validation
    from core.inference.uncertainty import averaged_views

    point, config = trained.operating_point, trained.config
    if variant.threshold is not None:
        fixed = f"fixed at {variant.threshold:g}"
        return replace(
            point, threshold=variant.threshold, name=fixed, post_processing=PostProcessing()
        )
    opened = open_dataset(config.dataset, Path(config.data) if config.data else None)
    chosen, _ = choose_on_validation(
        averaged_views(trained.predictor.probability, variant.views),
        opened,
        trained.samples(opened, "val"),
        rule=point.rule,
        split="val",
        dataset=config.dataset,
        split_hash=trained.split.hash,
    )
    return chosen
